//! Section "volume files": NIfTI and NRRD for hosts that have no reader.

use super::error::{dlnms_error, dlnms_status};
use super::guard::{guard, guard_or};
use super::handle::{self, Object};
use super::strings;
use super::structs;
use super::volume::{describe, dlnms_volume};
use crate::error::Error;
use crate::files;
use crate::volume::Volume;
use std::ffi::c_char;
use std::path::Path;

/// A volume read from a file: a mask, a CT in HU, a PET in SUV.
pub struct dlnms_volume_file {
    _private: [u8; 0],
}

struct VolumeFileObject(Volume);

impl Object for VolumeFileObject {
    type Handle = dlnms_volume_file;
    const NAME: &'static str = "dlnms_volume_file";
}

/// Read a volume: .nii, .nii.gz, .nrrd or .nhdr. Coordinates become LPS.
///
/// Free `*out` with dlnms_volume_file_free(). Any thread.
/// Errors: DLNMS_E_NIFTI, DLNMS_E_NRRD, DLNMS_E_UNSUPPORTED, DLNMS_E_VOLUME_GEOMETRY.
///
/// # Safety
/// `path` is a NUL-terminated UTF-8 string; `out` is writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_volume_file_open(
    path: *const c_char,
    out: *mut *mut dlnms_volume_file,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        if out.is_null() {
            return Err(Error::NullArgument("out"));
        }
        // SAFETY: handed on from the caller.
        let path = unsafe { strings::borrow(path, "path") }?;
        let volume = files::read(Path::new(path))?;
        // SAFETY: not NULL, writable by the caller's promise.
        unsafe { out.write(handle::register(VolumeFileObject(volume))) };
        Ok(())
    })
}

/// Describe the volume. The pointers in `*out` live as long as the file's handle. Any thread.
/// Errors: DLNMS_E_STRUCT_SIZE.
///
/// # Safety
/// `out` is initialised; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_volume_file_volume(
    file: *const dlnms_volume_file,
    out: *mut dlnms_volume,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        let file = handle::get::<VolumeFileObject>(file)?;
        // SAFETY: handed on from the caller.
        unsafe { structs::write(out, &describe(&file.0)) }
    })
}

/// Free a volume. NULL does nothing. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_volume_file_free(file: *mut dlnms_volume_file) {
    guard_or((), || handle::free::<VolumeFileObject>(file));
}
