//! The command line on whole studies: any mix of files, ROIs by name, every lesion.

mod support;

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use support::{onnxruntime, shared, tiny_bundle};

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
