/* What the rows of the safety table (docs/safety.md) share in C. */
#ifndef TESTS_C_SAFETY_SUPPORT_H
#define TESTS_C_SAFETY_SUPPORT_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/bus/bus.h"
#include "tests/c/abi_support.h"

#define SAFETY_BUFFERS 2048
#define RUN_TIME "run time"
#define NOT_CAUGHT "not caught"
#define CONTAINED "contained"

/* After the assertion, never before. */
static inline void safety_mark(const char *row, const char *column, const char *mark, const char *detail)
{
    printf("safety: %s | %s | %s | %s\n", row, column, mark, detail);
    fflush(stdout); /* a child that is forked shall not print it again */
}

/* In a child process, where asserts would run the parent's tests on: check returns 0, or the number of what is wrong.
 */
static inline void safety_in_child(int (*check)(void *), void *argument)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL); /* cmocka would go on with the parent's next test */
        _exit(check(argument));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Whether there is memory at all. The kernel looks, so that nobody dies of a page that is none. */
static inline bool safety_is_mapped(const void *at)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    bool mapped = write(ends[1], at, 1) == 1;
    close(ends[0]);
    close(ends[1]);
    return mapped;
}

/* ---- two threads in one queue: when one receives, an inline device's step lets the other one in ---- */

struct safety_second {
    int32_t (*receive)(void *argument); /* by the second thread */
    void *argument;
    int32_t result;
    void (*step)(struct bus *bus); /* the bus's own */
};

extern struct safety_second safety_second;

/* Makes the second thread receive when somebody does next. */
void safety_let_second_in(struct bus *bus, int32_t (*receive)(void *argument), void *argument);

/* ---- safety_around.c: what happens around a call ---- */

void safety_around(void **state);

/* Runs it while a signal handler interrupts it some thousand times a second. */
void safety_with_alarms(void (*run)(void));

/* ---- safety_static.c: the core without the ABI ---- */

void safety_static(void **state);

#endif
