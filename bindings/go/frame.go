package ixy

// #include "control.h"
import "C"

import "unsafe"

// Frame names a packet in a pool's memory. It is a plain value: copies name the same packet. The zero Frame names none.
//
// Its fields are set by the C library and by the checked methods SetLen and Advance alone, so a frame always lies in
// its buffer, and access need check only who owns that.
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

// SetMore says whether the packet goes on in the next frame.
func (f *Frame) SetMore(more bool) {
	f.flags &^= C.IXY_FRAME_MORE
	if more {
		f.flags |= C.IXY_FRAME_MORE
	}
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
	room, err := p.room(frame)
	if err != nil {
		return err
	}
	if length < 0 || length > room.after || length > 1<<16-1 {
		return errFrame
	}
	frame.length = uint16(length)
	return nil
}

// Advance moves the packet's first byte n bytes on, so that it loses n bytes at its front, or gains -n if n is below
// 0. More than the packet has is ErrRange, more than its buffer has in front is ErrFrame.
func (p *Pool) Advance(frame *Frame, n int) error {
	room, err := p.room(frame)
	switch {
	case err != nil:
		return err
	case n > int(frame.length):
		return errRange
	case n < -room.before || int(frame.length)-n > 1<<16-1:
		return errFrame
	}
	frame.offset = uint32(int64(frame.offset) + int64(n))
	frame.length = uint16(int(frame.length) - n)
	return nil
}

// room is what a frame's buffer holds before the packet's first byte, and from it on.
type room struct{ before, after int }

func (p *Pool) room(frame *Frame) (room, error) {
	if frame == nil {
		return room{}, ErrArgument
	}
	if p.id() == 0 || frame.buf == 0 || !p.owns(frame.buf) {
		return room{}, errHandle
	}
	start := int64(frame.offset) - int64((frame.buf&p.mask)*p.stride)
	if start < 0 || start+int64(frame.length) > int64(p.stride) {
		return room{}, errFrame
	}
	return room{before: int(start), after: int(p.stride) - int(start)}, nil
}
