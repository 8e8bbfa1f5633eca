package ixy

// #include "control.h"
import "C"

// EmuCounters is what an emulated device's wire did. A generator (wire=gen) sends numbered, time-stamped, checked
// frames; its sink verifies every frame that comes back.
type EmuCounters struct {
	Violations  int    // things the driver did that the data sheet forbids; 0 for a correct driver
	Generated   uint64 // frames that the generator put on the wire and the device took in
	Verified    uint64 // frames that came to the sink right, each once
	Damaged     uint64 // frames with a wrong byte
	Repeated    uint64 // frames that came again
	Reordered   uint64 // frames that came after a later one of their stream; they are among the verified
	Foreign     uint64 // frames at the sink that no generator sent
	WireDropped uint64 // frames that the wire itself had no room for
}

// EmuMeter is a reading of the clock and of the model's own time, for measurements. Differences of two readings count.
type EmuMeter struct {
	BracketCycles int    // cost of one empty time bracket outside its own stamps, calibrated
	Cycles        uint64 // time-stamp counter now, fenced
	Nanoseconds   uint64 // monotonic clock now
	ModelCycles   uint64 // cycles spent in the model of this device so far
	Steps         uint64 // times that the model was stepped
	IdleSteps     uint64 // steps that found nothing to do
}

// EmuCounters steps an inline device, then returns its counters. A device that is not emulated is ErrUnsupported.
func (d *Device) EmuCounters() (EmuCounters, error) {
	c := C.ixy_emu_counters{struct_size: C.sizeof_ixy_emu_counters}
	if err := d.call(func(device C.uint64_t, text *C.char) C.int32_t { return C.ixygo_emu_counters_get(device, &c, text) }); err != nil {
		return EmuCounters{}, err
	}
	return EmuCounters{
		Violations: int(c.violations),
		Generated:  uint64(c.generated), Verified: uint64(c.verified), Damaged: uint64(c.damaged),
		Repeated: uint64(c.repeated), Reordered: uint64(c.reordered), Foreign: uint64(c.foreign),
		WireDropped: uint64(c.wire_dropped),
	}, nil
}

// EmuMeter returns a reading; the device is not stepped. A device that is not emulated is ErrUnsupported.
func (d *Device) EmuMeter() (EmuMeter, error) {
	c := C.ixy_emu_meter{struct_size: C.sizeof_ixy_emu_meter}
	if err := d.call(func(device C.uint64_t, text *C.char) C.int32_t { return C.ixygo_emu_meter_get(device, &c, text) }); err != nil {
		return EmuMeter{}, err
	}
	return EmuMeter{
		BracketCycles: int(c.bracket_cycles), Cycles: uint64(c.cycles), Nanoseconds: uint64(c.nanoseconds),
		ModelCycles: uint64(c.model_cycles), Steps: uint64(c.steps), IdleSteps: uint64(c.idle_steps),
	}, nil
}

// EmuViolations returns what the driver did that the data sheet forbids; the library keeps the texts of the first 64.
func (d *Device) EmuViolations() ([]string, error) {
	const kept = 64
	counters, err := d.EmuCounters()
	if err != nil {
		return nil, err
	}
	var violations []string
	for i := 0; i < counters.Violations && i < kept; i++ {
		var violation [C.IXY_TEXT_MAX]C.char
		err := d.call(func(device C.uint64_t, text *C.char) C.int32_t {
			return C.ixygo_emu_violation(device, C.uint32_t(i), &violation[0], text)
		})
		if err != nil {
			return nil, err
		}
		violations = append(violations, C.GoString(&violation[0]))
	}
	return violations, nil
}
