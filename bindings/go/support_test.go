package ixy

import (
	"errors"
	"testing"
	"time"
)

// newPool opens a pool and checks, when the test has ended, that every buffer has come back to it.
func newPool(t testing.TB, config PoolConfig) *Pool {
	t.Helper()
	pool, err := NewPool(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		free, err := pool.FreeCount()
		if errors.Is(err, ErrHandle) {
			return // the test itself closed it
		}
		if err != nil || free != pool.Buffers() {
			t.Errorf("%d of %d buffers are back, %v", free, pool.Buffers(), err)
		}
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	return pool
}

// open opens a device and, when the test has ended, checks that the driver did nothing forbidden and closes it.
func open(t testing.TB, address string, pool *Pool, config DeviceConfig) *Device {
	t.Helper()
	device, err := Open(address, pool, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		violations, err := device.EmuViolations()
		if errors.Is(err, ErrHandle) {
			return // the test itself closed it
		}
		if err != nil || len(violations) > 0 {
			t.Errorf("violations: %q, %v", violations, err)
		}
		if err := device.Close(); err != nil {
			t.Error(err)
		}
	})
	return device
}

func started(t testing.TB, address string, pool *Pool, config DeviceConfig) *Device {
	t.Helper()
	device := open(t, address, pool, config)
	if err := device.Start(); err != nil {
		t.Fatal(err)
	}
	return device
}

// alloc takes count frames of the given length, which the test frees or transmits.
func alloc(t testing.TB, pool *Pool, count, length int) []Frame {
	t.Helper()
	frames := make([]Frame, count)
	if n, err := pool.Alloc(frames); n != count || err != nil {
		t.Fatalf("got %d frames, %v", n, err)
	}
	for i := range frames {
		if err := pool.SetLen(&frames[i], length); err != nil {
			t.Fatal(err)
		}
	}
	return frames
}

func free(t testing.TB, pool *Pool, frames []Frame) {
	t.Helper()
	if n, err := pool.Free(frames); n != len(frames) || err != nil {
		t.Fatalf("freed %d of %d frames, %v", n, len(frames), err)
	}
}

func transmit(t testing.TB, device *Device, queue int, frames []Frame) {
	t.Helper()
	if n, err := device.Transmit(queue, frames); n != len(frames) || err != nil {
		t.Fatalf("transmitted %d of %d frames, %v", n, len(frames), err)
	}
}

// receive fills frames, however often it has to poll for that.
func receive(t testing.TB, device *Device, queue int, frames []Frame) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for n := 0; n < len(frames); {
		got, err := device.Receive(queue, frames[n:])
		if err != nil {
			t.Fatal(err)
		}
		if got == 0 && time.Now().After(deadline) {
			t.Fatalf("received %d of %d frames", n, len(frames))
		}
		n += got
	}
}

// wantError checks an error's code, name and text.
func wantError(t testing.TB, err, want error) {
	t.Helper()
	var failure *Error
	switch {
	case !errors.Is(err, want):
		t.Errorf("got %v, want %v", err, want)
	case !errors.As(err, &failure) || failure.Name != want.(*Error).Name || failure.Text == "":
		t.Errorf("%#v lacks its name or its text", err)
	}
}
