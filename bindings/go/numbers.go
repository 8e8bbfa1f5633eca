package ixy

// #include "control.h"
import "C"

import (
	"fmt"
	"math"
)

// The largest numbers that a config may have, for the texts of errors. Which of the smaller ones are right is C's to say.
const (
	bufferSizeMax = 15360
	ringSizeMax   = 4096
	frameLenMax   = 15864
)

// member is a number of a config on its way to C.
type member struct {
	to    *C.uint32_t
	name  string
	value int
	most  int
}

// numbers stores members of a config for C. One that C's type does not hold is an error of the given code.
func numbers(code C.int32_t, members ...member) error {
	for _, n := range members {
		if n.value < 0 || uint64(n.value) > math.MaxUint32 {
			return newError(code, fmt.Sprintf("%s is %d; expected 0, the default, or a number up to %d", n.name, n.value, n.most))
		}
		*n.to = C.uint32_t(n.value)
	}
	return nil
}

// queueNumber converts the number of a queue for a control call.
func queueNumber(queue int) (C.uint32_t, error) {
	if queue < 0 || queue >= QueuesMax {
		return 0, newError(C.IXY_E_RANGE, fmt.Sprintf("queue is %d; expected 0 to %d at most", queue, QueuesMax-1))
	}
	return C.uint32_t(queue), nil
}

// u32 converts a count or an index for a call of the data path. What does not fit becomes the largest value, which C
// refuses with its own error.
func u32(value int) C.uint32_t {
	if uint64(value) > math.MaxUint32 {
		return math.MaxUint32
	}
	return C.uint32_t(value)
}
