package main

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/libixy/libixy/bindings/go"
)

// patience is how long nothing may arrive before a run has failed.
const patience = 5 * time.Second

// figures is what a run answers.
type figures struct {
	Frames        uint64 `json:"frames"`
	Cycles        uint64 `json:"cycles"`
	Nanoseconds   uint64 `json:"nanoseconds"`
	ModelCycles   uint64 `json:"model_cycles"`
	Steps         uint64 `json:"steps"`
	IdleSteps     uint64 `json:"idle_steps"`
	BracketCycles int    `json:"bracket_cycles"`
	Polls         uint64 `json:"polls"`
	EmptyPolls    uint64 `json:"empty_polls"`
	Freed         uint64 `json:"freed"`
	Generated     uint64 `json:"generated"`
	Verified      uint64 `json:"verified"`
	Damaged       uint64 `json:"damaged"`
	Repeated      uint64 `json:"repeated"`
	Foreign       uint64 `json:"foreign"`
	RxMissed      uint64 `json:"rx_missed"`
	Violations    int    `json:"violations"`
}

// run opens the ports, forwards all frames of a request and closes what it opened.
func run(r request) (result *figures, err error) {
	pool, err := ixy.NewPool(ixy.PoolConfig{})
	if err != nil {
		return nil, err
	}
	defer closing(&err, pool.Close)
	burst := r.batch
	if burst < 8 {
		burst = 8
	}
	address := fmt.Sprintf("%s,wire=gen,limit=%d,burst=%d,timing=%s", r.device, r.frames/2, burst, r.timing)
	a, err := ixy.Open(address, pool, ixy.DeviceConfig{})
	if err != nil {
		return nil, err
	}
	defer closing(&err, a.Close)
	b, err := ixy.Open(address, pool, ixy.DeviceConfig{})
	if err != nil {
		return nil, err
	}
	defer closing(&err, b.Close)
	for _, device := range []*ixy.Device{a, b} {
		if err := device.Start(); err != nil {
			return nil, err
		}
	}
	return measure(r, &forwarder{pool: pool, a: a, b: b, frames: make([]ixy.Frame, r.batch)})
}

// closing keeps the first error of a run.
func closing(err *error, close func() error) {
	if failure := close(); *err == nil {
		*err = failure
	}
}

func measure(r request, f *forwarder) (*figures, error) {
	runtime.GC() // of earlier runs, not in this one
	startB, err := f.b.EmuMeter()
	if err != nil {
		return nil, err
	}
	startA, err := f.a.EmuMeter() // port A is read last before and first after: its clock is the sample's
	if err != nil {
		return nil, err
	}
	if err := f.forwardAll(r.variant, r.frames); err != nil {
		return nil, err
	}
	endA, errA := f.a.EmuMeter()
	endB, errB := f.b.EmuMeter()
	if errA != nil || errB != nil {
		return nil, errors.New("the meters cannot be read")
	}
	result, err := f.settle(r.frames)
	if err != nil {
		return nil, err
	}
	result.Frames = r.frames
	result.Cycles = endA.Cycles - startA.Cycles
	result.Nanoseconds = endA.Nanoseconds - startA.Nanoseconds
	result.ModelCycles = endA.ModelCycles - startA.ModelCycles + endB.ModelCycles - startB.ModelCycles
	result.Steps = endA.Steps - startA.Steps + endB.Steps - startB.Steps
	result.IdleSteps = endA.IdleSteps - startA.IdleSteps + endB.IdleSteps - startB.IdleSteps
	result.BracketCycles = endA.BracketCycles
	result.Polls, result.EmptyPolls, result.Freed = f.polls, f.emptyPolls, f.freed
	return result, nil
}

// settle waits until the sinks have seen all that was sent, or nothing more comes: what is missing shows in the
// counters.
func (f *forwarder) settle(frames uint64) (*figures, error) {
	for start := time.Now(); ; runtime.Gosched() {
		counters, err := f.counters()
		if err != nil {
			return nil, err
		}
		seen := counters.Verified + counters.Damaged + counters.Repeated + counters.Foreign + counters.RxMissed + f.freed
		if seen >= frames || time.Since(start) > patience {
			return counters, nil
		}
	}
}

// counters are those of both ports together.
func (f *forwarder) counters() (*figures, error) {
	total := &figures{}
	for _, device := range []*ixy.Device{f.a, f.b} {
		counters, err := device.EmuCounters()
		if err != nil {
			return nil, err
		}
		stats, err := device.Stats()
		if err != nil {
			return nil, err
		}
		total.Generated += counters.Generated
		total.Verified += counters.Verified
		total.Damaged += counters.Damaged
		total.Repeated += counters.Repeated
		total.Foreign += counters.Foreign
		total.Violations += counters.Violations
		total.RxMissed += stats.RxMissed
	}
	return total, nil
}
