//! DICOM files in memory, down to the bytes of their pixels: what no library writes can be written too.

use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use dlnms::cancel::CancelToken;
use dlnms::readers::dicom::{Archive, Modality};
use std::io::Write;
use std::sync::Arc;

pub const RLE: &str = "1.2.840.10008.1.2.5";
pub const JPEG_LOSSLESS: &str = "1.2.840.10008.1.2.4.70";
pub const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";
pub const JPEG_2000: &str = "1.2.840.10008.1.2.4.90";
pub const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
pub const EXPLICIT: &str = "1.2.840.10008.1.2.1";

type Put = (Tag, VR, PrimitiveValue);

/// The attributes of a CT slice at this height.
pub fn slice(z: usize, rows: u16, columns: u16) -> InMemDicomObject {
    let mut object = InMemDicomObject::new_empty();
    let text = |t: &str| PrimitiveValue::from(t);
    let puts: [Put; 20] = [
        (tags::SOP_CLASS_UID, VR::UI, text(uids::CT_IMAGE_STORAGE)),
        (tags::SOP_INSTANCE_UID, VR::UI, text(&format!("1.2.3.{z}"))),
        (tags::MODALITY, VR::CS, text("CT")),
        (tags::PATIENT_ID, VR::LO, text("A")),
        (tags::STUDY_INSTANCE_UID, VR::UI, text("1.2.1")),
        (tags::SERIES_INSTANCE_UID, VR::UI, text("1.2.2")),
        (tags::FRAME_OF_REFERENCE_UID, VR::UI, text("1.2.9")),
        (
            tags::IMAGE_POSITION_PATIENT,
            VR::DS,
            text(&format!("0\\0\\{z}")),
        ),
        (
            tags::IMAGE_ORIENTATION_PATIENT,
            VR::DS,
            text("1\\0\\0\\0\\1\\0"),
        ),
        (tags::PIXEL_SPACING, VR::DS, text("1\\1")),
        (
            tags::PHOTOMETRIC_INTERPRETATION,
            VR::CS,
            text("MONOCHROME2"),
        ),
        (tags::SAMPLES_PER_PIXEL, VR::US, 1u16.into()),
        (tags::ROWS, VR::US, rows.into()),
        (tags::COLUMNS, VR::US, columns.into()),
        (tags::BITS_ALLOCATED, VR::US, 16u16.into()),
        (tags::BITS_STORED, VR::US, 16u16.into()),
        (tags::HIGH_BIT, VR::US, 15u16.into()),
        (tags::PIXEL_REPRESENTATION, VR::US, 0u16.into()),
        (tags::RESCALE_SLOPE, VR::DS, text("1")),
        (tags::RESCALE_INTERCEPT, VR::DS, text("-1024")),
    ];
    for (tag, vr, value) in puts {
        object.put(DataElement::new(tag, vr, value));
    }
    object
}

/// A file: a header with the transfer syntax alone, the attributes, and what comes after them.
pub fn file(syntax: &str, object: &InMemDicomObject, pixels: &[u8]) -> Vec<u8> {
    let mut syntax_value = syntax.as_bytes().to_vec();
    syntax_value.resize(syntax.len().next_multiple_of(2), 0);
    let mut bytes = vec![0; 128];
    bytes.extend(b"DICM\x02\0\x10\0UI");
    bytes.extend((syntax_value.len() as u16).to_le_bytes());
    bytes.extend(syntax_value);
    let mut set = Vec::new();
    let explicit = &dicom_transfer_syntax_registry::entries::EXPLICIT_VR_LITTLE_ENDIAN.erased();
    object.write_dataset_with_ts(&mut set, explicit).unwrap();
    set.extend(pixels);
    bytes.extend(if syntax == DEFLATED {
        deflated(&set)
    } else {
        set
    });
    bytes
}

pub fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Pixel Data with one fragment, PS3.5 A.4.
pub fn fragment(stream: &[u8]) -> Vec<u8> {
    let mut stream = stream.to_vec();
    stream.resize(stream.len().next_multiple_of(2), 0);
    let mut out =
        b"\xE0\x7F\x10\0OB\0\0\xFF\xFF\xFF\xFF\xFE\xFF\0\xE0\0\0\0\0\xFE\xFF\0\xE0".to_vec();
    out.extend((stream.len() as u32).to_le_bytes());
    out.extend(stream);
    out.extend(b"\xFE\xFF\xDD\xE0\0\0\0\0");
    out
}

/// Pixel Data as it is, PS3.5 A.2.
pub fn native(bytes: &[u8]) -> Vec<u8> {
    let mut out = b"\xE0\x7F\x10\0OW\0\0".to_vec();
    out.extend((bytes.len() as u32).to_le_bytes());
    out.extend(bytes);
    out
}

pub fn archive(files: Vec<Vec<u8>>) -> Archive {
    let buffers = files.into_iter().map(Arc::from).collect();
    Archive::from_buffers(buffers, &CancelToken::default()).unwrap()
}

pub fn ct(archive: &Archive) -> dlnms::Result<dlnms::readers::dicom::Series> {
    archive.series(Modality::Ct, None, &|_, _| true, &CancelToken::default())
}

pub fn refused<T>(outcome: dlnms::Result<T>, status: i32, words: &str) {
    let error = outcome.err().expect(words);
    assert_eq!(error.status(), status, "{error}");
    assert!(error.to_string().contains(words), "{error} lacks {words:?}");
}

/// The main header of a JPEG 2000 stream, with these precincts if any, and a tile-part that holds nothing.
pub fn jpeg_2000(side: u32, levels: u8, layers: u16, block: u8, precincts: &[u8]) -> Vec<u8> {
    let mut out = b"\xFF\x4F\xFF\x51\0\x29\0\0".to_vec();
    for word in [side, side, 0, 0, side, side, 0, 0] {
        out.extend(word.to_be_bytes());
    }
    out.extend(b"\0\x01\x0F\x01\x01\xFF\x52");
    out.extend((12 + precincts.len() as u16).to_be_bytes());
    out.extend([u8::from(!precincts.is_empty()), 0]);
    out.extend(layers.to_be_bytes());
    out.extend([0, levels, block, block, 0, 1]);
    out.extend(precincts);
    out.extend(b"\xFF\x5C\0\x04\x40\x40\xFF\x90\0\x0A\0\0\0\0\0\x0E\0\x01\xFF\x93\xFF\xD9");
    out
}

/// The headers of a JPEG-LS stream of this size.
pub fn jpeg_ls(side: u16) -> Vec<u8> {
    let mut out = b"\xFF\xD8\xFF\xF7\0\x0B\x10".to_vec();
    out.extend([side.to_be_bytes(), side.to_be_bytes()].concat());
    out.extend(b"\x01\x01\x11\0\xFF\xDA\0\x08\x01\x01\0\0\0\0\0\0\xFF\xD9");
    out
}
