//! Section "study cases": what a loaded study gives to a score.
// Without the readers the bodies below are left out, and what they alone use stays.
#![cfg_attr(not(feature = "dicom"), allow(unused_imports, unused_variables))]

#[cfg(feature = "dicom")]
use super::case::mask_voxels;
use super::case::{dlnms_case, dlnms_case_init, dlnms_roi};
use super::case_context::dlnms_case_context;
use super::error_object::{dlnms_error, dlnms_status};
use super::guard::{guard_readers, guard_readers_or};
use super::handle;
use super::pet::dlnms_pet_info;
use super::structs;
use super::study_handle::dlnms_study;
#[cfg(feature = "dicom")]
use super::study_object::StudyObject;
use super::volume::dlnms_volume;
use std::ffi::c_char;

/// Describes a volume of a loaded study. The pointers in `out` live as long as the study.
///
/// # Safety
/// - `study`: a loaded study.
/// - `modality`: DLNMS_MODALITY_CT or DLNMS_MODALITY_PET.
/// - `out`: an initialised struct; receives the description.
///
/// # Errors
/// DLNMS_E_INVALID_ARGUMENT (modality; not loaded), DLNMS_E_STRUCT_SIZE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_study_volume(
    study: *const dlnms_study,
    modality: u32,
    out: *mut dlnms_volume,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard_readers!(err, || {
        let object = handle::get::<StudyObject>(study)?;
        let volume = object.loaded()?.volume(modality)?;
        // SAFETY: handed on from the caller.
        unsafe { structs::write(out, volume) }
    })
}

/// Returns the PET attributes of a loaded study. The pointers in `out` live as long as the study.
///
/// # Safety
/// - `study`: a loaded study.
/// - `out`: an initialised struct; receives the attributes.
///
/// # Errors
/// DLNMS_E_INVALID_ARGUMENT (not loaded), DLNMS_E_STRUCT_SIZE.
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

/// Fills a context with the UIDs of a loaded study, so that a host can add who asks. The pointers in `out` live as long as the study.
///
/// # Safety
/// - `study`: a loaded study.
/// - `out`: an initialised struct; receives the context.
///
/// # Errors
/// DLNMS_E_INVALID_ARGUMENT (not loaded), DLNMS_E_STRUCT_SIZE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_study_context(
    study: *const dlnms_study,
    out: *mut dlnms_case_context,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard_readers!(err, || {
        let object = handle::get::<StudyObject>(study)?;
        // SAFETY: handed on from the caller.
        unsafe { structs::write(out, &object.loaded()?.context) }
    })
}

/// Fills a case from a loaded study: its volumes, PET attributes, metadata and UIDs, and the host's ROI. If the ROI is a mask of
/// dlnms_study_roi_mask(), the metadata states whether its contours overlap. The pointers in `out` live as long as the study,
/// except `roi`, which belongs to the host.
///
/// # Safety
/// - `study`: a loaded study.
/// - `roi`: an initialised ROI, stored as a pointer; NULL if the host sets it later.
/// - `out`: an initialised struct; receives the case.
///
/// # Errors
/// DLNMS_E_INVALID_ARGUMENT (not loaded), DLNMS_E_STRUCT_SIZE, DLNMS_E_ROI_INVALID if the mask's frame of reference is not that
/// of the study.
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
        (raw.pet_info, raw.metadata) = (&loaded.pet_info, &loaded.metadata);
        raw.study = study;
        raw.context = &loaded.context;
        // SAFETY: handed on from the caller.
        let voxels = unsafe { mask_voxels(roi) }?;
        if let Some(mask) = voxels.and_then(|v| object.mask_at(v)) {
            mask.require_frame_of(loaded.study())?;
            if mask.contours_overlap {
                raw.metadata = &loaded.metadata_of_joined;
            }
        }
        // SAFETY: handed on from the caller.
        unsafe { structs::write(out, &raw) }
    })
}

/// Returns the number of warnings about a loaded study's series: what was skipped and what is unusual.
///
/// # Parameters
/// - `study`: the study; 0 is returned for a dead one.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_study_warning_count(study: *const dlnms_study) -> usize {
    guard_readers_or!(0, || {
        let count = |s: handle::InUse<StudyObject>| s.loaded.get().map_or(0, |l| l.warnings.len());
        handle::get::<StudyObject>(study).map_or(0, count)
    })
}

/// Returns one warning as a sentence, or NULL beyond the last. The text lives as long as the study.
///
/// # Parameters
/// - `study`: the study.
/// - `index`: from 0 to dlnms_study_warning_count() - 1.
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
