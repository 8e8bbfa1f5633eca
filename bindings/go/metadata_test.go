package ixy

import (
	"strings"
	"testing"
	"time"
)

func TestMetadata(t *testing.T) {
	pool := newPool(t, PoolConfig{Buffers: 2})
	frames := alloc(t, pool, 2, 60)
	if got, err := pool.Packet(frames[0]).Metadata(); got != (Metadata{}) || err != nil {
		t.Errorf("fresh: %+v, %v", got, err)
	}
	want := Metadata{Flags: MetaVLAN | MetaTxUDPChecksum, Timestamp: 3 * time.Second, VLAN: 0xA064, L2Len: 14, L3Len: 255}
	if err := pool.SetMetadata(&frames[0], want); err != nil {
		t.Fatal(err)
	}
	if got, err := pool.Packet(frames[0]).Metadata(); got != want || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := pool.Packet(frames[1]).Metadata(); got != (Metadata{}) || err != nil {
		t.Errorf("its neighbour: %+v, %v", got, err)
	}
	wantError(t, pool.SetMetadata(&frames[1], Metadata{Flags: MetaTxUDPChecksum << 1}), ErrArgument)
	wantError(t, pool.SetMetadata(nil, want), ErrArgument)

	stale, other := frames[0], newPool(t, PoolConfig{Buffers: 1})
	wantError(t, other.SetMetadata(&stale, want), ErrHandle)
	free(t, pool, frames)
	for _, p := range []*Pool{pool, nil, {}} {
		wantError(t, p.SetMetadata(&stale, want), ErrHandle)
		wantError(t, p.SetMetadata(&Frame{}, want), ErrHandle)
	}
	_, err := pool.Packet(stale).Metadata()
	wantError(t, err, ErrHandle)
	_, err = Packet{}.Metadata()
	wantError(t, err, ErrHandle)

	again := alloc(t, pool, 2, 60) // the same buffers for other packets
	for _, frame := range again {
		if got, err := pool.Packet(frame).Metadata(); got != (Metadata{}) || err != nil {
			t.Errorf("the buffer's last packet's: %+v, %v", got, err)
		}
	}
	free(t, pool, again)
}

func TestMore(t *testing.T) {
	var frame Frame
	for _, more := range []bool{true, true, false, false} {
		frame.SetMore(more)
		if frame.More() != more || frame.Len() != 0 {
			t.Errorf("%+v after SetMore(%v)", frame, more)
		}
	}
}

func TestBitNames(t *testing.T) {
	for bits, want := range map[interface{ String() string }]string{
		Capabilities(0): "0", CanRxChecksum: "RX_CHECKSUM", CanJumbo | CanRxWait: "JUMBO|RX_WAIT",
		CanTxChecksum | 1<<31: "TX_CHECKSUM|0x80000000", Capabilities(1 << 8): "0x100",
		MetadataFlags(0): "0", MetaTimestamp | MetaTxUDPChecksum: "TIMESTAMP|TX_UDP_CHECKSUM",
	} {
		if got := bits.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestQueueStats(t *testing.T) {
	for _, address := range []string{"emu:82599,timing=inline", "emu:virtio,queues=2,timing=inline"} {
		pool := newPool(t, PoolConfig{})
		device := started(t, address, pool, DeviceConfig{RxQueues: 2, TxQueues: 2})
		transmit(t, device, 1, alloc(t, pool, 3, 60))
		frames := make([]Frame, 3)
		receive(t, device, 0, frames)
		free(t, pool, frames)
		info, err := device.Info()
		if err != nil || info.Capabilities&CanQueueStats == 0 {
			t.Errorf("%s: capabilities %v, %v", address, info.Capabilities, err)
		}
		for queue, want := range []QueueStats{{RxPackets: 3, RxBytes: 3 * 64}, {TxPackets: 3, TxBytes: 3 * 64}} {
			if got, err := device.QueueStats(queue); got != want || err != nil {
				t.Errorf("%s: queue %d: %+v, %v", address, queue, got, err)
			}
		}
		for _, queue := range []int{2, -1, 1 << 32} {
			_, err := device.QueueStats(queue)
			wantError(t, err, ErrRange)
		}
	}
}

// TestDevices can only say that what is found is whole, as it does not know this machine.
func TestDevices(t *testing.T) {
	devices, err := Devices()
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	for _, device := range devices {
		if !strings.HasPrefix(device.Address, "pci:") || device.Address <= last || device.Name == "" || device.Vendor == 0 ||
			device.Usable != (device.Missing == "") {
			t.Errorf("%+v after %s", device, last)
		}
		last = device.Address
	}
}
