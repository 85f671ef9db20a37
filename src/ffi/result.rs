//! Section "result".

use super::error_object::{dlnms_error, dlnms_status};
use super::evidence::{
    DLNMS_REFERENCE_BLOOD_POOL, DLNMS_REFERENCE_LIVER, Evidence, dlnms_lesion, dlnms_reference,
};
use super::guard::{guard, guard_or};
use super::handle::{self, Object};
use super::origin::Origin;
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

/// The outcome of one case: scores, findings, measures and provenance.
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
    #[cfg(any(feature = "report", feature = "writers"))]
    outcome: Scores,
    #[cfg_attr(not(any(feature = "report", feature = "writers")), allow(dead_code))]
    origin: Origin,
    audit_sha256: Option<CString>,
}

impl Object for ResultObject {
    type Handle = dlnms_result;
    const NAME: &'static str = "dlnms_result";
}

/// The numbers of a result; fill with dlnms_scores_init() and call
/// dlnms_result_scores(). The times of the phases sum to total_ns exactly.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_scores {
    /// Size of the struct in bytes, set by dlnms_scores_init().
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
    /// Centre of the tumour that was used, LPS mm.
    pub center_lps_mm: [f64; 3],
    /// SUVbw factor of the first slice; 1 if the host gave SUVbw.
    pub suv_factor: f64,
    /// Seconds of decay that the SUV factor accounts for; 0 if none.
    pub decay_time_s: f64,
    /// Time of the implicit prepare in nanoseconds, as the next five fields.
    pub prepare_ns: u64,
    /// Time of making the input tensors: overlap, centre, SUV factors, sampling.
    pub preprocess_ns: u64,
    /// Time of measuring evidence: quality checks, and the lesion and reference regions if the case asks for them.
    pub evidence_ns: u64,
    /// Time of running the network.
    pub infer_ns: u64,
    /// Time of making the risk groups and the result.
    pub finish_ns: u64,
    /// Sum of the five times above.
    pub total_ns: u64,
    /// DLNMS_PRECISION_ of the model that ran.
    pub precision: u32,
    /// DLNMS_KERNELS_ that computed the backbones.
    pub kernels: u32,
    /// DLNMS_INSTRUCTIONS_ of DLNMS_KERNELS_DLNMS; 0 with other kernels.
    pub instruction_set: u32,
    /// Threads of the network, the calling thread among them.
    pub threads: u32,
}

versioned!(dlnms_scores, 152, { struct_size, flags, n1, n2, risk_n1, risk_n2, risk_combined, provider, cutoff_n1, cutoff_n2, center_lps_mm, suv_factor, decay_time_s, prepare_ns, preprocess_ns, evidence_ns, infer_ns, finish_ns, total_ns, precision, kernels, instruction_set, threads } reserved {  });

/// Sets every field of scores to 0 and its struct_size to `struct_size`.
///
/// # Safety
/// - `scores`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_scores) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_scores_init(scores: *mut dlnms_scores, struct_size: u32) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init_zero(scores, struct_size) };
}

impl ResultObject {
    /// Returns the result of a case from its origin.
    pub fn new(scores: Scores, origin: Origin) -> Self {
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
            instruction_set: engine.instruction_set.map_or(0, |set| set as u32),
            threads: engine.threads as u32,
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
            evidence: Evidence::new(scores.lesion.as_ref(), scores.references.as_ref()),
            json,
            manifest_sha256: strings::owned(&engine.manifest_sha256),
            audit_sha256: scores.audit.as_ref().map(|a| strings::owned(&a.sha256)),
            origin,
            #[cfg(any(feature = "report", feature = "writers"))]
            outcome: scores,
        }
    }
}

#[cfg(any(feature = "report", feature = "writers"))]
impl ResultObject {
    /// Returns the scores with their evidence.
    pub fn outcome(&self) -> &Scores {
        &self.outcome
    }

    /// Returns where the case came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// Copies the numbers of a result.
///
/// # Safety
/// - `result`: the result.
/// - `out`: an initialised struct; receives the numbers.
///
/// # Errors
/// DLNMS_E_STRUCT_SIZE, DLNMS_E_INVALID_HANDLE.
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

/// Returns the number of the network's heads: n1, n2 and their auxiliary outputs (n1_pet, n1_ct ...).
///
/// # Parameters
/// - `result`: the result; 0 is returned for a dead one.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_result_head_count(result: *const dlnms_result) -> usize {
    guard_or(0, || {
        handle::get::<ResultObject>(result).map_or(0, |r| r.heads.len())
    })
}

/// Returns the name and the score of one head.
///
/// # Safety
/// - `result`: the result.
/// - `index`: from 0 to dlnms_result_head_count() - 1.
/// - `name`: receives the name, which lives as long as the result; may be NULL.
/// - `score`: receives the score, 0 to 1; may be NULL.
///
/// # Errors
/// DLNMS_E_INVALID_ARGUMENT (index), DLNMS_E_INVALID_HANDLE.
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

/// Returns the number of findings of the quality checks. Findings that the policy ignores are not counted.
///
/// # Parameters
/// - `result`: the result; 0 is returned for a dead one.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_result_finding_count(result: *const dlnms_result) -> usize {
    guard_or(0, || {
        handle::get::<ResultObject>(result).map_or(0, |r| r.findings.len())
    })
}

/// Returns one finding of the quality checks.
///
/// # Safety
/// - `result`: the result.
/// - `index`: from 0 to dlnms_result_finding_count() - 1.
/// - `code`: receives a DLNMS_QC_ constant; may be NULL.
/// - `severity`: receives a DLNMS_SEVERITY_ constant; may be NULL.
/// - `message`: receives a sentence, which lives as long as the result; may be NULL.
///
/// # Errors
/// DLNMS_E_INVALID_ARGUMENT (index), DLNMS_E_INVALID_HANDLE.
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

/// Copies the measures of the lesion, if dlnms_case.measure_lesion asked for them.
///
/// # Safety
/// - `result`: the result.
/// - `out`: an initialised struct; receives the measures.
///
/// # Errors
/// DLNMS_E_INVALID_ARGUMENT if the case did not ask for them, DLNMS_E_ROI_INVALID with the reason if there is nothing to
/// measure, DLNMS_E_STRUCT_SIZE, DLNMS_E_INVALID_HANDLE.
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

/// Copies the measures of a reference region, if dlnms_case.measure_references asked for them.
///
/// # Safety
/// - `result`: the result.
/// - `which`: a DLNMS_REFERENCE_ constant.
/// - `out`: an initialised struct; receives the measures.
///
/// # Errors
/// DLNMS_E_INVALID_ARGUMENT (which; the case did not ask for them), DLNMS_E_ROI_INVALID with the reason if the region was not
/// found or the PET does not cover it, DLNMS_E_STRUCT_SIZE, DLNMS_E_INVALID_HANDLE.
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

/// Returns the SHA-256 of the manifest.json of the bundle that computed the result, as 64 lower-case hexadecimal digits. The
/// digest stands for every file of the bundle, cut-offs and preprocessing included; see
/// dlnms_scorer_options.expected_manifest_sha256. The text lives as long as the result.
///
/// # Parameters
/// - `result`: the result; NULL is returned for a dead one.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_result_manifest_sha256(result: *const dlnms_result) -> *const c_char {
    guard_or(std::ptr::null(), || {
        let result = handle::get::<ResultObject>(result);
        result.map_or(std::ptr::null(), |r| r.manifest_sha256.as_ptr())
    })
}

/// Returns the digest of the result's line in the audit log, as 64 lower-case hexadecimal digits: what a host keeps in another place
/// for `expected_head`. NULL where no log is kept. The text lives as long as the result.
///
/// # Parameters
/// - `result`: the result; NULL is returned for a dead one.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_result_audit_sha256(result: *const dlnms_result) -> *const c_char {
    guard_or(std::ptr::null(), || {
        let text = |r: handle::InUse<ResultObject>| r.audit_sha256.as_ref().map(|t| t.as_ptr());
        let result = handle::get::<ResultObject>(result).ok().and_then(text);
        result.unwrap_or(std::ptr::null())
    })
}

/// Writes the whole result with its provenance as JSON (schema_version 1: keys are only ever added).
///
/// # Safety
/// - `result`: the result.
/// - `buffer`: receives the text with its NUL; has room for `capacity` bytes. May be NULL if `capacity` is 0.
/// - `capacity`: size of `buffer` in bytes; 0 asks for the length alone.
/// - `needed`: receives the length with the NUL, also on DLNMS_E_BUFFER_TOO_SMALL; may be NULL if `capacity` is not 0.
///
/// # Errors
/// DLNMS_E_BUFFER_TOO_SMALL, DLNMS_E_INVALID_HANDLE.
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

/// Frees a result.
///
/// # Parameters
/// - `result`: the result; NULL does nothing.
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
