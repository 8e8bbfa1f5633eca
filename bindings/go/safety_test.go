package ixy

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"
)

// The safety table: each mistake is made, what comes of it checked, and then told (docs/safety.md).

const (
	safe = "safe"
	raw  = "raw slice"
)

// mark tells what was checked, unless a check has failed.
func mark(t *testing.T, row, column, word, detail string) {
	t.Helper()
	if !t.Failed() {
		fmt.Printf("safety: Go/%s | %s | %s | %s\n", row, column, word, detail)
	}
}

// wantAll checks that every access failed in the same way.
func wantAll(t *testing.T, errs map[string]error, want error) {
	t.Helper()
	for name, err := range errs {
		if err == nil {
			t.Errorf("%s succeeds", name)
		} else {
			wantError(t, err, want)
		}
	}
}

func bytesOf(t *testing.T, packet Packet) []byte {
	t.Helper()
	b, err := packet.UnsafeBytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// panics reports whether f panics with one of Go's own run-time errors.
func panics(f func()) (panicked bool) {
	defer func() {
		_, panicked = recover().(runtime.Error)
	}()
	f()
	return false
}

func TestSafetyBounds(t *testing.T) {
	pool := newPool(t, PoolConfig{Buffers: 4})
	frames := alloc(t, pool, 1, 60)
	packet, b := pool.Packet(frames[0]), bytesOf(t, pool.Packet(frames[0]))
	offsets := []int{60, 61, 2048, -1, math.MaxInt, math.MinInt, 1 << 32}
	for _, offset := range offsets {
		wantAll(t, accesses(packet, offset), ErrRange)
	}
	mark(t, safe, "out of bounds read", "run time", "ixy.ErrRange")
	mark(t, safe, "out of bounds write", "run time", "ixy.ErrRange")
	for _, offset := range offsets {
		offset := offset
		if !panics(func() { b[0] = b[offset] }) || !panics(func() { b[offset] = 1 }) {
			t.Errorf("a slice of 60 bytes has a byte %d", offset)
		}
	}
	if !panics(func() { b = b[:61] }) {
		t.Error("a slice of 60 bytes can be made longer")
	}
	mark(t, raw, "out of bounds read", "run time", "panic: index out of range; the slice ends where the packet does")
	mark(t, raw, "out of bounds write", "run time", "panic: index out of range; the slice ends where the packet does")
	free(t, pool, frames)
}

func TestSafetyTransmit(t *testing.T) {
	pool := newPool(t, PoolConfig{})
	device := started(t, "emu:82599,timing=inline", pool, DeviceConfig{})
	frames := alloc(t, pool, 2, 60)
	packet, b := pool.Packet(frames[0]), bytesOf(t, pool.Packet(frames[0]))
	b[0] = 42
	if n, err := device.Transmit(0, []Frame{frames[0], frames[0], frames[1]}); n != 1 || err != nil {
		t.Errorf("transmitted %d, %v; want the one before the repetition", n, err)
	}
	wantAll(t, accesses(packet, 0), ErrHandle)
	_, err := packet.UnsafeBytes()
	wantError(t, err, ErrHandle)
	_, err = pool.Free(frames[:1]) // while the device has it
	wantError(t, err, ErrHandle)
	mark(t, safe, "use after transmit", "run time", "ixy.ErrHandle")
	if b[0] != 42 {
		t.Error("a slice kept over Transmit does not show the buffer")
	}
	mark(t, raw, "use after transmit", "not caught", "Go cannot take a slice back: it shows what the buffer holds")
	_, err = device.Transmit(0, frames)
	wantError(t, err, ErrHandle)
	for _, row := range []string{safe, raw} {
		mark(t, row, "double transmit", "run time", "ixy.ErrHandle; twice in one call: it ends at the second")
	}
	receive(t, device, 0, frames[:1])
	free(t, pool, frames)
	if err := device.Close(); err != nil {
		t.Error(err)
	}
}

func TestSafetyFree(t *testing.T) {
	pool := newPool(t, PoolConfig{Buffers: 4})
	frames := alloc(t, pool, 1, 60)
	packet, b := pool.Packet(frames[0]), bytesOf(t, pool.Packet(frames[0]))
	free(t, pool, frames)
	wantAll(t, accesses(packet, 0), ErrHandle)
	again := alloc(t, pool, 4, 60)
	wantAll(t, accesses(packet, 0), ErrHandle)
	mark(t, safe, "use after free", "run time", "ixy.ErrHandle, also once the buffer is another packet's")
	b[0] = 42
	shown := 0
	for _, frame := range again {
		if value, err := pool.Packet(frame).Uint8(0); err == nil && value == 42 {
			shown++
		}
	}
	if shown != 1 {
		t.Errorf("a stale slice shows in %d packets", shown)
	}
	mark(t, raw, "use after free", "not caught", "Go cannot take a slice back: it reads and changes the next packet there")
	_, err := pool.Free(frames)
	wantError(t, err, ErrHandle)
	if n, err := pool.Free([]Frame{again[0], again[0], again[1]}); n != 1 || err != nil {
		t.Errorf("freed %d, %v; want the one before the repetition", n, err)
	}
	for _, row := range []string{safe, raw} {
		mark(t, row, "double free", "run time", "ixy.ErrHandle; twice in one call: it ends at the second")
	}
	free(t, pool, again[1:])
}

func TestSafetyForeign(t *testing.T) {
	pool, other := newPool(t, PoolConfig{}), newPool(t, PoolConfig{Buffers: 4})
	device := started(t, "emu:82599,timing=inline", pool, DeviceConfig{})
	frames := alloc(t, other, 1, 60)
	wantAll(t, accesses(pool.Packet(frames[0]), 0), ErrHandle)
	_, err := device.Transmit(0, frames)
	wantError(t, err, ErrHandle)
	_, err = pool.Free(frames)
	wantError(t, err, ErrHandle)
	wantError(t, pool.SetLen(&frames[0], 61), ErrHandle)
	mark(t, safe, "foreign handle", "run time", "ixy.ErrHandle; the packet stays the caller's")
	_, err = pool.Packet(frames[0]).UnsafeBytes()
	wantError(t, err, ErrHandle)
	mark(t, raw, "foreign handle", "run time", "ixy.ErrHandle, no slice")
	free(t, other, frames)
	if err := device.Close(); err != nil {
		t.Error(err)
	}
}

// declared is this package as other packages see it. What comes from C or the standard library is left out: it has
// errors therefore, which do not matter to the fields that programs may name.
func declared(t *testing.T) *types.Package {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	config := types.Config{Importer: only{}, FakeImportC: true, IgnoreFuncBodies: true, Error: func(error) {}}
	own, _ := config.Check(modulePath, set, files, nil)
	return own
}

// refused is what Go's type checker says of a program that uses this package.
func refused(t *testing.T, own *types.Package, body string) string {
	t.Helper()
	set := token.NewFileSet()
	program, err := parser.ParseFile(set, "program.go", "package main\nimport ixy \""+modulePath+"\"\n"+body, 0)
	if err != nil {
		t.Fatal(err)
	}
	config := types.Config{Importer: only{own}}
	if _, err = config.Check("main", set, []*ast.File{program}, nil); err == nil {
		return ""
	}
	return err.Error()
}

// only imports one package.
type only struct{ own *types.Package }

func (o only) Import(path string) (*types.Package, error) {
	if path != modulePath || o.own == nil {
		return nil, errors.New("not imported: " + path)
	}
	return o.own, nil
}

func TestSafetyForged(t *testing.T) {
	own := declared(t)
	if told := refused(t, own, "func main() { var f ixy.Frame; _ = f.Len() }"); told != "" {
		t.Fatalf("a right program does not compile: %s", told)
	}
	for _, body := range []string{
		"func main() { _ = ixy.Frame{buf: 1} }",
		"func main() { _ = ixy.Frame{1, 2, 3, 4} }",
		"func main() { var f ixy.Frame; f.buf = 1 }",
		"func main() { var f ixy.Frame; f.offset = 1 }",
		"func main() { _ = ixy.Device{state: nil} }",
		"func main() { _ = ixy.Pool{memory: nil} }",
		"func main() { _ = ixy.Packet{} == ixy.Packet(ixy.Frame{}) }",
	} {
		if told := refused(t, own, body); !strings.Contains(told, "field") && !strings.Contains(told, "cannot convert") {
			t.Errorf("%s: the compiler says %q", body, told)
		}
	}
	for _, row := range []string{safe, raw} {
		mark(t, row, "forged handle", "compile time", "unexported field; only the zero value can be written")
	}
	pool := newPool(t, PoolConfig{Buffers: 1})
	zero := pool.Packet(Frame{})
	wantError(t, zero.Check(), ErrHandle)
	_, err := zero.UnsafeBytes()
	wantError(t, err, ErrHandle)
	_, err = (&Device{}).Receive(0, make([]Frame, 1))
	wantError(t, err, ErrHandle)
	_, err = (*Pool)(nil).Free(make([]Frame, 1))
	wantError(t, err, ErrHandle)
	for _, row := range []string{safe, raw} {
		mark(t, row, "forged handle", "run time", "the zero value: ixy.ErrHandle")
	}
}

func TestSafetyClosedDevice(t *testing.T) {
	pool := newPool(t, PoolConfig{})
	device := started(t, "emu:82599,timing=inline", pool, DeviceConfig{})
	frames := alloc(t, pool, 1, 60)
	if err := device.Close(); err != nil {
		t.Fatal(err)
	}
	next := started(t, "emu:82599,timing=inline", pool, DeviceConfig{}) // takes the slot again
	_, receiveErr := device.Receive(0, make([]Frame, 1))
	_, transmitErr := device.Transmit(0, frames)
	_, statsErr := device.Stats()
	wantAll(t, map[string]error{"Receive": receiveErr, "Transmit": transmitErr, "Stats": statsErr,
		"Start": device.Start(), "Close": device.Close()}, ErrHandle)
	for _, row := range []string{safe, raw} {
		mark(t, row, "use after device close", "run time", "ixy.ErrHandle; the frames stay the caller's")
	}
	free(t, pool, frames)
	if err := next.Close(); err != nil {
		t.Error(err)
	}
}

func TestSafetyNumbers(t *testing.T) {
	pool := newPool(t, PoolConfig{})
	device := started(t, "emu:82599,timing=inline", pool, DeviceConfig{})
	frames := alloc(t, pool, 1, 60)
	frame, packet := &frames[0], pool.Packet(frames[0])
	for _, number := range []int{1 << 16, 1 << 31, 1<<32 - 1, 1 << 32, math.MaxInt, math.MinInt, -1} {
		wantError(t, pool.SetLen(frame, number), ErrFrame)
		if number > 0 {
			wantError(t, pool.Advance(frame, number), ErrRange)
		}
		wantAll(t, accesses(packet, number), ErrRange)
		_, err := device.Receive(number, make([]Frame, 1))
		wantError(t, err, ErrRange)
		_, err = device.Transmit(number, frames)
		wantError(t, err, ErrRange)
	}
	wantError(t, pool.Advance(frame, math.MinInt), ErrFrame)
	wantError(t, pool.Advance(frame, math.MinInt+60), ErrFrame)
	_, err := pool.Alloc(make([]Frame, BatchMax+1))
	wantError(t, err, ErrRange)
	wantError(t, packet.CopyTo(make([]byte, 61), 0), ErrRange)
	_, err = NewPool(PoolConfig{Buffers: 1<<32 + 1})
	wantError(t, err, ErrArgument)
	if frame.Len() != 60 {
		t.Errorf("a refused change left length %d", frame.Len())
	}
	for _, row := range []string{safe, raw} {
		mark(t, row, "integer overflow", "run time", "ixy.ErrRange or ixy.ErrFrame; numbers are compared before they are cut")
	}
	free(t, pool, frames)
	if err := device.Close(); err != nil {
		t.Error(err)
	}
}

// TestSafetyOneQueue receives in two goroutines until one is told that the other is there.
func TestSafetyOneQueue(t *testing.T) {
	pool := newPool(t, PoolConfig{})
	device := started(t, "emu:82599,timing=inline,wire=gen", pool, DeviceConfig{})
	deadline := time.Now().Add(30 * time.Second)
	var busy int32
	var group sync.WaitGroup
	for g := 0; g < 2; g++ {
		group.Add(1)
		go func() {
			defer group.Done()
			frames := make([]Frame, 256)
			for atomic.LoadInt32(&busy) == 0 && time.Now().Before(deadline) {
				n, err := device.Receive(0, frames)
				switch {
				case errors.Is(err, ErrBusy):
					atomic.StoreInt32(&busy, 1)
				case err != nil:
					t.Error(err)
					return
				}
				if _, err := pool.Free(frames[:n]); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	group.Wait()
	if busy == 0 {
		t.Error("neither was told")
	}
	for _, row := range []string{safe, raw} {
		mark(t, row, "two threads on one queue", "run time", "ixy.ErrBusy")
	}
	if err := device.Close(); err != nil {
		t.Error(err)
	}
}

func TestSafetyClosedPool(t *testing.T) {
	pool := newPool(t, PoolConfig{Buffers: 4})
	frames := alloc(t, pool, 1, 60)
	packet, b := pool.Packet(frames[0]), bytesOf(t, pool.Packet(frames[0]))
	b[0] = 42
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	wantAll(t, accesses(packet, 0), ErrHandle)
	_, err := packet.UnsafeBytes()
	wantError(t, err, ErrHandle)
	mark(t, safe, "view after pool close", "run time", "ixy.ErrHandle")
	if b[0] != 0 {
		t.Error("a raw slice of a closed pool does not read zeroes")
	}
	b[0] = 1
	mark(t, raw, "view after pool close", "not caught", "reads zeroes, writes reach nobody; never a fault")
}

// deviceOf forges a device, which only a test in this package can.
func deviceOf(handle uint64) *Device {
	device := &Device{&deviceState{}}
	*(*uint64)(unsafe.Pointer(&device.state.handle)) = handle // C's types have no name in tests
	return device
}

// TestSafetyChild: a Go program has no way to fork; a program that it starts knows nothing of its handles.
func TestSafetyChild(t *testing.T) {
	const variable = "IXY_SAFETY_HANDLE"
	if text := os.Getenv(variable); text != "" {
		handle, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		_, err = deviceOf(handle).Receive(0, make([]Frame, 1))
		wantError(t, err, ErrHandle)
		return
	}
	pool := newPool(t, PoolConfig{})
	device := started(t, "emu:82599,timing=inline", pool, DeviceConfig{})
	child := exec.Command(os.Args[0], "-test.run=^TestSafetyChild$", "-test.v")
	child.Env = append(os.Environ(), fmt.Sprintf("%s=%d", variable, uint64(device.state.handle)))
	if out, err := child.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestSafetyChild") {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, row := range []string{safe, raw} {
		mark(t, row, "handle after fork", "cannot be written",
			"Go cannot fork; in a program that it starts the parent's handles are ixy.ErrHandle")
	}
	if err := device.Close(); err != nil {
		t.Error(err)
	}
}
