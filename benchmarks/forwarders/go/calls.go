package main

import (
	"runtime"

	"github.com/libixy/libixy/bindings/go"
)

// callsAddress is where calls that move nothing are measured.
const callsAddress = "emu:82599,wire=loop,timing=threaded"

type callFigures struct {
	Calls       int    `json:"calls"`
	Cycles      uint64 `json:"cycles"`
	Nanoseconds uint64 `json:"nanoseconds"`
}

// calls receives into no room, count times: the call alone.
func calls(count int) (result *callFigures, err error) {
	pool, err := ixy.NewPool(ixy.PoolConfig{})
	if err != nil {
		return nil, err
	}
	defer closing(&err, pool.Close)
	device, err := ixy.Open(callsAddress, pool, ixy.DeviceConfig{})
	if err != nil {
		return nil, err
	}
	defer closing(&err, device.Close)
	if err := device.Start(); err != nil {
		return nil, err
	}
	runtime.GC()
	start, err := device.EmuMeter()
	if err != nil {
		return nil, err
	}
	for i := 0; i < count; i++ {
		if _, err := device.Receive(0, nil); err != nil {
			return nil, err
		}
	}
	end, err := device.EmuMeter()
	if err != nil {
		return nil, err
	}
	return &callFigures{count, end.Cycles - start.Cycles, end.Nanoseconds - start.Nanoseconds}, nil
}
