//! Errors: the library's code, its name, and a text that says what was wrong and what would be right.

use std::borrow::Cow;
use std::ffi::CStr;
use std::fmt;
use std::os::raw::c_char;

/// What the calls of this crate return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call failed: a code of the library, and a text with names and values.
///
/// ```
/// let pool = libixy::Pool::open()?;
/// let error = libixy::Device::open("emu:82598", &pool).unwrap_err();
/// assert_eq!(error.kind(), libixy::ErrorKind::Address);
/// assert_eq!(error.name(), "IXY_E_ADDRESS");
/// println!("{error}");
/// # Ok::<(), libixy::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    code: i32,
    text: Cow<'static, str>,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $code:ident,)*) => {
        /// The library's error codes, to match on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[$doc])* $kind,)*
            /// A code that this version of the crate does not know.
            Unknown,
        }

        impl ErrorKind {
            fn of(code: i32) -> Self {
                match code {
                    $(ixy_sys::$code => Self::$kind,)*
                    _ => Self::Unknown,
                }
            }
        }
    };
}

kinds! {
    /// A device that was closed, or what is no longer this process's.
    Handle = IXY_E_HANDLE,
    /// A value is outside its documented set.
    Argument = IXY_E_ARGUMENT,
    /// A queue index, count or offset is out of range.
    Range = IXY_E_RANGE,
    /// A frame's length cannot be sent, or it would leave its buffer.
    Frame = IXY_E_FRAME,
    /// Another part of the program holds this queue or object.
    Busy = IXY_E_BUSY,
    /// Not possible in this state: transmit before start, start twice.
    State = IXY_E_STATE,
    /// The operating system gave no memory.
    NoMemory = IXY_E_NO_MEMORY,
    /// The pool has no free buffer at the moment.
    NoBuffers = IXY_E_NO_BUFFERS,
    /// The pool has too few buffers for the rings of its devices, or too small ones.
    PoolSize = IXY_E_POOL_SIZE,
    /// The device did not answer in the time that its data sheet allows.
    Timeout = IXY_E_TIMEOUT,
    /// Malformed device address, unknown scheme, device or option.
    Address = IXY_E_ADDRESS,
    /// No such device, file or interface.
    NotFound = IXY_E_NOT_FOUND,
    /// The operating system refused access.
    Permission = IXY_E_PERMISSION,
    /// This device, driver or build cannot do that.
    Unsupported = IXY_E_UNSUPPORTED,
    /// Crate and library disagree about a struct of the ABI.
    Struct = IXY_E_STRUCT,
    /// The object was inherited over fork; open devices and pools anew in the child.
    Fork = IXY_E_FORK,
    /// The device is gone or answers what its data sheet forbids.
    Device = IXY_E_DEVICE,
    /// A system call failed; the text names it.
    Io = IXY_E_IO,
    /// Too many open devices, pools or views.
    Limit = IXY_E_LIMIT,
}

impl Error {
    /// What kind of error this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::of(self.code)
    }

    /// The library's code, below 0.
    #[must_use]
    pub fn code(&self) -> i32 {
        self.code
    }

    /// The code's name, such as "IXY_E_HANDLE".
    #[must_use]
    pub fn name(&self) -> &'static str {
        // SAFETY: the call takes any code.
        static_text(unsafe { ixy_sys::ixy_error_name(self.code) })
    }

    /// What was wrong, with names and values, and what would be right.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// An error that this crate finds by itself.
    #[cold]
    pub(crate) fn new(code: i32, text: impl Into<Cow<'static, str>>) -> Self {
        Error {
            code,
            text: text.into(),
        }
    }

    /// The error of a hot call: its text is static.
    #[cold]
    pub(crate) fn hot(code: i32) -> Self {
        // SAFETY: the call takes any code.
        Error::new(code, static_text(unsafe { ixy_sys::ixy_strerror(code) }))
    }

    /// The error of the control call that this thread made last.
    #[cold]
    pub(crate) fn control(code: i32) -> Self {
        // SAFETY: the text stands until this thread's next control call, and is copied before.
        let text = unsafe { CStr::from_ptr(ixy_sys::ixy_last_error()) };
        if text.to_bytes().is_empty() {
            Error::hot(code)
        } else {
            Error::new(code, text.to_string_lossy().into_owned())
        }
    }
}

/// The result of a control call: its value from 0 on, or the error.
pub(crate) fn check(result: i32) -> Result<u32> {
    u32::try_from(result).map_err(|_| Error::control(result))
}

/// One of the library's static texts.
pub(crate) fn static_text(text: *const c_char) -> &'static str {
    // SAFETY: only called with texts of which the header says that they are static; they are ASCII with a NUL.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap_or("")
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.name())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("code", &self.code)
            .field("name", &self.name())
            .field("text", &self.text)
            .finish()
    }
}

impl std::error::Error for Error {}
