/* What is neither a pool nor a device: versions and errors. */
#include "abi/include/ixy.h"
#include "core/device/error.h"

uint32_t ixy_abi_version(void)
{
    return IXY_ABI_VERSION;
}

const char *ixy_version(void)
{
    return IXY_VERSION;
}

static const struct library_error {
    int32_t code;
    const char *name;
    const char *meaning;
} library_errors[] = {
    {IXY_OK, "IXY_OK", "success"},
    {IXY_E_HANDLE, "IXY_E_HANDLE", "the handle is stale, foreign, forged or of another kind"},
    {IXY_E_ARGUMENT, "IXY_E_ARGUMENT", "a pointer is NULL or a value is outside its documented set"},
    {IXY_E_RANGE, "IXY_E_RANGE", "a queue index, count or offset is out of range"},
    {IXY_E_FRAME, "IXY_E_FRAME", "a frame lies outside its buffer, or its length cannot be sent"},
    {IXY_E_BUSY, "IXY_E_BUSY", "another thread is in this queue, or the object is still in use"},
    {IXY_E_STATE, "IXY_E_STATE", "not possible in this state of the device"},
    {IXY_E_NO_MEMORY, "IXY_E_NO_MEMORY", "the operating system gave no memory"},
    {IXY_E_NO_BUFFERS, "IXY_E_NO_BUFFERS", "the pool has no free buffer at the moment"},
    {IXY_E_POOL_SIZE, "IXY_E_POOL_SIZE",
     "the pool has too few buffers for the rings of its devices, or too small ones"},
    {IXY_E_TIMEOUT, "IXY_E_TIMEOUT", "the device did not answer in time"},
    {IXY_E_ADDRESS, "IXY_E_ADDRESS", "the device address is malformed or names something unknown"},
    {IXY_E_NOT_FOUND, "IXY_E_NOT_FOUND", "no such device, file or interface"},
    {IXY_E_PERMISSION, "IXY_E_PERMISSION", "the operating system refused access"},
    {IXY_E_UNSUPPORTED, "IXY_E_UNSUPPORTED", "this device, driver or build cannot do that"},
    {IXY_E_STRUCT, "IXY_E_STRUCT", "struct_size is wrong, or an unknown member is not zero"},
    {IXY_E_FORK, "IXY_E_FORK", "the handle was inherited over fork(); open another in the child"},
    {IXY_E_DEVICE, "IXY_E_DEVICE", "the device is gone or answers what its data sheet forbids"},
    {IXY_E_IO, "IXY_E_IO", "a system call failed"},
    {IXY_E_LIMIT, "IXY_E_LIMIT", "too many open devices, pools or views"},
};

static const struct library_error *library_find_error(int32_t code)
{
    for (uint32_t i = 0; i < sizeof(library_errors) / sizeof(library_errors[0]); i++)
        if (library_errors[i].code == code)
            return &library_errors[i];
    return NULL;
}

const char *ixy_strerror(int32_t code)
{
    const struct library_error *error = library_find_error(code);
    return error != NULL ? error->meaning : "no error code of this library";
}

const char *ixy_error_name(int32_t code)
{
    const struct library_error *error = library_find_error(code);
    return error != NULL ? error->name : "IXY_E_UNKNOWN";
}

const char *ixy_last_error(void)
{
    return error_text();
}
