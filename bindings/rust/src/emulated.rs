//! What only emulated devices have.

use std::os::raw::c_char;

use ixy_sys::{ixy_emu_counters, ixy_emu_meter};

use crate::device::Device;
use crate::error::{check, Result};
use crate::status::{self, EmuCounters, EmuMeter};

impl Device {
    /// Emulated devices: steps one with timing=inline, then tells what its wire did.
    ///
    /// # Errors
    ///
    /// `Unsupported` when the device is not emulated.
    pub fn emu_counters(&self) -> Result<EmuCounters> {
        let mut raw = ixy_emu_counters::sized();
        // SAFETY: the struct is valid for the call, and struct_size says how long it is.
        check(unsafe { ixy_sys::ixy_emu_counters_get(self.as_raw(), &mut raw) })?;
        Ok(raw.into())
    }

    /// Emulated devices: a reading of the clock and of the model's own time, for measurements.
    ///
    /// # Errors
    ///
    /// `Unsupported` when the device is not emulated.
    pub fn emu_meter(&self) -> Result<EmuMeter> {
        let mut raw = ixy_emu_meter::sized();
        // SAFETY: the struct is valid for the call, and struct_size says how long it is.
        check(unsafe { ixy_sys::ixy_emu_meter_get(self.as_raw(), &mut raw) })?;
        Ok(raw.into())
    }

    /// Emulated devices: what the driver did that the data sheet forbids, the first 64 of it. Empty for a correct driver.
    ///
    /// # Errors
    ///
    /// `Unsupported` when the device is not emulated.
    pub fn emu_violations(&self) -> Result<Vec<String>> {
        let mut texts = Vec::new();
        let mut buffer = [0 as c_char; ixy_sys::IXY_TEXT_MAX as usize];
        for index in 0.. {
            buffer[0] = 0;
            // SAFETY: the call writes at most as many bytes as it is told that the buffer has.
            let count = check(unsafe {
                ixy_sys::ixy_emu_violation(self.as_raw(), index, buffer.as_mut_ptr(), buffer.len() as u32)
            })?;
            if index >= count || buffer[0] == 0 {
                break;
            }
            texts.push(status::text(&buffer));
        }
        Ok(texts)
    }
}
