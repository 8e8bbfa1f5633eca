#include "core/device/address.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/device/error.h"

static const char address_form[] = "scheme:what,key=value,..., for example emu:82599,timing=inline";

/* Cuts one "key=value" in place; position is that of the key in the whole text. */
static int32_t address_parse_option(struct address *address, char *part, size_t position)
{
    char *equals = strchr(part, '=');
    if (equals != NULL && equals != part && equals[1] == '\0')
        return error_set(IXY_E_ADDRESS, "address \"%s\": at character %zu: \"%s\" has no value; right is %s",
                         address->text, position + 1, part, address_form);
    if (equals == NULL || equals == part)
        return error_set(IXY_E_ADDRESS, "address \"%s\": at character %zu: \"%s\" is not key=value; right is %s",
                         address->text, position + 1, part, address_form);
    *equals = '\0';
    for (uint32_t i = 0; i < address->option_count; i++)
        if (strcmp(address->options[i].key, part) == 0)
            return error_set(IXY_E_ADDRESS, "address \"%s\": at character %zu: option \"%s\" is given twice",
                             address->text, position + 1, part);
    if (address->option_count == ADDRESS_OPTIONS_MAX)
        return error_set(IXY_E_ADDRESS, "address \"%s\": at character %zu: more than %d options", address->text,
                         position + 1, ADDRESS_OPTIONS_MAX);
    address->options[address->option_count++] =
        (struct address_option){.key = part, .value = equals + 1, .taken = false};
    return 0;
}

/* A PCI function's own name begins with a number, as no scheme does. */
static bool address_is_bare_pci(const char *text)
{
    size_t digits = strspn(text, "0123456789abcdefABCDEF");
    return digits > 0 && text[digits] == ':';
}

/* Cuts "what,key=value,..." in place. */
static int32_t address_parse_what(struct address *address, char *part)
{
    char *comma = strchr(part, ',');
    if (*part == '\0' || comma == part)
        return error_set(IXY_E_ADDRESS, "address \"%s\": at character %td: nothing after \"%s:\"; right is %s",
                         address->text, part - address->parts + 1, address->scheme, address_form);
    address->what = part;
    while (comma != NULL) {
        *comma = '\0';
        part = comma + 1;
        comma = strchr(part, ',');
        if (comma != NULL)
            *comma = '\0';
        int32_t code = address_parse_option(address, part, (size_t)(part - address->parts));
        if (code < 0)
            return code;
    }
    return 0;
}

int32_t address_parse(const char *text, struct address *address)
{
    memset(address, 0, sizeof(*address));
    const size_t length = strnlen(text, ADDRESS_TEXT_SIZE);
    if (length == ADDRESS_TEXT_SIZE)
        return error_set(IXY_E_ADDRESS, "address is %zu characters long; at most %d are taken", strlen(text),
                         ADDRESS_TEXT_SIZE - 1);
    memcpy(address->text, text, length); /* once: another thread may write to the caller's text */
    for (size_t i = 0; address->text[i] != '\0'; i++)
        if (!isprint((unsigned char)address->text[i]))
            return error_set(IXY_E_ADDRESS, "address: character %zu cannot be printed; right is %s", i + 1,
                             address_form);
    memcpy(address->parts, address->text, sizeof(address->parts));

    if (address_is_bare_pci(address->parts)) {
        address->scheme = "pci";
        return address_parse_what(address, address->parts);
    }
    char *colon = strchr(address->parts, ':');
    if (colon == NULL || colon == address->parts)
        return error_set(IXY_E_ADDRESS, "address \"%s\": no scheme before ':'; right is %s", address->text,
                         address_form);
    *colon = '\0';
    address->scheme = address->parts;
    return address_parse_what(address, colon + 1);
}

const char *address_take(struct address *address, const char *key)
{
    for (uint32_t i = 0; i < address->option_count; i++) {
        if (strcmp(address->options[i].key, key) == 0) {
            address->options[i].taken = true;
            return address->options[i].value;
        }
    }
    return NULL;
}

int32_t address_take_number(struct address *address, const char *key, uint64_t low, uint64_t high, uint64_t *value)
{
    const char *text = address_take(address, key);
    if (text == NULL)
        return 0;
    uint64_t number = 0;
    bool good = true;
    for (const char *digit = text; *digit != '\0' && good; digit++) {
        good = isdigit((unsigned char)*digit) && number <= (UINT64_MAX - 9) / 10;
        if (good)
            number = number * 10 + (uint64_t)(*digit - '0');
    }
    if (!good || number < low || number > high)
        return error_set(IXY_E_ADDRESS, "address \"%s\": %s=%s; right is a number from %llu to %llu", address->text,
                         key, text, (unsigned long long)low, (unsigned long long)high);
    *value = number;
    return 0;
}

/* Without the address, which would leave no room for the list. */
int32_t address_finish(const struct address *address, const char *known)
{
    for (uint32_t i = 0; i < address->option_count; i++)
        if (!address->options[i].taken)
            return error_set(IXY_E_ADDRESS, "character %td: unknown option \"%.12s\"; known here: %s",
                             address->options[i].key - address->parts + 1, address->options[i].key, known);
    return 0;
}
