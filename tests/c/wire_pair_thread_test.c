/* A pair of inline devices that two threads drive: frames in order, pulls that never wait, ends that come and go. */
#include "tests/c/wire_support.h"

#include <pthread.h>
#include <stdlib.h>

#define FRAMES 20000
#define LIVES 300

/* As a device model is: a lock, and a ring of what its driver posted and nobody has sent yet. */
struct model {
    pthread_mutex_t lock;
    struct wire *wire;
    uint64_t posted, sent, received, expected;
    bool ordered;
};

static void model_send(struct model *model)
{
    for (; model->sent < model->posted; model->sent++) {
        uint8_t frame[60] = {0};
        memcpy(frame, &model->sent, sizeof model->sent);
        model->wire->ops->transmit(model->wire, frame, sizeof frame);
    }
}

static void model_pull(void *context)
{
    struct model *model = context;
    if (pthread_mutex_trylock(&model->lock) != 0)
        return;
    model_send(model);
    pthread_mutex_unlock(&model->lock);
}

static void model_receive(struct model *model)
{
    const uint8_t *frame;
    uint32_t len;
    while ((frame = model->wire->ops->peek(model->wire, &len)) != NULL) {
        uint64_t number;
        memcpy(&number, frame, sizeof number);
        model->ordered = model->ordered && number >= model->expected && len == 60;
        model->expected = number + 1;
        model->received++;
        model->wire->ops->consume(model->wire);
    }
}

static void *drive(void *context)
{
    struct model *model = context;
    for (int i = 0; i < FRAMES / 10; i++) {
        pthread_mutex_lock(&model->lock);
        model->posted += 10;
        if (i % 3 == 0)
            model_send(model);
        model_receive(model);
        pthread_mutex_unlock(&model->lock);
    }
    return NULL;
}

static void model_open(struct model *model)
{
    pthread_mutex_init(&model->lock, NULL);
    model->ordered = true;
    model->wire = wire_test_open("pair=threads");
    wire_attach(model->wire, model_pull, model);
}

static void test_two_threads(void **state)
{
    (void)state;
    struct model models[2] = {0};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        model_open(&models[i]);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, drive, &models[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 2; i++) {
        model_send(&models[i]);
        model_receive(&models[1 - i]);
    }
    for (int i = 0; i < 2; i++) {
        assert_true(models[i].ordered);
        assert_int_equal(models[i].posted, FRAMES);
        assert_int_equal(models[1 - i].received + wire_test_counters(models[i].wire).wire_dropped, FRAMES);
    }
    for (int i = 0; i < 2; i++) {
        models[i].wire->ops->close(models[i].wire);
        pthread_mutex_destroy(&models[i].lock);
    }
}

/* One end lives and dies again and again, with its lock held as a driver's close does, while the other uses it. */
static void *live_and_die(void *context)
{
    (void)context;
    for (int i = 0; i < LIVES; i++) {
        struct model *model = calloc(1, sizeof *model);
        if (model == NULL)
            abort();
        pthread_mutex_init(&model->lock, NULL);
        pthread_mutex_lock(&model->lock);
        model->posted = 1000000; /* a peer that pulls now has much to do */
        model->sent = model->posted - 200;
        if (wire_test_try("pair=threads", true, &model->wire) != 0)
            abort();
        wire_attach(model->wire, model_pull, model);
        pthread_mutex_unlock(&model->lock);
        for (int k = 0; k < i % 5; k++)
            sched_yield();
        pthread_mutex_lock(&model->lock);
        model_receive(model);
        model->wire->ops->close(model->wire);
        pthread_mutex_unlock(&model->lock);
        pthread_mutex_destroy(&model->lock);
        free(model);
    }
    return NULL;
}

static void test_ends_come_and_go(void **state)
{
    (void)state;
    struct model model = {0};
    pthread_t thread;
    model_open(&model);
    assert_int_equal(pthread_create(&thread, NULL, live_and_die, NULL), 0);
    do {
        pthread_mutex_lock(&model.lock);
        model.posted++;
        model_send(&model);
        model.expected = 0;
        model_receive(&model);
        pthread_mutex_unlock(&model.lock);
    } while (pthread_tryjoin_np(thread, NULL) != 0);
    model.wire->ops->close(model.wire);
    pthread_mutex_destroy(&model.lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_threads),
        cmocka_unit_test(test_ends_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
