package ixy

import (
	"context"
	"errors"
	"fmt"
	"go/types"
	"math"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"
)

// oddNumbers are given to each parameter of type int. Cut to 32 or 16 bits some would be small.
var oddNumbers = []int{0, 1, -1, -2, math.MinInt, math.MinInt + 1, math.MaxInt, math.MaxInt - 1, 1 << 15, 1<<16 - 1, 1 << 16,
	1<<16 + 1, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<32 + 1, -1 << 31, -1 << 32, 1 << 53, 1 << 62}

// odd returns values for a parameter that a caller may come up with.
func odd(t *testing.T, kind reflect.Type, frames []Frame) []interface{} {
	t.Helper()
	var values []interface{}
	switch reflect.Zero(kind).Interface().(type) {
	case int:
		for _, number := range oddNumbers {
			values = append(values, number)
		}
		return values
	case []Frame:
		return []interface{}{[]Frame(nil), make([]Frame, 3), make([]Frame, BatchMax+1)}
	case *Frame:
		return []interface{}{(*Frame)(nil), &Frame{}, &frames[0]}
	case Frame:
		return []interface{}{Frame{}, frames[0]}
	case []byte:
		return []interface{}{[]byte(nil), make([]byte, 1), make([]byte, 1<<17)}
	case net.HardwareAddr:
		return []interface{}{net.HardwareAddr(nil), make(net.HardwareAddr, 6), make(net.HardwareAddr, 20)}
	case Metadata:
		return []interface{}{Metadata{Flags: math.MaxUint32}, Metadata{Timestamp: math.MinInt64}, Metadata{Timestamp: -1}}
	case uint8, uint16, uint32, bool:
		return []interface{}{reflect.Zero(kind).Interface()}
	}
	switch kind {
	case reflect.TypeOf((*context.Context)(nil)).Elem():
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		return []interface{}{nil, ctx}
	case reflect.TypeOf((*error)(nil)).Elem():
		return []interface{}{nil, (*Error)(nil), ErrHandle}
	}
	t.Fatalf("no values are known for a parameter of type %v", kind)
	return nil
}

// callOdd calls a method with each value of each parameter, and reports calls and failures.
func callOdd(t *testing.T, name string, method reflect.Value, frames []Frame) (calls int) {
	t.Helper()
	kind := method.Type()
	arguments := make([]reflect.Value, kind.NumIn())
	var fill func(i int)
	fill = func(i int) {
		if i < kind.NumIn() {
			for _, value := range odd(t, kind.In(i), frames) {
				arguments[i] = reflect.Zero(kind.In(i))
				if value != nil {
					arguments[i] = reflect.ValueOf(value)
				}
				fill(i + 1)
			}
			return
		}
		calls++
		kept := frames[0]
		results := method.Call(arguments)
		if err := failure(results); err != nil {
			wantKnown(t, fmt.Sprint(name, described(arguments)), err)
			if frames[0] != kept {
				t.Errorf("%s%v fails and changes a frame: %+v", name, described(arguments), frames[0])
			}
		}
		frames[0] = kept
	}
	fill(0)
	return calls
}

// described are values as fmt prints them.
func described(arguments []reflect.Value) []interface{} {
	var values []interface{}
	for _, argument := range arguments {
		if argument.Kind() == reflect.Slice {
			values = append(values, argument.Len())
		} else {
			values = append(values, argument.Interface())
		}
	}
	return values
}

// failure is the error among results, if there is one.
func failure(results []reflect.Value) error {
	for _, result := range results {
		if err, ok := result.Interface().(error); ok {
			return err
		}
	}
	return nil
}

func wantKnown(t *testing.T, what string, err error) {
	t.Helper()
	var known *Error
	switch {
	case errors.Is(err, context.Canceled):
	case !errors.As(err, &known) || known.Name == "IXY_E_UNKNOWN" || known.Text == "" || known.Name == "":
		t.Errorf("%s: %#v is no clear error", what, err)
	case strings.Contains(known.Text, "4294967295") && !strings.Contains(what, "4294967295"),
		strings.Contains(known.Text, "18446744073709551615"):
		t.Errorf("%s: %q names a number that nobody gave", what, known.Text)
	}
}

// walk calls all methods of a value, and Close last.
func walk(t *testing.T, what string, value interface{}, frames []Frame) {
	t.Helper()
	v, calls := reflect.ValueOf(value), 0
	for i := 0; i < v.NumMethod(); i++ {
		name := v.Type().Method(i).Name
		if name == "Close" || isByValue(v, name) || name == "Packets" { // Packets fails in no other way than Packet
			continue
		}
		calls += callOdd(t, what+"."+name, v.Method(i), frames)
	}
	if calls == 0 {
		t.Errorf("%s has no methods", what)
	}
	if closing, ok := value.(interface{ Close() error }); ok {
		_ = closing.Close()
	}
}

// isByValue reports whether Go itself must read through a nil pointer to call the method.
func isByValue(v reflect.Value, name string) bool {
	if v.Kind() != reflect.Ptr || !v.IsNil() {
		return false
	}
	_, by := v.Type().Elem().MethodByName(name)
	return by
}

// TestSafetyOddNumbers walks all public methods of all types: no call panics, each error is clear and changes nothing.
func TestSafetyOddNumbers(t *testing.T) {
	pool := newPool(t, PoolConfig{})
	frames := alloc(t, pool, 1, 60)
	packet := pool.Packet(frames[0])
	for _, address := range []string{"emu:82599", "emu:virtio"} {
		device := started(t, address, pool, DeviceConfig{})
		walk(t, "Device", device, frames)
	}
	live := map[string]interface{}{"Packet": packet, "Frame": &frames[0], "Capabilities": Capabilities(1 << 31),
		"MetadataFlags": MetadataFlags(1 << 31), "Error": ErrHandle}
	none := map[string]interface{}{"nil Pool": (*Pool)(nil), "zero Pool": &Pool{}, "nil Device": (*Device)(nil),
		"zero Device": &Device{}, "zero Packet": Packet{}, "packet of no Pool": (*Pool)(nil).Packet(frames[0]),
		"nil Frame": (*Frame)(nil), "nil Error": (*Error)(nil)}
	for _, values := range []map[string]interface{}{live, none} {
		for name, value := range values {
			walk(t, name, value, frames)
		}
	}
	if packet.Check() != nil || frames[0].Len() != 60 {
		t.Errorf("the frame is %+v", frames[0])
	}
	free(t, pool, frames)

	other, err := NewPool(PoolConfig{Buffers: 4})
	if err != nil {
		t.Fatal(err)
	}
	walk(t, "Pool", other, alloc(t, other, 1, 60))
	for _, row := range []string{safe, raw} {
		mark(t, row, "number of another type", "run time", "an int that C's type does not hold: ixy.ErrRange, ixy.ErrArgument or ixy.ErrFrame")
	}
}

// TestOddConfigs sets each member of a config to each odd number: what is refused names the number that was given.
func TestOddConfigs(t *testing.T) {
	pool := newPool(t, PoolConfig{})
	newOf := map[reflect.Type]func(config reflect.Value) error{
		reflect.TypeOf(PoolConfig{}): func(config reflect.Value) error {
			made, err := NewPool(config.Interface().(PoolConfig))
			if err == nil {
				err = made.Close()
			}
			return err
		},
		reflect.TypeOf(DeviceConfig{}): func(config reflect.Value) error {
			made, err := Open("emu:82599,timing=inline", pool, config.Interface().(DeviceConfig))
			if err == nil {
				err = made.Close()
			}
			return err
		},
	}
	for kind, open := range newOf {
		for i := 0; i < kind.NumField(); i++ {
			for _, number := range oddNumbers {
				config := reflect.New(kind).Elem()
				if kind.Field(i).Type.Kind() == reflect.Int {
					config.Field(i).SetInt(int64(number))
				} else {
					config.Field(i).SetUint(uint64(uint32(number)))
				}
				err := open(config)
				if err == nil {
					continue
				}
				wantKnown(t, fmt.Sprintf("%+v", config.Interface()), err)
				if number < 0 && kind.Field(i).Type.Kind() == reflect.Int && !strings.Contains(err.Error(), fmt.Sprint(number)) {
					t.Errorf("%+v: %v does not name the number", config, err)
				}
			}
			negative := reflect.New(kind).Elem()
			if kind.Field(i).Type.Kind() == reflect.Int {
				negative.Field(i).SetInt(-1)
				if open(negative) == nil {
					t.Errorf("%+v is accepted", negative)
				}
			}
		}
	}
}

// TestAllFunctions: the functions of the package that are not methods, which the tests here call with odd values.
func TestAllFunctions(t *testing.T) {
	known := map[string]string{"NewPool": "TestOddConfigs", "Open": "TestOddConfigs", "Devices": "TestDevices", "Version": "TestVersion"}
	scope := declared(t).Scope()
	walked := map[string]bool{"Pool": true, "Device": true, "Packet": true, "Frame": true, "Capabilities": true,
		"MetadataFlags": true, "Error": true}
	for _, name := range scope.Names() {
		object := scope.Lookup(name)
		if !object.Exported() {
			continue
		}
		switch object := object.(type) {
		case *types.Func:
			if known[name] == "" {
				t.Errorf("no test calls %s with odd values", name)
			}
		case *types.TypeName:
			if named, ok := object.Type().(*types.Named); ok && named.NumMethods() > 0 && !walked[name] {
				t.Errorf("TestSafetyOddNumbers does not walk %s", name)
			}
		}
	}
}

// TestSafetyTypes: numbers of other types do not compile.
func TestSafetyTypes(t *testing.T) {
	own := declared(t)
	for _, call := range []string{"_, _ = device.Receive(%s, nil)", "_, _ = pool.Packet(frame).Uint8(%s)",
		"_ = pool.SetLen(&frame, %s)", "_ = pool.Advance(&frame, %s)", "_ = ixy.PoolConfig{Buffers: %s}",
		"_ = ixy.DeviceConfig{RxQueues: %s}"} {
		program := func(number, declaration string) string {
			return "var device ixy.Device; var pool ixy.Pool; var frame ixy.Frame\n" +
				"type narrow int8\nfunc main() { " + declaration + fmt.Sprintf(call, number) + " }"
		}
		if told := refused(t, own, program("7", "")); told != "" {
			t.Fatalf("a right program does not compile: %s", told)
		}
		for number, declaration := range map[string]string{"n": "n := uint64(1); ", "m": "m := int32(1); ",
			"x": "x := 1.5; ", "s": "s := \"1\"; ", "w": "w := narrow(1); ", "1.5": "", "1<<64": "", "nil": ""} {
			if told := refused(t, own, program(number, declaration)); !strings.Contains(told, "cannot use") {
				t.Errorf(call+": the compiler says %q", number, told)
			}
		}
	}
	for _, row := range []string{safe, raw} {
		mark(t, row, "number of another type", "compile time", "Go converts no number by itself, and constants that do not fit are refused")
	}
}

// TestNegativeTime: a time stamp before the device's start is none.
func TestNegativeTime(t *testing.T) {
	pool := newPool(t, PoolConfig{Buffers: 1})
	frames := alloc(t, pool, 1, 60)
	was := frames[0]
	wantError(t, pool.SetMetadata(&frames[0], Metadata{Timestamp: -time.Nanosecond}), ErrArgument)
	if frames[0] != was {
		t.Errorf("a refused change left %+v", frames[0])
	}
	free(t, pool, frames)
}
