//! A valid PET whose attributes of SUV are edited one at a time: the exact factor, a refusal that names tag and file, or
//! a finding. The files are made here.

use crate::support::{inspect, series, shared, tiny_bundle};
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use dlnms::bundle::Manifest;
use dlnms::evidence::quality::{self, Code, QualityPolicy};
use dlnms::imaging::roi::Roi;
use dlnms::readers::dicom::{Modality, Series, pet_info_from_json};
use dlnms::scorer::Case;
use std::path::Path;

const SLICES: usize = 3;
const SIDE: usize = 16;
const HALF_LIFE: f64 = 6586.2;

/// 70 kg, 370 MBq of F-18 at 10:00, and a scan that starts `minutes` later.
fn after(minutes: f64) -> f64 {
    70_000.0 / (370e6 * 2f64.powf(-minutes * 60.0 / HALF_LIFE))
}

fn put(object: &mut InMemDicomObject, tag: Tag, vr: VR, text: &str) {
    object.put(DataElement::new(tag, vr, PrimitiveValue::from(text)));
}

fn put_items(object: &mut InMemDicomObject, tag: Tag, items: Vec<InMemDicomObject>) {
    object.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
}

fn object(attributes: &[(Tag, VR, &str)]) -> InMemDicomObject {
    let mut object = InMemDicomObject::new_empty();
    for (tag, vr, text) in attributes {
        put(&mut object, *tag, *vr, text);
    }
    object
}

fn code(value: &str) -> InMemDicomObject {
    object(&[(tags::CODE_VALUE, VR::SH, value)])
}

/// What a PET of either kind says of patient, tracer and pixels.
fn common(sop_class: &str, modality: &str, uid: &str) -> InMemDicomObject {
    let mut drug = object(&[
        (tags::RADIONUCLIDE_TOTAL_DOSE, VR::DS, "370000000"),
        (tags::RADIONUCLIDE_HALF_LIFE, VR::DS, "6586.2"),
        (tags::RADIOPHARMACEUTICAL_START_TIME, VR::TM, "100000"),
        (
            tags::RADIOPHARMACEUTICAL_START_DATE_TIME,
            VR::DT,
            "20250101100000",
        ),
    ]);
    put_items(
        &mut drug,
        tags::RADIONUCLIDE_CODE_SEQUENCE,
        vec![code("C-111A1")],
    );
    let mut object = object(&[
        (tags::SOP_CLASS_UID, VR::UI, sop_class),
        (tags::SOP_INSTANCE_UID, VR::UI, uid),
        (tags::STUDY_INSTANCE_UID, VR::UI, "1.2.3"),
        (tags::SERIES_INSTANCE_UID, VR::UI, "1.2.3.4"),
        (tags::FRAME_OF_REFERENCE_UID, VR::UI, "1.2.3.5"),
        (tags::MODALITY, VR::CS, modality),
        (tags::PATIENT_ID, VR::LO, "made-up"),
        (tags::PATIENT_WEIGHT, VR::DS, "70"),
        (tags::PATIENT_SIZE, VR::DS, "1.75"),
        (tags::PATIENT_SEX, VR::CS, "M"),
        (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
        (tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY"),
    ]);
    put_items(
        &mut object,
        tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE,
        vec![drug],
    );
    for (tag, value) in [
        (tags::ROWS, SIDE as u16),
        (tags::COLUMNS, SIDE as u16),
        (tags::BITS_ALLOCATED, 16),
        (tags::BITS_STORED, 16),
        (tags::HIGH_BIT, 15),
        (tags::PIXEL_REPRESENTATION, 0),
        (tags::SAMPLES_PER_PIXEL, 1),
    ] {
        object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
    }
    object
}

fn pixels(object: &mut InMemDicomObject, frames: usize) {
    let words: Vec<u16> = vec![100; SIDE * SIDE * frames];
    let value = PrimitiveValue::U16(words.into());
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OW, value));
}

fn write(object: InMemDicomObject, file: &Path) {
    let text = |tag| object.element(tag).unwrap().to_str().unwrap().into_owned();
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
        .media_storage_sop_class_uid(text(tags::SOP_CLASS_UID))
        .media_storage_sop_instance_uid(text(tags::SOP_INSTANCE_UID));
    let file_object = object.with_meta(meta).unwrap();
    file_object.write_to_file(file).unwrap();
}

/// A single-frame PET of three slices in Bq/ml, started at 11:00, each slice changed by `edit`.
fn pet(edit: &dyn Fn(usize, &mut InMemDicomObject)) -> dlnms::Result<Series> {
    let folder = tempfile::tempdir().unwrap();
    write_pet(folder.path(), edit);
    series(&[folder.path().to_owned()], Modality::Pt)
}

fn write_pet(folder: &Path, edit: &dyn Fn(usize, &mut InMemDicomObject)) {
    for k in 0..SLICES {
        let uid = format!("1.2.3.4.{}", k + 1);
        let mut slice = common(uids::POSITRON_EMISSION_TOMOGRAPHY_IMAGE_STORAGE, "PT", &uid);
        let position = format!("0\\0\\{}", 4 * k);
        for (tag, vr, text) in [
            (tags::SERIES_DATE, VR::DA, "20250101"),
            (tags::SERIES_TIME, VR::TM, "110000"),
            (tags::ACQUISITION_DATE, VR::DA, "20250101"),
            (tags::ACQUISITION_TIME, VR::TM, "110000"),
            (tags::FRAME_REFERENCE_TIME, VR::DS, "150000"),
            (tags::ACTUAL_FRAME_DURATION, VR::IS, "300000"),
            (tags::UNITS, VR::CS, "BQML"),
            (tags::DECAY_CORRECTION, VR::CS, "START"),
            (tags::CORRECTED_IMAGE, VR::CS, "DECY\\ATTN"),
            (tags::RESCALE_SLOPE, VR::DS, "2"),
            (tags::RESCALE_INTERCEPT, VR::DS, "0"),
            (tags::IMAGE_POSITION_PATIENT, VR::DS, &position),
            (tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\1\\0"),
            (tags::PIXEL_SPACING, VR::DS, "4\\4"),
            (tags::SLICE_THICKNESS, VR::DS, "4"),
        ] {
            put(&mut slice, tag, vr, text);
        }
        pixels(&mut slice, 1);
        edit(k, &mut slice);
        write(slice, &folder.join(format!("slice{k}.dcm")));
    }
}

/// Changes an attribute in every slice.
fn set(tag: Tag, vr: VR, text: &'static str) -> impl Fn(usize, &mut InMemDicomObject) {
    move |_, slice| put(slice, tag, vr, text)
}

fn edit_drug(object: &mut InMemDicomObject, edit: impl Fn(&mut InMemDicomObject)) {
    let tag = tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE;
    let mut drug = object.element(tag).unwrap().items().unwrap()[0].clone();
    edit(&mut drug);
    put_items(object, tag, vec![drug]);
}

/// Changes an attribute of the radiopharmaceutical in every slice.
fn set_drug(tag: Tag, vr: VR, text: &'static str) -> impl Fn(usize, &mut InMemDicomObject) {
    move |_, slice| edit_drug(slice, |drug| put(drug, tag, vr, text))
}

/// Findings about SUV's inputs.
fn findings(series: &Series) -> Vec<Code> {
    let info = series.pet_info.as_ref().unwrap();
    let view = series.volume.view("pet").unwrap();
    let mut case = Case::new(view, view, Roi::Point([30.0, 30.0, 4.0]));
    case.pet_info = Some(info);
    let manifest = std::fs::read(tiny_bundle().join("manifest.json")).unwrap();
    let spec = Manifest::parse(&manifest).unwrap().preprocessing;
    let suv = info.suv_scale().unwrap();
    let extent = case.roi.extent().unwrap();
    let policy = QualityPolicy::default();
    let found = quality::check(&case, &extent, Some(&suv), None, &spec, &policy).unwrap();
    let mine = [
        Code::WeightUnitAssumed,
        Code::DoseUnitAssumed,
        Code::TimeZoneAssumed,
        Code::HalfLifeMismatch,
        Code::SuvNormalization,
        Code::ReferenceTimeAssumed,
    ];
    let codes = found.iter().map(|f| f.code);
    codes.filter(|c| mine.contains(c)).collect()
}

#[track_caller]
fn exact(series: dlnms::Result<Series>, factor: f64, rule: &str, codes: &[Code]) {
    let series = series.unwrap();
    let scale = series.pet_info.as_ref().unwrap().suv_scale().unwrap();
    for found in &scale.factors {
        // Seconds since 1970 are kept to a quarter of a microsecond.
        let off = (found / factor - 1.0).abs();
        assert!(off < 1e-10, "{found} instead of {factor} ({})", scale.rule);
    }
    assert_eq!(scale.rule, rule);
    assert_eq!(findings(&series), codes);
}

#[track_caller]
fn refused(series: dlnms::Result<Series>, words: &[&str]) {
    let Err(error) = series else {
        let info = series.unwrap().pet_info.unwrap();
        panic!("not refused ({words:?}): {:?}", info.suv_scale());
    };
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "{text:?} lacks {word:?}");
    }
}

#[test]
fn the_valid_series_is_exact() {
    exact(pet(&|_, _| ()), after(60.0), "START/SeriesTime", &[]);
}

#[test]
fn an_input_of_suv_that_is_no_number_is_refused_naming_tag_and_file() {
    for (tag, vr, named) in [
        (tags::PATIENT_WEIGHT, VR::DS, "PatientWeight (0010,1030)"),
        (
            tags::FRAME_REFERENCE_TIME,
            VR::DS,
            "FrameReferenceTime (0054,1300)",
        ),
        (
            tags::ACTUAL_FRAME_DURATION,
            VR::IS,
            "ActualFrameDuration (0018,1242)",
        ),
    ] {
        for wrong in ["70,5", "70 kg", "nan", "inf", "70\\80", "1e999"] {
            refused(pet(&set(tag, vr, wrong)), &[named, "file 1"]);
        }
    }
    for (tag, named) in [
        (
            tags::RADIONUCLIDE_TOTAL_DOSE,
            "RadionuclideTotalDose (0018,1074)",
        ),
        (
            tags::RADIONUCLIDE_HALF_LIFE,
            "RadionuclideHalfLife (0018,1075)",
        ),
    ] {
        for wrong in ["370,0", "370 MBq", "nan", "1\\2", "-inf"] {
            refused(pet(&set_drug(tag, VR::DS, wrong)), &[named, "file 1"]);
        }
    }
    // Not an input of SUV by body weight.
    let size = set(tags::PATIENT_SIZE, VR::DS, "1,75");
    exact(pet(&size), after(60.0), "START/SeriesTime", &[]);
    let lean = |k: usize, s: &mut InMemDicomObject| {
        set(tags::UNITS, VR::CS, "GML")(k, s);
        set(tags::SUV_TYPE, VR::CS, "LBMJANMA")(k, s);
        size(k, s);
    };
    refused(pet(&lean), &["PatientSize (0010,1020)", "file 1"]);
}

#[test]
fn an_input_of_suv_that_is_missing_or_empty_is_refused_naming_tag_and_file() {
    for (tag, named) in [
        (tags::PATIENT_WEIGHT, "PatientWeight (0010,1030)"),
        (tags::DECAY_CORRECTION, "DecayCorrection (0054,1102)"),
        (tags::ACQUISITION_TIME, "AcquisitionTime (0008,0032)"),
        (tags::ACQUISITION_DATE, "AcquisitionDate (0008,0022)"),
    ] {
        refused(pet(&|_, s| drop(s.take_element(tag))), &[named, "file 1"]);
        refused(pet(&set(tag, VR::LO, "")), &[named, "file 1"]);
        // In one slice alone.
        let one = |k: usize, s: &mut InMemDicomObject| {
            if k == 1 {
                s.take_element(tag).unwrap();
            }
        };
        refused(pet(&one), &[named.split(' ').next().unwrap(), "file 2"]);
    }
    let dose = "RadionuclideTotalDose (0018,1074)";
    for nothing in ["", "0", "-370000000"] {
        let edit = set_drug(tags::RADIONUCLIDE_TOTAL_DOSE, VR::DS, nothing);
        refused(pet(&edit), &[dose, "file 1"]);
    }
    let never = |_: usize, s: &mut InMemDicomObject| {
        edit_drug(s, |drug| {
            drug.take_element(tags::RADIOPHARMACEUTICAL_START_TIME)
                .unwrap();
            drug.take_element(tags::RADIOPHARMACEUTICAL_START_DATE_TIME)
                .unwrap();
        });
    };
    refused(
        pet(&never),
        &["RadiopharmaceuticalStartDateTime (0018,1078)", "file 1"],
    );
}

#[test]
fn a_day_that_the_calendar_lacks_and_a_time_that_no_clock_shows_are_refused() {
    for (tag, vr, wrong, named) in [
        (
            tags::SERIES_DATE,
            VR::DA,
            "20250231",
            "SeriesDate (0008,0021)",
        ),
        (tags::SERIES_TIME, VR::TM, "2500", "SeriesTime (0008,0031)"),
        (
            tags::ACQUISITION_DATE,
            VR::DA,
            "20250229",
            "AcquisitionDate (0008,0022)",
        ),
        (
            tags::ACQUISITION_TIME,
            VR::TM,
            "11h00",
            "AcquisitionTime (0008,0032)",
        ),
        (
            tags::TIMEZONE_OFFSET_FROM_UTC,
            VR::SH,
            "CET",
            "TimezoneOffsetFromUTC (0008,0201)",
        ),
    ] {
        refused(pet(&set(tag, vr, wrong)), &[named, "file 1"]);
    }
    let injected = |text| {
        pet(&set_drug(
            tags::RADIOPHARMACEUTICAL_START_DATE_TIME,
            VR::DT,
            text,
        ))
    };
    for wrong in ["20250231100000", "20250101100000+25", "yesterday"] {
        let named = "RadiopharmaceuticalStartDateTime (0018,1078)";
        refused(injected(wrong), &[named, "file 1"]);
    }
}

#[test]
fn every_input_of_suv_is_compared_over_all_slices() {
    type Edit = Box<dyn Fn(usize, &mut InMemDicomObject)>;
    let edits: Vec<(&str, Edit)> = vec![
        (
            "PatientWeight",
            Box::new(set(tags::PATIENT_WEIGHT, VR::DS, "71")),
        ),
        (
            "PatientSize",
            Box::new(set(tags::PATIENT_SIZE, VR::DS, "1.8")),
        ),
        ("PatientSex", Box::new(set(tags::PATIENT_SEX, VR::CS, "F"))),
        ("Units", Box::new(set(tags::UNITS, VR::CS, "GML"))),
        ("SUVType", Box::new(set(tags::SUV_TYPE, VR::CS, "BW"))),
        (
            "DecayCorrection",
            Box::new(set(tags::DECAY_CORRECTION, VR::CS, "ADMIN")),
        ),
        (
            "CorrectedImage",
            Box::new(set(tags::CORRECTED_IMAGE, VR::CS, "DECY")),
        ),
        (
            "SeriesTime",
            Box::new(set(tags::SERIES_TIME, VR::TM, "105900")),
        ),
        (
            "TimezoneOffsetFromUTC",
            Box::new(set(tags::TIMEZONE_OFFSET_FROM_UTC, VR::SH, "+0100")),
        ),
        (
            "RadionuclideTotalDose",
            Box::new(set_drug(tags::RADIONUCLIDE_TOTAL_DOSE, VR::DS, "371000000")),
        ),
        (
            "RadionuclideHalfLife",
            Box::new(set_drug(tags::RADIONUCLIDE_HALF_LIFE, VR::DS, "6588")),
        ),
        (
            "RadiopharmaceuticalStartTime",
            Box::new(set_drug(
                tags::RADIOPHARMACEUTICAL_START_TIME,
                VR::TM,
                "100001",
            )),
        ),
        (
            "RadiopharmaceuticalStartDateTime",
            Box::new(set_drug(
                tags::RADIOPHARMACEUTICAL_START_DATE_TIME,
                VR::DT,
                "20250101100001",
            )),
        ),
    ];
    for (named, edit) in edits {
        let last = |k: usize, s: &mut InMemDicomObject| {
            if k == 2 {
                edit(k, s);
            }
        };
        refused(pet(&last), &[named, "file 1", "file 3"]);
    }
}

#[test]
fn two_radiopharmaceutical_items_are_refused() {
    let twice = |_: usize, s: &mut InMemDicomObject| {
        let tag = tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE;
        let drug = s.element(tag).unwrap().items().unwrap()[0].clone();
        put_items(s, tag, vec![drug.clone(), drug]);
    };
    let named = "RadiopharmaceuticalInformationSequence (0054,0016) has 2 items";
    refused(pet(&twice), &[named, "file 1"]);
}

#[test]
fn a_half_life_that_is_not_the_coded_nuclides_is_refused_naming_both() {
    let of = |code_value: &'static str, half_life: &'static str| {
        pet(&move |_, s| {
            edit_drug(s, |drug| {
                put_items(
                    drug,
                    tags::RADIONUCLIDE_CODE_SEQUENCE,
                    vec![code(code_value)],
                );
                put(drug, tags::RADIONUCLIDE_HALF_LIFE, VR::DS, half_life);
            })
        })
    };
    for (code_value, half_life, name) in [
        ("C-111A1", "4000", "F-18 with 6586.2 s"),
        ("C-111A1", "109.77", "F-18 with 6586.2 s"), // minutes
        ("C-111A1", "1.8295", "F-18 with 6586.2 s"), // hours
        ("77004003", "6718", "F-18 with 6586.2 s"),
        ("C-111A1", "6454", "F-18 with 6586.2 s"),
        ("C-111A1", "0", "F-18 with 6586.2 s"),
        ("C-131A3", "6586.2", "Ga-68 with 4062.6 s"),
        ("3932008", "6586.2", "Cu-64 with 45723.6 s"),
        ("C-168A4", "6586.2", "Zr-89 with 282276 s"),
        ("40565003", "6586.2", "C-11 with 1223.4 s"),
        ("C-B1038", "6586.2", "O-15 with 122.24 s"),
        ("79197006", "6586.2", "Rb-82 with 75.5 s"),
    ] {
        let named = "RadionuclideHalfLife (0018,1075)";
        refused(of(code_value, half_life), &[named, name, "file 1"]);
    }
    let factor = |t: f64| 70_000.0 / (370e6 * 2f64.powf(-3600.0 / t));
    for (code_value, half_life) in [
        ("C-111A1", "6588"),
        ("C-111A1", "6717"),
        ("C-131A3", "4080"),
        ("C-128A2", "23410100"), // Ge-68 of a phantom is not in the table
    ] {
        let want = factor(half_life.parse().unwrap());
        exact(of(code_value, half_life), want, "START/SeriesTime", &[]);
    }
    // F-18 alone has a half-life where the header has none.
    let named = "RadionuclideHalfLife (0018,1075)";
    refused(of("C-131A3", ""), &[named, "file 1"]);
    exact(of("C-111A1", ""), after(60.0), "START/SeriesTime", &[]);
}

#[test]
fn a_reference_time_that_cannot_be_verified_is_not_used() {
    let assumed = [Code::ReferenceTimeAssumed];
    // Without frame times the acquisition stands in, with a finding.
    let of = |edit: &dyn Fn(&mut InMemDicomObject)| {
        pet(&|_, s| {
            drop(s.take_element(tags::FRAME_REFERENCE_TIME));
            edit(s);
        })
    };
    let day = |text: &'static str| move |s: &mut _| put(s, tags::SERIES_DATE, VR::DA, text);
    for edit in [
        &(|s: &mut InMemDicomObject| put(s, tags::SERIES_TIME, VR::TM, "130000"))
            as &dyn Fn(&mut _),
        &|s: &mut InMemDicomObject| drop(s.take_element(tags::SERIES_DATE)),
        &|s: &mut InMemDicomObject| drop(s.take_element(tags::SERIES_TIME)),
        &|s: &mut InMemDicomObject| put(s, tags::SERIES_DATE, VR::DA, ""),
        &day("20241230"),
        &day("20250102"),
    ] {
        exact(of(edit), after(60.0), "START/AcquisitionTime", &assumed);
    }
    // A series time of up to a day before is one.
    let early = |s: &mut InMemDicomObject| put(s, tags::SERIES_TIME, VR::TM, "104500");
    exact(of(&early), after(45.0), "START/SeriesTime", &[]);

    let ge = |text: &'static str| {
        of(&move |s| {
            put(s, tags::SERIES_TIME, VR::TM, "130000");
            put(s, tags::MANUFACTURER, VR::LO, "GE MEDICAL SYSTEMS");
            put(s, Tag(0x0009, 0x0010), VR::LO, "GEMS_PETD_01");
            put(s, Tag(0x0009, 0x100D), VR::DT, text);
        })
    };
    exact(
        ge("20250101105500.00"),
        after(55.0),
        "START/GE(0009,xx0D)",
        &[],
    );
    for wrong in ["20250101123000.00", "20241224110000.00"] {
        exact(ge(wrong), after(60.0), "START/AcquisitionTime", &assumed);
    }
    refused(ge("20250231110000"), &["(0009,xx0D)", "file 1"]);

    // The frame's own times come before the acquisition: FRT is counted to the mean decay time of the frame.
    let lambda = std::f64::consts::LN_2 / HALF_LIFE;
    let mean = (lambda * 300.0 / -(-lambda * 300.0).exp_m1()).ln() / lambda;
    let late = set(tags::SERIES_TIME, VR::TM, "130000");
    let want = after(60.0 + (mean - 150.0) / 60.0);
    exact(pet(&late), want, "START/FrameReferenceTime", &[]);
    let negative = |k: usize, s: &mut InMemDicomObject| {
        late(k, s);
        set(tags::FRAME_REFERENCE_TIME, VR::DS, "-150000")(k, s);
    };
    refused(pet(&negative), &["FrameReferenceTime (0054,1300)"]);
}

#[test]
fn date_times_with_a_zone_are_moments() {
    let injected = |text: &'static str, zone: Option<&'static str>| {
        pet(&move |_, s| {
            edit_drug(s, |drug| {
                let tag = tags::RADIOPHARMACEUTICAL_START_DATE_TIME;
                put(drug, tag, VR::DT, text);
                drug.take_element(tags::RADIOPHARMACEUTICAL_START_TIME)
                    .unwrap();
            });
            if let Some(zone) = zone {
                put(s, tags::TIMEZONE_OFFSET_FROM_UTC, VR::SH, zone);
            }
        })
    };
    let rule = "START/SeriesTime";
    let exactly = |text, zone, minutes| exact(injected(text, zone), after(minutes), rule, &[]);
    exactly("20250101100000+0100", Some("+0100"), 60.0);
    exactly("20250101080000+0000", Some("+0100"), 120.0);
    exactly("20250101100000+0100", Some("+0130"), 30.0);
    exactly("20250101043000-0500", Some("+0100"), 30.0);
    exactly("20250101100000", Some("-0800"), 60.0);
    // Over midnight.
    exactly("20241231230000-1000", Some("+0100"), 60.0);
    // The scanner's zone is unknown: the local parts are compared, and that is said.
    let flagged = [Code::TimeZoneAssumed];
    exact(
        injected("20250101100000+0900", None),
        after(60.0),
        rule,
        &flagged,
    );
    // Not where no time is used.
    let admin = pet(&|_, s| {
        put(s, tags::DECAY_CORRECTION, VR::CS, "ADMIN");
        edit_drug(s, |drug| {
            let tag = tags::RADIOPHARMACEUTICAL_START_DATE_TIME;
            put(drug, tag, VR::DT, "20250101100000+0900");
        });
    });
    exact(admin, 70_000.0 / 370e6, "ADMIN", &[]);
}

#[test]
fn a_reader_repairs_units_and_says_so() {
    let grams = set(tags::PATIENT_WEIGHT, VR::DS, "70000");
    let rule = "START/SeriesTime";
    exact(pet(&grams), after(60.0), rule, &[Code::WeightUnitAssumed]);
    let megabecquerel = set_drug(tags::RADIONUCLIDE_TOTAL_DOSE, VR::DS, "370");
    exact(
        pet(&megabecquerel),
        after(60.0),
        rule,
        &[Code::DoseUnitAssumed],
    );
}

#[test]
fn a_host_that_states_f18_with_another_half_life_gets_a_finding() {
    let mut series = pet(&|_, _| ()).unwrap();
    let mut host = |half_life: f64, coded: bool| {
        let info = series.pet_info.as_mut().unwrap();
        (info.half_life_s, info.f18_coded) = (Some(half_life), coded);
        findings(&series)
    };
    assert_eq!(host(4000.0, true), [Code::HalfLifeMismatch]);
    assert_eq!(host(6453.0, true), [Code::HalfLifeMismatch]);
    assert_eq!(host(6719.0, true), [Code::HalfLifeMismatch]);
    assert_eq!(host(6588.0, true), []);
    assert_eq!(
        host(4000.0, false),
        [],
        "another nuclide, as far as is known"
    );
}

#[test]
fn an_inspection_has_the_findings_of_suv() {
    let folder = tempfile::tempdir().unwrap();
    write_pet(folder.path(), &set(tags::PATIENT_WEIGHT, VR::DS, "70000"));
    let found = inspect(&[folder.path().to_owned()]).unwrap();
    let findings = quality::check_headers(found.metadata.as_ref(), found.suv.as_ref());
    let codes: Vec<Code> = findings.iter().map(|f| f.code).collect();
    assert_eq!(codes, [Code::WeightUnitAssumed]);
    let suv = found.series[0].suv.as_ref().unwrap();
    assert!(suv.warnings[0].contains("grams"), "{:?}", suv.warnings);
}

#[test]
fn a_factor_from_another_kind_of_suv_is_checked() {
    let of = |units: &'static str, kind: &'static str, height: &'static str| {
        pet(&move |_, s| {
            put(s, tags::UNITS, VR::CS, units);
            put(s, tags::SUV_TYPE, VR::CS, kind);
            put(s, tags::PATIENT_SIZE, VR::DS, height);
        })
    };
    let lean = |h: f64| 70.0 / (1.10 * 70.0 - 120.0 * (70.0f64 / h).powi(2));
    let odd = [Code::SuvNormalization];
    exact(of("GML", "LBM", "1.75"), lean(175.0), "GML/Lbm", &[]);
    exact(of("GML", "LBM", "1.05"), lean(105.0), "GML/Lbm", &odd);
    let ideal = |h: f64| 70.0 / (48.0 + 1.06 * (h - 152.0));
    exact(of("GML", "IBW", "2.75"), ideal(275.0), "GML/Ibw", &odd);
    let surface = |h: f64| 7.0 / (0.007_184 * h.powf(0.725) * 70f64.powf(0.425));
    exact(of("CM2ML", "BSA", "1.75"), surface(175.0), "CM2ML/BSA", &[]);
    exact(of("CM2ML", "BSA", "0.35"), surface(35.0), "CM2ML/BSA", &odd);
    refused(of("GML", "LBM", "0.8"), &["normalising mass"]);
    refused(of("GML", "LBM", "175"), &["PatientSize (0010,1020)"]);
    refused(of("GML", "LBMX", "1.75"), &["SUVType (0054,1006)"]);
}

#[test]
fn private_factors_that_are_no_numbers_are_refused() {
    let counts = |text: &'static str, vr: VR| {
        pet(&move |_, s| {
            put(s, tags::UNITS, VR::CS, "CNTS");
            put(s, tags::MANUFACTURER, VR::LO, "Philips Medical Systems");
            put(s, Tag(0x7053, 0x0010), VR::LO, "Philips PET Private Group");
            let bytes = PrimitiveValue::U8(text.as_bytes().into());
            s.put(DataElement::new(Tag(0x7053, 0x1000), vr, bytes));
        })
    };
    exact(
        counts("0.000728", VR::UN),
        0.000_728,
        "CNTS/Philips SUV factor",
        &[],
    );
    // Four characters are not a binary float.
    for wrong in ["0,12", "none", "0.1 g/ml"] {
        refused(counts(wrong, VR::UN), &["(7053,xx00)", "file 1"]);
    }
    refused(counts("0", VR::UN), &["CNTS"]);
}

#[test]
fn a_side_car_is_read_as_a_header_is() {
    const TAGS: &str = r#"{ "Units": "BQML", "DecayCorrection": "START", "CorrectedImage": ["DECY", "ATTN"],
        "PatientWeight": 70, "RadionuclideTotalDose": 370000000, "RadionuclideHalfLife": 6586.2,
        "RadiopharmaceuticalStartTime": "100000", "SeriesDate": "20250101", "SeriesTime": "110000",
        "AcquisitionDate": "20250101", "AcquisitionTime": "110000" }"#;
    let factor = |json: &str| {
        let info = pet_info_from_json(json.as_bytes(), 3)?;
        Ok::<_, dlnms::Error>((info.suv_scale()?.factors[0], info.assumptions))
    };
    let (plain, nothing) = factor(TAGS).unwrap();
    assert!((plain / after(60.0) - 1.0).abs() < 1e-12);
    let (grams, assumed) =
        factor(&TAGS.replace("\"PatientWeight\": 70", "\"PatientWeight\": 70000")).unwrap();
    assert_eq!(
        (grams, assumed.weight_unit, nothing.weight_unit),
        (plain, true, false)
    );
    let (dose, assumed) = factor(&TAGS.replace("370000000", "370")).unwrap();
    assert_eq!((dose, assumed.dose_unit), (plain, true));
    for (from, to, word) in [
        (
            "\"PatientWeight\": 70",
            "\"PatientWeight\": \"70,5\"",
            "PatientWeight (0010,1030)",
        ),
        (
            "\"PatientWeight\": 70",
            "\"PatientWeight\": [70, 70, 71]",
            "PatientWeight (0010,1030) differs",
        ),
        (
            "\"PatientWeight\": 70",
            "\"PatientWeight\": 70, \"PatientWeight\": 71",
            "PatientWeight",
        ),
        (
            "\"PatientWeight\": 70",
            "\"PatientWeight\": null",
            "PatientWeight",
        ),
        (
            "20250101\", \"SeriesTime",
            "20250231\", \"SeriesTime",
            "SeriesDate (0008,0021)",
        ),
        (
            "\"AcquisitionDate\": \"20250101\",",
            "",
            "AcquisitionDate (0008,0022)",
        ),
        ("{", "{ \"RescaleSlope\": 2,", "RescaleSlope"),
    ] {
        let why = factor(&TAGS.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(why.contains(word), "{to}: {why}");
    }
}

/// Real headers whose factors the authors of calculate-suv published.
#[test]
fn published_factors_of_clinical_headers_are_met() {
    let Some(data) = shared("data/petct/b_pet/calculate_suv_metadata") else {
        return;
    };
    let table = std::fs::read_to_string(data.join("EXPECTED.csv")).unwrap();
    assert_eq!(table.lines().skip(1).count(), 5);
    for row in table
        .lines()
        .skip(1)
        .map(|l| l.split(',').collect::<Vec<_>>())
    {
        let (case, want) = (row[0], row[1].parse::<f64>().unwrap());
        let json = std::fs::read(data.join(format!("{case}-instances.json"))).unwrap();
        let instances: Vec<serde_json::Map<String, serde_json::Value>> =
            serde_json::from_slice(&json).unwrap();
        let series = pet_of_metadata(&instances);
        let info = series
            .unwrap_or_else(|e| panic!("{case}: {e}"))
            .pet_info
            .unwrap();
        let scale = info.suv_scale().unwrap();
        println!("{case}: {} ({})", scale.factors[0], scale.rule);
        assert!(
            (scale.factors[0] / want - 1.0).abs() < 1e-9,
            "{case}: {}",
            scale.rule
        );
    }
}

/// A series with the attributes of these headers.
fn pet_of_metadata(
    instances: &[serde_json::Map<String, serde_json::Value>],
) -> dlnms::Result<Series> {
    let text = |v: &serde_json::Value| match v {
        serde_json::Value::String(s) => s.clone(),
        serde_json::Value::Array(a) => {
            let parts: Vec<_> = a.iter().filter_map(|v| v.as_str()).collect();
            parts.join("\\")
        }
        other => other.to_string(),
    };
    pet(&|k, s| {
        let Some(header) = instances.get(k.min(instances.len() - 1)) else {
            return;
        };
        for tag in [
            tags::SERIES_DATE,
            tags::SERIES_TIME,
            tags::PATIENT_SIZE,
            tags::FRAME_REFERENCE_TIME,
        ] {
            s.take_element(tag).unwrap();
        }
        edit_drug(s, |drug| {
            drug.take_element(tags::RADIOPHARMACEUTICAL_START_DATE_TIME)
                .unwrap();
        });
        for (keyword, value) in header {
            let value = text(value);
            let (tag, vr, in_drug) = match keyword.as_str() {
                "SeriesDate" => (tags::SERIES_DATE, VR::DA, false),
                "SeriesTime" => (tags::SERIES_TIME, VR::TM, false),
                "AcquisitionDate" => (tags::ACQUISITION_DATE, VR::DA, false),
                "AcquisitionTime" => (tags::ACQUISITION_TIME, VR::TM, false),
                "PatientSex" => (tags::PATIENT_SEX, VR::CS, false),
                "PatientSize" => (tags::PATIENT_SIZE, VR::DS, false),
                "PatientWeight" => (tags::PATIENT_WEIGHT, VR::DS, false),
                "FrameReferenceTime" => (tags::FRAME_REFERENCE_TIME, VR::DS, false),
                "ActualFrameDuration" => (tags::ACTUAL_FRAME_DURATION, VR::IS, false),
                "DecayCorrection" => (tags::DECAY_CORRECTION, VR::CS, false),
                "Units" => (tags::UNITS, VR::CS, false),
                "CorrectedImage" => (tags::CORRECTED_IMAGE, VR::CS, false),
                "RadionuclideTotalDose" => (tags::RADIONUCLIDE_TOTAL_DOSE, VR::DS, true),
                "RadionuclideHalfLife" => (tags::RADIONUCLIDE_HALF_LIFE, VR::DS, true),
                "RadiopharmaceuticalStartTime" => {
                    (tags::RADIOPHARMACEUTICAL_START_TIME, VR::TM, true)
                }
                "RadiopharmaceuticalStartDateTime" => {
                    (tags::RADIOPHARMACEUTICAL_START_DATE_TIME, VR::DT, true)
                }
                "PhilipsPETPrivateGroup" => {
                    put(s, Tag(0x7053, 0x0010), VR::LO, "Philips PET Private Group");
                    for (name, element) in [
                        ("SUVScaleFactor", 0x1000),
                        ("ActivityConcentrationScaleFactor", 0x1009),
                    ] {
                        if let Some(factor) = header[keyword].get(name).and_then(|v| v.as_str()) {
                            put(s, Tag(0x7053, element), VR::DS, factor);
                        }
                    }
                    continue;
                }
                other => panic!("{other}"),
            };
            if in_drug {
                edit_drug(s, |drug| put(drug, tag, vr, &value))
            } else {
                put(s, tag, vr, &value)
            }
        }
    })
}

/// A functional group: a sequence with one item.
fn group(into: &mut InMemDicomObject, tag: Tag, item: InMemDicomObject) {
    put_items(into, tag, vec![item]);
}

fn put_double(object: &mut InMemDicomObject, tag: Tag, value: f64) {
    object.put(DataElement::new(tag, VR::FD, PrimitiveValue::from(value)));
}

/// A Real World Value Map to a unit.
fn value_map(unit: &str, slope: f64, intercept: f64) -> InMemDicomObject {
    let mut map = InMemDicomObject::new_empty();
    put_items(
        &mut map,
        tags::MEASUREMENT_UNITS_CODE_SEQUENCE,
        vec![code(unit)],
    );
    put_double(&mut map, tags::REAL_WORLD_VALUE_SLOPE, slope);
    put_double(&mut map, tags::REAL_WORLD_VALUE_INTERCEPT, intercept);
    map
}

/// An Enhanced PET or CT of three frames with these maps and a Pixel Value Transformation, the object changed by
/// `edit`. Every stored value is 100.
fn enhanced(
    modality: Modality,
    maps: Vec<InMemDicomObject>,
    transformation: Option<(&str, &str)>,
    edit: &dyn Fn(&mut InMemDicomObject),
) -> dlnms::Result<Series> {
    let (sop_class, code) = match modality {
        Modality::Ct => (uids::ENHANCED_CT_IMAGE_STORAGE, "CT"),
        Modality::Pt => (uids::ENHANCED_PET_IMAGE_STORAGE, "PT"),
    };
    let mut object_ = common(sop_class, code, "1.2.3.4.1");
    for (tag, vr, text) in [
        (tags::NUMBER_OF_FRAMES, VR::IS, "3"),
        (tags::ATTENUATION_CORRECTED, VR::CS, "YES"),
        (tags::DECAY_CORRECTED, VR::CS, "YES"),
        (tags::DECAY_CORRECTION_DATE_TIME, VR::DT, "20250101110000"),
    ] {
        put(&mut object_, tag, vr, text);
    }
    let mut shared = InMemDicomObject::new_empty();
    let measures = object(&[
        (tags::PIXEL_SPACING, VR::DS, "4\\4"),
        (tags::SLICE_THICKNESS, VR::DS, "4"),
    ]);
    group(&mut shared, tags::PIXEL_MEASURES_SEQUENCE, measures);
    let orientation = object(&[(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\1\\0")]);
    group(&mut shared, tags::PLANE_ORIENTATION_SEQUENCE, orientation);
    if let Some((slope, intercept)) = transformation {
        let kind = if modality == Modality::Ct { "HU" } else { "US" };
        let values = object(&[
            (tags::RESCALE_SLOPE, VR::DS, slope),
            (tags::RESCALE_INTERCEPT, VR::DS, intercept),
            (tags::RESCALE_TYPE, VR::LO, kind),
        ]);
        group(
            &mut shared,
            tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE,
            values,
        );
    }
    if !maps.is_empty() {
        put_items(&mut shared, tags::REAL_WORLD_VALUE_MAPPING_SEQUENCE, maps);
    }
    let frames = (0..SLICES).map(|k| {
        let mut frame = InMemDicomObject::new_empty();
        let content = object(&[(tags::FRAME_ACQUISITION_DATE_TIME, VR::DT, "20250101110000")]);
        group(&mut frame, tags::FRAME_CONTENT_SEQUENCE, content);
        let position = format!("0\\0\\{}", 4 * k);
        let position = object(&[(tags::IMAGE_POSITION_PATIENT, VR::DS, &position)]);
        group(&mut frame, tags::PLANE_POSITION_SEQUENCE, position);
        frame
    });
    put_items(
        &mut object_,
        tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
        frames.collect(),
    );
    group(
        &mut object_,
        tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
        shared,
    );
    pixels(&mut object_, SLICES);
    edit(&mut object_);
    let folder = tempfile::tempdir().unwrap();
    write(object_, &folder.path().join("enhanced.dcm"));
    series(&[folder.path().to_owned()], modality)
}

/// SUVbw or HU of the first voxel, whose stored value is 100.
fn first_value(series: dlnms::Result<Series>) -> f64 {
    let series = series.unwrap();
    let factor = series
        .pet_info
        .as_ref()
        .map(|i| i.suv_scale().unwrap().factors[0]);
    series.volume.view("any").unwrap().value([0; 3]) * factor.unwrap_or(1.0)
}

#[test]
fn an_enhanced_pet_has_the_values_of_its_map_to_suv() {
    let pet = |maps: Vec<InMemDicomObject>, transformation| {
        enhanced(Modality::Pt, maps, transformation, &|_| ())
    };
    let suv = |slope, intercept| value_map("{SUVbw}g/ml", slope, intercept);
    let activity = |slope| value_map("Bq/ml", slope, 0.0);
    // The map's slope, not that of the Pixel Value Transformation, wherever the map stands.
    let near = |got: f64, want: f64| assert!((got / want - 1.0).abs() < 1e-12, "{got} {want}");
    near(
        first_value(pet(vec![suv(0.02, 0.0)], Some(("62.76", "0")))),
        2.0,
    );
    near(first_value(pet(vec![suv(0.02, 0.5)], None)), 2.5);
    near(
        first_value(pet(
            vec![activity(62.76), suv(0.02, 0.0)],
            Some(("62.76", "0")),
        )),
        2.0,
    );
    near(
        first_value(pet(vec![suv(0.02, 0.0), activity(62.76)], None)),
        2.0,
    );
    // Activity is what the Pixel Value Transformation gives.
    let bqml = pet(vec![activity(3.0)], Some(("3", "0")));
    near(first_value(bqml), 300.0 * after(60.0));
    let named = "RealWorldValueMappingSequence (0040,9096)";
    refused(
        pet(vec![suv(0.02, 0.0), suv(0.03, 0.0)], Some(("3", "0"))),
        &[named, "two maps", "file 1 frame 1"],
    );
    refused(
        pet(vec![activity(3.0), activity(3.0)], Some(("3", "0"))),
        &[named, "two maps"],
    );
    refused(
        pet(vec![activity(3.0)], Some(("4", "0"))),
        &[named, "different activities"],
    );
    refused(
        pet(vec![activity(3.0)], None),
        &["RescaleSlope (0028,1053)", "file 1 frame 1"],
    );
    refused(pet(vec![], Some(("3", "0"))), &["Units (0054,1001)"]);
    refused(
        pet(vec![value_map("1", 3.0, 0.0)], Some(("3", "0"))),
        &["Units (0054,1001)"],
    );
    for slope in [0.0, -0.02, f64::NAN, f64::INFINITY] {
        refused(
            pet(vec![suv(slope, 0.0)], None),
            &["RealWorldValueSlope (0040,9225)"],
        );
    }
    // A map that states the unit alone, and one that is a table.
    let mut unit = activity(3.0);
    unit.take_element(tags::REAL_WORLD_VALUE_SLOPE).unwrap();
    unit.take_element(tags::REAL_WORLD_VALUE_INTERCEPT).unwrap();
    near(
        first_value(pet(vec![unit.clone()], Some(("3", "0")))),
        300.0 * after(60.0),
    );
    put_double(&mut unit, tags::REAL_WORLD_VALUE_LUT_DATA, 1.0);
    refused(
        pet(vec![unit], Some(("3", "0"))),
        &[named, "different activities"],
    );
    let mut table = suv(0.02, 0.0);
    table.take_element(tags::REAL_WORLD_VALUE_SLOPE).unwrap();
    refused(
        pet(vec![table], Some(("3", "0"))),
        &["RealWorldValueSlope (0040,9225)"],
    );
}

#[test]
fn an_enhanced_ct_has_the_values_of_its_map_to_hounsfield_units() {
    let ct = |maps: Vec<InMemDicomObject>, transformation| {
        enhanced(Modality::Ct, maps, transformation, &|_| ())
    };
    let hounsfield = |slope, intercept| value_map("[hnsf'U]", slope, intercept);
    let other = value_map("mg/cm3", 7.0, 0.0);
    assert_eq!(
        first_value(ct(vec![hounsfield(2.0, -1024.0)], Some(("1", "0")))),
        -824.0
    );
    assert_eq!(
        first_value(ct(vec![other.clone(), hounsfield(2.0, -1024.0)], None)),
        -824.0
    );
    assert_eq!(
        first_value(ct(vec![other.clone()], Some(("1", "-1024")))),
        -924.0
    );
    refused(
        ct(vec![other], None),
        &["RescaleSlope (0028,1053)", "file 1 frame 1"],
    );
    let twice = ct(
        vec![hounsfield(2.0, 0.0), hounsfield(1.0, 0.0)],
        Some(("1", "0")),
    );
    refused(twice, &["two maps", "file 1 frame 1"]);
}

#[test]
fn an_enhanced_pets_decay_is_counted_to_its_own_reference() {
    let of = |edit: &dyn Fn(&mut InMemDicomObject)| {
        enhanced(
            Modality::Pt,
            vec![value_map("Bq/ml", 3.0, 0.0)],
            Some(("3", "0")),
            edit,
        )
    };
    exact(of(&|_| ()), after(60.0), "START/SeriesTime", &[]);
    let reference =
        |text: &'static str| of(&move |o| put(o, tags::DECAY_CORRECTION_DATE_TIME, VR::DT, text));
    exact(
        reference("20250101103000"),
        after(30.0),
        "START/SeriesTime",
        &[],
    );
    let assumed = [Code::ReferenceTimeAssumed];
    exact(
        reference("20250101130000"),
        after(60.0),
        "START/AcquisitionTime",
        &assumed,
    );
    refused(
        reference("20250231110000"),
        &["DecayCorrectionDateTime", "file 1 frame 1"],
    );
    let corrected = |text: &'static str| of(&move |o| put(o, tags::DECAY_CORRECTED, VR::CS, text));
    refused(corrected("PERHAPS"), &["DecayCorrection (0054,1102)"]);
    refused(
        of(&|o| put(o, tags::ATTENUATION_CORRECTED, VR::CS, "NO")),
        &["ATTN"],
    );
    // Every time has a suffix: moments that need no zone of the scanner.
    let everywhere = of(&|o| {
        put(
            o,
            tags::DECAY_CORRECTION_DATE_TIME,
            VR::DT,
            "20250101110000+0000",
        );
        edit_drug(o, |drug| {
            let tag = tags::RADIOPHARMACEUTICAL_START_DATE_TIME;
            put(drug, tag, VR::DT, "20250101110000+0100");
        });
        let frames = o
            .element(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE)
            .unwrap();
        let mut frames = frames.items().unwrap().to_vec();
        for frame in &mut frames {
            let content = object(&[(
                tags::FRAME_ACQUISITION_DATE_TIME,
                VR::DT,
                "20250101130000+0200",
            )]);
            group(frame, tags::FRAME_CONTENT_SEQUENCE, content);
        }
        put_items(o, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, frames);
    });
    exact(everywhere, after(60.0), "START/SeriesTime", &[]);
}

#[test]
fn a_stored_value_that_a_map_is_not_defined_for_is_refused_by_frame() {
    // Every stored value is 100.
    let with = |modality, first: Option<u16>, last: Option<u16>, edit: &dyn Fn(&mut _)| {
        let mut map = match modality {
            Modality::Pt => value_map("{SUVbw}g/ml", 0.02, 0.0),
            Modality::Ct => value_map("[hnsf'U]", 2.0, 0.0),
        };
        for (tag, value) in [
            (tags::REAL_WORLD_VALUE_FIRST_VALUE_MAPPED, first),
            (tags::REAL_WORLD_VALUE_LAST_VALUE_MAPPED, last),
        ] {
            if let Some(value) = value {
                map.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
            }
        }
        enhanced(modality, vec![map], None, edit)
    };
    for (modality, value) in [(Modality::Pt, 2.0), (Modality::Ct, 200.0)] {
        for (first, last) in [(0, 65_535), (100, 100), (0, 100), (100, 200)] {
            let found = first_value(with(modality, Some(first), Some(last), &|_| ()));
            assert!((found / value - 1.0).abs() < 1e-12, "{found}");
        }
        let found = first_value(with(modality, None, None, &|_| ()));
        assert!((found / value - 1.0).abs() < 1e-12, "{found}");
        for (first, last) in [(0, 99), (101, 65_535)] {
            let words = format!(
                "the stored value 100 is not between RealWorldValueFirstValueMapped (0040,9216) and \
                 RealWorldValueLastValueMapped (0040,9211), which are {first} and {last}"
            );
            let series = with(modality, Some(first), Some(last), &|_| ());
            refused(series, &[&words, "file 1 frame "]);
        }
        refused(
            with(modality, Some(200), Some(100), &|_| ()),
            &[
                "RealWorldValueFirstValueMapped (0040,9216) is above RealWorldValueLastValueMapped (0040,9211)",
            ],
        );
        refused(
            with(modality, Some(0), None, &|_| ()),
            &["RealWorldValueLastValueMapped (0040,9211) is missing"],
        );
        refused(
            with(modality, None, Some(200), &|_| ()),
            &["RealWorldValueFirstValueMapped (0040,9216) is missing"],
        );
    }
    // Padding has no value, so that no map needs to give it one.
    let padding = |o: &mut InMemDicomObject| {
        let value = PrimitiveValue::from(100u16);
        o.put(DataElement::new(tags::PIXEL_PADDING_VALUE, VR::US, value));
    };
    assert!(with(Modality::Ct, Some(0), Some(99), &padding).is_ok());
}

#[test]
fn an_acquisition_date_time_is_that_of_date_and_time_or_the_series_is_refused() {
    let stated = |text: &'static str, zone: &'static str| {
        pet(&move |_, slice| {
            put(slice, tags::ACQUISITION_DATE_TIME, VR::DT, text);
            if !zone.is_empty() {
                put(slice, tags::TIMEZONE_OFFSET_FROM_UTC, VR::SH, zone);
            }
        })
    };
    for (text, zone) in [
        ("20250101110000", ""),
        ("20250101110000.999", ""),
        ("20250101110000+0100", "+0100"),
        ("20250101100000+0000", "+0100"),
        // Without TimezoneOffsetFromUTC the clock of date and time is not known.
        ("20250101100000+0000", ""),
    ] {
        let series = stated(text, zone);
        let scale = series.unwrap().pet_info.unwrap().suv_scale().unwrap();
        assert!((scale.factors[0] / after(60.0) - 1.0).abs() < 1e-10);
    }
    let words = "AcquisitionDateTime (0008,002A) contradicts AcquisitionDate (0008,0022) with \
                 AcquisitionTime (0008,0032) in file 1";
    for (text, zone) in [
        ("20250101110002", ""),
        ("20250102110000", ""),
        ("20250101110000+0000", "+0100"),
    ] {
        refused(stated(text, zone), &[words]);
    }
    // Where no time is needed, none is compared.
    let admin = pet(&|_, slice| {
        put(slice, tags::ACQUISITION_DATE_TIME, VR::DT, "20250102110000");
        put(slice, tags::DECAY_CORRECTION, VR::CS, "ADMIN");
    });
    assert!(admin.is_ok());
}

#[test]
fn two_statements_on_decay_correction_that_contradict_each_other_are_refused() {
    let stated = |decay: &'static str, corrected: &'static str| {
        pet(&move |_, slice| {
            put(slice, tags::DECAY_CORRECTION, VR::CS, decay);
            put(slice, tags::CORRECTED_IMAGE, VR::CS, corrected);
        })
    };
    for (decay, corrected) in [
        ("START", "DECY\\ATTN"),
        ("ADMIN", "ATTN\\DECY"),
        ("NONE", "ATTN"),
    ] {
        assert!(stated(decay, corrected).is_ok(), "{decay} {corrected}");
    }
    for (decay, corrected, words) in [
        (
            "NONE",
            "DECY\\ATTN",
            "has DECY, but DecayCorrection (0054,1102) is NONE",
        ),
        (
            "START",
            "ATTN",
            "lacks DECY, but DecayCorrection (0054,1102) is START",
        ),
        (
            "ADMIN",
            "ATTN\\SCAT",
            "lacks DECY, but DecayCorrection (0054,1102) is ADMIN",
        ),
    ] {
        let words = format!("CorrectedImage (0028,0051) {words} in file 1");
        refused(stated(decay, corrected), &[&words]);
    }
    // Values that are SUV already depend on neither.
    let suv = pet(&|_, slice| {
        put(slice, tags::UNITS, VR::CS, "GML");
        put(slice, tags::CORRECTED_IMAGE, VR::CS, "ATTN");
    });
    assert!(suv.is_ok());
    let one = pet(&|k, slice| {
        if k == 1 {
            put(slice, tags::CORRECTED_IMAGE, VR::CS, "ATTN");
        }
    });
    refused(
        one,
        &["DECY in CorrectedImage (0028,0051) differs between the slices of the series"],
    );
}
