//! Section "cases": who asks, and which images a case is of.

use super::strings;
use super::structs::{self, Versioned, versioned};
use crate::case::CaseContext;
use crate::error::Result;
use std::ffi::c_char;

/// Who asks for a score, and which images it is of; fill with dlnms_case_context_init(), or with dlnms_study_context() for the images
/// of a loaded study. Nothing is computed from it. The texts are copied during the call, also when a case is submitted to a queue. `correlation_id` and `actor` have 1 to 128 bytes
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

/// A host's context, copied: a case in a queue is scored after the call that submitted it.
#[derive(Default)]
pub(super) struct HostContext {
    correlation_id: Option<String>,
    actor: Option<String>,
    study_uid: Option<String>,
    ct_series_uid: Option<String>,
    pet_series_uid: Option<String>,
}

impl HostContext {
    /// Copies a host's context; of NULL nothing is known.
    ///
    /// # Safety
    /// `ptr` is NULL or an initialised struct whose pointers keep the header's promises.
    pub unsafe fn read(ptr: *const dlnms_case_context) -> Result<Self> {
        if ptr.is_null() {
            return Ok(Self::default());
        }
        // SAFETY: handed on from the caller.
        let raw = unsafe { structs::read(ptr) }?;
        let text = |ptr, name| {
            // SAFETY: handed on from the caller.
            unsafe { strings::optional(ptr, name) }.map(|text| text.map(str::to_owned))
        };
        Ok(Self {
            correlation_id: text(raw.correlation_id, "correlation_id")?,
            actor: text(raw.actor, "actor")?,
            study_uid: text(raw.study_uid, "study_uid")?,
            ct_series_uid: text(raw.ct_series_uid, "ct_series_uid")?,
            pet_series_uid: text(raw.pet_series_uid, "pet_series_uid")?,
        })
    }

    /// Returns it as the library wants it.
    pub fn context(&self) -> CaseContext<'_> {
        CaseContext {
            correlation_id: self.correlation_id.as_deref(),
            actor: self.actor.as_deref(),
            study_uid: self.study_uid.as_deref(),
            ct_series_uid: self.ct_series_uid.as_deref(),
            pet_series_uid: self.pet_series_uid.as_deref(),
        }
    }
}

const _: () = {
    let wide = cfg!(target_pointer_width = "64");
    assert!(!wide || size_of::<dlnms_case_context>() == <dlnms_case_context as Versioned>::V1_SIZE);
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_texts_may_change_once_they_are_read() {
        let mut actor = *b"console 3\0";
        let raw = dlnms_case_context {
            struct_size: size_of::<dlnms_case_context>() as u32,
            reserved: 0,
            correlation_id: std::ptr::null(),
            actor: actor.as_ptr().cast(),
            study_uid: std::ptr::null(),
            ct_series_uid: std::ptr::null(),
            pet_series_uid: std::ptr::null(),
        };
        // SAFETY: initialised, and its text ends with NUL.
        let host = unsafe { HostContext::read(&raw) }.unwrap();
        actor[..9].fill(b'x');
        assert_eq!(host.context().actor, Some("console 3"));
        assert_eq!(host.context().correlation_id, None);
    }
}
