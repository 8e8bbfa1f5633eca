//go:build go1.23

package ixy

import "iter"

// Packets iterates over frames with access to each: for i, packet := range pool.Packets(frames[:n]).
func (p *Pool) Packets(frames []Frame) iter.Seq2[int, Packet] {
	return func(yield func(int, Packet) bool) {
		for i, frame := range frames {
			if !yield(i, p.Packet(frame)) {
				return
			}
		}
	}
}
