package ixy

import (
	"math"
	"math/bits"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// Packet is access to the bytes of one frame. Each access checks that the program still owns the buffer (ErrHandle) and
// that the bytes lie in the packet (ErrRange). Numbers are in network byte order. A Packet is a small value, meant to
// be made where it is used; the zero Packet has no bytes.
type Packet struct {
	memory *poolMemory
	frame  Frame
}

// nowhere lies in no pool's memory. It is where the bytes of a frame are that does not lie in its buffer.
const nowhere = math.MaxUint32

// Packet returns access to a frame's bytes. It cannot fail; access through it does, if the frame is stale or of another
// pool.
func (p *Pool) Packet(frame Frame) Packet {
	if p == nil || p.memory == nil {
		return Packet{noMemory, frame}
	}
	if !p.memory.holds(frame) {
		frame.offset = nowhere
	}
	return Packet{p.memory, frame}
}

// Len returns the packet's length in bytes.
func (p Packet) Len() int { return int(p.frame.length) }

// Check returns ErrHandle unless the program owns the packet.
func (p Packet) Check() error {
	if p.memory == nil || p.frame.buf == 0 {
		return errHandle
	}
	owned := p.memory.owns(p.frame.buf)
	runtime.KeepAlive(p.memory)
	if !owned {
		return errHandle
	}
	return nil
}

// Uint8 returns a byte.
func (p Packet) Uint8(offset int) (value uint8, err error) {
	if uint(offset) >= uint(p.frame.length) {
		return 0, errRange
	}
	offset += int(p.frame.offset)
	if !p.memory.reaches(p.frame.buf, uint(offset)) {
		return 0, errHandle
	}
	value = *(*uint8)(unsafe.Add(p.memory.base, offset))
	runtime.KeepAlive(p.memory)
	return value, nil
}

// PutUint8 sets a byte.
func (p Packet) PutUint8(offset int, value uint8) error {
	if uint(offset) >= uint(p.frame.length) {
		return errRange
	}
	offset += int(p.frame.offset)
	if !p.memory.reaches(p.frame.buf, uint(offset)) {
		return errHandle
	}
	*(*uint8)(unsafe.Add(p.memory.base, offset)) = value
	runtime.KeepAlive(p.memory)
	return nil
}

// AddUint8 adds delta to a byte, with overflow; 0xFF subtracts one. It checks once what Uint8 and PutUint8 check
// twice. It is not atomic.
func (p Packet) AddUint8(offset int, delta uint8) error {
	if uint(offset) >= uint(p.frame.length) {
		return errRange
	}
	offset += int(p.frame.offset)
	if !p.memory.reaches(p.frame.buf, uint(offset)) {
		return errHandle
	}
	*(*uint8)(unsafe.Add(p.memory.base, offset)) += delta
	runtime.KeepAlive(p.memory)
	return nil
}

// Uint16 returns two bytes from offset on as a number.
func (p Packet) Uint16(offset int) (value uint16, err error) {
	if offset < 0 || offset > int(p.frame.length)-2 {
		return 0, errRange
	}
	offset += int(p.frame.offset)
	if !p.memory.reaches(p.frame.buf, uint(offset+1)) {
		return 0, errHandle
	}
	value = *(*uint16)(unsafe.Add(p.memory.base, offset))
	runtime.KeepAlive(p.memory)
	return value<<8 | value>>8, nil
}

// PutUint16 sets two bytes.
func (p Packet) PutUint16(offset int, value uint16) error {
	if offset < 0 || offset > int(p.frame.length)-2 {
		return errRange
	}
	offset += int(p.frame.offset)
	if !p.memory.reaches(p.frame.buf, uint(offset+1)) {
		return errHandle
	}
	*(*uint16)(unsafe.Add(p.memory.base, offset)) = value<<8 | value>>8
	runtime.KeepAlive(p.memory)
	return nil
}

// Uint32 returns four bytes from offset on as a number.
func (p Packet) Uint32(offset int) (value uint32, err error) {
	if offset < 0 || offset > int(p.frame.length)-4 {
		return 0, errRange
	}
	offset += int(p.frame.offset)
	if !p.memory.reaches(p.frame.buf, uint(offset+3)) {
		return 0, errHandle
	}
	value = *(*uint32)(unsafe.Add(p.memory.base, offset))
	runtime.KeepAlive(p.memory)
	return bits.ReverseBytes32(value), nil
}

// PutUint32 sets four bytes.
func (p Packet) PutUint32(offset int, value uint32) error {
	if offset < 0 || offset > int(p.frame.length)-4 {
		return errRange
	}
	offset += int(p.frame.offset)
	if !p.memory.reaches(p.frame.buf, uint(offset+3)) {
		return errHandle
	}
	*(*uint32)(unsafe.Add(p.memory.base, offset)) = bits.ReverseBytes32(value)
	runtime.KeepAlive(p.memory)
	return nil
}

// CopyTo copies len(to) bytes, from the packet's byte offset on, out of the packet: all of them or none.
func (p Packet) CopyTo(to []byte, offset int) error {
	from, err := p.bytes(offset, len(to))
	if err != nil {
		return err
	}
	copy(to, from)
	runtime.KeepAlive(p.memory)
	return nil
}

// CopyFrom copies all of from into the packet, to its byte offset on: all of it or nothing.
func (p Packet) CopyFrom(from []byte, offset int) error {
	to, err := p.bytes(offset, len(from))
	if err != nil {
		return err
	}
	copy(to, from)
	runtime.KeepAlive(p.memory)
	return nil
}

// UnsafeBytes returns the packet's bytes as a slice over the pool's memory. Ownership is checked now and never again:
// after the packet was transmitted or freed the slice shows, and changes, whatever the buffer holds then. After the
// pool was closed it reads zeroes. A pool of which this was called keeps its addresses, without memory behind them,
// until the process ends; after 1024 such pools NewPool is ErrLimit.
func (p Packet) UnsafeBytes() ([]byte, error) {
	b, err := p.bytes(0, p.Len())
	if err != nil {
		return nil, err
	}
	if atomic.LoadUint32(&p.memory.raw) == 0 {
		atomic.StoreUint32(&p.memory.raw, 1)
	}
	return b, nil
}

// bytes is a part of the packet, all of which is checked.
func (p Packet) bytes(offset, size int) ([]byte, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	if !p.memory.holds(p.frame) {
		return nil, errFrame
	}
	if offset < 0 || offset > p.Len() || size > p.Len()-offset {
		return nil, errRange
	}
	return unsafe.Slice((*byte)(unsafe.Add(p.memory.base, uint64(p.frame.offset)+uint64(offset))), size), nil
}
