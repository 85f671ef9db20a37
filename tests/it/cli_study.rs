//! The command line on whole studies: any mix of files, ROIs by name, every lesion.

use crate::support::{onnxruntime, shared, tiny_bundle};
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn dlnms(arguments: &[&str], paths: &[&Path]) -> Output {
    let mut c = Command::new(env!("CARGO_BIN_EXE_dlnms"));
    c.env("DLNMS_ONNXRUNTIME", onnxruntime());
    c.args(arguments).args(paths).output().unwrap()
}

fn ok(output: Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    text
}

fn score(study: &Path, tumour: &[&str]) -> Output {
    let bundle = tiny_bundle();
    let mut arguments = vec!["score", "--bundle", bundle.to_str().unwrap(), "--json", "-"];
    arguments.extend(tumour);
    dlnms(&arguments, &[study])
}

fn scored(study: &Path, tumour: &[&str]) -> Value {
    serde_json::from_str(&ok(score(study, tumour))).unwrap()
}

#[test]
fn a_study_in_one_folder_is_scored_by_every_kind_of_roi() {
    let Some(study) = shared("data/petct/a_paired/acrin042") else {
        return;
    };
    let by_seed = scored(&study, &["--seed=-42,-14,-121", "--threshold", "4"]);
    let metrics = &by_seed["pet_metrics"];
    assert_eq!(metrics["voxels"], 876); // NUMERICS 4
    for key in [
        "suv_max",
        "suv_mean",
        "suv_peak",
        "mtv_ml",
        "tlg",
        "method",
        "threshold",
    ] {
        assert!(!metrics[key].is_null(), "{key}: {metrics}");
    }
    for key in ["factor", "rule", "dt_s"] {
        assert!(!by_seed["suv"][key].is_null(), "{key}: {by_seed}");
    }
    assert_eq!(by_seed["roi"]["kind"], "seed");
    assert!(
        by_seed["qc"].as_array().unwrap().is_empty(),
        "{}",
        by_seed["qc"]
    );
    assert!(by_seed["lesions"].is_null(), "one lesion is not several");
    assert!(by_seed["ct_diameters"]["longest_mm"].as_f64().unwrap() > 40.0);

    let by_name = scored(&study, &["--roi", "GTV_SUV4"]);
    let by_number = scored(&study, &["--roi", "1"]);
    assert_eq!(by_name["scores"], by_number["scores"]);
    let file = study.join("derived/rtstruct_tumour_suv4_on_ct.dcm");
    let by_file = scored(
        &study,
        &["--rtstruct", file.to_str().unwrap(), "--roi", "GTV_SUV4"],
    );
    assert_eq!(by_name["scores"], by_file["scores"]);

    let error = score(&study, &["--roi", "nothing"]);
    assert_eq!(error.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&error.stderr).contains("GTV_SUV4"),
        "{error:?}"
    );
    let unsaid = score(
        &study,
        &["--seg", study.join("seg_ct/0001.dcm").to_str().unwrap()],
    );
    assert!(
        String::from_utf8_lossy(&unsaid.stderr).contains("--segment"),
        "{unsaid:?}"
    );
}

/// Codes of the findings of a result.
fn found(result: &Value) -> Vec<&str> {
    let findings = result["qc"].as_array().unwrap().iter();
    findings.map(|f| f["code"].as_str().unwrap()).collect()
}

#[test]
fn a_lesion_that_does_not_hold_its_seed_is_found_and_refused_if_asked() {
    let Some(study) = shared("data/petct/a_paired/acrin042") else {
        return;
    };
    // In the mediastinum, 20 mm from the tumour's edge; and in the tumour.
    let beside = ["--seed=-10,-14,-121", "--threshold", "4"];
    let elsewhere = scored(&study, &beside);
    let hottest = elsewhere["pet_metrics"]["suv_max"].as_f64().unwrap();
    assert!((hottest - 42.217).abs() < 1e-3, "{hottest}");
    assert_eq!(
        found(&elsewhere),
        ["lesion_elsewhere"],
        "{}",
        elsewhere["qc"]
    );
    assert_eq!(elsewhere["qc"][0]["severity"], "critical");
    let refused = score(&study, &[&beside[..], &["--quality", "strict"]].concat());
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && text.contains("lesion_elsewhere"),
        "{text}"
    );
    let point = scored(&study, &["--center=-10,-14,-121", "--threshold", "4"]);
    assert!(
        found(&point).contains(&"lesion_elsewhere"),
        "{}",
        point["qc"]
    );
    let inside = scored(&study, &["--center=-42,-14,-121", "--threshold", "4"]);
    assert_eq!(found(&inside), [""; 0], "{}", inside["qc"]);
}

/// ACRIN-042's structure set, edited.
fn edited(study: &Path, folder: &Path, edit: impl FnOnce(&mut InMemDicomObject)) -> String {
    let file = study.join("derived/rtstruct_tumour_suv4_on_ct.dcm");
    let mut object = dicom_object::open_file(file).unwrap();
    edit(&mut object);
    let path = folder.join("edited.dcm");
    object.write_to_file(&path).unwrap();
    path.to_str().unwrap().to_owned()
}

fn items(object: &mut InMemDicomObject, tag: Tag, edit: impl FnOnce(&mut Vec<InMemDicomObject>)) {
    let mut items = object.element(tag).unwrap().items().unwrap().to_vec();
    edit(&mut items);
    object.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
}

/// Edits the contours of the only ROI.
fn contours(object: &mut InMemDicomObject, edit: impl FnOnce(&mut Vec<InMemDicomObject>)) {
    items(object, tags::ROI_CONTOUR_SEQUENCE, |rois| {
        items(&mut rois[0], tags::CONTOUR_SEQUENCE, edit);
    });
}

fn put(object: &mut InMemDicomObject, tag: Tag, vr: VR, value: &str) {
    object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
}

#[test]
fn edited_contours_are_exact_flagged_or_refused() {
    let Some(study) = shared("data/petct/a_paired/acrin042") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let with = |edit: &dyn Fn(&mut InMemDicomObject)| {
        let file = edited(&study, folder.path(), edit);
        score(&study, &["--rtstruct", &file, "--roi", "GTV_SUV4"])
    };
    let result = |output: Output| serde_json::from_str::<Value>(&ok(output)).unwrap();
    let truth = result(with(&|_| {}));
    assert_eq!(found(&truth), [""; 0]);
    // Every contour twice: each counts once.
    let twice = result(with(&|o| contours(o, |c| c.extend(c.clone()))));
    assert_eq!(twice["scores"], truth["scores"]);
    assert_eq!(twice["roi"], truth["roi"]);
    assert_eq!(found(&twice), [""; 0]);
    // A copy of one contour 5 mm aside: joined, and said so.
    let joined = result(with(&|o| {
        contours(o, |c| {
            let mut aside = c[10].clone();
            let data = aside
                .element(tags::CONTOUR_DATA)
                .unwrap()
                .to_multi_float64()
                .unwrap();
            let moved = data
                .iter()
                .enumerate()
                .map(|(n, v)| v + if n % 3 == 0 { 5.0 } else { 0.0 });
            let moved: Vec<String> = moved.map(|v| v.to_string()).collect();
            put(&mut aside, tags::CONTOUR_DATA, VR::DS, &moved.join("\\"));
            c.push(aside);
        });
    }));
    assert_eq!(found(&joined), ["contours_overlap"]);
    let refused = |edit: &dyn Fn(&mut InMemDicomObject), words: &str| {
        let output = with(edit);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && text.contains(words),
            "{words}: {text}"
        );
    };
    refused(
        &|o| {
            items(o, tags::STRUCTURE_SET_ROI_SEQUENCE, |rois| {
                let mut second = rois[0].clone();
                put(&mut second, tags::ROI_NUMBER, VR::IS, "2");
                rois.push(second);
            })
        },
        "\"GTV_SUV4\" is ambiguous: ROIs 1 of edited.dcm, 2 of edited.dcm",
    );
    refused(
        &|o| {
            items(o, tags::STRUCTURE_SET_ROI_SEQUENCE, |rois| {
                put(
                    &mut rois[0],
                    tags::REFERENCED_FRAME_OF_REFERENCE_UID,
                    VR::UI,
                    "1.2.3",
                );
            })
        },
        "ROI 1: its frame of reference is not that of the images that it was drawn on",
    );
    refused(
        &|o| {
            contours(o, |c| {
                put(
                    &mut c[3],
                    tags::CONTOUR_GEOMETRIC_TYPE,
                    VR::CS,
                    "OPEN_PLANAR",
                )
            })
        },
        "ROI 1: contour 4: a contour of type OPEN_PLANAR encloses nothing",
    );
    refused(
        &|o| {
            contours(o, |c| {
                put(&mut c[3], tags::NUMBER_OF_CONTOUR_POINTS, VR::IS, "4")
            })
        },
        "ROI 1: contour 4: NumberOfContourPoints (3006,0046) contradicts",
    );
    refused(
        &|o| {
            contours(o, |c| {
                put(&mut c[3], tags::CONTOUR_DATA, VR::DS, "0\\0\\0\\1\\1")
            })
        },
        "ROI 1: contour 4: ContourData (3006,0050) holds 5 values",
    );
    refused(&|o| contours(o, Vec::clear), "ROI 1: it has no contours");
}

#[test]
fn every_lesion_is_scored_and_ranked() {
    let Some(study) = shared("data/petct/a_paired/acrin042") else {
        return;
    };
    let file = study.join("seg_pet_a/0001.dcm");
    let all = scored(
        &study,
        &["--seg", file.to_str().unwrap(), "--lesions", "all"],
    );
    let lesions = all["lesions"].as_array().unwrap();
    assert_eq!(lesions.len(), 2);
    let risk = |l: &Value| {
        let score = |head: &str| l["scores"][head].as_f64().unwrap();
        score("n1").max(score("n2"))
    };
    assert!(risk(&lesions[0]) >= risk(&lesions[1]));
    assert_eq!(lesions[0]["rank"], 1);
    assert_eq!(
        all["scores"], lesions[0]["scores"],
        "the first is the result"
    );
    for (n, name) in [(1, "pt_segment_1"), (2, "Segment_2")] {
        let alone = scored(
            &study,
            &["--seg", file.to_str().unwrap(), "--segment", &n.to_string()],
        );
        let lesion = lesions.iter().find(|l| l["name"] == name).unwrap();
        assert_eq!(alone["scores"], lesion["scores"], "alone or among others");
        assert_eq!(alone["pet_metrics"], lesion["pet_metrics"]);
    }
    // The connected parts of a mask: this one has a single part.
    let mask = study.join("derived/roi_tumour_suv4_petgrid.nii.gz");
    let part = scored(
        &study,
        &["--mask", mask.to_str().unwrap(), "--lesions", "all"],
    );
    let whole = scored(&study, &["--mask", mask.to_str().unwrap()]);
    assert_eq!(part["scores"], whole["scores"]);
}

#[test]
fn inspect_lists_series_rois_suv_and_quality() {
    let Some(study) = shared("data/petct/a_paired/acrin042") else {
        return;
    };
    let json: Value = serde_json::from_str(&ok(dlnms(&["inspect", "--json"], &[&study]))).unwrap();
    let series = json["series"].as_array().unwrap();
    assert_eq!(series.len(), 4);
    for s in series {
        let chosen = s["chosen"].as_bool().unwrap();
        assert_eq!(s["rejected_because"].is_null(), chosen, "{s}");
        assert!(s["uid"].is_string() && s["slices"].is_number());
        if s["modality"] == "PT" {
            assert_eq!(
                s["suv"]["factor"].is_null(),
                s["suv"]["refusal"].is_string(),
                "{s}"
            );
        }
    }
    let rois = json["rois"].as_array().unwrap();
    assert_eq!(rois.len(), 6);
    for roi in rois {
        for key in [
            "name",
            "number",
            "source",
            "voxels",
            "ml",
            "centroid_lps_mm",
        ] {
            assert!(!roi[key].is_null(), "{key}: {roi}");
        }
    }
    assert_eq!(json["qc"], Value::Array(Vec::new()));
    let table = ok(dlnms(&["inspect"], &[&study]));
    assert!(
        table.contains("GTV_SUV4") && table.contains("a localizer"),
        "{table}"
    );
    // Cropped by its publishers, which Image Type admits.
    let sarcoma = shared("data/petct/a_paired/ibsi_sts/STS_001").unwrap();
    let json: Value =
        serde_json::from_str(&ok(dlnms(&["inspect", "--json"], &[&sarcoma]))).unwrap();
    assert_eq!(json["qc"][0]["code"], "derived_image");
    assert_eq!(json["qc"][0]["severity"], "info");
}
