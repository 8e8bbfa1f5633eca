/* Device addresses: "scheme:what,key=value,...", one grammar for every bus.
 *
 * address_parse splits the text; the bus that the scheme names takes the options it knows with address_take, and
 * address_finish refuses those that nobody took. "0000:03:00.0" alone means "pci:0000:03:00.0". Every error names the
 * place in the text and what would be right.
 */
#ifndef CORE_DEVICE_ADDRESS_H
#define CORE_DEVICE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#define ADDRESS_TEXT_SIZE 256
#define ADDRESS_OPTIONS_MAX 16

struct address_option {
    const char *key;
    const char *value;
    bool taken;
};

struct address {
    char text[ADDRESS_TEXT_SIZE];  /* as given, for messages */
    char parts[ADDRESS_TEXT_SIZE]; /* the same, cut at ':' ',' and '='; what the pointers below point into */
    const char *scheme;
    const char *what;
    struct address_option options[ADDRESS_OPTIONS_MAX];
    uint32_t option_count;
};

/* Returns 0 or IXY_E_ADDRESS. */
int32_t address_parse(const char *text, struct address *address);

/* The value of an option, or NULL if it is not there; marks it as known. */
const char *address_take(struct address *address, const char *key);

/* The same for a number from low to high in decimal; *value is left alone if the option is not there.
 * Returns 0 or IXY_E_ADDRESS. */
int32_t address_take_number(struct address *address, const char *key, uint64_t low, uint64_t high, uint64_t *value);

/* IXY_E_ADDRESS if an option was not taken; known lists the right ones, for the text. */
int32_t address_finish(const struct address *address, const char *known);

#endif
