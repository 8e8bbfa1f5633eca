#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

#[allow(missing_docs, non_camel_case_types, clippy::all, rustdoc::broken_intra_doc_links)]
#[rustfmt::skip]
mod bindings;

pub use bindings::*;

/// Gives the structs that begin with struct_size a way to be made.
macro_rules! sized_structs {
    ($($name:ident),*) => {$(
        impl $name {
            /// All zero, with `struct_size` set: what the library wants to be given.
            #[must_use]
            pub fn sized() -> Self {
                // SAFETY: the struct holds integers, arrays of them and raw pointers, for all of which zero bytes
                // are a value.
                let mut new: Self = unsafe { std::mem::zeroed() };
                new.struct_size = std::mem::size_of::<Self>() as u32;
                new
            }
        }
    )*};
}

sized_structs!(
    ixy_pool_config,
    ixy_view,
    ixy_device_config,
    ixy_info,
    ixy_link,
    ixy_stats,
    ixy_queue_stats,
    ixy_found,
    ixy_emu_counters,
    ixy_emu_meter
);
