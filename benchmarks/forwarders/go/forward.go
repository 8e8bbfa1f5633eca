package main

import (
	"fmt"
	"time"

	"github.com/libixy/libixy/bindings/go"
)

// touched is the byte of each frame that is incremented.
const touched = 48

// forwarder is two ports and the frames that move between them.
type forwarder struct {
	pool   *ixy.Pool
	a, b   *ixy.Device
	frames []ixy.Frame // one batch

	received          uint64
	polls, emptyPolls uint64
	freed             uint64
	waitingSince      time.Time // zero while frames arrive
}

func (f *forwarder) forwardAll(variant string, frames uint64) error {
	forward := f.forward
	if variant == "get_put" {
		forward = f.forwardGetPut
	}
	for idle := 1; f.received < frames; idle++ {
		there, err := forward(f.a, f.b)
		if err != nil {
			return err
		}
		back, err := forward(f.b, f.a)
		if err != nil {
			return err
		}
		if there+back > 0 {
			idle = 0
			f.waitingSince = time.Time{}
		} else if idle%4096 == 0 {
			if done, err := f.giveUp(frames); done || err != nil {
				return err
			}
		}
	}
	return nil
}

// forward moves one batch and returns how many frames it received. Each frame is checked once.
func (f *forwarder) forward(from, to *ixy.Device) (int, error) {
	n, err := from.Receive(0, f.frames)
	f.polls++
	if n == 0 {
		f.emptyPolls++
		return 0, err
	}
	pool := f.pool
	for _, frame := range f.frames[:n] {
		if err := pool.Packet(frame).AddUint8(touched, 1); err != nil {
			return 0, err
		}
	}
	return n, f.send(to, f.frames[:n])
}

// forwardGetPut is forward with a read and a write, each of which checks the frame.
func (f *forwarder) forwardGetPut(from, to *ixy.Device) (int, error) {
	n, err := from.Receive(0, f.frames)
	f.polls++
	if n == 0 {
		f.emptyPolls++
		return 0, err
	}
	pool := f.pool
	for _, frame := range f.frames[:n] {
		packet := pool.Packet(frame)
		value, err := packet.Uint8(touched)
		if err != nil {
			return 0, err
		}
		if err := packet.PutUint8(touched, value+1); err != nil {
			return 0, err
		}
	}
	return n, f.send(to, f.frames[:n])
}

func (f *forwarder) send(to *ixy.Device, frames []ixy.Frame) error {
	sent, err := to.Transmit(0, frames)
	if err != nil {
		return err
	}
	f.received += uint64(len(frames))
	if sent < len(frames) {
		freed, err := f.pool.Free(frames[sent:])
		f.freed += uint64(freed)
		return err
	}
	return nil
}

// giveUp says, while nothing arrives, whether the device missed the rest; after some seconds it is an error.
func (f *forwarder) giveUp(frames uint64) (bool, error) {
	counters, err := f.counters()
	if err != nil || f.received+counters.RxMissed >= frames {
		return true, err
	}
	if f.waitingSince.IsZero() {
		f.waitingSince = time.Now()
	} else if time.Since(f.waitingSince) > patience {
		return true, fmt.Errorf("%d of %d frames arrived, then none for %v", f.received, frames, patience)
	}
	return false, nil
}
