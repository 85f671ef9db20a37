//! Section "study headers": what the headers of a study say, for a host that has the voxels itself.
// Without the readers the bodies below are left out, and what they alone use stays.
#![cfg_attr(not(feature = "dicom"), allow(unused_imports, unused_variables))]

use super::error_object::{dlnms_error, dlnms_status};
use super::guard::guard_readers;
use super::handle;
use super::pet::dlnms_pet_info;
use super::quality::dlnms_case_metadata;
use super::structs;
use super::study::dlnms_series_choice;
#[cfg(feature = "dicom")]
use super::study::series_choice;
use super::study_handle::dlnms_study;
#[cfg(feature = "dicom")]
use super::study_object::StudyObject;
use super::volume::dlnms_volume;

/// Returns what makes SUV of the PET's values, from the headers of a scanned study: no pixel is decoded, and the study need not
/// be loaded. The slices are in the order of dlnms_volume_from_dicom(). The pointers in `out` live as long as the study.
///
/// # Safety
/// - `study`: a study of dlnms_study_scan() or dlnms_study_scan_buffers().
/// - `choice`: an initialised struct; NULL: by rule, as in dlnms_study_load().
/// - `out`: an initialised struct; receives the attributes.
///
/// # Errors
/// DLNMS_E_DICOM_NO_SERIES, DLNMS_E_DICOM_SERIES, DLNMS_E_SUV, DLNMS_E_STRUCT_SIZE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_pet_info_from_dicom(
    study: *const dlnms_study,
    choice: *const dlnms_series_choice,
    out: *mut dlnms_pet_info,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard_readers!(err, || {
        // SAFETY: handed on from the caller.
        let choice = unsafe { series_choice(choice) }?;
        let headers = handle::get::<StudyObject>(study)?.headers(choice)?;
        // SAFETY: handed on from the caller.
        unsafe { structs::write(out, &headers.pet_info) }
    })
}

/// Compares the headers of the CT and the PET of a scanned study: whether they belong to one patient, one study and one frame of
/// reference, and what else the quality checks may know. No name or number of a patient is given out.
///
/// # Safety
/// - `study`: a study of dlnms_study_scan() or dlnms_study_scan_buffers().
/// - `choice`: an initialised struct; NULL: by rule, as in dlnms_study_load().
/// - `out`: an initialised struct; receives the metadata.
///
/// # Errors
/// Those of dlnms_pet_info_from_dicom().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_case_metadata_from_dicom(
    study: *const dlnms_study,
    choice: *const dlnms_series_choice,
    out: *mut dlnms_case_metadata,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard_readers!(err, || {
        // SAFETY: handed on from the caller.
        let choice = unsafe { series_choice(choice) }?;
        let headers = handle::get::<StudyObject>(study)?.headers(choice)?;
        // SAFETY: handed on from the caller.
        unsafe { structs::write(out, &headers.metadata) }
    })
}

/// Describes a volume of a scanned study as loading would: dimensions, grid, uneven slices, rescaling and padding of the stored
/// values; `data` is NULL. A host compares its own volume with it, and takes `slice_offsets` from it where its own has even steps.
/// The pointers in `out` live as long as the study.
///
/// # Safety
/// - `study`: a study of dlnms_study_scan() or dlnms_study_scan_buffers().
/// - `choice`: an initialised struct; NULL: by rule, as in dlnms_study_load().
/// - `modality`: DLNMS_MODALITY_CT or DLNMS_MODALITY_PET.
/// - `out`: an initialised struct; receives the description.
///
/// # Errors
/// Those of dlnms_pet_info_from_dicom(); DLNMS_E_INVALID_ARGUMENT (modality).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_volume_from_dicom(
    study: *const dlnms_study,
    choice: *const dlnms_series_choice,
    modality: u32,
    out: *mut dlnms_volume,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard_readers!(err, || {
        // SAFETY: handed on from the caller.
        let choice = unsafe { series_choice(choice) }?;
        let headers = handle::get::<StudyObject>(study)?.headers(choice)?;
        let mut volume = *headers.volume(modality)?;
        volume.data = std::ptr::null();
        // SAFETY: handed on from the caller.
        unsafe { structs::write(out, &volume) }
    })
}
