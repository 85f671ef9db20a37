//! Loaded modules of Windows.
#![allow(unsafe_code)]

use std::ffi::c_void;
use windows_sys::Win32::Foundation::HMODULE;
use windows_sys::Win32::System::LibraryLoader::{
    GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
    GetModuleHandleExW,
};

/// Returns the loaded module that holds an address; its handle is the address of its image.
pub fn module_of(address: *const c_void) -> Option<HMODULE> {
    let mut module = std::ptr::null_mut();
    let flags =
        GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    // SAFETY: the address is only looked up, and `module` is written.
    let found = unsafe { GetModuleHandleExW(flags, address.cast(), &mut module) };
    (found != 0).then_some(module)
}
