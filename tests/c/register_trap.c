#include "tests/c/register_trap.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__x86_64__)

#define TRAP_FLAG 0x100    /* of EFLAGS */
#define TRAP_FAULT_WRITE 2 /* of a page fault's error code */

static struct {
    uint8_t *memory;
    uint32_t size;
    void (*access)(uint32_t offset, uint32_t width, uint8_t *bytes, bool write);
    uint32_t offset, width; /* of the instruction under way */
    bool write;
    struct sigaction fault, step;
} trap;

/* How many bytes an instruction moves: those that compilers make of an access to a volatile integer. */
static uint32_t trap_width(const uint8_t *code)
{
    bool word = false, quad = false;
    for (; *code == 0x66; code++)
        word = true;
    if ((*code & 0xF0) == 0x40)
        quad = (*code++ & 8) != 0;
    uint32_t full = quad ? 8 : word ? 2 : 4;
    switch (*code) {
    case 0x0F: /* movzx, movsx */
        if (code[1] == 0xB6 || code[1] == 0xBE)
            return 1;
        if (code[1] == 0xB7 || code[1] == 0xBF)
            return 2;
        abort();
    case 0x88: /* mov */
    case 0x8A:
    case 0xC6:
    case 0x38: /* cmp */
    case 0x3A:
    case 0x80:
        return 1;
    case 0x89:
    case 0x8B:
    case 0xC7:
    case 0x39:
    case 0x3B:
    case 0x81:
    case 0x83:
        return full;
    default:
        abort();
    }
}

/* A fault elsewhere is a real one: the handler before takes it. */
static void trap_on_fault(int number, siginfo_t *info, void *context)
{
    ucontext_t *machine = context;
    uint8_t *touched = info->si_addr;
    (void)number;
    if (touched < trap.memory || touched >= trap.memory + trap.size) {
        sigaction(SIGSEGV, &trap.fault, NULL);
        return;
    }
    const uint8_t *code = (const uint8_t *)(uintptr_t)machine->uc_mcontext.gregs[REG_RIP];
    trap.write = (machine->uc_mcontext.gregs[REG_ERR] & TRAP_FAULT_WRITE) != 0;
    trap.offset = (uint32_t)(touched - trap.memory);
    trap.width = trap_width(code);
    mprotect(trap.memory, trap.size, PROT_READ | PROT_WRITE);
    if (!trap.write)
        trap.access(trap.offset, trap.width, touched, false);
    machine->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void trap_on_step(int number, siginfo_t *info, void *context)
{
    ucontext_t *machine = context;
    (void)number;
    (void)info;
    machine->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
    if (trap.write)
        trap.access(trap.offset, trap.width, trap.memory + trap.offset, true);
    mprotect(trap.memory, trap.size, PROT_NONE);
}

bool register_trap_works(void)
{
    return true;
}

void register_trap_set(uint8_t *memory, uint32_t size,
                       void (*access)(uint32_t offset, uint32_t width, uint8_t *bytes, bool write))
{
    struct sigaction fault = {.sa_sigaction = trap_on_fault, .sa_flags = SA_SIGINFO};
    struct sigaction step = {.sa_sigaction = trap_on_step, .sa_flags = SA_SIGINFO};
    memset(&trap, 0, sizeof(trap));
    trap.memory = memory;
    trap.size = size;
    trap.access = access;
    if (sigaction(SIGSEGV, &fault, &trap.fault) != 0 || sigaction(SIGTRAP, &step, &trap.step) != 0 ||
        mprotect(memory, size, PROT_NONE) != 0)
        abort();
}

void register_trap_clear(void)
{
    mprotect(trap.memory, trap.size, PROT_READ | PROT_WRITE);
    sigaction(SIGSEGV, &trap.fault, NULL);
    sigaction(SIGTRAP, &trap.step, NULL);
}

#else

bool register_trap_works(void)
{
    return false;
}

void register_trap_set(uint8_t *memory, uint32_t size,
                       void (*access)(uint32_t offset, uint32_t width, uint8_t *bytes, bool write))
{
    (void)memory, (void)size, (void)access;
}

void register_trap_clear(void)
{
}

#endif
