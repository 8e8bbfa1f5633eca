package ixy

// #include "control.h"
import "C"

import (
	"strconv"
	"strings"
)

// Capabilities are things that a device can do, a set of bits.
type Capabilities uint32

// What a device may be able to do. Those up to CanRxTimestamp are offloads: a device does them when
// [DeviceConfig].Offloads asks for them. The rest needs no asking.
const (
	CanRxChecksum  Capabilities = C.IXY_CAN_RX_CHECKSUM  // verifies IPv4, TCP and UDP checksums of received packets
	CanTxChecksum  Capabilities = C.IXY_CAN_TX_CHECKSUM  // fills in IPv4, TCP and UDP checksums of sent packets
	CanVLANStrip   Capabilities = C.IXY_CAN_VLAN_STRIP   // takes the VLAN tag out of received packets, into the metadata
	CanVLANInsert  Capabilities = C.IXY_CAN_VLAN_INSERT  // puts the metadata's VLAN tag into sent packets
	CanRxTimestamp Capabilities = C.IXY_CAN_RX_TIMESTAMP // stamps received packets with the device's clock
	CanJumbo       Capabilities = C.IXY_CAN_JUMBO        // frames over 1514 bytes: DeviceConfig.FrameLenMax
	CanQueueStats  Capabilities = C.IXY_CAN_QUEUE_STATS  // Device.QueueStats
	CanRxWait      Capabilities = C.IXY_CAN_RX_WAIT      // Device.Wait and Device.ReceiveContext
)

var capabilityNames = []string{"RX_CHECKSUM", "TX_CHECKSUM", "VLAN_STRIP", "VLAN_INSERT", "RX_TIMESTAMP", "JUMBO",
	"QUEUE_STATS", "RX_WAIT"}

// String returns the names of the C library, "RX_CHECKSUM|JUMBO", and "0" for none.
func (c Capabilities) String() string { return bitNames(uint32(c), capabilityNames) }

// bitNames is the text of a set of bits, the lowest of which has the first name.
func bitNames(bits uint32, names []string) string {
	if bits == 0 {
		return "0"
	}
	var found []string
	for i, name := range names {
		if bits&(1<<i) != 0 {
			found = append(found, name)
		}
	}
	if unnamed := bits >> len(names) << len(names); unnamed != 0 { // of a newer library
		found = append(found, "0x"+strconv.FormatUint(uint64(unnamed), 16))
	}
	return strings.Join(found, "|")
}
