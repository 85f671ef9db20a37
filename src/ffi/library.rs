//! Section "library".

use super::guard::guard_or;
use super::handle;
use crate::process;
use std::ffi::c_char;

/// Version of this binary interface; libdlnms.so.N carries it as N. The library promises that a program built
/// against a header of the same number works with every library of that number, newer or older in features.
pub const DLNMS_ABI_VERSION: u32 = 1;

/// Returns the DLNMS_ABI_VERSION that the library was built with. Compare it with the header's before any other call.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_abi_version() -> u32 {
    DLNMS_ABI_VERSION
}

/// Returns the version of the library, for example "0.1.0", as static text.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Returns the number of objects that this process holds from the library and has not freed. It is meant for leak checks in
/// tests: 0 when nothing leaks. It is 0 in a forked process.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_live_objects() -> usize {
    if process::is_forked() {
        return 0;
    }
    guard_or(usize::MAX, handle::live)
}

const _: () = assert!(DLNMS_ABI_VERSION == crate::ABI_VERSION);
