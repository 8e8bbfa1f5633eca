/* Any text as an address: parsed, and its options taken as buses take them. */
#include "core/device/address.h"
#include "core/device/error.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char text[2 * ADDRESS_TEXT_SIZE] = "";
    struct address address;
    uint64_t number = 7;
    memcpy(text, bytes, size < sizeof text ? size : sizeof text - 1);
    if (address_parse(text, &address) < 0)
        return 0;
    if (strlen(address.scheme) == 0 || strlen(address.what) == 0 || address.option_count > ADDRESS_OPTIONS_MAX)
        __builtin_trap();
    address_take(&address, "timing");
    if (address_take_number(&address, "queues", 1, 16, &number) == 0 && (number < 1 || number > 16))
        __builtin_trap();
    address_finish(&address, "timing,queues");
    return 0;
}
