#include "tests/c/hostile_trap.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__x86_64__)

#define TRAP_PAGE ((uintptr_t)4096)
#define TRAP_FLAG 0x100    /* of EFLAGS */
#define TRAP_FAULT_WRITE 2 /* of a page fault's error code */

static struct {
    uint8_t *page, *word;
    uint32_t width, count, reads;
    uint64_t values[HOSTILE_TRAP_VALUES];
    bool reading; /* the instruction under way reads the word */
    struct sigaction fault, step;
} trap;

/* A fault elsewhere is a real one: the handlers before take it. */
static void trap_on_fault(int number, siginfo_t *info, void *context)
{
    ucontext_t *machine = context;
    uint8_t *touched = info->si_addr;
    (void)number;
    if (touched < trap.page || touched >= trap.page + TRAP_PAGE) {
        sigaction(SIGSEGV, &trap.fault, NULL);
        return;
    }
    bool reads = (machine->uc_mcontext.gregs[REG_ERR] & TRAP_FAULT_WRITE) == 0;
    trap.reading = reads && touched >= trap.word && touched < trap.word + trap.width;
    mprotect(trap.page, TRAP_PAGE, PROT_READ | PROT_WRITE);
    machine->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void trap_on_step(int number, siginfo_t *info, void *context)
{
    ucontext_t *machine = context;
    (void)number;
    (void)info;
    machine->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
    if (trap.reading) {
        if (trap.reads < trap.count)
            memcpy(trap.word, &trap.values[trap.reads], trap.width); /* little-endian */
        trap.reads++;
    }
    mprotect(trap.page, TRAP_PAGE, PROT_NONE);
}

bool hostile_trap_works(void)
{
    return true;
}

void hostile_trap_set(void *word, uint32_t width, const uint64_t *values, uint32_t count)
{
    memset(&trap, 0, sizeof(trap));
    trap.word = word;
    trap.page = (uint8_t *)((uintptr_t)word & ~(TRAP_PAGE - 1));
    trap.width = width;
    trap.count = count < HOSTILE_TRAP_VALUES ? count : HOSTILE_TRAP_VALUES;
    memcpy(trap.values, values, trap.count * sizeof(*values));
    struct sigaction fault = {.sa_sigaction = trap_on_fault, .sa_flags = SA_SIGINFO};
    struct sigaction step = {.sa_sigaction = trap_on_step, .sa_flags = SA_SIGINFO};
    if (sigaction(SIGSEGV, &fault, &trap.fault) != 0 || sigaction(SIGTRAP, &step, &trap.step) != 0 ||
        mprotect(trap.page, TRAP_PAGE, PROT_NONE) != 0)
        abort();
}

uint32_t hostile_trap_clear(void)
{
    mprotect(trap.page, TRAP_PAGE, PROT_READ | PROT_WRITE);
    sigaction(SIGSEGV, &trap.fault, NULL);
    sigaction(SIGTRAP, &trap.step, NULL);
    return trap.reads;
}

#else

bool hostile_trap_works(void)
{
    return false;
}

void hostile_trap_set(void *word, uint32_t width, const uint64_t *values, uint32_t count)
{
    (void)word, (void)width, (void)values, (void)count;
}

uint32_t hostile_trap_clear(void)
{
    return 0;
}

#endif
