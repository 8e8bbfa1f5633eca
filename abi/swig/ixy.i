/* What SWIG needs to make a module for another language of ixy_abi.h: see README.md beside this file.
 *
 * The headers are read as they are; nothing of them is declared again here. This file says how their C turns into what
 * a person of the other language expects: a negative code is raised as that language's exception, what a call fills in
 * is what it returns, arrays of frames are a class, and so is the memory of a pool.
 *
 * What every language does alike is in this file. How it is written for one is in ixy_unified.i (Python, Ruby and all
 * others that SWIG's unified typemap library serves) or in ixy_lua.i. */
%module(threads="1") ixy

%{
#include <ixy.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* An array of frames, for the batch calls. */
typedef struct Frames {
    uint32_t capacity;
    ixy_frame items[];
} Frames;

static uint32_t frames_capacity(const ixy_frame *items)
{
    return ((const Frames *)((const char *)items - offsetof(Frames, items)))->capacity;
}

/* What C filled in on its stack, for an object of the other language; NULL becomes its none. */
static void *ixy_copy(const void *filled, size_t size)
{
    void *made = malloc(size);
    return made ? memcpy(made, filled, size) : NULL;
}

/* Packet memory of a pool, mapped as long as this lives. */
typedef struct Memory {
    ixy_view view;
} Memory;

/* Where byte `at` of the packet lies, if the caller owns its buffer, it lies in that, and the byte in it: the checks of
 * ixy_buf_read, without a call into the library. Each member of the frame is read once: what was checked is what is
 * used, whoever writes the array meanwhile. */
static int32_t memory_byte(const Memory *memory, const Frames *frames, uint32_t index, uint32_t at, uint8_t **byte)
{
    const ixy_view *view = &memory->view;
    const ixy_frame *frame = &frames->items[index];
    uint64_t buf = __atomic_load_n(&frame->buf, __ATOMIC_RELAXED);
    uint64_t offset = __atomic_load_n(&frame->offset, __ATOMIC_RELAXED);
    uint32_t len = __atomic_load_n(&frame->len, __ATOMIC_RELAXED);
    uint64_t slot = buf & view->index_mask;
    uint64_t begin = slot * view->buffer_stride;
    if (buf == 0 || __atomic_load_n(&view->owner[slot], __ATOMIC_RELAXED) != buf) {
        return IXY_E_HANDLE;
    }
    if (offset < begin || offset + len > begin + view->buffer_stride) {
        return IXY_E_FRAME;
    }
    if (at >= len) {
        return IXY_E_RANGE;
    }
    *byte = view->base + offset + at;
    return 0;
}
%}

%include <exception.i>
%include <stdint.i>

/* ---- names: ixy_pool_open is pool_open of the module, IXY_E_HANDLE is E_HANDLE, ixy_pool_config is PoolConfig ---- */

%rename("%(regex:/^ixy_(.*)/\\1/)s", %$isfunction) "";
%rename("%(regex:/^IXY_(.*)/\\1/)s", %$isconstant) "";
%rename("%(regex:/^ixy_([a-z]+)_?([a-z]*)_?([a-z]*)$/\\u\\1\\u\\2\\u\\3/)s", %$isclass) "";

/* ---- structs: struct_size is the constructor's affair, and addresses are no use to another language ---- */

%ignore *::struct_size;
%ignore *::reserved;
%ignore ixy_view::base;
%ignore ixy_view::owner;
%ignore ixy_view::metadata;

%define IXY_SIZED(TYPE)
%extend TYPE {
    TYPE()
    {
        TYPE *made = (TYPE *)calloc(1, sizeof *made);
        if (made) {
            made->struct_size = sizeof *made;
        }
        return made;
    }
}
%enddef
IXY_SIZED(ixy_pool_config)
IXY_SIZED(ixy_device_config)

/* ---- which calls leave a text: all but these ---- */

%define IXY_HOT
int32_t ixy_buf_alloc, int32_t ixy_buf_free, int32_t ixy_buf_read, int32_t ixy_buf_write, int32_t ixy_buf_metadata,
int32_t ixy_buf_metadata_set, int32_t ixy_rx_batch, int32_t ixy_tx_batch, int32_t ixy_rx_arm, int32_t byte,
int32_t set_byte
%enddef

#if defined(SWIGLUA)
%include "ixy_lua.i"
#else
%include "ixy_unified.i"
#endif

/* What a call fills in is made by the wrapper and returned. */
IXY_FILLED_IN(ixy_view, view)
IXY_FILLED_IN(ixy_info, info)
IXY_FILLED_IN(ixy_link, link)
IXY_FILLED_IN(ixy_stats, stats)
IXY_FILLED_IN(ixy_queue_stats, stats)
IXY_FILLED_IN(ixy_emu_counters, counters)
IXY_FILLED_IN(ixy_emu_meter, meter)
IXY_FILLED_IN_BESIDE_COUNT(ixy_found, found)
IXY_FILLED_IN_PLAIN(ixy_metadata, metadata)

/* No object: nil in Lua. */
%typemap(check) SWIGTYPE *self
{
    if (!$1) {
        SWIG_exception(SWIG_TypeError, "in $symname: there is no object");
    }
}

/* ---- Frames: count of the batch calls is within what the array holds ---- */

%typemap(check) (ixy_frame *frames, uint32_t count), (const ixy_frame *frames, uint32_t count)
{
    if ($2 > frames_capacity($1)) {
        SWIG_exception(SWIG_IndexError, "count is more than the Frames hold");
    }
}

%define IXY_INDEXED(METHOD, FRAMES, INDEX)
%exception METHOD
{
    if (INDEX >= FRAMES->capacity) {
        SWIG_exception(SWIG_IndexError, "no frame at this index: there are those from 0 to size() - 1");
    }
    $action
}
%enddef
IXY_INDEXED(Frames::get, arg1, arg2)
IXY_INDEXED(Frames::put, arg1, arg2)
IXY_INDEXED(Memory::byte, arg2, arg3)
IXY_INDEXED(Memory::set_byte, arg2, arg3)

%exception Frames::Frames
{
    if (arg1 == 0 || arg1 > IXY_BUFFERS_MAX) {
        SWIG_exception(SWIG_ValueError, "Frames hold 1 to BUFFERS_MAX frames");
    }
    $action
    if (!result) {
        SWIG_exception(SWIG_MemoryError, "no memory for so many Frames");
    }
}

%exception Frames::drop
{
    if (arg2 > arg1->capacity) {
        SWIG_exception(SWIG_IndexError, "count is more than the Frames hold");
    }
    $action
}

%nodefaultctor Frames;
%nodefaultdtor Frames;
typedef struct Frames {
    %extend {
        Frames(uint32_t capacity)
        {
            Frames *made = (Frames *)calloc(1, sizeof *made + capacity * sizeof made->items[0]);
            if (made) {
                made->capacity = capacity;
            }
            return made;
        }
        ~Frames() { free($self); }

        uint32_t size() { return $self->capacity; }

        /* A copy of a frame: to change one, put it back. */
        ixy_frame get(uint32_t index) { return $self->items[index]; }
        void put(uint32_t index, ixy_frame frame) { $self->items[index] = frame; }

        /* Moves the frames from `count` on to the front, over those that a batch call has done. */
        void drop(uint32_t count)
        {
            memmove($self->items, $self->items + count, ($self->capacity - count) * sizeof $self->items[0]);
        }
    }
} Frames;

/* ---- Memory: single bytes of packets, checked as ixy_buf_read checks, without its copies ---- */

/* The view is opened before there is an object: one that failed would be freed by some languages and not by others. The
 * library holds 1024 views; those of objects that are forgotten come back when the language's collector runs, which
 * does not see how much memory they hold. */
%exception Memory::Memory
{
    ixy_view view;
    memset(&view, 0, sizeof view);
    view.struct_size = sizeof view;
    int32_t code = ixy_pool_view(arg1, &view);
    if (code == IXY_E_LIMIT) {
        IXY_COLLECT();
        code = ixy_pool_view(arg1, &view);
    }
    if (code < 0) {
        IXY_RAISE(code, ixy_last_error());
    }
    $action
    if (!result) {
        ixy_pool_view_release(view.view);
        SWIG_exception(SWIG_MemoryError, "no memory");
    }
    result->view = view;
}

%nodefaultctor Memory;
%nodefaultdtor Memory;
typedef struct Memory {
    %extend {
        Memory(uint64_t pool)
        {
            (void)pool;
            return (Memory *)calloc(1, sizeof(Memory));
        }
        ~Memory()
        {
            ixy_pool_view_release($self->view.view);
            free($self);
        }

        /* Byte `at` of the packet that frames[index] describes. */
        int32_t byte(Frames *FRAMES, uint32_t index, uint32_t at)
        {
            uint8_t *byte = NULL;
            int32_t code = memory_byte($self, FRAMES, index, at, &byte);
            return code < 0 ? code : *byte;
        }
        int32_t set_byte(Frames *FRAMES, uint32_t index, uint32_t at, uint8_t value)
        {
            uint8_t *byte = NULL;
            int32_t code = memory_byte($self, FRAMES, index, at, &byte);
            if (code == 0) {
                *byte = value;
            }
            return code;
        }
    }
} Memory;

%include "ixy_errors.h"
%include "ixy_abi.h"
