package ixy

// #include "control.h"
import "C"

import (
	"runtime"
	"time"
)

// MetadataFlags say which members of a packet's Metadata tell something, and what a device found or shall do. A set of
// bits.
type MetadataFlags uint32

// The flags of a received packet, and those of a packet to send.
const (
	MetaTimestamp     MetadataFlags = C.IXY_META_TIMESTAMP       // received: Timestamp is set
	MetaVLAN          MetadataFlags = C.IXY_META_VLAN            // the packet has the tag VLAN, which is not among its bytes
	MetaRxIPGood      MetadataFlags = C.IXY_META_RX_IP_GOOD      // received: the IPv4 header's checksum is right
	MetaRxIPBad       MetadataFlags = C.IXY_META_RX_IP_BAD       // received: it is wrong
	MetaRxL4Good      MetadataFlags = C.IXY_META_RX_L4_GOOD      // received: the TCP or UDP checksum is right
	MetaRxL4Bad       MetadataFlags = C.IXY_META_RX_L4_BAD       // received: it is wrong
	MetaTxIPChecksum  MetadataFlags = C.IXY_META_TX_IP_CHECKSUM  // to send: fill in the IPv4 header's checksum
	MetaTxTCPChecksum MetadataFlags = C.IXY_META_TX_TCP_CHECKSUM // to send: fill in the TCP checksum
	MetaTxUDPChecksum MetadataFlags = C.IXY_META_TX_UDP_CHECKSUM // to send: fill in the UDP checksum
)

var metadataNames = []string{"TIMESTAMP", "VLAN", "RX_IP_GOOD", "RX_IP_BAD", "RX_L4_GOOD", "RX_L4_BAD", "TX_IP_CHECKSUM",
	"TX_TCP_CHECKSUM", "TX_UDP_CHECKSUM"}

// String returns the names of the C library, "VLAN|RX_IP_GOOD", and "0" for none.
func (f MetadataFlags) String() string { return bitNames(uint32(f), metadataNames) }

// Metadata is what is known of a packet beside its bytes. A device writes and reads it for the offloads that
// [DeviceConfig].Offloads asked for. A received packet that is sent on keeps it: its VLAN tag goes with it, what
// concerns receiving is ignored.
type Metadata struct {
	Flags     MetadataFlags
	Timestamp time.Duration // received: the device's clock, which begins at its start
	VLAN      uint16        // tag control information: priority, DEI, VLAN id
	L2Len     uint8         // to send with a checksum: bytes before the IP header: 14, or 18 with a tag among the bytes
	L3Len     uint8         // to send with a checksum: bytes of the IP header, with options or extensions
}

// Metadata returns what is known of the packet beside its bytes; all zeroes if that is nothing. Of a packet over
// several frames the first one has it.
func (p Packet) Metadata() (Metadata, error) {
	if err := p.Check(); err != nil {
		return Metadata{}, err
	}
	if p.frame.flags&C.IXY_FRAME_METADATA == 0 {
		return Metadata{}, nil
	}
	c := *p.memory.record(p.frame.buf)
	runtime.KeepAlive(p.memory)
	return Metadata{
		Flags: MetadataFlags(c.flags), Timestamp: time.Duration(c.timestamp), VLAN: uint16(c.vlan_tci),
		L2Len: uint8(c.l2_len), L3Len: uint8(c.l3_len),
	}, nil
}

// SetMetadata sets what is known of the packet beside its bytes. Packets made from the frame before do not show it.
// What a device cannot do is found when the frame is sent, as ErrUnsupported; a flag that does not exist is ErrArgument
// now, and so is a time before the device's start.
func (p *Pool) SetMetadata(frame *Frame, metadata Metadata) error {
	if frame == nil || metadata.Flags>>len(metadataNames) != 0 || metadata.Timestamp < 0 {
		return ErrArgument
	}
	was, m := *frame, p.shared()
	if was.buf == 0 || !m.owns(was.buf) {
		return errHandle
	}
	*m.record(was.buf) = C.ixy_metadata{
		timestamp: C.uint64_t(metadata.Timestamp), flags: C.uint32_t(metadata.Flags), vlan_tci: C.uint16_t(metadata.VLAN),
		l2_len: C.uint8_t(metadata.L2Len), l3_len: C.uint8_t(metadata.L3Len),
	}
	runtime.KeepAlive(m)
	frame.flags = was.flags | C.IXY_FRAME_METADATA
	return nil
}
