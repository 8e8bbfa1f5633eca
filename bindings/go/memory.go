package ixy

// #include "control.h"
import "C"

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// poolMemory is what all copies of a Pool share, and all Packets of it. Nothing in it changes after NewPool, apart from raw.
//
// Its addresses stay mapped until its last user is gone, also after Close, so that a late access finds its handle stale and
// not a fault. So whoever uses them ends with runtime.KeepAlive of it.
type poolMemory struct {
	handle C.uint64_t
	view   C.uint64_t // handle of the view that the addresses below belong to

	base       unsafe.Pointer // size bytes: all packets
	size       uint
	owner      unsafe.Pointer // mask + 1 handles
	metadata   unsafe.Pointer // mask + 1 records
	mask       uint64
	stride     uint64
	buffers    int
	bufferSize int
	headroom   int
	raw        uint32 // not 0: a raw slice was handed out, which nothing tells us the end of
}

// noMemory stands for the memory of a pool that is not there. Its ownership table has an odd handle at the even index and an
// even one at the odd index, so that no number is the handle of a buffer, and each access is ErrHandle.
var noMemory = &poolMemory{owner: unsafe.Pointer(&[2]uint64{1, 0}), mask: 1}

// openView finds out where the memory lies, and has it closed when it is forgotten.
func (m *poolMemory) openView() error {
	c := C.ixy_view{struct_size: C.sizeof_ixy_view}
	if err := making(func(text *C.char) C.int32_t { return C.ixygo_pool_view(m.handle, &c, text) }); err != nil {
		return err
	}
	m.view = c.view
	m.base, m.size = unsafe.Pointer(c.base), uint(c.size)
	m.owner, m.metadata = unsafe.Pointer(c.owner), unsafe.Pointer(c.metadata)
	m.mask, m.stride = uint64(c.index_mask), uint64(c.buffer_stride)
	m.buffers, m.bufferSize, m.headroom = int(c.buffer_count), int(c.buffer_size), int(c.headroom)
	runtime.SetFinalizer(m, func(m *poolMemory) {
		C.ixy_pool_close(m.handle)
		if atomic.LoadUint32(&m.raw) == 0 {
			C.ixy_pool_view_release(m.view)
		}
	})
	return nil
}

// owns reports whether the program owns the buffer. It is one load and one comparison: the table's entry is the
// handle that is valid now, or 0, so buf must not be 0. Any handle's index lies in the table.
func (m *poolMemory) owns(buf uint64) bool {
	return atomic.LoadUint64((*uint64)(unsafe.Add(m.owner, buf&m.mask*8))) == buf
}

// reaches is owns, and reports whether a byte lies in the memory. A byte of a packet does, unless the frame does not lie in
// its buffer, or a data race made the Packet half of another pool's.
func (m *poolMemory) reaches(buf uint64, at uint) bool {
	return atomic.LoadUint64((*uint64)(unsafe.Add(m.owner, buf&m.mask*8))) == buf && at < m.size
}

// start is how many bytes of its buffer lie before a frame. It wraps around where the frame begins before its buffer.
func (m *poolMemory) start(frame Frame) uint64 {
	return uint64(frame.offset) - frame.buf&m.mask*m.stride
}

// holds reports whether a frame names a buffer and lies in it. Only data races make others: of two frames, each half a
// frame.
func (m *poolMemory) holds(frame Frame) bool {
	start := m.start(frame)
	return frame.buf != 0 && start <= m.stride && start+uint64(frame.length) <= m.stride
}

// record is the entry of a buffer in the pool's table of ixy_metadata.
func (m *poolMemory) record(buf uint64) *C.ixy_metadata {
	return (*C.ixy_metadata)(unsafe.Add(m.metadata, buf&m.mask*C.sizeof_ixy_metadata))
}
