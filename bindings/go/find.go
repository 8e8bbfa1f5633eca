package ixy

// #include "control.h"
import "C"

// Found is a network device of this machine that libixy has a driver for, and whether this process could open it.
type Found struct {
	Address          string // for Open: "pci:0000:03:00.0"
	Name             string // "Intel 82599"
	Vendor, DeviceID int    // PCI ids
	Driver           string // kernel driver that it is bound to, "" if none
	Usable           bool   // nothing is missing
	Missing          string // "" or what has to be done first, and by which command
}

// Devices finds the network devices on this machine's PCI bus, in the order of their addresses. It opens none.
func Devices() ([]Found, error) {
	if err := checkABI(); err != nil {
		return nil, err
	}
	var devices []Found
	for {
		c := C.ixy_found{struct_size: C.sizeof_ixy_found}
		count, err := control(func(text *C.char) C.int32_t {
			return C.ixygo_device_find(C.uint32_t(len(devices)), &c, text)
		})
		if err != nil {
			return nil, err
		}
		if len(devices) >= count {
			return devices, nil
		}
		devices = append(devices, Found{
			Address: C.GoString(&c.address[0]), Name: C.GoString(&c.name[0]),
			Vendor: int(c.vendor), DeviceID: int(c.device_id),
			Driver: C.GoString(&c.driver[0]), Usable: c.usable != 0, Missing: C.GoString(&c.missing[0]),
		})
	}
}
