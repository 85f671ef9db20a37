//! What the quality checks can find: codes with their names and severities.

use serde::Serialize;
use std::ffi::CStr;

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

    /// Returns the code with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|c| *c as u32 == number)
    }

    /// Returns its name in reports.
    pub fn name(self) -> &'static str {
        self.c_name().to_str().unwrap_or_default()
    }

    /// Returns its name in reports, for C.
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
