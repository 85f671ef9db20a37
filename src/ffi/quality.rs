//! Section "quality".

use super::structs::{self, Versioned, versioned};
use crate::case::CaseMetadata;
use crate::error::{Error, Result};
use crate::evidence::quality::{Action, Code, QualityPolicy, Severity};
use std::ffi::c_char;

/// PET and CT belong to different patients.
pub const DLNMS_QC_PATIENT_MISMATCH: u32 = 1;
/// PET and CT belong to different studies.
pub const DLNMS_QC_STUDY_MISMATCH: u32 = 2;
/// PET and CT have different frames of reference.
pub const DLNMS_QC_FRAME_OF_REFERENCE_MISMATCH: u32 = 3;
/// The body's outline in PET lies more than 10 mm from that in CT, in the axial plane of the tumour.
pub const DLNMS_QC_MISREGISTRATION: u32 = 4;
/// Slices thicker, or farther apart, than 5 mm.
pub const DLNMS_QC_SLICE_THICKNESS: u32 = 5;
/// The ROI touches the border of the CT or PET.
pub const DLNMS_QC_ROI_AT_BORDER: u32 = 6;
/// The ROI is larger than the window that the network sees.
pub const DLNMS_QC_ROI_EXCEEDS_WINDOW: u32 = 7;
/// More than a quarter of a plane lies outside the volume or is padding.
pub const DLNMS_QC_PLANE_PADDING: u32 = 8;
/// Time from injection to scan outside 30 to 180 minutes.
pub const DLNMS_QC_UPTAKE_TIME: u32 = 9;
/// Injected dose outside 30 to 1200 MBq.
pub const DLNMS_QC_DOSE: u32 = 10;
/// Weight outside 20 to 300 kg.
pub const DLNMS_QC_WEIGHT: u32 = 11;
/// SUV around the tumour is not that of a body.
pub const DLNMS_QC_SUV_IMPLAUSIBLE: u32 = 12;
/// The tracer is not FDG.
pub const DLNMS_QC_TRACER_NOT_FDG: u32 = 13;
/// The images were compressed with loss.
pub const DLNMS_QC_LOSSY_SOURCE: u32 = 14;
/// The images are derived, not original.
pub const DLNMS_QC_DERIVED_IMAGE: u32 = 15;
/// Neither age nor birth date is known.
pub const DLNMS_QC_AGE_MISSING: u32 = 16;
/// Modality is not stated.
pub const DLNMS_QC_MODALITY_MISSING: u32 = 17;
/// The lesion that was cut out does not hold the seed, or lies more than 10 mm from the point.
pub const DLNMS_QC_LESION_ELSEWHERE: u32 = 18;
/// The reader took a weight above 1000 for grams.
pub const DLNMS_QC_WEIGHT_UNIT_ASSUMED: u32 = 19;
/// The reader took a dose below 10,000 Bq for megabecquerel.
pub const DLNMS_QC_DOSE_UNIT_ASSUMED: u32 = 20;
/// A date-time has a zone and the other times have none: their local parts were compared.
pub const DLNMS_QC_TIME_ZONE_ASSUMED: u32 = 21;
/// The half-life differs by more than 2 % from that of the tracer the host states.
pub const DLNMS_QC_HALF_LIFE_MISMATCH: u32 = 22;
/// PET values that are said to be SUV (no dlnms_pet_info, or units of SUV) look like activity in Bq/ml.
pub const DLNMS_QC_PET_NOT_SUV: u32 = 23;
/// The PET looks like a CT, and the CT like a PET.
pub const DLNMS_QC_MODALITIES_SWAPPED: u32 = 24;
/// The CT shows air within 10 mm of the centre, and not that of a cavity with walls.
pub const DLNMS_QC_CENTER_IN_AIR: u32 = 25;
/// The PET shows no uptake within 10 mm of the centre: a mean SUV below 0.05.
pub const DLNMS_QC_CENTER_WITHOUT_UPTAKE: u32 = 26;
/// The mean SUV of tissue is more than 100 times off.
pub const DLNMS_QC_SUV_SCALE: u32 = 27;
/// The factor to SUVbw of another normalisation lies outside its usual range: 0.5 to 2 for LBM and IBW, 1.9 to 7.6 for BSA.
pub const DLNMS_QC_SUV_NORMALIZATION: u32 = 28;
/// Contours of one plane overlap in part; they were joined.
pub const DLNMS_QC_CONTOURS_OVERLAP: u32 = 29;
/// The decay is counted to the earliest acquisition time, for want of a better reference time.
pub const DLNMS_QC_REFERENCE_TIME_ASSUMED: u32 = 30;
/// The CT's Rescale Type is "unspecified": its values were taken for HU.
pub const DLNMS_QC_HOUNSFIELD_ASSUMED: u32 = 31;

/// For information.
pub const DLNMS_SEVERITY_INFO: u32 = 1;
/// The scores may be off.
pub const DLNMS_SEVERITY_WARNING: u32 = 2;
/// The scores may belong to something else.
pub const DLNMS_SEVERITY_CRITICAL: u32 = 3;

/// The check is not made.
pub const DLNMS_ACTION_IGNORE: u32 = 1;
/// The finding is reported with the scores.
pub const DLNMS_ACTION_WARN: u32 = 2;
/// No scores: the call fails with DLNMS_E_QUALITY, whose message names every finding that is refused.
pub const DLNMS_ACTION_REFUSE: u32 = 3;

/// Not known; written by dlnms_case_metadata_init(). Negative, so that no boolean can be taken for it.
pub const DLNMS_TRISTATE_UNKNOWN: i32 = -1;
/// No; equal to `false` of C and C++.
pub const DLNMS_TRISTATE_NO: i32 = 0;
/// Yes; equal to `true` of C and C++.
pub const DLNMS_TRISTATE_YES: i32 = 1;

/// What happens on each finding of the quality checks; fill with dlnms_quality_policy_init().
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_quality_policy {
    /// Size of the struct in bytes, set by dlnms_quality_policy_init().
    pub struct_size: u32,
    /// A DLNMS_ACTION_ constant for each DLNMS_QC_ constant, which is the index; 0 is the default action. Index 0 is not used.
    pub actions: [u32; 63],
}

versioned!(dlnms_quality_policy, 256, { struct_size, actions } reserved {  });

/// Writes the default policy: different patients are refused, every other finding is reported with the scores.
///
/// # Safety
/// - `policy`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_quality_policy) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_quality_policy_init(
    policy: *mut dlnms_quality_policy,
    struct_size: u32,
) {
    let defaults = raw_policy(&QualityPolicy::default(), struct_size);
    // SAFETY: handed on from the caller.
    unsafe { structs::init(policy, struct_size, &defaults) };
}

/// Writes the strict policy, for a host that shows no score rather than a doubtful one.
///
/// It refuses every finding of DLNMS_SEVERITY_CRITICAL (PATIENT_MISMATCH, FRAME_OF_REFERENCE_MISMATCH, LESION_ELSEWHERE,
/// HALF_LIFE_MISMATCH, PET_NOT_SUV, MODALITIES_SWAPPED, SUV_SCALE), and also STUDY_MISMATCH, MISREGISTRATION, TRACER_NOT_FDG,
/// SUV_IMPLAUSIBLE, SUV_NORMALIZATION, DOSE, WEIGHT, WEIGHT_UNIT_ASSUMED, DOSE_UNIT_ASSUMED, TIME_ZONE_ASSUMED, CENTER_IN_AIR
/// and CENTER_WITHOUT_UPTAKE. After each of these the scores probably do not belong to the tumour's SUV and HU. The other
/// findings make correct numbers less certain and stay warnings.
///
/// # Safety
/// - `policy`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_quality_policy) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_quality_policy_init_strict(
    policy: *mut dlnms_quality_policy,
    struct_size: u32,
) {
    let strict = raw_policy(&QualityPolicy::strict(), struct_size);
    // SAFETY: handed on from the caller.
    unsafe { structs::init(policy, struct_size, &strict) };
}

/// The C struct of a policy.
fn raw_policy(policy: &QualityPolicy, struct_size: u32) -> dlnms_quality_policy {
    let mut raw = dlnms_quality_policy {
        struct_size,
        actions: [0; 63],
    };
    for code in Code::ALL {
        raw.actions[code as usize] = policy.action(code) as u32;
    }
    raw
}

/// Returns the name of a quality check as it stands in the JSON, as static text.
///
/// # Parameters
/// - `code`: a DLNMS_QC_ constant; NULL is returned for an unknown one.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_quality_name(code: u32) -> *const c_char {
    Code::from_number(code).map_or(std::ptr::null(), |code| code.c_name().as_ptr())
}

/// What is known of a case beyond voxels and SUV, for the quality checks; fill with dlnms_case_metadata_init().
/// dlnms_study_case() fills one from DICOM headers.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_case_metadata {
    /// Size of the struct in bytes, set by dlnms_case_metadata_init().
    pub struct_size: u32,
    /// PET and CT belong to one patient: a DLNMS_TRISTATE_ constant, as the next nine fields. The result of a
    /// comparison in C or C++ (`a == b`) can be assigned directly.
    pub same_patient: i32,
    /// PET and CT belong to one study.
    pub same_study: i32,
    /// PET and CT have one frame of reference.
    pub same_frame_of_reference: i32,
    /// PET or CT was compressed with loss.
    pub lossy: i32,
    /// PET or CT is a derived image.
    pub derived: i32,
    /// The tracer is FDG.
    pub fdg: i32,
    /// The patient's age or birth date is known.
    pub age_known: i32,
    /// The modality is stated on every image.
    pub modality_stated: i32,
    /// The CT's values are HU by its headers, not "unspecified".
    pub hounsfield_stated: i32,
    /// Contours of one plane overlap in part and were joined to make the mask: dlnms_roi_info.contours_overlap.
    pub contours_overlap: i32,
    /// Must be 0.
    pub reserved: u32,
    /// Slice thickness of the CT, mm; 0 if not known.
    pub ct_slice_thickness_mm: f64,
    /// Slice thickness of the PET, mm; 0 if not known.
    pub pet_slice_thickness_mm: f64,
}

versioned!(dlnms_case_metadata, 64, { struct_size, same_patient, same_study, same_frame_of_reference, lossy, derived, fdg, age_known, modality_stated, hounsfield_stated, contours_overlap, ct_slice_thickness_mm, pet_slice_thickness_mm } reserved { reserved });

/// Writes defaults into case metadata: DLNMS_TRISTATE_UNKNOWN and thicknesses of 0. A struct that was only zeroed states
/// DLNMS_TRISTATE_NO everywhere, and the default policy refuses it for its two patients.
///
/// # Safety
/// - `metadata`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_case_metadata) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_case_metadata_init(
    metadata: *mut dlnms_case_metadata,
    struct_size: u32,
) {
    let unknown = raw_case_metadata(&CaseMetadata::default(), struct_size);
    // SAFETY: handed on from the caller.
    unsafe { structs::init(metadata, struct_size, &unknown) };
}

/// Returns the C struct of case metadata.
#[cfg_attr(not(feature = "dicom"), allow(dead_code))]
pub(super) fn raw_case_metadata(metadata: &CaseMetadata, struct_size: u32) -> dlnms_case_metadata {
    let tristate = |value: Option<bool>| match value {
        None => DLNMS_TRISTATE_UNKNOWN,
        Some(false) => DLNMS_TRISTATE_NO,
        Some(true) => DLNMS_TRISTATE_YES,
    };
    dlnms_case_metadata {
        struct_size,
        same_patient: tristate(metadata.same_patient),
        same_study: tristate(metadata.same_study),
        same_frame_of_reference: tristate(metadata.same_frame_of_reference),
        lossy: tristate(metadata.lossy),
        derived: tristate(metadata.derived),
        fdg: tristate(metadata.fdg),
        age_known: tristate(metadata.age_known),
        modality_stated: tristate(metadata.modality_stated),
        hounsfield_stated: tristate(metadata.hounsfield_stated),
        contours_overlap: tristate(metadata.contours_overlap),
        reserved: 0,
        ct_slice_thickness_mm: metadata.ct_slice_thickness_mm.unwrap_or(0.0),
        pet_slice_thickness_mm: metadata.pet_slice_thickness_mm.unwrap_or(0.0),
    }
}

/// Returns what a DLNMS_TRISTATE_ constant says.
///
/// # Errors
/// [`Error::InvalidArgument`] naming the field for any other number.
pub(super) fn read_tristate(field: &str, value: i32) -> Result<Option<bool>> {
    match value {
        DLNMS_TRISTATE_UNKNOWN => Ok(None),
        DLNMS_TRISTATE_NO => Ok(Some(false)),
        DLNMS_TRISTATE_YES => Ok(Some(true)),
        other => Err(Error::invalid(
            field,
            format!("{other} is not a DLNMS_TRISTATE_ constant (-1, 0 or 1)"),
        )),
    }
}

/// # Safety
/// `ptr` is NULL or an initialised struct.
pub(super) unsafe fn case_metadata(ptr: *const dlnms_case_metadata) -> Result<CaseMetadata> {
    if ptr.is_null() {
        return Ok(CaseMetadata::default());
    }
    // SAFETY: handed on from the caller.
    let raw = unsafe { structs::read(ptr) }?;
    // All of these are in version 1: a fact added later must be unknown where the caller's struct ends before it.
    let tristate = |name: &str, value| read_tristate(&format!("dlnms_case_metadata.{name}"), value);
    let thickness = |name: &str, value: f64| match value {
        v if v > 0.0 && v.is_finite() => Ok(Some(v)),
        0.0 => Ok(None),
        other => Err(Error::invalid(
            format!("dlnms_case_metadata.{name}"),
            format!("{other} is no thickness"),
        )),
    };
    Ok(CaseMetadata {
        same_patient: tristate("same_patient", raw.same_patient)?,
        same_study: tristate("same_study", raw.same_study)?,
        same_frame_of_reference: tristate("same_frame_of_reference", raw.same_frame_of_reference)?,
        lossy: tristate("lossy", raw.lossy)?,
        derived: tristate("derived", raw.derived)?,
        fdg: tristate("fdg", raw.fdg)?,
        age_known: tristate("age_known", raw.age_known)?,
        modality_stated: tristate("modality_stated", raw.modality_stated)?,
        hounsfield_stated: tristate("hounsfield_stated", raw.hounsfield_stated)?,
        contours_overlap: tristate("contours_overlap", raw.contours_overlap)?,
        ct_slice_thickness_mm: thickness("ct_slice_thickness_mm", raw.ct_slice_thickness_mm)?,
        pet_slice_thickness_mm: thickness("pet_slice_thickness_mm", raw.pet_slice_thickness_mm)?,
    })
}

/// # Safety
/// `ptr` is NULL or an initialised struct.
pub(super) unsafe fn policy(ptr: *const dlnms_quality_policy) -> Result<QualityPolicy> {
    let mut policy = QualityPolicy::default();
    if ptr.is_null() {
        return Ok(policy);
    }
    // SAFETY: handed on from the caller.
    let raw = unsafe { structs::read(ptr) }?;
    for (index, action) in raw.actions.iter().enumerate().filter(|(_, a)| **a != 0) {
        let refuse = |why: &str| {
            Error::invalid(
                format!("dlnms_quality_policy.actions[{index}]"),
                format!("{action}: {why}"),
            )
        };
        let code = Code::from_number(index as u32).ok_or_else(|| refuse("no such check"))?;
        let action = Action::from_number(*action).ok_or_else(|| refuse("no such action"))?;
        policy.set(code, action);
    }
    Ok(policy)
}

const _: () = {
    assert!(DLNMS_QC_PATIENT_MISMATCH == Code::PatientMismatch as u32);
    assert!(DLNMS_QC_STUDY_MISMATCH == Code::StudyMismatch as u32);
    assert!(DLNMS_QC_FRAME_OF_REFERENCE_MISMATCH == Code::FrameOfReferenceMismatch as u32);
    assert!(DLNMS_QC_MISREGISTRATION == Code::Misregistration as u32);
    assert!(DLNMS_QC_SLICE_THICKNESS == Code::SliceThickness as u32);
    assert!(DLNMS_QC_ROI_AT_BORDER == Code::RoiAtBorder as u32);
    assert!(DLNMS_QC_ROI_EXCEEDS_WINDOW == Code::RoiExceedsWindow as u32);
    assert!(DLNMS_QC_PLANE_PADDING == Code::PlanePadding as u32);
    assert!(DLNMS_QC_UPTAKE_TIME == Code::UptakeTime as u32);
    assert!(DLNMS_QC_DOSE == Code::Dose as u32 && DLNMS_QC_WEIGHT == Code::Weight as u32);
    assert!(DLNMS_QC_SUV_IMPLAUSIBLE == Code::SuvImplausible as u32);
    assert!(DLNMS_QC_TRACER_NOT_FDG == Code::TracerNotFdg as u32);
    assert!(DLNMS_QC_LOSSY_SOURCE == Code::LossySource as u32);
    assert!(DLNMS_QC_DERIVED_IMAGE == Code::DerivedImage as u32);
    assert!(DLNMS_QC_AGE_MISSING == Code::AgeMissing as u32);
    assert!(DLNMS_QC_MODALITY_MISSING == Code::ModalityMissing as u32);
    assert!(DLNMS_QC_LESION_ELSEWHERE == Code::LesionElsewhere as u32);
    assert!(DLNMS_QC_WEIGHT_UNIT_ASSUMED == Code::WeightUnitAssumed as u32);
    assert!(DLNMS_QC_DOSE_UNIT_ASSUMED == Code::DoseUnitAssumed as u32);
    assert!(DLNMS_QC_TIME_ZONE_ASSUMED == Code::TimeZoneAssumed as u32);
    assert!(DLNMS_QC_HALF_LIFE_MISMATCH == Code::HalfLifeMismatch as u32);
    assert!(DLNMS_QC_PET_NOT_SUV == Code::PetNotSuv as u32);
    assert!(DLNMS_QC_MODALITIES_SWAPPED == Code::ModalitiesSwapped as u32);
    assert!(DLNMS_QC_CENTER_IN_AIR == Code::CenterInAir as u32);
    assert!(DLNMS_QC_CENTER_WITHOUT_UPTAKE == Code::CenterWithoutUptake as u32);
    assert!(DLNMS_QC_SUV_SCALE == Code::SuvScale as u32);
    assert!(DLNMS_QC_SUV_NORMALIZATION == Code::SuvNormalization as u32);
    assert!(DLNMS_QC_CONTOURS_OVERLAP == Code::ContoursOverlap as u32);
    assert!(DLNMS_QC_REFERENCE_TIME_ASSUMED == Code::ReferenceTimeAssumed as u32);
    assert!(DLNMS_QC_HOUNSFIELD_ASSUMED == Code::HounsfieldAssumed as u32);
    assert!(DLNMS_SEVERITY_INFO == Severity::Info as u32);
    assert!(DLNMS_SEVERITY_WARNING == Severity::Warning as u32);
    assert!(DLNMS_SEVERITY_CRITICAL == Severity::Critical as u32);
    assert!(DLNMS_ACTION_IGNORE == Action::Ignore as u32);
    assert!(DLNMS_ACTION_WARN == Action::Warn as u32);
    assert!(DLNMS_ACTION_REFUSE == Action::Refuse as u32);
    assert!(size_of::<dlnms_quality_policy>() == <dlnms_quality_policy as Versioned>::V1_SIZE);
    assert!(size_of::<dlnms_case_metadata>() == <dlnms_case_metadata as Versioned>::V1_SIZE);
};
