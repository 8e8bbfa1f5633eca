/* libixy: a user-space network driver for every language. C and C++ programs include this file.
 *
 * ixy_abi.h holds the declarations; this file adds what tools that read ixy_abi.h alone (cffi, SWIG, bindgen) cannot
 * take: include guards, linkage and layout asserts.
 */
#ifndef IXY_H
#define IXY_H

#include <stddef.h>
#include <stdint.h>

#include "ixy_errors.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) && defined(IXY_BUILD)
#pragma GCC visibility push(default)
#endif

#include "ixy_abi.h"

#if defined(__GNUC__) && defined(IXY_BUILD)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#define IXY_LAYOUT(condition) static_assert(condition, #condition)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define IXY_LAYOUT(condition) _Static_assert(condition, #condition)
#else
#define IXY_LAYOUT(condition) struct ixy_layout_unchecked
#endif

IXY_LAYOUT(sizeof(ixy_frame) == 16);
IXY_LAYOUT(offsetof(ixy_frame, offset) == 8);
IXY_LAYOUT(offsetof(ixy_frame, len) == 12);
IXY_LAYOUT(offsetof(ixy_frame, flags) == 14);
IXY_LAYOUT(sizeof(ixy_pool_config) == 16);
IXY_LAYOUT(sizeof(ixy_device_config) == 40);
IXY_LAYOUT(sizeof(ixy_metadata) == 16);

#undef IXY_LAYOUT

#endif
