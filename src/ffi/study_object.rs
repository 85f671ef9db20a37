//! A study that was scanned, as the functions of a study see it.

use super::callbacks::{DLNMS_PHASE_DECODE, HostProgress};
use super::handle::Object;
use super::loaded_study::LoadedStudy;
use super::study_handle::dlnms_study;
use super::study_inventory::{Inventory, StudyLists};
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::lock::lock;
use crate::readers::dicom::{Archive, RoiMask, SeriesChoice, Study};
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::{Arc, Mutex, OnceLock};

/// A scanned study, and once loaded its volumes.
pub(super) struct StudyObject {
    pub archive: Archive,
    pub lists: StudyLists,
    pub loaded: OnceLock<LoadedStudy>,
    /// What the headers say, by the series that were asked for.
    headers: Mutex<BTreeMap<[Option<String>; 2], Arc<LoadedStudy>>>,
}

impl Object for StudyObject {
    type Handle = dlnms_study;
    const NAME: &'static str = "dlnms_study";
}

impl StudyObject {
    pub fn new(archive: Archive) -> Self {
        Self {
            lists: StudyLists::default(),
            loaded: OnceLock::new(),
            headers: Mutex::default(),
            archive,
        }
    }

    pub fn load(
        &self,
        choice: SeriesChoice<'_>,
        progress: Option<&HostProgress>,
        cancel: &CancelToken,
    ) -> Result<()> {
        let again = || Error::invalid("study", "it is loaded already");
        if self.loaded.get().is_some() {
            return Err(again());
        }
        let one_at_a_time = Mutex::new(());
        let report = |done: usize, of: usize| {
            let _guard = lock(&one_at_a_time);
            progress.is_none_or(|p| p.report(DLNMS_PHASE_DECODE, done as f32 / of as f32))
        };
        let study = Study::load(&self.archive, &self.archive, choice, &report, cancel)?;
        self.loaded
            .set(LoadedStudy::new(study)?)
            .map_err(|_| again())
    }

    /// The volumes.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if the study was not loaded.
    pub fn loaded(&self) -> Result<&LoadedStudy> {
        self.loaded.get().ok_or_else(|| {
            Error::invalid(
                "study",
                "it was scanned but not loaded: dlnms_study_load() first",
            )
        })
    }

    /// Returns the CT and the PET without voxels. They stay where they are as long as the study lives.
    pub fn headers(&self, choice: SeriesChoice<'_>) -> Result<Arc<LoadedStudy>> {
        let wanted = [choice.ct, choice.pet].map(|uid| uid.map(str::to_owned));
        if let Some(known) = lock(&self.headers).get(&wanted) {
            return Ok(known.clone());
        }
        let made = Arc::new(LoadedStudy::new(Study::headers(&self.archive, choice)?)?);
        let mut headers = lock(&self.headers);
        Ok(headers.entry(wanted).or_insert(made).clone())
    }

    /// Series and ROIs, listed at the first call.
    pub fn inventory(&self) -> &Inventory {
        self.lists
            .inventory
            .get_or_init(|| Inventory::new(self.archive.inspect()))
    }

    /// Lists series and ROIs unless that was done.
    pub fn inspect(&self, cancel: &CancelToken) -> Result<()> {
        if self.lists.inventory.get().is_none() {
            let inventory = Inventory::new(self.archive.inspect_until(cancel)?);
            // Another thread may have been faster: the lists are the same.
            let _ = self.lists.inventory.set(inventory);
        }
        Ok(())
    }

    /// Returns the mask whose voxels begin here, if dlnms_study_roi_mask() gave it out.
    pub fn mask_at(&self, voxels: *const c_void) -> Option<Arc<RoiMask>> {
        let masks = lock(&self.lists.masks);
        let mut masks = masks.values();
        let found = masks.find(|m| std::ptr::eq(m.volume.data.as_ptr().cast(), voxels));
        found.cloned()
    }

    /// The mask of an ROI, which stays where it is as long as the study lives.
    pub fn mask(&self, index: usize, cancel: &CancelToken) -> Result<Arc<RoiMask>> {
        let masks = || lock(&self.lists.masks);
        if let Some(mask) = masks().get(&index) {
            return Ok(mask.clone());
        }
        let mask = self.archive.roi_mask(index, &[&self.archive], cancel)?;
        if let Some(loaded) = self.loaded.get() {
            mask.require_frame_of(loaded.study())?;
        }
        let mut masks = masks();
        let held = masks
            .values()
            .map(|m| m.volume.data.len() as u64)
            .sum::<u64>();
        let decoded = self.loaded.get().map_or(0, |l| l.decoded_bytes());
        let bytes = decoded + held + mask.volume.data.len() as u64;
        let what = "the study with the masks that it handed out";
        self.archive.options().check_study_bytes(bytes, what)?;
        Ok(masks.entry(index).or_insert_with(|| Arc::new(mask)).clone())
    }
}
