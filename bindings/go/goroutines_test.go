package ixy

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestTwoQueues forwards what a generator spreads over two queues, a goroutine a queue.
func TestTwoQueues(t *testing.T) {
	const total = 20000
	pool := newPool(t, PoolConfig{})
	device := started(t, "emu:82599,wire=gen,flows=64,limit=20000", pool, DeviceConfig{RxQueues: 2, TxQueues: 2})
	var done int64
	var received [2]int
	var group sync.WaitGroup
	deadline := time.Now().Add(30 * time.Second)
	for queue := range received {
		group.Add(1)
		go func(queue int) {
			defer group.Done()
			frames := make([]Frame, 32)
			for atomic.LoadInt64(&done) < total && time.Now().Before(deadline) {
				n, err := device.Receive(queue, frames)
				if err != nil {
					t.Error(err)
					return
				}
				for _, frame := range frames[:n] {
					if err := pool.Packet(frame).AddUint8(48, 1); err != nil {
						t.Error(err)
					}
				}
				for sent := 0; sent < n; {
					k, err := device.Transmit(queue, frames[sent:n])
					if err != nil {
						t.Error(err)
						return
					}
					sent += k
				}
				received[queue] += n
				stats, err := device.Stats()
				if err != nil {
					t.Error(err)
					return
				}
				if n == 0 && uint64(atomic.LoadInt64(&done))+stats.RxMissed >= total {
					return
				}
				atomic.AddInt64(&done, int64(n))
			}
		}(queue)
	}
	group.Wait()
	if received[0] == 0 || received[1] == 0 {
		t.Errorf("received %v: not both queues", received)
	}
	for {
		counters, err := device.EmuCounters()
		if err != nil {
			t.Fatal(err)
		}
		if counters.Verified == uint64(received[0]+received[1]) {
			if counters.Damaged+counters.Repeated+counters.Foreign != 0 {
				t.Errorf("%+v", counters)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("received %v, verified %+v", received, counters)
		}
		time.Sleep(time.Millisecond)
	}
}

// TestOneQueueTwoGoroutines: each call does its work or says ErrBusy, and no frame is doubled or lost without being
// counted.
func TestOneQueueTwoGoroutines(t *testing.T) {
	pool := newPool(t, PoolConfig{})
	device := started(t, "emu:82599", pool, DeviceConfig{})
	var sent, received int64
	deadline := time.Now().Add(20 * time.Second)
	var group sync.WaitGroup
	for g := 0; g < 2; g++ {
		group.Add(1)
		go func() {
			defer group.Done()
			frames := make([]Frame, 16)
			for round := 0; round < 500; round++ {
				n, err := pool.Alloc(frames)
				if err != nil {
					t.Error(err)
					return
				}
				for i := range frames[:n] {
					if err := pool.SetLen(&frames[i], 60); err != nil {
						t.Error(err)
					}
				}
				k, err := device.Transmit(0, frames[:n])
				if err != nil && !errors.Is(err, ErrBusy) {
					t.Error(err)
				}
				if _, err := pool.Free(frames[k:n]); err != nil {
					t.Error(err)
				}
				atomic.AddInt64(&sent, int64(k))
				for n = 1; n > 0; {
					n, err = device.Receive(0, frames)
					if err != nil && !errors.Is(err, ErrBusy) {
						t.Error(err)
					}
					if _, err := pool.Free(frames[:n]); err != nil {
						t.Error(err)
					}
					atomic.AddInt64(&received, int64(n))
				}
			}
		}()
	}
	group.Wait()
	var missed int64 // while the receive ring was full, as its goroutine was told ErrBusy
	for frames := make([]Frame, 64); received+missed < sent; {
		stats, err := device.Stats()
		if err != nil {
			t.Fatal(err)
		}
		missed = int64(stats.RxMissed)
		n, err := device.Receive(0, frames)
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("received %d and missed %d of %d, %v", received, missed, sent, err)
		}
		free(t, pool, frames[:n])
		received += int64(n)
	}
	if sent == 0 || received+missed != sent {
		t.Errorf("received %d and missed %d of %d", received, missed, sent)
	}
}

// TestCloseWhileReceiving: the receiver sees packets, then ErrHandle, and its frames stay its own.
func TestCloseWhileReceiving(t *testing.T) {
	for round := 0; round < 20; round++ {
		pool := newPool(t, PoolConfig{})
		device := started(t, "emu:82599,wire=gen,stream=1", pool, DeviceConfig{})
		first := make(chan struct{})
		done := make(chan error)
		go func() {
			var once sync.Once
			frames := make([]Frame, 32)
			for {
				n, err := device.Receive(0, frames)
				if errors.Is(err, ErrBusy) {
					continue // Close is in the queue
				}
				if err != nil {
					done <- err
					return
				}
				if n > 0 {
					once.Do(func() { close(first) })
				}
				if _, err := pool.Free(frames[:n]); err != nil {
					done <- err
					return
				}
			}
		}()
		select {
		case <-first:
		case <-time.After(10 * time.Second):
			t.Fatal("nothing received")
		}
		if err := device.Close(); err != nil {
			t.Error(err)
		}
		wantError(t, <-done, ErrHandle)
	}
}

// TestPoolCloseWhileReading: access through a packet turns from right to ErrHandle and never faults.
func TestPoolCloseWhileReading(t *testing.T) {
	for round := 0; round < 50; round++ {
		pool := newPool(t, PoolConfig{Buffers: 16})
		packet := pool.Packet(alloc(t, pool, 1, 60)[0])
		started, done := make(chan struct{}), make(chan error)
		go func() {
			close(started)
			for {
				if _, err := packet.Uint8(48); err != nil {
					done <- err
					return
				}
			}
		}()
		<-started
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
		wantError(t, <-done, ErrHandle)
	}
}

// TestErrorTextsStayApart: texts are a thread's own in C, and each goroutine gets its own, wherever it ran.
func TestErrorTextsStayApart(t *testing.T) {
	var group sync.WaitGroup
	for _, word := range []string{"alpha", "beta", "gamma", "delta"} {
		group.Add(1)
		go func(word string) {
			defer group.Done()
			for i := 0; i < 200; i++ {
				_, err := Open("emu:82599,"+word+"=1", nil, DeviceConfig{})
				if !errors.Is(err, ErrAddress) || !strings.Contains(err.Error(), word) {
					t.Errorf("%s: %v", word, err)
					return
				}
			}
		}(word)
	}
	group.Wait()
}
