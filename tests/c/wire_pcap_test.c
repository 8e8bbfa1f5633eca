/* Capture files as a wire: what is written is read again, and no file does harm. */
#include "tests/c/wire_support.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char directory[64];

static int make_directory(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/ixy-pcap-XXXXXX");
    return mkdtemp(directory) != NULL ? 0 : -1;
}

static int remove_directory(void **state)
{
    static const char *const names[] = {"a.pcap", "b.pcap", "fifo", "link"};
    char path[128];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        (void)unlink(path);
    }
    return rmdir(directory);
}

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

/* "wire=pcap," and key=DIRECTORY/name once or twice. */
static const char *options_of(const char *key, const char *name, const char *other_key, const char *other)
{
    static char options[300];
    int used = snprintf(options, sizeof options, "wire=pcap,%s=%s/%s", key, directory, name);
    if (other_key != NULL)
        snprintf(options + used, sizeof options - (size_t)used, ",%s=%s/%s", other_key, directory, other);
    return options;
}

static void write_file(const char *name, const uint8_t *bytes, size_t size)
{
    FILE *file = fopen(path_of(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static size_t read_file(const char *name, uint8_t *bytes, size_t room)
{
    FILE *file = fopen(path_of(name), "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, room, file);
    assert_true(size < room);
    fclose(file);
    return size;
}

static void put32(uint8_t *to, uint32_t value, bool swapped)
{
    value = swapped ? __builtin_bswap32(value) : value;
    memcpy(to, &value, 4);
}

/* A capture of frames with these lengths; byte i of frame n is n + i. */
static size_t make_capture(uint8_t *bytes, uint32_t magic, bool swapped, const uint32_t *lengths, uint32_t count)
{
    uint16_t version[2] = {2, 4};
    if (swapped) {
        version[0] = __builtin_bswap16(version[0]);
        version[1] = __builtin_bswap16(version[1]);
    }
    memset(bytes, 0, 24);
    put32(bytes, magic, swapped);
    memcpy(bytes + 4, version, 4);
    put32(bytes + 16, 65535, swapped);
    put32(bytes + 20, 1, swapped);
    size_t size = 24;
    for (uint32_t n = 0; n < count; n++) {
        put32(bytes + size, 1700000000 + n, swapped);
        put32(bytes + size + 4, 999, swapped);
        put32(bytes + size + 8, lengths[n], swapped);
        put32(bytes + size + 12, lengths[n] + n, swapped); /* those after the first were cut by the capture */
        size += 16;
        for (uint32_t i = 0; i < lengths[n]; i++)
            bytes[size++] = (uint8_t)(n + i);
    }
    return size;
}

static void test_reads_every_kind(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {60, 61, 1514, 42, 14, WIRE_FRAME_MAX}, count = 6;
    static uint8_t bytes[40000];
    for (int kind = 0; kind < 4; kind++) {
        size_t size = make_capture(bytes, kind % 2 == 0 ? 0xa1b2c3d4u : 0xa1b23c4du, kind >= 2, lengths, count);
        write_file("a.pcap", bytes, size);
        struct wire *wire = wire_test_open(options_of("in", "a.pcap", NULL, NULL));
        assert_true(wire->waits);
        for (uint32_t n = 0; n < count; n++) {
            uint32_t len = 0;
            const uint8_t *frame = wire->ops->peek(wire, &len);
            assert_non_null(frame);
            assert_int_equal(len, lengths[n] < 60 ? 60 : lengths[n]); /* short ones padded, as a sender does */
            for (uint32_t i = 0; i < len; i++)
                assert_int_equal(frame[i], i < lengths[n] ? (uint8_t)(n + i) : 0);
            assert_ptr_equal(wire->ops->peek(wire, &len), frame); /* stays until consume */
            wire->ops->transmit(wire, frame, len);                /* goes nowhere */
            wire->ops->consume(wire);
        }
        uint32_t len;
        assert_null(wire->ops->peek(wire, &len));
        assert_null(wire->ops->peek(wire, &len));
        assert_int_equal(wire_test_counters(wire).wire_dropped, 0);
        wire->ops->close(wire);
    }
    write_file("a.pcap", bytes, 24); /* no frames, and no error */
    struct wire *wire = wire_test_open(options_of("in", "a.pcap", NULL, NULL));
    uint32_t len;
    assert_null(wire->ops->peek(wire, &len));
    wire->ops->close(wire);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct wire *wire = wire_test_open(options_of("out", "a.pcap", NULL, NULL));
    static uint8_t frame[WIRE_FRAME_MAX];
    uint32_t len;
    time_t before = time(NULL);
    for (uint32_t n = 0; n < 500; n++) {
        memset(frame, (int)n, sizeof frame);
        wire->ops->transmit(wire, frame, n == 77 ? WIRE_FRAME_MAX : 60 + n);
        assert_null(wire->ops->peek(wire, &len));
    }
    wire->ops->transmit(wire, frame, WIRE_FRAME_MAX + 1); /* no wire takes that */
    assert_int_equal(wire_test_counters(wire).wire_dropped, 1);
    wire->ops->close(wire);

    static uint8_t bytes[400000];
    size_t size = read_file("a.pcap", bytes, sizeof bytes);
    uint32_t first[4], magic;
    memcpy(&magic, bytes, 4);
    assert_int_equal(magic, 0xa1b23c4du);
    memcpy(first, bytes + 24, 16);
    assert_true(first[0] >= before && first[0] <= time(NULL) && first[1] < 1000000000);
    assert_int_equal(size, 24 + 500 * 16 + 500 * 60 + 499 * 500 / 2 + WIRE_FRAME_MAX - 137);

    /* and through the wire once more: the same frames */
    wire = wire_test_open(options_of("in", "a.pcap", "out", "b.pcap"));
    const uint8_t *got;
    uint32_t n = 0;
    while ((got = wire->ops->peek(wire, &len)) != NULL) {
        assert_int_equal(len, n == 77 ? WIRE_FRAME_MAX : 60 + n);
        memset(frame, (int)n, sizeof frame);
        assert_memory_equal(got, frame, len);
        wire->ops->transmit(wire, got, len);
        wire->ops->consume(wire);
        n++;
    }
    assert_int_equal(n, 500);
    wire->ops->close(wire);
    static uint8_t again[400000];
    assert_int_equal(read_file("b.pcap", again, sizeof again), size);
    for (size_t at = 24; at < size;) {
        memcpy(&len, bytes + at + 8, 4);
        assert_memory_equal(again + at + 8, bytes + at + 8, 8 + len);
        at += 16 + len;
    }
}

/* A reader of the file finds whole records at any moment, and soon. */
static void test_whole_records(void **state)
{
    (void)state;
    static uint8_t bytes[400000], frame[1514];
    struct wire *wire = wire_test_open(options_of("out", "a.pcap", NULL, NULL));
    assert_int_equal(read_file("a.pcap", bytes, sizeof bytes), 24);
    for (int n = 0; n < 200; n++) {
        wire->ops->transmit(wire, frame, 1000);
        assert_int_equal((read_file("a.pcap", bytes, sizeof bytes) - 24) % 1016, 0);
    }
    size_t size = read_file("a.pcap", bytes, sizeof bytes);
    assert_true(size > 24 + 100 * 1016 && size < 24 + 200 * 1016);
    uint32_t len;
    wire->now = 1000000000u;
    wire->ops->peek(wire, &len);
    assert_int_equal(read_file("a.pcap", bytes, sizeof bytes), 24 + 200 * 1016);
    wire->ops->close(wire);
}

static void test_refused(void **state)
{
    (void)state;
    static uint8_t bytes[5000];
    static const uint32_t lengths[] = {60, 100, 1514};
    wire_test_refused("wire=pcap", IXY_E_ADDRESS, "in=FILE", "out=FILE");
    wire_test_refused(options_of("in", "none.pcap", NULL, NULL), IXY_E_NOT_FOUND, path_of("none.pcap"), "No such file");
    wire_test_refused(options_of("in", "", NULL, NULL), IXY_E_ADDRESS, directory, "not a regular file");
    wire_test_refused(options_of("out", "no/such.pcap", NULL, NULL), IXY_E_NOT_FOUND, "no/such.pcap", "No such file");
    wire_test_refused(options_of("out", "", NULL, NULL), IXY_E_IO, directory, "directory");
    wire_test_refused("wire=pcap,out=/dev/full", IXY_E_IO, "/dev/full", "No space left");
    wire_test_refused("wire=pcap,in=/dev/zero", IXY_E_ADDRESS, "/dev/zero", "not a regular file");
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
    wire_test_refused(options_of("in", "fifo", NULL, NULL), IXY_E_ADDRESS, "fifo", "not a regular file");
    wire_test_refused(options_of("out", "fifo", NULL, NULL), IXY_E_NOT_FOUND, "fifo", "for writing");

    size_t size = make_capture(bytes, 0xa1b2c3d4u, false, lengths, 3);
    write_file("a.pcap", bytes, size);
    wire_test_refused(options_of("in", "a.pcap", "out", "a.pcap"), IXY_E_ADDRESS, "same file", "a.pcap");
    char original[128];
    strcpy(original, path_of("a.pcap"));
    assert_int_equal(symlink(original, path_of("link")), 0);
    wire_test_refused(options_of("in", "a.pcap", "out", "link"), IXY_E_ADDRESS, "same file", "link");
    static uint8_t after[5000];
    assert_int_equal(read_file("a.pcap", after, sizeof after), size); /* not emptied */
    assert_memory_equal(after, bytes, size);
}

/* One thing wrong a file. */
static void test_corrupt(void **state)
{
    (void)state;
    static const struct {
        uint32_t at, value, size; /* what to put where; size: where to cut, 0: nowhere */
        int32_t code;
        const char *piece;
    } cases[] = {
        {0, 0x0a0d0d0a, 0, IXY_E_ADDRESS, "pcapng"},
        {0, 0xa1b2c3d5, 0, IXY_E_ADDRESS, "begins with 0xa1b2c3d5"},
        {0, 0, 0, IXY_E_ADDRESS, "no pcap file"},
        {4, 0x00040001, 0, IXY_E_ADDRESS, "version 1"},
        {20, 0, 0, IXY_E_ADDRESS, "link type 0"},
        {20, 113, 0, IXY_E_ADDRESS, "link type 113"},
        {20, 0x10000001, 0, IXY_E_ADDRESS, "Ethernet"},
        {16, 0, 1, IXY_E_ADDRESS, "1 bytes"},
        {16, 0, 23, IXY_E_ADDRESS, "23 bytes"},
        {16, 0, 25, IXY_E_IO, "record 1 is cut off: 1 of its header's 16"},
        {16, 0, 39, IXY_E_IO, "record 1 is cut off: 15 of its header's 16"},
        {16, 0, 40, IXY_E_IO, "record 1 is cut off: 0 of its frame's 60"},
        {16, 0, 99, IXY_E_IO, "record 1 is cut off: 59 of its frame's 60"},
        {16, 0, 101, IXY_E_IO, "record 2 is cut off: 1 of"},
        {16, 0, 1745, IXY_E_IO, "record 3 is cut off: 1513 of its frame's 1514"},
        {32, 0, 0, IXY_E_IO, "record 1 claims 0 bytes"},
        {32, 13, 0, IXY_E_IO, "record 1 claims 13 bytes"},
        {32, 61, 0, IXY_E_IO, "record 1 claims 61 bytes of a frame of 60"},
        {32, WIRE_FRAME_MAX + 1, 0, IXY_E_IO, "record 1 claims 16385 bytes"},
        {32, 0xffffffff, 0, IXY_E_IO, "record 1 claims 4294967295 bytes"},
        {32, 0x80000000, 0, IXY_E_IO, "record 1 claims 2147483648 bytes"},
        {36, 59, 0, IXY_E_IO, "record 1 claims 60 bytes of a frame of 59"},
        {108, 99, 0, IXY_E_IO, "record 3 claims"},
        {224, 1515, 0, IXY_E_IO, "record 3 is cut off: 1514 of its frame's 1515"},
    };
    static const uint32_t lengths[] = {60, 100, 1514};
    static uint8_t bytes[5000];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int swapped = 0; swapped < 2; swapped++) {
            size_t size = make_capture(bytes, 0xa1b23c4du, swapped != 0, lengths, 3);
            uint32_t value = cases[i].value;
            if (cases[i].at == 4)
                value = swapped != 0 ? __builtin_bswap32(0x00010004) : value;
            else if (cases[i].at == 0 && swapped != 0)
                continue; /* told by its own order */
            put32(bytes + cases[i].at, value, swapped != 0 && cases[i].at != 4);
            write_file("a.pcap", bytes, cases[i].size != 0 ? cases[i].size : size);
            wire_test_refused(options_of("in", "a.pcap", NULL, NULL), cases[i].code, path_of("a.pcap"), cases[i].piece);
        }
    }
}

/* Any single wrong byte, any cut: opened or refused, and what is opened is read to its end. */
static void test_any_wrong_byte(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {60, 14, 64};
    static const uint8_t wrong[] = {0x01, 0x80, 0xff};
    static uint8_t bytes[5000];
    size_t size = make_capture(bytes, 0xa1b23c4du, false, lengths, 3);
    uint32_t opened = 0, refused = 0;
    for (size_t at = 0; at < size * 4; at++) {
        bytes[at % size] ^= at < size * 3 ? wrong[at / size] : 0;
        write_file("a.pcap", bytes, at < size * 3 ? size : at - size * 3);
        bytes[at % size] ^= at < size * 3 ? wrong[at / size] : 0;
        struct wire *wire;
        int32_t result = wire_test_try(options_of("in", "a.pcap", NULL, NULL), true, &wire);
        if (result != 0) {
            assert_true(result == IXY_E_IO || result == IXY_E_ADDRESS);
            assert_non_null(strstr(error_text(), path_of("a.pcap")));
            refused++;
            continue;
        }
        uint32_t len, frames = 0;
        while (wire->ops->peek(wire, &len) != NULL) {
            assert_in_range(len, 60, WIRE_FRAME_MAX);
            wire->ops->consume(wire);
            frames++;
        }
        assert_in_range(frames, 0, 3);
        wire->ops->close(wire);
        opened++;
    }
    assert_true(opened > 100 && refused > 100);
}

/* A file that changes after it was checked is at its end where it is wrong. */
static void test_file_that_changes(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {14000, 14000, 14000};
    static uint8_t bytes[50000];
    for (int how = 0; how < 2; how++) {
        size_t size = make_capture(bytes, 0xa1b23c4du, false, lengths, 3);
        write_file("a.pcap", bytes, size);
        struct wire *wire = wire_test_open(options_of("in", "a.pcap", NULL, NULL));
        uint32_t len, frames = 0;
        if (how == 0) {
            assert_int_equal(truncate(path_of("a.pcap"), 24 + 14016 + 100), 0);
        } else {
            put32(bytes + 24 + 14016 + 8, 0xfffffff0u, false);
            write_file("a.pcap", bytes, size);
        }
        while (wire->ops->peek(wire, &len) != NULL) {
            assert_int_equal(len, 14000);
            wire->ops->consume(wire);
            frames++;
        }
        assert_int_equal(frames, 1);
        wire->ops->close(wire);
    }
}

static void test_full_disk(void **state)
{
    (void)state;
    static uint8_t frame[1000];
    struct wire *wire = wire_test_open("wire=pcap,out=/dev/null");
    for (int n = 0; n < 1000; n++)
        wire->ops->transmit(wire, frame, sizeof frame);
    wire->now = 1000000000u;
    uint32_t len;
    wire->ops->peek(wire, &len);
    assert_int_equal(wire_test_counters(wire).wire_dropped, 0);
    wire->ops->close(wire);

    /* The disk is full for a while, and in the middle of a record: a limit stands for it. */
    struct rlimit limit, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    void (*kept)(int) = signal(SIGXFSZ, SIG_IGN);
    wire = wire_test_open(options_of("out", "a.pcap", NULL, NULL));
    for (int n = 0; n < 10; n++)
        wire->ops->transmit(wire, frame, sizeof frame);
    small = limit;
    small.rlim_cur = 24 + 5 * 1016 + 100;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    wire->now = 2000000000u;
    wire->ops->peek(wire, &len);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(wire_test_counters(wire).wire_dropped, 10);
    struct stat file;
    assert_int_equal(stat(path_of("a.pcap"), &file), 0);
    assert_int_equal(file.st_size, 24); /* no part of a record */
    wire->ops->transmit(wire, frame, sizeof frame);
    wire->ops->close(wire);
    signal(SIGXFSZ, kept);
    static uint8_t bytes[5000];
    assert_int_equal(read_file("a.pcap", bytes, sizeof bytes), 24 + 1016);
    memcpy(&len, bytes + 24 + 8, 4);
    assert_int_equal(len, sizeof frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_every_kind),  cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_whole_records),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_corrupt),           cmocka_unit_test(test_any_wrong_byte),
        cmocka_unit_test(test_file_that_changes), cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
