//! Synthetic studies with one thing wrong: the attributes that decide values, places and identity are exact or refused by
//! name, in every slice; CT and PET are chosen together.

mod support;

use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use dlnms::dicom::{Archive, Inspection, Modality, SeriesChoice, SeriesSummary, Study};
use dlnms::error::status::*;
use dlnms::roi::Roi;
use dlnms::scorer::CancelToken;
use std::path::Path;
use support::{inspect, series};

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

fn alone(modality: &str, change: Change) -> SeriesSummary {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "s", modality, N, change);
    let mut found = inspect(&[folder.path().to_owned()]).unwrap();
    found.series.swap_remove(0)
}

/// The reason for which a series with this change is refused.
fn refusal(modality: &str, change: Change) -> String {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "s", modality, N, change);
    let paths = [folder.path().to_owned()];
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

#[test]
fn values_without_a_sound_rescale_are_refused_by_tag_and_file() {
    let ds =
        |tag: Tag, text: &'static str| move |o: &mut InMemDicomObject| put(o, tag, VR::DS, text);
    let slope = tags::RESCALE_SLOPE;
    let intercept = tags::RESCALE_INTERCEPT;
    for modality in ["CT", "PT"] {
        assert!(alone(modality, &nothing).chosen);
        for (tag, text, words) in [
            (slope, "", "RescaleSlope (0028,1053) is empty"),
            (slope, "0", "RescaleSlope (0028,1053) is 0"),
            (slope, "0,5", "RescaleSlope (0028,1053) is not a number"),
            (slope, "1 HU", "RescaleSlope (0028,1053) is not a number"),
            (slope, "nan", "RescaleSlope (0028,1053) is NaN"),
            (slope, "inf", "RescaleSlope (0028,1053) is inf"),
            (slope, "1\\2", "RescaleSlope (0028,1053) has 2 values"),
            (intercept, "", "RescaleIntercept (0028,1052) is empty"),
            (intercept, " ", "RescaleIntercept (0028,1052) is empty"),
            (
                intercept,
                "-1024,0",
                "RescaleIntercept (0028,1052) is not a number",
            ),
            (intercept, "-inf", "RescaleIntercept (0028,1052) is -inf"),
        ] {
            let why = refusal(modality, &in_one(ds(tag, text)));
            assert!(
                why.contains(words) && why.contains("s-2.dcm"),
                "{text:?}: {why}"
            );
        }
        for tag in [slope, intercept] {
            let gone = |o: &mut InMemDicomObject| drop(o.take_element(tag));
            // In one slice and in all.
            let one = refusal(modality, &in_one(gone));
            assert!(one.contains("is missing in s-2.dcm"), "{one}");
            let all = refusal(modality, &|_, o| gone(o));
            assert!(all.contains("is missing in s-0.dcm"), "{all}");
        }
        let lut = |o: &mut InMemDicomObject| {
            sequence(o, tags::MODALITY_LUT_SEQUENCE, drug(|_| {}));
        };
        let why = refusal(modality, &in_one(lut));
        assert!(
            why.contains("ModalityLUTSequence (0028,3000) is not read in s-2.dcm"),
            "{why}"
        );
    }
    let why = refusal("PT", &in_one(ds(slope, "-0.5")));
    assert!(
        why.contains("RescaleSlope (0028,1053) is -0.5 in s-2.dcm"),
        "{why}"
    );
    // A CT may run backwards.
    assert!(alone("CT", &|_, o| put(o, slope, VR::DS, "-1")).chosen);
}

#[test]
fn a_ct_is_in_hounsfield_units_or_says_that_it_may_not_be() {
    let unit = |text: &'static str| {
        move |o: &mut InMemDicomObject| put(o, tags::RESCALE_TYPE, VR::LO, text)
    };
    for other in ["ED", "Z_EFF", "EDW", "PCT", "MGML", "OD", "HU_MOD", "hu"] {
        let why = refusal("CT", &in_one(unit(other)));
        assert!(
            why.contains("RescaleType (0028,1054) is not HU in s-2.dcm"),
            "{why}"
        );
    }
    let why = refusal("PT", &in_one(unit("HU")));
    assert!(
        why.contains("RescaleType (0028,1054) is not the unit of a PET"),
        "{why}"
    );
    for fine in ["BQML", "SUV", "US", ""] {
        assert!(alone("PT", &|_, o| unit(fine)(o)).chosen, "{fine}");
    }
    for (rescale_type, codes) in [
        ("HU", vec![]),
        ("", vec![]),
        ("US", vec!["hounsfield_assumed"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "c", "CT", N, &|k, o| {
            if k == 1 {
                unit(rescale_type)(o);
            }
        });
        write(folder.path(), "p", "PT", N, &nothing);
        let found = inspect(&[folder.path().to_owned()]).unwrap();
        let qc: Vec<_> = found.qc.iter().map(|f| f.code.name()).collect();
        assert_eq!(qc, codes, "{rescale_type}");
    }
}

#[test]
fn pixels_that_are_not_described_exactly_are_refused_by_tag_and_file() {
    for (tag, value, words) in [
        (tags::BITS_STORED, 0, "BitsStored (0028,0101) is 0"),
        (tags::BITS_STORED, 17, "BitsStored (0028,0101) is 17"),
        (tags::BITS_STORED, 12, "HighBit (0028,0102) is 15"),
        (tags::HIGH_BIT, 14, "HighBit (0028,0102) is 14"),
        (tags::HIGH_BIT, 16, "HighBit (0028,0102) is 16"),
        (
            tags::PIXEL_REPRESENTATION,
            2,
            "PixelRepresentation (0028,0103) is 2",
        ),
        (
            tags::SAMPLES_PER_PIXEL,
            3,
            "SamplesPerPixel (0028,0002) is 3",
        ),
        (
            tags::SAMPLES_PER_PIXEL,
            0,
            "SamplesPerPixel (0028,0002) is 0",
        ),
        (tags::ROWS, 0, "Rows (0028,0010) is 0"),
        (tags::BITS_ALLOCATED, 0, "BitsAllocated (0028,0100) is 0"),
    ] {
        let why = refusal("PT", &in_one(|o| word(o, tag, value)));
        assert!(why.contains(words) && why.contains("s-2.dcm"), "{why}");
    }
    for tag in [
        tags::BITS_ALLOCATED,
        tags::BITS_STORED,
        tags::HIGH_BIT,
        tags::PIXEL_REPRESENTATION,
        tags::SAMPLES_PER_PIXEL,
        tags::PHOTOMETRIC_INTERPRETATION,
        tags::ROWS,
        tags::COLUMNS,
    ] {
        let why = refusal("CT", &in_one(|o| drop(o.take_element(tag))));
        assert!(why.contains("is missing in s-2.dcm"), "{tag}: {why}");
    }
    for (tag, vr, text, words) in [
        (tags::ROWS, VR::IS, "-4", "Rows (0028,0010) is -4"),
        (
            tags::COLUMNS,
            VR::LO,
            "four",
            "Columns (0028,0011) is not a number",
        ),
        (tags::ROWS, VR::DS, "4.5", "Rows (0028,0010) is 4.5"),
        (
            tags::PHOTOMETRIC_INTERPRETATION,
            VR::CS,
            "PALETTE COLOR",
            "is not monochrome",
        ),
        (
            tags::PHOTOMETRIC_INTERPRETATION,
            VR::CS,
            "RGB",
            "is not monochrome",
        ),
        (
            tags::PIXEL_PADDING_VALUE,
            VR::LO,
            "none",
            "PixelPaddingValue (0028,0120) is not a number",
        ),
        (
            tags::PIXEL_PADDING_RANGE_LIMIT,
            VR::IS,
            "5",
            "PixelPaddingValue (0028,0120) has a limit",
        ),
    ] {
        let why = refusal("CT", &in_one(|o| put(o, tag, vr, text)));
        assert!(why.contains(words) && why.contains("s-2.dcm"), "{why}");
    }
    let why = refusal("CT", &in_one(|o| word(o, tags::PIXEL_PADDING_VALUE, 63536)));
    assert!(
        why.contains("PixelPaddingValue (0028,0120) differs between s-0.dcm and s-2.dcm"),
        "{why}"
    );
    assert!(alone("CT", &|_, o| word(o, tags::PIXEL_PADDING_VALUE, 63536)).chosen);
}

#[test]
fn bits_beyond_those_stored_are_no_part_of_the_value() {
    let value = |change: Change, index: [usize; 3]| {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "s", "CT", N, change);
        let ct = series(&[folder.path().to_owned()], Modality::Ct).unwrap();
        ct.volume.view("ct").unwrap().value(index)
    };
    let twelve = |_: usize, o: &mut InMemDicomObject| {
        word(o, tags::BITS_STORED, 12);
        word(o, tags::HIGH_BIT, 11);
        let pixels = PrimitiveValue::U16(vec![0xF123; usize::from(SIDE * SIDE)].into());
        o.put(DataElement::new(tags::PIXEL_DATA, VR::OW, pixels));
    };
    assert_eq!(value(&twelve, [0, 0, 0]), f64::from(0x123) - 1024.0);
    let seven = |_: usize, o: &mut InMemDicomObject| {
        word(o, tags::BITS_ALLOCATED, 8);
        word(o, tags::BITS_STORED, 7);
        word(o, tags::HIGH_BIT, 6);
        let pixels = PrimitiveValue::from(vec![0xFFu8; usize::from(SIDE * SIDE)]);
        o.put(DataElement::new(tags::PIXEL_DATA, VR::OB, pixels));
    };
    assert_eq!(value(&seven, [0, 0, 0]), 127.0 - 1024.0);
    // Values that an archive stored as UN are what they were.
    let unknown = |_: usize, o: &mut InMemDicomObject| {
        for tag in [
            tags::RESCALE_INTERCEPT,
            tags::RESCALE_SLOPE,
            tags::IMAGE_POSITION_PATIENT,
            tags::PIXEL_SPACING,
            tags::PATIENT_ID,
        ] {
            let mut text = o.element(tag).unwrap().to_str().unwrap().into_owned();
            if text.len() % 2 == 1 {
                text.push(' ');
            }
            let bytes = PrimitiveValue::from(text.into_bytes());
            o.put(DataElement::new(tag, VR::UN, bytes));
        }
        let rows = PrimitiveValue::from(SIDE.to_le_bytes().to_vec());
        o.put(DataElement::new(tags::ROWS, VR::UN, rows));
    };
    assert_eq!(value(&unknown, [1, 0, 3]), 301.0 - 1024.0);
}

#[test]
fn slices_without_an_exact_place_are_refused_by_tag_and_file() {
    let (position, orientation) = (
        tags::IMAGE_POSITION_PATIENT,
        tags::IMAGE_ORIENTATION_PATIENT,
    );
    let (spacing, thickness) = (tags::PIXEL_SPACING, tags::SLICE_THICKNESS);
    for (tag, text, words) in [
        (position, "", "ImagePositionPatient (0020,0032) is empty"),
        (
            position,
            "0\\0",
            "ImagePositionPatient (0020,0032) has 2 values, 3 needed",
        ),
        (
            position,
            "0\\0\\6\\9",
            "ImagePositionPatient (0020,0032) has 4 values",
        ),
        (
            position,
            "0\\0\\nan",
            "ImagePositionPatient (0020,0032) is NaN",
        ),
        (
            position,
            "0\\0\\6,0",
            "ImagePositionPatient (0020,0032) is not a list of numbers",
        ),
        (
            orientation,
            "1\\0\\0\\0\\1",
            "ImageOrientationPatient (0020,0037) has 5 values",
        ),
        (
            orientation,
            "1\\0\\0\\0\\1\\x",
            "ImageOrientationPatient (0020,0037) is not a list",
        ),
        (spacing, "2", "PixelSpacing (0028,0030) has 1 values"),
        (spacing, "2\\0", "PixelSpacing (0028,0030) is 0"),
        (spacing, "2\\-2", "PixelSpacing (0028,0030) is -2"),
        (
            spacing,
            "2 mm\\2 mm",
            "PixelSpacing (0028,0030) is not a list of numbers",
        ),
        (
            thickness,
            "3,0",
            "SliceThickness (0018,0050) is not a number",
        ),
        (thickness, "inf", "SliceThickness (0018,0050) is inf"),
    ] {
        for modality in ["CT", "PT"] {
            let why = refusal(modality, &in_one(|o| put(o, tag, VR::DS, text)));
            assert!(
                why.contains(words) && why.contains("s-2.dcm"),
                "{text:?}: {why}"
            );
        }
    }
    for tag in [position, orientation, spacing] {
        let why = refusal("CT", &in_one(|o| drop(o.take_element(tag))));
        assert!(why.contains("is missing in s-2.dcm"), "{why}");
    }
    // It decides no place: the standard lets it be empty.
    assert!(alone("CT", &|_, o| put(o, thickness, VR::DS, "")).chosen);
}

#[test]
fn no_slice_is_dropped_without_a_word() {
    // The last slice: without it the series would be regular, and one slice thinner.
    let last = |change: &dyn Fn(&mut InMemDicomObject)| {
        refusal("CT", &|k, o| {
            if k == N - 1 {
                change(o);
            }
        })
    };
    let pet_class = "1.2.840.10008.5.1.4.1.1.128";
    let capture = "1.2.840.10008.5.1.4.1.1.7";
    let modality = |o: &mut InMemDicomObject, text: &str| put(o, tags::MODALITY, VR::CS, text);
    let class = |o: &mut InMemDicomObject, text: &str| put(o, tags::SOP_CLASS_UID, VR::UI, text);
    let why = last(&|o| modality(o, "MR"));
    assert!(
        why.contains("Modality (0008,0060) is not that of the SOP class in s-5.dcm"),
        "{why}"
    );
    for change in [
        &|o: &mut InMemDicomObject| class(o, pet_class) as _,
        &|o: &mut InMemDicomObject| {
            class(o, capture);
            modality(o, "OT");
        },
        &|o: &mut InMemDicomObject| {
            class(o, capture);
            o.take_element(tags::MODALITY).unwrap();
        },
    ] as [&dyn Fn(&mut InMemDicomObject); 3]
    {
        let why = last(change);
        assert!(
            why.contains("Modality (0008,0060) of s-5.dcm is not that of s-0.dcm"),
            "{why}"
        );
    }
    let why = last(&|o| class(o, "1.2.840.10008.5.1.4.1.1.2.1"));
    assert!(
        why.contains("SOPClassUID (0008,0016) differs between s-0.dcm and s-5.dcm"),
        "{why}"
    );
    let why = last(&|o| put(o, tags::NUMBER_OF_FRAMES, VR::IS, "3"));
    assert!(
        why.contains("NumberOfFrames (0028,0008) is 3, but 0 frames are described in s-5.dcm"),
        "{why}"
    );
    let why = last(&|o| put(o, tags::NUMBER_OF_FRAMES, VR::IS, "one"));
    assert!(
        why.contains("NumberOfFrames (0028,0008) is not a number in s-5.dcm"),
        "{why}"
    );

    // Without a series' UID it belongs to none, which is said.
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "c", "CT", N, &|k, o| {
        if k == N - 1 {
            o.take_element(tags::SERIES_INSTANCE_UID).unwrap();
        }
    });
    write(folder.path(), "p", "PT", N, &nothing);
    let study = load(folder.path(), SeriesChoice::default()).unwrap();
    let note = "SeriesInstanceUID (0020,000E) is missing in c-5.dcm";
    assert!(
        study.warnings.iter().any(|w| w.contains(note)),
        "{:?}",
        study.warnings
    );
}

#[test]
fn a_series_is_of_one_patient_study_and_frame_of_reference_in_every_slice() {
    for modality in ["CT", "PT"] {
        for (tag, vr, text, name) in [
            (
                tags::PATIENT_ID,
                VR::LO,
                "OTHER-ID",
                "PatientID (0010,0020)",
            ),
            (
                tags::ISSUER_OF_PATIENT_ID,
                VR::LO,
                "SECRET",
                "IssuerOfPatientID (0010,0021)",
            ),
            (
                tags::PATIENT_NAME,
                VR::PN,
                "DOE^JOHN",
                "PatientName (0010,0010)",
            ),
            (
                tags::PATIENT_BIRTH_DATE,
                VR::DA,
                "19441123",
                "PatientBirthDate (0010,0030)",
            ),
            (
                tags::FRAME_OF_REFERENCE_UID,
                VR::UI,
                "1.2.99",
                "FrameOfReferenceUID (0020,0052)",
            ),
        ] {
            let why = refusal(modality, &in_one(|o| put(o, tag, vr, text)));
            let words = format!("{name} differs between s-0.dcm and s-2.dcm");
            assert!(why.contains(&words), "{why}");
        }
        for tag in [tags::PATIENT_ID, tags::FRAME_OF_REFERENCE_UID] {
            let why = refusal(modality, &in_one(|o| drop(o.take_element(tag))));
            assert!(why.contains("differs between s-0.dcm and s-2.dcm"), "{why}");
        }
        // Written otherwise, but the same; not there.
        assert!(
            alone(
                modality,
                &in_one(|o| put(o, tags::PATIENT_NAME, VR::PN, "Roe^Jane^^"))
            )
            .chosen
        );
        assert!(
            alone(
                modality,
                &in_one(|o| drop(o.take_element(tags::PATIENT_NAME)))
            )
            .chosen
        );
    }
    // A volume may be read from a series of several studies; a study may not.
    let folder = tempfile::tempdir().unwrap();
    let other = in_one(|o| put(o, tags::STUDY_INSTANCE_UID, VR::UI, "1.2.99"));
    write(folder.path(), "c", "CT", N, &other);
    let words = "StudyInstanceUID (0020,000D) differs between c-0.dcm and c-2.dcm";
    let ct = series(&[folder.path().to_owned()], Modality::Ct).unwrap();
    assert!(
        ct.warnings.iter().any(|w| w.contains(words)),
        "{:?}",
        ct.warnings
    );
    write(folder.path(), "p", "PT", N, &nothing);
    let error = load(folder.path(), SeriesChoice::default()).unwrap_err();
    assert_eq!(error.status(), DLNMS_E_DICOM_SERIES);
    assert!(error.to_string().contains(words), "{error}");
    let named = SeriesChoice {
        ct: Some("1.2.3"),
        pet: Some("1.2.4"),
    };
    let error = load(folder.path(), named).unwrap_err();
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn every_input_of_suv_is_the_same_in_every_slice() {
    for (tag, vr, text) in [
        (tags::UNITS, VR::CS, "GML"),
        (tags::SUV_TYPE, VR::CS, "LBM"),
        (tags::DECAY_CORRECTION, VR::CS, "NONE"),
        (tags::CORRECTED_IMAGE, VR::CS, "DECY"),
        (tags::PATIENT_WEIGHT, VR::DS, "71"),
        (tags::PATIENT_SIZE, VR::DS, "1.8"),
        (tags::PATIENT_SEX, VR::CS, "M"),
        (tags::SERIES_DATE, VR::DA, "20200102"),
        (tags::SERIES_TIME, VR::TM, "100001"),
        (tags::TIMEZONE_OFFSET_FROM_UTC, VR::SH, "+0100"),
        (tags::MANUFACTURER, VR::LO, "GE MEDICAL SYSTEMS"),
    ] {
        let why = refusal("PT", &in_one(|o| put(o, tag, vr, text)));
        assert!(why.contains("differs between s-0.dcm and s-2.dcm"), "{why}");
        assert!(why.contains(&tag.to_string()), "{tag}: {why}");
    }
    for (tag, vr, text) in [
        (tags::RADIOPHARMACEUTICAL, VR::LO, "FLT"),
        (tags::RADIONUCLIDE_TOTAL_DOSE, VR::DS, "300000001"),
        (tags::RADIONUCLIDE_HALF_LIFE, VR::DS, "6588"),
        (tags::RADIOPHARMACEUTICAL_START_TIME, VR::TM, "090001"),
        (
            tags::RADIOPHARMACEUTICAL_START_DATE_TIME,
            VR::DT,
            "20200101090000",
        ),
    ] {
        let other = drug(|item| put(item, tag, vr, text));
        let of = tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE;
        let why = refusal("PT", &in_one(|o| sequence(o, of, other.clone())));
        assert!(why.contains("differs between s-0.dcm and s-2.dcm"), "{why}");
        assert!(why.contains(&tag.to_string()), "{tag}: {why}");
    }
    let code = |value: &str| {
        let mut code = InMemDicomObject::new_empty();
        put(&mut code, tags::CODE_VALUE, VR::SH, value);
        code
    };
    for of in [
        tags::RADIONUCLIDE_CODE_SEQUENCE,
        tags::RADIOPHARMACEUTICAL_CODE_SEQUENCE,
    ] {
        let other = drug(|item| sequence(item, of, code("C-131A3")));
        let sequences = tags::RADIOPHARMACEUTICAL_INFORMATION_SEQUENCE;
        let why = refusal("PT", &in_one(|o| sequence(o, sequences, other.clone())));
        assert!(why.contains(&of.to_string()), "{why}");
    }
    // Written otherwise, but the same.
    let same = in_one(|o| {
        put(o, tags::PATIENT_WEIGHT, VR::DS, "70.0");
        put(o, tags::CORRECTED_IMAGE, VR::CS, "ATTN\\DECY");
    });
    assert!(alone("PT", &same).chosen);
}

#[test]
fn two_acquisitions_under_one_uid_are_refused_by_name() {
    let number = |o: &mut InMemDicomObject, n: usize| {
        put(o, tags::ACQUISITION_NUMBER, VR::IS, &n.to_string());
    };
    let time = |o: &mut InMemDicomObject, t: usize| {
        put(o, tags::ACQUISITION_TIME, VR::TM, &format!("{t:06}"));
    };
    const TWO: &str = "two acquisitions under one Series Instance UID";
    for (name, change) in [
        (
            "AcquisitionNumber (0020,0012)",
            &|k, o: &mut InMemDicomObject| number(o, 1 + k % 2) as _,
        ),
        (
            "TemporalPositionIdentifier (0020,0100)",
            &|k, o: &mut InMemDicomObject| {
                put(
                    o,
                    tags::TEMPORAL_POSITION_IDENTIFIER,
                    VR::IS,
                    &(k % 3).to_string(),
                );
            },
        ),
        (
            "AcquisitionTime (0008,0032)",
            &|k, o: &mut InMemDicomObject| time(o, 100_000 + 500 * (k % 2)),
        ),
        (
            "FrameReferenceTime (0054,1300)",
            &|k, o: &mut InMemDicomObject| {
                put(
                    o,
                    tags::FRAME_REFERENCE_TIME,
                    VR::DS,
                    &format!("{}.5", k / 2 % 2),
                );
            },
        ),
        // No time comes back, but they alternate.
        (
            "AcquisitionTime (0008,0032) goes to and fro",
            &|k, o: &mut InMemDicomObject| {
                time(o, 100_000 + k + 500 * (k % 2));
            },
        ),
    ] as [(&str, Change); 5]
    {
        for modality in ["CT", "PT"] {
            let why = refusal(modality, change);
            assert!(why.contains(TWO) && why.contains(name), "{name}: {why}");
        }
    }
    // The same places again, later.
    let twice = refusal("PT", &|k, o| {
        let position = format!("0\\0\\{}", 3 * (k / 2));
        put(o, tags::IMAGE_POSITION_PATIENT, VR::DS, &position);
        number(o, 1 + k % 2);
    });
    assert!(
        twice.contains("lie at the same position") && twice.contains(TWO),
        "{twice}"
    );
    assert!(
        twice.contains("AcquisitionNumber (0020,0012) differs"),
        "{twice}"
    );
    // Beds and rotations: blocks, each with its own number and time, in any order.
    let blocks: Change = &|k, o| {
        number(o, 9 - k / 2);
        time(o, 100_000 + 300 * (k / 2));
        put(
            o,
            tags::FRAME_REFERENCE_TIME,
            VR::DS,
            &format!("{}", 300_000 - 100_000 * (k / 2)),
        );
    };
    assert!(alone("PT", blocks).chosen && alone("CT", blocks).chosen);
    assert!(alone("CT", &|k, o| time(o, 100_000 + k)).chosen);
}

fn load(folder: &Path, choice: SeriesChoice<'_>) -> dlnms::Result<Study> {
    let cancel = CancelToken::default();
    let archive = Archive::open(&[folder.to_owned()], &cancel)?;
    Study::load(&archive, &archive, choice, &|_, _| true, &cancel)
}

/// One series of a study: UID, slices, frame of reference; without the last, another study.
struct Of(&'static str, &'static str, usize, Option<&'static str>);

/// A study of these series, what `inspect` says of it, and what is loaded by rule.
fn study(series: &[Of]) -> (tempfile::TempDir, Inspection, dlnms::Result<Study>) {
    let folder = tempfile::tempdir().unwrap();
    for Of(modality, uid, n, frame) in series {
        write(folder.path(), uid, modality, *n, &|_, o| {
            put(o, tags::SERIES_INSTANCE_UID, VR::UI, uid);
            match frame {
                Some(frame) if frame.starts_with("study") => {
                    o.take_element(tags::FRAME_OF_REFERENCE_UID).unwrap();
                    put(
                        o,
                        tags::STUDY_INSTANCE_UID,
                        VR::UI,
                        &format!("1.9.{}", &frame[5..]),
                    );
                }
                Some(frame) => put(o, tags::FRAME_OF_REFERENCE_UID, VR::UI, frame),
                None => {}
            }
        });
    }
    let found = inspect(&[folder.path().to_owned()]).unwrap();
    let loaded = load(folder.path(), SeriesChoice::default());
    (folder, found, loaded)
}

#[test]
fn ct_and_pet_are_chosen_as_a_pair_that_shares_a_frame_of_reference() {
    let chosen = |series: &[Of]| {
        let (_folder, found, loaded) = study(series);
        let listed: Vec<String> = found
            .series
            .iter()
            .filter(|s| s.chosen)
            .map(|s| s.uid.clone())
            .collect();
        let loaded = loaded.unwrap();
        assert_eq!(listed, [loaded.ct.uid.clone(), loaded.pet.uid.clone()]);
        assert_eq!(loaded.facts().same_frame_of_reference.unwrap_or(true), true);
        (listed.join(" "), found)
    };
    // The larger CT lies in another frame of reference.
    let (uids, found) = chosen(&[
        Of("CT", "1.1", 9, Some("7.1")),
        Of("CT", "1.2", 5, Some("7.2")),
        Of("PT", "1.3", 5, Some("7.2")),
    ]);
    assert_eq!(uids, "1.2 1.3");
    let why = found.series[0].rejected_because.as_deref().unwrap();
    assert_eq!(
        why,
        "it does not share the frame of reference of the chosen PT"
    );
    // Of those that do, the largest.
    let (uids, found) = chosen(&[
        Of("CT", "1.1", 9, Some("7.2")),
        Of("CT", "1.2", 5, Some("7.2")),
        Of("PT", "1.3", 5, Some("7.2")),
        Of("PT", "1.4", 8, Some("7.2")),
        Of("PT", "1.5", 12, Some("7.3")),
    ]);
    assert_eq!(uids, "1.1 1.4");
    let why = |uid: &str| {
        let s = found.series.iter().find(|s| s.uid == uid).unwrap();
        s.rejected_because.clone().unwrap()
    };
    assert_eq!(why("1.2"), "smaller than the chosen series");
    assert_eq!(why("1.3"), "smaller than the chosen series");
    assert!(why("1.5").contains("frame of reference of the chosen CT"));
    // The study, where no frame of reference is stated.
    let (uids, _) = chosen(&[
        Of("CT", "1.1", 9, Some("study1")),
        Of("CT", "1.2", 5, Some("study2")),
        Of("PT", "1.3", 5, Some("study2")),
    ]);
    assert_eq!(uids, "1.2 1.3");
}

#[test]
fn series_that_are_equally_good_are_refused_with_both_uids() {
    let refused = |series: &[Of], words: &[&str]| {
        let (folder, found, loaded) = study(series);
        let error = loaded.unwrap_err();
        assert_eq!(error.status(), DLNMS_E_DICOM_NO_SERIES);
        let text = error.to_string();
        assert!(words.iter().all(|w| text.contains(w)), "{text}");
        assert!(
            found
                .series
                .iter()
                .all(|s| !s.chosen && s.rejected_because.is_some()),
            "{found:?}"
        );
        assert!(!format!("{found:?}").contains("smaller"), "{found:?}");
        folder
    };
    let two = [
        Of("CT", "1.1", 9, None),
        Of("PT", "1.3", 5, None),
        Of("PT", "1.4", 5, None),
    ];
    let folder = refused(&two, &["usable PT series", "ambiguous", "1.3", "1.4"]);
    // Named, it is no question.
    let named = |ct, pet| load(folder.path(), SeriesChoice { ct, pet });
    assert_eq!(named(None, Some("1.4")).unwrap().pet.uid, "1.4");
    assert_eq!(named(Some("1.1"), Some("1.3")).unwrap().pet.uid, "1.3");
    assert!(
        named(Some("1.1"), None)
            .unwrap_err()
            .to_string()
            .contains("ambiguous")
    );
    refused(
        &[
            Of("CT", "1.1", 9, None),
            Of("CT", "1.2", 9, None),
            Of("PT", "1.3", 5, None),
        ],
        &["usable CT series", "ambiguous", "1.1", "1.2"],
    );
    // The larger CT has the smaller PET.
    refused(
        &[
            Of("CT", "1.1", 9, Some("7.1")),
            Of("CT", "1.2", 8, Some("7.2")),
            Of("PT", "1.3", 5, Some("7.1")),
            Of("PT", "1.4", 6, Some("7.2")),
        ],
        &["ambiguous", "1.1 with 1.3", "1.2 with 1.4"],
    );
    let apart = [
        Of("CT", "1.1", 9, Some("7.1")),
        Of("PT", "1.3", 5, Some("7.2")),
    ];
    let folder = refused(&apart, &["no CT and PET share a frame of reference"]);
    // UIDs take the choice away, and the finding says what was found.
    let both = SeriesChoice {
        ct: Some("1.1"),
        pet: Some("1.3"),
    };
    let study = load(folder.path(), both).unwrap();
    assert_eq!(study.facts().same_frame_of_reference, Some(false));
    let case = study.case(Roi::Point([2.0, 2.0, 6.0])).unwrap();
    assert_eq!(case.facts.same_frame_of_reference, Some(false));
    // But not the checks.
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "c",
        "CT",
        N,
        &in_one(|o| put(o, tags::PATIENT_ID, VR::LO, "OTHER-ID")),
    );
    write(folder.path(), "p", "PT", N, &nothing);
    let both = SeriesChoice {
        ct: Some("1.2.3"),
        pet: Some("1.2.4"),
    };
    let error = load(folder.path(), both).unwrap_err().to_string();
    assert!(
        error.contains("PatientID (0010,0020) differs between c-0.dcm and c-2.dcm"),
        "{error}"
    );
}

#[test]
fn two_equally_large_series_of_one_modality_alone_are_ambiguous_too() {
    let folder = tempfile::tempdir().unwrap();
    for uid in ["1.1", "1.2"] {
        write(folder.path(), uid, "PT", N, &|_, o| {
            put(o, tags::SERIES_INSTANCE_UID, VR::UI, uid)
        });
    }
    let error = series(&[folder.path().to_owned()], Modality::Pt)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("ambiguous") && error.contains("1.1") && error.contains("1.2"),
        "{error}"
    );
}

#[test]
fn patients_of_ct_and_pet_are_compared_by_what_both_state() {
    let same = |change: Change| {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "c", "CT", N, change);
        write(folder.path(), "p", "PT", N, &nothing);
        load(folder.path(), SeriesChoice::default())
            .unwrap()
            .facts()
            .same_patient
    };
    assert_eq!(same(&nothing), Some(true));
    assert_eq!(
        same(&|_, o| drop(o.take_element(tags::ISSUER_OF_PATIENT_ID))),
        Some(true)
    );
    for (tag, vr, text) in [
        (tags::PATIENT_ID, VR::LO, "OTHER-ID"),
        (tags::ISSUER_OF_PATIENT_ID, VR::LO, "THERE"),
        (tags::PATIENT_NAME, VR::PN, "DOE^JOHN"),
        (tags::PATIENT_BIRTH_DATE, VR::DA, "19441123"),
    ] {
        assert_eq!(same(&|_, o| put(o, tag, vr, text)), Some(false), "{tag}");
    }
}
