package ixy

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// Packet is access to the bytes of one frame. Each access checks that the program still owns the buffer (ErrHandle) and
// that the bytes lie in the packet (ErrRange). Numbers are in network byte order. A Packet is a small value, meant to
// be made where it is used; the zero Packet has no bytes.
type Packet struct {
	pool  *Pool
	frame Frame
}

// Packet returns access to a frame's bytes. It cannot fail; access through it does, if the frame is stale or of another
// pool.
func (p *Pool) Packet(frame Frame) Packet { return Packet{p, frame} }

// owns reports whether the program owns the buffer. It is one load and one comparison: the table's entry is the
// handle that is valid now, or 0. Any handle's index lies in the table.
func (p *Pool) owns(buf uint64) bool {
	return atomic.LoadUint64((*uint64)(unsafe.Add(p.owner, buf&p.mask*8))) == buf
}

// at is the address of a byte. runtime.KeepAlive(p.pool) follows its use, as that is what keeps the address mapped.
func (p Packet) at(offset int) unsafe.Pointer {
	return unsafe.Add(p.pool.base, uint(p.frame.offset)+uint(offset))
}

// Len returns the packet's length in bytes.
func (p Packet) Len() int { return int(p.frame.length) }

// Check returns ErrHandle unless the program owns the packet.
func (p Packet) Check() error {
	if p.pool == nil || p.frame.buf == 0 || !p.pool.owns(p.frame.buf) {
		return errHandle
	}
	return nil
}

// Uint8 returns a byte.
func (p Packet) Uint8(offset int) (uint8, error) {
	if uint(offset) >= uint(p.frame.length) {
		return 0, errRange
	}
	if !p.pool.owns(p.frame.buf) {
		return 0, errHandle
	}
	value := *(*uint8)(p.at(offset))
	runtime.KeepAlive(p.pool)
	return value, nil
}

// PutUint8 sets a byte.
func (p Packet) PutUint8(offset int, value uint8) error {
	if uint(offset) >= uint(p.frame.length) {
		return errRange
	}
	if !p.pool.owns(p.frame.buf) {
		return errHandle
	}
	*(*uint8)(p.at(offset)) = value
	runtime.KeepAlive(p.pool)
	return nil
}

// AddUint8 adds delta to a byte, with overflow; 0xFF subtracts one. It checks once what Uint8 and PutUint8 check
// twice. It is not atomic.
func (p Packet) AddUint8(offset int, delta uint8) error {
	if uint(offset) >= uint(p.frame.length) {
		return errRange
	}
	if !p.pool.owns(p.frame.buf) {
		return errHandle
	}
	*(*uint8)(p.at(offset)) += delta
	runtime.KeepAlive(p.pool)
	return nil
}

// Uint16 returns two bytes from offset on as a number.
func (p Packet) Uint16(offset int) (uint16, error) {
	if offset < 0 || offset > int(p.frame.length)-2 {
		return 0, errRange
	}
	if !p.pool.owns(p.frame.buf) {
		return 0, errHandle
	}
	b := (*[2]byte)(p.at(offset))
	value := uint16(b[0])<<8 | uint16(b[1])
	runtime.KeepAlive(p.pool)
	return value, nil
}

// PutUint16 sets two bytes.
func (p Packet) PutUint16(offset int, value uint16) error {
	if offset < 0 || offset > int(p.frame.length)-2 {
		return errRange
	}
	if !p.pool.owns(p.frame.buf) {
		return errHandle
	}
	*(*[2]byte)(p.at(offset)) = [2]byte{byte(value >> 8), byte(value)}
	runtime.KeepAlive(p.pool)
	return nil
}

// Uint32 returns four bytes from offset on as a number.
func (p Packet) Uint32(offset int) (uint32, error) {
	if offset < 0 || offset > int(p.frame.length)-4 {
		return 0, errRange
	}
	if !p.pool.owns(p.frame.buf) {
		return 0, errHandle
	}
	b := (*[4]byte)(p.at(offset))
	value := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	runtime.KeepAlive(p.pool)
	return value, nil
}

// PutUint32 sets four bytes.
func (p Packet) PutUint32(offset int, value uint32) error {
	if offset < 0 || offset > int(p.frame.length)-4 {
		return errRange
	}
	if !p.pool.owns(p.frame.buf) {
		return errHandle
	}
	*(*[4]byte)(p.at(offset)) = [4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}
	runtime.KeepAlive(p.pool)
	return nil
}

// CopyTo copies len(to) bytes, from the packet's byte offset on, out of the packet: all of them or none.
func (p Packet) CopyTo(to []byte, offset int) error {
	from, err := p.bytes(offset, len(to))
	if err != nil {
		return err
	}
	copy(to, from)
	runtime.KeepAlive(p.pool)
	return nil
}

// CopyFrom copies all of from into the packet, to its byte offset on: all of it or nothing.
func (p Packet) CopyFrom(from []byte, offset int) error {
	to, err := p.bytes(offset, len(from))
	if err != nil {
		return err
	}
	copy(to, from)
	runtime.KeepAlive(p.pool)
	return nil
}

// UnsafeBytes returns the packet's bytes as a slice over the pool's memory. Ownership is checked now and never again:
// after the packet was transmitted or freed the slice shows, and changes, whatever the buffer holds then. After the
// pool was closed it reads zeroes. A pool of which this was called keeps its addresses, without memory behind them,
// until the process ends.
func (p Packet) UnsafeBytes() ([]byte, error) {
	b, err := p.bytes(0, p.Len())
	if err != nil {
		return nil, err
	}
	if atomic.LoadUint32(&p.pool.raw) == 0 {
		atomic.StoreUint32(&p.pool.raw, 1)
	}
	return b, nil
}

// bytes is a part of the packet, all of which is checked.
func (p Packet) bytes(offset, size int) ([]byte, error) {
	if _, err := p.pool.room(&p.frame); err != nil {
		return nil, err
	}
	if offset < 0 || offset > p.Len() || size > p.Len()-offset {
		return nil, errRange
	}
	return unsafe.Slice((*byte)(p.at(offset)), size), nil
}
