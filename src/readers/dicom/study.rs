//! A PET/CT study: the two series that a score needs, decoded.

use super::archive::Archive;
use super::series::{Series, SeriesLoader, SeriesMetadata};
use super::series_selection::SeriesChoice;
use super::slice_progress::SliceProgress;
use crate::cancel::CancelToken;
use crate::case::{Case, CaseContext, CaseMetadata};
use crate::error::Result;
use crate::imaging::roi::Roi;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A PET/CT study: the chosen CT and PET series, decoded.
#[derive(Clone, Debug)]
pub struct Study {
    /// The CT.
    pub ct: Series,
    /// The PET.
    pub pet: Series,
    /// Notes on both.
    pub warnings: Vec<String>,
}

impl Study {
    /// Decodes the CT of one archive and the PET of another; they may be the same. Both series are chosen together and
    /// checked before the first pixel is read: they share a frame of reference, or a study where none is stated.
    ///
    /// The CT's archive says how many threads decode and what the study may take.
    /// `progress` is called from the decoding threads with how many slices of both series are decoded.
    pub fn load(
        ct: &Archive,
        pet: &Archive,
        choice: SeriesChoice<'_>,
        progress: SliceProgress,
        cancel: &CancelToken,
    ) -> Result<Self> {
        let [ct_loader, pet_loader] = SeriesLoader::choose_pair(&ct.images, &pet.images, choice)?;
        let options = &ct.options;
        let bytes = ct_loader.bytes()?.saturating_add(pet_loader.bytes()?);
        options.check_study_bytes(bytes, "the CT and the PET")?;
        let of = ct_loader.slices() + pet_loader.slices();
        let done = AtomicUsize::new(0);
        let report = |_, _| progress(done.fetch_add(1, Ordering::Relaxed) + 1, of);
        let pet_series = pet_loader.load(options, &report, cancel)?;
        let ct_series = ct_loader.load(options, &report, cancel)?;
        let mut study = Self::new(ct_series, pet_series);
        study.warnings.extend_from_slice(&ct.warnings);
        if !std::ptr::eq(ct, pet) {
            study.warnings.extend_from_slice(&pet.warnings);
        }
        study.log();
        Ok(study)
    }

    /// Chooses a CT and a PET as [`Study::load`] does, and decodes nothing: the volumes have no voxels.
    ///
    /// # Errors
    /// Those of [`Study::load`] that do not depend on pixels.
    pub fn headers(archive: &Archive, choice: SeriesChoice<'_>) -> Result<Self> {
        let [ct, pet] = SeriesLoader::choose_pair(&archive.images, &archive.images, choice)?;
        ct.bytes()?;
        pet.bytes()?;
        let mut study = Self::new(ct.headers()?, pet.headers()?);
        study.warnings.extend_from_slice(&archive.warnings);
        Ok(study)
    }

    /// Returns a study of two series that were loaded apart.
    pub fn new(ct: Series, pet: Series) -> Self {
        let warnings = [pet.warnings.as_slice(), &ct.warnings].concat();
        Self { ct, pet, warnings }
    }

    /// Writes the one line of a study into the log: counts alone, nothing of its patient or its files.
    fn log(&self) {
        let ([cx, cy, cz], [px, py, pz]) = (self.ct.volume.dims, self.pet.volume.dims);
        log::info!(
            target: "dlnms::study",
            "study opened: CT of {cz} slices {cx} x {cy}, PET of {pz} slices {px} x {py}, {} warnings",
            self.warnings.len()
        );
    }

    /// Returns what the headers of both series say to the quality checks.
    pub fn metadata(&self) -> CaseMetadata {
        let (Some(ct), Some(pet)) = (&self.ct.metadata, &self.pet.metadata) else {
            return CaseMetadata::default();
        };
        metadata(ct, pet)
    }

    /// Returns a case of this study for a tumour.
    pub fn case<'a>(&'a self, roi: Roi<'a>) -> Result<Case<'a>> {
        let mut case = Case::new(
            self.ct.volume.view("ct")?,
            self.pet.volume.view("pet")?,
            roi,
        );
        case.pet_info = self.pet.pet_info.as_ref();
        case.metadata = self.metadata();
        case.context = self.context();
        Ok(case)
    }

    /// Returns the UIDs of both series and of the study, as far as they are stated.
    pub fn context(&self) -> CaseContext<'_> {
        fn study(series: &Series) -> Option<&str> {
            let uid = series.metadata.as_ref()?.study_uid.as_deref();
            uid.filter(|uid| !uid.is_empty())
        }
        CaseContext {
            study_uid: study(&self.pet).or(study(&self.ct)),
            ct_series_uid: Some(self.ct.uid.as_str()).filter(|uid| !uid.is_empty()),
            pet_series_uid: Some(self.pet.uid.as_str()).filter(|uid| !uid.is_empty()),
            ..CaseContext::default()
        }
    }
}

/// Returns what the headers of a CT and a PET say together.
pub(super) fn metadata(ct: &SeriesMetadata, pet: &SeriesMetadata) -> CaseMetadata {
    let frames = ct
        .frame_of_reference
        .as_ref()
        .zip(pet.frame_of_reference.as_ref());
    CaseMetadata {
        same_patient: ct.patient.same(&pet.patient),
        same_study: ct
            .study_uid
            .as_ref()
            .zip(pet.study_uid.as_ref())
            .map(|(a, b)| a == b),
        same_frame_of_reference: frames.map(|(a, b)| a == b),
        ct_slice_thickness_mm: ct.slice_thickness,
        pet_slice_thickness_mm: pet.slice_thickness,
        lossy: Some(ct.lossy || pet.lossy),
        derived: Some(ct.derived || pet.derived),
        fdg: pet.fdg,
        age_known: Some(ct.age_known || pet.age_known),
        modality_stated: Some(ct.modality_stated && pet.modality_stated),
        hounsfield_stated: Some(ct.hounsfield_stated),
        contours_overlap: None, // known of an ROI
    }
}
