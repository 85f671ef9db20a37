//! A decoded study and the C structs that describe it.

use super::case_context::dlnms_case_context;
use super::origin::StudyOrigin;
use super::pet::{dlnms_pet_info, raw_pet_info, slice_times};
use super::quality::{dlnms_case_metadata, raw_case_metadata};
use super::strings;
use super::study_handle::{DLNMS_MODALITY_CT, DLNMS_MODALITY_PET};
use super::volume::{describe, dlnms_volume};
use crate::error::{Error, Result};
use crate::readers::dicom::Study;
#[cfg(feature = "writers")]
use crate::writers::Identity;
use std::ffi::CString;
use std::sync::Arc;

/// Decoded volumes, and the C structs that describe them.
pub(super) struct LoadedStudy {
    /// What the structs' pointers lead to; never changed.
    study: Arc<Study>,
    /// Per-slice times as the C struct wants them.
    _times: [Vec<f64>; 3],
    pub ct: dlnms_volume,
    pub pet: dlnms_volume,
    pub pet_info: dlnms_pet_info,
    pub metadata: dlnms_case_metadata,
    /// The same for a mask of contours that were joined.
    pub metadata_of_joined: dlnms_case_metadata,
    pub warnings: Vec<CString>,
    /// What the pages and the objects of its results are made with.
    pub origin: Arc<StudyOrigin>,
    pub context: dlnms_case_context,
    /// What its pointers lead to.
    _uids: [Option<CString>; 3],
}

// SAFETY: the raw pointers lead into `study`, `_times` and `_uids`, which are owned, immutable and live as long.
unsafe impl Send for LoadedStudy {}
// SAFETY: as above; nothing is ever written.
unsafe impl Sync for LoadedStudy {}

impl LoadedStudy {
    pub fn new(study: Study) -> Result<Self> {
        let study = Arc::new(study);
        let info = study.pet.pet_info.as_ref();
        let info = info.ok_or_else(|| Error::Internal("PET without its attributes".into()))?;
        let times = slice_times(info);
        let mut joined = study.metadata();
        joined.contours_overlap = Some(true);
        let context = study.context();
        let uids = [
            context.study_uid,
            context.ct_series_uid,
            context.pet_series_uid,
        ];
        let uids = uids.map(|uid| uid.map(strings::owned));
        let [study_uid, ct_series_uid, pet_series_uid] = uids
            .each_ref()
            .map(|uid| uid.as_ref().map_or(std::ptr::null(), |u| u.as_ptr()));
        Ok(Self {
            context: dlnms_case_context {
                struct_size: size_of::<dlnms_case_context>() as u32,
                reserved: 0,
                correlation_id: std::ptr::null(),
                actor: std::ptr::null(),
                study_uid,
                ct_series_uid,
                pet_series_uid,
            },
            _uids: uids,
            ct: describe(&study.ct.volume),
            pet: describe(&study.pet.volume),
            pet_info: raw_pet_info(info, &times),
            metadata: raw_case_metadata(&study.metadata(), size_of::<dlnms_case_metadata>() as u32),
            metadata_of_joined: raw_case_metadata(&joined, size_of::<dlnms_case_metadata>() as u32),
            warnings: study.warnings.iter().map(|w| strings::owned(w)).collect(),
            _times: times,
            origin: Arc::new(StudyOrigin {
                #[cfg(feature = "writers")]
                identity: Identity::from_study(&study).map_err(|e| match e {
                    Error::DicomWrite(why) => why,
                    other => other.to_string(),
                }),
                warnings: study.warnings.clone(),
            }),
            study,
        })
    }

    /// Returns the description of a volume.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for another modality.
    pub fn volume(&self, modality: u32) -> Result<&dlnms_volume> {
        match modality {
            DLNMS_MODALITY_CT => Ok(&self.ct),
            DLNMS_MODALITY_PET => Ok(&self.pet),
            other => {
                let why = format!("{other} is not a DLNMS_MODALITY_ constant");
                Err(Error::invalid("modality", why))
            }
        }
    }

    /// The decoded study.
    pub(super) fn study(&self) -> &Study {
        &self.study
    }
}

impl LoadedStudy {
    /// Returns the bytes of the CT and the PET.
    pub fn decoded_bytes(&self) -> u64 {
        (self.study.ct.volume.data.len() + self.study.pet.volume.data.len()) as u64
    }
}
