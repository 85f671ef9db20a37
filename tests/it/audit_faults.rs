//! The audit log where things go wrong: several processes, a lock that is held, a full disk; what real studies leave in it.

use crate::own_process::{self, test_name};
use crate::support;
use dlnms::audit::{self, AuditLog, AuditOptions};
use dlnms::error::status::DLNMS_E_AUDIT;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

fn open(path: &Path) -> AuditLog {
    let options = AuditOptions {
        path: path.to_owned(),
        salt: b"a secret of the host".to_vec(),
        expected_head: None,
    };
    AuditLog::open(&options).unwrap()
}

fn record(writer: u32, n: u32) -> Map<String, Value> {
    let Value::Object(fields) = json!({ "event": "test", "writer": writer, "n": n }) else {
        unreachable!()
    };
    fields
}

/// Names the log for a process that this module's first test starts.
const LOG_OF_CHILD: &str = "DLNMS_TEST_AUDIT_LOG";

#[test]
fn several_processes_write_one_chain() {
    const LINES: u32 = 200;
    if let Some(path) = std::env::var_os(LOG_OF_CHILD) {
        let log = open(Path::new(&path));
        for n in 0..LINES {
            log.append(vec![record(std::process::id(), n)]).unwrap();
        }
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let start = || {
        let mut child = own_process::command(test_name!(several_processes_write_one_chain));
        child.env(LOG_OF_CHILD, &path).spawn().unwrap()
    };
    for mut child in [start(), start(), start()] {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(
        audit::verify(&path, None).unwrap().lines,
        3 * u64::from(LINES)
    );
    let mut written = BTreeMap::<u64, Vec<u64>>::new();
    for line in std::fs::read_to_string(&path).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let of_writer = written.entry(line["writer"].as_u64().unwrap()).or_default();
        of_writer.push(line["n"].as_u64().unwrap());
    }
    assert_eq!(written.len(), 3);
    for numbers in written.values() {
        assert_eq!(*numbers, (0..u64::from(LINES)).collect::<Vec<_>>());
    }
}

#[test]
fn a_writer_waits_for_a_lock_but_not_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let log = open(&path);
    let other = File::open(&path).unwrap();
    other.lock().unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| log.append(vec![record(1, 1)]));
        std::thread::sleep(Duration::from_millis(300));
        assert!(std::fs::read(&path).unwrap().is_empty());
        other.unlock().unwrap();
        assert_eq!(writer.join().unwrap().unwrap()[0].line, 1);
    });
    other.lock().unwrap();
    for error in [
        log.append(vec![record(1, 2)]).unwrap_err(),
        audit::verify(&path, None).unwrap_err(),
    ] {
        assert_eq!(error.status(), DLNMS_E_AUDIT);
        assert!(error.to_string().contains("held its lock"), "{error}");
    }
    other.unlock().unwrap();
    assert_eq!(audit::verify(&path, None).unwrap().lines, 1);
}

/// A study of the program's own, and what scoring it with an audit log takes.
struct Study {
    folder: tempfile::TempDir,
}

impl Study {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        support::phantom(folder.path());
        std::fs::write(folder.path().join("salt"), b"a secret of the host").unwrap();
        Self { folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Scores in a shell that sets a limit first; signals of the limit are ignored, as a full disk sends none.
    fn score_after(&self, limit: &str, options: &[&str]) -> Output {
        let script = format!("trap '' XFSZ; {limit}; exec \"$0\" \"$@\"");
        let mut command = Command::new("bash");
        command
            .args(["-c", &script])
            .arg(env!("CARGO_BIN_EXE_dlnms"))
            .arg("score")
            .arg(self.at("study/ct"))
            .arg(self.at("study/pet"))
            .arg("--bundle")
            .arg(support::tiny_bundle())
            .args(["--provider", "cpu", "--center=-82,-12,46.5"])
            .args(["--audit", "audit.jsonl", "--audit-salt", "salt", "--actor"])
            .arg("a test")
            .args(options)
            .env("DLNMS_ONNXRUNTIME", support::onnxruntime())
            .current_dir(self.folder.path());
        command.output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_full_disk_is_a_status_and_no_result_and_leaves_a_sound_log() {
    let study = Study::new();
    let path = study.at("audit.jsonl");
    let log = open(&path);
    while std::fs::metadata(&path).unwrap().len() < 7700 {
        log.append(vec![record(1, 1)]).unwrap();
    }
    let before = std::fs::read(&path).unwrap();
    let json = ["--json", "result.json"];
    let output = study.score_after("ulimit -f 8", &json);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("audit log: audit.jsonl: File too large"),
        "{said}"
    );
    assert!(output.stdout.is_empty() && !study.at("result.json").exists());
    // Nothing of the line stays.
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let lines = audit::verify(&path, None).unwrap().lines;
    let output = study.score_after("true", &json);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let sound = audit::verify(&path, None).unwrap();
    assert_eq!((sound.lines, sound.torn), (lines + 1, 0));
    let result: Value =
        serde_json::from_slice(&std::fs::read(study.at("result.json")).unwrap()).unwrap();
    assert_eq!(result["audit"]["sha256"], sound.head);
}

#[test]
fn each_row_of_a_batch_has_its_line() {
    let study = Study::new();
    let rows = "study,tumour\nstudy,\"point:-82,-12,46.5\"\nstudy,\"point:-82,-12,50\"\n";
    std::fs::write(study.at("rows.csv"), rows).unwrap();
    let mut batch = Command::new(env!("CARGO_BIN_EXE_dlnms"));
    batch
        .args([
            "batch",
            "rows.csv",
            "--out",
            "out",
            "--workers",
            "2",
            "--bundle",
        ])
        .arg(support::tiny_bundle())
        .args(["--provider", "cpu", "--audit", "audit.jsonl"])
        .args(["--audit-salt", "salt", "--actor", "a test"])
        .env("DLNMS_ONNXRUNTIME", support::onnxruntime())
        .current_dir(study.folder.path());
    support::run(&mut batch);
    let heads: BTreeSet<String> = std::fs::read_to_string(study.at("out/results.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| {
            line["result"]["audit"]["sha256"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let log = std::fs::read_to_string(study.at("audit.jsonl")).unwrap();
    let lines = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let written: BTreeSet<String> = lines
        .map(|line| line["sha256"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((heads.len(), heads), (2, written));
}

/// Returns every text of the headers that may say who a patient is, or where and when a study was made.
fn identities(folder: &Path) -> BTreeSet<String> {
    use dicom_dictionary_std::tags::*;
    let file = folder.read_dir().unwrap().flatten().next().unwrap().path();
    let object = dicom_object::open_file(file).unwrap();
    let tags = [
        PATIENT_NAME,
        PATIENT_ID,
        PATIENT_BIRTH_DATE,
        STUDY_INSTANCE_UID,
        SERIES_INSTANCE_UID,
        SOP_INSTANCE_UID,
        FRAME_OF_REFERENCE_UID,
        STUDY_DATE,
        SERIES_DATE,
        ACQUISITION_DATE,
        CONTENT_DATE,
        STUDY_TIME,
        SERIES_TIME,
        ACCESSION_NUMBER,
        STUDY_ID,
        INSTITUTION_NAME,
        REFERRING_PHYSICIAN_NAME,
        STATION_NAME,
        STUDY_DESCRIPTION,
        SERIES_DESCRIPTION,
        CLINICAL_TRIAL_SUBJECT_ID,
    ];
    let text = |tag| {
        let element = object.element(tag).ok()?;
        Some(element.to_str().ok()?.trim().to_owned())
    };
    let found: BTreeSet<String> = tags.into_iter().filter_map(text).collect();
    found.into_iter().filter(|text| text.len() > 3).collect()
}

#[test]
fn no_identity_of_a_real_patient_stands_in_the_log() {
    let Some(patient) = support::shared("data/petct/a_paired/acrin042") else {
        return;
    };
    let [ct, pet] = ["ct", "pet_ac"].map(|name| patient.join(name));
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::write(at("salt"), b"a secret of the host").unwrap();
    let score = |seed: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dlnms"));
        command
            .arg("score")
            .arg("--ct")
            .arg(&ct)
            .arg("--pet")
            .arg(&pet)
            .arg("--bundle")
            .arg(support::tiny_bundle())
            .arg(seed)
            .args(["--provider", "cpu", "--actor", "reader 7", "--audit"])
            .arg(at("audit.jsonl"))
            .arg("--audit-salt")
            .arg(at("salt"))
            .env("DLNMS_ONNXRUNTIME", support::onnxruntime());
        command.output().unwrap()
    };
    let scored = score("--seed=-42.3,-14.6,-122.1");
    assert!(scored.status.success(), "{}", text(&scored.stderr));
    let refused = score("--center=4000,0,0");
    assert_eq!(refused.status.code(), Some(1));
    let log = std::fs::read_to_string(at("audit.jsonl")).unwrap();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    let mut known = identities(&ct);
    known.extend(identities(&pet));
    assert!(known.len() > 8, "{known:?}");
    for identity in &known {
        assert!(!log.contains(identity.as_str()), "{identity}: {log}");
    }
    for path in [&ct, &pet] {
        assert!(!log.contains(path.to_str().unwrap()));
    }
    // The study is found by its UID and the salt.
    let object = dicom_object::open_file(pet.read_dir().unwrap().flatten().next().unwrap().path());
    let uid = object.unwrap();
    let uid = uid
        .element(dicom_dictionary_std::tags::STUDY_INSTANCE_UID)
        .unwrap();
    let mut find = Command::new(env!("CARGO_BIN_EXE_dlnms"));
    find.args(["audit", "uid", &uid.to_str().unwrap(), "--audit-salt"]);
    let hidden = support::run(find.arg(at("salt")));
    for line in &lines {
        assert_eq!(line["study"], hidden.trim());
        assert_eq!(line["actor"], "reader 7");
    }
}
