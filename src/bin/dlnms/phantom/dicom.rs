//! The synthetic study as DICOM: CT Image, PET Image and RT Structure Set objects.

use super::body::{self, TUMOUR_CENTER, TUMOUR_RADIUS};
use super::{CT, Grid, PET};
use crate::Failure;
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use std::path::Path;

const CT_CLASS: &str = "1.2.840.10008.5.1.4.1.1.2";
const PET_CLASS: &str = "1.2.840.10008.5.1.4.1.1.128";
const RTSTRUCT_CLASS: &str = "1.2.840.10008.5.1.4.1.1.481.3";
const EXPLICIT_LITTLE: &str = "1.2.840.10008.1.2.1";
/// Root for UUID-derived UIDs (PS3.5 B.2); the numbers are fixed, so that the study is the same every time.
const ROOT: &str = "2.25.32944067112875213946380102";

const WEIGHT_KG: f64 = 72.0;
const DOSE_BQ: f64 = 3.3e8;
const HALF_LIFE_S: f64 = 6586.2;
const UPTAKE_S: f64 = 3600.0;

/// SUVbw of one Bq/ml at the start of the series.
pub fn suv_factor() -> f64 {
    WEIGHT_KG * 1000.0 / (DOSE_BQ * (-std::f64::consts::LN_2 * UPTAKE_S / HALF_LIFE_S).exp())
}

fn uid(kind: u32, number: usize) -> String {
    format!("{ROOT}{kind}{number:04}")
}

fn text(object: &mut InMemDicomObject, tag: Tag, vr: VR, value: impl Into<String>) {
    object.put(DataElement::new(
        tag,
        vr,
        PrimitiveValue::from(value.into()),
    ));
}

fn decimals(object: &mut InMemDicomObject, tag: Tag, values: &[f64]) {
    // DS holds 16 characters.
    let joined: Vec<String> = values
        .iter()
        .map(|v| {
            format!("{v:.6}")
                .trim_end_matches('0')
                .trim_end_matches('.')
                .to_owned()
        })
        .collect();
    text(object, tag, VR::DS, joined.join("\\"));
}

fn number(object: &mut InMemDicomObject, tag: Tag, value: u16) {
    object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
}

fn sequence(object: &mut InMemDicomObject, tag: Tag, items: Vec<InMemDicomObject>) {
    object.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
}

fn code(value: &str, scheme: &str, meaning: &str) -> InMemDicomObject {
    let mut item = InMemDicomObject::new_empty();
    text(&mut item, tags::CODE_VALUE, VR::SH, value);
    text(&mut item, tags::CODING_SCHEME_DESIGNATOR, VR::SH, scheme);
    text(&mut item, tags::CODE_MEANING, VR::LO, meaning);
    item
}

/// Patient, study, series and equipment.
fn object(class: &str, modality: &str, series: u32, number: usize) -> InMemDicomObject {
    let mut o = InMemDicomObject::new_empty();
    for (tag, vr, value) in [
        (tags::SOP_CLASS_UID, VR::UI, class),
        (tags::MODALITY, VR::CS, modality),
        (tags::PATIENT_NAME, VR::PN, "PHANTOM^THORAX"),
        (tags::PATIENT_ID, VR::LO, "DLNMS-PHANTOM"),
        (tags::PATIENT_BIRTH_DATE, VR::DA, "19600101"),
        (tags::PATIENT_SEX, VR::CS, "O"),
        (tags::PATIENT_AGE, VR::AS, "064Y"),
        (tags::STUDY_DATE, VR::DA, "20240115"),
        (tags::STUDY_TIME, VR::TM, "090000"),
        (tags::SERIES_DATE, VR::DA, "20240115"),
        (tags::STUDY_ID, VR::SH, "1"),
        (tags::ACCESSION_NUMBER, VR::SH, ""),
        (tags::REFERRING_PHYSICIAN_NAME, VR::PN, ""),
        (tags::MANUFACTURER, VR::LO, "dlnms"),
        (
            tags::MANUFACTURER_MODEL_NAME,
            VR::LO,
            "synthetic thorax phantom",
        ),
        (
            tags::STUDY_DESCRIPTION,
            VR::LO,
            "Synthetic phantom, not a patient; research use only",
        ),
        (tags::POSITION_REFERENCE_INDICATOR, VR::LO, ""),
    ] {
        text(&mut o, tag, vr, value);
    }
    text(
        &mut o,
        tags::SOP_INSTANCE_UID,
        VR::UI,
        uid(series, number + 1),
    );
    text(&mut o, tags::STUDY_INSTANCE_UID, VR::UI, uid(9, 1));
    text(
        &mut o,
        tags::SERIES_INSTANCE_UID,
        VR::UI,
        uid(8, series as usize),
    );
    text(&mut o, tags::FRAME_OF_REFERENCE_UID, VR::UI, uid(9, 2));
    text(&mut o, tags::SERIES_NUMBER, VR::IS, series.to_string());
    text(
        &mut o,
        tags::INSTANCE_NUMBER,
        VR::IS,
        (number + 1).to_string(),
    );
    o
}

/// Image plane and pixel format.
fn put_image(
    o: &mut InMemDicomObject,
    grid: &Grid,
    k: usize,
    slope: f64,
    intercept: f64,
    pixels: Vec<i16>,
) {
    decimals(o, tags::IMAGE_POSITION_PATIENT, &grid.at(0, 0, k));
    decimals(
        o,
        tags::IMAGE_ORIENTATION_PATIENT,
        &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
    );
    decimals(o, tags::PIXEL_SPACING, &[grid.pixel, grid.pixel]);
    decimals(o, tags::SLICE_THICKNESS, &[grid.step]);
    text(o, tags::PATIENT_POSITION, VR::CS, "HFS");
    text(o, tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2");
    for (tag, value) in [
        (tags::SAMPLES_PER_PIXEL, 1),
        (tags::ROWS, grid.rows as u16),
        (tags::COLUMNS, grid.columns as u16),
        (tags::BITS_ALLOCATED, 16),
        (tags::BITS_STORED, 16),
        (tags::HIGH_BIT, 15),
        (tags::PIXEL_REPRESENTATION, 1),
    ] {
        number(o, tag, value);
    }
    text(o, tags::RESCALE_SLOPE, VR::DS, format!("{slope:.9}"));
    decimals(o, tags::RESCALE_INTERCEPT, &[intercept]);
    let words: Vec<u16> = pixels.into_iter().map(|v| v as u16).collect();
    o.put(DataElement::new(
        tags::PIXEL_DATA,
        VR::OW,
        PrimitiveValue::U16(words.into()),
    ));
}

fn save(path: &Path, object: InMemDicomObject) -> Result<(), Failure> {
    let failed =
        |e: &dyn std::error::Error| Failure::output(path)(std::io::Error::other(e.to_string()));
    let meta = FileMetaTableBuilder::new().transfer_syntax(EXPLICIT_LITTLE);
    let file = object.with_meta(meta).map_err(|e| failed(&e))?;
    file.write_to_file(path).map_err(|e| failed(&e))
}

fn voxel_number(grid: &Grid, i: usize, j: usize, k: usize) -> u64 {
    ((k * grid.rows + j) * grid.columns + i) as u64
}

/// One CT slice.
pub fn write_ct_slice(path: &Path, k: usize) -> Result<(), Failure> {
    let mut o = object(CT_CLASS, "CT", 1, k);
    text(&mut o, tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\AXIAL");
    text(&mut o, tags::SERIES_DESCRIPTION, VR::LO, "CT chest");
    text(&mut o, tags::SERIES_TIME, VR::TM, "100500");
    text(&mut o, tags::RESCALE_TYPE, VR::LO, "HU");
    text(&mut o, tags::KVP, VR::DS, "120");
    let hu = |j: usize, i: usize| body::hounsfield(CT.at(i, j, k), voxel_number(&CT, i, j, k));
    let pixels = (0..CT.rows).flat_map(|j| (0..CT.columns).map(move |i| (j, i)));
    let pixels = pixels
        .map(|(j, i)| hu(j, i).round().clamp(-1024.0, 3071.0) as i16 + 1024)
        .collect();
    put_image(&mut o, &CT, k, 1.0, -1024.0, pixels);
    save(path, o)
}

/// One PET slice: Bq/ml, decay corrected to the start of the series, a slope of its own.
pub fn write_pet_slice(path: &Path, k: usize) -> Result<(), Failure> {
    let mut o = object(PET_CLASS, "PT", 2, k);
    for (tag, vr, value) in [
        (tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY"),
        (tags::SERIES_DESCRIPTION, VR::LO, "PET chest AC"),
        (tags::SERIES_TIME, VR::TM, "101000.00"),
        (tags::ACQUISITION_DATE, VR::DA, "20240115"),
        (tags::ACQUISITION_TIME, VR::TM, "101000.00"),
        (tags::UNITS, VR::CS, "BQML"),
        (tags::DECAY_CORRECTION, VR::CS, "START"),
        (
            tags::CORRECTED_IMAGE,
            VR::CS,
            "NORM\\DTIM\\ATTN\\SCAT\\DECY\\RAN",
        ),
        (tags::SERIES_TYPE, VR::CS, "STATIC\\IMAGE"),
        (tags::COUNTS_SOURCE, VR::CS, "EMISSION"),
        (tags::FRAME_REFERENCE_TIME, VR::DS, "0"),
        (tags::ACTUAL_FRAME_DURATION, VR::IS, "180000"),
        (tags::PATIENT_SIZE, VR::DS, "1.74"),
    ] {
        text(&mut o, tag, vr, value);
    }
    decimals(&mut o, tags::PATIENT_WEIGHT, &[WEIGHT_KG]);
    number(&mut o, tags::NUMBER_OF_SLICES, PET.slices as u16);
    number(&mut o, tags::IMAGE_INDEX, k as u16 + 1);
    let mut drug = InMemDicomObject::new_empty();
    text(
        &mut drug,
        tags::RADIOPHARMACEUTICAL,
        VR::LO,
        "Fluorodeoxyglucose F^18^",
    );
    text(
        &mut drug,
        tags::RADIOPHARMACEUTICAL_START_TIME,
        VR::TM,
        "091000.00",
    );
    text(
        &mut drug,
        tags::RADIOPHARMACEUTICAL_START_DATE_TIME,
        VR::DT,
        "20240115091000.00",
    );
    decimals(&mut drug, tags::RADIONUCLIDE_TOTAL_DOSE, &[DOSE_BQ]);
    decimals(&mut drug, tags::RADIONUCLIDE_HALF_LIFE, &[HALF_LIFE_S]);
    decimals(&mut drug, tags::RADIONUCLIDE_POSITRON_FRACTION, &[0.967]);
    sequence(
        &mut drug,
        tags::RADIONUCLIDE_CODE_SEQUENCE,
        vec![code("C-111A1", "SRT", "^18^Fluorine")],
    );
    sequence(
        &mut drug,
        tags::RADIOPHARMACEUTICAL_CODE_SEQUENCE,
        vec![code("C-B1031", "SRT", "Fluorodeoxyglucose F^18^")],
    );
    sequence(
        &mut o,
        tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE,
        vec![drug],
    );
    let activity = |j: usize, i: usize| {
        body::suv(PET.at(i, j, k), voxel_number(&PET, i, j, k)).max(0.0) / suv_factor()
    };
    let values: Vec<f64> = (0..PET.rows)
        .flat_map(|j| (0..PET.columns).map(move |i| (j, i)))
        .map(|(j, i)| activity(j, i))
        .collect();
    // What is written is what the reader multiplies with, so the slope is rounded first.
    let slope: f64 = format!(
        "{:.9}",
        values.iter().copied().fold(1.0, f64::max) / 32_767.0
    )
    .parse()
    .unwrap_or(1.0);
    let pixels = values
        .iter()
        .map(|v| (v / slope).round().min(32_767.0) as i16)
        .collect();
    put_image(&mut o, &PET, k, slope, 0.0, pixels);
    save(path, o)
}

/// The tumour as closed planar contours on the CT slices.
pub fn write_rtstruct(path: &Path) -> Result<(), Failure> {
    let mut o = object(RTSTRUCT_CLASS, "RTSTRUCT", 3, 0);
    text(&mut o, tags::STRUCTURE_SET_LABEL, VR::SH, "TUMOUR");
    text(&mut o, tags::STRUCTURE_SET_DATE, VR::DA, "20240115");
    text(&mut o, tags::STRUCTURE_SET_TIME, VR::TM, "120000");
    let mut roi = InMemDicomObject::new_empty();
    text(&mut roi, tags::ROI_NUMBER, VR::IS, "1");
    text(
        &mut roi,
        tags::REFERENCED_FRAME_OF_REFERENCE_UID,
        VR::UI,
        uid(9, 2),
    );
    text(&mut roi, tags::ROI_NAME, VR::LO, "Tumour");
    text(
        &mut roi,
        tags::ROI_GENERATION_ALGORITHM,
        VR::CS,
        "AUTOMATIC",
    );
    sequence(&mut o, tags::STRUCTURE_SET_ROI_SEQUENCE, vec![roi]);
    let contours = (0..CT.slices).filter_map(|k| {
        let z = CT.at(0, 0, k)[2];
        let radius = (TUMOUR_RADIUS.powi(2) - (z - TUMOUR_CENTER[2]).powi(2)).sqrt();
        (radius > 1.0).then(|| contour(radius, z, k))
    });
    let mut observation = InMemDicomObject::new_empty();
    text(&mut observation, tags::OBSERVATION_NUMBER, VR::IS, "1");
    text(&mut observation, tags::REFERENCED_ROI_NUMBER, VR::IS, "1");
    text(
        &mut observation,
        tags::RTROI_INTERPRETED_TYPE,
        VR::CS,
        "GTV",
    );
    text(&mut observation, tags::ROI_INTERPRETER, VR::PN, "");
    let mut drawn = InMemDicomObject::new_empty();
    text(&mut drawn, tags::ROI_DISPLAY_COLOR, VR::IS, "255\\0\\0");
    text(&mut drawn, tags::REFERENCED_ROI_NUMBER, VR::IS, "1");
    sequence(&mut drawn, tags::CONTOUR_SEQUENCE, contours.collect());
    sequence(&mut o, tags::ROI_CONTOUR_SEQUENCE, vec![drawn]);
    sequence(&mut o, tags::RTROI_OBSERVATIONS_SEQUENCE, vec![observation]);
    save(path, o)
}

fn contour(radius: f64, z: f64, slice: usize) -> InMemDicomObject {
    const POINTS: usize = 48;
    let points: Vec<f64> = (0..POINTS)
        .flat_map(|i| {
            let (sin, cos) = (i as f64 / POINTS as f64 * std::f64::consts::TAU).sin_cos();
            [
                TUMOUR_CENTER[0] + radius * cos,
                TUMOUR_CENTER[1] + radius * sin,
                z,
            ]
        })
        .collect();
    let mut image = InMemDicomObject::new_empty();
    text(&mut image, tags::REFERENCED_SOP_CLASS_UID, VR::UI, CT_CLASS);
    text(
        &mut image,
        tags::REFERENCED_SOP_INSTANCE_UID,
        VR::UI,
        uid(1, slice + 1),
    );
    let mut item = InMemDicomObject::new_empty();
    sequence(&mut item, tags::CONTOUR_IMAGE_SEQUENCE, vec![image]);
    text(
        &mut item,
        tags::CONTOUR_GEOMETRIC_TYPE,
        VR::CS,
        "CLOSED_PLANAR",
    );
    text(
        &mut item,
        tags::NUMBER_OF_CONTOUR_POINTS,
        VR::IS,
        POINTS.to_string(),
    );
    decimals(&mut item, tags::CONTOUR_DATA, &points);
    item
}
