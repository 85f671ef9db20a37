//! Section "explanations": their options.

use super::quality::{DLNMS_TRISTATE_UNKNOWN, read_tristate};
use super::structs::{self, Versioned, versioned};
use crate::error::{Error, Result};
use crate::explanation::{Baseline, ExplainOptions, OcclusionOptions, PatientFacts};

/// Contributions of the planes and of the modalities: 15 runs of the network on the CPU, 127 on a GPU.
pub const DLNMS_EXPLAIN_CONTRIBUTIONS: u32 = 1;
/// Stability under small changes of the case: 43 runs.
pub const DLNMS_EXPLAIN_STABILITY: u32 = 2;
/// Occlusion maps: some hundred runs.
pub const DLNMS_EXPLAIN_OCCLUSION: u32 = 4;

/// What is taken away is replaced by the bundle's values outside of a volume: no uptake, air.
pub const DLNMS_BASELINE_OUTSIDE: u32 = 1;
/// What is taken away is replaced by the plane itself, blurred.
pub const DLNMS_BASELINE_BLUR: u32 = 2;

/// Options of an explanation; fill with dlnms_explain_options_init().
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_explain_options {
    /// Size of the struct in bytes, set by dlnms_explain_options_init().
    pub struct_size: u32,
    /// DLNMS_EXPLAIN_ bits; 0 for the result and the study's population alone.
    pub what: u32,
    /// DLNMS_BASELINE_ of contributions and maps; contributions are computed with the other one too. 0: outside.
    pub baseline: u32,
    /// Side of the squares that are hidden for occlusion maps, pixels; 0 with `stride` 0: 28. 16 suits tumours below 3 cm.
    pub patch: u32,
    /// From square to square, pixels; 0 with `patch` 0: 14. The squares must end with the plane.
    pub stride: u32,
    /// Not 0: squares of the whole planes are hidden, not only those within 20 mm of the lesion.
    pub whole_planes: u32,
    /// Whether the patient's nodes are clinically negative (cN0): a DLNMS_TRISTATE_ constant.
    pub clinical_n0: i32,
    /// Whether the tumour is a non-small cell lung cancer: a DLNMS_TRISTATE_ constant.
    pub nsclc: i32,
    /// Age of the patient in years; NaN if it is not known.
    pub age_years: f64,
}

versioned!(dlnms_explain_options, 40, { struct_size, what, baseline, patch, stride, whole_planes, clinical_n0, nsclc, age_years } reserved {  });

/// Writes defaults into the options of an explanation: contributions and stability, nothing known of the patient.
///
/// # Safety
/// - `options`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_explain_options) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_explain_options_init(
    options: *mut dlnms_explain_options,
    struct_size: u32,
) {
    let defaults = dlnms_explain_options {
        struct_size,
        what: DLNMS_EXPLAIN_CONTRIBUTIONS | DLNMS_EXPLAIN_STABILITY,
        baseline: DLNMS_BASELINE_OUTSIDE,
        patch: 0,
        stride: 0,
        whole_planes: 0,
        clinical_n0: DLNMS_TRISTATE_UNKNOWN,
        nsclc: DLNMS_TRISTATE_UNKNOWN,
        age_years: f64::NAN,
    };
    // SAFETY: handed on from the caller.
    unsafe { structs::init(options, struct_size, &defaults) };
}

/// Returns the options of a host; NULL is the defaults.
///
/// # Errors
/// [`Error::InvalidArgument`] with the field at fault.
///
/// # Safety
/// As for [`structs::read`], with NULL allowed.
pub(super) unsafe fn explain_options(ptr: *const dlnms_explain_options) -> Result<ExplainOptions> {
    if ptr.is_null() {
        return Ok(ExplainOptions::default());
    }
    // SAFETY: handed on from the caller.
    let raw = unsafe { structs::read(ptr) }?;
    let refuse = |field: &str, why: String| {
        Err(Error::invalid(
            format!("dlnms_explain_options.{field}"),
            why,
        ))
    };
    let known = DLNMS_EXPLAIN_CONTRIBUTIONS | DLNMS_EXPLAIN_STABILITY | DLNMS_EXPLAIN_OCCLUSION;
    let what = raw.what;
    if what & !known != 0 {
        return refuse(
            "what",
            format!("{what} has bits that are no DLNMS_EXPLAIN_ constant"),
        );
    }
    let baseline = match raw.baseline {
        0 | DLNMS_BASELINE_OUTSIDE => Baseline::Outside,
        DLNMS_BASELINE_BLUR => Baseline::Blur,
        other => {
            return refuse(
                "baseline",
                format!("{other} is not a DLNMS_BASELINE_ constant"),
            );
        }
    };
    let age = raw.age_years;
    if !(age.is_nan() || (0.0..=130.0).contains(&age)) {
        return refuse("age_years", format!("{age} is no age"));
    }
    let squares = match (raw.patch, raw.stride) {
        (0, 0) => OcclusionOptions::FAST,
        (patch, stride) => OcclusionOptions {
            patch: patch as usize,
            stride: stride as usize,
            whole_planes: false,
        },
    };
    let asks = |bit: u32| what & bit != 0;
    Ok(ExplainOptions {
        contributions: asks(DLNMS_EXPLAIN_CONTRIBUTIONS),
        stability: asks(DLNMS_EXPLAIN_STABILITY),
        occlusion: asks(DLNMS_EXPLAIN_OCCLUSION).then_some(OcclusionOptions {
            whole_planes: raw.whole_planes != 0,
            ..squares
        }),
        facts: PatientFacts {
            clinical_n0: read_tristate("dlnms_explain_options.clinical_n0", raw.clinical_n0)?,
            nsclc: read_tristate("dlnms_explain_options.nsclc", raw.nsclc)?,
            age_years: Some(age).filter(|age| !age.is_nan()),
        },
        baseline,
        ..ExplainOptions::default()
    })
}

const _: () = {
    assert!(DLNMS_BASELINE_OUTSIDE == Baseline::Outside as u32);
    assert!(DLNMS_BASELINE_BLUR == Baseline::Blur as u32);
    assert!(size_of::<dlnms_explain_options>() == <dlnms_explain_options as Versioned>::V1_SIZE);
};
