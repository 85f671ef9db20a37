//! Section "study cases": what a loaded study gives to a score.
// Without the readers the bodies below are left out, and what they alone use stays.
#![cfg_attr(not(feature = "dicom"), allow(unused_imports, unused_variables))]

#[cfg(feature = "dicom")]
use super::case::mask_voxels;
use super::case::{dlnms_case, dlnms_case_init, dlnms_roi};
use super::error::{dlnms_error, dlnms_status};
use super::guard::{guard_readers, guard_readers_or};
use super::handle;
use super::pet::dlnms_pet_info;
#[cfg(feature = "dicom")]
use super::pet::{raw_pet_info, slice_times};
use super::quality::{dlnms_facts, raw_facts};
use super::strings;
use super::structs;
#[cfg(feature = "dicom")]
use super::study::StudyObject;
use super::study::{DLNMS_MODALITY_CT, DLNMS_MODALITY_PET, dlnms_study};
use super::volume::{describe, dlnms_volume};
use crate::error::{Error, Result};
#[cfg(feature = "dicom")]
use crate::readers::dicom::Study;
use std::ffi::{CString, c_char};
use std::sync::Arc;

#[cfg(feature = "dicom")]
/// Decoded volumes, and the C structs that describe them.
pub(super) struct Loaded {
    /// What the structs' pointers lead to; never changed.
    study: Arc<Study>,
    /// Per-slice times as the C struct wants them.
    _times: [Vec<f64>; 3],
    ct: dlnms_volume,
    pet: dlnms_volume,
    pet_info: dlnms_pet_info,
    facts: dlnms_facts,
    /// The same for a mask of contours that were joined.
    facts_of_joined: dlnms_facts,
    warnings: Vec<CString>,
}

#[cfg(feature = "dicom")]
// SAFETY: the raw pointers lead into `study` and `_times`, which are owned, immutable and live as long.
unsafe impl Send for Loaded {}
#[cfg(feature = "dicom")]
// SAFETY: as above; nothing is ever written.
unsafe impl Sync for Loaded {}

#[cfg(feature = "dicom")]
impl Loaded {
    pub fn new(study: Study) -> Result<Self> {
        let study = Arc::new(study);
        let info = study.pet.pet_info.as_ref();
        let info = info.ok_or_else(|| Error::Internal("PET without its facts".into()))?;
        let times = slice_times(info);
        let mut joined = study.facts();
        joined.contours_overlap = Some(true);
        Ok(Self {
            ct: describe(&study.ct.volume),
            pet: describe(&study.pet.volume),
            pet_info: raw_pet_info(info, &times),
            facts: raw_facts(&study.facts(), size_of::<dlnms_facts>() as u32),
            facts_of_joined: raw_facts(&joined, size_of::<dlnms_facts>() as u32),
            warnings: study.warnings.iter().map(|w| strings::owned(w)).collect(),
            _times: times,
            study,
        })
    }

    /// The decoded study.
    pub(super) fn study(&self) -> &Study {
        &self.study
    }
}

#[cfg(feature = "dicom")]
impl Loaded {
    /// Returns the bytes of the CT and the PET.
    pub fn decoded_bytes(&self) -> u64 {
        (self.study.ct.volume.data.len() + self.study.pet.volume.data.len()) as u64
    }
}

#[cfg(feature = "dicom")]
impl StudyObject {
    fn loaded(&self) -> Result<&Loaded> {
        self.loaded.get().ok_or_else(|| {
            Error::invalid(
                "study",
                "it was scanned but not loaded: dlnms_study_load() first",
            )
        })
    }
}

/// Describe a volume of a loaded study. The pointers in `*out` live as long as the study. Any thread.
/// Errors: DLNMS_E_INVALID_ARGUMENT (modality; not loaded), DLNMS_E_STRUCT_SIZE.
///
/// # Safety
/// `out` is initialised; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_study_volume(
    study: *const dlnms_study,
    modality: u32,
    out: *mut dlnms_volume,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard_readers!(err, || {
        let object = handle::get::<StudyObject>(study)?;
        let loaded = object.loaded()?;
        let volume = match modality {
            DLNMS_MODALITY_CT => &loaded.ct,
            DLNMS_MODALITY_PET => &loaded.pet,
            other => {
                return Err(Error::invalid(
                    "modality",
                    format!("{other} is not a DLNMS_MODALITY_ constant"),
                ));
            }
        };
        // SAFETY: handed on from the caller.
        unsafe { structs::write(out, volume) }
    })
}

/// What SUV needs of a loaded study's PET. The pointers in `*out` live as long as the study. Any thread.
/// Errors: DLNMS_E_STRUCT_SIZE, DLNMS_E_INVALID_ARGUMENT (not loaded).
///
/// # Safety
/// `out` is initialised; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_study_pet_info(
    study: *const dlnms_study,
    out: *mut dlnms_pet_info,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard_readers!(err, || {
        let object = handle::get::<StudyObject>(study)?;
        // SAFETY: handed on from the caller.
        unsafe { structs::write(out, &object.loaded()?.pet_info) }
    })
}

/// Put a case together from a loaded study: its volumes, PET facts and quality facts, and the host's ROI. The pointers
/// in `*out` live as long as the study, but for `roi`, which stays the host's. A mask of dlnms_study_roi_mask() brings what
/// is known of its contours into the facts. `roi` may be NULL, for the host to set it later. Any thread.
/// Errors: DLNMS_E_STRUCT_SIZE, DLNMS_E_INVALID_ARGUMENT (not loaded), DLNMS_E_ROI_INVALID if the mask's frame of reference is
/// not that of the study.
///
/// # Safety
/// `roi` is NULL or initialised, its mask too if it is one; `out` is initialised; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_study_case(
    study: *const dlnms_study,
    roi: *const dlnms_roi,
    out: *mut dlnms_case,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard_readers!(err, || {
        let object = handle::get::<StudyObject>(study)?;
        let loaded = object.loaded()?;
        let mut raw = std::mem::MaybeUninit::<dlnms_case>::uninit();
        // SAFETY: init writes every byte of a struct of this size.
        let mut raw = unsafe {
            dlnms_case_init(raw.as_mut_ptr(), size_of::<dlnms_case>() as u32);
            raw.assume_init()
        };
        (raw.ct, raw.pet, raw.roi) = (&loaded.ct, &loaded.pet, roi);
        (raw.pet_info, raw.facts) = (&loaded.pet_info, &loaded.facts);
        // SAFETY: handed on from the caller.
        let voxels = unsafe { mask_voxels(roi) }?;
        if let Some(mask) = voxels.and_then(|v| object.mask_at(v)) {
            mask.require_frame_of(loaded.study())?;
            if mask.contours_overlap {
                raw.facts = &loaded.facts_of_joined;
            }
        }
        // SAFETY: handed on from the caller.
        unsafe { structs::write(out, &raw) }
    })
}

/// How many notes there are on a loaded study's series: what was passed over, what is unusual. 0 for a dead handle. Any
/// thread.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_study_warning_count(study: *const dlnms_study) -> usize {
    guard_readers_or!(0, || {
        let count = |s: handle::InUse<StudyObject>| s.loaded.get().map_or(0, |l| l.warnings.len());
        handle::get::<StudyObject>(study).map_or(0, count)
    })
}

/// One note; NULL beyond the last. Lives as long as the study. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_study_warning(study: *const dlnms_study, index: usize) -> *const c_char {
    guard_readers_or!(std::ptr::null(), || {
        let text = |s: handle::InUse<StudyObject>| {
            let warning = s.loaded.get().and_then(|l| l.warnings.get(index));
            warning.map_or(std::ptr::null(), |w| w.as_ptr())
        };
        handle::get::<StudyObject>(study).map_or(std::ptr::null(), text)
    })
}
