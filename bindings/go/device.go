package ixy

// #include <stdlib.h>
// #include "control.h"
import "C"

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"unsafe"
)

// DeviceConfig says how a device is opened; zero means the default.
type DeviceConfig struct {
	RxQueues    int          // receive queues, 1 to QueuesMax; default 1
	TxQueues    int          // transmit queues, 1 to QueuesMax; default 1; on a VirtIO device as many as RxQueues
	RxRingSize  int          // descriptors a receive queue, a power of two, 64 to 4096; default 512
	TxRingSize  int          // descriptors a transmit queue, a power of two, 64 to 4096; default 512
	Offloads    Capabilities // what the device shall do, of those up to CanRxTimestamp; default none
	FrameLenMax int          // longest frame, bytes without checksum; default 1514; more wants CanJumbo
}

// Device is a NIC, real or emulated. A copy is the same device: when one is closed all are. The zero Device is a closed one.
type Device struct {
	state *deviceState
}

// deviceState is what all copies of a Device share. handle, pool and memory never change.
type deviceState struct {
	handle C.uint64_t
	pool   *Pool       // as it was given to Open
	memory *poolMemory // of the pool, which must outlive the device
	events events
}

// noDevice stands for the state of a device that is not there; C refuses its handle.
var noDevice = &deviceState{}

// Info is what a device is.
type Info struct {
	Vendor, DeviceID       int // PCI ids
	RxQueues, TxQueues     int
	RxRingSize, TxRingSize int
	TxLenMin, TxLenMax     int // shortest and longest frame that Transmit takes, bytes
	Emulated               bool
	Driver                 string       // "ixgbe", "virtio"
	Name                   string       // "Intel 82599"
	Address                string       // as given to Open
	Capabilities           Capabilities // what the device and its driver can do
	Offloads               Capabilities // what Open asked for
	RxLenMax               int          // longest frame that is received, bytes
	RxFramesMax            int          // most frames that one received packet takes
}

// Link is the state of a device's link.
type Link struct {
	Up        bool
	SpeedMbps int // megabits a second, 0 while down or where the device does not tell
}

// Stats are a device's totals since it was opened or reset.
type Stats struct {
	RxPackets uint64 // frames that the device received well, with those it then had to drop
	RxBytes   uint64 // their bytes, with the 4 of each checksum
	TxPackets uint64 // frames that the device sent
	TxBytes   uint64 // their bytes, padding and checksum included
	RxMissed  uint64 // dropped by the device: no descriptor or no room for them
	RxErrors  uint64 // dropped by the device: checksum, length or other link errors
	RxDropped uint64 // dropped by the driver: completions that no correct device writes
	RxStarved uint64 // receive calls that could not repost every buffer because the pool was empty
}

// QueueStats are what one receive queue and the transmit queue of the same number did since the device was opened or
// reset, as Stats has it for all. Members of a queue that is not there are 0.
type QueueStats struct {
	RxPackets, RxBytes             uint64
	RxMissed, RxDropped, RxStarved uint64
	TxPackets, TxBytes             uint64
}

// Open opens a device by its address, "emu:82599" for one. No packet moves before Start. pool is where its buffers
// come from; with nil it can be queried but not started.
func Open(address string, pool *Pool, config DeviceConfig) (*Device, error) {
	if err := checkABI(); err != nil {
		return nil, err
	}
	if strings.IndexByte(address, 0) >= 0 {
		return nil, newError(C.IXY_E_ADDRESS, "the address holds a zero byte; an address is text such as emu:82599")
	}
	c := C.ixy_device_config{struct_size: C.sizeof_ixy_device_config, offloads: C.uint32_t(config.Offloads)}
	err := numbers(C.IXY_E_RANGE,
		member{&c.rx_queues, "DeviceConfig.RxQueues", config.RxQueues, QueuesMax},
		member{&c.tx_queues, "DeviceConfig.TxQueues", config.TxQueues, QueuesMax},
		member{&c.rx_ring_size, "DeviceConfig.RxRingSize", config.RxRingSize, ringSizeMax},
		member{&c.tx_ring_size, "DeviceConfig.TxRingSize", config.TxRingSize, ringSizeMax},
		member{&c.frame_len_max, "DeviceConfig.FrameLenMax", config.FrameLenMax, frameLenMax})
	if err != nil {
		return nil, err
	}
	state := &deviceState{pool: pool}
	if pool != nil {
		state.memory = pool.shared()
		c.pool = state.memory.handle
		if c.pool == 0 {
			return nil, newError(C.IXY_E_HANDLE, "the pool was not made by NewPool")
		}
	}
	name := C.CString(address)
	defer C.free(unsafe.Pointer(name))
	err = making(func(text *C.char) C.int32_t { return C.ixygo_device_open(name, &c, &state.handle, text) })
	if err != nil {
		return nil, err
	}
	runtime.SetFinalizer(state, func(state *deviceState) { C.ixy_device_close(state.handle) })
	return &Device{state}, nil
}

// shared is what the copies of the device share, noDevice if there is no device.
func (d *Device) shared() *deviceState {
	if d == nil || d.state == nil {
		return noDevice
	}
	return d.state
}

// call makes a control call on the device, which the garbage collector must not close meanwhile.
func (d *Device) call(call func(device C.uint64_t, text *C.char) C.int32_t) error {
	state := d.shared()
	_, err := control(func(text *C.char) C.int32_t { return call(state.handle, text) })
	runtime.KeepAlive(state)
	return err
}

// Start starts all queues: rings filled, link requested.
func (d *Device) Start() error {
	return d.call(func(device C.uint64_t, text *C.char) C.int32_t { return C.ixygo_device_start(device, text) })
}

// Reset resets the device and starts it again if it was started. Buffers in its rings go back to the pool, statistics
// begin at zero; a MAC address and promiscuous mode that were set stay.
func (d *Device) Reset() error {
	return d.call(func(device C.uint64_t, text *C.char) C.int32_t { return C.ixygo_device_reset(device, text) })
}

// Close stops the device and gives the buffers of its rings back to the pool. Frames that the program holds stay its
// own, and goroutines that wait get ErrHandle, as a second Close does. A device that is forgotten is closed by the
// garbage collector, some time.
func (d *Device) Close() error {
	state := d.shared()
	state.events.Lock()
	defer state.events.Unlock()
	err := d.call(func(device C.uint64_t, text *C.char) C.int32_t { return C.ixygo_device_close(device, text) })
	if err == nil {
		runtime.SetFinalizer(state, nil)
		state.events.close()
	}
	return err
}

// Pool returns the pool that the device was opened on, as Open got it, nil if none.
func (d *Device) Pool() *Pool { return d.shared().pool }

// Receive fills frames from a receive queue and returns how many, 0 when no packet is there. The program then owns
// their buffers. It never blocks. On a device that failed it is ErrDevice at once, as Transmit is.
func (d *Device) Receive(queue int, frames []Frame) (int, error) {
	state := d.shared()
	n := C.ixy_rx_batch(state.handle, u32(queue), first(frames), u32(len(frames)))
	runtime.KeepAlive(state)
	return batchResult(n)
}

// Transmit hands frames to a transmit queue and returns how many it took, 0 when the queue's ring is full. Those are
// stale from then on; the rest stay the program's own. It ends before the first bad frame; if that is frames[0], the
// error says what is wrong with it: ErrHandle or ErrFrame. It never blocks.
func (d *Device) Transmit(queue int, frames []Frame) (int, error) {
	state := d.shared()
	n := C.ixy_tx_batch(state.handle, u32(queue), first(frames), u32(len(frames)))
	runtime.KeepAlive(state)
	return batchResult(n)
}

// Info returns what the device is.
func (d *Device) Info() (Info, error) {
	c := C.ixy_info{struct_size: C.sizeof_ixy_info}
	if err := d.call(func(device C.uint64_t, text *C.char) C.int32_t { return C.ixygo_device_info(device, &c, text) }); err != nil {
		return Info{}, err
	}
	return Info{
		Vendor: int(c.vendor), DeviceID: int(c.device_id),
		RxQueues: int(c.rx_queues), TxQueues: int(c.tx_queues),
		RxRingSize: int(c.rx_ring_size), TxRingSize: int(c.tx_ring_size),
		TxLenMin: int(c.tx_len_min), TxLenMax: int(c.tx_len_max),
		Emulated: c.emulated != 0,
		Driver:   C.GoString(&c.driver[0]), Name: C.GoString(&c.name[0]), Address: C.GoString(&c.address[0]),
		Capabilities: Capabilities(c.capabilities), Offloads: Capabilities(c.offloads),
		RxLenMax: int(c.rx_len_max), RxFramesMax: int(c.rx_frames_max),
	}, nil
}

// Link returns the state of the link. Of a device that failed it says why, as ErrDevice; Reset starts it again.
func (d *Device) Link() (Link, error) {
	c := C.ixy_link{struct_size: C.sizeof_ixy_link}
	if err := d.call(func(device C.uint64_t, text *C.char) C.int32_t { return C.ixygo_device_link(device, &c, text) }); err != nil {
		return Link{}, err
	}
	return Link{Up: c.up != 0, SpeedMbps: int(c.speed_mbps)}, nil
}

// Stats returns the device's totals.
func (d *Device) Stats() (Stats, error) {
	c := C.ixy_stats{struct_size: C.sizeof_ixy_stats}
	if err := d.call(func(device C.uint64_t, text *C.char) C.int32_t { return C.ixygo_device_stats(device, &c, text) }); err != nil {
		return Stats{}, err
	}
	return Stats{
		RxPackets: uint64(c.rx_packets), RxBytes: uint64(c.rx_bytes),
		TxPackets: uint64(c.tx_packets), TxBytes: uint64(c.tx_bytes),
		RxMissed: uint64(c.rx_missed), RxErrors: uint64(c.rx_errors),
		RxDropped: uint64(c.rx_dropped), RxStarved: uint64(c.rx_starved),
	}, nil
}

// QueueStats returns what the receive queue and the transmit queue of that number did. A device that does not count by
// queue (no CanQueueStats) is ErrUnsupported.
func (d *Device) QueueStats(queue int) (QueueStats, error) {
	c := C.ixy_queue_stats{struct_size: C.sizeof_ixy_queue_stats}
	number, err := queueNumber(queue)
	if err != nil {
		return QueueStats{}, err
	}
	err = d.call(func(device C.uint64_t, text *C.char) C.int32_t {
		return C.ixygo_device_queue_stats(device, number, &c, text)
	})
	if err != nil {
		return QueueStats{}, err
	}
	return QueueStats{
		RxPackets: uint64(c.rx_packets), RxBytes: uint64(c.rx_bytes),
		RxMissed: uint64(c.rx_missed), RxDropped: uint64(c.rx_dropped), RxStarved: uint64(c.rx_starved),
		TxPackets: uint64(c.tx_packets), TxBytes: uint64(c.tx_bytes),
	}, nil
}

// Features returns the names of the features that driver and device agreed upon, as the VirtIO specification calls them:
// "VERSION_1", "RING_PACKED". A device that negotiates nothing, as Intel's, has none.
func (d *Device) Features() ([]string, error) {
	var features []string
	for {
		var feature [C.IXY_TEXT_MAX]C.char
		err := d.call(func(device C.uint64_t, text *C.char) C.int32_t {
			return C.ixygo_device_feature(device, C.uint32_t(len(features)), &feature[0], text)
		})
		if err != nil {
			return nil, err
		}
		if feature[0] == 0 { // past the last
			return features, nil
		}
		features = append(features, C.GoString(&feature[0]))
	}
}

// MAC returns the station address.
func (d *Device) MAC() (net.HardwareAddr, error) {
	mac := make(net.HardwareAddr, 6)
	err := d.call(func(device C.uint64_t, text *C.char) C.int32_t {
		return C.ixygo_device_mac(device, (*C.uint8_t)(&mac[0]), text)
	})
	if err != nil {
		return nil, err
	}
	return mac, nil
}

// SetMAC sets the station address, 6 bytes. A multicast or all-zero address is ErrArgument.
func (d *Device) SetMAC(mac net.HardwareAddr) error {
	if len(mac) != 6 {
		return newError(C.IXY_E_ARGUMENT, fmt.Sprintf("the station address %q has %d bytes; expected 6", mac.String(), len(mac)))
	}
	return d.call(func(device C.uint64_t, text *C.char) C.int32_t {
		return C.ixygo_device_mac_set(device, (*C.uint8_t)(&mac[0]), text)
	})
}

// SetPromiscuous chooses between every frame (the state after Open) and only broadcasts and those to the station
// address.
func (d *Device) SetPromiscuous(on bool) error {
	var value C.uint32_t
	if on {
		value = 1
	}
	return d.call(func(device C.uint64_t, text *C.char) C.int32_t {
		return C.ixygo_device_promiscuous_set(device, value, text)
	})
}
