//! Quality checks of a case: findings with stable codes, and a policy that says which of them refuse it.
//!
//! Everything is cheap enough for every call: nearest voxels at every few millimetres, no pass over a volume. Only the
//! reference regions are not, so they are measured when a case asks for them.

mod center;
mod checks;
mod outline;
mod policy;
mod suv_checks;
mod window;

pub use outline::outline_shift;
pub use policy::{Action, QualityPolicy};
pub use suv_checks::check_suv_inputs;

use crate::case::{Case, Facts};
use crate::error::{Error, Result};
use crate::evidence::reference_region::References;
use crate::imaging::roi::Extent;
use crate::imaging::sampler::PreprocessSpec;
use crate::imaging::suv::SuvScale;
use serde::Serialize;
use std::ffi::CStr;
use window::Window;

/// What a finding is about. Numbers and names are never changed or given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u32)]
pub enum Code {
    /// PET and CT belong to different patients.
    PatientMismatch = 1,
    /// PET and CT belong to different studies.
    StudyMismatch = 2,
    /// PET and CT have different frames of reference: their alignment is not known.
    FrameOfReferenceMismatch = 3,
    /// The body's outline in PET and CT lies apart in the axial plane of the tumour.
    Misregistration = 4,
    /// Slices thicker, or farther apart, than 5 mm.
    SliceThickness = 5,
    /// The ROI touches the border of the CT or PET.
    RoiAtBorder = 6,
    /// The ROI is larger than the window that the network sees.
    RoiExceedsWindow = 7,
    /// A large share of a plane lies outside the volume or is padding.
    PlanePadding = 8,
    /// Time from injection to scan outside 30 to 180 minutes.
    UptakeTime = 9,
    /// Injected dose outside 30 to 1200 MBq.
    Dose = 10,
    /// Weight outside 20 to 300 kg.
    Weight = 11,
    /// SUV around the tumour, in the liver or in the blood pool is not that of a body.
    SuvImplausible = 12,
    /// The tracer is not FDG.
    TracerNotFdg = 13,
    /// The images were compressed with loss.
    LossySource = 14,
    /// The images are derived, not original.
    DerivedImage = 15,
    /// Neither age nor birth date is known.
    AgeMissing = 16,
    /// Modality is not stated.
    ModalityMissing = 17,
    /// The lesion that was cut out does not hold the seed, or lies more than 10 mm from the point.
    LesionElsewhere = 18,
    /// The reader took a weight above 1000 for grams.
    WeightUnitAssumed = 19,
    /// The reader took a dose below 10,000 Bq for megabecquerel.
    DoseUnitAssumed = 20,
    /// A date-time has a zone and the other times have none: their local parts were compared.
    TimeZoneAssumed = 21,
    /// The half-life differs by more than 2 % from that of the tracer the host states.
    HalfLifeMismatch = 22,
    /// PET values that are said to be SUV look like activity in Bq/ml.
    PetNotSuv = 23,
    /// The PET looks like a CT, and the CT like a PET.
    ModalitiesSwapped = 24,
    /// The CT shows air at the centre and around it.
    CenterInAir = 25,
    /// The PET shows no uptake at the centre and around it.
    CenterWithoutUptake = 26,
    /// The mean SUV in the body is more than 100 times off.
    SuvScale = 27,
    /// The factor to SUVbw of another normalisation lies outside its usual range: 0.5 to 2 for LBM and IBW, 1.9 to 7.6 for BSA.
    SuvNormalization = 28,
    /// Contours of one plane overlap in part; they were joined.
    ContoursOverlap = 29,
    /// The decay is counted to the earliest acquisition time, for want of a better reference time.
    ReferenceTimeAssumed = 30,
    /// The CT's Rescale Type is "unspecified": its values were taken for HU.
    HounsfieldAssumed = 31,
}

impl Code {
    /// All of them.
    pub const ALL: [Code; 31] = [
        Code::PatientMismatch,
        Code::StudyMismatch,
        Code::FrameOfReferenceMismatch,
        Code::Misregistration,
        Code::SliceThickness,
        Code::RoiAtBorder,
        Code::RoiExceedsWindow,
        Code::PlanePadding,
        Code::UptakeTime,
        Code::Dose,
        Code::Weight,
        Code::SuvImplausible,
        Code::TracerNotFdg,
        Code::LossySource,
        Code::DerivedImage,
        Code::AgeMissing,
        Code::ModalityMissing,
        Code::LesionElsewhere,
        Code::WeightUnitAssumed,
        Code::DoseUnitAssumed,
        Code::TimeZoneAssumed,
        Code::HalfLifeMismatch,
        Code::PetNotSuv,
        Code::ModalitiesSwapped,
        Code::CenterInAir,
        Code::CenterWithoutUptake,
        Code::SuvScale,
        Code::SuvNormalization,
        Code::ContoursOverlap,
        Code::ReferenceTimeAssumed,
        Code::HounsfieldAssumed,
    ];

    /// The code with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|c| *c as u32 == number)
    }

    /// Name in reports.
    pub fn name(self) -> &'static str {
        self.c_name().to_str().unwrap_or_default()
    }

    /// Name in reports, for C.
    pub fn c_name(self) -> &'static CStr {
        match self {
            Code::PatientMismatch => c"patient_mismatch",
            Code::StudyMismatch => c"study_mismatch",
            Code::FrameOfReferenceMismatch => c"frame_of_reference_mismatch",
            Code::Misregistration => c"misregistration",
            Code::SliceThickness => c"slice_thickness",
            Code::RoiAtBorder => c"roi_at_border",
            Code::RoiExceedsWindow => c"roi_exceeds_window",
            Code::PlanePadding => c"plane_padding",
            Code::UptakeTime => c"uptake_time",
            Code::Dose => c"dose",
            Code::Weight => c"weight",
            Code::SuvImplausible => c"suv_implausible",
            Code::TracerNotFdg => c"tracer_not_fdg",
            Code::LossySource => c"lossy_source",
            Code::DerivedImage => c"derived_image",
            Code::AgeMissing => c"age_missing",
            Code::ModalityMissing => c"modality_missing",
            Code::LesionElsewhere => c"lesion_elsewhere",
            Code::WeightUnitAssumed => c"weight_unit_assumed",
            Code::DoseUnitAssumed => c"dose_unit_assumed",
            Code::TimeZoneAssumed => c"time_zone_assumed",
            Code::HalfLifeMismatch => c"half_life_mismatch",
            Code::PetNotSuv => c"pet_not_suv",
            Code::ModalitiesSwapped => c"modalities_swapped",
            Code::CenterInAir => c"center_in_air",
            Code::CenterWithoutUptake => c"center_without_uptake",
            Code::SuvScale => c"suv_scale",
            Code::SuvNormalization => c"suv_normalization",
            Code::ContoursOverlap => c"contours_overlap",
            Code::ReferenceTimeAssumed => c"reference_time_assumed",
            Code::HounsfieldAssumed => c"hounsfield_assumed",
        }
    }

    /// How much it weighs.
    pub fn severity(self) -> Severity {
        match self {
            Code::PatientMismatch
            | Code::FrameOfReferenceMismatch
            | Code::LesionElsewhere
            | Code::HalfLifeMismatch
            | Code::PetNotSuv
            | Code::ModalitiesSwapped
            | Code::SuvScale => Severity::Critical,
            Code::DerivedImage | Code::AgeMissing | Code::ModalityMissing => Severity::Info,
            _ => Severity::Warning,
        }
    }
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum Severity {
    /// Good to know.
    Info = 1,
    /// The scores may be off.
    Warning = 2,
    /// The scores may belong to something else.
    Critical = 3,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub code: Code,
    /// How much it weighs.
    pub severity: Severity,
    /// One sentence with the numbers.
    pub message: String,
}

/// Returns what is found in a case whose ROI, SUV factors and, if asked for, references are known.
///
/// # Errors
/// [`Error::Quality`] with all findings that the policy refuses; [`Error::InvalidArgument`] for a slice thickness that is
/// not a positive number.
pub fn check(
    case: &Case<'_>,
    roi: &Extent,
    suv: Option<&SuvScale>,
    references: Option<&References>,
    spec: &PreprocessSpec,
    policy: &QualityPolicy,
) -> Result<Vec<Finding>> {
    checks::require_thickness(&case.facts)?;
    let mut findings = Findings {
        policy,
        found: Vec::new(),
    };
    checks::facts(&case.facts, &mut findings);
    checks::thickness(
        &case.facts,
        [case.ct.geometry.spacing[2], case.pet.geometry.spacing[2]],
        &mut findings,
    );
    checks::acquisition(case, suv, &mut findings);
    suv_checks::assumptions(case, suv, &mut findings);
    checks::region(case, roi, spec, &mut findings);
    checks::lesion(case, roi, &mut findings);
    let factors = suv.map_or(&[][..], |s| &s.factors);
    let window = Window::sample(case, roi.center, factors, spec);
    window.check_padding(&mut findings);
    if let Some(references) = references {
        checks::plausible_references(references, &case.facts, &mut findings);
    }
    // Voxels of the other modality would make every check below speak of what is not there.
    if !window.check_modalities(case, &mut findings) {
        let tissue = window.check_suv(case, factors, &mut findings);
        center::check(case, roi.center, factors, tissue, &mut findings);
        checks::alignment(case, roi.center, factors, tissue, &mut findings);
    }
    let refused = |f: &&Finding| policy.action(f.code) == Action::Refuse;
    let refused: Vec<_> = findings.found.iter().filter(refused).collect();
    match refused.is_empty() {
        true => Ok(findings.found),
        false => {
            let reason = |f: &Finding| (f.code.name(), f.message.clone());
            Err(Error::Quality(refused.into_iter().map(reason).collect()))
        }
    }
}

/// What can be said of a study before there is a tumour; nothing is refused.
pub fn check_facts(of: &Facts) -> Vec<Finding> {
    let policy = QualityPolicy::default();
    let mut findings = Findings {
        policy: &policy,
        found: Vec::new(),
    };
    checks::facts(of, &mut findings);
    checks::thickness(of, [0.0; 2], &mut findings);
    findings.found
}

struct Findings<'p> {
    policy: &'p QualityPolicy,
    found: Vec<Finding>,
}

impl Findings<'_> {
    fn wanted(&self, code: Code) -> bool {
        self.policy.action(code) != Action::Ignore
    }

    fn add(&mut self, code: Code, message: impl FnOnce() -> String) {
        if self.wanted(code) {
            self.found.push(Finding {
                code,
                severity: code.severity(),
                message: message(),
            });
        }
    }

    fn add_if(&mut self, bad: bool, code: Code, message: &str) {
        if bad {
            self.add(code, || message.into());
        }
    }
}
