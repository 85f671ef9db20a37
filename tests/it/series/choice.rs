//! Which series are chosen.

use super::*;

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
    let found = inspect(&files(folder.path())).unwrap();
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
        assert!(loaded.metadata().same_frame_of_reference.unwrap_or(true));
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
    assert_eq!(study.metadata().same_frame_of_reference, Some(false));
    let case = study.case(Roi::Point([2.0, 2.0, 6.0])).unwrap();
    assert_eq!(case.metadata.same_frame_of_reference, Some(false));
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
    let error = series(&files(folder.path()), Modality::Pt)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("ambiguous") && error.contains("1.1") && error.contains("1.2"),
        "{error}"
    );
}
