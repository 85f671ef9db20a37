//! `WriteFile` of Windows.
#![allow(unsafe_code)]

use super::super::redirect::Replacement;
use super::processor_log::log_of_processor;
use windows_sys::Win32::Foundation::{HANDLE, TRUE};
use windows_sys::Win32::Storage::FileSystem::WriteFile;
use windows_sys::Win32::System::Console::{GetStdHandle, STD_ERROR_HANDLE, STD_OUTPUT_HANDLE};
use windows_sys::Win32::System::IO::OVERLAPPED;
use windows_sys::core::BOOL;

pub fn replacement() -> Replacement<'static> {
    Replacement {
        names: &[c"WriteFile"],
        function: write_or_log as *const (),
    }
}

/// Stands in for `WriteFile` in onnxruntime.dll alone.
///
/// # Safety
/// As for that function: `buffer` holds `count` bytes, and `written` is NULL or may be written.
unsafe extern "system" fn write_or_log(
    file: HANDLE,
    buffer: *const u8,
    count: u32,
    written: *mut u32,
    overlapped: *mut OVERLAPPED,
) -> BOOL {
    // SAFETY: a question without side effects.
    let is_standard = [STD_OUTPUT_HANDLE, STD_ERROR_HANDLE]
        .into_iter()
        .any(|which| unsafe { GetStdHandle(which) } == file);
    let text = if is_standard && !buffer.is_null() {
        // SAFETY: by the caller's promise.
        unsafe { std::slice::from_raw_parts(buffer, count as usize) }
    } else {
        &[]
    };
    if !log_of_processor(text) {
        // SAFETY: handed on from the caller.
        return unsafe { WriteFile(file, buffer, count, written, overlapped) };
    }
    if !written.is_null() {
        // SAFETY: by the caller's promise.
        unsafe { written.write(count) };
    }
    TRUE
}
