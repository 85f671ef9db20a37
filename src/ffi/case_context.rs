//! Section "cases": who asks, and which images a case is of.

use super::strings;
use super::structs::{self, Versioned, versioned};
use crate::case::CaseContext;
use crate::error::Result;
use std::ffi::c_char;

/// Who asks for a score, and which images it is of; fill with dlnms_case_context_init(), or with dlnms_study_context() for the images
/// of a loaded study. Nothing is computed from it. All pointers are borrowed for the call. `correlation_id` and `actor` have 1 to 128 bytes
/// and no control characters.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_case_context {
    /// Size of the struct in bytes, set by dlnms_case_context_init().
    pub struct_size: u32,
    /// Must be 0.
    pub reserved: u32,
    /// The host's own name of this call, for example the number of an order that says nothing about the patient: it stands in the
    /// result's JSON, the log and the audit log. NULL: none.
    pub correlation_id: *const c_char,
    /// Who asks: a user's or a system's name, for the audit log. Needed where a scorer keeps one; else may be NULL.
    pub actor: *const c_char,
    /// Study Instance UID; stands in the audit log as a digest with the host's salt, and nowhere else. NULL: not known.
    pub study_uid: *const c_char,
    /// Series Instance UID of the CT, likewise.
    pub ct_series_uid: *const c_char,
    /// Series Instance UID of the PET, likewise.
    pub pet_series_uid: *const c_char,
}

versioned!(dlnms_case_context, 48, { struct_size, correlation_id, actor, study_uid, ct_series_uid, pet_series_uid } reserved { reserved });

/// Writes defaults into a context: nothing is known.
///
/// # Safety
/// - `context`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_case_context) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_case_context_init(
    context: *mut dlnms_case_context,
    struct_size: u32,
) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init_zero(context, struct_size) };
}

/// Borrows a host's context; of NULL nothing is known.
///
/// # Safety
/// `ptr` is NULL or an initialised struct whose pointers keep the header's promises for `'a`.
pub(super) unsafe fn case_context<'a>(ptr: *const dlnms_case_context) -> Result<CaseContext<'a>> {
    if ptr.is_null() {
        return Ok(CaseContext::default());
    }
    // SAFETY: handed on from the caller.
    let raw = unsafe { structs::read(ptr) }?;
    // SAFETY: handed on from the caller.
    let text = |ptr, name| unsafe { strings::optional(ptr, name) };
    Ok(CaseContext {
        correlation_id: text(raw.correlation_id, "correlation_id")?,
        actor: text(raw.actor, "actor")?,
        study_uid: text(raw.study_uid, "study_uid")?,
        ct_series_uid: text(raw.ct_series_uid, "ct_series_uid")?,
        pet_series_uid: text(raw.pet_series_uid, "pet_series_uid")?,
    })
}

const _: () = {
    let wide = cfg!(target_pointer_width = "64");
    assert!(!wide || size_of::<dlnms_case_context>() == <dlnms_case_context as Versioned>::V1_SIZE);
};
