package ixy

// #include "control.h"
import "C"

import "runtime"

// PoolConfig says how a pool is made; zero means the default.
type PoolConfig struct {
	Buffers    int // how many; default 8192
	BufferSize int // packet bytes that each holds at least, a multiple of 1024 up to 15360; default 2048.
	// 1024 serves only devices that receive a frame in several buffers, which DeviceConfig.FrameLenMax asks for.
}

// Pool is packet memory cut into buffers. A copy is the same pool: when one is closed all are, and the memory stays until
// the last has gone. The zero Pool is a closed one.
type Pool struct {
	memory *poolMemory
}

// NewPool makes a pool.
func NewPool(config PoolConfig) (*Pool, error) {
	if err := checkABI(); err != nil {
		return nil, err
	}
	c := C.ixy_pool_config{struct_size: C.sizeof_ixy_pool_config}
	err := numbers(C.IXY_E_ARGUMENT,
		member{&c.buffer_count, "PoolConfig.Buffers", config.Buffers, C.IXY_BUFFERS_MAX},
		member{&c.buffer_size, "PoolConfig.BufferSize", config.BufferSize, bufferSizeMax})
	if err != nil {
		return nil, err
	}
	m := &poolMemory{}
	if err := making(func(text *C.char) C.int32_t { return C.ixygo_pool_open(&c, &m.handle, text) }); err != nil {
		return nil, err
	}
	if err := m.openView(); err != nil {
		C.ixy_pool_close(m.handle)
		return nil, err
	}
	return &Pool{m}, nil
}

// shared is what the copies of the pool share, noMemory if there is no pool.
func (p *Pool) shared() *poolMemory {
	if p == nil || p.memory == nil {
		return noMemory
	}
	return p.memory
}

// Close ends the pool: all its frames are stale from then on, and its memory goes back to the operating system. While a
// device is open on it, that is ErrBusy. A second Close is ErrHandle. A pool that is forgotten is closed by the garbage
// collector, some time.
func (p *Pool) Close() error {
	m := p.shared()
	_, err := control(func(text *C.char) C.int32_t { return C.ixygo_pool_close(m.handle, text) })
	runtime.KeepAlive(m)
	return err
}

// Buffers returns how many buffers the pool has.
func (p *Pool) Buffers() int { return p.shared().buffers }

// BufferSize returns how many bytes a fresh buffer holds behind its headroom.
func (p *Pool) BufferSize() int { return p.shared().bufferSize }

// Headroom returns how many bytes lie before a fresh packet, for Advance to take into it.
func (p *Pool) Headroom() int { return p.shared().headroom }

// FreeCount returns how many buffers are free now. Those in rings and in the caches of queues do not count.
func (p *Pool) FreeCount() (int, error) {
	m := p.shared()
	n, err := control(func(text *C.char) C.int32_t { return C.ixygo_pool_free_count(m.handle, text) })
	runtime.KeepAlive(m)
	return n, err
}

// Alloc fills frames with free buffers and returns how many it had, ErrNoBuffers if none. Each frame has length 0:
// give it one with SetLen.
func (p *Pool) Alloc(frames []Frame) (int, error) {
	m := p.shared()
	n := C.ixy_buf_alloc(m.handle, first(frames), u32(len(frames)))
	runtime.KeepAlive(m)
	return batchResult(n)
}

// Free gives buffers back and returns how many. It ends before the first frame that is not the program's own; if that
// is frames[0], it is ErrHandle.
func (p *Pool) Free(frames []Frame) (int, error) {
	m := p.shared()
	n := C.ixy_buf_free(m.handle, first(frames), u32(len(frames)))
	runtime.KeepAlive(m)
	return batchResult(n)
}
