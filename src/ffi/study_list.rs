//! Section "study lists": what a study holds.
// Without the readers the bodies below are left out, and what they alone use stays.
#![cfg_attr(not(feature = "dicom"), allow(unused_imports, unused_variables))]

use super::cancel::{dlnms_cancel, token};
use super::error_object::{dlnms_error, dlnms_status};
use super::guard::{guard_readers, guard_readers_or};
use super::handle;
use super::strings;
use super::structs::{self, Versioned, versioned};
use super::study_handle::{DLNMS_MODALITY_CT, DLNMS_MODALITY_PET, dlnms_study};
#[cfg(feature = "dicom")]
use super::study_object::StudyObject;
use super::volume::{describe, dlnms_volume};
use crate::error::Error;
#[cfg(feature = "dicom")]
use crate::readers::dicom::RoiKind;
use std::ffi::{CString, c_char};

/// Contours of an RT Structure Set.
pub const DLNMS_ROI_SOURCE_RTSTRUCT: u32 = 1;
/// A segment of a DICOM Segmentation.
pub const DLNMS_ROI_SOURCE_SEG: u32 = 2;

#[cfg(feature = "dicom")]
fn pointer(text: &Option<CString>) -> *const c_char {
    text.as_ref().map_or(std::ptr::null(), |t| t.as_ptr())
}

/// One series of a study; fill with dlnms_series_init(). Texts live as long as
/// the study.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_series {
    /// Size of the struct in bytes, set by dlnms_series_init().
    pub struct_size: u32,
    /// DLNMS_MODALITY_CT or DLNMS_MODALITY_PET.
    pub modality: u32,
    /// Number of images.
    pub slices: u64,
    /// Number of columns of an image.
    pub columns: u64,
    /// Number of rows of an image.
    pub rows: u64,
    /// Series Instance UID.
    pub uid: *const c_char,
    /// Not 0: loading by rule would use it.
    pub chosen: u32,
    /// Not 0: `suv_factor` is set.
    pub has_suv: u32,
    /// Why loading by rule would not use it; NULL if it would.
    pub rejected_because: *const c_char,
    /// PET: SUVbw factor of the first slice.
    pub suv_factor: f64,
    /// PET: the rule that gave the factor; NULL if there is none.
    pub suv_rule: *const c_char,
    /// PET: why there is no factor; NULL if there is one.
    pub suv_refusal: *const c_char,
}

versioned!(dlnms_series, 80, { struct_size, modality, slices, columns, rows, uid, chosen, has_suv, rejected_because, suv_factor, suv_rule, suv_refusal } reserved {  });

/// Sets every field of a series to 0 and its struct_size to `struct_size`.
///
/// # Safety
/// - `series`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_series) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_series_init(series: *mut dlnms_series, struct_size: u32) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init_zero(series, struct_size) };
}

/// Makes the lists of series and ROIs. Every ROI is rasterized on its grid for this, which may take a second. The functions that
/// list do the same at their first call; this one can be cancelled.
///
/// # Safety
/// - `study`: the study.
/// - `cancel`: a token; may be NULL.
///
/// # Errors
/// DLNMS_E_CANCELLED, DLNMS_E_INVALID_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_study_inspect(
    study: *const dlnms_study,
    cancel: *const dlnms_cancel,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard_readers!(err, || {
        let study = handle::get::<StudyObject>(study)?;
        study.inspect(&token(cancel)?)
    })
}

/// Returns the number of CT and PET series. CT series come first.
///
/// # Parameters
/// - `study`: the study; 0 is returned for a dead one.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_study_series_count(study: *const dlnms_study) -> usize {
    guard_readers_or!(0, || {
        handle::get::<StudyObject>(study).map_or(0, |s| s.inventory().series.len())
    })
}

/// Describes one series.
///
/// # Safety
/// - `study`: the study.
/// - `index`: from 0 to dlnms_study_series_count() - 1.
/// - `out`: an initialised struct; receives the description. Its texts live as long as the study.
///
/// # Errors
/// DLNMS_E_INVALID_ARGUMENT (index), DLNMS_E_STRUCT_SIZE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_study_series(
    study: *const dlnms_study,
    index: usize,
    out: *mut dlnms_series,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard_readers!(err, || {
        let study = handle::get::<StudyObject>(study)?;
        let inventory = study.inventory();
        let (Some(s), Some(texts)) = (
            inventory.inspection.series.get(index),
            inventory.series.get(index),
        ) else {
            return Err(beyond(index, inventory.series.len(), "series"));
        };
        let factor = s.suv.as_ref().and_then(|v| v.factor);
        let raw = dlnms_series {
            struct_size: size_of::<dlnms_series>() as u32,
            modality: match s.modality {
                "CT" => DLNMS_MODALITY_CT,
                _ => DLNMS_MODALITY_PET,
            },
            slices: s.slices as u64,
            columns: s.matrix[0] as u64,
            rows: s.matrix[1] as u64,
            uid: pointer(&texts[0]),
            chosen: u32::from(s.chosen),
            has_suv: u32::from(factor.is_some()),
            rejected_because: pointer(&texts[1]),
            suv_factor: factor.unwrap_or(0.0),
            suv_rule: pointer(&texts[2]),
            suv_refusal: pointer(&texts[3]),
        };
        // SAFETY: handed on from the caller.
        unsafe { structs::write(out, &raw) }
    })
}

#[cfg(feature = "dicom")]
fn beyond(index: usize, n: usize, what: &str) -> Error {
    Error::invalid("index", format!("{index}, there are {n} {what}"))
}

/// One ROI of a study; fill with dlnms_roi_info_init(). Texts live as long as
/// the study.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_roi_info {
    /// Size of the struct in bytes, set by dlnms_roi_info_init().
    pub struct_size: u32,
    /// A DLNMS_ROI_SOURCE_ constant.
    pub source: u32,
    /// ROI Number or Segment Number.
    pub number: i64,
    /// ROI Name or Segment Label.
    pub name: *const c_char,
    /// Name of the file it is in; "file 17" for one inside a folder, unless the scan's options ask for names.
    pub file: *const c_char,
    /// Number of voxels in its mask.
    pub voxels: u64,
    /// Volume of the mask, ml.
    pub ml: f64,
    /// Centroid of the mask, LPS mm.
    pub centroid_lps_mm: [f64; 3],
    /// Why it has no mask; NULL if it has one.
    pub refusal: *const c_char,
    /// Not 0: contours of one plane overlap in part and were joined; dlnms_study_case() states it in the metadata.
    pub contours_overlap: u32,
    /// Not 0: it has a mask, and `voxels`, `ml` and `centroid_lps_mm` are set.
    pub has_mask: u32,
}

versioned!(dlnms_roi_info, 88, { struct_size, source, number, name, file, voxels, ml, centroid_lps_mm, refusal, contours_overlap, has_mask } reserved {  });

/// Sets every field of an ROI description to 0 and its struct_size to `struct_size`.
///
/// # Safety
/// - `info`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_roi_info) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_roi_info_init(info: *mut dlnms_roi_info, struct_size: u32) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init_zero(info, struct_size) };
}

/// Returns the number of ROIs. Those of structure sets come first. The first call rasterizes every ROI, which may take a second.
///
/// # Parameters
/// - `study`: the study; 0 is returned for a dead one.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_study_roi_count(study: *const dlnms_study) -> usize {
    guard_readers_or!(0, || {
        handle::get::<StudyObject>(study).map_or(0, |s| s.inventory().rois.len())
    })
}

/// Describes one ROI.
///
/// # Safety
/// - `study`: the study.
/// - `index`: from 0 to dlnms_study_roi_count() - 1.
/// - `out`: an initialised struct; receives the description. Its texts live as long as the study.
///
/// # Errors
/// DLNMS_E_INVALID_ARGUMENT (index), DLNMS_E_STRUCT_SIZE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_study_roi(
    study: *const dlnms_study,
    index: usize,
    out: *mut dlnms_roi_info,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard_readers!(err, || {
        let study = handle::get::<StudyObject>(study)?;
        let inventory = study.inventory();
        let (Some(r), Some(texts)) = (
            inventory.inspection.rois.get(index),
            inventory.rois.get(index),
        ) else {
            return Err(beyond(index, inventory.rois.len(), "ROIs"));
        };
        let raw = dlnms_roi_info {
            struct_size: size_of::<dlnms_roi_info>() as u32,
            source: r.kind as u32,
            number: r.number,
            name: pointer(&texts[0]),
            file: pointer(&texts[1]),
            voxels: r.voxels.unwrap_or(0) as u64,
            ml: r.ml.unwrap_or(0.0),
            centroid_lps_mm: r.centroid_lps_mm.unwrap_or_default(),
            refusal: pointer(&texts[2]),
            contours_overlap: u32::from(r.contours_overlap),
            has_mask: u32::from(r.voxels.is_some()),
        };
        // SAFETY: handed on from the caller.
        unsafe { structs::write(out, &raw) }
    })
}

/// Describes the mask of one ROI, for dlnms_roi.mask. Contours are rasterized on the series that they were drawn on.
///
/// # Safety
/// - `study`: the study.
/// - `index`: from 0 to dlnms_study_roi_count() - 1.
/// - `cancel`: ends the call within 100 ms after it is triggered; may be NULL.
/// - `out`: an initialised struct; receives the mask. Its pointers live as long as the study.
///
/// # Errors
/// DLNMS_E_ROI_INVALID, DLNMS_E_ROI_EMPTY, DLNMS_E_INVALID_ARGUMENT (index), DLNMS_E_STRUCT_SIZE, DLNMS_E_CANCELLED,
/// DLNMS_E_OUT_OF_MEMORY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_study_roi_mask(
    study: *const dlnms_study,
    index: usize,
    cancel: *const dlnms_cancel,
    out: *mut dlnms_volume,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard_readers!(err, || {
        let study = handle::get::<StudyObject>(study)?;
        let mask = study.mask(index, &token(cancel)?)?;
        // SAFETY: handed on from the caller.
        unsafe { structs::write(out, &describe(&mask.volume)) }
    })
}

/// Writes the series and ROIs of a study as JSON, as `dlnms inspect --json` prints them.
///
/// # Safety
/// - `study`: the study.
/// - `buffer`: receives the text with its NUL; has room for `capacity` bytes. May be NULL if `capacity` is 0.
/// - `capacity`: size of `buffer` in bytes; 0 asks for the length alone.
/// - `needed`: receives the length with the NUL, also on DLNMS_E_BUFFER_TOO_SMALL; may be NULL if `capacity` is not 0.
///
/// # Errors
/// DLNMS_E_BUFFER_TOO_SMALL, DLNMS_E_INVALID_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_study_json(
    study: *const dlnms_study,
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard_readers!(err, || {
        let study = handle::get::<StudyObject>(study)?;
        let json = study.inventory().json.as_bytes_with_nul();
        // SAFETY: handed on from the caller; c_char and u8 have one size.
        unsafe { strings::fill(json, buffer.cast(), capacity, needed) }
    })
}

const _: () = {
    let wide = cfg!(target_pointer_width = "64");
    assert!(!wide || size_of::<dlnms_series>() == <dlnms_series as Versioned>::V1_SIZE);
    assert!(!wide || size_of::<dlnms_roi_info>() == <dlnms_roi_info as Versioned>::V1_SIZE);
};

#[cfg(feature = "dicom")]
const _: () = {
    assert!(DLNMS_ROI_SOURCE_RTSTRUCT == RoiKind::Contours as u32);
    assert!(DLNMS_ROI_SOURCE_SEG == RoiKind::Segment as u32);
};
