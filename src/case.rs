//! Everything about one tumour of one patient, as a host or a reader hands it over.

use crate::error::{Error, Result};
use crate::imaging::VolumeView;
use crate::imaging::roi::{Delineation, Roi};
use crate::imaging::suv::PetInfo;

/// One tumour of one patient, borrowed for a call.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// CT; rescaled values are HU.
    pub ct: VolumeView<'a>,
    /// PET; rescaled values have the units of `pet_info`.
    pub pet: VolumeView<'a>,
    /// How PET values become SUVbw; `None` if they are already.
    pub pet_info: Option<&'a PetInfo>,
    /// The tumour.
    pub roi: Roi<'a>,
    /// What quality checks may know beyond the voxels.
    pub metadata: CaseMetadata,
    /// Who asks, and which images it is of: nothing is computed from it.
    pub context: CaseContext<'a>,
    /// Hash what is scored, so that it can be repeated: takes some 100 ms for volumes of usual size.
    pub digests: bool,
    /// Measure the lesion as well; no part of the scores.
    pub lesion: Option<LesionRequest>,
    /// Measure liver and blood pool as well, and warn where their SUV is implausible; no part of the scores.
    pub references: Option<ReferenceRequest>,
    /// Sample the pictures of a report as well; no part of the scores.
    pub pictures: bool,
}

impl<'a> Case<'a> {
    /// A case of SUVbw and HU with nothing else known.
    pub fn new(ct: VolumeView<'a>, pet: VolumeView<'a>, roi: Roi<'a>) -> Self {
        Self {
            ct,
            pet,
            pet_info: None,
            roi,
            metadata: CaseMetadata::default(),
            context: CaseContext::default(),
            digests: false,
            lesion: None,
            references: None,
            pictures: false,
        }
    }
}

/// Who asks for a score, and which images it is of: for the result, the log and the audit log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaseContext<'a> {
    /// The host's own name of the call: in the result, the log and the audit log.
    pub correlation_id: Option<&'a str>,
    /// Who asks, for the audit log.
    pub actor: Option<&'a str>,
    /// Study Instance UID, which stands in the audit log as a salted digest alone, and nowhere else.
    pub study_uid: Option<&'a str>,
    /// Series Instance UID of the CT, likewise.
    pub ct_series_uid: Option<&'a str>,
    /// Series Instance UID of the PET, likewise.
    pub pet_series_uid: Option<&'a str>,
}

/// Longest text of a context, in bytes.
const MAX_CONTEXT_BYTES: usize = 128;

impl CaseContext<'_> {
    /// Checks that the texts are short and printable, and that no UID is empty.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] naming the field, not its value.
    pub fn validate(&self) -> Result<()> {
        for (field, text) in [
            ("context.correlation_id", self.correlation_id),
            ("context.actor", self.actor),
        ] {
            let Some(text) = text else { continue };
            if text.is_empty() || text.len() > MAX_CONTEXT_BYTES {
                let why = format!("has {} bytes, allowed 1 to {MAX_CONTEXT_BYTES}", text.len());
                return Err(Error::invalid(field, why));
            }
            if text.chars().any(char::is_control) {
                return Err(Error::invalid(field, "holds control characters"));
            }
        }
        // UIDs are hashed, whatever a header states; an empty one would be that of every study without.
        for (field, uid) in [
            ("context.study_uid", self.study_uid),
            ("context.ct_series_uid", self.ct_series_uid),
            ("context.pet_series_uid", self.pet_series_uid),
        ] {
            if uid == Some("") {
                return Err(Error::invalid(field, "is empty"));
            }
        }
        Ok(())
    }
}

/// How the lesion is to be cut out for its PET metrics and diameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LesionRequest {
    /// Threshold.
    pub delineation: Delineation,
    /// A point has no size: the lesion is looked for this far around it, mm.
    pub radius_mm: f64,
}

impl Default for LesionRequest {
    fn default() -> Self {
        Self {
            delineation: Delineation::default(),
            radius_mm: 40.0,
        }
    }
}

/// What a reader knows of a case beyond voxels and SUV. `None`: nobody said, and nothing is found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CaseMetadata {
    /// PET and CT belong to one patient.
    pub same_patient: Option<bool>,
    /// To one study.
    pub same_study: Option<bool>,
    /// To one frame of reference.
    pub same_frame_of_reference: Option<bool>,
    /// Slice thickness of the CT, mm.
    pub ct_slice_thickness_mm: Option<f64>,
    /// Slice thickness of the PET, mm.
    pub pet_slice_thickness_mm: Option<f64>,
    /// Either was compressed with loss.
    pub lossy: Option<bool>,
    /// Either is derived.
    pub derived: Option<bool>,
    /// The tracer is FDG.
    pub fdg: Option<bool>,
    /// Age or birth date is known.
    pub age_known: Option<bool>,
    /// Modality is stated on every image.
    pub modality_stated: Option<bool>,
    /// The CT's values are HU by its headers, not "unspecified".
    pub hounsfield_stated: Option<bool>,
    /// Contours of one plane overlap in part and were joined to make the mask.
    pub contours_overlap: Option<bool>,
}

/// Where the references are. `None`: look for them on CT.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ReferenceRequest {
    /// A point in the right lobe of a liver without lesions, LPS mm.
    pub liver: Option<[f64; 3]>,
    /// A point on the axis of the descending thoracic aorta, LPS mm.
    pub blood_pool: Option<[f64; 3]>,
}
