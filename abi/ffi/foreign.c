#include "abi/ffi/foreign.h"

#include <dlfcn.h>
#include <errno.h>
#include <ffi.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOREIGN_NAME_MAX 48
#define FOREIGN_WORDS_MAX (3 + FOREIGN_ARGUMENTS_MAX)

struct foreign_function {
    char name[FOREIGN_NAME_MAX];
    void (*address)(void);
    uint32_t count;
    ffi_type *result;
    ffi_type *types[FOREIGN_ARGUMENTS_MAX];
    ffi_cif interface;
};

/* A struct, or a member of the struct before it. */
struct foreign_layout {
    char structure[FOREIGN_NAME_MAX];
    char member[FOREIGN_NAME_MAX]; /* "": the struct itself */
    struct foreign_member place;
};

struct foreign {
    void *library;
    struct foreign_function *functions;
    uint32_t function_count;
    struct foreign_layout *layouts;
    uint32_t layout_count;
};

/* What the parser tells of. */
struct foreign_source {
    const char *name;
    uint32_t line;
    char *error;
    size_t error_size;
};

__attribute__((format(printf, 2, 3))) static bool foreign_fail(const struct foreign_source *source, const char *format,
                                                               ...)
{
    int done = snprintf(source->error, source->error_size, "%s:%u: ", source->name, source->line);
    if (done > 0 && (size_t)done < source->error_size) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(source->error + done, source->error_size - (size_t)done, format, arguments);
        va_end(arguments);
    }
    return false;
}

static const struct {
    const char *name;
    ffi_type *type;
} foreign_types[] = {
    {"int32", &ffi_type_sint32},
    {"uint32", &ffi_type_uint32},
    {"uint64", &ffi_type_uint64},
    {"pointer", &ffi_type_pointer},
};

static ffi_type *foreign_type(const char *name)
{
    for (size_t i = 0; i < sizeof(foreign_types) / sizeof(foreign_types[0]); i++) {
        if (strcmp(name, foreign_types[i].name) == 0)
            return foreign_types[i].type;
    }
    return NULL;
}

/* One more element at the end of an array, all zero. NULL: no memory. */
static void *foreign_append(void **array, uint32_t *count, size_t size)
{
    char *grown = realloc(*array, (*count + 1) * size);
    if (grown == NULL)
        return NULL;
    *array = grown;
    return memset(grown + (*count)++ * size, 0, size);
}

static bool foreign_name(const struct foreign_source *source, const char *word, char *name)
{
    if (strlen(word) >= FOREIGN_NAME_MAX)
        return foreign_fail(source, "name \"%s\" is longer than %d bytes", word, FOREIGN_NAME_MAX - 1);
    strcpy(name, word);
    return true;
}

static bool foreign_number(const struct foreign_source *source, const char *word, uint32_t *number)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(word, &end, 10);
    if (*word < '0' || *word > '9' || *end != '\0' || errno != 0 || value > UINT32_MAX)
        return foreign_fail(source, "\"%s\" is not a number of 32 bits", word);
    *number = (uint32_t)value;
    return true;
}

/* function NAME RESULT ARGUMENT... */
static bool foreign_read_function(struct foreign *foreign, const struct foreign_source *source, char **words,
                                  uint32_t count)
{
    void *array = foreign->functions;
    struct foreign_function *function = foreign_append(&array, &foreign->function_count, sizeof(*function));
    if (function == NULL)
        return foreign_fail(source, "no memory");
    foreign->functions = array;
    if (!foreign_name(source, words[1], function->name))
        return false;
    function->count = count - 3;
    for (uint32_t i = 2; i < count; i++) {
        ffi_type *type = foreign_type(words[i]);
        if (type == NULL)
            return foreign_fail(source, "no type \"%s\"; right is int32, uint32, uint64 or pointer", words[i]);
        *(i == 2 ? &function->result : &function->types[i - 3]) = type;
    }
    *(void **)&function->address = dlsym(foreign->library, function->name); /* as POSIX has it */
    if (function->address == NULL)
        return foreign_fail(source, "the library has no function %s", function->name);
    return true;
}

/* struct NAME SIZE: member is NULL; or member NAME TYPE OFFSET SIZE, which is of the last struct. */
static bool foreign_read_layout(struct foreign *foreign, const struct foreign_source *source, const char *name,
                                const char *offset, const char *size)
{
    bool member = offset != NULL;
    if (member && foreign->layout_count == 0)
        return foreign_fail(source, "member %s has no struct before it", name);
    void *array = foreign->layouts;
    struct foreign_layout *layout = foreign_append(&array, &foreign->layout_count, sizeof(*layout));
    if (layout == NULL)
        return foreign_fail(source, "no memory");
    foreign->layouts = array;
    if (member)
        strcpy(layout->structure, layout[-1].structure);
    return foreign_name(source, name, member ? layout->member : layout->structure) &&
           (!member || foreign_number(source, offset, &layout->place.offset)) &&
           foreign_number(source, size, &layout->place.size);
}

static bool foreign_read_line(struct foreign *foreign, const struct foreign_source *source, char *line)
{
    if (line[0] == '#')
        return true;
    char *words[FOREIGN_WORDS_MAX] = {NULL};
    uint32_t count = 0;
    char *rest;
    for (char *word = strtok_r(line, " \t\r\n", &rest); word != NULL; word = strtok_r(NULL, " \t\r\n", &rest)) {
        if (count == FOREIGN_WORDS_MAX)
            return foreign_fail(source, "a function has at most %d arguments", FOREIGN_ARGUMENTS_MAX);
        words[count++] = word;
    }
    if (count == 0)
        return true;
    if (strcmp(words[0], "function") == 0 && count >= 3)
        return foreign_read_function(foreign, source, words, count);
    if (strcmp(words[0], "struct") == 0 && count == 3)
        return foreign_read_layout(foreign, source, words[1], NULL, words[2]);
    if (strcmp(words[0], "member") == 0 && count == 5)
        return foreign_read_layout(foreign, source, words[1], words[3], words[4]);
    return foreign_fail(source, "right is: function NAME RESULT ARGUMENT..., struct NAME SIZE, or "
                                "member NAME TYPE OFFSET SIZE");
}

/* After the last line, as an interface points into its function's place in the array. */
static bool foreign_prepare(struct foreign *foreign, const struct foreign_source *source)
{
    for (uint32_t i = 0; i < foreign->function_count; i++) {
        struct foreign_function *function = &foreign->functions[i];
        if (ffi_prep_cif(&function->interface, FFI_DEFAULT_ABI, function->count, function->result, function->types) !=
            FFI_OK)
            return foreign_fail(source, "libffi cannot call %s", function->name);
    }
    return true;
}

static bool foreign_read(struct foreign *foreign, struct foreign_source *source)
{
    FILE *file = fopen(source->name, "re");
    if (file == NULL)
        return foreign_fail(source, "%s", strerror(errno));
    char *line = NULL;
    size_t size = 0;
    bool ok = true;
    while (ok && getline(&line, &size, file) >= 0) {
        source->line++;
        ok = foreign_read_line(foreign, source, line);
    }
    if (ok && ferror(file))
        ok = foreign_fail(source, "cannot be read");
    free(line);
    fclose(file);
    return ok && foreign_prepare(foreign, source);
}

struct foreign *foreign_open(const char *library, const char *description, char *error, size_t error_size)
{
    struct foreign *foreign = calloc(1, sizeof(*foreign));
    if (foreign == NULL) {
        snprintf(error, error_size, "no memory");
        return NULL;
    }
    foreign->library = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (foreign->library == NULL) {
        snprintf(error, error_size, "%s", dlerror());
        foreign_close(foreign);
        return NULL;
    }
    struct foreign_source source = {.name = description, .error = error, .error_size = error_size};
    if (!foreign_read(foreign, &source)) {
        foreign_close(foreign);
        return NULL;
    }
    return foreign;
}

void foreign_close(struct foreign *foreign)
{
    if (foreign->library != NULL)
        dlclose(foreign->library);
    free(foreign->functions);
    free(foreign->layouts);
    free(foreign);
}

const struct foreign_function *foreign_function(const struct foreign *foreign, const char *name)
{
    for (uint32_t i = 0; i < foreign->function_count; i++) {
        if (strcmp(foreign->functions[i].name, name) == 0)
            return &foreign->functions[i];
    }
    return NULL;
}

const char *foreign_function_name(const struct foreign *foreign, uint32_t index)
{
    return index < foreign->function_count ? foreign->functions[index].name : NULL;
}

bool foreign_call(const struct foreign_function *function, union foreign_value *arguments, uint32_t count,
                  union foreign_value *result)
{
    if (count != function->count)
        return false;
    void *addresses[FOREIGN_ARGUMENTS_MAX];
    for (uint32_t i = 0; i < count; i++)
        addresses[i] = &arguments[i];
    /* libffi widens results that are shorter than a register. ffi_call changes nothing of the interface. */
    union {
        ffi_arg word;
        void *pointer;
    } returned;
    ffi_call((ffi_cif *)(uintptr_t)&function->interface, function->address, &returned, addresses);
    if (function->result == &ffi_type_pointer)
        result->pointer = returned.pointer;
    else if (function->result == &ffi_type_uint64)
        result->uint64 = returned.word;
    else
        result->uint32 = (uint32_t)returned.word;
    return true;
}

static const struct foreign_layout *foreign_layout(const struct foreign *foreign, const char *structure,
                                                   const char *member)
{
    for (uint32_t i = 0; i < foreign->layout_count; i++) {
        const struct foreign_layout *layout = &foreign->layouts[i];
        if (strcmp(layout->structure, structure) == 0 && strcmp(layout->member, member) == 0)
            return layout;
    }
    return NULL;
}

uint32_t foreign_struct_size(const struct foreign *foreign, const char *structure)
{
    const struct foreign_layout *layout = foreign_layout(foreign, structure, "");
    return layout == NULL ? 0 : layout->place.size;
}

bool foreign_member(const struct foreign *foreign, const char *structure, const char *name,
                    struct foreign_member *member)
{
    const struct foreign_layout *layout = name[0] == '\0' ? NULL : foreign_layout(foreign, structure, name);
    if (layout != NULL)
        *member = layout->place;
    return layout != NULL;
}

uint64_t foreign_get(const void *record, struct foreign_member member)
{
    const uint8_t *at = (const uint8_t *)record + member.offset;
    uint8_t one;
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (member.size) {
    case 1:
        memcpy(&one, at, 1);
        return one;
    case 2:
        memcpy(&two, at, 2);
        return two;
    case 4:
        memcpy(&four, at, 4);
        return four;
    case 8:
        memcpy(&eight, at, 8);
        return eight;
    default:
        return 0; /* not a number */
    }
}

bool foreign_set(void *record, struct foreign_member member, uint64_t value)
{
    uint8_t *at = (uint8_t *)record + member.offset;
    uint8_t one = (uint8_t)value;
    uint16_t two = (uint16_t)value;
    uint32_t four = (uint32_t)value;
    if (member.size < sizeof(value) && value >> 8 * member.size != 0)
        return false;
    switch (member.size) {
    case 1:
        memcpy(at, &one, 1);
        return true;
    case 2:
        memcpy(at, &two, 2);
        return true;
    case 4:
        memcpy(at, &four, 4);
        return true;
    case 8:
        memcpy(at, &value, 8);
        return true;
    default: /* not a number */
        return false;
    }
}
