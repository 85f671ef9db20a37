//! Hosts in C and C++: built with every compiler here, linked both ways, run, and compared to the bit.

use crate::support;
use crate::support::host::{Host, Link, SYSTEM_LIBRARIES, c_compilers, example, host};
use crate::support::{bundle, dist, onnxruntime, root, run, tiny_bundle};
use dlnms::imaging::roi::Roi;
use dlnms::imaging::{DType, IDENTITY, ImageGrid, VolumeView};
use dlnms::runtime::provider::{Policy, Provider};
use dlnms::scorer::{CancelToken, Case, Scorer, ScorerOptions};
use std::path::Path;
use std::process::Command;

/// The scores of cpp-example/minimal.c's volumes, computed in Rust.
fn minimal_scores() -> (f32, f32) {
    let ball = |side: usize, spacing: f64, v: usize| {
        let at = |n: usize| (n as f64 - (side as f64 - 1.0) / 2.0) * spacing;
        at(v % side).powi(2) + at(v / side % side).powi(2) + at(v / side / side).powi(2) < 225.0
    };
    let ct: Vec<u8> = (0..160usize.pow(3))
        .flat_map(|v| (if ball(160, 1.0, v) { 40i16 } else { -850 }).to_ne_bytes())
        .collect();
    let pet: Vec<u8> = (0..80usize.pow(3))
        .flat_map(|v| (if ball(80, 2.0, v) { 8f32 } else { 0.6 }).to_ne_bytes())
        .collect();
    let grid = |side: usize, spacing: f64| ImageGrid {
        dims: [side; 3],
        origin: [-(side as f64 - 1.0) / 2.0 * spacing; 3],
        spacing: [spacing; 3],
        direction: IDENTITY,
        slice_offsets: None,
    };
    let case = Case::new(
        VolumeView::packed(&ct, DType::I16, grid(160, 1.0), "ct").unwrap(),
        VolumeView::packed(&pet, DType::F32, grid(80, 2.0), "pet").unwrap(),
        Roi::Point([0.0; 3]),
    );
    let options = ScorerOptions {
        policy: Policy::strict(Provider::Cpu),
        threads: 0,
        ..ScorerOptions::default()
    };
    let scorer = Scorer::new(support::runtime(), &bundle(), options).unwrap();
    let scores = scorer.score(&case, &CancelToken::default()).unwrap();
    (scores.n1, scores.n2)
}

/// The number after a word at the start of a line; nine digits give back every float.
fn value(output: &str, word: &str) -> f32 {
    let line = output
        .lines()
        .find_map(|l| l.strip_prefix(word))
        .unwrap_or_else(|| panic!("no {word:?} in {output}"));
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn c_and_cpp_hosts_give_the_scores_of_rust_to_the_bit() {
    let out = tempfile::tempdir().unwrap();
    let truth = minimal_scores();
    for (c, cpp) in c_compilers() {
        for link in [Link::Dynamic, Link::Static] {
            let minimal = Host {
                compiler: c,
                standard: "c99",
                source: example("minimal.c"),
                link,
                flags: &[],
            }
            .build(out.path());
            let printed = run(Command::new(&minimal).arg(bundle()).arg(onnxruntime()));
            assert_eq!(
                (value(&printed, "n1 "), value(&printed, "n2 ")),
                truth,
                "{}",
                minimal.display()
            );
            assert!(
                printed.contains("research use only") && printed.contains("NOT TRAINED"),
                "{printed}"
            );
            let cancel = Host {
                compiler: cpp,
                standard: "c++17",
                source: example("cancel.cpp"),
                link,
                flags: &[],
            }
            .build(out.path());
            let printed = run(Command::new(cancel).arg(bundle()).arg(onnxruntime()));
            assert!(
                printed.contains("prepared after three cancelled tries"),
                "{printed}"
            );
        }
    }
}

#[test]
fn a_cpp_host_scores_the_lung_cancer_study_like_the_command_line() {
    let Some(study) = support::shared("data/petct/a_paired/acrin042") else {
        return;
    };
    let (ct, pet, center) = (
        study.join("ct"),
        study.join("pet_ac"),
        "--center=-42.269,-14.623,-122.129",
    );
    let out = tempfile::tempdir().unwrap();
    let json = out.path().join("result.json");
    run(Command::new(dist().join("bin/dlnms"))
        .arg("--onnxruntime")
        .arg(onnxruntime())
        .args(["score", center, "--bundle"])
        .arg(bundle())
        .arg("--ct")
        .arg(&ct)
        .arg("--pet")
        .arg(&pet)
        .arg("--json")
        .arg(&json));
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let truth = |head: &str| report["heads"][head].as_f64().unwrap() as f32;
    for (_, cpp) in c_compilers() {
        for link in [Link::Dynamic, Link::Static] {
            let score = Host {
                compiler: cpp,
                standard: "c++17",
                source: example("score.cpp"),
                link,
                flags: &[],
            }
            .build(out.path());
            for raw in [false, true] {
                let mut command = Command::new(&score);
                command
                    .arg(center)
                    .arg("--bundle")
                    .arg(bundle())
                    .arg("--onnxruntime")
                    .arg(onnxruntime())
                    .arg(&ct)
                    .arg(&pet);
                if raw {
                    command.arg("--raw");
                }
                let printed = run(&mut command);
                for head in ["n1", "n2", "n1_pet", "n1_ct", "n2_pet", "n2_ct"] {
                    assert_eq!(
                        value(&printed, &format!("head {head} ")),
                        truth(head),
                        "{head} of {printed}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_cpp_host_does_with_a_study_what_the_command_line_does() {
    let out = tempfile::tempdir().unwrap();
    let made = out.path().join("study");
    let dlnms = || {
        let mut command = Command::new(dist().join("bin/dlnms"));
        command.arg("--onnxruntime").arg(onnxruntime());
        command
    };
    run(dlnms().arg("phantom").arg("--out").arg(&made));
    let mask = made.join("tumour_mask.nii.gz");
    let score = |tumour: &[&str]| {
        let json = out.path().join("result.json");
        run(dlnms()
            .arg("score")
            .arg(&made)
            .arg("--bundle")
            .arg(bundle())
            .args(tumour)
            .arg("--json")
            .arg(&json));
        let report: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
        report
    };
    let number = |v: &serde_json::Value| v.as_f64().unwrap() as f32;
    let scores = |r: &serde_json::Value| (number(&r["scores"]["n1"]), number(&r["scores"]["n2"]));
    let masked = score(&["--mask", mask.to_str().unwrap()]);
    let contours = score(&["--roi", "1"]);
    let center: Vec<f64> = serde_json::from_value(masked["center_lps_mm"].clone()).unwrap();
    let seed = [center[0] + 3.0, center[1] - 3.0, center[2] + 2.0].map(|v| v.to_string());
    let seeded = score(&[&format!("--seed={}", seed.join(",")), "--threshold", "41%"]);

    let study = Host {
        compiler: "g++",
        standard: "c++17",
        source: host("study.cpp"),
        link: Link::Static,
        flags: &[],
    }
    .build(out.path());
    let printed = run(Command::new(study)
        .arg(bundle())
        .arg(onnxruntime())
        .arg(&made)
        .arg(&mask));
    let two = |word: &str| {
        let line = printed.lines().find_map(|l| l.strip_prefix(word)).unwrap();
        let values: Vec<f32> = line.split(' ').map(|v| v.parse().unwrap()).collect();
        (values[0], values[1])
    };
    assert_eq!(two("mask "), scores(&masked), "{printed}");
    assert_eq!(two("contours "), scores(&contours), "{printed}");
    assert_eq!(two("seed "), scores(&seeded), "{printed}");
    let metrics = &masked["pet_metrics"];
    let of_cli = (number(&metrics["suv_max"]), number(&metrics["mtv_ml"]));
    assert_eq!(two("lesion "), of_cli, "{printed}");
    let placed = score(&["--mask", mask.to_str().unwrap(), "--liver=0,0,0"]);
    let liver = &placed["suv_references"]["liver"];
    let of_cli = (number(&liver["suv_mean"]), number(&liver["suv_sd"]));
    assert_eq!(two("reference "), of_cli, "{printed}");
    assert_eq!(masked["qc"].as_array().unwrap().len(), 0, "{masked}");
    assert!(!printed.contains("finding"), "{printed}");
}

#[test]
fn what_callbacks_throw_is_never_lost_and_waits_have_every_length() {
    let out = tempfile::tempdir().unwrap();
    let made = out.path().join("study");
    run(Command::new(dist().join("bin/dlnms"))
        .arg("phantom")
        .arg("--out")
        .arg(&made));
    for flags in [&[][..], &["-fsanitize=address,undefined"]] {
        let exceptions = Host {
            compiler: "g++",
            standard: "c++17",
            source: host("exceptions.cpp"),
            link: Link::Dynamic,
            flags,
        }
        .build(out.path());
        let printed = run(Command::new(exceptions)
            .arg(tiny_bundle())
            .arg(onnxruntime())
            .arg(&made));
        assert!(printed.is_empty(), "{printed}");
    }
}

/// What would point into an object that is gone with the statement, and what to write instead.
const DANGLING: [(&str, &str); 10] = [
    (
        "dlnms_roi roi = dlnms::roi_mask(study.roi_mask(0));",
        "dlnms_volume mask = study.roi_mask(0); dlnms_roi roi = dlnms::roi_mask(mask);",
    ),
    (
        "scorer.score(study.case_of(dlnms::roi_mask(file.volume())));",
        "auto mask = file.volume(); scorer.score(study.case_of(dlnms::roi_mask(mask)));",
    ),
    (
        "dlnms_volume ct = dlnms::Study({\"a\"}).ct();",
        "dlnms::Study a({\"a\"}); dlnms_volume ct = a.ct();",
    ),
    (
        "dlnms_volume pet = dlnms::Study({\"a\"}).pet();",
        "dlnms::Study a({\"a\"}); dlnms_volume pet = a.pet();",
    ),
    (
        "dlnms_volume mask = dlnms::Study({\"a\"}).roi_mask(0);",
        "dlnms::Study a({\"a\"}); dlnms_volume mask = a.roi_mask(0);",
    ),
    (
        "dlnms_pet_info info = dlnms::Study({\"a\"}).pet_info();",
        "dlnms::Study a({\"a\"}); dlnms_pet_info info = a.pet_info();",
    ),
    (
        "auto c = dlnms::Study({\"a\"}).case_at({0, 0, 0});",
        "dlnms::Study a({\"a\"}); auto c = a.case_at({0, 0, 0});",
    ),
    (
        "for (auto& s : dlnms::Study::scan({\"a\"}).series()) std::puts(s.uid);",
        "auto a = dlnms::Study::scan({\"a\"}); for (auto& s : a.series()) std::puts(s.uid);",
    ),
    (
        "dlnms_pet_info info = dlnms::VolumeFile(\"a.nii\").pet_info(\"a.json\");",
        "dlnms::VolumeFile a(\"a.nii\"); dlnms_pet_info info = a.pet_info(\"a.json\");",
    ),
    (
        "dlnms_case raw = study.case_at({0, 0, 0}).raw();",
        "auto c = study.case_at({0, 0, 0}); dlnms_case raw = c.raw();",
    ),
];

#[test]
fn what_would_dangle_does_not_compile() {
    let out = tempfile::tempdir().unwrap();
    let source = out.path().join("snippet.cpp");
    let compile = |compiler: &str, statements: &[&str]| {
        let blocks: String = statements
            .iter()
            .map(|s| format!("    {{ {s} }}\n"))
            .collect();
        let program = format!(
            "#include <dlnms.hpp>\n#include <cstdio>\nvoid f(dlnms::Scorer& scorer, dlnms::Study& study, dlnms::VolumeFile& file) {{\n    \
             (void)scorer, (void)study, (void)file;\n{blocks}}}\n"
        );
        std::fs::write(&source, program).unwrap();
        let mut command = Command::new(compiler);
        command.args(["-std=c++17", "-fsyntax-only", "-I"]);
        command.arg(root().join("include")).arg(&source);
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), text)
    };
    for (_, cpp) in c_compilers() {
        for (wrong, _) in DANGLING {
            let (taken, text) = compile(cpp, &[wrong]);
            assert!(!taken, "{cpp} takes {wrong}");
            assert!(text.contains("deleted"), "{cpp}: {wrong}: {text}");
        }
        let (taken, text) = compile(cpp, &DANGLING.map(|(_, right)| right));
        assert!(taken, "{cpp}: {text}");
    }
}

#[test]
fn eight_threads_share_one_scorer() {
    let out = tempfile::tempdir().unwrap();
    let threads = Host {
        compiler: "g++",
        standard: "c++17",
        source: host("threads.cpp"),
        link: Link::Dynamic,
        flags: &[],
    }
    .build(out.path());
    let printed = run(Command::new(threads)
        .arg(bundle())
        .arg(onnxruntime())
        .arg("2000"));
    assert!(
        printed.contains("2000 cases on 8 threads, 0 wrong"),
        "{printed}"
    );
    print!("{printed}");
}

#[test]
fn the_cxx_bridge_gives_the_scores_of_rust_to_the_bit() {
    let out = tempfile::tempdir().unwrap();
    // The tests' own target folder: every dependency but cxx is built there already.
    let target = Path::new(env!("CARGO_BIN_EXE_dlnms")).ancestors().nth(2);
    let target = target.unwrap();
    run(Command::new(env!("CARGO"))
        .args(["build", "--locked", "--quiet", "--lib"])
        .args(["--features", "cxx-bridge"])
        .env("CARGO_TARGET_DIR", target)
        .current_dir(root()));
    let include = target.join("cxxbridge");
    let program = out.path().join("bridge");
    run(Command::new("g++")
        .args(["-std=c++17", "-O1", "-I"])
        .arg(&include)
        .arg(host("bridge.cpp"))
        .arg(target.join("debug/libdlnms.a"))
        .args(SYSTEM_LIBRARIES.split(' '))
        .arg("-o")
        .arg(&program));
    let printed = run(Command::new(&program).arg(bundle()).arg(onnxruntime()));
    assert_eq!(
        (value(&printed, "n1 "), value(&printed, "n2 ")),
        minimal_scores()
    );
}
