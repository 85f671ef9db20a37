//! Section "result".

use super::error_object::{dlnms_error, dlnms_status};
use super::evidence::{
    DLNMS_REFERENCE_BLOOD_POOL, DLNMS_REFERENCE_LIVER, Evidence, dlnms_lesion, dlnms_reference,
};
use super::guard::{guard, guard_or};
use super::handle::{self, Object};
use super::strings;
use super::structs::{self, Versioned, versioned};
use crate::error::Error;
use crate::evidence::quality::Code;
use crate::report;
use crate::risk::{Risk, RiskGroups};
use crate::scorer::Scores;
use std::ffi::{CString, c_char};

/// The weights were not trained on patients (seeded, phantom): the scores mean nothing about one.
pub const DLNMS_FLAG_NOT_TRAINED: u32 = 1;
/// Set in every result: research use only, not for diagnosis.
pub const DLNMS_FLAG_RESEARCH_USE_ONLY: u32 = 2;
/// The call had to prepare the scorer first; see prepare_ns.
pub const DLNMS_FLAG_PREPARED_IN_CALL: u32 = 4;

/// The bundle has no cut-offs, hence no risk groups: risk_n1, risk_n2 and risk_combined are DLNMS_RISK_NONE.
pub const DLNMS_FLAG_NO_CUTOFFS: u32 = 8;

/// There is no risk group, because the bundle has no cut-offs.
pub const DLNMS_RISK_NONE: u32 = 0;
/// Score below its cut-off.
pub const DLNMS_RISK_LOW: u32 = 1;
/// Score at or above its cut-off.
pub const DLNMS_RISK_HIGH: u32 = 2;

/// Scores of one case and everything they rest on.
pub struct dlnms_result {
    _private: [u8; 0],
}

pub(super) struct ResultObject {
    scores: dlnms_scores,
    heads: Vec<(CString, f32)>,
    findings: Vec<(Code, CString)>,
    evidence: Evidence,
    json: CString,
    manifest_sha256: CString,
}

impl Object for ResultObject {
    type Handle = dlnms_result;
    const NAME: &'static str = "dlnms_result";
}

/// The numbers of a result; set struct_size to sizeof(dlnms_scores) (dlnms_scores_init() does) and call
/// dlnms_result_scores(). The times of the phases sum to total_ns exactly.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_scores {
    /// Set by dlnms_scores_init().
    pub struct_size: u32,
    /// DLNMS_FLAG_ bits.
    pub flags: u32,
    /// Score of occult N1 metastasis, 0 to 1.
    pub n1: f32,
    /// Score of occult N2 metastasis, 0 to 1.
    pub n2: f32,
    /// DLNMS_RISK_ of n1.
    pub risk_n1: u32,
    /// DLNMS_RISK_ of n2.
    pub risk_n2: u32,
    /// DLNMS_RISK_HIGH if either is, DLNMS_RISK_NONE if they are that.
    pub risk_combined: u32,
    /// DLNMS_PROVIDER_ that ran the network.
    pub provider: u32,
    /// Cut-off of n1; NaN if the bundle has none.
    pub cutoff_n1: f64,
    /// Cut-off of n2; NaN if the bundle has none.
    pub cutoff_n2: f64,
    /// Centre used, LPS mm.
    pub center_lps_mm: [f64; 3],
    /// SUVbw factor of the first slice; 1 if the host gave SUVbw.
    pub suv_factor: f64,
    /// Seconds of decay that were undone; 0 if none.
    pub decay_time_s: f64,
    /// Implicit prepare.
    pub prepare_ns: u64,
    /// Overlap, centre, SUV factors, planes: what the network's input needs.
    pub preprocess_ns: u64,
    /// What is measured beside the scores: quality checks, and the lesion and the reference regions if the case asks for them.
    pub evidence_ns: u64,
    /// The network.
    pub infer_ns: u64,
    /// Risk groups and result.
    pub finish_ns: u64,
    /// Their sum.
    pub total_ns: u64,
    /// DLNMS_PRECISION_ of the model that ran.
    pub precision: u32,
    /// DLNMS_KERNELS_ that computed the backbones.
    pub kernels: u32,
}

versioned!(dlnms_scores, 144, { struct_size, flags, n1, n2, risk_n1, risk_n2, risk_combined, provider, cutoff_n1, cutoff_n2, center_lps_mm, suv_factor, decay_time_s, prepare_ns, preprocess_ns, evidence_ns, infer_ns, finish_ns, total_ns, precision, kernels } reserved {  });

/// Zero `scores` and set its struct_size to `struct_size`, which is sizeof(dlnms_scores) as the caller sees it.
/// Any thread.
///
/// # Safety
/// `scores` is NULL or has `struct_size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_scores_init(scores: *mut dlnms_scores, struct_size: u32) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init_zero(scores, struct_size) };
}

impl ResultObject {
    pub fn new(scores: Scores) -> Self {
        let engine = scores.engine.clone();
        let manifest = &engine.manifest;
        let t = &scores.timings;
        let ns = |d: std::time::Duration| d.as_nanos() as u64;
        let risk = |of: fn(&RiskGroups) -> Risk| {
            let groups = scores.decision.as_ref();
            groups.map_or(DLNMS_RISK_NONE, |groups| of(groups) as u32)
        };
        let plain = dlnms_scores {
            struct_size: size_of::<dlnms_scores>() as u32,
            flags: report::flags(&scores),
            n1: scores.n1,
            n2: scores.n2,
            risk_n1: risk(|groups| groups.n1),
            risk_n2: risk(|groups| groups.n2),
            risk_combined: risk(|groups| groups.combined),
            provider: engine.provider as u32,
            cutoff_n1: manifest.cutoffs.map_or(f64::NAN, |c| c.n1),
            cutoff_n2: manifest.cutoffs.map_or(f64::NAN, |c| c.n2),
            center_lps_mm: scores.center,
            suv_factor: scores
                .suv
                .as_ref()
                .and_then(|s| s.factors.first().copied())
                .unwrap_or(1.0),
            decay_time_s: scores.suv.as_ref().map_or(0.0, |s| s.dt_s),
            prepare_ns: ns(t.prepare),
            preprocess_ns: ns(t.preprocess),
            evidence_ns: ns(t.evidence),
            infer_ns: ns(t.infer),
            finish_ns: ns(t.finish),
            total_ns: ns(t.total()),
            precision: engine.precision as u32,
            kernels: engine.kernels as u32,
        };
        let heads = manifest
            .heads
            .iter()
            .map(|h| strings::owned(h))
            .zip(scores.heads.iter().copied())
            .collect();
        let json = strings::owned(&report::report(&scores, &[]).to_string());
        let findings = scores.quality.iter();
        let findings = findings.map(|f| (f.code, strings::owned(&f.message)));
        Self {
            scores: plain,
            heads,
            findings: findings.collect(),
            evidence: Evidence::new(scores.lesion, scores.references),
            json,
            manifest_sha256: strings::owned(&engine.manifest_sha256),
        }
    }
}

/// Copy the numbers of a result. Any thread. Errors: DLNMS_E_STRUCT_SIZE, DLNMS_E_INVALID_HANDLE.
///
/// # Safety
/// `out` is initialised; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_result_scores(
    result: *const dlnms_result,
    out: *mut dlnms_scores,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        let result = handle::get::<ResultObject>(result)?;
        // SAFETY: handed on from the caller.
        unsafe { structs::write(out, &result.scores) }
    })
}

/// How many heads the network has: n1, n2 and their auxiliary readings (n1_pet, n1_ct ...). 0 for a dead handle.
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_result_head_count(result: *const dlnms_result) -> usize {
    guard_or(0, || {
        handle::get::<ResultObject>(result).map_or(0, |r| r.heads.len())
    })
}

/// Name and score of one head. `*name` lives as long as the result; `name` or `score` may be NULL. Any thread.
/// Errors: DLNMS_E_INVALID_ARGUMENT (index).
///
/// # Safety
/// `name`, `score` and `err` are NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_result_head(
    result: *const dlnms_result,
    index: usize,
    name: *mut *const c_char,
    score: *mut f32,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        let result = handle::get::<ResultObject>(result)?;
        let n = result.heads.len();
        let head = result
            .heads
            .get(index)
            .ok_or_else(|| Error::invalid("index", format!("{index}, there are {n} heads")))?;
        // SAFETY: NULL or writable by the caller's promise.
        unsafe {
            if !name.is_null() {
                name.write(head.0.as_ptr());
            }
            if !score.is_null() {
                score.write(head.1);
            }
        }
        Ok(())
    })
}

/// How many findings the quality checks made; those that the policy ignores are not among them. 0 for a dead handle.
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_result_finding_count(result: *const dlnms_result) -> usize {
    guard_or(0, || {
        handle::get::<ResultObject>(result).map_or(0, |r| r.findings.len())
    })
}

/// One finding: a DLNMS_QC_ code, a DLNMS_SEVERITY_ and a sentence, which lives as long as the result; each output may
/// be NULL. Any thread. Errors: DLNMS_E_INVALID_ARGUMENT (index).
///
/// # Safety
/// `code`, `severity`, `message` and `err` are NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_result_finding(
    result: *const dlnms_result,
    index: usize,
    code: *mut u32,
    severity: *mut u32,
    message: *mut *const c_char,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        let result = handle::get::<ResultObject>(result)?;
        let n = result.findings.len();
        let (found, text) = result
            .findings
            .get(index)
            .ok_or_else(|| Error::invalid("index", format!("{index}, there are {n} findings")))?;
        // SAFETY: NULL or writable by the caller's promise.
        unsafe {
            if !code.is_null() {
                code.write(*found as u32);
            }
            if !severity.is_null() {
                severity.write(found.severity() as u32);
            }
            if !message.is_null() {
                message.write(text.as_ptr());
            }
        }
        Ok(())
    })
}

/// Copy the lesion's measures. Any thread.
/// Errors: DLNMS_E_INVALID_ARGUMENT if the case did not ask for them, DLNMS_E_ROI_INVALID with the reason if there is
/// nothing to measure, DLNMS_E_STRUCT_SIZE.
///
/// # Safety
/// `out` is initialised; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_result_lesion(
    result: *const dlnms_result,
    out: *mut dlnms_lesion,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        let result = handle::get::<ResultObject>(result)?;
        match &result.evidence.lesion {
            None => Err(Error::invalid(
                "dlnms_case.measure_lesion",
                "was 0 when the case was scored",
            )),
            Some(Err(why)) => Err(Error::RoiInvalid(why.clone())),
            // SAFETY: handed on from the caller.
            Some(Ok(lesion)) => unsafe { structs::write(out, lesion) },
        }
    })
}

/// Copy a reference; `which` is a DLNMS_REFERENCE_ constant. Any thread.
/// Errors: DLNMS_E_INVALID_ARGUMENT if the case did not ask for them or `which` is none, DLNMS_E_ROI_INVALID with the
/// reason if it was not found or is not covered, DLNMS_E_STRUCT_SIZE.
///
/// # Safety
/// `out` is initialised; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_result_reference(
    result: *const dlnms_result,
    which: u32,
    out: *mut dlnms_reference,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        let result = handle::get::<ResultObject>(result)?;
        let Some([liver, blood_pool]) = &result.evidence.references else {
            return Err(Error::invalid(
                "dlnms_case.measure_references",
                "was 0 when the case was scored",
            ));
        };
        let reference = match which {
            DLNMS_REFERENCE_LIVER => liver,
            DLNMS_REFERENCE_BLOOD_POOL => blood_pool,
            other => {
                return Err(Error::invalid(
                    "which",
                    format!("{other} is not a DLNMS_REFERENCE_ constant"),
                ));
            }
        };
        match reference {
            Err(why) => Err(Error::RoiInvalid(why.clone())),
            // SAFETY: handed on from the caller.
            Ok(reference) => unsafe { structs::write(out, reference) },
        }
    })
}

/// SHA-256 of the manifest.json of the bundle that computed the result, 64 lower-case hexadecimal digits: it stands for
/// every file of the bundle, cut-offs and preprocessing included; see dlnms_scorer_options.expected_manifest_sha256.
/// Lives as long as the result; NULL for a dead handle. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_result_manifest_sha256(result: *const dlnms_result) -> *const c_char {
    guard_or(std::ptr::null(), || {
        let result = handle::get::<ResultObject>(result);
        result.map_or(std::ptr::null(), |r| r.manifest_sha256.as_ptr())
    })
}

/// The whole result with its provenance as JSON (schema_version 1: keys are only ever added).
///
/// Writes text with its NUL to `buffer` and its length with the NUL to `*needed` (NULL allowed); with capacity 0
/// only the length. Any thread. Errors: DLNMS_E_BUFFER_TOO_SMALL.
///
/// # Safety
/// `buffer` has room for `capacity` bytes; `needed` and `err` are NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_result_json(
    result: *const dlnms_result,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        let result = handle::get::<ResultObject>(result)?;
        // SAFETY: handed on from the caller; c_char and u8 have one size.
        unsafe {
            strings::fill(
                result.json.as_bytes_with_nul(),
                buffer.cast(),
                capacity,
                needed,
            )
        }
    })
}

/// Free a result. NULL does nothing. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_result_free(result: *mut dlnms_result) {
    guard_or((), || handle::free::<ResultObject>(result));
}

const _: () = {
    assert!(DLNMS_RISK_LOW == Risk::Low as u32 && DLNMS_RISK_HIGH == Risk::High as u32);
    assert!(DLNMS_FLAG_NOT_TRAINED == report::FLAG_NOT_TRAINED);
    assert!(DLNMS_FLAG_RESEARCH_USE_ONLY == report::FLAG_RESEARCH_USE_ONLY);
    assert!(DLNMS_FLAG_PREPARED_IN_CALL == report::FLAG_PREPARED_IN_CALL);
    assert!(DLNMS_FLAG_NO_CUTOFFS == report::FLAG_NO_CUTOFFS);
    // The fields of version 1 end where those added later begin.
    assert!(size_of::<dlnms_scores>() == <dlnms_scores as Versioned>::V1_SIZE);
};
