package ixy

import (
	"runtime"
	"testing"
	"time"
)

func TestPoolDefaults(t *testing.T) {
	pool := newPool(t, PoolConfig{})
	if pool.Buffers() != 8192 || pool.BufferSize() != 2048 || pool.Headroom() != 128 {
		t.Errorf("%d buffers of %d bytes behind %d", pool.Buffers(), pool.BufferSize(), pool.Headroom())
	}
}

func TestPoolConfigRefused(t *testing.T) {
	for _, config := range []PoolConfig{
		{Buffers: 1 << 20}, {Buffers: -1}, {Buffers: 1 << 33},
		{BufferSize: 1000}, {BufferSize: 16384}, {BufferSize: -1024},
	} {
		_, err := NewPool(config)
		wantError(t, err, ErrArgument)
	}
}

func TestPoolRunsEmpty(t *testing.T) {
	pool := newPool(t, PoolConfig{Buffers: 4})
	frames := make([]Frame, 8)
	if n, err := pool.Alloc(frames); n != 4 || err != nil {
		t.Fatalf("got %d, %v", n, err)
	}
	_, err := pool.Alloc(frames[4:])
	wantError(t, err, ErrNoBuffers)
	free(t, pool, frames[:4])
}

func TestAllocAndFreeOfNothing(t *testing.T) {
	pool := newPool(t, PoolConfig{Buffers: 4})
	if n, err := pool.Alloc(nil); n != 0 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if n, err := pool.Free([]Frame{}); n != 0 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
}

func TestCountTooLarge(t *testing.T) {
	pool := newPool(t, PoolConfig{})
	frames := make([]Frame, BatchMax+1)
	_, err := pool.Alloc(frames)
	wantError(t, err, ErrRange)
	_, err = pool.Free(frames)
	wantError(t, err, ErrRange)
}

func TestFreedAndForeignFrames(t *testing.T) {
	pool, other := newPool(t, PoolConfig{Buffers: 4}), newPool(t, PoolConfig{Buffers: 4})
	frames := alloc(t, pool, 2, 60)
	_, err := other.Free(frames)
	wantError(t, err, ErrHandle)
	wantError(t, other.SetLen(&frames[0], 10), ErrHandle)
	wantError(t, other.Packet(frames[0]).PutUint8(0, 1), ErrHandle)
	free(t, pool, frames)
	_, err = pool.Free(frames)
	wantError(t, err, ErrHandle)
	_, err = pool.Free([]Frame{{}})
	wantError(t, err, ErrHandle)

	again := alloc(t, pool, 4, 60) // the same buffers under new handles
	_, err = pool.Packet(frames[0]).Uint8(0)
	wantError(t, err, ErrHandle)
	if n, err := pool.Free([]Frame{again[0], again[0], again[1]}); n != 1 || err != nil {
		t.Errorf("freed %d, %v; want the one before the repetition", n, err)
	}
	free(t, pool, again[1:])
}

func TestClosedPool(t *testing.T) {
	pool := newPool(t, PoolConfig{Buffers: 4})
	frame := alloc(t, pool, 1, 60)[0]
	packet := pool.Packet(frame)
	raw, err := packet.UnsafeBytes()
	if err != nil {
		t.Fatal(err)
	}
	raw[0] = 1
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	wantError(t, pool.Close(), ErrHandle)
	wantError(t, packet.Check(), ErrHandle)
	wantError(t, packet.PutUint8(0, 1), ErrHandle)
	wantError(t, packet.CopyTo(make([]byte, 1), 0), ErrHandle)
	wantError(t, pool.SetLen(&frame, 1), ErrHandle)
	_, err = pool.Alloc(make([]Frame, 1))
	wantError(t, err, ErrHandle)
	_, err = pool.FreeCount()
	wantError(t, err, ErrHandle)
	if raw[0] != 0 {
		t.Error("a raw view of a closed pool does not read zeroes")
	}
	raw[0] = 2 // and can be written
}

func TestPoolInUse(t *testing.T) {
	pool := newPool(t, PoolConfig{})
	device := open(t, "emu:82599", pool, DeviceConfig{})
	wantError(t, pool.Close(), ErrBusy)
	if err := device.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestNoPool(t *testing.T) {
	var none *Pool
	for _, pool := range []*Pool{none, {}} {
		wantError(t, pool.Close(), ErrHandle)
		_, err := pool.FreeCount()
		wantError(t, err, ErrHandle)
		_, err = pool.Alloc(make([]Frame, 1))
		wantError(t, err, ErrHandle)
		_, err = pool.Free(make([]Frame, 1))
		wantError(t, err, ErrHandle)
		wantError(t, pool.SetLen(&Frame{}, 1), ErrHandle)
		wantError(t, pool.Advance(&Frame{buf: 1}, 1), ErrHandle)
	}
	_, err := Open("emu:82599", &Pool{}, DeviceConfig{})
	wantError(t, err, ErrHandle)
	pool := newPool(t, PoolConfig{Buffers: 1})
	wantError(t, pool.SetLen(nil, 1), ErrArgument)
	wantError(t, pool.Advance(nil, 1), ErrArgument)
}

// TestForgottenObjects makes more pools and devices than may be open at once and closes none of them.
func TestForgottenObjects(t *testing.T) {
	for i := 0; i < 200; i++ {
		pool, err := NewPool(PoolConfig{Buffers: 2048})
		if err != nil {
			t.Fatalf("pool %d: %v", i, err)
		}
		if _, err := Open("emu:82599,timing=inline", pool, DeviceConfig{}); err != nil {
			t.Fatalf("device %d: %v", i, err)
		}
	}
}

// TestForgottenPool: a packet keeps its pool.
func TestForgottenPool(t *testing.T) {
	pool, err := NewPool(PoolConfig{Buffers: 1})
	if err != nil {
		t.Fatal(err)
	}
	packet := pool.Packet(alloc(t, pool, 1, 60)[0])
	for i := 0; i < 3; i++ {
		runtime.GC()
		time.Sleep(time.Millisecond)
		if err := packet.PutUint8(0, 1); err != nil {
			t.Error(err)
		}
	}
}

// TestManyPools opens more pools, one after the other, than there may be views at once: those of closed and of forgotten
// ones end with them.
func TestManyPools(t *testing.T) {
	for i := 0; i < 3000; i++ {
		pool, err := NewPool(PoolConfig{Buffers: 1})
		if err != nil {
			t.Fatalf("pool %d: %v", i, err)
		}
		frames := alloc(t, pool, 1, 60)
		if err := pool.Packet(frames[0]).PutUint8(59, 1); err != nil {
			t.Fatal(err)
		}
		if i%10 == 9 {
			continue // forgotten
		}
		if err := pool.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
