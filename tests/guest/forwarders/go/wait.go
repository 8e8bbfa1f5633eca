package main

import (
	"context"
	"errors"
	"sync"

	ixy "github.com/libixy/libixy/bindings/go"
)

// wait forwards with a goroutine each way, which sleep until there are frames. The last frame or an error ends both.
func (f *forwarder) wait() error {
	context, enough := context.WithCancel(context.Background())
	defer enough()
	var (
		ways  sync.WaitGroup
		mutex sync.Mutex
		first error
	)
	for i := range f.devices {
		ways.Add(1)
		go func(from, to *ixy.Device) {
			defer ways.Done()
			defer enough()
			if err := f.oneWay(context, &mutex, from, to); err != nil {
				mutex.Lock()
				defer mutex.Unlock()
				if first == nil {
					first = err
				}
			}
		}(f.devices[i], f.devices[len(f.devices)-1-i])
	}
	ways.Wait()
	return first
}

func (f *forwarder) oneWay(context context.Context, mutex *sync.Mutex, from, to *ixy.Device) error {
	frames := make([]ixy.Frame, batch)
	for context.Err() == nil {
		received, err := from.ReceiveContext(context, 0, frames)
		if context.Err() != nil && errors.Is(err, context.Err()) {
			return nil
		}
		if err != nil {
			return err
		}
		mutex.Lock()
		err = f.passOn(frames[:received], to)
		enough := f.seen >= f.frames
		mutex.Unlock()
		if err != nil || enough {
			return err
		}
	}
	return nil
}
