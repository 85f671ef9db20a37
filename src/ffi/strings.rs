//! Text across the boundary: UTF-8, NUL-terminated.

use crate::error::{Error, Result};
use std::borrow::Cow;
use std::ffi::{CStr, CString, c_char};

/// Borrow a host's string.
///
/// # Safety
/// `ptr` is NULL or points to a NUL-terminated string that lives and stays unchanged for `'a`.
pub unsafe fn borrow<'a>(ptr: *const c_char, name: &'static str) -> Result<&'a str> {
    if ptr.is_null() {
        return Err(Error::NullArgument(name));
    }
    // SAFETY: not NULL; the caller promises the rest.
    unsafe { CStr::from_ptr(ptr) }
        .to_str()
        .map_err(|_| Error::NotUtf8(name))
}

/// Returns a host's string with what is not UTF-8 replaced: for texts that are only shown.
///
/// # Safety
/// As for [`borrow`].
pub unsafe fn lossy<'a>(ptr: *const c_char, name: &'static str) -> Result<Cow<'a, str>> {
    if ptr.is_null() {
        return Err(Error::NullArgument(name));
    }
    // SAFETY: not NULL; the caller promises the rest.
    Ok(unsafe { CStr::from_ptr(ptr) }.to_string_lossy())
}

/// As [`borrow`], with NULL allowed.
///
/// # Safety
/// As for [`borrow`].
pub unsafe fn optional<'a>(ptr: *const c_char, name: &'static str) -> Result<Option<&'a str>> {
    if ptr.is_null() {
        Ok(None)
    } else {
        // SAFETY: handed on from the caller.
        unsafe { borrow(ptr, name) }.map(Some)
    }
}

/// A C string of our own; NULs inside, which no message should have, are replaced.
pub fn owned(text: &str) -> CString {
    CString::new(text.replace('\0', "?")).unwrap_or_default()
}

/// Copy `items` to a host's buffer by the capacity-in, needed-out rule.
///
/// # Safety
/// `buffer` is NULL or has room for `capacity` items; `needed` is NULL or writable.
pub unsafe fn fill<T: Copy>(
    items: &[T],
    buffer: *mut T,
    capacity: usize,
    needed: *mut usize,
) -> Result<()> {
    if !needed.is_null() {
        // SAFETY: writable by the caller's promise.
        unsafe { needed.write(items.len()) };
    }
    if capacity == 0 && !needed.is_null() {
        return Ok(()); // asking for the length alone
    }
    if buffer.is_null() {
        return Err(Error::NullArgument("buffer"));
    }
    if capacity < items.len() {
        return Err(Error::BufferTooSmall {
            capacity,
            needed: items.len(),
        });
    }
    // SAFETY: `capacity` items of room, at least as many as there are; the slice is ours, so they cannot overlap.
    unsafe { std::ptr::copy_nonoverlapping(items.as_ptr(), buffer, items.len()) };
    Ok(())
}
