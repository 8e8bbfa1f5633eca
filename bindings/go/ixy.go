// Package ixy moves packets through libixy, a user-space network driver, on NICs that [Devices] finds and on emulated
// ones, which need neither hardware nor root.
//
// A [Pool] is packet memory cut into buffers. A [Device] is a NIC with its queues, opened on a pool. [Device.Receive]
// fills a slice of frames, [Pool.Packet] gives checked access to the bytes of one, [Device.Transmit] sends a slice of
// frames and [Pool.Free] gives buffers back:
//
//	n, err := a.Receive(0, frames)
//	for _, frame := range frames[:n] {
//		packet := pool.Packet(frame)
//		...
//	}
//	sent, err := b.Transmit(0, frames[:n])
//	pool.Free(frames[sent:n])
//
// Receive and Transmit never wait. [Device.ReceiveContext] and [Device.Wait] do, until a packet comes or a context is
// done, and hold no thread meanwhile.
//
// # Ownership
//
// A buffer belongs to the program from Receive or [Pool.Alloc] until Transmit takes it or Free gives it back. A
// [Frame] names a buffer for exactly that long. It is plain data without pointers: copy it, keep it, sort it into
// other slices. Once its buffer has moved on, each use of a copy, and of a Packet made from one, is [ErrHandle],
// whatever the buffer holds by then. Frames that are forgotten keep their buffers until the pool is closed.
//
// # Errors
//
// No method panics or crashes because of a bad frame, offset, number, queue or handle, or on a nil or zero Pool, Device or
// Packet: each returns an [*Error], which errors.Is compares with the variables of this package ([ErrHandle], [ErrRange]
// and so on).
//
// # Copies
//
// A copy of a Pool or a Device is the same pool or device, and as good as the original: it keeps what it names, and when
// one is closed all are. What nobody holds any more is closed by the garbage collector, some time.
//
// # Goroutines
//
// Everything may be called from several goroutines. Two at once in the same queue do not wait for each other: one of
// them gets [ErrBusy], and so does a call while Close is at its queue. Close waits for calls that are under way. The
// ownership checks detect misuse, not races: two goroutines that write the same packet at the same time race, as with
// any slice. A program that races for a Frame, or for a slice of frames that it transmits, does not know which packet is
// sent; but each call copies a frame before it checks it, so no access leaves the buffer that the frame names, and no
// buffer is lost.
//
// # Devices that write on
//
// A device or back end has the packet memory mapped, and one that breaks its rules may go on writing into a buffer that it has
// given up, at any moment. In Go it can change the bytes of packets, and nothing else: which buffer is whose, where a packet
// begins and how long it is, is not in that memory. Two reads of one byte may then differ, so text or a length that was
// checked in place may be another when it is used. Whoever does not trust the device copies the packet with
// [Packet.CopyTo] first and checks the copy. A slice of [Packet.UnsafeBytes] is no worse, as Go checks each index, unless
// package unsafe makes a string of it. Behind an IOMMU (VFIO) a card reaches packet memory alone; without one, all memory.
//
// # Building
//
// The package compiles the C library's sources, which it carries, and needs a C compiler. With the build tag
// ixy_system it uses an installed libixy, found by pkg-config, instead.
package ixy

// #include "control.h"
import "C"

import "fmt"

// BatchMax is the most frames that one call takes.
const BatchMax = C.IXY_BATCH_MAX

// QueuesMax is the most receive or transmit queues of a device.
const QueuesMax = C.IXY_QUEUES_MAX

// Version returns the version of the C library, "0.3.0".
func Version() string {
	return C.GoString(C.ixy_version())
}

// checkABI fails when the C library that was loaded is another than the one that the package was compiled against.
func checkABI() error {
	if got := C.ixy_abi_version(); got != C.IXY_ABI_VERSION {
		return newError(C.IXY_E_UNSUPPORTED, fmt.Sprintf("libixy %s has ABI version %d, this program needs %d: build it again",
			Version(), got, C.IXY_ABI_VERSION))
	}
	return nil
}
