//! DICOM files and folders -> volumes and PET facts. The only place that knows tags.

mod attributes;
mod instance;
mod pet;
mod pixels;
mod series;
mod time;

pub use series::{Modality, Series, SliceProgress};

use crate::error::{Error, Result};
use crate::roi::Roi;
use crate::scorer::{CancelToken, Case};
use instance::Instance;
use std::path::{Path, PathBuf};

/// A PET/CT study: the chosen CT and PET series, decoded.
#[derive(Clone, Debug)]
pub struct Study {
    /// The CT.
    pub ct: Series,
    /// The PET.
    pub pet: Series,
    /// Notes on both and on how they fit together.
    pub warnings: Vec<String>,
}

impl Study {
    /// Read the CT from `ct` and the PET from `pet`: files or folders, searched recursively; they may be the same.
    ///
    /// `progress` hears of decoded slices of both series together and is called from the decoding threads.
    pub fn open(
        ct: &[PathBuf],
        pet: &[PathBuf],
        progress: SliceProgress,
        cancel: &CancelToken,
    ) -> Result<Self> {
        let ct_instances = scan(ct, cancel)?;
        let pet_instances = if pet == ct {
            None
        } else {
            Some(scan(pet, cancel)?)
        };
        let pet_instances = pet_instances.as_ref().unwrap_or(&ct_instances);
        let pet = series::load(pet_instances, Modality::Pt, progress, cancel)?;
        let ct = series::load(&ct_instances, Modality::Ct, progress, cancel)?;
        let mut warnings = [pet.warnings.clone(), ct.warnings.clone()].concat();
        if ct.frame_of_reference.is_some() && ct.frame_of_reference != pet.frame_of_reference {
            warnings.push(
                "PET and CT have different frames of reference: their alignment is not known"
                    .into(),
            );
        }
        Ok(Self { ct, pet, warnings })
    }

    /// A case of this study for a tumour.
    pub fn case<'a>(&'a self, roi: Roi<'a>) -> Result<Case<'a>> {
        Ok(Case {
            ct: self.ct.volume.view("ct")?,
            pet: self.pet.volume.view("pet")?,
            pet_info: self.pet.pet_info.as_ref(),
            roi,
        })
    }
}

/// Decode one series of a modality from files or folders.
pub fn open_series(
    paths: &[PathBuf],
    modality: Modality,
    progress: SliceProgress,
    cancel: &CancelToken,
) -> Result<Series> {
    series::load(&scan(paths, cancel)?, modality, progress, cancel)
}

/// Folders this deep below the given one are searched; no archive nests deeper, and a loop ends.
const MAX_DEPTH: usize = 16;

/// Headers of all DICOM images among files and folders, in a stable order.
fn scan(paths: &[PathBuf], cancel: &CancelToken) -> Result<Vec<Instance>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.exists() {
            return Err(Error::DicomRead(format!(
                "{} does not exist",
                instance::file_name(path)
            )));
        }
        collect(path, 0, &mut files);
    }
    files.sort();
    files.dedup();
    let mut instances = Vec::with_capacity(files.len());
    for file in &files {
        if cancel.is_triggered() {
            return Err(Error::Cancelled);
        }
        instances.extend(Instance::read(file));
    }
    if instances.is_empty() {
        return Err(Error::DicomRead(format!(
            "none of {} files is a DICOM image",
            files.len()
        )));
    }
    Ok(instances)
}

fn collect(path: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    if path.is_file() {
        files.push(path.to_owned());
    } else if depth < MAX_DEPTH
        && let Ok(entries) = path.read_dir()
    {
        for entry in entries.flatten() {
            // A link to a folder may lead in circles; the folders themselves are enough.
            let follow = entry
                .file_type()
                .is_ok_and(|t| !t.is_symlink() || entry.path().is_file());
            if follow {
                collect(&entry.path(), depth + 1, files);
            }
        }
    }
}
