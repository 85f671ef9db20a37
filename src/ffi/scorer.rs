//! Section "scorer".

use super::audit::audit_options;
use super::callbacks::{HostProgress, dlnms_progress};
use super::cancel::{dlnms_cancel, token};
use super::case::{HostCase, dlnms_case, host_case};
use super::error_object::{dlnms_error, dlnms_status, store_error};
use super::guard::{guard, guard_new, guard_or};
use super::handle::{self, Object};
use super::quality;
use super::result::{ResultObject, dlnms_result};
use super::runtime::{RuntimeObject, dlnms_runtime};
use super::scorer_options::{dlnms_scorer_options, pins, policy};
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

/// Opens a bundle: reads and checks its manifest and its self-test vectors. dlnms_scorer_prepare() verifies the model file and
/// builds the network.
///
/// # Safety
/// - `runtime`: the handle of ONNX Runtime; may be freed afterwards.
/// - `options`: an initialised struct; everything that it leads to is copied.
/// - `out`: receives the scorer; free it with dlnms_scorer_free().
///
/// # Errors
/// DLNMS_E_BUNDLE_MISSING, DLNMS_E_BUNDLE_MANIFEST, DLNMS_E_BUNDLE_VERSION and DLNMS_E_BUNDLE_ALTERED (self-test vectors, or a
/// manifest that is not the expected one) with the file or field; DLNMS_E_BUNDLE_UNSIGNED, DLNMS_E_BUNDLE_SIGNATURE and
/// DLNMS_E_BUNDLE_SIGNER if the signature by `bundle_key` is missing, does not fit the manifest, or is by another key;
/// DLNMS_E_AUDIT and DLNMS_E_AUDIT_ALTERED for an audit log that cannot be written or is not sound;
/// DLNMS_E_NULL_ARGUMENT, DLNMS_E_INVALID_ARGUMENT, DLNMS_E_UTF8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_scorer_new(
    runtime: *const dlnms_runtime,
    options: *const dlnms_scorer_options,
    out: *mut *mut dlnms_scorer,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    let make = || {
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
            pins: unsafe { pins(&raw) }?,
            // SAFETY: handed on from the caller.
            audit: unsafe { audit_options(raw.audit) }?,
        };
        let scorer = Scorer::new(runtime.runtime, Path::new(bundle), options)?;
        Ok(scorer)
    };
    // SAFETY: handed on from the caller.
    unsafe { guard_new(out, err, make) }
}

/// Does all slow work now: builds the network for a provider, warms it up, and compares its answers with the bundle's self-test
/// vectors. A scorer that is prepared already returns at once. dlnms_scorer_score() prepares by itself if nobody did, and sets
/// DLNMS_FLAG_PREPARED_IN_CALL.
///
/// Cancelling and `prepare_timeout_ms` stop ONNX Runtime where it checks for them: between the parts of loading a model and
/// between the nodes of a run, not inside the compiler of a GPU. After a failure the scorer can be prepared again.
///
/// # Safety
/// - `scorer`: the scorer.
/// - `progress`: an initialised struct, called from the calling thread at each step and every 100 ms; may be NULL.
/// - `cancel`: a token; may be NULL.
///
/// # Errors
/// DLNMS_E_PROVIDER_UNAVAILABLE with the reason of each provider, DLNMS_E_SELF_TEST, DLNMS_E_BUNDLE_MODEL,
/// DLNMS_E_BUNDLE_MISSING, DLNMS_E_BUNDLE_ALTERED, DLNMS_E_CANCELLED, DLNMS_E_DEADLINE, DLNMS_E_RESOURCES (the system refuses a
/// thread), DLNMS_E_BUSY (called from `progress` of the same scorer, which holds for every function that scores).
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
        let mut report = progress
            .as_ref()
            .map(|p| move |phase: Phase, fraction| p.report(phase as u32, fraction));
        scorer.prepare(
            report.as_mut().map(|t| t as &mut dyn FnMut(_, _) -> _),
            &cancel,
        )
    })
}

/// Scores one case. Voxels are read in place during the call, and nothing of the case is kept.
///
/// # Safety
/// - `scorer`: the scorer; any number of threads may score at once.
/// - `c`: an initialised case; its pointers must stay valid and unchanged during the call.
/// - `cancel`: a token; may be NULL.
/// - `out`: receives the result; free it with dlnms_result_free().
///
/// # Errors
/// Those of dlnms_scorer_prepare(); DLNMS_E_VOLUME_SHAPE, DLNMS_E_VOLUME_GEOMETRY, DLNMS_E_VOXEL_NOT_FINITE,
/// DLNMS_E_NO_OVERLAP, DLNMS_E_ROI_EMPTY, DLNMS_E_ROI_OUTSIDE, DLNMS_E_ROI_INVALID and DLNMS_E_SUV with the field at fault;
/// DLNMS_E_QUALITY with every finding that the policy refuses; DLNMS_E_VOXEL_RANGE if the network's output for this case is not
/// a probability although its provider still passes the self-test; DLNMS_E_AUDIT and DLNMS_E_AUDIT_ALTERED if the line of the audit
/// log cannot be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_scorer_score(
    scorer: *const dlnms_scorer,
    c: *const dlnms_case,
    cancel: *const dlnms_cancel,
    out: *mut *mut dlnms_result,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    let make = || {
        let scorer = handle::get::<Scorer>(scorer)?;
        let cancel = token(cancel)?;
        // SAFETY: handed on from the caller.
        let host = unsafe { host_case(c) }?;
        let scores = scorer.score(&host.case(), &cancel)?;
        let object = ResultObject::new(scores, host.origin());
        Ok(object)
    };
    // SAFETY: handed on from the caller.
    unsafe { guard_new(out, err, make) }
}

/// Cases that one batch may have.
pub const DLNMS_MAX_BATCH: usize = 4096;

/// Scores many cases, several in one run of the network. Each case has an outcome of its own, equal to the bit to that of
/// dlnms_scorer_score(). The call itself fails only if no case was scored; then nothing is written.
///
/// # Safety
/// - `scorer`: the scorer.
/// - `cases`: an array of `n` pointers to cases as for dlnms_scorer_score(); may be NULL if `n` is 0.
/// - `n`: number of cases, at most DLNMS_MAX_BATCH.
/// - `cancel`: a token; may be NULL. Cases that have not begun when it is triggered get DLNMS_E_CANCELLED.
/// - `results`: has room for `n` pointers; receives each result, or NULL for a case that failed. Free each with dlnms_result_free().
/// - `errors`: has room for `n` pointers; receives the error of each case that failed, else NULL. Free each with
///   dlnms_error_free(). May be NULL if the reasons are not wanted.
///
/// # Errors
/// DLNMS_E_INVALID_ARGUMENT (n), those of dlnms_scorer_prepare().
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
        let outcomes = hosts.into_iter().map(|host| {
            let host = host?;
            let scores = scored.next().unwrap_or_else(lost)?;
            Ok(ResultObject::new(scores, host.origin()))
        });
        for (i, outcome) in outcomes.enumerate() {
            let (result, error) = match outcome {
                Ok(object) => (handle::register(object), None),
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

/// Computes the input tensors of the network for a case, without running the network: channels x rows x columns of normalised
/// values. With the default preprocessing the channels are the axial, coronal and sagittal plane through the centre. The scorer
/// need not be prepared.
///
/// # Safety
/// - `scorer`: the scorer.
/// - `c`: a case as for dlnms_scorer_score().
/// - `pet`: receives the PET tensor; has room for `capacity` floats and does not overlap `ct`. May be NULL if `capacity` is 0.
/// - `ct`: receives the CT tensor; as `pet`.
/// - `capacity`: number of floats that each tensor has room for; 0 asks for the number alone.
/// - `needed`: receives the number of floats of each tensor, also on DLNMS_E_BUFFER_TOO_SMALL; may be NULL if `capacity` is not 0.
///
/// # Errors
/// Those of dlnms_scorer_score() but for the network's; DLNMS_E_BUFFER_TOO_SMALL.
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

/// Writes a description of the scorer as JSON: model, cut-offs, preprocessing, runtime, the provider in use and the reason for
/// each provider that was skipped.
///
/// # Safety
/// - `scorer`: the scorer.
/// - `buffer`: receives the text with its NUL; has room for `capacity` bytes. May be NULL if `capacity` is 0.
/// - `capacity`: size of `buffer` in bytes; 0 asks for the length alone.
/// - `needed`: receives the length with the NUL, also on DLNMS_E_BUFFER_TOO_SMALL; may be NULL if `capacity` is not 0.
///
/// # Errors
/// DLNMS_E_BUFFER_TOO_SMALL, DLNMS_E_INVALID_HANDLE.
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

/// Frees a scorer. Its memory is released when the calls that other threads have made with it have ended.
///
/// # Parameters
/// - `scorer`: the scorer; NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_scorer_free(scorer: *mut dlnms_scorer) {
    guard_or((), || handle::free::<Scorer>(scorer));
}
