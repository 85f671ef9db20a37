//! Bundles that are missing, cut, altered or of another time: a clear error that names the file or the field.

use crate::support;
use dlnms::Error;
use dlnms::bundle::{Bundle, Manifest, Pins};
use dlnms::error::status::*;
use dlnms::imaging::roi::Roi;
use dlnms::imaging::{DType, IDENTITY, ImageGrid, VolumeView};
use dlnms::runtime::provider::{Policy, Provider};
use dlnms::scorer::{CancelToken, Case, Phase, Scorer, ScorerOptions};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::Path;

fn copy(to: &Path) {
    for entry in support::tiny_bundle().read_dir().unwrap().flatten() {
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn manifest() -> Value {
    serde_json::from_slice(&std::fs::read(support::tiny_bundle().join("manifest.json")).unwrap())
        .unwrap()
}

/// A bundle after an edit of its folder.
fn edited(edit: impl FnOnce(&Path)) -> Result<Bundle, Error> {
    let dir = tempfile::tempdir().unwrap();
    copy(dir.path());
    edit(dir.path());
    Bundle::open(dir.path(), &Pins::default())
}

fn refused(what: &str, result: Result<Bundle, Error>, code: i32, word: &str) {
    let error = result
        .err()
        .unwrap_or_else(|| panic!("{what}: was accepted"));
    assert_eq!(error.status(), code, "{what}: {error}");
    assert!(error.to_string().contains(word), "{what}: {error}");
}

#[test]
fn damaged_files_are_named() {
    assert!(edited(|_| ()).is_ok());
    for file in ["manifest.json", "tiny.onnx", "tiny.f32", "self_test.f32"] {
        refused(
            "missing",
            edited(|d| std::fs::remove_file(d.join(file)).unwrap()),
            DLNMS_E_BUNDLE_MISSING,
            file,
        );
        refused(
            "a folder instead",
            edited(|d| {
                std::fs::remove_file(d.join(file)).unwrap();
                std::fs::create_dir(d.join(file)).unwrap();
            }),
            DLNMS_E_BUNDLE_MISSING,
            file,
        );
    }
    for file in ["tiny.onnx", "tiny.f32", "self_test.f32"] {
        let bytes = std::fs::read(support::tiny_bundle().join(file)).unwrap();
        refused(
            "cut",
            edited(|d| std::fs::write(d.join(file), &bytes[..bytes.len() / 2]).unwrap()),
            DLNMS_E_BUNDLE_ALTERED,
            file,
        );
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            refused(
                "one bit",
                edited(|d| std::fs::write(d.join(file), &changed).unwrap()),
                DLNMS_E_BUNDLE_ALTERED,
                "sha256",
            );
        }
    }
}

#[test]
fn every_field_of_the_manifest_is_needed_known_and_in_range() {
    let with = |edit: &dyn Fn(&mut Value)| {
        let mut m = manifest();
        edit(&mut m);
        edited(|d| std::fs::write(d.join("manifest.json"), m.to_string()).unwrap())
    };
    for field in manifest().as_object().unwrap().keys() {
        let word = field.clone();
        refused(
            field,
            with(&|m| drop(m.as_object_mut().unwrap().remove(&word))),
            DLNMS_E_BUNDLE_MANIFEST,
            field,
        );
    }
    for field in manifest()["preprocessing"].as_object().unwrap().keys() {
        let word = field.clone();
        refused(
            field,
            with(&|m| drop(m["preprocessing"].as_object_mut().unwrap().remove(&word))),
            DLNMS_E_BUNDLE_MANIFEST,
            field,
        );
    }
    refused(
        "new format",
        with(&|m| m["format_version"] = json!(3)),
        DLNMS_E_BUNDLE_VERSION,
        "3",
    );
    refused(
        "unknown field",
        with(&|m| m["surprise"] = json!(1)),
        DLNMS_E_BUNDLE_MANIFEST,
        "surprise",
    );
    refused(
        "unknown step",
        with(&|m| m["preprocessing"]["blur"] = json!(1)),
        DLNMS_E_BUNDLE_MANIFEST,
        "blur",
    );
    refused(
        "unknown interpolation",
        with(&|m| m["preprocessing"]["interpolation"] = json!("cubic")),
        DLNMS_E_BUNDLE_MANIFEST,
        "interpolation",
    );
    refused(
        "no n2",
        with(&|m| m["heads"] = json!(["n1"])),
        DLNMS_E_BUNDLE_MANIFEST,
        "n2",
    );
    refused(
        "weights",
        with(&|m| m["weights"] = json!("magic")),
        DLNMS_E_BUNDLE_MANIFEST,
        "magic",
    );
    refused(
        "std 0",
        with(&|m| m["preprocessing"]["ct"]["std"] = json!(0.0)),
        DLNMS_E_BUNDLE_MANIFEST,
        "ct",
    );
    refused(
        "huge plane",
        with(&|m| m["preprocessing"]["samples"] = json!(1_000_000)),
        DLNMS_E_BUNDLE_MANIFEST,
        "samples",
    );
    refused(
        "cut-off",
        with(&|m| m["cutoffs"]["n1"] = json!(1.5)),
        DLNMS_E_BUNDLE_MANIFEST,
        "cutoffs.n1",
    );
    refused(
        "path",
        with(&|m| m["files"][1]["name"] = json!("../tiny.onnx")),
        DLNMS_E_BUNDLE_MANIFEST,
        "files[1].name",
    );
    refused(
        "absolute path",
        with(&|m| m["files"][2]["name"] = json!("/etc/passwd")),
        DLNMS_E_BUNDLE_MANIFEST,
        "files[2].name",
    );
    refused(
        "a file of a terabyte",
        with(&|m| m["files"][0]["bytes"] = json!(1u64 << 40)),
        DLNMS_E_BUNDLE_MANIFEST,
        "files[0].bytes",
    );
    refused(
        "tolerance",
        with(&|m| m["models"][0]["tolerance"] = json!(10.0)),
        DLNMS_E_BUNDLE_MANIFEST,
        "tolerance",
    );
    refused(
        "an ensemble",
        with(&|m| m["members"] = json!(5)),
        DLNMS_E_BUNDLE_MANIFEST,
        "members",
    );
    refused(
        "its spread",
        with(&|m| m["spread"] = json!("spread")),
        DLNMS_E_BUNDLE_MANIFEST,
        "spread",
    );
    refused(
        "cut-offs from nowhere",
        with(&|m| drop(m["sources"].as_object_mut().unwrap().remove("cutoffs"))),
        DLNMS_E_BUNDLE_MANIFEST,
        "sources.cutoffs",
    );
    refused(
        "a calibration that turns scores round",
        with(&|m| {
            m["calibration"] =
                json!({ "n1": { "a": -1.0, "b": 0.0, "n": 9, "prevalence": 0.1 }, "n2": null });
            m["sources"]["calibration"] = json!("nowhere");
        }),
        DLNMS_E_BUNDLE_MANIFEST,
        "calibration.n1",
    );
    // A forged line in a log or a report, and colours in a terminal.
    for (field, text) in [
        ("id", "seeded\nINFO trained"),
        ("version", "1\u{1b}[31m"),
        ("card", "\u{7f}"),
    ] {
        refused(
            field,
            with(&|m| m[field] = json!(text)),
            DLNMS_E_BUNDLE_MANIFEST,
            "control character",
        );
    }
    refused(
        "a head with two lines",
        with(&|m| m["heads"][2] = json!("n1\nn2")),
        DLNMS_E_BUNDLE_MANIFEST,
        "heads[2]",
    );
    refused(
        "a field twice",
        edited(|d| {
            let text = manifest()
                .to_string()
                .replacen("{", "{\"weights\":\"trained\",", 1);
            std::fs::write(d.join("manifest.json"), text).unwrap();
        }),
        DLNMS_E_BUNDLE_MANIFEST,
        "duplicate field",
    );
    refused(
        "not JSON",
        edited(|d| std::fs::write(d.join("manifest.json"), "{").unwrap()),
        DLNMS_E_BUNDLE_MANIFEST,
        "line 1",
    );
    refused(
        "huge",
        edited(|d| std::fs::write(d.join("manifest.json"), vec![b' '; 2 << 20]).unwrap()),
        DLNMS_E_BUNDLE_MANIFEST,
        "larger",
    );
}

#[test]
fn a_bundle_of_the_first_format_is_refused_with_the_command_that_makes_a_new_one() {
    let old = r#"{"format_version": 1, "id": "dlnms-seeded-42", "models": []}"#;
    let refused = Manifest::parse(old.as_bytes()).map(|_| ()).unwrap_err();
    assert_eq!(refused.status(), DLNMS_E_BUNDLE_VERSION);
    assert!(
        refused.to_string().contains("dlnms_model export"),
        "{refused}"
    );
}

fn sha256_of_manifest(bundle: &Path) -> String {
    let sum =
        support::run(std::process::Command::new("sha256sum").arg(bundle.join("manifest.json")));
    sum.split_whitespace().next().unwrap().to_owned()
}

fn pinned(bundle: &Path, expected: &str) -> Result<Scorer, Error> {
    let options = ScorerOptions {
        policy: Policy::strict(Provider::Cpu),
        threads: 1,
        pins: Pins {
            manifest_sha256: Some(expected.into()),
            key: None,
        },
        ..ScorerOptions::default()
    };
    Scorer::new(support::runtime(), bundle, options)
}

#[test]
fn the_digest_of_the_manifest_is_provenance_and_can_be_pinned() {
    let sound = sha256_of_manifest(&support::tiny_bundle());
    let scorer = pinned(&support::tiny_bundle(), &sound).unwrap();
    assert_eq!(scorer.bundle().manifest_sha256, sound);
    let info = dlnms::report::scorer_info(&scorer);
    assert_eq!(info["model"]["manifest_sha256"], sound);
    assert!(pinned(&support::tiny_bundle(), &sound.to_uppercase()).is_ok());
    // Edits that leave the identity and every digest in the manifest as they were.
    let edits: [fn(&mut Value); 4] = [
        |m| m["cutoffs"]["n1"] = json!(0.9),
        |m| m["weights"] = json!("trained"),
        |m| m["models"][0]["tolerance"] = json!(0.1),
        |m| m["preprocessing"]["pet"]["mean"] = json!(0.5),
    ];
    for edit in edits {
        let dir = tempfile::tempdir().unwrap();
        copy(dir.path());
        let mut m = manifest();
        edit(&mut m);
        std::fs::write(dir.path().join("manifest.json"), m.to_string()).unwrap();
        let found = sha256_of_manifest(dir.path());
        assert_eq!(
            Bundle::open(dir.path(), &Pins::default())
                .unwrap()
                .manifest_sha256,
            found
        );
        let error = pinned(dir.path(), &sound).err().unwrap();
        assert_eq!(error.status(), DLNMS_E_BUNDLE_ALTERED, "{error}");
        for word in ["manifest.json", &found, &sound] {
            assert!(error.to_string().contains(word), "{error}");
        }
    }
    // A manifest that cannot even be read is another one, too.
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("manifest.json"), "{").unwrap();
    let error = pinned(dir.path(), &sound).err().unwrap();
    assert_eq!(error.status(), DLNMS_E_BUNDLE_ALTERED, "{error}");
    for none in ["", "abc", &sound[1..], &format!("g{}", &sound[1..])] {
        let error = pinned(&support::tiny_bundle(), none).err().unwrap();
        assert_eq!(error.status(), DLNMS_E_INVALID_ARGUMENT, "{error}");
        assert!(
            error.to_string().contains("expected_manifest_sha256"),
            "{error}"
        );
    }
}

#[test]
fn what_the_manifest_does_not_name_is_never_read_and_pipes_are_no_files() {
    let pipe = |dir: &Path, name: &str| {
        let path = dir.join(name);
        let _ = std::fs::remove_file(&path);
        support::run(std::process::Command::new("mkfifo").arg(path));
    };
    assert!(edited(|d| pipe(d, "weights.bin")).is_ok());
    for file in ["manifest.json", "tiny.onnx", "self_test.f32"] {
        refused(
            "a pipe",
            edited(|d| pipe(d, file)),
            DLNMS_E_BUNDLE_MISSING,
            "it is not a file",
        );
    }
}

/// A scorer of the tiny bundle after an edit of its manifest and its folder.
pub fn scorer(edit: impl FnOnce(&mut Value, &Path)) -> Scorer {
    let dir = tempfile::tempdir().unwrap();
    copy(dir.path());
    let mut m = manifest();
    edit(&mut m, dir.path());
    std::fs::write(dir.path().join("manifest.json"), m.to_string()).unwrap();
    let options = ScorerOptions {
        policy: Policy::strict(Provider::Cpu),
        threads: 1,
        ..ScorerOptions::default()
    };
    let scorer = Scorer::new(support::runtime(), dir.path(), options).unwrap();
    // The session reads the model in prepare.
    let _ = dir.keep();
    scorer
}

#[test]
fn a_graph_that_does_not_fit_its_manifest_is_refused_by_name() {
    let cancel = CancelToken::default();
    let refused = |edit: fn(&mut Value), code: i32, word: &str| {
        let error = scorer(|m, _| edit(m)).prepare(None, &cancel).unwrap_err();
        assert_eq!(error.status(), code, "{error}");
        assert!(error.to_string().contains(word), "{error}");
    };
    refused(
        |m| m["models"][0]["inputs"]["pet"] = json!("image"),
        DLNMS_E_BUNDLE_MODEL,
        "image",
    );
    refused(
        |m| m["models"][0]["output"] = json!("score"),
        DLNMS_E_BUNDLE_MODEL,
        "score",
    );
    refused(
        |m| m["self_test"]["expected"][1][0] = json!(0.123),
        DLNMS_E_SELF_TEST,
        "head n1 of case 1",
    );
}

#[test]
fn a_model_that_changes_after_its_verification_is_not_read_again() {
    let mut place = None;
    let scorer = scorer(|_, dir| place = Some(dir.join("tiny.onnx")));
    let place = place.unwrap();
    let mut changed = false;
    let mut change = |phase, _| {
        if phase == Phase::Build {
            changed = std::fs::write(&place, b"something else").is_ok();
        }
        true
    };
    // The phase begins when the file has been read and ONNX Runtime begins to build.
    scorer
        .prepare(Some(&mut change), &CancelToken::default())
        .unwrap();
    assert!(changed && scorer.engine().is_some());
}

#[test]
fn pet_and_ct_are_told_apart_by_name() {
    let swapped = scorer(|m, _| m["models"][0]["inputs"] = json!({"pet": "ct", "ct": "pet"}));
    assert_eq!(
        swapped
            .prepare(None, &CancelToken::default())
            .unwrap_err()
            .status(),
        DLNMS_E_SELF_TEST
    );
}

#[test]
fn a_network_of_one_modality_sees_that_one_alone() {
    let bundle = support::tiny_bundle().with_file_name("pet-bundle");
    let options = ScorerOptions {
        threads: 1,
        ..ScorerOptions::default()
    };
    let scorer = Scorer::new(support::runtime(), &bundle, options).unwrap();
    let inputs = &scorer.bundle().manifest.models[0].inputs;
    assert_eq!(inputs.by_modality(), [Some("pet"), None]);
    let grid = ImageGrid {
        dims: [80; 3],
        origin: [-79.0; 3],
        spacing: [2.0; 3],
        direction: IDENTITY,
        slice_offsets: None,
    };
    let volume = |step: i32| -> Vec<u8> {
        let values = (0..80i32.pow(3)).map(|v| (v % step) as i16 - 300);
        values.flat_map(i16::to_ne_bytes).collect()
    };
    let (pet, ct, other) = (volume(997), volume(601), volume(211));
    let heads = |ct: &[u8], pet: &[u8]| {
        let case = Case::new(
            VolumeView::packed(ct, DType::I16, grid, "ct").unwrap(),
            VolumeView::packed(pet, DType::I16, grid, "pet").unwrap(),
            Roi::Point([0.0; 3]),
        );
        let scores = scorer.score(&case, &CancelToken::default()).unwrap();
        assert_eq!(scores.heads.len(), 6);
        scores.heads
    };
    let truth = heads(&ct, &pet);
    assert_eq!(heads(&other, &pet), truth);
    assert_ne!(heads(&ct, &other), truth);
    // A bundle that says so of a graph that takes both.
    let refused = self::scorer(|m, _| m["models"][0]["inputs"] = json!({ "pet": "pet" }));
    let refused = refused.prepare(None, &CancelToken::default()).unwrap_err();
    assert_eq!(refused.status(), DLNMS_E_BUNDLE_MODEL, "{refused}");
}

#[test]
fn a_strict_provider_that_is_not_there_fails_with_its_reason_and_auto_goes_on() {
    let new = |policy| {
        Scorer::new(
            support::runtime(),
            &support::tiny_bundle(),
            ScorerOptions {
                policy,
                threads: 1,
                ..ScorerOptions::default()
            },
        )
        .unwrap()
    };
    let cancel = CancelToken::default();
    for provider in [Provider::Cuda, Provider::TensorRt, Provider::TensorRtRtx] {
        let error = new(Policy::strict(provider))
            .prepare(None, &cancel)
            .unwrap_err();
        assert_eq!(error.status(), DLNMS_E_PROVIDER_UNAVAILABLE, "{error}");
        assert!(error.to_string().contains(provider.name()), "{error}");
    }
    let auto = new(Policy::auto());
    auto.prepare(None, &cancel).unwrap();
    let engine = auto.engine().unwrap();
    assert_eq!(engine.provider, Provider::Cpu);
    let absent = engine
        .skipped_providers
        .iter()
        .filter(|p| p.provider != "cpu");
    assert_eq!(absent.count(), 3, "{engine:?}");
    assert!(
        engine
            .placement
            .iter()
            .all(|p| p.provider == "CPUExecutionProvider" && p.nodes > 0),
        "{engine:?}"
    );
}

#[test]
fn prepare_tells_its_phases_and_stops_when_told() {
    let scorer = scorer(|_, _| ());
    for stop_at in [Phase::Load, Phase::Build, Phase::WarmUp, Phase::SelfTest] {
        let mut stop = |phase, _| phase != stop_at;
        assert!(matches!(
            scorer.prepare(Some(&mut stop), &CancelToken::default()),
            Err(Error::Cancelled)
        ));
    }
    let mut seen = Vec::new();
    scorer
        .prepare(
            Some(&mut |phase, _| {
                seen.push(phase);
                true
            }),
            &CancelToken::default(),
        )
        .unwrap();
    seen.dedup();
    assert_eq!(
        seen,
        [
            Phase::Load,
            Phase::Build,
            Phase::WarmUp,
            Phase::SelfTest,
            Phase::Ready
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    /// Bytes changed anywhere in a manifest: an error or a manifest that passed every check, never a panic.
    #[test]
    fn no_manifest_makes_the_parser_panic(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), cut in any::<prop::sample::Index>(), cuts in any::<bool>()) {
        let mut text = std::fs::read(support::tiny_bundle().join("manifest.json")).unwrap();
        for (at, byte) in edits {
            let at = at.index(text.len());
            text[at] = byte;
        }
        if cuts {
            text.truncate(cut.index(text.len()));
        }
        if let Ok(m) = Manifest::parse(&text) {
            prop_assert!(m.preprocessing.validate().is_ok());
        }
    }
}
