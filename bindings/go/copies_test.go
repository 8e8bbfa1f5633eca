package ixy

import (
	"runtime"
	"testing"
	"time"
)

// collect gives the garbage collector what nobody holds, and its finalizers time to run.
func collect() {
	for i := 0; i < 3; i++ {
		runtime.GC()
		time.Sleep(5 * time.Millisecond)
	}
}

// onlyCopies makes a pool and a started device on it, and returns copies: the originals are garbage then.
func onlyCopies(t *testing.T) (Pool, Device) {
	t.Helper()
	pool, err := NewPool(PoolConfig{})
	if err != nil {
		t.Fatal(err)
	}
	device, err := Open("emu:82599,timing=inline", pool, DeviceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if err := device.Start(); err != nil {
		t.Fatal(err)
	}
	return *pool, *device
}

// TestSafetyCopied: a copy is as good as the original, and keeps what it names.
func TestSafetyCopied(t *testing.T) {
	pool, device := onlyCopies(t)
	collect()
	frames := alloc(t, &pool, 2, 60)
	again := frames[0] // frames and packets are values too
	packet := pool.Packet(again)
	for name, err := range accesses(packet, 0) {
		if err != nil {
			t.Errorf("%s through a copied pool: %v", name, err)
		}
	}
	other := device
	transmit(t, &other, 0, frames[:1])
	wantError(t, packet.Check(), ErrHandle)
	receive(t, &device, 0, frames[:1])
	free(t, &pool, frames)

	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := device.Receive(0, frames)
	wantError(t, err, ErrHandle)
	wantError(t, device.Close(), ErrHandle)
	if free, err := pool.FreeCount(); free != pool.Buffers() || err != nil {
		t.Errorf("%d of %d buffers are back, %v", free, pool.Buffers(), err)
	}
	kept := alloc(t, &pool, 1, 60)
	same := pool
	if err := same.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = pool.Alloc(frames)
	wantError(t, err, ErrHandle)
	wantAll(t, accesses(pool.Packet(kept[0]), 0), ErrHandle)
	wantError(t, pool.Close(), ErrHandle)
	for _, row := range []string{safe, raw} {
		mark(t, row, "object copied", "contained", "a copy is the same object, and keeps its memory; what was closed is ixy.ErrHandle in all copies")
	}
}

// TestOverwrittenPool: a device and a packet keep the pool that they were made of, whatever becomes of the variable.
func TestOverwrittenPool(t *testing.T) {
	pool, err := NewPool(PoolConfig{})
	if err != nil {
		t.Fatal(err)
	}
	device := started(t, "emu:82599,timing=inline", pool, DeviceConfig{})
	frames := alloc(t, pool, 1, 60)
	packet, was := pool.Packet(frames[0]), pool.shared().handle
	*pool = Pool{}
	collect()
	if err := packet.PutUint8(0, 42); err != nil {
		t.Error(err)
	}
	transmit(t, device, 0, frames)
	receive(t, device, 0, frames)
	if got := device.shared().memory.handle; got != was {
		t.Errorf("the device has pool %x, not %x", got, was)
	}
	_, err = pool.Free(frames)
	wantError(t, err, ErrHandle)
}

// TestForgottenDevice: once the last copy is forgotten, the device is closed.
func TestForgottenDevice(t *testing.T) {
	pool := newPool(t, PoolConfig{})
	open := func() (handle uint64) {
		device, err := Open("emu:82599", pool, DeviceConfig{})
		if err != nil {
			t.Fatal(err)
		}
		copied := *device
		return uint64(copied.shared().handle)
	}
	handle := open()
	for deadline := time.Now().Add(long); ; {
		collect()
		device := deviceOf(handle)
		_, err := device.Stats()
		if err != nil {
			wantError(t, err, ErrHandle)
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("a device that nobody holds is still open")
		}
	}
}
