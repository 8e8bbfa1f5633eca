package ixy

// #include "control.h"
import "C"

import (
	"errors"
	"runtime"
	"time"
)

// Error is what every failing call of this package returns.
type Error struct {
	Code int    // the C library's code, below 0
	Name string // its name, "IXY_E_HANDLE"
	Text string // what was wrong, and what would be right
}

func (e *Error) Error() string {
	if e == nil {
		return "ixy: no error"
	}
	return "ixy: " + e.Text + " (" + e.Name + ")"
}

// Is reports whether target is an *Error of the same code, so that errors.Is(err, ixy.ErrHandle) holds for any text.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && e != nil && other != nil && other.Code == e.Code
}

func newError(code C.int32_t, text string) *Error {
	return &Error{Code: int(code), Name: C.GoString(C.ixy_error_name(code)), Text: text}
}

func sentinel(code C.int32_t) *Error {
	return newError(code, C.GoString(C.ixy_strerror(code)))
}

// The checked accessors return these two; a variable of the concrete type keeps them small enough to be inlined.
var (
	errHandle = sentinel(C.IXY_E_HANDLE)
	errRange  = sentinel(C.IXY_E_RANGE)
	errFrame  = sentinel(C.IXY_E_FRAME)
)

// The errors, to compare with errors.Is.
var (
	ErrHandle      error = errHandle                     // stale, foreign, forged or closed
	ErrArgument    error = sentinel(C.IXY_E_ARGUMENT)    // a value is outside its documented set
	ErrRange       error = errRange                      // queue index, count or offset out of range
	ErrFrame       error = errFrame                      // a frame outside its buffer, or of a length that cannot be sent
	ErrBusy        error = sentinel(C.IXY_E_BUSY)        // another goroutine is in this queue, or the object is in use
	ErrState       error = sentinel(C.IXY_E_STATE)       // not possible in this state
	ErrNoMemory    error = sentinel(C.IXY_E_NO_MEMORY)   // the operating system gave no memory
	ErrNoBuffers   error = sentinel(C.IXY_E_NO_BUFFERS)  // the pool has no free buffer at the moment
	ErrPoolSize    error = sentinel(C.IXY_E_POOL_SIZE)   // the pool has too few buffers for the rings of its devices, or too small ones
	ErrTimeout     error = sentinel(C.IXY_E_TIMEOUT)     // the device did not answer in time
	ErrAddress     error = sentinel(C.IXY_E_ADDRESS)     // malformed address, unknown scheme, device or option
	ErrNotFound    error = sentinel(C.IXY_E_NOT_FOUND)   // no such device, file or interface
	ErrPermission  error = sentinel(C.IXY_E_PERMISSION)  // the operating system refused access
	ErrUnsupported error = sentinel(C.IXY_E_UNSUPPORTED) // this device or build cannot do that
	ErrStruct      error = sentinel(C.IXY_E_STRUCT)      // the library is older than the program
	ErrFork        error = sentinel(C.IXY_E_FORK)        // inherited over fork
	ErrDevice      error = sentinel(C.IXY_E_DEVICE)      // the device is gone or answers nonsense
	ErrIO          error = sentinel(C.IXY_E_IO)          // a system call failed
	ErrLimit       error = sentinel(C.IXY_E_LIMIT)       // too many open devices, pools or views
)

// hotErrors holds the error of each code at index -code, so that a call of the data path that fails allocates nothing.
var hotErrors = [...]error{nil, ErrHandle, ErrArgument, ErrRange, ErrFrame, ErrBusy, ErrState, ErrNoMemory, ErrNoBuffers,
	ErrPoolSize, ErrTimeout, ErrAddress, ErrNotFound, ErrPermission, ErrUnsupported, ErrStruct, ErrFork, ErrDevice, ErrIO,
	ErrLimit}

// batchResult turns what a call of the data path returned into Go's form.
func batchResult(result C.int32_t) (int, error) {
	if result >= 0 {
		return int(result), nil
	}
	if index := -int(result); index < len(hotErrors) {
		return 0, hotErrors[index]
	}
	return 0, sentinel(result)
}

// control makes a control call, which writes the text of its failure to text.
func control(call func(text *C.char) C.int32_t) (int, error) {
	var text [C.IXY_TEXT_MAX]C.char
	if result := call(&text[0]); result < 0 {
		return 0, newError(result, C.GoString(&text[0]))
	} else {
		return int(result), nil
	}
}

// making makes a control call that makes an object. When too many are open it tries again after garbage collections, as
// objects that the program has forgotten end with their finalizers.
func making(call func(text *C.char) C.int32_t) error {
	_, err := control(call)
	for collections := 0; collections < 3 && errors.Is(err, ErrLimit); collections++ {
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
		_, err = control(call)
	}
	return err
}
