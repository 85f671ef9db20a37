//! The command line as a person or a script meets it.

mod support;

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use support::{bundle, difference, npy, onnxruntime, shared, tiny_bundle};

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
        "timings_ms/infer",
        "timings_ms/total",
        "model/id",
        "model/version",
        "model/sha256",
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
    let parts: f64 = ["prepare", "preprocess", "queue", "infer", "finish"]
        .iter()
        .map(|k| t[*k].as_f64().unwrap())
        .sum();
    assert!((parts - t["total"].as_f64().unwrap()).abs() < 1e-9, "{t}");
    let factor = by_point["suv"]["factor"].as_f64().unwrap();
    assert!((factor / truth["suv_factor"].as_f64().unwrap() - 1.0).abs() < 1e-9);
    assert!(std::fs::read(&png).unwrap().starts_with(b"\x89PNG"));
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
    says(2, "Usage", &["score"]);
    says(
        2,
        "three numbers",
        &[
            "score", "--bundle", tiny, "--ct", here, "--pet", here, "--center", "1,2",
        ],
    );
    says(
        2,
        "cannot be used with",
        &[
            "score",
            "--bundle",
            tiny,
            "--ct",
            here,
            "--pet",
            here,
            "--center=1,2,3",
            "--mask",
            "m.nii",
        ],
    );
    says(
        3,
        "manifest.json",
        &[
            "score",
            "--bundle",
            here,
            "--ct",
            here,
            "--pet",
            here,
            "--center=1,2,3",
        ],
    );
    says(
        3,
        "searched",
        &[
            "--onnxruntime",
            here,
            "score",
            "--bundle",
            tiny,
            "--ct",
            here,
            "--pet",
            here,
            "--center=1,2,3",
        ],
    );
    says(
        1,
        "DICOM",
        &[
            "score",
            "--bundle",
            tiny,
            "--ct",
            here,
            "--pet",
            here,
            "--center=1,2,3",
        ],
    );
    says(
        1,
        "NIfTI",
        &[
            "score",
            "--bundle",
            tiny,
            "--ct",
            here,
            "--pet",
            here,
            "--mask",
            "absent.nii.gz",
        ],
    );
    says(
        1,
        "--provider",
        &[
            "score",
            "--bundle",
            tiny,
            "--ct",
            here,
            "--pet",
            here,
            "--center=1,2,3",
            "--provider",
            "abacus",
        ],
    );
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
