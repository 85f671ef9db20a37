//! What is known of the patient, from the command line to the page: shown where its bundle allows it, and refused by name
//! where it makes no sense.

use crate::support::{onnxruntime, phantom, shared, tiny_bundle};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

/// A bundle that says it is the authors': the page shows the paper's figures beside its scores.
fn bundle_with_evidence(folder: &Path) {
    std::fs::create_dir(folder).unwrap();
    for file in tiny_bundle().read_dir().unwrap().flatten() {
        std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    let manifest = folder.join("manifest.json");
    let mut stated: Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    stated["weights"] = json!("trained");
    stated["evidence"] = json!({ "source": "zhong2023-authors" });
    std::fs::write(manifest, stated.to_string()).unwrap();
}

fn dlnms(command: &str, folder: &Path, study: &[&str], options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dlnms"))
        .arg(command)
        .args(study)
        .args(["--bundle", "bundle", "--provider", "cpu"])
        .args(options)
        .env("DLNMS_ONNXRUNTIME", onnxruntime())
        .current_dir(folder)
        .output()
        .unwrap()
}

const PHANTOM: [&str; 2] = ["study", "--center=-82,-12,46.5"];

#[test]
fn the_page_says_which_conditions_are_met() {
    let dir = tempfile::tempdir().unwrap();
    bundle_with_evidence(&dir.path().join("bundle"));
    phantom(dir.path());
    let page = |options: &[&str]| {
        let options = [options, &["--html", "page.html"]].concat();
        let done = dlnms("score", dir.path(), &PHANTOM, &options);
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        std::fs::read_to_string(dir.path().join("page.html")).unwrap()
    };
    let unknown = page(&[]);
    assert!(unknown.contains("not known") && !unknown.contains("not met"));
    let facts = [
        "--cn0",
        "yes",
        "--nsclc",
        "yes",
        "--age",
        "61.4",
        "--sex",
        "female",
        "--clinical-stage-i",
        "no",
        "--solid",
        "yes",
        "--side",
        "left",
        "--central",
        "no",
    ];
    let known = page(&facts);
    assert!(known.contains("not met"), "the clinical stage is not I");
    let row = |name: &str| {
        let at = known.find(name).unwrap_or_else(|| panic!("{name}"));
        let row = &known[at..];
        row[..row.find("</tr>").unwrap()].to_owned()
    };
    assert!(row("Age, per year").contains("61"));
    assert!(row("Male sex").contains("no"));
    assert!(row("Central location").contains("no"));
}

#[test]
fn facts_that_make_no_sense_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    bundle_with_evidence(&dir.path().join("bundle"));
    phantom(dir.path());
    let refused = |command: &str, study: &[&str], options: &[&str], code: i32, words: &[&str]| {
        let done = dlnms(command, dir.path(), study, options);
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(code), "{options:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{options:?}: {said}");
        }
        assert!(!dir.path().join("page.html").exists());
    };
    let html = ["--html", "page.html"];
    for (option, value) in [
        ("--age", "-1"),
        ("--age", "131"),
        ("--age", "NaN"),
        ("--age", "old"),
        ("--cn0", "maybe"),
        ("--sex", "M"),
        ("--side", "middle"),
        ("--nodal-biopsy", "1"),
    ] {
        let given = format!("{option}={value}");
        for command in ["score", "explain"] {
            refused(command, &PHANTOM, &[&given, html[0], html[1]], 2, &[option]);
        }
    }
    let contradiction = ["--clinical-stage-i", "yes", "--cn0", "no"];
    let options = [&contradiction[..], &html].concat();
    refused(
        "score",
        &PHANTOM,
        &options,
        1,
        &["--clinical-stage-i", "--cn0 no"],
    );
    // Nothing that is written would show them; the study's population is compared without a page.
    let page = ["is shown on the page alone"];
    refused("score", &PHANTOM, &["--age", "61"], 1, &["--age", page[0]]);
    refused(
        "explain",
        &PHANTOM,
        &["--sex", "male"],
        1,
        &["--sex", page[0]],
    );
    let done = dlnms(
        "explain",
        dir.path(),
        &PHANTOM,
        &["--age", "61", "--json", "-"],
    );
    assert!(done.status.success());
    let explained: Value = serde_json::from_slice(&done.stdout).unwrap();
    let measures = &explained["explanation"]["population"]["measures"];
    let age = measures.as_array().unwrap().iter();
    assert!(
        age.clone()
            .any(|m| m["name"] == "age_years" && m["value"] == 61.0)
    );
    // The headers of a real man.
    let Some(patient) = shared("data/petct/a_paired/acrin042") else {
        return;
    };
    let [ct, pet] = ["ct", "pet_ac"].map(|n| patient.join(n).to_str().unwrap().to_owned());
    let study = [&ct, &pet, "--seed=-42.3,-14.6,-122.1"];
    let options = [&["--sex", "female"][..], &html].concat();
    refused("score", &study, &options, 1, &["--sex", "PatientSex"]);
}
