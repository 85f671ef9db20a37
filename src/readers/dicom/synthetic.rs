//! Small DICOM objects for unit tests.

use super::source::{DicomFile, Source};
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use std::sync::Arc;

pub type Object = InMemDicomObject;

/// Puts a text.
pub fn put(object: &mut Object, tag: Tag, vr: VR, value: &str) {
    object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
}

/// Puts a sequence.
pub fn put_items(object: &mut Object, tag: Tag, items: Vec<Object>) {
    object.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
}

pub fn put_number(object: &mut Object, tag: Tag, value: u16) {
    object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
}

/// Joins numbers as a DS holds them.
pub fn decimals(values: impl IntoIterator<Item = f64>) -> String {
    let each: Vec<String> = values.into_iter().map(|v| v.to_string()).collect();
    each.join("\\")
}

/// Writes a file.
pub fn bytes(object: &Object) -> Arc<[u8]> {
    let uid = |tag| object.element(tag).unwrap().to_str().unwrap().into_owned();
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax("1.2.840.10008.1.2.1")
        .media_storage_sop_class_uid(uid(tags::SOP_CLASS_UID))
        .media_storage_sop_instance_uid(uid(tags::SOP_INSTANCE_UID));
    let mut out = Vec::new();
    let object = object.clone().with_meta(meta).unwrap();
    object.write_all(&mut out).unwrap();
    out.into()
}

/// Opens what was written.
pub fn open(object: &Object) -> (Source, DicomFile) {
    let source = Source::Buffer(bytes(object), 0);
    let file = DicomFile::read(&source).unwrap();
    (source, file)
}

fn object(class: &str, modality: &str, uid: &str, frame: &str) -> Object {
    let mut o = Object::new_empty();
    for (tag, vr, value) in [
        (tags::SOP_CLASS_UID, VR::UI, class),
        (tags::SOP_INSTANCE_UID, VR::UI, uid),
        (tags::MODALITY, VR::CS, modality),
        (tags::PATIENT_ID, VR::LO, "1"),
        (tags::STUDY_INSTANCE_UID, VR::UI, "1.1"),
        (tags::FRAME_OF_REFERENCE_UID, VR::UI, frame),
    ] {
        put(&mut o, tag, vr, value);
    }
    o
}

/// The slices of a CT of 8 x 8 pixels of 1 mm, from the origin, `step` apart along z.
pub fn ct(series: &str, frame: &str, slices: usize, step: f64) -> Vec<Object> {
    let slice = |k: usize| {
        let mut o = object(
            "1.2.840.10008.5.1.4.1.1.2",
            "CT",
            &format!("{series}.{}", k + 1),
            frame,
        );
        for (tag, vr, value) in [
            (tags::SERIES_INSTANCE_UID, VR::UI, series),
            (tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\AXIAL"),
            (tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\1\\0"),
            (tags::PIXEL_SPACING, VR::DS, "1\\1"),
            (tags::RESCALE_SLOPE, VR::DS, "1"),
            (tags::RESCALE_INTERCEPT, VR::DS, "0"),
            (tags::RESCALE_TYPE, VR::LO, "HU"),
            (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
        ] {
            put(&mut o, tag, vr, value);
        }
        let position = decimals([0.0, 0.0, k as f64 * step]);
        put(&mut o, tags::IMAGE_POSITION_PATIENT, VR::DS, &position);
        put(&mut o, tags::SLICE_THICKNESS, VR::DS, &decimals([step]));
        put_pixels(&mut o, [8, 8], 16, vec![0; 128]);
        o
    };
    (0..slices).map(slice).collect()
}

fn put_pixels(o: &mut Object, [columns, rows]: [u16; 2], bits: u16, pixels: Vec<u8>) {
    for (tag, value) in [
        (tags::SAMPLES_PER_PIXEL, 1),
        (tags::ROWS, rows),
        (tags::COLUMNS, columns),
        (tags::BITS_ALLOCATED, bits),
        (tags::BITS_STORED, bits),
        (tags::HIGH_BIT, bits - 1),
        (tags::PIXEL_REPRESENTATION, 0),
    ] {
        put_number(o, tag, value);
    }
    let vr = if bits == 16 { VR::OW } else { VR::OB };
    let pixels = PrimitiveValue::U8(pixels.into());
    o.put(DataElement::new(tags::PIXEL_DATA, vr, pixels));
}

/// One contour.
pub fn contour(kind: &str, points: &[[f64; 3]]) -> Object {
    let mut o = Object::new_empty();
    put(&mut o, tags::CONTOUR_GEOMETRIC_TYPE, VR::CS, kind);
    put(
        &mut o,
        tags::NUMBER_OF_CONTOUR_POINTS,
        VR::IS,
        &points.len().to_string(),
    );
    let data = decimals(points.iter().flatten().copied());
    put(&mut o, tags::CONTOUR_DATA, VR::DS, &data);
    o
}

/// An axis-parallel square from `low` to `high` along x and y.
pub fn square(low: f64, high: f64, z: f64) -> Vec<[f64; 3]> {
    vec![
        [low, low, z],
        [high, low, z],
        [high, high, z],
        [low, high, z],
    ]
}

/// A structure set drawn on a series; ROIs by number, name and contours.
pub fn rtstruct(
    uid: &str,
    frame: &str,
    series: &str,
    rois: &[(&str, &str, Vec<Object>)],
) -> Object {
    let mut o = object("1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT", uid, frame);
    let mut of_series = Object::new_empty();
    put(&mut of_series, tags::SERIES_INSTANCE_UID, VR::UI, series);
    let mut of_study = Object::new_empty();
    put_items(
        &mut of_study,
        tags::RT_REFERENCED_SERIES_SEQUENCE,
        vec![of_series],
    );
    let mut of_frame = Object::new_empty();
    put(&mut of_frame, tags::FRAME_OF_REFERENCE_UID, VR::UI, frame);
    put_items(
        &mut of_frame,
        tags::RT_REFERENCED_STUDY_SEQUENCE,
        vec![of_study],
    );
    put_items(
        &mut o,
        tags::REFERENCED_FRAME_OF_REFERENCE_SEQUENCE,
        vec![of_frame],
    );
    let named = |(number, name, _): &(&str, &str, Vec<Object>)| {
        let mut roi = Object::new_empty();
        put(&mut roi, tags::ROI_NUMBER, VR::IS, number);
        put(&mut roi, tags::ROI_NAME, VR::LO, name);
        put(
            &mut roi,
            tags::REFERENCED_FRAME_OF_REFERENCE_UID,
            VR::UI,
            frame,
        );
        roi
    };
    let drawn = |(number, _, contours): &(&str, &str, Vec<Object>)| {
        let mut roi = Object::new_empty();
        put(&mut roi, tags::REFERENCED_ROI_NUMBER, VR::IS, number);
        put_items(&mut roi, tags::CONTOUR_SEQUENCE, contours.clone());
        roi
    };
    put_items(
        &mut o,
        tags::STRUCTURE_SET_ROI_SEQUENCE,
        rois.iter().map(named).collect(),
    );
    put_items(
        &mut o,
        tags::ROI_CONTOUR_SEQUENCE,
        rois.iter().map(drawn).collect(),
    );
    o
}

/// A frame of a segment at a position.
pub fn frame(segment: u16, position: [f64; 3]) -> Object {
    let mut of = Object::new_empty();
    put_number(&mut of, tags::REFERENCED_SEGMENT_NUMBER, segment);
    let mut place = Object::new_empty();
    let position = decimals(position);
    put(&mut place, tags::IMAGE_POSITION_PATIENT, VR::DS, &position);
    let mut o = Object::new_empty();
    put_items(&mut o, tags::SEGMENT_IDENTIFICATION_SEQUENCE, vec![of]);
    put_items(&mut o, tags::PLANE_POSITION_SEQUENCE, vec![place]);
    o
}

/// A segmentation of 3 columns and 2 rows of 1 x 2 mm; measures that are empty are left out.
pub fn seg(
    uid: &str,
    frame_of_reference: &str,
    segments: &[u16],
    [between, thickness]: [&str; 2],
    frames: Vec<Object>,
    pixels: (bool, Vec<u8>),
) -> Object {
    let class = "1.2.840.10008.5.1.4.1.1.66.4";
    let mut o = object(class, "SEG", uid, frame_of_reference);
    let (binary, pixels) = pixels;
    let kind = if binary { "BINARY" } else { "FRACTIONAL" };
    put(&mut o, tags::SEGMENTATION_TYPE, VR::CS, kind);
    if !binary {
        put_number(&mut o, tags::MAXIMUM_FRACTIONAL_VALUE, 100);
    }
    let segment = |number: &u16| {
        let mut segment = Object::new_empty();
        put_number(&mut segment, tags::SEGMENT_NUMBER, *number);
        put(&mut segment, tags::SEGMENT_LABEL, VR::LO, "S");
        segment
    };
    put_items(
        &mut o,
        tags::SEGMENT_SEQUENCE,
        segments.iter().map(segment).collect(),
    );
    let mut measures = Object::new_empty();
    put(&mut measures, tags::PIXEL_SPACING, VR::DS, "2\\1");
    for (tag, value) in [
        (tags::SPACING_BETWEEN_SLICES, between),
        (tags::SLICE_THICKNESS, thickness),
    ] {
        if !value.is_empty() {
            put(&mut measures, tag, VR::DS, value);
        }
    }
    let mut orientation = Object::new_empty();
    put(
        &mut orientation,
        tags::IMAGE_ORIENTATION_PATIENT,
        VR::DS,
        "1\\0\\0\\0\\1\\0",
    );
    let mut shared = Object::new_empty();
    put_items(&mut shared, tags::PIXEL_MEASURES_SEQUENCE, vec![measures]);
    put_items(
        &mut shared,
        tags::PLANE_ORIENTATION_SEQUENCE,
        vec![orientation],
    );
    put_items(
        &mut o,
        tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
        vec![shared],
    );
    put(
        &mut o,
        tags::NUMBER_OF_FRAMES,
        VR::IS,
        &frames.len().to_string(),
    );
    put_items(&mut o, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, frames);
    put_pixels(&mut o, [3, 2], if binary { 1 } else { 8 }, pixels);
    o
}
