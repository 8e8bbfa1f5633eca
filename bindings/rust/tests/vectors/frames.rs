//! The steps on frames: through packets and batches where those can express them, else through raw calls.

use std::time::Duration;

use ixy_sys::{ixy_frame, ixy_metadata};
use libixy::{Batch, Checksum, Metadata, Packet, L4};
use serde_json::json;

use crate::world::{named, raw, Outcome, World};
use crate::Step;

/// A frame variable. `packet` owns the buffer while the case has it; `frame` is what the variable says, and stays when
/// the packet is gone, as a variable of another language would.
pub struct Frame {
    packet: Option<Packet>,
    frame: ixy_frame,
    pool: u64,
}

impl Frame {
    fn owned(packet: Packet) -> Self {
        Frame {
            frame: packet.as_raw(),
            pool: packet.pool().as_raw(),
            packet: Some(packet),
        }
    }

    /// Whether the packet is what the variable says, so that safe code can use it.
    fn is_packet(&self) -> bool {
        self.packet.as_ref().map_or(false, |packet| {
            let own = packet.as_raw();
            (own.buf, own.offset, own.len) == (self.frame.buf, self.frame.offset, self.frame.len)
        })
    }
}

impl World {
    pub fn frame_step(&mut self, step: &Step) -> Outcome {
        match step.text("op") {
            "alloc" => self.alloc(step),
            "alloc_count" => self.alloc_count(step),
            "set_len" => self.set_len(step),
            "check_len" => self.check_len(step),
            "more" => self.more(step),
            "metadata_set" => self.metadata_set(step),
            "metadata" => self.metadata(step),
            "write" => self.write(step),
            "read" => self.read(step),
            "fill" => self.fill(step),
            "check" => self.check(step),
            "tx" => self.tx(step),
            "rx" => self.rx(step),
            "rx_none" => self.rx_none(step),
            "rx_until_error" => self.rx_until_error(step),
            "free" => self.free(step),
            "forge" => self.forge(step),
            "frame_set" => self.frame_set(step),
            other => panic!("unknown step {other}"),
        }
    }

    fn one(&mut self, step: &Step, name: &str) -> &mut Frame {
        let frames = self.frames.get_mut(step.text(name)).expect("an unknown frame");
        assert_eq!(frames.len(), 1);
        &mut frames[0]
    }

    fn alloc(&mut self, step: &Step) -> Outcome {
        let names = step.names("into");
        let pool = &self.pools[step.text("pool")].pool;
        let mut batch = named(Batch::new(pool, names.len()))?;
        assert_eq!(named(batch.alloc(names.len(), 0))?, names.len());
        for name in names.iter().rev() {
            let frame = Frame::owned(batch.pop().unwrap());
            self.frames.insert((*name).to_owned(), vec![frame]);
        }
        Ok(())
    }

    fn alloc_count(&mut self, step: &Step) -> Outcome {
        let count = step.size("count");
        let pool = &self.pools[step.text("pool")].pool;
        let mut batch = named(Batch::new(pool, count.max(1)))?;
        let got = named(batch.alloc(count, 0))?;
        assert_eq!(got, step.size("returned"));
        let mut frames: Vec<Frame> = std::iter::from_fn(|| batch.pop()).map(Frame::owned).collect();
        frames.reverse();
        self.frames.insert(step.text("into").to_owned(), frames);
        Ok(())
    }

    fn set_len(&mut self, step: &Step) -> Outcome {
        let len = step.size("len");
        let frame = self.one(step, "frame");
        if frame.is_packet() {
            let packet = frame.packet.as_mut().unwrap();
            match (packet.resize(len), step.has("error")) {
                (Ok(()), _) => {
                    frame.frame = packet.as_raw();
                    return Ok(());
                }
                (Err(error), true) => return Err(error.name().to_owned()),
                // The case is about the library's check.
                (Err(_), false) => {}
            }
        }
        frame.frame.len = len.try_into().unwrap();
        Ok(())
    }

    fn check_len(&mut self, step: &Step) -> Outcome {
        assert_eq!(usize::from(self.one(step, "frame").frame.len), step.size("len"));
        Ok(())
    }

    fn more(&mut self, step: &Step) -> Outcome {
        let frame = self.one(step, "frame");
        let packet = frame.packet.as_mut().expect("more is for frames that the case owns");
        if step.has("on") {
            packet.set_more(step.number("on") == 1);
            frame.frame = packet.as_raw();
        } else {
            assert_eq!(i64::from(packet.more()), step.number("equals"));
        }
        Ok(())
    }

    fn metadata_set(&mut self, step: &Step) -> Outcome {
        let flags = step.names("flags");
        let has = |name: &str| flags.contains(&name);
        let number = |name: &str| step.number_or(name, 0);
        let frame = self.one(step, "frame");
        if has("TX_TCP_CHECKSUM") && has("TX_UDP_CHECKSUM") {
            // Raw: a Checksum has one protocol.
            let mut record = no_metadata();
            record.flags = flags.iter().map(|name| meta(name)).sum();
            record.l2_len = number("l2_len") as u8;
            record.l3_len = number("l3_len") as u8;
            // SAFETY: both pointers are valid for the call, which checks the frame.
            return raw(unsafe { ixy_sys::ixy_buf_metadata_set(frame.pool, &mut frame.frame, &record) }).map(drop);
        }
        let found = |good: &str, bad: &str| (has(good) || has(bad)).then(|| has(good));
        let mut metadata = Metadata::default();
        metadata.timestamp = has("TIMESTAMP").then_some(0);
        metadata.vlan = has("VLAN").then(|| number("vlan_tci") as u16);
        metadata.ip_good = found("RX_IP_GOOD", "RX_IP_BAD");
        metadata.l4_good = found("RX_L4_GOOD", "RX_L4_BAD");
        if flags.iter().any(|name| name.starts_with("TX_")) {
            let udp = has("TX_UDP_CHECKSUM").then_some(L4::Udp);
            metadata.checksum = Some(Checksum {
                ip: has("TX_IP_CHECKSUM"),
                l4: if has("TX_TCP_CHECKSUM") { Some(L4::Tcp) } else { udp },
                l2_len: number("l2_len") as u8,
                l3_len: number("l3_len") as u8,
            });
        }
        let packet = frame
            .packet
            .as_mut()
            .expect("metadata_set is for frames that the case owns");
        packet.set_metadata(&metadata);
        assert_eq!(packet.metadata(), metadata);
        frame.frame = packet.as_raw();
        Ok(())
    }

    fn metadata(&mut self, step: &Step) -> Outcome {
        let frame = self.one(step, "frame");
        let mut record = no_metadata();
        // SAFETY: both pointers are valid for the call, which checks the frame.
        raw(unsafe { ixy_sys::ixy_buf_metadata(frame.pool, &frame.frame, &mut record) })?;
        let told = frame
            .packet
            .as_ref()
            .expect("metadata is for frames that the case owns")
            .metadata();
        step.compare(|name| match name {
            // The record's flags, and the same as what Metadata tells.
            "flags" => {
                let expected = Step(&step.0["equals"]).names("flags");
                assert_eq!(record.flags, expected.iter().map(|name| meta(name)).sum::<u32>());
                let has = |name| expected.contains(&name);
                assert_eq!(told.timestamp.is_some(), has("TIMESTAMP"));
                assert_eq!(told.vlan.is_some(), has("VLAN"));
                assert_eq!(
                    (told.ip_good == Some(true), told.ip_good == Some(false)),
                    (has("RX_IP_GOOD"), has("RX_IP_BAD"))
                );
                assert_eq!(
                    (told.l4_good == Some(true), told.l4_good == Some(false)),
                    (has("RX_L4_GOOD"), has("RX_L4_BAD"))
                );
                Some(json!(expected))
            }
            "vlan_tci" => Some(json!(told.vlan.unwrap_or(0))),
            "timestamp" => Some(json!(told.timestamp.unwrap_or(0))),
            "l2_len" => Some(json!(record.l2_len)),
            "l3_len" => Some(json!(record.l3_len)),
            _ => None,
        });
        if step.has("not_before") {
            let earlier = &self.frames[step.text("not_before")][0]
                .packet
                .as_ref()
                .unwrap()
                .metadata();
            assert!(told.timestamp.unwrap() >= earlier.timestamp.unwrap());
        }
        Ok(())
    }

    fn write(&mut self, step: &Step) -> Outcome {
        let (at, bytes) = (step.size("at"), step.hex("hex"));
        let frame = self.one(step, "frame");
        if frame.is_packet() && !step.has("error") {
            frame.packet.as_mut().unwrap()[at..at + bytes.len()].copy_from_slice(&bytes);
            return Ok(());
        }
        if frame.is_packet() && step.text("error") == "IXY_E_RANGE" {
            assert_eq!(frame.packet.as_mut().unwrap().get_mut(at..at + bytes.len()), None);
        }
        // SAFETY: the call checks the frame, and bytes has as many bytes as it is told.
        let written = raw(unsafe {
            ixy_sys::ixy_buf_write(
                frame.pool,
                &frame.frame,
                at as u32,
                bytes.as_ptr().cast(),
                bytes.len() as u32,
            )
        })?;
        assert_eq!(written as usize, bytes.len());
        Ok(())
    }

    fn read(&mut self, step: &Step) -> Outcome {
        let (at, size) = (step.size("at"), step.size("size"));
        let frame = self.one(step, "frame");
        if frame.is_packet() && !step.has("error") {
            assert_eq!(frame.packet.as_ref().unwrap()[at..at + size], step.hex("hex")[..]);
            return Ok(());
        }
        if frame.is_packet() && step.text("error") == "IXY_E_RANGE" {
            assert_eq!(frame.packet.as_ref().unwrap().get(at..at + size), None);
        }
        let mut bytes = vec![0u8; size];
        // SAFETY: the call checks the frame, and bytes has room for as many as it is told.
        let got = raw(unsafe {
            ixy_sys::ixy_buf_read(
                frame.pool,
                &frame.frame,
                at as u32,
                bytes.as_mut_ptr().cast(),
                size as u32,
            )
        })?;
        assert_eq!((got as usize, bytes), (size, step.hex("hex")));
        Ok(())
    }

    fn fill(&mut self, step: &Step) -> Outcome {
        let seed = step.number("seed") as usize;
        let frame = self.one(step, "frame");
        assert!(frame.is_packet(), "fill is for frames that the case owns");
        for (at, byte) in frame.packet.as_mut().unwrap().iter_mut().enumerate() {
            *byte = (seed + 7 * at) as u8;
        }
        Ok(())
    }

    fn check(&mut self, step: &Step) -> Outcome {
        let (seed, len) = (step.number("seed") as usize, step.size("len"));
        let frame = self.one(step, "frame");
        assert!(frame.is_packet(), "check is for frames that the case owns");
        let expected: Vec<u8> = (0..len).map(|at| (seed + 7 * at) as u8).collect();
        assert_eq!(frame.packet.as_ref().unwrap()[..], expected[..]);
        Ok(())
    }

    /// All frames of the variables that a step names, in order.
    fn listed(&self, step: &Step) -> Vec<(String, usize)> {
        let names = step.names("frames").into_iter();
        names
            .flat_map(|name| (0..self.frames[name].len()).map(move |at| (name.to_owned(), at)))
            .collect()
    }

    /// Whether safe code can hold all these frames at once: packets of one pool, none of them twice.
    fn are_packets(&self, listed: &[(String, usize)]) -> bool {
        let frames: Vec<&Frame> = listed.iter().map(|(name, at)| &self.frames[name][*at]).collect();
        frames
            .iter()
            .all(|frame| frame.is_packet() && frame.pool == frames[0].pool)
            && (1..listed.len()).all(|end| !listed[..end].contains(&listed[end]))
    }

    fn raw_frames(&self, listed: &[(String, usize)]) -> Vec<ixy_frame> {
        listed.iter().map(|(name, at)| self.frames[name][*at].frame).collect()
    }

    fn take(&mut self, (name, at): &(String, usize)) -> Packet {
        self.frames.get_mut(name).unwrap()[*at].packet.take().unwrap()
    }

    fn put(&mut self, (name, at): &(String, usize), packet: Packet) {
        self.frames.get_mut(name).unwrap()[*at].packet = Some(packet);
    }

    fn tx(&mut self, step: &Step) -> Outcome {
        let listed = self.listed(step);
        let queue = step.number("queue") as u32;
        let name = step.text("device");
        let sent = if self.devices[name].device.is_some() && !listed.is_empty() && self.are_packets(&listed) {
            let mut tx = named(self.devices[name].device.as_ref().unwrap().tx_queue(queue))?;
            let packets: Vec<Packet> = listed.iter().map(|place| self.take(place)).collect();
            let mut batch = named(Batch::new(&packets[0].pool().clone(), packets.len()))?;
            packets.into_iter().for_each(|packet| batch.push(packet).unwrap());
            let sent = named(tx.transmit(&mut batch));
            for place in listed.iter().rev() {
                if let Some(packet) = batch.pop() {
                    self.put(place, packet);
                }
            }
            sent?
        } else {
            let frames = self.raw_frames(&listed);
            let device = self.devices[name].raw;
            // SAFETY: the array has that many frames, each of which the call checks.
            raw(unsafe { ixy_sys::ixy_tx_batch(device, queue, frames.as_ptr(), frames.len() as u32) })? as usize
        };
        assert_eq!(sent, step.size("sent"));
        Ok(())
    }

    fn rx(&mut self, step: &Step) -> Outcome {
        let names = step.names("into");
        let device = self.devices[step.text("device")]
            .device
            .as_ref()
            .expect("an open device");
        let mut rx = named(device.rx_queue(step.number("queue") as u32))?;
        let mut batch = named(Batch::new(&rx.pool().clone(), step.size("max")))?;
        for _ in 0..1000 {
            named(rx.receive(&mut batch))?;
            if batch.len() >= names.len() {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(batch.len(), names.len(), "frames received");
        for name in names.iter().rev() {
            let frame = Frame::owned(batch.pop().unwrap());
            self.frames.insert((*name).to_owned(), vec![frame]);
        }
        Ok(())
    }

    fn rx_none(&mut self, step: &Step) -> Outcome {
        let (queue, max) = (step.number("queue") as u32, step.size("max"));
        let var = &self.devices[step.text("device")];
        let got = match &var.device {
            Some(device) if max > 0 => {
                let mut rx = named(device.rx_queue(queue))?;
                let mut batch = named(Batch::new(&rx.pool().clone(), max))?;
                named(rx.receive(&mut batch))?
            }
            // A batch has room for one packet at least; and a closed device has no queues.
            _ => {
                let mut space = vec![none(); max];
                // SAFETY: the array has room for that many.
                raw(unsafe { ixy_sys::ixy_rx_batch(var.raw, queue, space.as_mut_ptr(), max as u32) })? as usize
            }
        };
        assert_eq!(got, 0);
        Ok(())
    }

    fn rx_until_error(&mut self, step: &Step) -> Outcome {
        let device = self.devices[step.text("device")]
            .device
            .as_ref()
            .expect("an open device");
        let mut rx = named(device.rx_queue(step.number("queue") as u32))?;
        for _ in 0..step.size("polls") {
            let mut batch = named(Batch::new(&rx.pool().clone(), 64))?; // gives back what it holds
            named(rx.receive(&mut batch))?;
        }
        Ok(())
    }

    fn free(&mut self, step: &Step) -> Outcome {
        let listed = self.listed(step);
        let pool = self.pools[step.text("pool")].raw;
        let freed = if self.are_packets(&listed) && listed.iter().all(|(name, at)| self.frames[name][*at].pool == pool)
        {
            listed.iter().for_each(|place| drop(self.take(place)));
            listed.len()
        } else {
            let frames = self.raw_frames(&listed);
            // SAFETY: the array has that many frames, each of which the call checks.
            raw(unsafe { ixy_sys::ixy_buf_free(pool, frames.as_ptr(), frames.len() as u32) })? as usize
        };
        assert_eq!(freed, step.size("freed"));
        Ok(())
    }

    /// A copy of a frame with another handle: raw, as no packet can be that.
    fn forge(&mut self, step: &Step) -> Outcome {
        let handle = u64::from_str_radix(step.text("handle").trim_start_matches("0x"), 16).unwrap();
        let from = self.one(step, "from");
        let frame = Frame {
            packet: None,
            frame: ixy_frame {
                buf: handle,
                ..from.frame
            },
            pool: from.pool,
        };
        self.frames.insert(step.text("frame").to_owned(), vec![frame]);
        Ok(())
    }

    /// A copy of a frame with another place: raw, as no packet can be that.
    fn frame_set(&mut self, step: &Step) -> Outcome {
        let (add, len) = (step.number_or("offset_add", 0), step.size("len"));
        let from = self.one(step, "from");
        let frame = Frame {
            packet: None,
            frame: ixy_frame {
                offset: (i64::from(from.frame.offset) + add) as u32,
                len: len.try_into().unwrap(),
                ..from.frame
            },
            pool: from.pool,
        };
        self.frames.insert(step.text("frame").to_owned(), vec![frame]);
        Ok(())
    }
}

/// A bit of ixy_metadata.flags by its name.
fn meta(name: &str) -> u32 {
    let bit = match name {
        "TIMESTAMP" => ixy_sys::IXY_META_TIMESTAMP,
        "VLAN" => ixy_sys::IXY_META_VLAN,
        "RX_IP_GOOD" => ixy_sys::IXY_META_RX_IP_GOOD,
        "RX_IP_BAD" => ixy_sys::IXY_META_RX_IP_BAD,
        "RX_L4_GOOD" => ixy_sys::IXY_META_RX_L4_GOOD,
        "RX_L4_BAD" => ixy_sys::IXY_META_RX_L4_BAD,
        "TX_IP_CHECKSUM" => ixy_sys::IXY_META_TX_IP_CHECKSUM,
        "TX_TCP_CHECKSUM" => ixy_sys::IXY_META_TX_TCP_CHECKSUM,
        "TX_UDP_CHECKSUM" => ixy_sys::IXY_META_TX_UDP_CHECKSUM,
        _ => panic!("no IXY_META_{name}"),
    };
    bit as u32
}

fn no_metadata() -> ixy_metadata {
    ixy_metadata {
        timestamp: 0,
        flags: 0,
        vlan_tci: 0,
        l2_len: 0,
        l3_len: 0,
    }
}

fn none() -> ixy_frame {
    ixy_frame {
        buf: 0,
        offset: 0,
        len: 0,
        flags: 0,
    }
}
