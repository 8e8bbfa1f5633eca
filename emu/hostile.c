#include "emu/hostile.h"

#include <stdio.h>
#include <string.h>

#include "core/device/error.h"

#define HOSTILE_RINGS (HOSTILE_SPLIT | HOSTILE_PACKED)

static const struct hostile_row {
    const char *name;
    uint32_t families;
    bool completion; /* about something that was completed */
} hostile_rows[HOSTILE_LIES] = {
    /* behind each: its case in docs/hostile.md */
    [HOSTILE_RX_LENGTH_BEYOND] = {"rx-length-beyond", HOSTILE_IXGBE, true},           /* 22 */
    [HOSTILE_RX_LENGTH_IMPLAUSIBLE] = {"rx-length-implausible", HOSTILE_IXGBE, true}, /* 23 */
    [HOSTILE_RX_RSC] = {"rx-rsc", HOSTILE_IXGBE, true},                               /* 24 */
    [HOSTILE_RX_NO_EOP] = {"rx-no-eop", HOSTILE_IXGBE, true},                         /* 25 */
    [HOSTILE_RX_PIECES] = {"rx-pieces", HOSTILE_IXGBE, true},                         /* 6 */
    [HOSTILE_RX_SHORT] = {"rx-short", HOSTILE_IXGBE, true},                           /* 23 */
    [HOSTILE_RX_STAMP] = {"rx-stamp", HOSTILE_IXGBE, true},                           /* 23 */
    [HOSTILE_RX_UNPOSTED] = {"rx-unposted", HOSTILE_IXGBE, true},                     /* 26 */
    [HOSTILE_RX_REWRITE] = {"rx-rewrite", HOSTILE_IXGBE, true},                       /* 8 */
    [HOSTILE_RX_LATE] = {"rx-late", HOSTILE_IXGBE, true},                             /* 27 */
    [HOSTILE_TX_UNSENT] = {"tx-unsent", HOSTILE_IXGBE, true},                         /* 26 */
    [HOSTILE_TX_DONE_ALL] = {"tx-done-all", HOSTILE_IXGBE, true},                     /* 26 */
    [HOSTILE_TX_DONE_NEVER] = {"tx-done-never", HOSTILE_IXGBE, false},                /* 29 */
    [HOSTILE_STATION_ADDRESS] = {"station-address", HOSTILE_IXGBE, false},            /* 31 */
    [HOSTILE_ID_RANGE] = {"id-range", HOSTILE_RINGS, true},                           /* 1 */
    [HOSTILE_ID_IDLE] = {"id-idle", HOSTILE_RINGS, true},                             /* 2 */
    [HOSTILE_ID_TWICE] = {"id-twice", HOSTILE_RINGS, true},                           /* 3 */
    [HOSTILE_ORDER] = {"order", HOSTILE_RINGS, true},                                 /* 17 */
    [HOSTILE_LENGTH_BEYOND] = {"length-beyond", HOSTILE_RINGS, true},                 /* 4 */
    [HOSTILE_LENGTH_SHORT] = {"length-short", HOSTILE_RINGS, true},                   /* 5 */
    [HOSTILE_LENGTH_SPANNING] = {"length-span", HOSTILE_RINGS, true},                 /* 6 */
    [HOSTILE_NUM_BUFFERS] = {"num-buffers", HOSTILE_RINGS, true},                     /* 10 */
    [HOSTILE_CHECKSUM_START] = {"checksum", HOSTILE_RINGS, true},                     /* 11 */
    [HOSTILE_GSO] = {"gso", HOSTILE_RINGS, true},                                     /* 12 */
    [HOSTILE_INDEX_JUMP] = {"index-jump", HOSTILE_SPLIT, true},                       /* 7 */
    [HOSTILE_REWRITE] = {"rewrite", HOSTILE_RINGS, true},                             /* 8 */
    [HOSTILE_TABLE_REWRITE] = {"table", HOSTILE_RINGS, false},                        /* 9 */
    [HOSTILE_EVENT_INDEX] = {"event-index", HOSTILE_RINGS, false},                    /* 14 */
    [HOSTILE_WRAP] = {"wrap", HOSTILE_PACKED, true},                                  /* 16 */
    [HOSTILE_FLAGS_EARLY] = {"flags-early", HOSTILE_PACKED, true},                    /* 18 */
    [HOSTILE_CONFIG_QUEUE] = {"config-queue", HOSTILE_RINGS, false},                  /* 21 */
    [HOSTILE_CONFIG_PAIRS] = {"config-pairs", HOSTILE_RINGS, false},                  /* 21 */
    [HOSTILE_CONFIG_MAC] = {"config-mac", HOSTILE_RINGS, false},                      /* 31 */
    [HOSTILE_CONFIG_MTU] = {"config-mtu", HOSTILE_RINGS, false},                      /* 31 */
    [HOSTILE_FEATURES_REFUSED] = {"features", HOSTILE_RINGS, false},                  /* 29 */
    [HOSTILE_GONE] = {"gone", HOSTILE_IXGBE | HOSTILE_RINGS, false},                  /* 28 */
    [HOSTILE_INTERRUPT] = {"interrupt", HOSTILE_IXGBE | HOSTILE_RINGS, false},        /* 13 */
    [HOSTILE_NOT_READY] = {"not-ready", HOSTILE_IXGBE | HOSTILE_RINGS, false},        /* 29 */
};

/* The lie that len characters name, HOSTILE_LIES if the family has none of that name. */
static enum hostile_lie hostile_find(const char *name, size_t len, uint32_t family)
{
    uint32_t lie = 0;
    for (; lie < HOSTILE_LIES; lie++)
        if ((hostile_rows[lie].families & family) != 0 && strlen(hostile_rows[lie].name) == len &&
            memcmp(hostile_rows[lie].name, name, len) == 0)
            break;
    return (enum hostile_lie)lie;
}

/* The names do not fit into one error text with the address before them, so it stays out. */
static int32_t hostile_unknown(const char *name, size_t len, uint32_t family)
{
    char known[ERROR_TEXT_SIZE] = "all";
    size_t used = strlen(known);
    for (uint32_t lie = 0; lie < HOSTILE_LIES && used < sizeof(known); lie++)
        if ((hostile_rows[lie].families & family) != 0)
            used += (size_t)snprintf(known + used, sizeof(known) - used, "+%s", hostile_rows[lie].name);
    return error_set(IXY_E_ADDRESS, "hostile=%.*s: right is %s", (int)(len < 12 ? len : 12), name, known);
}

int32_t hostile_open(struct address *address, uint32_t family, struct hostile *hostile)
{
    uint64_t seed = 1, every = 8;
    memset(hostile, 0, sizeof(*hostile));
    const char *names = address_take(address, "hostile");
    int32_t code = address_take_number(address, "seed", 0, UINT64_MAX, &seed);
    if (code >= 0)
        code = address_take_number(address, "every", 1, UINT32_MAX, &every);
    if (code < 0)
        return code;
    for (const char *name = names; name != NULL;) {
        size_t len = strcspn(name, "+");
        if (len == 3 && memcmp(name, "all", 3) == 0) {
            for (uint32_t lie = 0; lie < HOSTILE_LIES; lie++)
                if ((hostile_rows[lie].families & family) != 0)
                    hostile->lies |= (uint64_t)1 << lie;
        } else {
            enum hostile_lie lie = hostile_find(name, len, family);
            if (lie == HOSTILE_LIES)
                return hostile_unknown(name, len, family);
            hostile->lies |= (uint64_t)1 << lie;
        }
        name = name[len] == '+' ? name + len + 1 : NULL;
    }
    hostile->random = seed;
    hostile->every = (uint32_t)every;
    return 0;
}

/* SplitMix64 (Steele, Lea and Flood, 2014): any seed serves, 0 too. */
static uint64_t hostile_next(struct hostile *hostile)
{
    hostile->random += 0x9E3779B97F4A7C15u;
    uint64_t mixed = hostile->random;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBu;
    return mixed ^ mixed >> 31;
}

uint64_t hostile_random(struct hostile *hostile, uint64_t below)
{
    return hostile_next(hostile) % below;
}

bool hostile_tells(struct hostile *hostile, enum hostile_lie lie)
{
    if ((hostile->lies >> lie & 1) == 0)
        return false;
    if (hostile->every > 1 && hostile_random(hostile, hostile->every) != 0)
        return false;
    hostile->told[lie]++;
    hostile->lied |= hostile_rows[lie].completion;
    return true;
}

void hostile_completion(struct hostile *hostile)
{
    hostile->completions += hostile->lied;
    hostile->lied = false;
}
