//! Section "volume files": NIfTI and NRRD for hosts that have no reader.
// Without the readers the bodies below are left out, and what they alone use stays.
#![cfg_attr(not(feature = "dicom"), allow(unused_imports, unused_variables))]

use super::cancel::{dlnms_cancel, token};
use super::error_object::{dlnms_error, dlnms_status};
use super::guard::{guard_readers, guard_readers_or};
use super::handle::{self, Object};
use super::pet::dlnms_pet_info;
#[cfg(feature = "dicom")]
use super::pet::{raw_pet_info, slice_times};
use super::strings;
use super::structs;
use super::study::dlnms_read_options;
#[cfg(feature = "dicom")]
use super::study::read_options;
use super::volume::{describe, dlnms_volume};
use crate::error::Error;
use crate::imaging::Volume;
use crate::imaging::suv::PetInfo;
#[cfg(feature = "dicom")]
use crate::readers;
#[cfg(feature = "dicom")]
use crate::readers::dicom::pet_info_from_file;
use std::ffi::c_char;
use std::path::Path;
use std::sync::Mutex;

/// A volume read from a file: a mask, a CT in HU, a PET in SUV.
pub struct dlnms_volume_file {
    _private: [u8; 0],
}

#[cfg(feature = "dicom")]
struct VolumeFileObject {
    volume: Volume,
    /// What pointers of the host lead into; only ever added to.
    tags: Mutex<Vec<(PetInfo, [Vec<f64>; 3])>>,
}

#[cfg(feature = "dicom")]
impl Object for VolumeFileObject {
    type Handle = dlnms_volume_file;
    const NAME: &'static str = "dlnms_volume_file";
}

/// Reads a volume from a .nii, .nii.gz, .nrrd or .nhdr file. Coordinates become LPS.
///
/// # Safety
/// - `path`: a NUL-terminated UTF-8 string.
/// - `options`: an initialised struct, of which `max_study_bytes` is used; NULL: the defaults.
/// - `cancel`: a token; may be NULL. The call ends within 100 ms after it is triggered.
/// - `out`: receives the file's handle; free it with dlnms_volume_file_free().
///
/// # Errors
/// DLNMS_E_NIFTI, DLNMS_E_NRRD, DLNMS_E_UNSUPPORTED, DLNMS_E_VOLUME_GEOMETRY, DLNMS_E_CANCELLED, DLNMS_E_OUT_OF_MEMORY,
/// DLNMS_E_RESOURCES (too many open files), DLNMS_E_INVALID_ARGUMENT (max_study_bytes).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_volume_file_open(
    path: *const c_char,
    options: *const dlnms_read_options,
    cancel: *const dlnms_cancel,
    out: *mut *mut dlnms_volume_file,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard_readers!(err, || {
        if out.is_null() {
            return Err(Error::NullArgument("out"));
        }
        // SAFETY: handed on from the caller.
        let path = unsafe { strings::borrow(path, "path") }?;
        // SAFETY: handed on from the caller.
        let options = unsafe { read_options(options) }?;
        let object = VolumeFileObject {
            volume: readers::read_with(Path::new(path), &options, &token(cancel)?)?,
            tags: Mutex::default(),
        };
        // SAFETY: not NULL, writable by the caller's promise.
        unsafe { out.write(handle::register(object)) };
        Ok(())
    })
}

/// Describes the volume of a file. The pointers in `out` live as long as the file's handle.
///
/// # Safety
/// - `file`: the handle.
/// - `out`: an initialised struct; receives the description.
///
/// # Errors
/// DLNMS_E_STRUCT_SIZE, DLNMS_E_INVALID_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_volume_file_volume(
    file: *const dlnms_volume_file,
    out: *mut dlnms_volume,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard_readers!(err, || {
        let file = handle::get::<VolumeFileObject>(file)?;
        // SAFETY: handed on from the caller.
        unsafe { structs::write(out, &describe(&file.volume)) }
    })
}

/// Reads the SUV attributes of a PET volume from a side-car: JSON of DICOM keywords and values, for example
/// {"Units": "BQML", "DecayCorrection": "START", "CorrectedImage": ["ATTN"], "PatientWeight": 91, ...}. A list with as many
/// values as there are slices gives each slice its own. The pointers in `out` live as long as the file's handle.
///
/// # Safety
/// - `file`: the handle of the PET volume.
/// - `path`: a NUL-terminated UTF-8 string: the side-car.
/// - `out`: an initialised struct; receives the attributes.
///
/// # Errors
/// DLNMS_E_SUV with the keyword, DLNMS_E_STRUCT_SIZE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_volume_file_pet_info(
    file: *const dlnms_volume_file,
    path: *const c_char,
    out: *mut dlnms_pet_info,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard_readers!(err, || {
        let file = handle::get::<VolumeFileObject>(file)?;
        // SAFETY: handed on from the caller.
        let path = unsafe { strings::borrow(path, "path") }?;
        let info = pet_info_from_file(Path::new(path), file.volume.dims[2])?;
        let times = slice_times(&info);
        // Moving them into the list leaves what the pointers lead to where it is: on the heap.
        let raw = raw_pet_info(&info, &times);
        // SAFETY: handed on from the caller.
        unsafe { structs::write(out, &raw) }?;
        let mut tags = crate::lock::lock(&file.tags);
        tags.push((info, times));
        Ok(())
    })
}

/// Frees a volume file with its voxels.
///
/// # Parameters
/// - `file`: the handle; NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_volume_file_free(file: *mut dlnms_volume_file) {
    guard_readers_or!((), || handle::free::<VolumeFileObject>(file));
}
