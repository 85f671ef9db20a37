//! Volumes in research formats: NIfTI-1 and NRRD, for masks, CT in HU and PET in SUV (or with a side-car of its tags).

mod nifti;
mod nrrd;

use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::reading::ReadOptions;
use crate::volume::Volume;
use std::path::Path;

/// Decoded volumes above this are refused: a 1024^3 volume of 16 bits is not.
const MAX_BYTES: u64 = 2 << 30;

/// What a file's name says it is.
#[derive(Clone, Copy, PartialEq)]
enum Format {
    Nifti,
    Nrrd,
}

fn format(path: &Path) -> Option<Format> {
    let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
    let ends = |suffixes: &[&str]| suffixes.iter().any(|s| name.ends_with(s));
    if ends(&[".nii", ".nii.gz"]) {
        Some(Format::Nifti)
    } else if ends(&[".nrrd", ".nhdr"]) {
        Some(Format::Nrrd)
    } else {
        None
    }
}

/// Whether a path is named like a volume that [`read`] takes.
pub fn is_volume(path: &Path) -> bool {
    format(path).is_some()
}

/// As [`read_with`] with the default options.
pub fn read(path: &Path) -> Result<Volume> {
    read_with(path, &ReadOptions::default(), &CancelToken::default())
}

/// Read a volume: `.nii`, `.nii.gz`, `.nrrd`, `.nhdr`. Coordinates become LPS; sheared grids are refused.
pub fn read_with(path: &Path, options: &ReadOptions, cancel: &CancelToken) -> Result<Volume> {
    let _ = (options, cancel);
    let Some(format) = format(path) else {
        return Err(Error::Unsupported(
            "volume files other than .nii, .nii.gz, .nrrd and .nhdr".into(),
        ));
    };
    let volume = match format {
        Format::Nifti => nifti::read(path),
        Format::Nrrd => nrrd::read(path),
    }?;
    volume.geometry().validate("file")?;
    Ok(volume)
}

/// Bytes of so many voxels, if they are not too many.
fn byte_count(dims: [usize; 3], size: usize) -> Result<usize, String> {
    dims.iter()
        .try_fold(size as u64, |n, d| n.checked_mul(*d as u64))
        .filter(|n| *n <= MAX_BYTES)
        .map(|n| n as usize)
        .ok_or_else(|| format!("{dims:?} voxels are too many"))
}

/// A file's voxels of `size` bytes, cut to their number and in native byte order.
fn voxels(mut data: Vec<u8>, bytes: usize, size: usize, swapped: bool) -> Result<Vec<u8>, String> {
    if data.len() < bytes {
        return Err(format!(
            "it has {} bytes of voxels, {bytes} are needed",
            data.len()
        ));
    }
    data.truncate(bytes);
    if swapped {
        data.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    }
    Ok(data)
}

/// Signed bytes, which [`DType`](crate::volume::DType) does not have, as signed words.
fn widened(bytes: &[u8]) -> Vec<u8> {
    let wide = bytes.iter().flat_map(|b| i16::from(*b as i8).to_ne_bytes());
    wide.collect()
}
