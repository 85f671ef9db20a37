//! What all slices of a series say alike, and CT and PET of each other.

use super::*;

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
    let ct = series(&files(folder.path()), Modality::Ct).unwrap();
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
        assert!(
            ["differs between", "s-0.dcm", "s-2.dcm"]
                .iter()
                .all(|w| why.contains(w)),
            "{why}"
        );
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
        assert!(
            ["differs between", "s-0.dcm", "s-2.dcm"]
                .iter()
                .all(|w| why.contains(w)),
            "{why}"
        );
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
fn patients_of_ct_and_pet_are_compared_by_what_both_state() {
    let same = |change: Change| {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "c", "CT", N, change);
        write(folder.path(), "p", "PT", N, &nothing);
        load(folder.path(), SeriesChoice::default())
            .unwrap()
            .metadata()
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
