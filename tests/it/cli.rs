//! The command line as a person or a script meets it.

use crate::support::{bundle, difference, npy, onnxruntime, shared, tiny_bundle};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn dlnms() -> Command {
    let mut c = Command::new(env!("CARGO_BIN_EXE_dlnms"));
    c.env("DLNMS_ONNXRUNTIME", onnxruntime());
    c
}

fn output(c: &mut Command) -> Output {
    c.output().unwrap()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn the_phantom_is_scored_by_point_and_by_mask() {
    let out = tempfile::tempdir().unwrap();
    let study = out.path().join("study");
    assert!(
        output(dlnms().args(["phantom", "--out"]).arg(&study))
            .status
            .success()
    );
    let truth = json(&study.join("truth.json"));
    let center: Vec<f64> = truth["tumour"]["center_lps_mm"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect();
    let point = format!("--center={},{},{}", center[0], center[1], center[2]);
    let (result, png) = (out.path().join("r.json"), out.path().join("p.png"));
    let score = |extra: &[&str]| {
        let mut c = dlnms();
        c.args(["score", "--bundle"])
            .arg(tiny_bundle())
            .arg("--ct")
            .arg(study.join("ct"))
            .arg("--pet")
            .arg(study.join("pet"));
        c.args(extra)
            .arg("--json")
            .arg(&result)
            .arg("--png")
            .arg(&png);
        let o = output(&mut c);
        assert!(o.status.success(), "{o:?}");
        assert!(
            String::from_utf8_lossy(&o.stdout).contains("Research use only"),
            "{o:?}"
        );
        assert!(
            !String::from_utf8_lossy(&o.stderr).contains('\x1b'),
            "colours only on a terminal"
        );
        json(&result)
    };
    let by_point = score(&[&point]);
    for key in [
        "scores/n1",
        "scores/n2",
        "heads/n1_pet",
        "risk/n1",
        "risk/n2",
        "risk/combined",
        "cutoffs/n1",
        "center_lps_mm/2",
        "provider",
        "timings_ms/preprocess",
        "timings_ms/evidence",
        "timings_ms/infer",
        "timings_ms/total",
        "model/id",
        "model/version",
        "model/manifest_sha256",
        "model/weights",
        "flags/0",
        "warnings/0",
        "research_use_only",
        "runtime/onnxruntime/path",
        "suv/steps/0",
        "preprocessing/samples",
    ] {
        assert!(
            !by_point
                .pointer(&format!("/{key}"))
                .unwrap_or(&Value::Null)
                .is_null(),
            "{key} is missing in {by_point:#}"
        );
    }
    assert_eq!(by_point["research_use_only"], true);
    let t = &by_point["timings_ms"];
    let parts: f64 = ["prepare", "preprocess", "evidence", "infer", "finish"]
        .iter()
        .map(|k| t[*k].as_f64().unwrap())
        .sum();
    assert!((parts - t["total"].as_f64().unwrap()).abs() < 1e-9, "{t}");
    // Lesion and references are measured here; they are no part of preparing the network's input.
    assert!(t["evidence"].as_f64().unwrap() > 0.0, "{t}");
    let factor = by_point["suv"]["factor"].as_f64().unwrap();
    assert!((factor / truth["suv_factor"].as_f64().unwrap() - 1.0).abs() < 1e-9);
    assert!(std::fs::read(&png).unwrap().starts_with(b"\x89PNG"));
    let mut c = dlnms();
    c.args(["score", "--bundle"])
        .arg(tiny_bundle())
        .arg("--ct")
        .arg(study.join("ct"));
    let o = output(
        c.arg("--pet")
            .arg(study.join("pet"))
            .arg("--mask")
            .arg(study.join("truth.json")),
    );
    assert!(
        o.status.code() == Some(1) && String::from_utf8_lossy(&o.stderr).contains(".nii.gz, .nrrd"),
        "{o:?}"
    );
    let mask = study.join("tumour_mask.nii.gz");
    let by_mask = score(&["--mask", mask.to_str().unwrap()]);
    for (axis, truth) in center.iter().enumerate() {
        let off = by_mask["center_lps_mm"][axis].as_f64().unwrap() - truth;
        assert!(off.abs() < 0.5, "axis {axis} is off by {off} mm");
    }
}

#[test]
fn planes_of_the_lung_cancer_study_are_the_golden_ones_and_need_no_runtime() {
    let (Some(study), Some(golden)) = (shared("data/petct/a_paired/acrin042"), shared("golden"))
    else {
        return;
    };
    let out = tempfile::tempdir().unwrap();
    let prefix = out.path().join("acrin");
    let mut c = Command::new(env!("CARGO_BIN_EXE_dlnms"));
    c.env_remove("DLNMS_ONNXRUNTIME")
        .args(["planes", "--center=-42.269,-14.623,-122.129", "--bundle"])
        .arg(bundle());
    c.arg("--ct")
        .arg(study.join("ct"))
        .arg("--pet")
        .arg(study.join("pet_ac"))
        .arg("--out")
        .arg(&prefix);
    assert!(output(&mut c).status.success());
    for (name, tolerance) in [("ct", 1e-4), ("pet", 0.02)] {
        let ours = npy(&out.path().join(format!("acrin_{name}.npy")));
        let (worst, _) = difference(
            &ours,
            &npy(&golden.join(format!("acrin042_tumour_{name}.npy"))),
        );
        assert!(worst <= tolerance, "{name}: {worst}");
    }
}

#[test]
fn contours_and_segments_name_the_tumour_and_its_pet_metrics_are_the_published_ones() {
    let Some(study) = shared("data/petct/a_paired/acrin042") else {
        return;
    };
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("r.json");
    let score = |extra: &[&str]| {
        let mut c = dlnms();
        c.args(["score", "--bundle"])
            .arg(tiny_bundle())
            .arg("--ct")
            .arg(study.join("ct"));
        let o = output(
            c.arg("--pet")
                .arg(study.join("pet_ac"))
                .args(extra)
                .arg("--json")
                .arg(&file),
        );
        assert!(o.status.success(), "{extra:?} {o:?}");
        json(&file)
    };
    let near = |r: &Value, want: [f64; 3], mm: f64| {
        let off = (0..3)
            .map(|i| (r["center_lps_mm"][i].as_f64().unwrap() - want[i]).abs())
            .fold(0.0, f64::max);
        assert!(off < mm, "{} instead of {want:?}", r["center_lps_mm"]);
    };
    let rtstruct = study.join("derived/rtstruct_tumour_suv4_on_ct.dcm");
    let by_contour = score(&[
        "--rtstruct",
        rtstruct.to_str().unwrap(),
        "--roi",
        "GTV_SUV4",
        "--threshold",
        "4",
    ]);
    near(&by_contour, [-42.269, -14.623, -122.129], 0.15);
    // 876 voxels, 62.95 ml at SUV >= 4, SUVmax 42.217 (NUMERICS 4).
    let m = &by_contour["pet_metrics"];
    assert_eq!(
        (m["voxels"].as_u64(), m["method"].as_str()),
        (Some(876), Some("SUV >= 4")),
        "{m}"
    );
    assert!(
        (m["suv_max"].as_f64().unwrap() - 42.217).abs() < 1e-3
            && (m["mtv_ml"].as_f64().unwrap() - 62.95).abs() < 0.1,
        "{m}"
    );
    let seg = study
        .join("seg_pet_a")
        .read_dir()
        .unwrap()
        .flatten()
        .next()
        .unwrap()
        .path();
    let by_segment = score(&["--seg", seg.to_str().unwrap(), "--segment", "1"]);
    near(&by_segment, [-42.269, -14.623, -122.129], 25.0); // a loose drawing around the tumour
    assert_eq!(by_segment["pet_metrics"]["method"], "41% of SUVmax");
    let o = output(dlnms().args(["inspect", "--json"]).arg(&study));
    let found: Value = serde_json::from_slice(&o.stdout).unwrap();
    let chosen: Vec<_> = found["series"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|s| s["chosen"] == true)
        .collect();
    assert_eq!(chosen.len(), 2, "{found:#}");
    assert_eq!(
        (chosen[0]["modality"].as_str(), chosen[0]["slices"].as_u64()),
        (Some("CT"), Some(135))
    );
    assert!((chosen[1]["suv"]["factor"].as_f64().unwrap() / 0.000_421_110_07 - 1.0).abs() < 1e-6);
    assert!(found["series"].as_array().unwrap().iter().any(|s| {
        s["rejected_because"]
            .as_str()
            .is_some_and(|w| w.contains("localizer"))
    }));
}

#[test]
fn no_text_of_a_header_reaches_any_output() {
    use dicom_core::{DataElement, PrimitiveValue, VR, header::Header};
    use dicom_dictionary_std::tags;
    const PLANTED: &str = "PLANTED^SECRET";
    let out = tempfile::tempdir().unwrap();
    let study = out.path().join("study");
    assert!(
        output(dlnms().args(["phantom", "--out"]).arg(&study))
            .status
            .success()
    );
    let mut planted = 0;
    for folder in ["ct", "pet"] {
        for file in study
            .join(folder)
            .read_dir()
            .unwrap()
            .flatten()
            .map(|e| e.path())
        {
            let mut object = dicom_object::open_file(&file).unwrap();
            let texts = [VR::PN, VR::LO, VR::SH, VR::ST, VR::LT, VR::UT, VR::AE];
            let found: Vec<_> = object
                .iter()
                // What decides HU is refused where it is something else; below.
                .filter(|e| texts.contains(&e.vr()) && e.tag() != tags::RESCALE_TYPE)
                .map(|e| (e.tag(), e.vr()))
                .collect();
            for (tag, vr) in found {
                object.put(DataElement::new(tag, vr, PrimitiveValue::from(PLANTED)));
                planted += 1;
            }
            object.write_to_file(&file).unwrap();
        }
    }
    assert_eq!(planted, 2000);
    let json_file = out.path().join("r.json");
    let said = |c: &mut Command| {
        let o = output(c);
        [o.stdout, o.stderr].concat()
    };
    let score = |center: &str| {
        let mut c = dlnms();
        c.args(["score", "--bundle"])
            .arg(tiny_bundle())
            .arg("--ct")
            .arg(study.join("ct"))
            .arg("--pet")
            .arg(study.join("pet"));
        said(c.arg(center).arg("--json").arg(&json_file))
    };
    let mut everything = score("--center=-82,-12,46.5");
    everything.extend(std::fs::read(&json_file).unwrap());
    everything.extend(score("--center=0,0,9999"));
    everything.extend(said(dlnms().args(["inspect", "--json"]).arg(&study)));
    let first = study.join("ct/0000.dcm");
    let kept = std::fs::read(&first).unwrap();
    let mut object = dicom_object::open_file(&first).unwrap();
    let planted = PrimitiveValue::from(PLANTED);
    object.put(DataElement::new(tags::RESCALE_TYPE, VR::LO, planted));
    object.write_to_file(&first).unwrap();
    everything.extend(score("--center=-82,-12,46.5"));
    std::fs::write(&first, kept).unwrap();
    std::fs::remove_file(study.join("ct/0050.dcm")).unwrap();
    everything.extend(score("--center=-82,-12,46.5")); // a missing slice is named by its file
    let text = String::from_utf8_lossy(&everything);
    assert!(
        text.contains("missing slices") && text.contains("n1_pet") && text.contains("RescaleType"),
        "{text}"
    );
    assert!(
        !text.contains("PLANTED") && !text.contains("SECRET"),
        "{text}"
    );
}

#[test]
fn exit_codes_and_messages_say_whose_fault_it_is() {
    let out = tempfile::tempdir().unwrap();
    let says = |code: i32, word: &str, args: &[&str]| {
        let o = output(dlnms().args(args));
        let text = String::from_utf8_lossy(&o.stderr).into_owned();
        assert_eq!(o.status.code(), Some(code), "{args:?}: {text}");
        assert!(text.contains(word), "{args:?}: {text}");
    };
    let (tiny, here) = (tiny_bundle(), out.path());
    let (tiny, here) = (tiny.to_str().unwrap(), here.to_str().unwrap());
    // The folder of the study is empty.
    let score = |code: i32, word: &str, bundle: &str, more: &[&str]| {
        let study = ["score", "--bundle", bundle, "--ct", here, "--pet", here];
        says(code, word, &[&study, more].concat());
    };
    says(2, "Usage", &["score"]);
    score(2, "three numbers", tiny, &["--center", "1,2"]);
    let center = "--center=1,2,3";
    score(2, "cannot be used with", tiny, &[center, "--mask", "m.nii"]);
    score(3, "manifest.json", here, &[center]);
    score(3, "searched", tiny, &[center, "--onnxruntime", here]);
    score(1, "DICOM", tiny, &[center]);
    score(1, "--provider", tiny, &[center, "--provider", "abacus"]);
    says(
        1,
        "cannot write",
        &["phantom", "--out", "/dev/null/nowhere"],
    );
    let help = output(dlnms().arg("--help"));
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("Exit codes"));
    let info = output(dlnms().args(["info", "--bundle", tiny]));
    assert!(
        String::from_utf8_lossy(&info.stdout).contains("passed over tensorrt"),
        "{info:?}"
    );
}

#[test]
fn score_and_planes_warn_alike_and_refuse_by_the_strict_policy() {
    let out = tempfile::tempdir().unwrap();
    let study = out.path().join("study");
    assert!(
        output(dlnms().args(["phantom", "--out"]).arg(&study))
            .status
            .success()
    );
    let run = |command: &str, extra: &[&str]| {
        let mut c = dlnms();
        c.args([command, "--bundle"])
            .arg(tiny_bundle())
            .arg("--ct")
            .arg(study.join("ct"))
            .arg("--pet")
            .arg(study.join("pet"))
            .args(extra);
        if command == "planes" {
            c.arg("--out").arg(out.path().join("p"));
        }
        let o = output(&mut c);
        (
            o.status.code(),
            String::from_utf8_lossy(&o.stderr).into_owned(),
        )
    };
    let findings = [
        "center_in_air: CT shows air",
        "center_without_uptake: PET shows",
    ];
    for command in ["score", "planes"] {
        // In the air in front of the patient.
        let (code, text) = run(command, &["--center=0,-150,46.5"]);
        assert_eq!(code, Some(0), "{command}: {text}");
        for finding in findings {
            let line = format!("warning: {finding}");
            assert!(text.contains(&line), "{command}: {text}");
        }
        let (code, text) = run(command, &["--center=0,-150,46.5", "--quality", "strict"]);
        assert_eq!(code, Some(1), "{command}: {text}");
        for finding in findings {
            let reason = format!("quality check {finding}");
            assert!(text.contains(&reason), "{command}: {text}");
        }
        let tumour = "--center=-82,-12,46.5";
        let (code, text) = run(command, &[tumour, "--quality", "strict"]);
        assert_eq!(code, Some(0), "{command}: {text}");
        assert!(!text.contains("center_"), "{command}: {text}");
        let (code, text) = run(command, &[tumour, "--quality", "lax"]);
        assert_eq!(code, Some(2), "{command}: {text}");
    }
    // What SUV had to assume is said by both: a weight in grams.
    for file in study.join("pet").read_dir().unwrap().flatten() {
        let mut object = dicom_object::open_file(file.path()).unwrap();
        object.put(dicom_core::DataElement::new(
            dicom_dictionary_std::tags::PATIENT_WEIGHT,
            dicom_core::VR::DS,
            dicom_core::PrimitiveValue::from("70000"),
        ));
        object.write_to_file(file.path()).unwrap();
    }
    for command in ["score", "planes"] {
        let (code, text) = run(command, &["--center=-82,-12,46.5"]);
        assert_eq!(code, Some(0), "{command}: {text}");
        assert!(
            text.contains("warning: weight_unit_assumed: "),
            "{command}: {text}"
        );
        assert!(text.contains("warning: SUV: "), "{command}: {text}");
    }
}
