//! `dlnms bench` writes what it measured and compares it with an earlier run.

use crate::support::{onnxruntime, tiny_bundle};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn bench(arguments: &[&str], json: &Path) -> Output {
    let mut c = Command::new(env!("CARGO_BIN_EXE_dlnms"));
    c.env("DLNMS_ONNXRUNTIME", onnxruntime());
    c.args(["bench", "--provider", "cpu", "--threads", "1", "--bundle"]);
    c.arg(tiny_bundle())
        .args(arguments)
        .arg("--json")
        .arg(json)
        .output()
        .unwrap()
}

#[test]
fn numbers_are_written_drawn_and_compared() {
    let out = tempfile::tempdir().unwrap();
    let (json, svg) = (out.path().join("new.json"), out.path().join("b.svg"));
    let first = bench(
        &[
            "--cases",
            "12",
            "--cold",
            "1",
            "--concurrency",
            "1,2",
            "--batch",
            "3",
            "--against",
            "cpu:fp32",
            "--against",
            "cuda",
            "--svg",
            svg.to_str().unwrap(),
        ],
        &json,
    );
    assert!(first.status.success(), "{first:?}");
    let document: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let of = |pointer: &str| document.pointer(pointer).and_then(Value::as_f64);
    for what in ["call", "preprocess", "infer", "bare_ort"] {
        let at = |p: &str| of(&format!("/call_ms/{what}/{p}")).unwrap();
        assert!(at("p50") > 0.0 && at("p50") <= at("p90"), "{document:#}");
        assert!(at("p90") <= at("p99") && at("p99") <= at("p99_9") && at("p99_9") <= at("max"));
        assert_eq!(at("samples"), 12.0);
    }
    assert_eq!(of("/against/0/largest_score_difference"), Some(0.0));
    assert!(of("/against/0/call/p50").unwrap() > 0.0, "{document:#}");
    let reason = document
        .pointer("/against/1/reason")
        .and_then(Value::as_str);
    assert!(reason.unwrap().contains("cuda fp32: "), "{document:#}");
    let call = of("/call_ms/call/p50").unwrap();
    assert!(call >= of("/call_ms/infer/p50").unwrap(), "{document:#}");
    for pointer in [
        "/cold_start/with cache/best_ms",
        "/cold_start/without cache/best_ms",
        "/concurrency/1/cases_per_s",
        "/batch/0/cases_per_s",
        "/machine/cores",
        "/peak_memory_mib",
        "/call_ms/ratio_to_bare",
    ] {
        assert!(
            of(pointer).is_some_and(|v| v > 0.0),
            "{pointer} in {document:#}"
        );
    }
    assert_eq!(document["batch"][0]["n"], 3);
    assert_eq!(document["research_use_only"], true);
    assert!(std::fs::read_to_string(&svg).unwrap().contains("</svg>"));

    let old = json.to_str().unwrap();
    let again = out.path().join("again.json");
    let short = [
        "--cases",
        "6",
        "--cold",
        "0",
        "--concurrency",
        "1",
        "--batch",
        "1",
    ];
    let second = bench(&[&short[..], &["--compare", old]].concat(), &again);
    let text = String::from_utf8_lossy(&second.stdout);
    assert!(
        second.status.success() && text.contains("of bare ONNX Runtime"),
        "{second:?}"
    );
    let third = bench(&[&short[..], &["--compare", "/dev/null"]].concat(), &again);
    assert_eq!(third.status.code(), Some(1), "{third:?}");
    let zero = bench(&["--cases", "0"], &again);
    assert_eq!(zero.status.code(), Some(1), "{zero:?}");
}
