package ixy

// #include "control.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// event is a receive queue's descriptor, which its device's interrupt makes readable, in the hands of Go's network
// poller. The library's own is nobody's to close, so the poller has a duplicate, from the queue's first Wait until Close.
type event struct {
	waiter sync.Mutex // held by the goroutine that waits
	file   *os.File   // under the events' mutex
}

// events are those of a device's receive queues. The mutex is held while the library's descriptor is duplicated and
// while the device is closed, as a descriptor's number may be another's after that.
type events struct {
	sync.Mutex
	queues [QueuesMax]event
	closed bool // with the device
}

var errNoContext = newError(C.IXY_E_ARGUMENT, "the context is nil; expected one, such as context.Background()")

// ReceiveContext fills frames from a receive queue as Receive does, and waits for the first packet as Wait does.
func (d *Device) ReceiveContext(ctx context.Context, queue int, frames []Frame) (int, error) {
	if ctx == nil {
		return 0, errNoContext
	}
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if n, err := d.Receive(queue, frames); n > 0 || err != nil || len(frames) == 0 {
			return n, err
		}
		if err := d.Wait(ctx, queue); err != nil {
			return 0, err
		}
	}
}

// Wait returns nil when there is something to receive from the queue. Until then the goroutine sleeps in Go's network
// poller, as in a read from a connection; it holds no thread, and the device interrupts only while it sleeps. When ctx is
// done first, Wait returns its error; when the device fails ErrDevice, when it is closed ErrHandle.
//
// One goroutine waits for a queue at a time; a second gets ErrBusy. A device without interrupts (no CanRxWait among its
// Info's Capabilities) is ErrUnsupported.
func (d *Device) Wait(ctx context.Context, queue int) error {
	if ctx == nil {
		return errNoContext
	}
	number, err := queueNumber(queue)
	if err != nil {
		return err
	}
	state := d.shared()
	file, err := state.event(number)
	if err != nil {
		return err
	}
	event := &state.events.queues[queue]
	if !event.waiter.TryLock() {
		return newError(C.IXY_E_BUSY, fmt.Sprintf("another goroutine waits for queue %d; right is one a queue", queue))
	}
	defer event.waiter.Unlock()
	return state.park(ctx, number, file)
}

// event returns the queue's file, which its first use makes.
func (s *deviceState) event(queue C.uint32_t) (*os.File, error) {
	s.events.Lock()
	defer s.events.Unlock()
	if file := s.events.queues[queue].file; file != nil {
		return file, nil
	}
	descriptor, err := control(func(text *C.char) C.int32_t { return C.ixygo_rx_fd(s.handle, queue, text) })
	if err != nil {
		return nil, err
	}
	// SYS_FCNTL instead of syscall.Dup: a program that this one starts shall not have it.
	duplicate, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(descriptor), syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return nil, newError(C.IXY_E_IO, fmt.Sprintf("fcntl to duplicate the descriptor of queue %d: %v", queue, errno))
	}
	file := os.NewFile(duplicate, fmt.Sprintf("receive queue %d", queue)) // it never blocks: that takes it to the poller
	s.events.queues[queue].file = file
	return file, nil
}

// close closes the files, under the mutex. Goroutines that wait for them wake up.
func (e *events) close() {
	e.closed = true
	for i := range e.queues {
		if e.queues[i].file != nil {
			e.queues[i].file.Close()
		}
	}
}

func (e *events) areClosed() bool {
	e.Lock()
	defer e.Unlock()
	return e.closed
}

// park sleeps until the queue has something to receive, or an error.
func (s *deviceState) park(ctx context.Context, queue C.uint32_t, file *os.File) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return newError(C.IXY_E_IO, fmt.Sprintf("waiting for queue %d: %v", queue, err))
	}
	if done := ctx.Done(); done != nil {
		over, ended := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			select {
			case <-done:
				file.SetReadDeadline(time.Unix(1, 0)) // in the past: it wakes the poller
			case <-over:
			}
		}()
		defer func() {
			close(over)
			<-ended
			file.SetReadDeadline(time.Time{})
		}()
	}
	// The poller forgets what it heard of the file before it calls armed the first time. So what happens after that,
	// between arming and sleeping too, wakes it.
	var result C.int32_t
	slept := false
	armed := func(uintptr) bool {
		result = C.ixy_rx_arm(s.handle, queue)
		slept = slept || result == 0
		return result != 0
	}
	err = raw.Read(armed)
	for err == nil && result == C.IXY_E_BUSY && slept {
		time.Sleep(time.Millisecond) // the device is being reset, or another goroutine receives
		err = raw.Read(armed)
	}
	runtime.KeepAlive(s)
	switch {
	case err == nil:
		_, err = batchResult(result)
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ctx.Err()
	case s.events.areClosed():
		return errHandle
	}
	return newError(C.IXY_E_IO, fmt.Sprintf("waiting for queue %d: %v", queue, err))
}
