package ixy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// moments is a context that something happens to at its n-th call, in the goroutine that calls it.
type moments struct {
	context.Context
	left   int
	happen func()
}

func (m *moments) count() {
	if m.left--; m.left == 0 {
		m.happen()
	}
}

func (m *moments) Done() <-chan struct{} {
	m.count()
	return m.Context.Done()
}

func (m *moments) Err() error {
	m.count()
	return m.Context.Err()
}

var errThrown = errors.New("thrown by a context")

// TestSafetyEveryMoment: a wait is cancelled, or a panic thrown, at each call of its context. The queue is free after that,
// and the next packet arrives.
func TestSafetyEveryMoment(t *testing.T) {
	onWaitingDevices(t, func(t *testing.T, pool *Pool, device *Device) {
		for moment := 1; moment <= 6; moment++ {
			for name, what := range map[string]func(cancel func()) func(){
				"cancel": func(cancel func()) func() { return cancel },
				"panic":  func(func()) func() { return func() { panic(errThrown) } },
			} {
				if err := interrupted(device, moment, what); err == nil {
					t.Errorf("%s at moment %d: no packet is there, and the wait succeeds", name, moment)
				}
				arrive(t, pool, device)
			}
		}
	})
}

// interrupted waits until its context's moment, or for a short while if it has fewer.
func interrupted(device *Device, moment int, what func(cancel func()) func()) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	defer func() {
		if thrown := recover(); thrown != nil {
			err = thrown.(error)
		}
	}()
	_, err = device.ReceiveContext(&moments{ctx, moment, what(cancel)}, 0, make([]Frame, 1))
	return err
}

// TestSafetyCancelWhilePacketsCome cancels waits at any time while packets come: all that the device received are received.
func TestSafetyCancelWhilePacketsCome(t *testing.T) {
	const total = 2000
	for _, address := range waitingDevices {
		pool := newPool(t, PoolConfig{})
		device := started(t, address+",wire=gen,limit=2000,rate=20000", pool, DeviceConfig{})
		frames, received := make([]Frame, 4), 0
		for deadline, try := time.Now().Add(long), 0; received < total; try++ {
			if time.Now().After(deadline) {
				t.Fatalf("%s: received %d of %d", address, received, total)
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(try%200)*time.Microsecond)
			n, err := device.ReceiveContext(ctx, 0, frames)
			cancel()
			if err != nil && err != context.DeadlineExceeded {
				t.Fatal(err)
			}
			free(t, pool, frames[:n])
			received += n
		}
		if stats, err := device.Stats(); err != nil || stats.RxMissed+stats.RxDropped != 0 {
			t.Errorf("%s: %+v, %v", address, stats, err)
		}
	}
}

// TestSafetyCloseAtEveryMoment closes a device at each call of its waiter's context.
func TestSafetyCloseAtEveryMoment(t *testing.T) {
	for _, address := range waitingDevices {
		for moment := 1; moment <= 6; moment++ {
			pool := newPool(t, PoolConfig{})
			device := started(t, address, pool, DeviceConfig{})
			closed := false
			err := interrupted(device, moment, func(func()) func() {
				return func() {
					closed = true
					if err := device.Close(); err != nil {
						t.Error(err)
					}
				}
			})
			if want := map[bool]error{true: ErrHandle, false: context.DeadlineExceeded}[closed]; !errors.Is(err, want) &&
				err != context.DeadlineExceeded {
				t.Errorf("%s at moment %d: %v, want %v", address, moment, err, want)
			}
			if closed == errors.Is(device.Close(), nil) {
				t.Errorf("%s at moment %d: closed %v, and Close says otherwise", address, moment, closed)
			}
		}
	}
}

// TestSafetyCloseAtAnyTime closes a device at any time of a wait.
func TestSafetyCloseAtAnyTime(t *testing.T) {
	before := descriptors(t)
	for round := 0; round < 200; round++ {
		pool := newPool(t, PoolConfig{})
		device := started(t, waitingDevices[round%len(waitingDevices)], pool, DeviceConfig{})
		result := make(chan error, 1)
		go func() { result <- device.Wait(context.Background(), 0) }()
		time.Sleep(time.Duration(round) * time.Microsecond)
		if err := device.Close(); err != nil {
			t.Error(err)
		}
		wantError(t, woken(t, result), ErrHandle)
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	}
	if after := descriptors(t); after > before+2 {
		t.Errorf("%d descriptors are open, %d were", after, before)
	}
}

// TestSafetySignals sends signals to all threads of the process, in C's code too, while devices are opened, used and closed.
func TestSafetySignals(t *testing.T) {
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGUSR1)
	defer signal.Stop(heard)
	ended := make(chan struct{})
	var group sync.WaitGroup
	group.Add(1)
	go func() {
		defer group.Done()
		for {
			select {
			case <-ended:
				return
			default:
				signalThreads(t)
				time.Sleep(20 * time.Microsecond)
			}
		}
	}()
	before := descriptors(t)
	for round := 0; round < 20; round++ {
		for _, address := range waitingDevices {
			pool := newPool(t, PoolConfig{})
			device := started(t, address, pool, DeviceConfig{})
			transmit(t, device, 0, alloc(t, pool, 1, 60))
			frames := make([]Frame, 1)
			if n, err := device.ReceiveContext(context.Background(), 0, frames); n != 1 || err != nil {
				t.Fatalf("received %d, %v", n, err)
			}
			free(t, pool, frames)
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			if err := device.Wait(ctx, 0); err != context.DeadlineExceeded {
				t.Errorf("%v", err)
			}
			cancel()
			if err := device.Reset(); err != nil {
				t.Error(err)
			}
			if err := device.Close(); err != nil {
				t.Error(err)
			}
			if err := pool.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	close(ended)
	group.Wait()
	select {
	case <-heard:
	default:
		t.Error("no signal came")
	}
	if after := descriptors(t); after > before+2 {
		t.Errorf("%d descriptors are open, %d were", after, before)
	}
	for _, row := range []string{safe, raw} {
		mark(t, row, "interrupted", "run time", "the context's error, or ixy.ErrHandle after Close; signals change nothing")
	}
}

// signalThreads sends each thread a signal of Go's preemption and one of the program's.
func signalThreads(t *testing.T) {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Error(err)
		return
	}
	for i, thread := range threads {
		var id uintptr
		if _, err := fmt.Sscan(thread.Name(), &id); err != nil {
			t.Error(err)
		}
		number := []syscall.Signal{syscall.SIGURG, syscall.SIGUSR1}[i%2]
		_, _, _ = syscall.Syscall(syscall.SYS_TGKILL, uintptr(os.Getpid()), id, uintptr(number)) // it may have ended
	}
}

// TestSafetyDescriptor: no public function hands out a descriptor, and what the poller has is a duplicate: when that is lost,
// waiting fails and all else goes on.
func TestSafetyDescriptor(t *testing.T) {
	own := declared(t)
	for _, name := range []string{"Fd", "File", "SyscallConn", "RxFd", "state"} {
		if told := refused(t, own, "func main() { var device ixy.Device; _ = device."+name+" }"); !strings.Contains(told, name) {
			t.Errorf("device.%s: the compiler says %q", name, told)
		}
	}
	for _, value := range []interface{}{&Device{}, &Pool{}, Packet{}, &Frame{}} {
		kind := reflect.TypeOf(value)
		for i := 0; i < kind.NumMethod(); i++ {
			for method, j := kind.Method(i), 0; j < method.Type.NumOut(); j++ {
				_, file := reflect.Zero(method.Type.Out(j)).Interface().(interface{ Fd() uintptr })
				if file || method.Type.Out(j).Kind() == reflect.Uintptr {
					t.Errorf("%v.%s returns a descriptor", kind, method.Name)
				}
			}
		}
	}
	pool := newPool(t, PoolConfig{})
	device := started(t, "emu:82599", pool, DeviceConfig{})
	arrive(t, pool, device)
	result := waiting(t, context.Background(), device, 0)
	if err := device.shared().events.queues[0].file.Close(); err != nil {
		t.Fatal(err)
	}
	wantError(t, woken(t, result), ErrIO)
	wantError(t, device.Wait(context.Background(), 0), ErrIO)
	transmit(t, device, 0, alloc(t, pool, 1, 60))
	frames := make([]Frame, 1)
	receive(t, device, 0, frames)
	free(t, pool, frames)
	if err := device.Reset(); err != nil {
		t.Error(err)
	}
	if err := device.Close(); err != nil {
		t.Error(err)
	}
	for _, row := range []string{safe, raw} {
		mark(t, row, "descriptor closed", "cannot be written", "the network poller has a duplicate, which no function hands out")
	}
}
