//go:build !race

// Programs with data races, made on purpose: the race detector would report them instead of letting them run.

package ixy

import (
	"bytes"
	"errors"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"
)

// rewriter is a goroutine that rewrites frames, each time it is told to, at another moment after that.
type rewriter struct {
	round, ended int64
	done         chan struct{}
}

func rewriting(frames []Frame, rewrite func(frame *Frame)) *rewriter {
	r := &rewriter{done: make(chan struct{})}
	go func() {
		defer close(r.done)
		var delays int64
		for seen := int64(0); atomic.LoadInt64(&r.ended) == 0; {
			round := atomic.LoadInt64(&r.round)
			if round == seen {
				continue
			}
			seen = round
			for k := int64(0); k < round%97*20; k++ {
				atomic.AddInt64(&delays, 1)
			}
			for i := len(frames) - 1; i >= 0; i-- {
				rewrite(&frames[i])
			}
		}
	}()
	return r
}

func (r *rewriter) start() { atomic.AddInt64(&r.round, 1) }

func (r *rewriter) stop() {
	atomic.StoreInt64(&r.ended, 1)
	<-r.done
}

// TestSafetyRewrittenBatch sends and frees frames that another goroutine clears or exchanges meanwhile. Each buffer is
// sent, or freed, or still the program's.
func TestSafetyRewrittenBatch(t *testing.T) {
	for _, address := range []string{"emu:82599", "emu:virtio", "emu:virtio,ring=packed"} {
		pool, small := newPool(t, PoolConfig{Buffers: 16384}), newPool(t, PoolConfig{Buffers: 4})
		device := started(t, address+",timing=inline", pool, DeviceConfig{TxRingSize: 1024})
		foreign := alloc(t, small, 1, 60)
		own, frames := make([]Frame, 512), make([]Frame, 512)
		for _, rewrite := range []func(frame *Frame){
			func(frame *Frame) { *frame = Frame{} },
			func(frame *Frame) { *frame = foreign[0] },
			func(frame *Frame) { frame.SetMore(true) },
			func(frame *Frame) { frame.offset, frame.length = 1<<32-1, 1<<16-1 },
		} {
			other := rewriting(frames, rewrite)
			for end := time.Now().Add(100 * time.Millisecond); time.Now().Before(end); {
				n, err := pool.Alloc(own)
				if err != nil {
					t.Fatal(err)
				}
				for i := range own[:n] {
					if err := pool.SetLen(&own[i], 60); err != nil {
						t.Fatal(err)
					}
				}
				copy(frames, own[:n])
				other.start()
				_, _ = device.Transmit(0, frames[:n]) // an error or a count, as the frames were by then
				_, _ = pool.Free(frames[:n])
				for i := range own[:n] {
					if _, err := pool.Free(own[i : i+1]); err != nil && !errors.Is(err, ErrHandle) {
						t.Fatal(err)
					}
				}
				discard(t, pool, device, own)
			}
			other.stop()
		}
		free(t, small, foreign)
		if err := device.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, row := range []string{safe, raw} {
		mark(t, row, "changed during a call", "contained", "each frame is copied, then checked; no buffer is lost")
	}
}

// discard receives and frees what a loop brings back.
func discard(t *testing.T, pool *Pool, device *Device, frames []Frame) {
	t.Helper()
	for {
		n, err := device.Receive(0, frames)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
		free(t, pool, frames[:n])
	}
}

// TestSafetyRewrittenFrame moves one frame's beginning in two goroutines, and reads and writes through it in a third: the
// rest of the pool keeps its bytes.
func TestSafetyRewrittenFrame(t *testing.T) {
	pool := newPool(t, PoolConfig{Buffers: 3})
	frames := alloc(t, pool, 3, pool.BufferSize())
	around := [2]Packet{pool.Packet(frames[0]), pool.Packet(frames[2])}
	for _, packet := range around {
		if err := packet.CopyFrom(make([]byte, pool.BufferSize()), 0); err != nil {
			t.Fatal(err)
		}
	}
	shared := frames[1]
	var ended int64
	done := make(chan struct{}, 2)
	for g := 0; g < 2; g++ {
		go func() {
			for atomic.LoadInt64(&ended) == 0 {
				if pool.Advance(&shared, 60) != nil {
					_ = pool.Advance(&shared, -60)
				}
				_ = pool.SetLen(&shared, 60)
				_ = pool.SetLen(&shared, 600)
				_ = pool.SetMetadata(&shared, Metadata{VLAN: 1})
				if shared.Len() == 0 {
					shared = frames[1]
				}
			}
			done <- struct{}{}
		}()
	}
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); {
		packet := pool.Packet(shared)
		for _, offset := range []int{0, packet.Len() - 1, packet.Len() - 4, 599} {
			_ = packet.PutUint8(offset, 0xEE)
			_ = packet.PutUint32(offset, 0xEEEEEEEE)
		}
		_ = packet.CopyFrom([]byte{0xEE, 0xEE}, packet.Len()-2)
	}
	atomic.StoreInt64(&ended, 1)
	<-done
	<-done
	got := make([]byte, pool.BufferSize())
	for i, packet := range around {
		if err := packet.CopyTo(got, 0); err != nil {
			t.Fatal(err)
		}
		for at, b := range got {
			if b != 0 {
				t.Fatalf("byte %d of neighbour %d is %x", at, i, b)
			}
		}
	}
	free(t, pool, frames)
}

// TestSafetyDeviceWrites reads packets whose bytes go on changing, as a device or back end that gave a buffer up can change
// them. Text that was valid a moment ago is not when it is read.
func TestSafetyDeviceWrites(t *testing.T) {
	pool := newPool(t, PoolConfig{Buffers: 3})
	frames := alloc(t, pool, 3, pool.BufferSize())
	var slices [3][]byte
	for i := range slices {
		slices[i] = bytesOf(t, pool.Packet(frames[i]))
	}
	var ended int64
	done := make(chan struct{})
	go func() { // the device: it writes what it likes to all of one buffer
		defer close(done)
		for value := byte(0); atomic.LoadInt64(&ended) == 0; value++ {
			for i := range slices[1] {
				slices[1][i] = value * byte(i+1)
			}
			slices[1][len(slices[1])-1] = 0xF0 // the beginning of a character of four bytes
		}
	}()
	packet, text := pool.Packet(frames[1]), make([]byte, pool.BufferSize())
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); {
		if err := packet.CopyTo(text, 0); err != nil {
			t.Fatal(err)
		}
		for _, readable := range [][]byte{text, slices[1]} {
			if read := characters(readable); read != len(readable) {
				t.Fatalf("read %d bytes of %d", read, len(readable))
			}
		}
		length, err := packet.Uint16(12) // a length that the packet itself tells
		if err != nil {
			t.Fatal(err)
		}
		if err := packet.CopyTo(make([]byte, length), 14); (err == nil) != (int(length) <= packet.Len()-14) {
			t.Fatalf("%d bytes: %v", length, err)
		}
		if packet.Len() != len(text) || packet.Check() != nil {
			t.Fatal("the device changed the packet's length or owner")
		}
	}
	atomic.StoreInt64(&ended, 1)
	<-done
	for _, i := range []int{0, 2} {
		if !bytes.Equal(slices[i], make([]byte, len(slices[i]))) {
			t.Errorf("the packet beside it has changed: %d", i)
		}
	}
	mark(t, safe, "device writes on", "contained", "each access reads once, and checks its offset against the frame, which no device can write")
	mark(t, raw, "device writes on", "contained", "Go checks each index against the slice's length; the bytes may change at any time")
	free(t, pool, frames)
}

// characters reads text to its end, and returns how many bytes that took.
func characters(text []byte) (read int) {
	for read < len(text) {
		_, size := utf8.DecodeRune(text[read:])
		read += size
	}
	return read
}
