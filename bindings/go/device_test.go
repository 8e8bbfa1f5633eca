package ixy

import (
	"context"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestAddressRefused(t *testing.T) {
	pool := newPool(t, PoolConfig{})
	for address, want := range map[string]error{
		"":                         ErrAddress,
		"emu":                      ErrAddress,
		"emu:i8254x":               ErrAddress,
		"nic:82599":                ErrAddress,
		"emu:82599,colour=red":     ErrAddress,
		"emu:82599,timing=often":   ErrAddress,
		"emu:82599\x00,wire=loop":  ErrAddress,
		strings.Repeat("e", 10000): ErrAddress,
		"emu:82599,wire=pcap,in=" + t.TempDir() + "/none.pcap": ErrNotFound,
	} {
		_, err := Open(address, pool, DeviceConfig{})
		wantError(t, err, want)
	}
}

func TestFeatures(t *testing.T) {
	for address, want := range map[string]map[string]bool{
		"emu:virtio,timing=inline":             {"VERSION_1": true, "RING_PACKED": false},
		"emu:virtio,ring=packed,timing=inline": {"VERSION_1": true, "RING_PACKED": true},
	} {
		device, err := Open(address, nil, DeviceConfig{})
		if err != nil {
			t.Fatal(err)
		}
		features, err := device.Features()
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]int{}
		for _, name := range features {
			seen[name]++
		}
		for name, has := range want {
			if (seen[name] == 1) != has || seen[name] > 1 {
				t.Errorf("%s: %s in %v: want %v", address, name, features, has)
			}
		}
		if err := device.Close(); err != nil {
			t.Fatal(err)
		}
		_, err = device.Features()
		wantError(t, err, ErrHandle)
	}
	intel, err := Open("emu:82599,timing=inline", nil, DeviceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer intel.Close()
	if features, err := intel.Features(); err != nil || len(features) != 0 {
		t.Errorf("an Intel device negotiates nothing: %v, %v", features, err)
	}
}

func TestErrorTextNamesTheMistake(t *testing.T) {
	_, err := Open("emu:82599,colour=red", nil, DeviceConfig{})
	if err == nil || !strings.Contains(err.Error(), "colour") || !strings.Contains(err.Error(), "IXY_E_ADDRESS") {
		t.Errorf("%v", err)
	}
}

// TestTapWithoutPermission gives up this thread's rights; the thread ends with the goroutine, as it stays locked.
func TestTapWithoutPermission(t *testing.T) {
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		if os.Geteuid() == 0 {
			const nobody = 65534
			if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, ^uintptr(0), nobody, ^uintptr(0)); errno != 0 {
				result <- errno
				return
			}
		}
		_, err := Open("emu:82599,tap=ixygo0", nil, DeviceConfig{})
		result <- err
	}()
	want := ErrPermission
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		want = ErrNotFound
	}
	wantError(t, <-result, want)
}

func TestDeviceConfigRefused(t *testing.T) {
	pool, small := newPool(t, PoolConfig{}), newPool(t, PoolConfig{Buffers: 64})
	for _, config := range []DeviceConfig{
		{FrameLenMax: 1000}, {FrameLenMax: -1}, {FrameLenMax: 20000},
		{RxQueues: QueuesMax + 1}, {TxQueues: -1}, {RxQueues: 1 << 32}, {RxRingSize: 100}, {TxRingSize: 8192}, {RxRingSize: 32},
	} {
		if _, err := Open("emu:82599", pool, config); err == nil {
			t.Errorf("%+v is accepted", config)
		} else {
			wantError(t, err, ErrRange)
		}
	}
	_, err := Open("emu:82599", small, DeviceConfig{})
	wantError(t, err, ErrPoolSize)
	_, err = Open("emu:82599", pool, DeviceConfig{Offloads: CanJumbo}) // a capability, but none to ask for here
	wantError(t, err, ErrArgument)
	_, err = Open("emu:82599", pool, DeviceConfig{Offloads: 1 << 31})
	wantError(t, err, ErrArgument)
}

func TestInfo(t *testing.T) {
	device := open(t, "emu:x540", nil, DeviceConfig{RxQueues: 2, TxRingSize: 64})
	info, err := device.Info()
	want := Info{Vendor: 0x8086, DeviceID: 0x1528, RxQueues: 2, TxQueues: 1, RxRingSize: 512, TxRingSize: 64,
		TxLenMin: info.TxLenMin, TxLenMax: 1514, Emulated: true, Driver: "ixgbe", Name: "Intel X540", Address: "emu:x540",
		Capabilities: info.Capabilities, RxLenMax: 1518, RxFramesMax: 1}
	if err != nil || info != want {
		t.Errorf("%+v, %v", info, err)
	}
	if info.TxLenMin < 14 || info.TxLenMin > 60 {
		t.Errorf("shortest frame %d", info.TxLenMin)
	}
}

func TestSettings(t *testing.T) {
	pool := newPool(t, PoolConfig{})
	device := started(t, "emu:82599", pool, DeviceConfig{})
	link, err := device.Link()
	for wait := 0; wait < 1000 && err == nil && !link.Up; wait++ { // Start requests the link, which takes its time
		time.Sleep(time.Millisecond)
		link, err = device.Link()
	}
	if err != nil || !link.Up || link.SpeedMbps != 10000 {
		t.Errorf("%+v, %v", link, err)
	}
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 9}
	if err := device.SetMAC(mac); err != nil {
		t.Error(err)
	}
	if got, err := device.MAC(); err != nil || got.String() != mac.String() {
		t.Errorf("%v, %v", got, err)
	}
	wantError(t, device.SetMAC(net.HardwareAddr{1, 0, 0, 0, 0, 9}), ErrArgument)
	wantError(t, device.SetMAC(net.HardwareAddr{2, 0}), ErrArgument)
	wantError(t, device.SetMAC(nil), ErrArgument)
	for _, on := range []bool{false, true} {
		if err := device.SetPromiscuous(on); err != nil {
			t.Error(err)
		}
	}
	if device.Pool() != pool {
		t.Error("another pool")
	}
}

func TestLoop(t *testing.T) {
	for _, timing := range []string{"inline", "threaded"} {
		pool := newPool(t, PoolConfig{})
		device := started(t, "emu:82599,timing="+timing, pool, DeviceConfig{})
		sent := alloc(t, pool, 32, 60)
		for i, frame := range sent {
			if err := pool.Packet(frame).CopyFrom(append(make([]byte, 59), byte(i)), 0); err != nil {
				t.Fatal(err)
			}
		}
		transmit(t, device, 0, sent)
		wantError(t, pool.Packet(sent[0]).PutUint8(0, 1), ErrHandle) // the device's now
		_, err := device.Transmit(0, sent)
		wantError(t, err, ErrHandle)

		received := make([]Frame, len(sent))
		receive(t, device, 0, received)
		for i, frame := range received {
			if b, err := pool.Packet(frame).Uint8(59); int(b) != i || err != nil || frame.Len() != 60 {
				t.Errorf("frame %d has %d, %v, length %d", i, b, err, frame.Len())
			}
		}
		free(t, pool, received)
		stats, err := device.Stats()
		if want := (Stats{RxPackets: 32, RxBytes: 32 * 64, TxPackets: 32, TxBytes: 32 * 64}); err != nil || stats != want {
			t.Errorf("%+v, %v", stats, err)
		}
		if err := device.Reset(); err != nil {
			t.Error(err)
		}
		if stats, err := device.Stats(); err != nil || stats != (Stats{}) {
			t.Errorf("after reset %+v, %v", stats, err)
		}
	}
}

func TestDataPathRefusals(t *testing.T) {
	pool, other := newPool(t, PoolConfig{}), newPool(t, PoolConfig{Buffers: 1})
	device := open(t, "emu:82599", pool, DeviceConfig{})
	frames := alloc(t, pool, 3, 60)
	some := make([]Frame, 1)
	_, err := device.Receive(0, some)
	wantError(t, err, ErrState)
	_, err = device.Transmit(0, frames)
	wantError(t, err, ErrState)
	if err := device.Start(); err != nil {
		t.Fatal(err)
	}
	wantError(t, device.Start(), ErrState)

	for _, queue := range []int{1, -1, 1 << 32, QueuesMax} {
		_, err = device.Receive(queue, some)
		wantError(t, err, ErrRange)
		_, err = device.Transmit(queue, frames)
		wantError(t, err, ErrRange)
	}
	_, err = device.Receive(0, make([]Frame, BatchMax+1))
	wantError(t, err, ErrRange)
	_, err = device.Transmit(0, make([]Frame, BatchMax+1))
	wantError(t, err, ErrRange)
	for _, none := range [][]Frame{nil, {}} {
		if n, err := device.Receive(0, none); n != 0 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if n, err := device.Transmit(0, none); n != 0 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}

	_, err = device.Transmit(0, []Frame{{}})
	wantError(t, err, ErrHandle)
	foreign := alloc(t, other, 1, 60)
	_, err = device.Transmit(0, foreign)
	wantError(t, err, ErrHandle)
	free(t, other, foreign)
	for _, length := range []int{0, 1515, 2048} {
		if err := pool.SetLen(&frames[1], length); err != nil {
			t.Fatal(err)
		}
		_, err = device.Transmit(0, frames[1:])
		wantError(t, err, ErrFrame)
	}
	if n, err := device.Transmit(0, frames); n != 1 || err != nil { // the good one before the bad one
		t.Errorf("%d, %v", n, err)
	}
	free(t, pool, frames[1:])
	receive(t, device, 0, some)
	free(t, pool, some)
}

func TestForgedFrame(t *testing.T) { // only a test in this package can make one
	pool := newPool(t, PoolConfig{})
	device := started(t, "emu:82599", pool, DeviceConfig{})
	frames := alloc(t, pool, 1, 60)
	past, below := frames[0], frames[0]
	past.offset += 1 << 20
	below.offset -= 1000
	for _, frame := range []Frame{past, below} {
		_, err := device.Transmit(0, []Frame{frame})
		wantError(t, err, ErrFrame)
		wantError(t, pool.Packet(frame).CopyTo(make([]byte, 1), 0), ErrFrame)
		wantError(t, pool.SetLen(&frame, 60), ErrFrame)
	}
	for _, buf := range []uint64{1, 1<<53 - 1, 1 << 63, 1<<64 - 1, frames[0].buf + 1, frames[0].buf ^ 1<<40} {
		forged := frames[0]
		forged.buf = buf
		_, err := device.Transmit(0, []Frame{forged})
		wantError(t, err, ErrHandle)
		wantError(t, pool.Packet(forged).PutUint8(0, 1), ErrHandle)
	}
	free(t, pool, frames)
}

func TestClosedDevice(t *testing.T) {
	pool := newPool(t, PoolConfig{})
	closed := started(t, "emu:82599", pool, DeviceConfig{})
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	var none *Device
	for _, device := range []*Device{closed, none, {}} {
		_, err := device.Receive(0, make([]Frame, 1))
		wantError(t, err, ErrHandle)
		_, err = device.Transmit(0, make([]Frame, 1))
		wantError(t, err, ErrHandle)
		wantError(t, device.Start(), ErrHandle)
		wantError(t, device.Reset(), ErrHandle)
		wantError(t, device.Close(), ErrHandle)
		_, err = device.Info()
		wantError(t, err, ErrHandle)
		_, err = device.Link()
		wantError(t, err, ErrHandle)
		_, err = device.Stats()
		wantError(t, err, ErrHandle)
		_, err = device.MAC()
		wantError(t, err, ErrHandle)
		wantError(t, device.SetMAC(net.HardwareAddr{2, 0, 0, 0, 0, 1}), ErrHandle)
		wantError(t, device.SetPromiscuous(true), ErrHandle)
		_, err = device.QueueStats(0)
		wantError(t, err, ErrHandle)
		wantError(t, device.Wait(context.Background(), 0), ErrHandle)
		_, err = device.ReceiveContext(context.Background(), 0, make([]Frame, 1))
		wantError(t, err, ErrHandle)
		_, err = device.EmuCounters()
		wantError(t, err, ErrHandle)
		_, err = device.EmuMeter()
		wantError(t, err, ErrHandle)
		_, err = device.EmuViolations()
		wantError(t, err, ErrHandle)
	}
	if none.Pool() != nil {
		t.Error("no device has a pool")
	}
}

func TestStartWithoutPool(t *testing.T) {
	wantError(t, open(t, "emu:82599", nil, DeviceConfig{}).Start(), ErrState)
}

func TestEmulated(t *testing.T) {
	pool := newPool(t, PoolConfig{})
	device := started(t, "emu:82599,wire=gen,limit=100,timing=inline", pool, DeviceConfig{})
	before, err := device.EmuMeter()
	if err != nil {
		t.Fatal(err)
	}
	frames := make([]Frame, 100)
	receive(t, device, 0, frames)
	for _, frame := range frames {
		if err := pool.Packet(frame).AddUint8(48, 1); err != nil {
			t.Fatal(err)
		}
	}
	transmit(t, device, 0, frames)
	counters, err := device.EmuCounters()
	if want := (EmuCounters{Generated: 100, Verified: 100}); err != nil || counters != want {
		t.Errorf("%+v, %v", counters, err)
	}
	after, err := device.EmuMeter()
	if err != nil || after.Cycles <= before.Cycles || after.Nanoseconds <= before.Nanoseconds || after.Steps <= before.Steps ||
		after.ModelCycles <= before.ModelCycles {
		t.Errorf("%+v, then %+v, %v", before, after, err)
	}
}

func TestVersion(t *testing.T) {
	want, err := os.ReadFile("../../VERSION")
	if err != nil {
		t.Fatal(err)
	}
	if Version() != strings.TrimSpace(string(want)) {
		t.Errorf("%s", Version())
	}
}
