//go:build go1.23

package ixy

import "testing"

func TestPackets(t *testing.T) {
	pool := newPool(t, PoolConfig{Buffers: 4})
	frames := alloc(t, pool, 4, 60)
	for i, packet := range pool.Packets(frames) {
		if err := packet.PutUint8(0, uint8(i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range pool.Packets(frames) {
		if b, err := pool.Packet(frames[i]).Uint8(0); int(b) != i || err != nil {
			t.Errorf("%d, %v", b, err)
		}
		if i == 2 {
			break
		}
	}
	free(t, pool, frames)
}
