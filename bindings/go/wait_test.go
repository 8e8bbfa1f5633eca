package ixy

import (
	"context"
	"errors"
	"os"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"
)

// long is more than any wait in these tests takes that ends as it should.
const long = 20 * time.Second

var waitingDevices = []string{"emu:82599", "emu:x550", "emu:virtio", "emu:virtio,ring=packed"}

// onWaitingDevices runs a test on a started device of each family, whose wire is a loop.
func onWaitingDevices(t *testing.T, test func(t *testing.T, pool *Pool, device *Device)) {
	for _, address := range waitingDevices {
		t.Run(address, func(t *testing.T) {
			pool := newPool(t, PoolConfig{})
			test(t, pool, started(t, address, pool, DeviceConfig{}))
		})
	}
}

// waiting starts a Wait in a goroutine of its own, and gives it the time to fall asleep.
func waiting(t *testing.T, ctx context.Context, device *Device, queue int) <-chan error {
	t.Helper()
	result := make(chan error, 1)
	go func() { result <- device.Wait(ctx, queue) }()
	select {
	case err := <-result:
		t.Fatalf("Wait returns at once: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	return result
}

// woken is the result of a Wait that must end now.
func woken(t *testing.T, result <-chan error) error {
	t.Helper()
	select {
	case err := <-result:
		return err
	case <-time.After(long):
		t.Fatal("Wait does not end")
		return nil
	}
}

// arrive waits for one packet, which it sends when the waiter sleeps, and receives it.
func arrive(t *testing.T, pool *Pool, device *Device) {
	t.Helper()
	result := waiting(t, context.Background(), device, 0)
	transmit(t, device, 0, alloc(t, pool, 1, 60))
	if err := woken(t, result); err != nil {
		t.Fatal(err)
	}
	frames := make([]Frame, 2)
	n, err := device.Receive(0, frames)
	if n != 1 || err != nil {
		t.Fatalf("received %d, %v", n, err)
	}
	free(t, pool, frames[:n])
}

func TestWait(t *testing.T) {
	onWaitingDevices(t, func(t *testing.T, pool *Pool, device *Device) {
		info, err := device.Info()
		if err != nil || info.Capabilities&CanRxWait == 0 {
			t.Errorf("capabilities %v, %v", info.Capabilities, err)
		}
		for i := 0; i < 5; i++ {
			arrive(t, pool, device)
		}
		// What is there already needs no sleep, however often it is asked for.
		transmit(t, device, 0, alloc(t, pool, 1, 60))
		for i := 0; i < 3; i++ {
			if err := device.Wait(context.Background(), 0); err != nil {
				t.Fatal(err)
			}
		}
		frames := make([]Frame, 1)
		receive(t, device, 0, frames)
		free(t, pool, frames)
	})
}

// TestResetWhileWaiting: the waiter sleeps on, and the next packet wakes it.
func TestResetWhileWaiting(t *testing.T) {
	onWaitingDevices(t, func(t *testing.T, pool *Pool, device *Device) {
		result := waiting(t, context.Background(), device, 0)
		for i := 0; i < 3; i++ {
			if err := device.Reset(); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-result:
				t.Fatalf("a reset ends Wait: %v", err)
			case <-time.After(20 * time.Millisecond):
			}
		}
		transmit(t, device, 0, alloc(t, pool, 1, 60))
		if err := woken(t, result); err != nil {
			t.Fatal(err)
		}
		frames := make([]Frame, 1)
		receive(t, device, 0, frames)
		free(t, pool, frames)
		arrive(t, pool, device)
	})
}

// TestWaitOnLiars: an interrupt without cause wakes nobody, a device that fails everybody.
func TestWaitOnLiars(t *testing.T) {
	for _, address := range waitingDevices {
		pool := newPool(t, PoolConfig{})
		device := started(t, address+",hostile=interrupt,every=1", pool, DeviceConfig{})
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
		if err := device.Wait(ctx, 0); err != context.DeadlineExceeded {
			t.Errorf("%s: %v", address, err)
		}
		cancel()
	}
	for _, address := range []string{"emu:virtio,hostile=index-jump", "emu:virtio,ring=packed,hostile=id-range"} {
		pool := newPool(t, PoolConfig{})
		device := started(t, address+",every=20", pool, DeviceConfig{})
		result := make(chan error, 1)
		go func() {
			frames := make([]Frame, 32)
			for {
				n, err := device.ReceiveContext(context.Background(), 0, frames)
				if err != nil {
					result <- err
					return
				}
				if _, err := pool.Free(frames[:n]); err != nil {
					result <- err
					return
				}
			}
		}()
		for failed, deadline := false, time.Now().Add(long); !failed && time.Now().Before(deadline); {
			frames := alloc(t, pool, 1, 60)
			sent, err := device.Transmit(0, frames)
			free(t, pool, frames[sent:])
			if failed = errors.Is(err, ErrDevice); err != nil && !failed {
				t.Fatal(err)
			}
		}
		wantError(t, woken(t, result), ErrDevice)
		wantError(t, device.Wait(context.Background(), 0), ErrDevice)
		if err := device.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestWaitCancel(t *testing.T) {
	onWaitingDevices(t, func(t *testing.T, pool *Pool, device *Device) {
		for i := 0; i < 3; i++ {
			ctx, cancel := context.WithCancel(context.Background())
			result := waiting(t, ctx, device, 0)
			cancel()
			if err := woken(t, result); err != context.Canceled {
				t.Errorf("%v", err)
			}
			if err := device.Wait(ctx, 0); err != context.Canceled {
				t.Errorf("%v", err)
			}
			if n, err := device.ReceiveContext(ctx, 0, make([]Frame, 1)); n != 0 || err != context.Canceled {
				t.Errorf("%d, %v", n, err)
			}
			arrive(t, pool, device) // and the next wait is none the wiser
		}
	})
}

func TestWaitDeadline(t *testing.T) {
	onWaitingDevices(t, func(t *testing.T, pool *Pool, device *Device) {
		for i := 0; i < 3; i++ {
			start := time.Now()
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
			n, err := device.ReceiveContext(ctx, 0, make([]Frame, 1))
			cancel()
			if n != 0 || err != context.DeadlineExceeded {
				t.Errorf("%d, %v", n, err)
			}
			if slept := time.Since(start); slept < 20*time.Millisecond || slept > long {
				t.Errorf("slept %v", slept)
			}
			arrive(t, pool, device)
		}
	})
}

func TestCloseWhileWaiting(t *testing.T) {
	for _, address := range waitingDevices {
		before := descriptors(t)
		for round := 0; round < 10; round++ {
			pool := newPool(t, PoolConfig{})
			device := started(t, address, pool, DeviceConfig{RxQueues: 1})
			ctx, cancel := context.WithCancel(context.Background())
			plain, cancelled := waiting(t, context.Background(), device, 0), make(chan error, 1)
			go func() { // loses the queue to the first, whatever the order
				_, err := device.ReceiveContext(ctx, 0, make([]Frame, 1))
				cancelled <- err
			}()
			wantError(t, woken(t, cancelled), ErrBusy)
			if err := device.Close(); err != nil {
				t.Error(err)
			}
			wantError(t, woken(t, plain), ErrHandle)
			wantError(t, device.Wait(ctx, 0), ErrHandle)
			cancel()
			if err := pool.Close(); err != nil {
				t.Error(err)
			}
		}
		if after := descriptors(t); after > before+2 {
			t.Errorf("%s: %d descriptors are open, %d were", address, after, before)
		}
	}
}

// descriptors counts those that this process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestOneWaiterAQueue(t *testing.T) {
	pool := newPool(t, PoolConfig{})
	device := started(t, "emu:82599", pool, DeviceConfig{})
	result := waiting(t, context.Background(), device, 0)
	err := device.Wait(context.Background(), 0)
	wantError(t, err, ErrBusy)
	if err != nil && !strings.Contains(err.Error(), "another goroutine waits for queue 0") {
		t.Error(err)
	}
	if _, err := device.Stats(); err != nil { // other calls go on meanwhile
		t.Error(err)
	}
	transmit(t, device, 0, alloc(t, pool, 1, 60))
	if err := woken(t, result); err != nil {
		t.Error(err)
	}
	frames := make([]Frame, 1)
	receive(t, device, 0, frames)
	free(t, pool, frames)
}

func TestWaitRefused(t *testing.T) {
	pool := newPool(t, PoolConfig{})
	background := context.Background()
	device := open(t, "emu:82599", pool, DeviceConfig{})
	wantError(t, device.Wait(background, 0), ErrState)
	if err := device.Start(); err != nil {
		t.Fatal(err)
	}
	for _, queue := range []int{1, -1, 1 << 32, QueuesMax, QueuesMax + 1} {
		wantError(t, device.Wait(background, queue), ErrRange)
		_, err := device.ReceiveContext(background, queue, make([]Frame, 1))
		wantError(t, err, ErrRange)
	}
	if n, err := device.ReceiveContext(background, 0, nil); n != 0 || err != nil {
		t.Errorf("room for no frame: %d, %v", n, err)
	}
	for _, address := range []string{"emu:82599,timing=inline", "emu:virtio,timing=inline"} {
		inline := started(t, address, pool, DeviceConfig{})
		if info, err := inline.Info(); err != nil || info.Capabilities&CanRxWait != 0 {
			t.Errorf("%s: capabilities %v, %v", address, info.Capabilities, err)
		}
		wantError(t, inline.Wait(background, 0), ErrUnsupported)
		_, err := inline.ReceiveContext(background, 0, make([]Frame, 1))
		wantError(t, err, ErrUnsupported)
	}
}

// TestWaitersHoldNoThread: sleeping goroutines are the poller's, all of them.
func TestWaitersHoldNoThread(t *testing.T) {
	pool := newPool(t, PoolConfig{Buffers: 32768})
	device := started(t, "emu:82599", pool, DeviceConfig{RxQueues: QueuesMax, RxRingSize: 64})
	threads := pprof.Lookup("threadcreate")
	before := threads.Count()
	ctx, cancel := context.WithCancel(context.Background())
	var results []<-chan error
	for queue := 0; queue < QueuesMax; queue++ {
		results = append(results, waiting(t, ctx, device, queue))
	}
	if more := threads.Count() - before; more > QueuesMax/2 {
		t.Errorf("%d goroutines that wait made %d threads", QueuesMax, more)
	}
	cancel()
	for _, result := range results {
		if err := woken(t, result); err != context.Canceled {
			t.Error(err)
		}
	}
}

// TestForwardAsleep forwards a slow generator's packets: the goroutine sleeps before each, and none is lost.
func TestForwardAsleep(t *testing.T) {
	const total = 400
	for _, device := range waitingDevices {
		pool := newPool(t, PoolConfig{})
		port := started(t, device+",wire=gen,limit=400,rate=2000", pool, DeviceConfig{})
		ctx, cancel := context.WithTimeout(context.Background(), long)
		var group sync.WaitGroup
		group.Add(1)
		go func() {
			defer group.Done()
			frames := make([]Frame, 32)
			for {
				n, err := port.ReceiveContext(ctx, 0, frames)
				if err != nil {
					if !errors.Is(err, context.Canceled) {
						t.Errorf("%s: %v", device, err)
					}
					return
				}
				for _, frame := range frames[:n] {
					if err := pool.Packet(frame).AddUint8(48, 1); err != nil {
						t.Error(err)
					}
				}
				sent, err := port.Transmit(0, frames[:n])
				if sent != n || err != nil {
					t.Errorf("transmitted %d of %d, %v", sent, n, err)
					return
				}
			}
		}()
		var counters EmuCounters
		for deadline := time.Now().Add(long); counters.Verified < total && time.Now().Before(deadline); {
			time.Sleep(5 * time.Millisecond)
			var err error
			if counters, err = port.EmuCounters(); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
		group.Wait()
		if want := (EmuCounters{Generated: total, Verified: total}); counters != want {
			t.Errorf("%s: %+v", device, counters)
		}
	}
}
