//! The variables of a case, and the steps on pools and devices.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use libixy::{Capabilities, Device, Pool};
use serde_json::{json, Value};

use crate::frames::Frame;
use crate::Step;

/// What a step gives: nothing, or the name of its error.
pub type Outcome = Result<(), String>;

pub struct PoolVar {
    pub pool: Pool,
    pub raw: u64,
}

/// A device; None once it is closed. Then only raw calls still name it.
pub struct DeviceVar {
    pub device: Option<Device>,
    pub raw: u64,
}

/// Frames first, so that they are dropped first, then devices, then pools; though any order would do.
pub struct World {
    pub frames: HashMap<String, Vec<Frame>>,
    pub devices: HashMap<String, DeviceVar>,
    pub pools: HashMap<String, PoolVar>,
    folder: PathBuf,
}

/// The name of the error in a raw call's result.
pub fn raw(result: i32) -> Result<i32, String> {
    if result >= 0 {
        return Ok(result);
    }
    // SAFETY: the call takes any code and gives static text.
    let name = unsafe { std::ffi::CStr::from_ptr(ixy_sys::ixy_error_name(result)) };
    Err(name.to_str().unwrap().to_owned())
}

/// The name of a safe call's error.
pub fn named<T>(result: libixy::Result<T>) -> Result<T, String> {
    result.map_err(|error| error.name().to_owned())
}

impl World {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "libixy-vectors-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        World {
            frames: HashMap::new(),
            devices: HashMap::new(),
            pools: HashMap::new(),
            folder,
        }
    }

    pub fn step(&mut self, step: &Step) -> Outcome {
        match step.text("op") {
            "pool_open" => self.pool_open(step),
            "pool_close" => self.pool_close(step),
            "pool_free_count" => self.pool_free_count(step),
            "device_open" => self.device_open(step),
            "device_start" => self.control(step, Device::start, |raw| unsafe { ixy_sys::ixy_device_start(raw) }),
            "device_reset" => self.control(step, Device::reset, |raw| unsafe { ixy_sys::ixy_device_reset(raw) }),
            "device_close" => self.device_close(step),
            "device_info" => self.device_info(step),
            "features" => self.features(step),
            "capabilities" => self.capabilities(step),
            "link" => self.link(step),
            "stats" => self.stats(step),
            "queue_stats" => self.queue_stats(step),
            "counters" => self.counters(step),
            "mac" => self.mac(step),
            "mac_set" => self.mac_set(step),
            "promiscuous_set" => self.promiscuous_set(step),
            _ => self.frame_step(step),
        }
    }

    fn pool_open(&mut self, step: &Step) -> Outcome {
        let mut builder = Pool::builder();
        if step.has("buffers") {
            builder = builder.buffers(step.number("buffers") as u32);
        }
        if step.has("buffer_size") {
            builder = builder.buffer_size(step.number("buffer_size") as u32);
        }
        let pool = named(builder.open())?;
        let raw = pool.as_raw();
        self.pools.insert(step.text("pool").to_owned(), PoolVar { pool, raw });
        Ok(())
    }

    /// Raw: a Pool closes when nothing uses it any more, which a case does not wait for.
    fn pool_close(&mut self, step: &Step) -> Outcome {
        // SAFETY: no slice of packet memory is held between steps.
        raw(unsafe { ixy_sys::ixy_pool_close(self.pools[step.text("pool")].raw) }).map(drop)
    }

    fn pool_free_count(&mut self, step: &Step) -> Outcome {
        let count = named(self.pools[step.text("pool")].pool.free_count())?;
        assert_eq!(count, step.size("equals"));
        Ok(())
    }

    fn device_open(&mut self, step: &Step) -> Outcome {
        let address = step.text("address").replace("{tmp}", self.folder.to_str().unwrap());
        let mut builder = Device::builder(&address)
            .rx_queues(step.number_or("rx_queues", 0) as u32)
            .tx_queues(step.number_or("tx_queues", 0) as u32)
            .rx_ring_size(step.number_or("rx_ring_size", 0) as u32)
            .tx_ring_size(step.number_or("tx_ring_size", 0) as u32)
            .frame_len_max(step.number_or("frame_len_max", 0) as u32)
            .offloads(capabilities(step, "offloads"));
        if step.has("pool") {
            builder = builder.pool(&self.pools[step.text("pool")].pool);
        }
        // SAFETY: no case opens a device that is outside of this process; what is wrong with such an address shall be the
        // library's answer.
        let builder = unsafe { builder.trust_device() };
        let device = named(builder.open())?;
        let raw = device.as_raw();
        let device = Some(device);
        self.devices
            .insert(step.text("device").to_owned(), DeviceVar { device, raw });
        Ok(())
    }

    fn device_close(&mut self, step: &Step) -> Outcome {
        let var = self.devices.get_mut(step.text("device")).unwrap();
        match var.device.take() {
            Some(device) => named(device.close()),
            // SAFETY: the call takes any handle.
            None => raw(unsafe { ixy_sys::ixy_device_close(var.raw) }).map(drop),
        }
    }

    /// A call on a device, or on the handle of a closed one.
    fn control(
        &mut self,
        step: &Step,
        safe: impl Fn(&Device) -> libixy::Result<()>,
        stale: impl Fn(u64) -> i32,
    ) -> Outcome {
        let var = &self.devices[step.text("device")];
        match &var.device {
            Some(device) => named(safe(device)),
            None => raw(stale(var.raw)).map(drop),
        }
    }

    fn device_info(&mut self, step: &Step) -> Outcome {
        let mut space = ixy_sys::ixy_info::sized();
        if let Some(device) = &self.devices[step.text("device")].device {
            let info = named(device.info())?;
            step.compare(|name| match name {
                "offloads" => {
                    let expected = &step.0["equals"];
                    assert_eq!(info.offloads, capabilities(&Step(expected), name));
                    Some(expected[name].clone())
                }
                _ => member_of_info(&info, name),
            });
        }
        self.stale_control(step, |raw| unsafe { ixy_sys::ixy_device_info(raw, &mut space) })
    }

    /// The raw call, if the device is closed; else nothing.
    fn stale_control(&mut self, step: &Step, call: impl FnOnce(u64) -> i32) -> Outcome {
        let var = &self.devices[step.text("device")];
        if var.device.is_some() {
            return Ok(());
        }
        raw(call(var.raw)).map(drop)
    }

    fn features(&mut self, step: &Step) -> Outcome {
        if let Some(device) = &self.devices[step.text("device")].device {
            let features = named(device.features())?;
            let count = |name: &str| {
                let listed = if step.has(name) { step.names(name) } else { Vec::new() };
                (
                    listed.len(),
                    listed.iter().filter(|one| features.iter().any(|f| f == *one)).count(),
                )
            };
            let ((has, found), (_, wrong)) = (count("has"), count("lacks"));
            assert_eq!((has, 0), (found, wrong), "{features:?}");
        }
        self.stale_control(step, |raw| unsafe {
            ixy_sys::ixy_device_feature(raw, 0, std::ptr::null_mut(), 0)
        })
    }

    fn capabilities(&mut self, step: &Step) -> Outcome {
        let device = self.devices[step.text("device")].device.as_ref();
        let able = named(device.expect("an open device").info())?.capabilities;
        let (has, lacks) = (capabilities(step, "has"), capabilities(step, "lacks"));
        assert_eq!(able & (has | lacks), has);
        Ok(())
    }

    fn link(&mut self, step: &Step) -> Outcome {
        let mut space = ixy_sys::ixy_link::sized();
        if let Some(device) = &self.devices[step.text("device")].device {
            let link = named(device.link())?;
            step.compare(|name| match name {
                "up" => Some(json!(i32::from(link.up))),
                "speed_mbps" => Some(json!(link.speed_mbps)),
                _ => None,
            });
        }
        self.stale_control(step, |raw| unsafe { ixy_sys::ixy_device_link(raw, &mut space) })
    }

    fn stats(&mut self, step: &Step) -> Outcome {
        let mut space = ixy_sys::ixy_stats::sized();
        if let Some(device) = &self.devices[step.text("device")].device {
            let stats = named(device.stats())?;
            step.compare(|name| member_of_stats(&stats, name).map(Value::from));
        }
        self.stale_control(step, |raw| unsafe { ixy_sys::ixy_device_stats(raw, &mut space) })
    }

    fn queue_stats(&mut self, step: &Step) -> Outcome {
        let mut space = ixy_sys::ixy_queue_stats::sized();
        let queue = step.number("queue") as u32;
        if let Some(device) = &self.devices[step.text("device")].device {
            let stats = named(device.queue_stats(queue))?;
            step.compare(|name| member_of_queue_stats(&stats, name).map(Value::from));
        }
        self.stale_control(step, |raw| unsafe {
            ixy_sys::ixy_device_queue_stats(raw, queue, &mut space)
        })
    }

    fn counters(&mut self, step: &Step) -> Outcome {
        let mut space = ixy_sys::ixy_emu_counters::sized();
        if let Some(device) = &self.devices[step.text("device")].device {
            let counters = named(device.emu_counters())?;
            step.compare(|name| member_of_counters(&counters, name).map(Value::from));
        }
        self.stale_control(step, |raw| unsafe { ixy_sys::ixy_emu_counters_get(raw, &mut space) })
    }

    fn mac(&mut self, step: &Step) -> Outcome {
        let mut space = [0u8; 6];
        if let Some(device) = &self.devices[step.text("device")].device {
            assert_eq!(named(device.mac())?, step.mac("equals"));
        }
        self.stale_control(step, |raw| unsafe { ixy_sys::ixy_device_mac(raw, space.as_mut_ptr()) })
    }

    fn mac_set(&mut self, step: &Step) -> Outcome {
        let mac = step.mac("mac");
        self.control(
            step,
            |device| device.set_mac(mac),
            |raw| unsafe { ixy_sys::ixy_device_mac_set(raw, mac.as_ptr()) },
        )
    }

    fn promiscuous_set(&mut self, step: &Step) -> Outcome {
        let on = step.number("on") as u32;
        let var = &self.devices[step.text("device")];
        match (&var.device, on) {
            (Some(device), 0 | 1) => named(device.set_promiscuous(on == 1)),
            // SAFETY: the call takes any handle. A bool has no third value.
            _ => raw(unsafe { ixy_sys::ixy_device_promiscuous_set(var.raw, on) }).map(drop),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The capabilities that a member of a step names; none if it is absent.
fn capabilities(step: &Step, name: &str) -> Capabilities {
    let named = |name: &&str| match *name {
        "RX_CHECKSUM" => Capabilities::RX_CHECKSUM,
        "TX_CHECKSUM" => Capabilities::TX_CHECKSUM,
        "VLAN_STRIP" => Capabilities::VLAN_STRIP,
        "VLAN_INSERT" => Capabilities::VLAN_INSERT,
        "RX_TIMESTAMP" => Capabilities::RX_TIMESTAMP,
        "JUMBO" => Capabilities::JUMBO,
        "QUEUE_STATS" => Capabilities::QUEUE_STATS,
        "RX_WAIT" => Capabilities::RX_WAIT,
        _ => panic!("no IXY_CAN_{name}"),
    };
    let names = if step.has(name) { step.names(name) } else { Vec::new() };
    names
        .iter()
        .map(named)
        .fold(Capabilities::empty(), |all, one| all | one)
}

fn member_of_info(info: &libixy::Info, name: &str) -> Option<Value> {
    Some(match name {
        "vendor" => json!(info.vendor),
        "device_id" => json!(info.device_id),
        "rx_queues" => json!(info.rx_queues),
        "tx_queues" => json!(info.tx_queues),
        "rx_ring_size" => json!(info.rx_ring_size),
        "tx_ring_size" => json!(info.tx_ring_size),
        "tx_len_min" => json!(info.tx_len_min),
        "tx_len_max" => json!(info.tx_len_max),
        "emulated" => json!(i32::from(info.emulated)),
        "driver" => json!(info.driver),
        "name" => json!(info.name),
        "address" => json!(info.address),
        "rx_len_max" => json!(info.rx_len_max),
        "rx_frames_max" => json!(info.rx_frames_max),
        _ => return None,
    })
}

fn member_of_stats(stats: &libixy::Stats, name: &str) -> Option<u64> {
    Some(match name {
        "rx_packets" => stats.rx_packets,
        "rx_bytes" => stats.rx_bytes,
        "tx_packets" => stats.tx_packets,
        "tx_bytes" => stats.tx_bytes,
        "rx_missed" => stats.rx_missed,
        "rx_errors" => stats.rx_errors,
        "rx_dropped" => stats.rx_dropped,
        "rx_starved" => stats.rx_starved,
        _ => return None,
    })
}

fn member_of_queue_stats(stats: &libixy::QueueStats, name: &str) -> Option<u64> {
    Some(match name {
        "rx_packets" => stats.rx_packets,
        "rx_bytes" => stats.rx_bytes,
        "rx_missed" => stats.rx_missed,
        "rx_dropped" => stats.rx_dropped,
        "rx_starved" => stats.rx_starved,
        "tx_packets" => stats.tx_packets,
        "tx_bytes" => stats.tx_bytes,
        _ => return None,
    })
}

fn member_of_counters(counters: &libixy::EmuCounters, name: &str) -> Option<u64> {
    Some(match name {
        "violations" => counters.violations.into(),
        "generated" => counters.generated,
        "verified" => counters.verified,
        "damaged" => counters.damaged,
        "repeated" => counters.repeated,
        "reordered" => counters.reordered,
        "foreign" => counters.foreign,
        "wire_dropped" => counters.wire_dropped,
        _ => return None,
    })
}
