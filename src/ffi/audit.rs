//! Section "audit log".

use super::error_object::{dlnms_error, dlnms_status};
use super::guard::guard;
use super::strings;
use super::structs::{self, Versioned, versioned};
use crate::audit::{self, AuditOptions};
use crate::error::{Error, Result};
use std::ffi::c_char;
use std::path::Path;

/// An audit log that a scorer writes: one line of JSON for each case, scored or refused, each with the digest of the line before
/// it. Fill with dlnms_audit_options_init().
///
/// A line says who asked (`dlnms_case_context.actor`), the host's correlation id, the model, the engine, the findings of the quality
/// checks and the result. UIDs stand in it as HMAC-SHA256 with the salt as key; nothing else a patient could be known by does.
/// A line is on disk before the call returns; a call whose line cannot be written fails. Several scorers and processes
/// may write to one file.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_audit_options {
    /// Size of the struct in bytes, set by dlnms_audit_options_init().
    pub struct_size: u32,
    /// Bytes of `salt`, at least 16.
    pub salt_size: u32,
    /// The file; made if it does not exist. Required.
    pub path: *const c_char,
    /// Secret of the host. Required.
    pub salt: *const u8,
    /// Digest of a line that the log must hold, 64 hexadecimal digits: the `head` that the host kept, without which a log whose
    /// end was cut off cannot be told from a sound one. NULL: none.
    pub expected_head: *const c_char,
}

versioned!(dlnms_audit_options, 32, { struct_size, salt_size, path, salt, expected_head } reserved {  });

/// Writes defaults into audit options: all pointers NULL.
///
/// # Safety
/// - `options`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_audit_options) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_audit_options_init(
    options: *mut dlnms_audit_options,
    struct_size: u32,
) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init_zero(options, struct_size) };
}

/// What a sound audit log is; fill with dlnms_audit_summary_init().
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_audit_summary {
    /// Size of the struct in bytes, set by dlnms_audit_summary_init().
    pub struct_size: u32,
    /// Lines among them that were torn when their writer was killed; each is followed by a line that says so.
    pub torn: u32,
    /// Lines of the file.
    pub lines: u64,
    /// Digest of the last line, 64 hexadecimal digits and NULs: what a host keeps in another place.
    pub head: [c_char; 72],
}

versioned!(dlnms_audit_summary, 88, { struct_size, torn, lines, head } reserved {  });

/// Writes zeros into a summary.
///
/// # Safety
/// - `summary`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_audit_summary) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_audit_summary_init(
    summary: *mut dlnms_audit_summary,
    struct_size: u32,
) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init_zero(summary, struct_size) };
}

/// Verifies an audit log from its first line to its last.
///
/// # Safety
/// - `path`: the file.
/// - `expected_head`: digest of a line that the log must hold, as for `dlnms_audit_options.expected_head`; may be NULL. Lines behind
///   that line are allowed.
/// - `out`: an initialised struct; receives what the log is. May be NULL.
///
/// # Errors
/// DLNMS_E_AUDIT_ALTERED naming the first line that was changed, cut, inserted or swapped, or that the expected line is missing;
/// DLNMS_E_AUDIT if the file cannot be read; DLNMS_E_INVALID_ARGUMENT (expected_head), DLNMS_E_NULL_ARGUMENT, DLNMS_E_UTF8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_audit_verify(
    path: *const c_char,
    expected_head: *const c_char,
    out: *mut dlnms_audit_summary,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        // SAFETY: handed on from the caller.
        let path = unsafe { strings::borrow(path, "path") }?;
        // SAFETY: handed on from the caller.
        let expected = unsafe { strings::optional(expected_head, "expected_head") }?;
        let found = audit::verify(Path::new(path), expected)?;
        if out.is_null() {
            return Ok(());
        }
        let mut raw = dlnms_audit_summary {
            struct_size: 0,
            torn: u32::try_from(found.torn).unwrap_or(u32::MAX),
            lines: found.lines,
            head: [0; 72],
        };
        for (to, from) in raw.head.iter_mut().zip(found.head.bytes()) {
            *to = from as c_char;
        }
        // SAFETY: handed on from the caller.
        unsafe { structs::write(out, &raw) }
    })
}

/// Copies a host's audit options; `None` for NULL.
///
/// # Errors
/// Those of a struct; [`Error::NullArgument`], [`Error::NotUtf8`].
///
/// # Safety
/// `ptr` is NULL or an initialised struct whose pointers keep the header's promises.
pub(super) unsafe fn audit_options(
    ptr: *const dlnms_audit_options,
) -> Result<Option<AuditOptions>> {
    if ptr.is_null() {
        return Ok(None);
    }
    // SAFETY: handed on from the caller.
    let raw = unsafe { structs::read(ptr) }?;
    if raw.salt.is_null() {
        return Err(Error::NullArgument("dlnms_audit_options.salt"));
    }
    // SAFETY: so many bytes by the caller's promise.
    let salt = unsafe { std::slice::from_raw_parts(raw.salt, raw.salt_size as usize) };
    Ok(Some(AuditOptions {
        // SAFETY: handed on from the caller.
        path: unsafe { strings::borrow(raw.path, "dlnms_audit_options.path") }?.into(),
        salt: salt.to_vec(),
        // SAFETY: handed on from the caller.
        expected_head: unsafe { strings::optional(raw.expected_head, "expected_head") }?
            .map(str::to_owned),
    }))
}

const _: () = {
    let wide = cfg!(target_pointer_width = "64");
    assert!(
        !wide || size_of::<dlnms_audit_options>() == <dlnms_audit_options as Versioned>::V1_SIZE
    );
    assert!(
        !wide || size_of::<dlnms_audit_summary>() == <dlnms_audit_summary as Versioned>::V1_SIZE
    );
};
