//! One DICOM file: opened with or without its meta header, and the facts of an image in it.

use super::attributes::{count, first_item, number, numbers, text, texts};
use super::meta;
use super::structure::{self, Extent};
use crate::error::{Error, Result};
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::file::ReadPreamble;
use dicom_object::{DefaultDicomObject, InMemDicomObject, OpenFileOptions};
use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
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
    /// Read the header of a file. `None` if it is not DICOM or no image; an error if it is DICOM that cannot be read.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let is_dicom = || File::open(path).is_ok_and(|mut f| meta::read(&mut f).is_ok());
        match open(path, Extent::Header) {
            Ok(object) => Ok(Self::of(path, &object)),
            Err(e) if is_dicom() => Err(e),
            Err(_) => Ok(None),
        }
    }

    fn of(path: &Path, object: &DefaultDicomObject) -> Option<Self> {
        let modality = text(object, tags::MODALITY)?;
        let slope = number(object, tags::RESCALE_SLOPE)
            .filter(|s| s.is_finite() && *s != 0.0)
            .unwrap_or(1.0);
        let bits_allocated = count(object, tags::BITS_ALLOCATED)?;
        let signed = count(object, tags::PIXEL_REPRESENTATION) == Some(1);
        Some(Self {
            path: path.to_owned(),
            sop_class: text(object, tags::SOP_CLASS_UID).unwrap_or_default(),
            series_uid: text(object, tags::SERIES_INSTANCE_UID).unwrap_or_default(),
            frame_of_reference: text(object, tags::FRAME_OF_REFERENCE_UID),
            localizer: texts(object, tags::IMAGE_TYPE)
                .iter()
                .any(|v| v.eq_ignore_ascii_case("LOCALIZER")),
            rows: count(object, tags::ROWS)?,
            columns: count(object, tags::COLUMNS)?,
            frames: count(object, tags::NUMBER_OF_FRAMES).unwrap_or(1),
            bits_allocated,
            bits_stored: count(object, tags::BITS_STORED)
                .filter(|b| (1..=bits_allocated).contains(b))
                .unwrap_or(bits_allocated),
            signed,
            samples_per_pixel: count(object, tags::SAMPLES_PER_PIXEL).unwrap_or(1),
            slope,
            intercept: number(object, tags::RESCALE_INTERCEPT)
                .filter(|v| v.is_finite())
                .unwrap_or(0.0),
            padding: padding(object, signed, bits_allocated),
            position: numbers(object, tags::IMAGE_POSITION_PATIENT),
            orientation: numbers(object, tags::IMAGE_ORIENTATION_PATIENT),
            pixel_spacing: numbers(object, tags::PIXEL_SPACING)
                .filter(|s: &[f64; 2]| s.iter().all(|v| *v > 0.0)),
            transfer_syntax: object.meta().transfer_syntax().to_owned(),
            pet: (modality == "PT").then(|| super::pet::PetHeader::read(object)),
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

/// Open a file.
pub fn open(path: &Path, extent: Extent) -> Result<DefaultDicomObject> {
    read_object(path, extent).map_err(|why| Error::DicomRead(format!("{}: {why}", file_name(path))))
}

fn read_object(path: &Path, extent: Extent) -> std::result::Result<DefaultDicomObject, String> {
    let system = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::InvalidData => e.to_string(),
        kind => kind.to_string(), // the message may hold the path
    };
    let mut file = File::open(path).map_err(system)?;
    let metadata = file.metadata().map_err(system)?;
    if !metadata.is_file() || metadata.len() > MAX_FILE_BYTES {
        return Err("is not a file of a plausible size".into());
    }
    let meta = meta::read(&mut file).map_err(system)?;
    let at = SeekFrom::Start(meta.data_set_at);
    file.seek(at).map_err(system)?;
    structure::check(&meta, BufReader::new(&mut file), metadata.len(), extent)?;
    file.seek(at).map_err(system)?;
    let options = OpenFileOptions::new().read_preamble(ReadPreamble::Always);
    let options = match extent {
        Extent::Header => options.read_until(tags::PIXEL_DATA),
        Extent::Pixels => options.read_to(tags::PIXEL_DATA),
    };
    let clean = Cursor::new(meta.clean_header()?).chain(BufReader::new(file));
    options.from_reader(clean).map_err(|e| brief(&e))
}

/// The outermost message of an error: inner ones may quote attribute values.
fn brief(error: &dyn std::error::Error) -> String {
    error.to_string()
}

/// Items of the radiopharmaceutical sequence and other one-item sequences.
pub fn radiopharmaceutical(object: &InMemDicomObject) -> Option<&InMemDicomObject> {
    first_item(object, tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE)
}
