//! Any mix of files, folders and buffers: read once, headers only, then asked for series and ROIs.

use super::instance::Instance;
use super::pixels;
use super::rtstruct::StructureSet;
use super::seg::Segmentation;
use super::series::{Modality, Plan, Series, SliceProgress};
use super::source::{DicomFile, Source};
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::parallel;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Folders this deep below the given one are searched; no archive nests deeper, and a loop ends.
const MAX_DEPTH: usize = 16;

/// What was found among files, folders and buffers. Pixels are read when a series is loaded.
#[derive(Default)]
pub struct Archive {
    pub(super) images: Vec<Instance>,
    /// Structure sets, in a stable order.
    pub structure_sets: Vec<StructureSet>,
    /// Segmentations, in a stable order.
    pub segmentations: Vec<Segmentation>,
    /// DICOM files that cannot be read.
    pub warnings: Vec<String>,
}

impl Archive {
    /// Read the headers of files and folders, which are searched recursively, on all cores.
    pub fn open(paths: &[PathBuf], cancel: &CancelToken) -> Result<Self> {
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        for path in paths {
            if !path.exists() {
                let name = Source::File(path.clone()).name();
                return Err(Error::DicomRead(format!("{name} does not exist")));
            }
            collect(path, 0, &mut files, &mut folders);
        }
        files.sort();
        files.dedup();
        let warning = |folder| {
            let name = Source::File(folder).name();
            format!("left out: the folder {name} cannot be read")
        };
        let mut archive = Self::read(files.into_iter().map(Source::File).collect(), cancel)?;
        archive.warnings.extend(folders.into_iter().map(warning));
        Ok(archive)
    }

    /// Read the headers of DICOM files that are in memory, for hosts that receive them over the network.
    pub fn from_buffers(buffers: Vec<Arc<[u8]>>, cancel: &CancelToken) -> Result<Self> {
        let sources = buffers.into_iter().enumerate();
        Self::read(sources.map(|(n, b)| Source::Buffer(b, n)).collect(), cancel)
    }

    fn read(sources: Vec<Source>, cancel: &CancelToken) -> Result<Self> {
        let mut archive = Self::default();
        let contents = parallel::map(sources.len(), 0, |n| match cancel.is_triggered() {
            true => Content::NotDicom,
            false => Content::of(&sources[n]),
        });
        if cancel.is_triggered() {
            return Err(Error::Cancelled);
        }
        for content in contents {
            match content {
                Content::Images(images) => archive.images.extend(images),
                Content::Contours(set) => archive.structure_sets.push(set),
                Content::Segments(segmentation) => archive.segmentations.push(*segmentation),
                Content::Unreadable(why) => archive.warnings.push(format!("left out: {why}")),
                Content::NotDicom => {}
            }
        }
        let no_roi = archive.structure_sets.is_empty() && archive.segmentations.is_empty();
        if archive.images.is_empty() && no_roi {
            let why = archive.warnings.first();
            let why = why.map(|w| format!("; {w}")).unwrap_or_default();
            return Err(Error::DicomRead(format!(
                "none of {} files is a DICOM image{why}",
                sources.len()
            )));
        }
        Ok(archive)
    }

    /// How many images there are, frames of multi-frame objects each counted.
    pub fn image_count(&self) -> usize {
        self.images.len()
    }

    /// Stored values of one image, native byte order, with columns and rows.
    pub fn image(&self, index: usize) -> Result<(Vec<u8>, [usize; 2])> {
        let image = self.images.get(index).ok_or_else(|| {
            Error::DicomRead(format!("image {index}: there are {}", self.images.len()))
        })?;
        let mut values = pixels::buffer(image, 1)?;
        pixels::decode(image, &mut values)?;
        Ok((values, [image.columns, image.rows]))
    }

    /// Decode a series: the one with this UID, or the best of its modality by rule.
    pub fn series(
        &self,
        modality: Modality,
        uid: Option<&str>,
        progress: SliceProgress,
        cancel: &CancelToken,
    ) -> Result<Series> {
        Plan::of(&self.images, modality, uid)?.decode(progress, cancel)
    }
}

/// What one file is.
enum Content {
    Images(Vec<Instance>),
    Contours(StructureSet),
    Segments(Box<Segmentation>),
    /// DICOM, but damaged; or not to be opened.
    Unreadable(Error),
    NotDicom,
}

impl Content {
    fn of(source: &Source) -> Self {
        let file = match DicomFile::read(source) {
            Ok(file) => file,
            Err(e) if source.may_be_dicom() => return Self::Unreadable(e),
            Err(_) => return Self::NotDicom,
        };
        match super::attributes::text(&file.object, dicom_dictionary_std::tags::MODALITY).as_deref()
        {
            Some("RTSTRUCT") => {
                StructureSet::of(source, &file).map_or_else(Self::Unreadable, Self::Contours)
            }
            Some("SEG") => Segmentation::of(source.clone(), file)
                .map_or_else(Self::Unreadable, |s| Self::Segments(Box::new(s))),
            _ => Self::Images(Instance::of(source, &file)),
        }
    }
}

/// The files below a path, and the folders that cannot be read.
fn collect(path: &Path, depth: usize, files: &mut Vec<PathBuf>, unreadable: &mut Vec<PathBuf>) {
    if path.is_file() {
        files.push(path.to_owned());
    } else if depth < MAX_DEPTH && path.is_dir() {
        let entries = match path.read_dir() {
            Ok(entries) => entries,
            Err(_) => return unreadable.push(path.to_owned()),
        };
        for entry in entries.flatten() {
            // A link to a folder may lead in circles; the folders themselves are enough.
            let follow = entry
                .file_type()
                .is_ok_and(|t| !t.is_symlink() || entry.path().is_file());
            if follow {
                collect(&entry.path(), depth + 1, files, unreadable);
            }
        }
    }
}
