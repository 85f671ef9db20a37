//! Preparing: heard of while it lasts, ended when asked, and the next of the policy where one answers wrongly.

use crate::support;
use crate::support::watchdog::Watchdog;
use crate::support::{bundle, runtime};
use dlnms::Error;
use dlnms::bundle::Precision;
use dlnms::engine::CacheOutcome;
use dlnms::error::status::*;
use dlnms::imaging::roi::Roi;
use dlnms::imaging::{DType, IDENTITY, ImageGrid, VolumeView};
use dlnms::runtime::provider::{Policy, Provider, ProviderConfig};
use dlnms::scorer::{CancelToken, Case, Phase, Scorer, ScorerOptions};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn scorer(options: ScorerOptions) -> Scorer {
    Scorer::new(runtime(), &bundle(), options).unwrap()
}

fn cpu(precision: Option<Precision>) -> ProviderConfig {
    ProviderConfig {
        precision,
        ..ProviderConfig::new(Provider::Cpu)
    }
}

fn with(entries: &[ProviderConfig]) -> ScorerOptions {
    ScorerOptions {
        policy: Policy {
            entries: entries.to_vec(),
        },
        ..ScorerOptions::default()
    }
}

#[test]
fn the_host_hears_the_phases_in_order_from_its_own_thread() {
    let scorer = scorer(with(&[cpu(None)]));
    let me = std::thread::current().id();
    let mut phases = Vec::new();
    let mut tell = |phase, fraction: f32| {
        assert_eq!(std::thread::current().id(), me);
        assert!((0.0..=1.0).contains(&fraction));
        phases.push(phase);
        true
    };
    scorer
        .prepare(Some(&mut tell), &CancelToken::default())
        .unwrap();
    println!("{} calls in all", phases.len());
    phases.dedup();
    let order = [
        Phase::Load,
        Phase::Build,
        Phase::WarmUp,
        Phase::SelfTest,
        Phase::Ready,
    ];
    assert_eq!(phases, order);
}

/// The FP16 model of the looping bundle never ends its first run, so that a start takes as long as the test wants.
#[test]
fn a_heartbeat_goes_on_while_nothing_else_does_and_a_deadline_ends_it() {
    let looping = support::tiny_bundle().with_file_name("looping-bundle");
    let open = |timeout| {
        let options = ScorerOptions {
            prepare_timeout: timeout,
            ..with(&[cpu(Some(Precision::Fp16))])
        };
        Scorer::new(runtime(), &looping, options).unwrap()
    };
    let _watchdog = Watchdog::new("a prepare that loops");
    let late = open(Some(Duration::from_millis(250)));
    let error = late.prepare(None, &CancelToken::default()).unwrap_err();
    assert_eq!(error.status(), DLNMS_E_DEADLINE, "{error}");

    let mut beats = 0;
    let mut tell = |phase, _| {
        beats += usize::from(phase == Phase::WarmUp);
        beats < 6
    };
    let stopped = open(None).prepare(Some(&mut tell), &CancelToken::default());
    assert_eq!(stopped.unwrap_err().status(), DLNMS_E_CANCELLED);
    assert_eq!(beats, 6, "the same phase, again and again");
}

#[test]
fn a_deadline_and_a_cancel_end_the_building_and_it_can_be_prepared_again() {
    let late = scorer(ScorerOptions {
        prepare_timeout: Some(Duration::from_millis(1)),
        ..with(&[cpu(None)])
    });
    let error = late.prepare(None, &CancelToken::default()).unwrap_err();
    assert_eq!(error.status(), DLNMS_E_DEADLINE, "{error}");
    assert!(late.engine().is_none());

    let scorer = scorer(with(&[cpu(None)]));
    let cancel = CancelToken::default();
    let trigger = cancel.clone();
    let mut in_the_middle = |phase, _| {
        if phase == Phase::Build {
            trigger.trigger();
        }
        true
    };
    let error = scorer
        .prepare(Some(&mut in_the_middle), &cancel)
        .unwrap_err();
    assert!(matches!(error, Error::Cancelled), "{error}");
    assert!(scorer.engine().is_none());
    scorer.prepare(None, &CancelToken::default()).unwrap();
    assert!(scorer.engine().is_some());
}

#[test]
fn threads_that_prepare_at_once_build_one_session_and_all_hear_of_it() {
    let scorer = scorer(with(&[cpu(None)]));
    let beats: Vec<usize> = std::thread::scope(|scope| {
        let prepare = || {
            let (mut all, mut built) = (0, 0);
            let mut tell = |phase, _| {
                all += 1;
                built += usize::from(phase == Phase::SelfTest);
                true
            };
            scorer
                .prepare(Some(&mut tell), &CancelToken::default())
                .unwrap();
            assert!(all >= 1, "{all}");
            built
        };
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(prepare)).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(beats.iter().filter(|b| **b > 0).count(), 1, "{beats:?}");
}

/// A bundle that is the seeded one but for its manifest.
fn edited(folder: &Path, edit: impl Fn(&mut Value)) {
    for file in bundle().read_dir().unwrap().flatten() {
        let name = file.file_name();
        if name != "manifest.json" {
            std::os::unix::fs::symlink(file.path().canonicalize().unwrap(), folder.join(name))
                .unwrap();
        }
    }
    let mut manifest: Value =
        serde_json::from_slice(&std::fs::read(bundle().join("manifest.json")).unwrap()).unwrap();
    edit(&mut manifest);
    std::fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
}

#[test]
fn half_precision_is_within_the_goal_of_single_and_what_answers_wrongly_is_passed_over() {
    let prepared = |entries: &[ProviderConfig]| {
        let scorer = scorer(with(entries));
        scorer.prepare(None, &CancelToken::default()).unwrap();
        scorer
    };
    let single = prepared(&[cpu(None)]);
    let half = prepared(&[cpu(Some(Precision::Fp16))]);
    assert_eq!(single.engine().unwrap().precision, Precision::Fp32);
    let engine = half.engine().unwrap();
    assert_eq!(engine.precision, Precision::Fp16);
    println!(
        "FP16 against float64: {:.1e}",
        engine.self_test_max_difference
    );
    assert!(
        engine.self_test_max_difference > 1e-5,
        "it was FP32 after all"
    );
    let side = 120usize;
    let voxel = |n: usize| ((n % 97) as f32 - 40.0) * 0.1;
    let data: Vec<u8> = (0..side.pow(3))
        .flat_map(|n| voxel(n).to_ne_bytes())
        .collect();
    let grid = ImageGrid {
        dims: [side; 3],
        origin: [-60.0; 3],
        spacing: [1.0; 3],
        direction: IDENTITY,
        slice_offsets: None,
    };
    let view = |name| VolumeView::packed(&data, DType::F32, grid, name).unwrap();
    let case = Case::new(view("ct"), view("pet"), Roi::Point([0.0; 3]));
    let scores = |s: &Scorer| s.score(&case, &CancelToken::default()).unwrap().heads;
    for (a, b) in scores(&single).iter().zip(scores(&half)) {
        assert!((a - b).abs() < 2e-3 && *a != b, "{a} {b}");
    }

    let folder = tempfile::tempdir().unwrap();
    edited(folder.path(), |m| m["models"][1]["tolerance"] = json!(1e-7));
    let open =
        |entries: &[ProviderConfig]| Scorer::new(runtime(), folder.path(), with(entries)).unwrap();
    let strict = open(&[cpu(Some(Precision::Fp16))]);
    let error = strict.prepare(None, &CancelToken::default()).unwrap_err();
    assert_eq!(error.status(), DLNMS_E_SELF_TEST, "{error}");
    let either = open(&[cpu(Some(Precision::Fp16)), cpu(None)]);
    either.prepare(None, &CancelToken::default()).unwrap();
    let engine = either.engine().unwrap();
    assert_eq!(engine.precision, Precision::Fp32);
    let passed = &engine.skipped_providers[0];
    assert!(
        passed.precision == Precision::Fp16 && passed.reason.contains("self-test failed"),
        "{passed:?}"
    );
}

#[test]
fn a_precision_that_the_bundle_has_not_and_options_that_mean_nothing_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    edited(folder.path(), |m| {
        m["models"].as_array_mut().unwrap().truncate(1)
    });
    let half = with(&[cpu(Some(Precision::Fp16))]);
    let scorer = Scorer::new(runtime(), folder.path(), half).unwrap();
    let error = scorer.prepare(None, &CancelToken::default()).unwrap_err();
    assert_eq!(error.status(), DLNMS_E_PROVIDER_UNAVAILABLE);
    assert!(
        error.to_string().contains("no model of precision fp16"),
        "{error}"
    );
    type Change = fn(&mut ProviderConfig);
    let changes: [(Change, &str); 4] = [
        (|e| e.memory_limit = Some(1), "memory limit"),
        (|e| e.workspace = Some(1), "workspace"),
        (|e| e.cuda_graph = true, "CUDA graph"),
        (|e| e.device = -1, "device"),
    ];
    for (change, field) in changes {
        let mut entry = cpu(None);
        change(&mut entry);
        let error = Scorer::new(runtime(), &bundle(), with(&[entry]))
            .err()
            .unwrap();
        assert_eq!(error.status(), DLNMS_E_INVALID_ARGUMENT);
        assert!(error.to_string().contains(field), "{error}");
    }
}

#[test]
fn an_entry_has_a_cache_and_threads_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let entry = ProviderConfig {
        cache: Some(folder.path().to_path_buf()),
        threads: Some(1),
        ..cpu(Some(Precision::Fp16))
    };
    let scorer = scorer(with(std::slice::from_ref(&entry)));
    scorer.prepare(None, &CancelToken::default()).unwrap();
    let engine = scorer.engine().unwrap();
    assert_eq!(engine.cache, CacheOutcome::Unneeded);
    assert_eq!(engine.threads, 1);
}

/// A deadlock otherwise: prepare waits for the callback, and the callback for prepare.
#[test]
fn a_call_from_prepares_own_callback_is_busy_and_nothing_is_lost() {
    let bundle = support::tiny_bundle();
    let scorer = Scorer::new(runtime(), &bundle, with(&[cpu(None)])).unwrap();
    let other = Scorer::new(runtime(), &bundle, with(&[cpu(None)])).unwrap();
    let data = vec![0u8; 40 * 40 * 40];
    let grid = ImageGrid {
        dims: [40; 3],
        origin: [-100.0; 3],
        spacing: [5.0; 3],
        direction: IDENTITY,
        slice_offsets: None,
    };
    let view = |name| VolumeView::packed(&data, DType::U8, grid, name).unwrap();
    let case = Case::new(view("ct"), view("pet"), Roi::Point([0.0; 3]));
    let cancel = CancelToken::default();
    let mut phases = Vec::new();
    let mut within = |phase, _| {
        phases.push(phase);
        if phase != Phase::Ready {
            let refused = [
                scorer.score(&case, &cancel).map(drop),
                scorer.score_batch(&[case], &cancel).map(drop),
                scorer.prepare(None, &cancel),
                scorer.prepare(Some(&mut |_, _| true), &cancel),
            ];
            for outcome in refused {
                let error = outcome.unwrap_err();
                assert_eq!(error.status(), DLNMS_E_BUSY, "{error}");
                let words = "this scorer is busy with the call from whose callback this one comes";
                assert_eq!(error.to_string(), words);
            }
            // What waits for nothing goes on: planes, and another scorer.
            scorer.planes(&case).unwrap();
            other.score(&case, &cancel).unwrap();
        } else {
            scorer.score(&case, &cancel).unwrap();
        }
        true
    };
    scorer.prepare(Some(&mut within), &cancel).unwrap();
    assert!(phases.contains(&Phase::WarmUp), "{phases:?}");
    let once = scorer.score(&case, &cancel).unwrap();
    assert_eq!(once.heads, other.score(&case, &cancel).unwrap().heads);
}

#[test]
fn memory_that_is_not_there_is_a_status() {
    let no_provider = "no execution provider of the policy could be used";
    for (kilobytes, code, words) in [
        (100_000, 1, "out of memory: ONNX Runtime needs"),
        (150_000, 3, no_provider),
        (260_000, 3, no_provider),
    ] {
        let limited = format!("ulimit -v {kilobytes}; exec \"$0\" \"$@\"");
        let output = Command::new("bash")
            .args([
                "-c",
                &limited,
                env!("CARGO_BIN_EXE_dlnms"),
                "info",
                "--provider",
                "cpu",
            ])
            .arg("--bundle")
            .arg(bundle())
            .env("DLNMS_ONNXRUNTIME", support::onnxruntime())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{kilobytes}: {text}");
        assert!(text.contains(words), "{text}");
    }
}
