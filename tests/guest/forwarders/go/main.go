// The guest tests' forwarder in Go; what it does: ../c/forward.c.
package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	ixy "github.com/libixy/libixy/bindings/go"
)

const (
	touchedByte = 48
	batch       = 32
	exitDevice  = 3
)

type forwarder struct {
	pool    *ixy.Pool
	devices []*ixy.Device
	frames  int
	seen    int
}

func (f *forwarder) open(addresses []string) (err error) {
	if f.pool, err = ixy.NewPool(ixy.PoolConfig{}); err != nil {
		return err
	}
	for _, address := range addresses {
		device, err := ixy.Open(address, f.pool, ixy.DeviceConfig{})
		if err != nil {
			return err
		}
		f.devices = append(f.devices, device)
	}
	for _, device := range f.devices {
		if err := device.Start(); err != nil {
			return err
		}
	}
	return nil
}

func (f *forwarder) close() error {
	for _, device := range f.devices {
		if err := device.Close(); err != nil {
			return err
		}
	}
	if f.pool == nil {
		return nil
	}
	return f.pool.Close()
}

func (f *forwarder) passOn(frames []ixy.Frame, to *ixy.Device) error {
	for _, frame := range frames {
		if err := f.pool.Packet(frame).AddUint8(touchedByte, 1); err != nil {
			return err
		}
	}
	f.seen += len(frames)
	for len(frames) > 0 {
		sent, err := to.Transmit(0, frames)
		if err != nil {
			return err
		}
		frames = frames[sent:]
	}
	return nil
}

func (f *forwarder) poll() error {
	frames := make([]ixy.Frame, batch)
	for f.seen < f.frames {
		for i, from := range f.devices {
			received, err := from.Receive(0, frames)
			if err != nil {
				return err
			}
			if err := f.passOn(frames[:received], f.devices[len(f.devices)-1-i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// reason is err, or for a device that failed what its link tells: a packet call has no text of its own.
func (f *forwarder) reason(err error) error {
	if errors.Is(err, ixy.ErrDevice) {
		for _, device := range f.devices {
			if _, why := device.Link(); errors.Is(why, ixy.ErrDevice) {
				return why
			}
		}
	}
	return err
}

func (f *forwarder) run(wait bool, addresses []string) error {
	if err := f.open(addresses); err != nil {
		return err
	}
	fmt.Println("forwarding")
	if wait {
		return f.wait()
	}
	return f.poll()
}

func fail(err error) int {
	var fault *ixy.Error
	if !errors.As(err, &fault) {
		fmt.Println(err)
		return 1
	}
	fmt.Printf("%s: %s\n", fault.Name, fault.Text)
	if errors.Is(err, ixy.ErrDevice) {
		return exitDevice
	}
	return 1
}

func forward(arguments []string) (status int) {
	wait := arguments[0] == "--wait"
	if wait {
		arguments = arguments[1:]
	}
	frames, err := strconv.Atoi(arguments[0])
	if err != nil {
		return fail(err)
	}
	f := forwarder{frames: frames}
	if err := f.run(wait, arguments[1:]); err != nil {
		status = fail(f.reason(err))
	}
	if err := f.close(); err != nil {
		return fail(err)
	}
	fmt.Printf("%d frames\nclosed cleanly\n", f.seen)
	return status
}

func main() {
	os.Exit(forward(os.Args[1:]))
}
