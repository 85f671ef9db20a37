//! Values of attributes as scanners and archives write them.

use super::super::synthetic::{Object, put};
use super::*;
use dicom_core::DataElement;
use dicom_dictionary_std::tags;

/// An object with one element.
fn with(tag: Tag, vr: VR, value: impl Into<PrimitiveValue>) -> Object {
    let mut object = Object::new_empty();
    object.put(DataElement::new(tag, vr, value.into()));
    object
}

fn bytes(bytes: &[u8]) -> PrimitiveValue {
    PrimitiveValue::U8(bytes.into())
}

#[test]
fn an_orientation_has_a_normal_if_its_vectors_span_an_area_of_more_than_0_99() {
    let of = |length: f64| normal(&[length, 0.0, 0.0, 0.0, 1.0, 0.0]);
    for length in [0.9901, 1.0, 1.01] {
        assert_eq!(of(length), Some([0.0, 0.0, 1.0]), "{length}");
    }
    for length in [0.99, 0.5, 0.0, f64::NAN, f64::INFINITY] {
        assert_eq!(of(length), None, "{length}");
    }
    assert_eq!(normal(&[1e200, 0.0, 0.0, 0.0, 1e200, 0.0]), None);
    let coronal = [1.0, 0.0, 0.0, 0.0, 0.0, -1.0];
    assert_eq!(normal(&coronal), Some([0.0, 1.0, 0.0]));
}

#[test]
fn blanks_and_zeros_around_a_text_are_padding() {
    let of = |value: &str| text(&with(tags::PATIENT_ID, VR::LO, value), tags::PATIENT_ID);
    assert_eq!(of(" \0a b\0 \0").as_deref(), Some("a b"));
    assert_eq!(of(" \0 "), None);
}

#[test]
fn so_many_numbers_are_needed_and_all_of_them_finite() {
    let of = |value: &str| {
        let object = with(tags::IMAGE_POSITION_PATIENT, VR::DS, value);
        numbers::<3>(&object, tags::IMAGE_POSITION_PATIENT)
    };
    assert_eq!(of("1\\2\\3"), Some([1.0, 2.0, 3.0]));
    assert_eq!(of("1\\2\\3\\4"), Some([1.0, 2.0, 3.0]));
    assert_eq!(of("1\\2"), None);
    assert_eq!(of("1\\nan\\3"), None);
    assert_eq!(of("1\\2\\inf"), None);
}

#[test]
fn a_count_is_whole_and_not_negative() {
    let of = |value: &str| {
        let object = with(tags::NUMBER_OF_FRAMES, VR::IS, value);
        count(&object, tags::NUMBER_OF_FRAMES)
    };
    assert_eq!(
        (of("0"), of("7"), of("4000000000")),
        (Some(0), Some(7), Some(4_000_000_000))
    );
    for bad in ["-1", "1.5", "-1.5", "4000000001", "five", ""] {
        assert_eq!(of(bad), None, "{bad}");
    }
}

#[test]
fn bytes_of_an_unknown_representation_are_read_by_the_dictionary_and_others_as_they_are() {
    let rows = |vr| number(&with(tags::ROWS, vr, bytes(&[0, 2])), tags::ROWS);
    assert_eq!(rows(VR::UN), Some(512.0));
    assert_eq!(rows(VR::OB), Some(0.0));
    // Of a private element only readable text is known.
    let private = Tag(0x0009, 0x100D);
    let of = |value: &[u8]| text(&with(private, VR::UN, bytes(value)), private);
    assert_eq!(of(b"GEMS 1.5 \0").as_deref(), Some("GEMS 1.5"));
    assert_eq!(of(&[0, 0, 0x80, 0x3F]), None);
    assert_eq!(of(b"a\x01b"), None);
}

#[test]
fn a_private_text_may_have_line_ends_around_it() {
    let tag = Tag(0x0009, 0x100D);
    let of = |value: &[u8]| {
        let object = with(tag, VR::UN, bytes(value));
        private_text(object.element(tag).unwrap())
    };
    assert_eq!(
        of(b"20200101120000.00\0").as_deref(),
        Some("20200101120000.00")
    );
    assert_eq!(of(b"\r\n2020 01\n\0").as_deref(), Some("2020 01"));
    assert_eq!(of(b"\n\0"), None);
    assert_eq!(of(&[0xFF, 0xFE, 1]), None);
}

#[test]
fn a_private_element_is_found_by_its_creator_or_in_block_10_of_its_vendor() {
    let mut object = Object::new_empty();
    put(&mut object, Tag(0x7053, 0x0010), VR::LO, "OTHER");
    put(
        &mut object,
        Tag(0x7053, 0x0011),
        VR::LO,
        "philips pet private group ",
    );
    put(&mut object, Tag(0x7053, 0x1009), VR::DS, "1");
    put(&mut object, Tag(0x7053, 0x1109), VR::DS, "2");
    let of = |object: &Object, creator: &str, vendor| {
        let found = private(object, 0x7053, creator, 0x09, vendor)?;
        private_text(found)
    };
    assert_eq!(
        of(&object, "Philips PET Private Group", false).as_deref(),
        Some("2")
    );
    assert_eq!(of(&object, "NOBODY", true).as_deref(), Some("1"));
    assert_eq!(of(&object, "NOBODY", false), None);
}
