package ixy

// #include "control.h"
import "C"

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// PoolConfig says how a pool is made; zero means the default.
type PoolConfig struct {
	Buffers    int // how many; default 8192
	BufferSize int // packet bytes that each holds at least, a multiple of 1024 up to 15360; default 2048.
	// 1024 serves only devices that receive a frame in several buffers, which DeviceConfig.FrameLenMax asks for.
}

// Pool is packet memory cut into buffers.
type Pool struct {
	handle C.uint64_t
	view   C.uint64_t // handle of the view that the addresses below belong to

	// Where the memory, the ownership table and the metadata lie. The addresses stay mapped until the Pool and all
	// Packets of it are gone, also after Close, so that a late access finds its handle stale and not a fault.
	base       unsafe.Pointer
	owner      unsafe.Pointer // mask + 1 handles
	metadata   unsafe.Pointer // mask + 1 records
	mask       uint64
	stride     uint64
	buffers    int
	bufferSize int
	headroom   int
	raw        uint32 // not 0: a raw slice was handed out, which nothing tells us the end of
}

// NewPool makes a pool.
func NewPool(config PoolConfig) (*Pool, error) {
	if err := checkABI(); err != nil {
		return nil, err
	}
	c := C.ixy_pool_config{
		struct_size:  C.sizeof_ixy_pool_config,
		buffer_count: u32(config.Buffers),
		buffer_size:  u32(config.BufferSize),
	}
	p := &Pool{}
	if err := making(func(text *C.char) C.int32_t { return C.ixygo_pool_open(&c, &p.handle, text) }); err != nil {
		return nil, err
	}
	if err := p.openView(); err != nil {
		C.ixy_pool_close(p.handle)
		return nil, err
	}
	runtime.SetFinalizer(p, func(p *Pool) {
		C.ixy_pool_close(p.handle)
		if atomic.LoadUint32(&p.raw) == 0 {
			C.ixy_pool_view_release(p.view)
		}
	})
	return p, nil
}

func (p *Pool) openView() error {
	c := C.ixy_view{struct_size: C.sizeof_ixy_view}
	if err := making(func(text *C.char) C.int32_t { return C.ixygo_pool_view(p.handle, &c, text) }); err != nil {
		return err
	}
	p.view = c.view
	p.base, p.owner, p.metadata = unsafe.Pointer(c.base), unsafe.Pointer(c.owner), unsafe.Pointer(c.metadata)
	p.mask, p.stride = uint64(c.index_mask), uint64(c.buffer_stride)
	p.buffers, p.bufferSize, p.headroom = int(c.buffer_count), int(c.buffer_size), int(c.headroom)
	return nil
}

// id is the pool's handle, 0, which C refuses, if there is none.
func (p *Pool) id() C.uint64_t {
	if p == nil {
		return 0
	}
	return p.handle
}

// Close ends the pool: all its frames are stale from then on, and its memory goes back to the operating system. While a
// device is open on it, that is ErrBusy. A second Close is ErrHandle. A pool that is forgotten is closed by the garbage
// collector, some time.
func (p *Pool) Close() error {
	_, err := control(func(text *C.char) C.int32_t { return C.ixygo_pool_close(p.id(), text) })
	runtime.KeepAlive(p)
	return err
}

// Buffers returns how many buffers the pool has.
func (p *Pool) Buffers() int { return p.buffers }

// BufferSize returns how many bytes a fresh buffer holds behind its headroom.
func (p *Pool) BufferSize() int { return p.bufferSize }

// Headroom returns how many bytes lie before a fresh packet, for Advance to take into it.
func (p *Pool) Headroom() int { return p.headroom }

// FreeCount returns how many buffers are free now. Those in rings and in the caches of queues do not count.
func (p *Pool) FreeCount() (int, error) {
	n, err := control(func(text *C.char) C.int32_t { return C.ixygo_pool_free_count(p.id(), text) })
	runtime.KeepAlive(p)
	return n, err
}

// Alloc fills frames with free buffers and returns how many it had, ErrNoBuffers if none. Each frame has length 0:
// give it one with SetLen.
func (p *Pool) Alloc(frames []Frame) (int, error) {
	n := C.ixy_buf_alloc(p.id(), first(frames), u32(len(frames)))
	runtime.KeepAlive(p)
	return batchResult(n)
}

// Free gives buffers back and returns how many. It ends before the first frame that is not the program's own; if that
// is frames[0], it is ErrHandle.
func (p *Pool) Free(frames []Frame) (int, error) {
	n := C.ixy_buf_free(p.id(), first(frames), u32(len(frames)))
	runtime.KeepAlive(p)
	return batchResult(n)
}
