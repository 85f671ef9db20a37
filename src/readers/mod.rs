//! Volumes in research formats: NIfTI-1 and NRRD, for masks, CT in HU and PET in SUV (or with a side-car of its tags).
//!
//! Every header field that decides values or positions is honoured, or refused by its name.

pub mod dicom;
mod gzip;
mod nifti;
mod nrrd;
mod voxel_stream;

use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::imaging::Volume;
use crate::reading::ReadOptions;
use std::path::Path;
use voxel_stream::Reading;

/// What a file's name says it is.
#[derive(Clone, Copy, PartialEq)]
enum Format {
    Nifti,
    NiftiGzip,
    Nrrd,
}

fn format(path: &Path) -> Option<Format> {
    let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
    let ends = |suffixes: &[&str]| suffixes.iter().any(|s| name.ends_with(s));
    if ends(&[".nii"]) {
        Some(Format::Nifti)
    } else if ends(&[".nii.gz"]) {
        Some(Format::NiftiGzip)
    } else if ends(&[".nrrd", ".nhdr"]) {
        Some(Format::Nrrd)
    } else {
        None
    }
}

/// Returns whether a path is named like a volume that [`read`] takes.
pub fn is_volume(path: &Path) -> bool {
    format(path).is_some()
}

/// Reads a volume with the default [`ReadOptions`].
pub fn read(path: &Path) -> Result<Volume> {
    read_with(path, &ReadOptions::default(), &CancelToken::default())
}

/// Reads a volume: `.nii`, `.nii.gz`, `.nrrd`, `.nhdr`. Coordinates become LPS; sheared grids are refused. Of the options,
/// the bytes of a study count.
///
/// # Errors
/// [`Error::Nifti`] and [`Error::Nrrd`] name the field at fault; [`Error::VolumeGeometry`], [`Error::OutOfMemory`],
/// [`Error::Resources`], [`Error::Cancelled`].
pub fn read_with(path: &Path, options: &ReadOptions, cancel: &CancelToken) -> Result<Volume> {
    let Some(format) = format(path) else {
        return Err(Error::Unsupported(
            "volume files other than .nii, .nii.gz, .nrrd and .nhdr".into(),
        ));
    };
    let reading = Reading { options, cancel };
    let volume = match format {
        Format::Nrrd => nrrd::read(path, &reading).map_err(|e| e.into_error(Error::Nrrd)),
        nifti => nifti::read(path, nifti == Format::NiftiGzip, &reading)
            .map_err(|e| e.into_error(Error::Nifti)),
    }?;
    volume.grid().validate("file")?;
    Ok(volume)
}
