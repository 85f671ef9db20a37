//! Section "library".

use super::guard::guard_or;
use super::handle;
use crate::process;
use std::ffi::c_char;

/// Version of this binary interface; libdlnms.so.N carries it as N. The library promises that a program built
/// against a header of the same number works with every library of that number, newer or older in features.
pub const DLNMS_ABI_VERSION: u32 = 1;

/// The library's DLNMS_ABI_VERSION. Compare with the header's before anything else. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_abi_version() -> u32 {
    DLNMS_ABI_VERSION
}

/// The library's version, for example "0.1.0": static text. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Objects this process holds from this library and has not freed: 0 when nothing leaks, and in a forked process. For
/// tests. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_live_objects() -> usize {
    if process::is_forked() {
        return 0;
    }
    guard_or(usize::MAX, handle::live)
}

const _: () = assert!(DLNMS_ABI_VERSION == crate::ABI_VERSION);
