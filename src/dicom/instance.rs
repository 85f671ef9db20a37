//! One DICOM file: opened with or without its meta header, and the facts of an image in it.

use super::attributes::{count, first_item, number, numbers, text, texts};
use crate::error::{Error, Result};
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_encoding::transfer_syntax::TransferSyntaxIndex;
use dicom_object::file::ReadPreamble;
use dicom_object::{DefaultDicomObject, FileMetaTableBuilder, InMemDicomObject, OpenFileOptions};
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Nothing a scanner writes as one file is larger; keeps memory bounded.
const MAX_FILE_BYTES: u64 = 4 << 30;

/// Facts of one single-frame image, without its pixels.
#[derive(Clone, Debug)]
pub struct Instance {
    pub path: PathBuf,
    pub sop_class: String,
    pub modality: String,
    pub series_uid: String,
    pub frame_of_reference: Option<String>,
    pub localizer: bool,
    pub rows: usize,
    pub columns: usize,
    pub frames: usize,
    pub bits_allocated: usize,
    pub bits_stored: usize,
    pub signed: bool,
    pub samples_per_pixel: usize,
    pub slope: f64,
    pub intercept: f64,
    pub padding: Option<[f64; 2]>,
    pub position: Option<[f64; 3]>,
    pub orientation: Option<[f64; 6]>,
    /// Between rows, between columns.
    pub pixel_spacing: Option<[f64; 2]>,
    pub transfer_syntax: String,
    /// PET only.
    pub pet: Option<super::pet::PetHeader>,
}

impl Instance {
    /// Read the header of a file; `None` if the file is not a DICOM image.
    pub fn read(path: &Path) -> Option<Self> {
        let object = open(path, Some(tags::PIXEL_DATA)).ok()?;
        let modality = text(&object, tags::MODALITY)?;
        let slope = number(&object, tags::RESCALE_SLOPE)
            .filter(|s| s.is_finite() && *s != 0.0)
            .unwrap_or(1.0);
        let bits_allocated = count(&object, tags::BITS_ALLOCATED)?;
        let signed = count(&object, tags::PIXEL_REPRESENTATION) == Some(1);
        Some(Self {
            path: path.to_owned(),
            sop_class: text(&object, tags::SOP_CLASS_UID).unwrap_or_default(),
            series_uid: text(&object, tags::SERIES_INSTANCE_UID).unwrap_or_default(),
            frame_of_reference: text(&object, tags::FRAME_OF_REFERENCE_UID),
            localizer: texts(&object, tags::IMAGE_TYPE)
                .iter()
                .any(|v| v.eq_ignore_ascii_case("LOCALIZER")),
            rows: count(&object, tags::ROWS)?,
            columns: count(&object, tags::COLUMNS)?,
            frames: count(&object, tags::NUMBER_OF_FRAMES).unwrap_or(1),
            bits_allocated,
            bits_stored: count(&object, tags::BITS_STORED)
                .filter(|b| (1..=bits_allocated).contains(b))
                .unwrap_or(bits_allocated),
            signed,
            samples_per_pixel: count(&object, tags::SAMPLES_PER_PIXEL).unwrap_or(1),
            slope,
            intercept: number(&object, tags::RESCALE_INTERCEPT)
                .filter(|v| v.is_finite())
                .unwrap_or(0.0),
            padding: padding(&object, signed, bits_allocated),
            position: numbers(&object, tags::IMAGE_POSITION_PATIENT),
            orientation: numbers(&object, tags::IMAGE_ORIENTATION_PATIENT),
            pixel_spacing: numbers(&object, tags::PIXEL_SPACING)
                .filter(|s: &[f64; 2]| s.iter().all(|v| *v > 0.0)),
            transfer_syntax: object.meta().transfer_syntax().to_owned(),
            pet: (modality == "PT").then(|| super::pet::PetHeader::read(&object)),
            modality,
        })
    }

    /// File name for messages: never the folder, which may be named after a patient.
    pub fn name(&self) -> String {
        file_name(&self.path)
    }
}

/// Last part of a path.
pub fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(|| "?".into(), |n| n.to_string_lossy().into_owned())
}

/// Pixel Padding Value and its range limit as a closed range of stored values.
///
/// Both are written as US or SS after the pixel representation, and some writers pick the wrong one: the 16 bits are
/// read again with the pixels' own sign.
fn padding(object: &InMemDicomObject, signed: bool, bits_allocated: usize) -> Option<[f64; 2]> {
    let stored = |tag: Tag| {
        number(object, tag).map(|v| match (signed, bits_allocated) {
            (true, 16) if v > 32_767.0 => v - 65_536.0,
            (false, 16) if v < 0.0 => v + 65_536.0,
            _ => v,
        })
    };
    let value = stored(tags::PIXEL_PADDING_VALUE)?;
    let limit = stored(tags::PIXEL_PADDING_RANGE_LIMIT).unwrap_or(value);
    Some([value.min(limit), value.max(limit)])
}

/// Open a file, up to but not including `until`.
pub fn open(path: &Path, until: Option<Tag>) -> Result<DefaultDicomObject> {
    let unreadable = |why: String| Error::DicomRead(format!("{}: {why}", file_name(path)));
    let mut file = File::open(path).map_err(|e| unreadable(e.kind().to_string()))?;
    let metadata = file
        .metadata()
        .map_err(|e| unreadable(e.kind().to_string()))?;
    if !metadata.is_file() || metadata.len() > MAX_FILE_BYTES {
        return Err(unreadable("is not a file of a plausible size".into()));
    }
    let mut head = [0u8; 132];
    let n = read_up_to(&mut file, &mut head).map_err(|e| unreadable(e.kind().to_string()))?;
    file.seek(SeekFrom::Start(0))
        .map_err(|e| unreadable(e.kind().to_string()))?;
    let mut options = OpenFileOptions::new();
    if let Some(tag) = until {
        options = options.read_until(tag);
    }
    if n == head.len() && &head[128..] == b"DICM" {
        return options
            .read_preamble(ReadPreamble::Always)
            .from_reader(BufReader::new(file))
            .map_err(|e| unreadable(brief(&e)));
    }
    if head.starts_with(&[2, 0, 0, 0]) {
        return options
            .read_preamble(ReadPreamble::Never)
            .from_reader(BufReader::new(file))
            .map_err(|e| unreadable(brief(&e)));
    }
    // No meta header at all: the group of the first element is 0008 in a data set of DICOM before part 10.
    if !head.starts_with(&[8, 0]) {
        return Err(unreadable("is not DICOM".into()));
    }
    let explicit = head[4..6].iter().all(u8::is_ascii_uppercase);
    let uid = if explicit {
        "1.2.840.10008.1.2.1"
    } else {
        "1.2.840.10008.1.2"
    };
    let syntax = TransferSyntaxRegistry
        .get(uid)
        .ok_or_else(|| Error::Internal("no native transfer syntax".into()))?;
    let object = InMemDicomObject::read_dataset_with_ts(BufReader::new(file), syntax)
        .map_err(|e| unreadable(brief(&e)))?;
    let sop = |tag| text(&object, tag).unwrap_or_else(|| "1.2.3".into());
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(uid)
        .media_storage_sop_class_uid(sop(tags::SOP_CLASS_UID))
        .media_storage_sop_instance_uid(sop(tags::SOP_INSTANCE_UID))
        .build()
        .map_err(|e| unreadable(brief(&e)))?;
    Ok(object.with_exact_meta(meta))
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut n = 0;
    while n < buffer.len() {
        match file.read(&mut buffer[n..])? {
            0 => break,
            more => n += more,
        }
    }
    Ok(n)
}

/// The outermost message of an error: inner ones may quote attribute values.
fn brief(error: &dyn std::error::Error) -> String {
    error.to_string()
}

/// Items of the radiopharmaceutical sequence and other one-item sequences.
pub fn radiopharmaceutical(object: &InMemDicomObject) -> Option<&InMemDicomObject> {
    first_item(object, tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE)
}
