package ixy

import "testing"

// TestSafetyTornFrame makes what a data race may make of two frames or packets, from every part of every frame: access
// stays in the buffer that the frame names, and its packet in the pool's memory.
func TestSafetyTornFrame(t *testing.T) {
	pool, large := newPool(t, PoolConfig{Buffers: 2}), newPool(t, PoolConfig{Buffers: 8, BufferSize: 15360})
	frames := append(alloc(t, pool, 2, pool.BufferSize()), alloc(t, large, 8, large.BufferSize())...)
	whole := append([]Frame{{}}, frames...)
	for i := range frames { // near the buffer's end, too
		moved := frames[i]
		owner := pool
		if i >= 2 {
			owner = large
		}
		if err := owner.Advance(&moved, moved.Len()-1); err != nil {
			t.Fatal(err)
		}
		whole = append(whole, moved)
	}
	inside := 0
	for _, buf := range whole {
		for _, offset := range whole {
			for _, length := range whole {
				torn := Frame{buf: buf.buf, offset: offset.offset, length: length.length}
				for _, p := range []*Pool{pool, large} {
					inside += checkTorn(t, p, torn)
				}
			}
		}
	}
	if inside < len(frames) {
		t.Errorf("only %d frames could be used", inside)
	}
	mark(t, safe, "changed during a call", "run time", "half one frame, half another: ixy.ErrFrame or ixy.ErrHandle")
	free(t, pool, frames[:2])
	free(t, large, frames[2:])
}

// checkTorn returns 1 if the frame lies in its buffer.
func checkTorn(t *testing.T, pool *Pool, torn Frame) int {
	t.Helper()
	m := pool.shared()
	start := int64(torn.offset) - int64((torn.buf&m.mask)*m.stride)
	lies := torn.buf != 0 && m.owns(torn.buf) && start >= 0 && start+int64(torn.length) <= int64(m.stride)
	packet := pool.Packet(torn)
	for _, offset := range []int{0, int(torn.length) - 1} {
		_, err := packet.Uint8(offset)
		if (err == nil) != (lies && torn.length > 0) {
			t.Errorf("%+v in %d buffers of %d: byte %d: %v", torn, m.buffers, m.stride, offset, err)
		}
	}
	if err := packet.CopyTo(make([]byte, torn.length), 0); (err == nil) != lies {
		t.Errorf("%+v: CopyTo: %v", torn, err)
	}
	copied := torn
	if err := pool.SetLen(&copied, int(torn.length)); (err == nil) != lies || copied != torn {
		t.Errorf("%+v: SetLen: %v, now %+v", torn, err, copied)
	}
	if err := pool.Advance(&copied, 0); (err == nil) != lies || copied != torn {
		t.Errorf("%+v: Advance: %v, now %+v", torn, err, copied)
	}
	// A packet that is half another pool's. What succeeds must lie in this pool's memory.
	half := Packet{m, torn}
	for _, offset := range []int{0, int(torn.length) - 4, int(torn.length) - 1} {
		past := offset < 0 || uint64(torn.offset)+uint64(offset) >= uint64(m.size)
		if _, err := half.Uint8(offset); err == nil && past {
			t.Errorf("%+v: byte %d lies outside of the pool", torn, offset)
		}
		if _, err := half.Uint32(offset); err == nil && (past || uint64(torn.offset)+uint64(offset)+4 > uint64(m.size)) {
			t.Errorf("%+v: the number at byte %d lies outside of the pool", torn, offset)
		}
	}
	if lies {
		return 1
	}
	return 0
}
