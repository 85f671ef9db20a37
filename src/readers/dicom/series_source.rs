//! Which objects a series was read from: what a result that goes back into an archive refers to, and what it copies.

use super::instance::Instance;
use super::raw_header::RawHeader;
use crate::cancel::CancelToken;
use crate::error::Result;
use dicom_core::Tag;
use dicom_dictionary_std::tags;

/// One image that a series was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceImage {
    /// SOP Class UID.
    pub sop_class: String,
    /// SOP Instance UID; empty if the file has none.
    pub sop_instance: String,
    /// Number of the frame, from 1, in a multi-frame object.
    pub frame: Option<u32>,
}

/// The objects that a series was read from.
#[derive(Clone, Debug)]
pub struct SeriesSource {
    /// Study Instance UID; `None` if the images do not state one and the same.
    pub study_uid: Option<String>,
    /// Series Instance UID.
    pub series_uid: String,
    /// One image for each slice of the volume, in its order.
    pub images: Vec<SourceImage>,
    /// The attributes of [`COPIED`] as they stand in the first image, or why they could not be read.
    pub header: Result<RawHeader, String>,
}

/// Attributes of the patient, the study and the frame of reference that a result copies from its source, sorted.
pub const COPIED: [Tag; 19] = [
    tags::SPECIFIC_CHARACTER_SET,
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::ACCESSION_NUMBER,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::TIMEZONE_OFFSET_FROM_UTC,
    tags::STUDY_DESCRIPTION,
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::ISSUER_OF_PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::PATIENT_IDENTITY_REMOVED,
    tags::DEIDENTIFICATION_METHOD,
    tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE,
    tags::STUDY_INSTANCE_UID,
    tags::STUDY_ID,
    tags::FRAME_OF_REFERENCE_UID,
    tags::POSITION_REFERENCE_INDICATOR,
];

impl SeriesSource {
    /// Returns the source of sorted slices, of which there is one at least.
    pub(super) fn new(slices: &[&Instance], cancel: &CancelToken) -> Result<Self> {
        let first = slices[0];
        let header = first.file.source.raw_header(&COPIED, cancel);
        cancel.check()?;
        let same_study = slices.iter().all(|s| s.study_uid == first.study_uid);
        let image = |s: &&Instance| SourceImage {
            sop_class: s.sop_class.clone(),
            sop_instance: s.sop_instance.clone(),
            frame: s.file.multi_frame.then(|| s.frame as u32 + 1),
        };
        Ok(Self {
            study_uid: Some(first.study_uid.clone()).filter(|uid| same_study && !uid.is_empty()),
            series_uid: first.series_uid.clone(),
            images: slices.iter().map(image).collect(),
            header: header.map_err(String::from),
        })
    }
}
