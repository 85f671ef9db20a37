//! Any mix of files, folders and buffers: read once, headers only, then asked for series and ROIs.

use super::decode;
use super::folders::{self, Found, FoundFile};
use super::instance::{self, Instance};
use super::modality::Modality;
use super::rtstruct::StructureSet;
use super::seg::Segmentation;
use super::series::{Series, SeriesLoader};
use super::slice_progress::SliceProgress;
use super::source::{DicomFile, Source};
use crate::allocation;
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::parallel;
use crate::reading::ReadOptions;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What was found among files, folders and buffers. Pixels are read when a series is loaded.
#[derive(Default)]
pub struct Archive {
    pub(super) images: Vec<Instance>,
    pub(super) options: ReadOptions,
    /// Structure sets, in a stable order.
    pub structure_sets: Vec<StructureSet>,
    /// Segmentations, in a stable order.
    pub segmentations: Vec<Segmentation>,
    /// DICOM files that cannot be read.
    pub warnings: Vec<String>,
}

impl Archive {
    /// Reads the headers of files and folders with the default [`ReadOptions`].
    pub fn open(paths: &[PathBuf], cancel: &CancelToken) -> Result<Self> {
        Self::open_with(paths, &ReadOptions::default(), cancel)
    }

    /// Reads the headers of files and folders, which are searched recursively. The options hold for what is loaded
    /// from the archive later, too.
    ///
    /// # Errors
    /// [`Error::DicomRead`] if a path is neither a file nor a folder or if nothing is DICOM; [`Error::Resources`] if the
    /// system opens no more files; [`Error::OutOfMemory`]; [`Error::Cancelled`].
    pub fn open_with(
        paths: &[PathBuf],
        options: &ReadOptions,
        cancel: &CancelToken,
    ) -> Result<Self> {
        let Found { files, unreadable } = folders::search(paths, cancel)?;
        let source = |(n, file): (usize, FoundFile)| {
            if file.named || options.verbose_names {
                Source::File(file.path)
            } else {
                Source::InFolder(file.path, n + 1)
            }
        };
        let sources = files.into_iter().enumerate().map(source).collect();
        let mut archive = Self::read(sources, options, cancel)?;
        let warning = |folder: FoundFile| {
            if folder.named || options.verbose_names {
                let name = Source::File(folder.path).name();
                format!("left out: the folder {name} cannot be read")
            } else {
                "left out: a folder inside the given one cannot be read".into()
            }
        };
        let warnings = unreadable.into_iter().map(warning);
        archive.warnings.extend(warnings);
        Ok(archive)
    }

    /// Reads the headers of DICOM files that are in memory with the default [`ReadOptions`].
    pub fn from_buffers(buffers: Vec<Arc<[u8]>>, cancel: &CancelToken) -> Result<Self> {
        Self::from_buffers_with(buffers, &ReadOptions::default(), cancel)
    }

    /// As [`Archive::open_with`] for DICOM files that are in memory, for hosts that receive them over the network.
    pub fn from_buffers_with(
        buffers: Vec<Arc<[u8]>>,
        options: &ReadOptions,
        cancel: &CancelToken,
    ) -> Result<Self> {
        let sources = buffers.into_iter().enumerate();
        let sources = sources.map(|(n, b)| Source::Buffer(b, n)).collect();
        Self::read(sources, options, cancel)
    }

    fn read(sources: Vec<Source>, options: &ReadOptions, cancel: &CancelToken) -> Result<Self> {
        let mut archive = Self {
            options: options.clone(),
            ..Self::default()
        };
        // An error that no file caused, like a lack of memory, ends the scan: the other files would meet it as well.
        let failed = AtomicBool::new(false);
        let contents = parallel::map(sources.len(), options.threads, |n| {
            if failed.load(Ordering::Relaxed) || cancel.is_triggered() {
                Ok(Content::NotDicom)
            } else {
                Content::read(&sources[n], cancel)
                    .inspect_err(|_| failed.store(true, Ordering::Relaxed))
            }
        });
        cancel.check()?;
        for content in contents {
            match content? {
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

    /// Returns the options that the archive was opened with.
    pub fn options(&self) -> &ReadOptions {
        &self.options
    }

    /// Returns how many images there are; each frame of a multi-frame object counts.
    pub fn image_count(&self) -> usize {
        self.images.len()
    }

    /// Returns the stored values of one image in native byte order, with its columns and rows.
    pub fn image(&self, index: usize) -> Result<(Vec<u8>, [usize; 2])> {
        let image = self.images.get(index).ok_or_else(|| {
            Error::DicomRead(format!("image {index}: there are {}", self.images.len()))
        })?;
        let values = decode::image(image, &CancelToken::default())?;
        Ok((values, [image.columns, image.rows]))
    }

    /// Decodes a series: the one with this UID, or the largest usable one of its modality.
    pub fn series(
        &self,
        modality: Modality,
        uid: Option<&str>,
        progress: SliceProgress,
        cancel: &CancelToken,
    ) -> Result<Series> {
        SeriesLoader::choose(&self.images, modality, uid)?.load(&self.options, progress, cancel)
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
    /// Reads a file. An error is a cancel or a lack of resources; a damaged file is [`Content::Unreadable`].
    fn read(source: &Source, cancel: &CancelToken) -> Result<Self> {
        allocation::headroom(0, "the attributes of a DICOM file")?;
        let file = match DicomFile::read_until(source, cancel) {
            Ok(file) => file,
            Err(e @ (Error::Cancelled | Error::Resources(_) | Error::OutOfMemory { .. })) => {
                return Err(e);
            }
            Err(e) if source.may_be_dicom() => return Ok(Self::Unreadable(e)),
            Err(_) => return Ok(Self::NotDicom),
        };
        // What is made of the attributes takes no more than they do, but for contours: 24 bytes a point instead of
        // six or more.
        let room = 4 * file.attribute_bytes as usize;
        allocation::headroom(room, "the attributes of a DICOM file")?;
        let modality = instance::modality(&file.object);
        Ok(match modality.as_deref() {
            Some("RTSTRUCT") => {
                StructureSet::from_file(source, &file).map_or_else(Self::Unreadable, Self::Contours)
            }
            Some("SEG") => Segmentation::from_file(source.clone(), file)
                .map_or_else(Self::Unreadable, |s| Self::Segments(Box::new(s))),
            _ => Self::Images(Instance::from_file(source, &file)),
        })
    }
}
