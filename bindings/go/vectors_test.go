package ixy

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The vectors that every binding runs, see tests/vectors in the repository.
const vectorFiles = "../../tests/vectors/*.json"

type vectorStep struct {
	Op         string
	Error      string
	Pool       string
	Device     string
	Frame      string
	From       string
	Into       json.RawMessage // a name or a list of names
	Frames     json.RawMessage // likewise
	Address    string
	Buffers    int
	BufferSize int `json:"buffer_size"`
	RxQueues   int `json:"rx_queues"`
	TxQueues   int `json:"tx_queues"`
	RxRingSize int `json:"rx_ring_size"`
	TxRingSize int `json:"tx_ring_size"`
	Equals     json.RawMessage
	Has        []string
	Lacks      []string
	Mac        string
	On         int
	Count      int
	Returned   int
	Len        int
	At         int
	Size       int
	Hex        string
	Seed       int
	Queue      int
	Sent       int
	Freed      int
	Max        int
	Polls      int
	Handle     string
	OffsetAdd  int64 `json:"offset_add"`

	Offloads    []string
	FrameLenMax int `json:"frame_len_max"`
	Flags       []string
	VlanTCI     uint16 `json:"vlan_tci"`
	L2Len       uint8  `json:"l2_len"`
	L3Len       uint8  `json:"l3_len"`
	NotBefore   string `json:"not_before"`
}

type vectorFile struct {
	About string
	Cases []struct {
		Name    string
		Devices []string        // the case runs once on each, if there are some
		Steps   json.RawMessage // of vectorStep, with {device} in its texts
	}
}

// vectorFrame is a frame variable, with the pool that reads and writes go through.
type vectorFrame struct {
	frames []Frame
	pool   *Pool
}

// vectorRun holds the variables of a case.
type vectorRun struct {
	tmp     string
	pools   map[string]*Pool
	devices map[string]*Device
	frames  map[string]*vectorFrame
}

func TestVectors(t *testing.T) {
	files, err := filepath.Glob(vectorFiles)
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors at %s: %v", vectorFiles, err)
	}
	for _, file := range files {
		var vectors vectorFile
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := decodeVector(content, &vectors); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if len(vectors.Cases) == 0 {
			t.Errorf("%s has no cases", file)
		}
		for _, c := range vectors.Cases {
			name := strings.TrimSuffix(filepath.Base(file), ".json") + "/" + c.Name
			devices := c.Devices
			if devices == nil {
				devices = []string{""}
			}
			for _, device := range devices {
				var steps []vectorStep
				content := bytes.ReplaceAll(c.Steps, []byte("{device}"), []byte(device))
				if err := decodeVector(content, &steps); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				label := strings.NewReplacer(",", " ", "=", "-").Replace(device) // it becomes part of {tmp}
				t.Run(strings.TrimSuffix(name+"/"+label, "/"), func(t *testing.T) { runVector(t, steps) })
			}
		}
	}
}

func decodeVector(content []byte, value interface{}) error {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	return decoder.Decode(value)
}

func runVector(t *testing.T, steps []vectorStep) {
	run := &vectorRun{t.TempDir(), map[string]*Pool{}, map[string]*Device{}, map[string]*vectorFrame{}}
	defer run.close()
	for i := range steps {
		step := &steps[i]
		var got string
		err := run.step(step)
		if err != nil {
			var failure *Error
			if !errors.As(err, &failure) {
				t.Fatalf("step %d, %s: %v", i, step.Op, err)
			}
			got = failure.Name
			if failure.Text == "" {
				t.Errorf("step %d, %s: the error has no text", i, step.Op)
			}
		}
		if got != step.Error {
			t.Fatalf("step %d, %+v: got error %v, want %q", i, *step, err, step.Error)
		}
	}
}

// close ends what a case left open; what it closed itself is stale by then.
func (r *vectorRun) close() {
	for _, device := range r.devices {
		_ = device.Close()
	}
	for _, pool := range r.pools {
		_ = pool.Close()
	}
}

func (r *vectorRun) step(s *vectorStep) error {
	pool, device := r.pools[s.Pool], r.devices[s.Device]
	switch s.Op {
	case "pool_open":
		made, err := NewPool(PoolConfig{Buffers: s.Buffers, BufferSize: s.BufferSize})
		r.pools[s.Pool] = made
		return err
	case "pool_close":
		return pool.Close()
	case "pool_free_count":
		return wantCall(s.Equals)(pool.FreeCount())
	case "device_open":
		made, err := Open(strings.ReplaceAll(s.Address, "{tmp}", r.tmp), pool, DeviceConfig{
			RxQueues: s.RxQueues, TxQueues: s.TxQueues, RxRingSize: s.RxRingSize, TxRingSize: s.TxRingSize,
			Offloads: Capabilities(bitsNamed(s.Offloads, capabilityNames)), FrameLenMax: s.FrameLenMax})
		r.devices[s.Device] = made
		return err
	case "device_start":
		return device.Start()
	case "device_reset":
		return device.Reset()
	case "device_close":
		return device.Close()
	case "device_info":
		i, err := device.Info()
		return wantMembers(s.Equals, err, map[string]interface{}{
			"vendor": i.Vendor, "device_id": i.DeviceID, "rx_queues": i.RxQueues, "tx_queues": i.TxQueues,
			"rx_ring_size": i.RxRingSize, "tx_ring_size": i.TxRingSize, "tx_len_min": i.TxLenMin, "tx_len_max": i.TxLenMax,
			"emulated": number(i.Emulated), "driver": i.Driver, "name": i.Name, "address": i.Address,
			"offloads": i.Offloads, "rx_len_max": i.RxLenMax, "rx_frames_max": i.RxFramesMax})
	case "features":
		features, err := device.Features()
		return wantFeatures(s, features, err)
	case "capabilities":
		i, err := device.Info()
		return wantFeatures(s, strings.Split(i.Capabilities.String(), "|"), err)
	case "link":
		l, err := device.Link()
		return wantMembers(s.Equals, err, map[string]interface{}{"up": number(l.Up), "speed_mbps": l.SpeedMbps})
	case "stats":
		v, err := device.Stats()
		return wantMembers(s.Equals, err, map[string]interface{}{
			"rx_packets": v.RxPackets, "rx_bytes": v.RxBytes, "tx_packets": v.TxPackets, "tx_bytes": v.TxBytes,
			"rx_missed": v.RxMissed, "rx_errors": v.RxErrors, "rx_dropped": v.RxDropped, "rx_starved": v.RxStarved})
	case "queue_stats":
		v, err := device.QueueStats(s.Queue)
		return wantMembers(s.Equals, err, map[string]interface{}{
			"rx_packets": v.RxPackets, "rx_bytes": v.RxBytes, "rx_missed": v.RxMissed, "rx_dropped": v.RxDropped,
			"rx_starved": v.RxStarved, "tx_packets": v.TxPackets, "tx_bytes": v.TxBytes})
	case "counters":
		v, err := device.EmuCounters()
		return wantMembers(s.Equals, err, map[string]interface{}{
			"violations": v.Violations, "generated": v.Generated, "verified": v.Verified, "damaged": v.Damaged,
			"repeated": v.Repeated, "reordered": v.Reordered, "foreign": v.Foreign, "wire_dropped": v.WireDropped})
	case "mac":
		mac, err := device.MAC()
		return wantCall(s.Equals)(mac.String(), err)
	case "mac_set":
		mac, err := net.ParseMAC(s.Mac)
		if err != nil {
			return err
		}
		return device.SetMAC(mac)
	case "promiscuous_set":
		return device.SetPromiscuous(s.On != 0)
	case "alloc":
		names := s.names(s.Into)
		frames := make([]Frame, len(names))
		n, err := pool.Alloc(frames)
		return r.name(names, frames, pool, n, err)
	case "alloc_count":
		frames := make([]Frame, s.Count)
		n, err := pool.Alloc(frames)
		r.frames[s.names(s.Into)[0]] = &vectorFrame{frames[:n], pool}
		return wantCount(s.Returned, n, err)
	case "tx":
		n, err := device.Transmit(s.Queue, r.batch(s))
		return wantCount(s.Sent, n, err)
	case "free":
		n, err := pool.Free(r.batch(s))
		return wantCount(s.Freed, n, err)
	case "rx":
		return r.receive(s, device)
	case "rx_until_error":
		frames := make([]Frame, 64)
		for polls := 0; polls < s.Polls; polls++ {
			n, err := device.Receive(s.Queue, frames)
			if err != nil {
				return err
			}
			freed, err := device.Pool().Free(frames[:n])
			if err := wantCount(n, freed, err); err != nil {
				return err
			}
		}
		return nil
	case "rx_none":
		n, err := device.Receive(s.Queue, make([]Frame, s.Max))
		return wantCount(0, n, err)
	default:
		return r.frameStep(s)
	}
}

// frameStep is a step on one frame variable.
func (r *vectorRun) frameStep(s *vectorStep) error {
	if s.Op == "forge" || s.Op == "frame_set" { // only a test in this package can make such frames
		from := r.frames[s.From]
		frame := from.frames[0]
		if s.Op == "forge" {
			handle, err := strconv.ParseUint(s.Handle, 0, 64)
			if err != nil {
				return err
			}
			frame.buf = handle
		} else {
			frame.offset = uint32(int64(frame.offset) + s.OffsetAdd)
			frame.length = uint16(s.Len)
		}
		r.frames[s.Frame] = &vectorFrame{[]Frame{frame}, from.pool}
		return nil
	}
	variable := r.frames[s.Frame]
	if variable == nil {
		return fmt.Errorf("no frame variable %q", s.Frame)
	}
	packet := variable.pool.Packet(variable.frames[0])
	switch s.Op {
	case "set_len":
		return variable.pool.SetLen(&variable.frames[0], s.Len)
	case "write":
		content, err := hex.DecodeString(s.Hex)
		if err != nil {
			return err
		}
		return packet.CopyFrom(content, s.At)
	case "read":
		got := make([]byte, s.Size)
		if err := packet.CopyTo(got, s.At); err != nil {
			return err
		}
		return want(s.Hex, hex.EncodeToString(got))
	case "fill":
		for i := 0; i < packet.Len(); i++ {
			if err := packet.PutUint8(i, uint8(s.Seed+7*i)); err != nil {
				return err
			}
		}
		return nil
	case "check":
		for i := 0; i < packet.Len(); i++ {
			got, err := packet.Uint8(i)
			if err != nil {
				return err
			}
			if got != uint8(s.Seed+7*i) {
				return fmt.Errorf("byte %d is %d, want %d", i, got, uint8(s.Seed+7*i))
			}
		}
		return want(s.Len, packet.Len())
	case "check_len":
		return want(s.Len, packet.Len())
	case "more":
		if s.Equals != nil {
			return wantValue(s.Equals, number(variable.frames[0].More()))
		}
		variable.frames[0].SetMore(s.On != 0)
		return nil
	case "metadata_set":
		return variable.pool.SetMetadata(&variable.frames[0], Metadata{
			Flags: MetadataFlags(bitsNamed(s.Flags, metadataNames)), VLAN: s.VlanTCI, L2Len: s.L2Len, L3Len: s.L3Len})
	case "metadata":
		m, err := packet.Metadata()
		if err == nil && s.NotBefore != "" {
			before, err := variable.pool.Packet(r.frames[s.NotBefore].frames[0]).Metadata()
			if err != nil {
				return err
			}
			if m.Timestamp < before.Timestamp {
				return fmt.Errorf("time stamp %v is before %v", m.Timestamp, before.Timestamp)
			}
		}
		return wantMembers(s.Equals, err, map[string]interface{}{
			"flags": m.Flags, "vlan_tci": m.VLAN, "l2_len": m.L2Len, "l3_len": m.L3Len, "timestamp": int64(m.Timestamp)})
	}
	return fmt.Errorf("unknown step %q", s.Op)
}

func (r *vectorRun) receive(s *vectorStep, device *Device) error {
	names := s.names(s.Into)
	frames := make([]Frame, s.Max)
	n, got := 0, 0
	var err error
	for polls := 0; polls < 1000 && n < len(names) && err == nil; polls++ {
		if polls > 0 {
			time.Sleep(time.Millisecond)
		}
		got, err = device.Receive(s.Queue, frames[n:])
		n += got
	}
	return r.name(names, frames, device.Pool(), n, err)
}

// name makes frames the values of frame variables.
func (r *vectorRun) name(names []string, frames []Frame, pool *Pool, n int, err error) error {
	if err != nil {
		return err
	}
	if n != len(names) {
		return fmt.Errorf("got %d frames, want %d", n, len(names))
	}
	for i, name := range names {
		r.frames[name] = &vectorFrame{[]Frame{frames[i]}, pool}
	}
	return nil
}

// batch collects the frames that a step names.
func (r *vectorRun) batch(s *vectorStep) []Frame {
	var batch []Frame
	for _, name := range s.names(s.Frames) {
		batch = append(batch, r.frames[name].frames...)
	}
	return batch
}

func (s *vectorStep) names(raw json.RawMessage) []string {
	var names []string
	if json.Unmarshal(raw, &names) == nil {
		return names
	}
	var name string
	if err := json.Unmarshal(raw, &name); err != nil {
		panic(fmt.Sprintf("%s: neither a name nor a list of names: %s", s.Op, raw))
	}
	return []string{name}
}

func want(want, got interface{}) error {
	if fmt.Sprint(want) != fmt.Sprint(got) {
		return fmt.Errorf("got %v, want %v", got, want)
	}
	return nil
}

func wantCount(count, n int, err error) error {
	if err != nil {
		return err
	}
	return want(count, n)
}

func wantCall(equals json.RawMessage) func(got interface{}, err error) error {
	return func(got interface{}, err error) error {
		if err != nil {
			return err
		}
		return wantValue(equals, got)
	}
}

func wantValue(equals json.RawMessage, got interface{}) error {
	if text := ""; json.Unmarshal(equals, &text) == nil {
		return want(text, got)
	}
	if names := []string(nil); json.Unmarshal(equals, &names) == nil { // of bits
		table := capabilityNames
		if _, ok := got.(MetadataFlags); ok {
			table = metadataNames
		}
		return want(bitNames(bitsNamed(names, table), table), got)
	}
	return want(string(equals), got)
}

func wantMembers(equals json.RawMessage, err error, got map[string]interface{}) error {
	if err != nil {
		return err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(equals, &members); err != nil {
		return err
	}
	for member, value := range members {
		have, known := got[member]
		if !known {
			return fmt.Errorf("no member %q", member)
		}
		if err := wantValue(value, have); err != nil {
			return fmt.Errorf("%s: %v", member, err)
		}
	}
	return nil
}

// bitsNamed is the set of bits of these names.
func bitsNamed(names, table []string) uint32 {
	var bits uint32
	for _, name := range names {
		i := 0
		for i < len(table) && table[i] != name {
			i++
		}
		bits |= 1 << i // past the last for an unknown name, which no call takes
	}
	return bits
}

func wantFeatures(s *vectorStep, features []string, err error) error {
	if err != nil {
		return err
	}
	list := " " + strings.Join(features, " ") + " "
	for _, name := range s.Has {
		if !strings.Contains(list, " "+name+" ") {
			return fmt.Errorf("no feature %s in%s", name, list)
		}
	}
	for _, name := range s.Lacks {
		if strings.Contains(list, " "+name+" ") {
			return fmt.Errorf("feature %s in%s", name, list)
		}
	}
	return nil
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
