//! DICOM files and folders -> volumes and PET facts. The only place that knows tags.

mod attributes;
mod choose;
mod grid;
mod inspect;
mod instance;
mod meta;
mod pet;
mod pixels;
pub mod rtstruct;
mod seg;
mod series;
mod structure;
mod time;

pub use inspect::{Inspection, SeriesSummary, SuvSummary, inspect};
pub use seg::{Segment, Segmentation};
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
        let ct_found = scan(ct, cancel)?;
        let pet_found = if pet == ct {
            None
        } else {
            Some(scan(pet, cancel)?)
        };
        let mut warnings = ct_found.warnings.clone();
        warnings.extend(pet_found.iter().flat_map(|f| f.warnings.clone()));
        let pet_instances = &pet_found.as_ref().unwrap_or(&ct_found).instances;
        let pet = series::load(pet_instances, Modality::Pt, progress, cancel)?;
        let ct = series::load(&ct_found.instances, Modality::Ct, progress, cancel)?;
        warnings.extend(pet.warnings.iter().chain(&ct.warnings).cloned());
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
    let found = scan(paths, cancel)?;
    let mut series = series::load(&found.instances, modality, progress, cancel)?;
    series.warnings.extend(found.warnings);
    Ok(series)
}

/// Stored values of one single-frame image file, native byte order, with columns and rows.
pub fn decode_file(path: &Path) -> Result<(Vec<u8>, [usize; 2])> {
    let instance = Instance::read(path)?.ok_or_else(|| {
        Error::DicomRead(format!(
            "{} is not a DICOM image",
            instance::file_name(path)
        ))
    })?;
    Ok((
        pixels::decode(&instance)?,
        [instance.columns, instance.rows],
    ))
}

/// Folders this deep below the given one are searched; no archive nests deeper, and a loop ends.
const MAX_DEPTH: usize = 16;

/// What was found among files and folders.
struct Found {
    /// Headers of all images, in a stable order.
    instances: Vec<Instance>,
    /// DICOM files that cannot be read.
    warnings: Vec<String>,
}

fn scan(paths: &[PathBuf], cancel: &CancelToken) -> Result<Found> {
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
    let mut found = Found {
        instances: Vec::with_capacity(files.len()),
        warnings: Vec::new(),
    };
    for file in &files {
        if cancel.is_triggered() {
            return Err(Error::Cancelled);
        }
        match Instance::read(file) {
            Ok(instance) => found.instances.extend(instance),
            Err(e) => found.warnings.push(format!("left out: {e}")),
        }
    }
    if found.instances.is_empty() {
        let why = found
            .warnings
            .first()
            .map(|w| format!("; {w}"))
            .unwrap_or_default();
        return Err(Error::DicomRead(format!(
            "none of {} files is a DICOM image{why}",
            files.len()
        )));
    }
    Ok(found)
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
