use super::super::elements::encode;
use super::*;
use crate::readers::dicom::SourceImage;

fn series(uid: &str) -> SeriesSource {
    let image = |n: usize| SourceImage {
        sop_class: "1.2.3".into(),
        sop_instance: format!("{uid}.{n}"),
        frame: None,
    };
    SeriesSource {
        study_uid: Some("1.2".into()),
        series_uid: uid.into(),
        images: (0..3).map(image).collect(),
        header: Ok(RawHeader::default()),
    }
}

fn header(elements: &[(Tag, &[u8])]) -> RawHeader {
    let element = |(tag, bytes): &(Tag, &[u8])| RawElement {
        tag: *tag,
        value: RawValue::Text(bytes.to_vec()),
    };
    RawHeader {
        elements: elements.iter().map(element).collect(),
    }
}

fn identity(elements: &[(Tag, &[u8])]) -> Result<Identity> {
    Identity::new(header(elements), series("1.2.1"), series("1.2.2"))
}

fn refused(elements: &[(Tag, &[u8])]) -> String {
    identity(elements).unwrap_err().to_string()
}

const NAME: Tag = tags::PATIENT_NAME;
const SET: Tag = tags::SPECIFIC_CHARACTER_SET;

#[test]
fn names_are_copied_byte_for_byte_in_any_character_set() {
    // Yamada^Tarou in three writings, Wang^XiaoDong, and a Cyrillic name (PS3.5 H and K).
    let names: [(&[u8], &[u8]); 3] = [
        (
            b"\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        ),
        (b"GB18030", b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab="),
        (b"ISO_IR 144", b"\xbb\xee\xda\xe1\xe5\xdc\xd1\xe3\xe0\xd3"),
    ];
    for (set, name) in names {
        let identity = identity(&[(SET, set), (NAME, name)]).unwrap();
        let mut object = InMemDicomObject::new_empty();
        identity.copy_into(&mut object);
        let bytes = encode(&object).unwrap();
        for text in [set, name] {
            let found = bytes.windows(text.len()).filter(|w| *w == text).count();
            assert_eq!(found, 1, "{text:?}");
        }
    }
}

#[test]
fn what_nobody_can_read_or_copy_is_refused_by_name() {
    let latin: &[u8] = b"M\xfcller";
    assert!(refused(&[(NAME, latin)]).contains("PatientName (0010,0010) has bytes beyond ASCII"));
    assert!(refused(&[(SET, b"ISO_IR 999"), (NAME, b"A")]).contains("SpecificCharacterSet"));
    assert!(refused(&[(NAME, b"A\nB")]).contains("control character 10"));
    assert!(
        refused(&[(NAME, &[b'A'; 10_000])]).contains("PatientName (0010,0010) has 10000 bytes")
    );
    for nobody in [&[][..], &[(NAME, &b"  "[..]), (tags::PATIENT_ID, b"")]] {
        assert!(
            refused(nobody).contains("nothing says whose"),
            "{}",
            refused(nobody)
        );
    }
    // No message holds the name.
    assert!(!refused(&[(NAME, latin)]).contains("ller"));
}

#[test]
fn an_optional_text_that_is_too_long_is_left_out() {
    let long = [b'x'; 10_000];
    let identity = identity(&[(tags::STUDY_DESCRIPTION, &long), (NAME, b"A")]).unwrap();
    let mut object = InMemDicomObject::new_empty();
    identity.copy_into(&mut object);
    assert!(object.get(tags::STUDY_DESCRIPTION).is_none());
    assert_eq!(format!("{identity:?}"), "Identity");
}

#[test]
fn what_tells_patients_apart_is_never_left_out() {
    let long = [b'x'; 65];
    for tag in [
        tags::PATIENT_ID,
        tags::ISSUER_OF_PATIENT_ID,
        tags::PATIENT_SEX,
    ] {
        let refused = refused(&[(tag, &long), (NAME, b"A")]);
        assert!(refused.contains("has 65 bytes"), "{refused}");
    }
    // An empty Study ID is an unknown one.
    let identity = identity(&[(tags::STUDY_ID, &long[..17]), (NAME, b"A")]).unwrap();
    let mut object = InMemDicomObject::new_empty();
    identity.copy_into(&mut object);
    assert!(
        object
            .get(tags::STUDY_ID)
            .unwrap()
            .to_bytes()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn images_without_a_uid_or_of_two_studies_are_refused() {
    let named = header(&[(NAME, b"A")]);
    for uid in ["", "1.2.x", &"1".repeat(65)] {
        let mut ct = series("1.2.2");
        ct.images[1].sop_instance = uid.into();
        let refused = Identity::new(named.clone(), series("1.2.1"), ct).unwrap_err();
        assert!(refused.to_string().contains("a UID of the CT"), "{refused}");
    }
    let mut pet = series("1.2.1");
    pet.study_uid = None;
    let refused = Identity::new(named, pet, series("1.2.2")).unwrap_err();
    assert!(
        refused.to_string().contains("StudyInstanceUID"),
        "{refused}"
    );
}
