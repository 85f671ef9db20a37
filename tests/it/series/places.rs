//! Where the slices lie, and that none is missing.

use super::*;

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
            why.contains("s-5.dcm: Modality (0008,0060) is not that of s-0.dcm"),
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

    let why = last(&|o| put(o, tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\LOCALIZER"));
    let words = "s-5.dcm: ImageType (0008,0008) is LOCALIZER, but it lies in the plane of s-0.dcm";
    assert!(why.contains(words), "{why}");
    let why = last(&|o| modality(o, "RTSTRUCT"));
    assert!(
        why.contains("Modality (0008,0060) is not that of the SOP class in s-5.dcm"),
        "{why}"
    );
    // A localizer of another plane is part of many series.
    let scout = |k: usize, o: &mut InMemDicomObject| {
        if k == N - 1 {
            put(o, tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\LOCALIZER");
            put(
                o,
                tags::IMAGE_ORIENTATION_PATIENT,
                VR::DS,
                "1\\0\\0\\0\\0\\-1",
            );
        }
    };
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "s", "CT", N, &scout);
    assert_eq!(
        series(&files(folder.path()), Modality::Ct)
            .unwrap()
            .volume
            .dims[2],
        N - 1
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
