//! The audit log: what a line says and does not say, what verifying names, writers that are killed and writers side by side.

use crate::small_case::{small_case, voxels};
use crate::support;
use dlnms::audit::{self, AuditLog, AuditOptions};
use dlnms::error::status::*;
use dlnms::imaging::roi::Roi;
use dlnms::runtime::provider::{Policy, Provider};
use dlnms::scorer::{CancelToken, Scorer, ScorerOptions};
use dlnms::{Error, report};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

const SALT: &[u8] = b"a secret of the host";

fn options(path: &Path) -> AuditOptions {
    AuditOptions {
        path: path.to_owned(),
        salt: SALT.to_vec(),
        expected_head: None,
    }
}

fn scorer(path: &Path) -> Scorer {
    let options = ScorerOptions {
        policy: Policy::strict(Provider::Cpu),
        threads: 1,
        audit: Some(options(path)),
        ..ScorerOptions::default()
    };
    Scorer::new(support::runtime(), &support::tiny_bundle(), options).unwrap()
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    let line = |l| serde_json::from_str(l).unwrap();
    text.lines().map(line).collect()
}

#[test]
fn a_line_says_who_ran_what_and_hides_the_patient() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    let scorer = scorer(&path);
    let (voxels, none) = (voxels(), CancelToken::default());
    let mut case = small_case(&voxels);
    let anonymous = scorer.score(&case, &none).unwrap_err();
    assert_eq!(anonymous.status(), DLNMS_E_INVALID_ARGUMENT);
    assert!(
        anonymous.to_string().contains("context.actor"),
        "{anonymous}"
    );
    case.context.actor = Some("console 3");
    case.context.correlation_id = Some("order 17");
    case.context.study_uid = Some("1.2.826.0.1.99.1");
    case.context.ct_series_uid = Some("1.2.826.0.1.99.2");
    case.digests = true;
    let scores = scorer.score(&case, &none).unwrap();
    let mut outside = case;
    outside.roi = Roi::Point([1e6; 3]);
    scorer.score_batch(&[case, outside], &none).unwrap();

    let found = lines(&path);
    assert_eq!(found.len(), 4);
    let one = &found[1];
    assert_eq!(
        [&one["actor"], &one["correlation_id"]],
        ["console 3", "order 17"]
    );
    // HMAC-SHA256 by another program.
    let hmac = support::run(Command::new("sh").arg("-c").arg(format!(
        "printf %s 1.2.826.0.1.99.1 | openssl dgst -sha256 -hmac '{}' -r",
        std::str::from_utf8(SALT).unwrap()
    )));
    assert_eq!(one["study"].as_str(), hmac.split_whitespace().next());
    assert_eq!(one["pet_series"], Value::Null);
    assert_eq!(
        one["model"]["manifest_sha256"],
        scorer.bundle().manifest_sha256
    );
    assert_eq!(one["engine"]["provider"], "cpu");
    assert_eq!(one["result"]["n1"], json!(scores.n1));
    assert_eq!(
        one["findings"].as_array().unwrap().len(),
        scores.quality.len()
    );
    let refused = [&found[0], &found[3]].map(|l| (l["status"].as_i64(), l["result"].is_null()));
    assert_eq!(refused, [(Some(3), true), (Some(311), true)]);
    assert_eq!([&found[1]["status"], &found[2]["status"]], [0, 0]);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("1.2.826"), "{text}");
    let document = report::report(&scores, &[]);
    assert_eq!(document["correlation_id"], "order 17");
    assert_eq!(document["audit"]["line"], 2);
    assert_eq!(document["audit"]["sha256"], one["sha256"]);
    assert_eq!(document["input"], one["input"]);

    let sound = audit::verify(&path, None).unwrap();
    assert_eq!((sound.lines, sound.torn), (4, 0));
    assert_eq!(sound.head, found[3]["sha256"].as_str().unwrap());
    // A log that cannot be written: no result.
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let lost = scorer.score(&case, &none).unwrap_err();
    assert_eq!(lost.status(), DLNMS_E_AUDIT, "{lost}");
}

#[test]
fn texts_of_a_context_are_short_and_printable() {
    let voxels = voxels();
    let long = "x".repeat(129);
    for text in ["", "two\nlines", "\u{1b}[31m", &long] {
        let mut case = small_case(&voxels);
        case.context.correlation_id = Some(text);
        let error = case.context.validate().unwrap_err();
        assert_eq!(error.status(), DLNMS_E_INVALID_ARGUMENT);
        assert!(
            error.to_string().starts_with("context.correlation_id: "),
            "{error}"
        );
    }
    // A UID is hashed, however long it is; one that is empty is none.
    let mut case = small_case(&voxels);
    case.context.study_uid = Some(&long);
    case.context.validate().unwrap();
    case.context.pet_series_uid = Some("");
    let error = case.context.validate().unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("context.pet_series_uid: is empty"),
        "{error}"
    );
}

fn record(n: usize) -> Map<String, Value> {
    let Value::Object(fields) = json!({ "event": "test", "n": n }) else {
        unreachable!()
    };
    fields
}

/// A sound log of so many lines.
fn log_of(folder: &Path, n: usize) -> PathBuf {
    let path = folder.join("audit.jsonl");
    let log = AuditLog::open(&options(&path)).unwrap();
    for n in 0..n {
        log.append(vec![record(n)]).unwrap();
    }
    path
}

#[test]
fn verifying_names_the_line_that_was_cut_changed_inserted_or_swapped() {
    let dir = tempfile::tempdir().unwrap();
    let path = log_of(dir.path(), 8);
    let text = std::fs::read_to_string(&path).unwrap();
    let sound: Vec<&str> = text.lines().collect();
    let head = audit::verify(&path, None).unwrap().head;
    let at_4 = lines(&path)[3]["sha256"].as_str().unwrap().to_owned();
    assert_eq!(audit::verify(&path, Some(&at_4)).unwrap().lines, 8);
    let after = |edit: &dyn Fn(&mut Vec<String>)| {
        let mut edited: Vec<String> = sound.iter().map(|l| l.to_string()).collect();
        edit(&mut edited);
        std::fs::write(
            &path,
            edited.iter().map(|l| format!("{l}\n")).collect::<String>(),
        )
        .unwrap();
        audit::verify(&path, Some(&head)).unwrap_err()
    };
    let swap = |l: &mut Vec<String>, a: usize, b: usize| l.swap(a - 1, b - 1);
    type Edit<'a> = &'a dyn Fn(&mut Vec<String>);
    let cases: [(Edit<'_>, &str); 10] = [
        (
            &|l| l[2] = l[2].replace("\"n\":2", "\"n\":9"),
            "line 3 was changed",
        ),
        (&|l| l[4] = "{}".into(), "line 5 is not a line"),
        (&|l| drop(l.remove(3)), "line 4 was cut out: line 5 stands"),
        (
            &|l| drop(l.drain(1..4)),
            "lines 2 to 4 were cut out: line 5 stands",
        ),
        (&|l| drop(l.remove(0)), "line 1 was cut out"),
        (
            &|l| l.insert(5, l[1].clone()),
            "line 6 was inserted: it is line 2",
        ),
        (&|l| swap(l, 3, 4), "lines 3 and 4 were swapped"),
        (&|l| swap(l, 2, 7), "lines 2 and 7 were swapped"),
        (&|l| l[6].truncate(40), "line 7 is not a line"),
        (&|l| l.truncate(6), "no line has the expected digest"),
    ];
    for (edit, words) in cases {
        let error = after(edit);
        assert_eq!(error.status(), DLNMS_E_AUDIT_ALTERED, "{words}: {error}");
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
    // The end cut off: sound by itself, which is why the host keeps the head.
    assert_eq!(audit::verify(&path, None).unwrap().lines, 6);
    std::fs::write(&path, &text[..text.len() - 30]).unwrap();
    let error = audit::verify(&path, None).unwrap_err();
    assert!(error.to_string().contains("line 8 is cut"), "{error}");
    // Every single byte.
    for at in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[at] ^= 1;
        std::fs::write(&path, changed).unwrap();
        assert!(audit::verify(&path, Some(&head)).is_err(), "byte {at}");
    }
}

#[test]
fn a_line_that_was_torn_is_closed_by_the_next_writer_and_a_changed_log_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = log_of(dir.path(), 3);
    let whole = std::fs::read(&path).unwrap();
    let cut = [&whole[..], b"{\"line\":4,\"prev"].concat();
    std::fs::write(&path, cut).unwrap();
    let log = AuditLog::open(&options(&path)).unwrap();
    let entry = log.append(vec![record(4)]).unwrap().remove(0);
    assert_eq!(entry.line, 6, "the torn line is line 4, line 5 says so");
    let sound = audit::verify(&path, None).unwrap();
    assert_eq!(
        (sound.lines, sound.torn, &sound.head),
        (6, 1, &entry.sha256)
    );
    // The torn line is covered by the one behind it.
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"prev\n", "\"pref\n")).unwrap();
    let error = audit::verify(&path, None).unwrap_err();
    assert!(error.to_string().contains("line 4"), "{error}");
    // Cut off while it is in use, and changed in its last line.
    std::fs::write(&path, &whole).unwrap();
    let error = log.append(vec![record(5)]).unwrap_err();
    assert!(error.to_string().contains("its end was cut off"), "{error}");
    // Another sound log in its place, with more lines than the one that was written.
    let other = dir.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::copy(log_of(&other, 12), &path).unwrap();
    audit::verify(&path, None).unwrap();
    let error = log.append(vec![record(5)]).unwrap_err();
    assert_eq!(error.status(), DLNMS_E_AUDIT_ALTERED);
    let words = "the line that this process wrote last does not stand in its place";
    assert!(error.to_string().contains(words), "{error}");
    std::fs::write(&path, &whole).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"n\":2", "\"n\":7")).unwrap();
    let refused = |options: &AuditOptions| AuditLog::open(options).unwrap_err();
    assert_eq!(refused(&options(&path)).status(), DLNMS_E_AUDIT_ALTERED);
    std::fs::write(&path, &whole).unwrap();
    let mut other = options(&path);
    other.expected_head = Some(entry.sha256);
    assert_eq!(refused(&other).status(), DLNMS_E_AUDIT_ALTERED);
    other.expected_head = Some("abc".into());
    assert_eq!(refused(&other).status(), DLNMS_E_INVALID_ARGUMENT);
    other.expected_head = None;
    other.salt.truncate(15);
    assert!(matches!(refused(&other), Error::InvalidArgument { .. }));
}

#[test]
fn writers_side_by_side_make_one_chain() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let log = AuditLog::open(&options(&path)).unwrap();
                for n in 0..25 {
                    log.append(vec![record(n), record(n)]).unwrap();
                }
            });
        }
    });
    assert_eq!(audit::verify(&path, None).unwrap().lines, 200);
}

#[test]
fn a_result_is_repeated_by_verify_which_names_the_first_difference() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let dlnms = || Command::new(env!("CARGO_BIN_EXE_dlnms"));
    support::phantom(dir.path());
    std::fs::write(at("salt"), SALT).unwrap();
    let bundle = support::tiny_bundle();
    let mut score = dlnms();
    score
        .arg("score")
        .arg(at("study/ct"))
        .arg(at("study/pet"))
        .arg("--bundle")
        .arg(&bundle);
    score.args([
        "--provider",
        "cpu",
        "--center=-82,-12,46.5",
        "--actor",
        "a test",
        "--json",
    ]);
    score
        .arg(at("result.json"))
        .arg("--audit")
        .arg(at("log"))
        .arg("--audit-salt")
        .arg(at("salt"));
    support::run(&mut score);
    let verify = |result: &str, more: &[&str]| {
        let mut command = dlnms();
        command
            .arg("verify")
            .arg(at(result))
            .arg(at("study/ct"))
            .arg(at("study/pet"));
        command
            .args(["--provider", "cpu", "--bundle"])
            .arg(&bundle)
            .args(more);
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let (code, text) = verify("result.json", &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("are the same"), "{text}");
    let (code, text) = verify("result.json", &["--center=-82,-12,46.75"]);
    assert_eq!(code, Some(4), "{text}");
    assert!(text.contains("the tumour is not what was scored"), "{text}");
    let kept: Value = serde_json::from_slice(&std::fs::read(at("result.json")).unwrap()).unwrap();
    for (place, words) in [
        ("/heads/n1", "the score n1 is 0.5 in the result"),
        ("/scores/n2", "the score n2 is 0.5 in the result"),
        ("/risk/n1", "a risk group is not what was scored"),
        ("/cutoffs/n2", "a cut-off is not what was scored"),
        ("/input/pet", "the PET (voxels"),
        ("/input/ct_tensor", "the CT tensor"),
        ("/model/manifest_sha256", "the bundle's manifest"),
    ] {
        let mut changed = kept.clone();
        *changed.pointer_mut(place).unwrap() = json!(0.5);
        std::fs::write(at("changed.json"), changed.to_string()).unwrap();
        let (code, text) = verify("changed.json", &[]);
        assert_eq!(code, Some(4), "{text}");
        assert!(text.contains(words), "{text}");
    }
    let mut changed = kept.clone();
    changed["input"] = Value::Null;
    std::fs::write(at("changed.json"), changed.to_string()).unwrap();
    let (code, text) = verify("changed.json", &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("holds no digests"), "{text}");

    let log = |more: &[&str]| {
        let mut command = dlnms();
        command.args(["audit", "verify"]).arg(at("log")).args(more);
        command.output().unwrap()
    };
    let output = log(&[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let head = kept["audit"]["sha256"].as_str().unwrap();
    assert!(text.contains("lines  1") && text.contains(head), "{text}");
    assert!(log(&["--expected-head", head]).status.success());
    assert_eq!(
        log(&["--expected-head", &"1".repeat(64)]).status.code(),
        Some(1)
    );
}
