//! Section "callbacks".

use super::structs::{self, versioned};
use crate::error::{Error, Result};
use crate::scorer::Phase;
use std::ffi::c_void;

/// The model file is read and verified, or the call waits for another thread that prepares the same scorer.
pub const DLNMS_PHASE_LOAD: u32 = 1;
/// The network is run for the first times, which allocates its memory.
pub const DLNMS_PHASE_WARM_UP: u32 = 2;
/// The bundle's self-test vectors are run and the answers compared.
pub const DLNMS_PHASE_SELF_TEST: u32 = 3;
/// dlnms_scorer_prepare() is done.
pub const DLNMS_PHASE_READY: u32 = 4;
/// DICOM files are being decoded. Called from the library's decoding threads, one call at a time.
pub const DLNMS_PHASE_DECODE: u32 = 5;
/// ONNX Runtime builds the network for a provider. Follows LOAD, once for each provider tried, and is repeated every 100 ms.
pub const DLNMS_PHASE_BUILD: u32 = 6;
/// The network is run on changed copies of a case, to explain its scores.
pub const DLNMS_PHASE_EXPLAIN: u32 = 7;

/// Reports the progress of a long call to the host; fill with dlnms_progress_init().
///
/// `callback` receives a DLNMS_PHASE_ constant, the fraction of that phase that is done (0 to 1) and `user_data`; a return value
/// that is not 0 cancels the call, which then fails with DLNMS_E_CANCELLED. It must not throw or longjmp.
/// `drop`, if not NULL, is called exactly once with `user_data` before the call that took the struct returns,
/// whether it succeeds or fails (but not if the struct itself is refused).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_progress {
    /// Size of the struct in bytes, set by dlnms_progress_init().
    pub struct_size: u32,
    /// Must be 0.
    pub reserved: u32,
    /// The function to call. Required.
    pub callback:
        Option<unsafe extern "C" fn(phase: u32, fraction: f32, user_data: *mut c_void) -> i32>,
    /// Passed to `callback` and `drop`; the library does not look at it.
    pub user_data: *mut c_void,
    /// Called once with `user_data` when the library no longer needs it; may be NULL.
    pub drop: Option<unsafe extern "C" fn(user_data: *mut c_void)>,
}

versioned!(dlnms_progress, 32, { struct_size, callback, user_data, drop } reserved { reserved });

/// Writes defaults into a progress struct: no callback.
///
/// # Safety
/// - `progress`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_progress) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_progress_init(progress: *mut dlnms_progress, struct_size: u32) {
    let defaults = dlnms_progress {
        struct_size,
        reserved: 0,
        callback: None,
        user_data: std::ptr::null_mut(),
        drop: None,
    };
    // SAFETY: handed on from the caller.
    unsafe { structs::init(progress, struct_size, &defaults) };
}

/// The host's pointer and its destructor, which runs exactly once.
pub(super) struct UserData {
    pub pointer: *mut c_void,
    drop: Option<unsafe extern "C" fn(*mut c_void)>,
}

// SAFETY: the header says from which threads each callback is called; the host's pointer must be fit for them.
unsafe impl Send for UserData {}
// SAFETY: as above; this library never looks behind the pointer.
unsafe impl Sync for UserData {}

impl UserData {
    pub fn new(pointer: *mut c_void, drop: Option<unsafe extern "C" fn(*mut c_void)>) -> Self {
        Self { pointer, drop }
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(drop) = self.drop {
            // SAFETY: called once, with the pointer it came with, as the header promises.
            unsafe { drop(self.pointer) };
        }
    }
}

/// A progress callback for the length of a call.
pub(super) struct HostProgress {
    callback: unsafe extern "C" fn(u32, f32, *mut c_void) -> i32,
    data: UserData,
}

impl HostProgress {
    /// Take the host's struct; NULL is no progress.
    ///
    /// # Safety
    /// As for [`structs::read`].
    pub unsafe fn read(progress: *const dlnms_progress) -> Result<Option<Self>> {
        if progress.is_null() {
            return Ok(None);
        }
        // SAFETY: handed on from the caller.
        let raw = unsafe { structs::read(progress) }?;
        let Some(callback) = raw.callback else {
            return Err(Error::NullArgument("dlnms_progress.callback"));
        };
        Ok(Some(Self {
            callback,
            data: UserData::new(raw.user_data, raw.drop),
        }))
    }

    /// Calls the host; returns `false` if it wishes to cancel.
    pub fn report(&self, phase: u32, fraction: f32) -> bool {
        // SAFETY: the host's function with the host's pointer, as the header promises.
        unsafe { (self.callback)(phase, fraction, self.data.pointer) == 0 }
    }
}

const _: () = {
    assert!(DLNMS_PHASE_LOAD == Phase::Load as u32 && DLNMS_PHASE_WARM_UP == Phase::WarmUp as u32);
    assert!(
        DLNMS_PHASE_BUILD == Phase::Build as u32
            && DLNMS_PHASE_SELF_TEST == Phase::SelfTest as u32
            && DLNMS_PHASE_READY == Phase::Ready as u32
            && DLNMS_PHASE_EXPLAIN == Phase::Explain as u32
    );
};
