package ixy_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/libixy/libixy/bindings/go"
)

// A port whose wire is a loop receives what it sends.
func Example() {
	pool, err := ixy.NewPool(ixy.PoolConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	port, err := ixy.Open("emu:82599,timing=inline", pool, ixy.DeviceConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer port.Close()
	if err := port.Start(); err != nil {
		log.Fatal(err)
	}

	frames := make([]ixy.Frame, 1)
	if _, err := pool.Alloc(frames); err != nil {
		log.Fatal(err)
	}
	if err := pool.SetLen(&frames[0], 60); err != nil {
		log.Fatal(err)
	}
	packet := pool.Packet(frames[0])
	if err := packet.PutUint16(12, 0x88B5); err != nil { // EtherType: local experimental
		log.Fatal(err)
	}
	if _, err := port.Transmit(0, frames); err != nil {
		log.Fatal(err)
	}
	if err := packet.PutUint16(12, 0); errors.Is(err, ixy.ErrHandle) {
		fmt.Println("the packet is the port's now")
	}

	n, err := port.Receive(0, frames)
	if err != nil {
		log.Fatal(err)
	}
	for _, frame := range frames[:n] {
		etherType, err := pool.Packet(frame).Uint16(12)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("received %d bytes of type %x\n", frame.Len(), etherType)
	}
	if _, err := pool.Free(frames[:n]); err != nil {
		log.Fatal(err)
	}
	// Output:
	// the packet is the port's now
	// received 60 bytes of type 88b5
}
