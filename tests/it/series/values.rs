//! What the stored values mean.

use super::*;
use dlnms::evidence::quality::check_headers;

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
        let found = inspect(&files(folder.path())).unwrap();
        let qc = check_headers(found.metadata.as_ref(), found.suv.as_ref());
        let qc: Vec<_> = qc.iter().map(|f| f.code.name()).collect();
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
    // One slice whose pixels are described in another way, each by itself sound.
    let why = refusal(
        "PT",
        &in_one(|o| {
            word(o, tags::BITS_STORED, 12);
            word(o, tags::HIGH_BIT, 11);
        }),
    );
    assert!(
        why.contains("BitsStored (0028,0101) differs between s-0.dcm and s-2.dcm"),
        "{why}"
    );
    let why = refusal(
        "PT",
        &in_one(|o| {
            let now = o.element(tags::PIXEL_REPRESENTATION).unwrap();
            let other = 1 - now.to_int::<u16>().unwrap();
            word(o, tags::PIXEL_REPRESENTATION, other);
        }),
    );
    assert!(
        why.contains("s-2.dcm has another matrix or pixel type than s-0.dcm"),
        "{why}"
    );
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
        let ct = series(&files(folder.path()), Modality::Ct).unwrap();
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
