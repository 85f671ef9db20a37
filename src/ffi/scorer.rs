//! Section "scorer".

use super::callbacks::{HostProgress, dlnms_progress};
use super::cancel::{dlnms_cancel, token};
use super::case::{HostCase, dlnms_case, host_case};
use super::error_object::{dlnms_error, dlnms_status, store_error};
use super::guard::{guard, guard_or};
use super::handle::{self, Object};
use super::quality;
use super::result::{ResultObject, dlnms_result};
use super::runtime::{RuntimeObject, dlnms_runtime};
use super::scorer_options::{dlnms_scorer_options, policy};
use super::strings;
use super::structs;
use crate::case::Case;
use crate::error::{Error, Result};
use crate::report;
use crate::scorer::{Phase, Scorer, ScorerOptions};
use std::ffi::c_char;
use std::path::Path;
use std::time::Duration;

/// A bundle with a runtime. Share one among all threads of the host.
pub struct dlnms_scorer {
    _private: [u8; 0],
}

impl Object for Scorer {
    type Handle = dlnms_scorer;
    const NAME: &'static str = "dlnms_scorer";
}

/// Open a bundle: read and check its manifest and test vectors. The model file is verified when it is read, and the network
/// built, by dlnms_scorer_prepare().
///
/// `options` is copied. Free `*out` with dlnms_scorer_free(). Any thread.
/// Errors: DLNMS_E_BUNDLE_MISSING, _MANIFEST, _VERSION, _ALTERED (test vectors, or a manifest that is not the expected one)
/// with the file or field;
/// DLNMS_E_INVALID_ARGUMENT.
///
/// # Safety
/// `options` is initialised; `out` is writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_scorer_new(
    runtime: *const dlnms_runtime,
    options: *const dlnms_scorer_options,
    out: *mut *mut dlnms_scorer,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        if out.is_null() {
            return Err(Error::NullArgument("out"));
        }
        let runtime = handle::get::<RuntimeObject>(runtime)?;
        // SAFETY: handed on from the caller.
        let raw = unsafe { structs::read(options) }?;
        // SAFETY: handed on from the caller.
        let bundle = unsafe { strings::borrow(raw.bundle_dir, "bundle_dir") }?;
        let options = ScorerOptions {
            // SAFETY: handed on from the caller.
            policy: unsafe { policy(&raw) }?,
            threads: raw.threads as usize,
            spin: raw.spin != 0,
            // SAFETY: handed on from the caller.
            quality: unsafe { quality::policy(raw.quality) }?,
            // SAFETY: handed on from the caller.
            cache: unsafe { strings::optional(raw.cache_dir, "cache_dir") }?.map(Into::into),
            prepare_timeout: match raw.prepare_timeout_ms {
                0 => None,
                ms => Some(Duration::from_millis(ms.into())),
            },
            // SAFETY: handed on from the caller.
            expected_manifest_sha256: unsafe {
                strings::optional(raw.expected_manifest_sha256, "expected_manifest_sha256")
            }?
            .map(str::to_owned),
        };
        let scorer = Scorer::new(runtime.runtime, Path::new(bundle), options)?;
        // SAFETY: not NULL, writable by the caller's promise.
        unsafe { out.write(handle::register(scorer)) };
        Ok(())
    })
}

/// Do all slow work now: build the network for a provider, warm it up, and compare its answers with the bundle's
/// test vectors. Does nothing if it was done. dlnms_scorer_score() does it implicitly, and says so.
///
/// `progress` and `cancel` may be NULL; progress is called from the calling thread, at each step and every 100 ms, while
/// threads that end with the call do the work. Cancelling and the timeout of the options stop ONNX Runtime where it
/// looks: between the parts of loading a model and the nodes of a run, not within the compiler of a GPU. Any thread.
/// Errors: DLNMS_E_PROVIDER_UNAVAILABLE with the reason of each provider, DLNMS_E_SELF_TEST, DLNMS_E_BUNDLE_MODEL, _MISSING,
/// _ALTERED, DLNMS_E_CANCELLED, DLNMS_E_DEADLINE, DLNMS_E_RESOURCES (the system refuses a thread), DLNMS_E_BUSY (a call from
/// `progress` of the same scorer, dlnms_scorer_score() and its kin too); the scorer can be prepared again.
///
/// # Safety
/// `progress` is NULL or initialised; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_scorer_prepare(
    scorer: *const dlnms_scorer,
    progress: *const dlnms_progress,
    cancel: *const dlnms_cancel,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        // SAFETY: handed on from the caller.
        let progress = unsafe { HostProgress::read(progress) }?;
        let cancel = token(cancel)?;
        let scorer = handle::get::<Scorer>(scorer)?;
        let mut tell = progress
            .as_ref()
            .map(|p| move |phase: Phase, fraction| p.tell(phase as u32, fraction));
        scorer.prepare(
            tell.as_mut().map(|t| t as &mut dyn FnMut(_, _) -> _),
            &cancel,
        )
    })
}

/// Score one case. Voxels are read in place during the call; nothing of the case is kept.
///
/// `cancel` may be NULL. Free `*out` with dlnms_result_free(). Any thread, any number at once.
/// Errors: those of dlnms_scorer_prepare(); DLNMS_E_VOLUME_SHAPE, _GEOMETRY, DLNMS_E_VOXEL_NOT_FINITE,
/// DLNMS_E_NO_OVERLAP, DLNMS_E_ROI_EMPTY, _OUTSIDE, _INVALID, DLNMS_E_SUV, each with the field at fault; DLNMS_E_VOXEL_RANGE if
/// the network's output for this case is no probability while its provider answers the self-test, and so stays.
///
/// # Safety
/// `c` is initialised and its pointers keep their promises during the call; `out` is writable; `err` is NULL or
/// writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_scorer_score(
    scorer: *const dlnms_scorer,
    c: *const dlnms_case,
    cancel: *const dlnms_cancel,
    out: *mut *mut dlnms_result,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        if out.is_null() {
            return Err(Error::NullArgument("out"));
        }
        let scorer = handle::get::<Scorer>(scorer)?;
        let cancel = token(cancel)?;
        // SAFETY: handed on from the caller.
        let host = unsafe { host_case(c) }?;
        let scores = scorer.score(&host.case(), &cancel)?;
        let object = ResultObject::new(scores);
        // SAFETY: not NULL, writable by the caller's promise.
        unsafe { out.write(handle::register(object)) };
        Ok(())
    })
}

/// Cases that one batch may have.
pub const DLNMS_MAX_BATCH: usize = 4096;

/// Score many cases - all lesions of a patient, all patients of a list -, planes on all cores, several cases in
/// one run of the network. Each has an
/// outcome of its own, the same to the bit as from dlnms_scorer_score(): a result in `results`, or NULL there and an
/// error in `errors`, which may be NULL if the reasons are not wanted. The call itself fails only if nothing was scored:
/// then no entry is written. Threads are made for the length of the call. Free results and errors one by one.
///
/// `cancel` may be NULL; cases not begun when it is triggered get DLNMS_E_CANCELLED. Any thread.
/// Errors: DLNMS_E_INVALID_ARGUMENT (n above DLNMS_MAX_BATCH), those of dlnms_scorer_prepare().
///
/// # Safety
/// `cases` holds `n` pointers (NULL allowed for none) as for dlnms_scorer_score(); `results` has room for `n` pointers; `errors` is NULL or has;
/// `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_scorer_score_batch(
    scorer: *const dlnms_scorer,
    cases: *const *const dlnms_case,
    n: usize,
    cancel: *const dlnms_cancel,
    results: *mut *mut dlnms_result,
    errors: *mut *mut dlnms_error,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        for (name, null) in [("cases", cases.is_null()), ("results", results.is_null())] {
            if null && n > 0 {
                return Err(Error::NullArgument(name));
            }
        }
        if n > DLNMS_MAX_BATCH {
            return Err(Error::invalid(
                "n",
                format!("{n} is above {DLNMS_MAX_BATCH}"),
            ));
        }
        let scorer = handle::get::<Scorer>(scorer)?;
        let cancel = token(cancel)?;
        // SAFETY: n pointers by the caller's promise, each as for dlnms_scorer_score().
        let host = |i| unsafe { host_case(cases.add(i).read()) };
        let hosts: Vec<Result<HostCase<'_>>> = (0..n).map(host).collect();
        let good: Vec<Case<'_>> = hosts.iter().flatten().map(HostCase::case).collect();
        let mut scored = scorer.score_batch(&good, &cancel)?.into_iter();
        let lost = || Err(Error::Internal("an outcome is missing".into()));
        let outcomes = hosts
            .into_iter()
            .map(|host| host.and_then(|_| scored.next().unwrap_or_else(lost)));
        for (i, outcome) in outcomes.enumerate() {
            let (result, error) = match outcome {
                Ok(scores) => {
                    let object = ResultObject::new(scores);
                    (handle::register(object), None)
                }
                Err(e) => (std::ptr::null_mut(), Some(e)),
            };
            // SAFETY: i < n entries by the caller's promise; store_error writes through a pointer that is not NULL.
            unsafe {
                results.add(i).write(result);
                if !errors.is_null() {
                    errors.add(i).write(std::ptr::null_mut());
                    if let Some(e) = error {
                        store_error(errors.add(i), e);
                    }
                }
            }
        }
        Ok(())
    })
}

/// The tensors the network would see for a case: channels x rows x columns of normalised values, axial, coronal and
/// sagittal in a bundle of the default preprocessing. Needs no prepare.
///
/// `pet` and `ct` have room for `capacity` floats each; their number goes to `*needed` (NULL allowed). With capacity
/// 0 only the number is written. Any thread. Errors: those of dlnms_scorer_score(); DLNMS_E_BUFFER_TOO_SMALL.
///
/// # Safety
/// As for dlnms_scorer_score(); `pet` and `ct` have room for `capacity` floats and do not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_scorer_planes(
    scorer: *const dlnms_scorer,
    c: *const dlnms_case,
    pet: *mut f32,
    ct: *mut f32,
    capacity: usize,
    needed: *mut usize,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        let scorer = handle::get::<Scorer>(scorer)?;
        let n = scorer.bundle().manifest.preprocessing.tensor_len();
        if capacity > 0 && (pet.is_null() || ct.is_null()) {
            return Err(Error::NullArgument(if pet.is_null() {
                "pet"
            } else {
                "ct"
            }));
        }
        let blank;
        let planes;
        let (pet_values, ct_values) = if capacity < n {
            blank = vec![0f32; n]; // the length alone is asked for, or the call fails below
            (blank.as_slice(), blank.as_slice())
        } else {
            // SAFETY: handed on from the caller.
            planes = scorer.planes(&unsafe { host_case(c) }?.case())?;
            let flat =
                |a: Option<_>| a.ok_or_else(|| Error::Internal("tensor is not contiguous".into()));
            (flat(planes.pet.as_slice())?, flat(planes.ct.as_slice())?)
        };
        // SAFETY: handed on from the caller.
        unsafe {
            strings::fill(pet_values, pet, capacity, needed)?;
            strings::fill(ct_values, ct, capacity, needed)
        }
    })
}

/// The scorer as JSON: model, cut-offs, preprocessing, runtime, provider and why others were passed over.
///
/// Writes text with its NUL to `buffer` and its length with the NUL to `*needed` (NULL allowed); with capacity 0
/// only the length. Any thread. Errors: DLNMS_E_BUFFER_TOO_SMALL.
///
/// # Safety
/// `buffer` has room for `capacity` bytes; `needed` and `err` are NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_scorer_info_json(
    scorer: *const dlnms_scorer,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        let scorer = handle::get::<Scorer>(scorer)?;
        let text = strings::owned(&report::scorer_info(&scorer).to_string());
        // SAFETY: handed on from the caller; c_char and u8 have one size.
        unsafe { strings::fill(text.as_bytes_with_nul(), buffer.cast(), capacity, needed) }
    })
}

/// Free a scorer. NULL does nothing. Calls in flight on other threads end first, then its memory goes.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_scorer_free(scorer: *mut dlnms_scorer) {
    guard_or((), || handle::free::<Scorer>(scorer));
}
