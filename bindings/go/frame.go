package ixy

// #include "control.h"
import "C"

import (
	"math"
	"runtime"
	"unsafe"
)

// Frame names a packet in a pool's memory. It is a plain value: copies name the same packet. The zero Frame names none.
//
// Its fields are set by the C library and by the checked methods SetLen and Advance alone, so a frame lies in its buffer
// unless goroutines race for it. Then it may be half one frame and half another, so whoever uses a frame copies it once, and
// checks and uses the copy.
type Frame struct {
	buf    uint64
	offset uint32
	length uint16
	flags  uint16
}

// The same layout as C's ixy_frame: both arrays have a negative length otherwise.
var (
	_ [unsafe.Sizeof(Frame{}) - C.sizeof_ixy_frame]struct{}
	_ [C.sizeof_ixy_frame - unsafe.Sizeof(Frame{})]struct{}
)

// Len returns the packet's length in bytes, without the Ethernet checksum.
func (f Frame) Len() int { return int(f.length) }

// More reports whether the packet goes on in the next frame of its slice, as one does that is longer than a buffer.
func (f Frame) More() bool { return f.flags&C.IXY_FRAME_MORE != 0 }

// SetMore says whether the packet goes on in the next frame. Of a nil frame it does nothing.
func (f *Frame) SetMore(more bool) {
	if f == nil {
		return
	}
	flags := f.flags &^ C.IXY_FRAME_MORE
	if more {
		flags |= C.IXY_FRAME_MORE
	}
	f.flags = flags
}

// first is the address of a batch for C. That makes the caller's slice live on the heap; `#cgo noescape` would spare
// it that, but `go mod vendor` of Go 1.19 fails on the word, whatever build tag its file has.
func first(frames []Frame) *C.ixy_frame {
	if len(frames) == 0 {
		return nil
	}
	return (*C.ixy_frame)(unsafe.Pointer(&frames[0]))
}

// SetLen sets the packet's length. Packets made from the frame before keep theirs. A length that leaves the buffer is
// ErrFrame.
func (p *Pool) SetLen(frame *Frame, length int) error {
	_, room, err := p.room(frame)
	if err != nil {
		return err
	}
	if length < 0 || length > room.after || length > math.MaxUint16 {
		return errFrame
	}
	frame.length = uint16(length)
	return nil
}

// Advance moves the packet's first byte n bytes on, so that it loses n bytes at its front, or gains -n if n is below
// 0. More than the packet has is ErrRange, more than its buffer has in front is ErrFrame.
func (p *Pool) Advance(frame *Frame, n int) error {
	was, room, err := p.room(frame)
	switch {
	case err != nil:
		return err
	case n > was.Len():
		return errRange
	case n < -room.before || was.Len()-n > math.MaxUint16:
		return errFrame
	}
	frame.offset = uint32(int64(was.offset) + int64(n))
	frame.length = uint16(was.Len() - n)
	return nil
}

// room is what a frame's buffer holds before the packet's first byte, and from it on.
type room struct{ before, after int }

// room returns a copy of the frame beside its room: another goroutine may change the frame meanwhile, so it is read once,
// which Go's memory model promises of a copy.
func (p *Pool) room(frame *Frame) (Frame, room, error) {
	if frame == nil {
		return Frame{}, room{}, ErrArgument
	}
	was, m := *frame, p.shared()
	owned := was.buf != 0 && m.owns(was.buf)
	runtime.KeepAlive(m)
	switch {
	case !owned:
		return Frame{}, room{}, errHandle
	case !m.holds(was):
		return Frame{}, room{}, errFrame
	}
	start := int(m.start(was))
	return was, room{before: start, after: int(m.stride) - start}, nil
}
