package ixy

import (
	"bytes"
	"math"
	"testing"
)

func TestPacketNumbers(t *testing.T) {
	pool := newPool(t, PoolConfig{Buffers: 1})
	frames := alloc(t, pool, 1, 8)
	packet := pool.Packet(frames[0])
	if err := packet.CopyFrom([]byte{1, 2, 3, 4, 5, 6, 7, 8}, 0); err != nil {
		t.Fatal(err)
	}
	b, err8 := packet.Uint8(7)
	h, err16 := packet.Uint16(3)
	w, err32 := packet.Uint32(4)
	if b != 8 || h != 0x0405 || w != 0x05060708 || err8 != nil || err16 != nil || err32 != nil {
		t.Errorf("%x %v, %x %v, %x %v", b, err8, h, err16, w, err32)
	}
	for _, err := range []error{packet.PutUint8(0, 0xA0), packet.PutUint16(1, 0xA1A2), packet.PutUint32(3, 0xA3A4A5A6),
		packet.AddUint8(7, 0xFF)} {
		if err != nil {
			t.Error(err)
		}
	}
	got := make([]byte, 8)
	if err := packet.CopyTo(got, 0); err != nil || !bytes.Equal(got, []byte{0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 7}) {
		t.Errorf("% x, %v", got, err)
	}
	raw, err := packet.UnsafeBytes()
	if err != nil || !bytes.Equal(raw, got) {
		t.Errorf("% x, %v", raw, err)
	}
	free(t, pool, frames)
}

// accesses calls every accessor with an offset at which the packet has less than a byte.
func accesses(packet Packet, offset int) map[string]error {
	_, err8 := packet.Uint8(offset)
	_, err16 := packet.Uint16(offset)
	_, err32 := packet.Uint32(offset)
	return map[string]error{
		"Uint8": err8, "Uint16": err16, "Uint32": err32,
		"PutUint8": packet.PutUint8(offset, 1), "PutUint16": packet.PutUint16(offset, 1), "PutUint32": packet.PutUint32(offset, 1),
		"AddUint8": packet.AddUint8(offset, 1),
		"CopyTo":   packet.CopyTo(make([]byte, 1), offset), "CopyFrom": packet.CopyFrom(make([]byte, 1), offset),
	}
}

func TestOffsetOutOfRange(t *testing.T) {
	pool := newPool(t, PoolConfig{Buffers: 1})
	frames := alloc(t, pool, 1, 60)
	packet := pool.Packet(frames[0])
	for _, offset := range []int{60, 61, -1, -4, math.MaxInt, math.MaxInt - 3, math.MinInt, 1 << 32} {
		for name, err := range accesses(packet, offset) {
			if err == nil {
				t.Errorf("%s(%d) succeeds", name, offset)
			} else {
				wantError(t, err, ErrRange)
			}
		}
	}
	_, err := packet.Uint16(59)
	wantError(t, err, ErrRange)
	wantError(t, packet.PutUint32(57, 1), ErrRange)
	wantError(t, packet.CopyTo(make([]byte, 3), 58), ErrRange)
	wantError(t, packet.CopyFrom(make([]byte, 61), 0), ErrRange)
	if err := packet.CopyTo(nil, 60); err != nil {
		t.Error(err)
	}
	free(t, pool, frames)
}

func TestStalePacket(t *testing.T) {
	pool := newPool(t, PoolConfig{Buffers: 1})
	frames := alloc(t, pool, 1, 60)
	packet := pool.Packet(frames[0])
	if err := packet.Check(); err != nil {
		t.Error(err)
	}
	free(t, pool, frames)
	for name, err := range accesses(packet, 0) {
		if err == nil {
			t.Errorf("%s succeeds", name)
		} else {
			wantError(t, err, ErrHandle)
		}
	}
	_, err := packet.UnsafeBytes()
	wantError(t, err, ErrHandle)
	wantError(t, packet.Check(), ErrHandle)
	wantError(t, pool.SetLen(&frames[0], 1), ErrHandle)
	wantError(t, pool.Advance(&frames[0], 1), ErrHandle)
}

func TestZeroFrameAndPacket(t *testing.T) {
	pool := newPool(t, PoolConfig{Buffers: 1})
	for _, packet := range []Packet{{}, pool.Packet(Frame{})} {
		for name, err := range accesses(packet, 0) {
			if err == nil {
				t.Errorf("%s succeeds", name)
			}
		}
		_, err := packet.UnsafeBytes()
		wantError(t, err, ErrHandle)
		wantError(t, packet.Check(), ErrHandle)
	}
	wantError(t, pool.SetLen(&Frame{}, 1), ErrHandle)
	wantError(t, pool.Advance(&Frame{}, 1), ErrHandle)
}

func TestFramePastItsBuffer(t *testing.T) {
	pool := newPool(t, PoolConfig{Buffers: 2})
	frames := alloc(t, pool, 1, 60)
	frame := &frames[0]
	for _, length := range []int{-1, 4096, 65535, 65536, math.MaxInt} {
		wantError(t, pool.SetLen(frame, length), ErrFrame)
	}
	for _, n := range []int{61, math.MaxInt} {
		wantError(t, pool.Advance(frame, n), ErrRange)
	}
	for _, n := range []int{-pool.Headroom() - 1, math.MinInt, math.MinInt + 60} {
		wantError(t, pool.Advance(frame, n), ErrFrame)
	}
	if frame.Len() != 60 {
		t.Errorf("a refused change left length %d", frame.Len())
	}
	free(t, pool, frames)
}

func TestAdvance(t *testing.T) {
	pool := newPool(t, PoolConfig{Buffers: 1})
	frames := alloc(t, pool, 1, 60)
	if err := pool.Packet(frames[0]).PutUint8(4, 0xAA); err != nil {
		t.Fatal(err)
	}
	if err := pool.Advance(&frames[0], 4); err != nil {
		t.Fatal(err)
	}
	if b, err := pool.Packet(frames[0]).Uint8(0); b != 0xAA || err != nil || frames[0].Len() != 56 {
		t.Errorf("byte %x, %v, length %d", b, err, frames[0].Len())
	}
	if err := pool.Advance(&frames[0], -4-pool.Headroom()); err != nil || frames[0].Len() != 60+pool.Headroom() {
		t.Errorf("%v, length %d", err, frames[0].Len())
	}
	if b, err := pool.Packet(frames[0]).Uint8(pool.Headroom() + 4); b != 0xAA || err != nil {
		t.Errorf("byte %x, %v", b, err)
	}
	free(t, pool, frames)
}

func TestAccessDoesNotAllocate(t *testing.T) {
	pool := newPool(t, PoolConfig{Buffers: 1})
	frames := alloc(t, pool, 1, 60)
	if n := testing.AllocsPerRun(100, func() {
		packet := pool.Packet(frames[0])
		_ = packet.PutUint32(8, 1)
		_ = packet.PutUint8(60, 1) // the error too
		_, _ = pool.Alloc(frames[:0])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	free(t, pool, frames)
}

func TestDataPathDoesNotAllocate(t *testing.T) {
	pool := newPool(t, PoolConfig{})
	device := started(t, "emu:82599,timing=inline", pool, DeviceConfig{})
	frames := alloc(t, pool, 8, 60)
	if n := testing.AllocsPerRun(100, func() {
		transmit(t, device, 0, frames)
		receive(t, device, 0, frames)
		for i := range frames {
			_ = pool.SetLen(&frames[i], 61)
			_ = pool.Advance(&frames[i], 1)
			_ = pool.SetMetadata(&frames[i], Metadata{})
			packet := pool.Packet(frames[i])
			_ = packet.AddUint8(59, 1)
			_, _ = packet.Metadata()
			_, _ = (*Pool)(nil).Packet(frames[i]).Uint16(0) // the errors too
		}
		_, _ = device.Transmit(-1, frames)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	free(t, pool, frames)
}
