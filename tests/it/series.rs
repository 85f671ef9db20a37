//! Synthetic studies with one thing wrong: the attributes that decide values, places and identity are exact or refused by
//! name, in every slice; CT and PET are chosen together.

mod choice;
mod identity;
mod places;
mod values;

use crate::support::{inspect, series};
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use dlnms::cancel::CancelToken;
use dlnms::error::status::*;
use dlnms::imaging::roi::Roi;
use dlnms::readers::dicom::{Archive, Inspection, Modality, SeriesChoice, SeriesSummary, Study};
use std::path::{Path, PathBuf};

const N: usize = 6;
const SIDE: u16 = 4;
/// Nobody's: they may never stand in a message.
const SECRETS: [&str; 4] = ["OTHER-ID", "DOE", "19441123", "SECRET"];

fn put(object: &mut InMemDicomObject, tag: Tag, vr: VR, text: &str) {
    object.put(DataElement::new(tag, vr, PrimitiveValue::from(text)));
}

fn word(object: &mut InMemDicomObject, tag: Tag, value: u16) {
    object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
}

fn sequence(object: &mut InMemDicomObject, tag: Tag, item: InMemDicomObject) {
    let items = DataSetSequence::from(vec![item]);
    object.put(DataElement::new(tag, VR::SQ, items));
}

/// One slice: stored values 100 k + pixel, 3 mm apart.
fn slice(modality: &str, k: usize) -> InMemDicomObject {
    let mut o = InMemDicomObject::new_empty();
    let (class, slope, intercept) = match modality {
        "CT" => ("1.2.840.10008.5.1.4.1.1.2", "1", "-1024"),
        _ => ("1.2.840.10008.5.1.4.1.1.128", "0.5", "0"),
    };
    for (tag, vr, text) in [
        (tags::SOP_CLASS_UID, VR::UI, class),
        (tags::MODALITY, VR::CS, modality),
        (tags::PATIENT_ID, VR::LO, "ID-1"),
        (tags::ISSUER_OF_PATIENT_ID, VR::LO, "HERE"),
        (tags::PATIENT_NAME, VR::PN, "ROE^JANE"),
        (tags::PATIENT_BIRTH_DATE, VR::DA, "19500101"),
        (tags::PATIENT_SEX, VR::CS, "F"),
        (tags::PATIENT_SIZE, VR::DS, "1.70"),
        (tags::PATIENT_WEIGHT, VR::DS, "70"),
        (tags::STUDY_INSTANCE_UID, VR::UI, "1.2.1"),
        (tags::FRAME_OF_REFERENCE_UID, VR::UI, "1.2.2"),
        (tags::SERIES_DATE, VR::DA, "20200101"),
        (tags::SERIES_TIME, VR::TM, "100000"),
        (tags::ACQUISITION_DATE, VR::DA, "20200101"),
        (tags::ACQUISITION_TIME, VR::TM, "100000"),
        (tags::ACQUISITION_NUMBER, VR::IS, "1"),
        (tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\1\\0"),
        (tags::PIXEL_SPACING, VR::DS, "2\\2"),
        (tags::SLICE_THICKNESS, VR::DS, "3"),
        (tags::RESCALE_SLOPE, VR::DS, slope),
        (tags::RESCALE_INTERCEPT, VR::DS, intercept),
        (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
    ] {
        put(&mut o, tag, vr, text);
    }
    let uid = if modality == "CT" { "1.2.3" } else { "1.2.4" };
    put(&mut o, tags::SERIES_INSTANCE_UID, VR::UI, uid);
    put(
        &mut o,
        tags::SOP_INSTANCE_UID,
        VR::UI,
        &format!("{uid}.{k}"),
    );
    let position = format!("0\\0\\{}", 3 * k);
    put(&mut o, tags::IMAGE_POSITION_PATIENT, VR::DS, &position);
    for (tag, value) in [
        (tags::SAMPLES_PER_PIXEL, 1),
        (tags::ROWS, SIDE),
        (tags::COLUMNS, SIDE),
        (tags::BITS_ALLOCATED, 16),
        (tags::BITS_STORED, 16),
        (tags::HIGH_BIT, 15),
        (tags::PIXEL_REPRESENTATION, 0),
    ] {
        word(&mut o, tag, value);
    }
    let pixels: Vec<u16> = (0..SIDE * SIDE).map(|v| v + 100 * k as u16).collect();
    let pixels = PrimitiveValue::U16(pixels.into());
    o.put(DataElement::new(tags::PIXEL_DATA, VR::OW, pixels));
    if modality == "PT" {
        put(&mut o, tags::UNITS, VR::CS, "BQML");
        put(&mut o, tags::DECAY_CORRECTION, VR::CS, "START");
        put(&mut o, tags::CORRECTED_IMAGE, VR::CS, "DECY\\ATTN");
        put(&mut o, tags::MANUFACTURER, VR::LO, "ACME");
        sequence(
            &mut o,
            tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE,
            drug(|_| {}),
        );
    }
    o
}

/// The radiopharmaceutical, changed.
fn drug(change: impl Fn(&mut InMemDicomObject)) -> InMemDicomObject {
    let mut item = InMemDicomObject::new_empty();
    for (tag, vr, text) in [
        (tags::RADIOPHARMACEUTICAL, VR::LO, "FDG"),
        (tags::RADIONUCLIDE_TOTAL_DOSE, VR::DS, "300000000"),
        (tags::RADIONUCLIDE_HALF_LIFE, VR::DS, "6586.2"),
        (tags::RADIOPHARMACEUTICAL_START_TIME, VR::TM, "090000"),
    ] {
        put(&mut item, tag, vr, text);
    }
    change(&mut item);
    item
}

type Change<'a> = &'a dyn Fn(usize, &mut InMemDicomObject);

/// Writes `name-K.dcm`, each slice changed.
fn write(folder: &Path, name: &str, modality: &str, n: usize, change: Change) {
    for k in 0..n {
        let mut object = slice(modality, k);
        change(k, &mut object);
        let uid = |tag| {
            object
                .element(tag)
                .ok()
                .and_then(|e| e.to_str().ok().map(|t| t.into_owned()))
        };
        let meta = FileMetaTableBuilder::new()
            .transfer_syntax("1.2.840.10008.1.2.1")
            .media_storage_sop_class_uid(uid(tags::SOP_CLASS_UID).unwrap_or_else(|| "1.2".into()))
            .media_storage_sop_instance_uid(uid(tags::SOP_INSTANCE_UID).unwrap());
        let file = object.with_meta(meta).unwrap();
        file.write_to_file(folder.join(format!("{name}-{k}.dcm")))
            .unwrap();
    }
}

fn nothing(_: usize, _: &mut InMemDicomObject) {}

/// A change of one slice in the middle.
fn in_one(change: impl Fn(&mut InMemDicomObject)) -> impl Fn(usize, &mut InMemDicomObject) {
    move |k, o| {
        if k == 2 {
            change(o);
        }
    }
}

/// The files of a folder, each named to the archive.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = folder
        .read_dir()
        .unwrap()
        .flatten()
        .map(|e| e.path())
        .collect();
    files.sort();
    files
}

fn alone(modality: &str, change: Change) -> SeriesSummary {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "s", modality, N, change);
    let mut found = inspect(&files(folder.path())).unwrap();
    found.series.swap_remove(0)
}

/// The reason for which a series with this change is refused.
fn refusal(modality: &str, change: Change) -> String {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "s", modality, N, change);
    let paths = files(folder.path());
    let found = inspect(&paths).unwrap();
    let of = found
        .series
        .iter()
        .find(|s| s.modality == modality)
        .unwrap();
    let why = of
        .rejected_because
        .clone()
        .unwrap_or_else(|| panic!("read: {of:?}"));
    let kind = if modality == "CT" {
        Modality::Ct
    } else {
        Modality::Pt
    };
    let error = series(&paths, kind).unwrap_err();
    assert!(error.to_string().contains(&why), "{error} / {why}");
    assert!(
        [DLNMS_E_DICOM_SERIES, DLNMS_E_SUV, DLNMS_E_DICOM_NO_SERIES].contains(&error.status()),
        "{error}"
    );
    assert!(SECRETS.iter().all(|s| !why.contains(s)), "{why}");
    if let Some(suv) = &of.suv {
        assert!(
            suv.factor.is_none() || !why.contains("SUV refused"),
            "{of:?}"
        );
    }
    why
}

fn load(folder: &Path, choice: SeriesChoice<'_>) -> dlnms::Result<Study> {
    let cancel = CancelToken::default();
    let archive = Archive::open(&files(folder), &cancel)?;
    Study::load(&archive, &archive, choice, &|_, _| true, &cancel)
}
