//! What computes a score: named by each result, kept when a case is at fault, given up when it fails, ended when asked.

use crate::support::watchdog::Watchdog;
use crate::support::{self, cancelling};
use crate::support::{bundle, runtime, tiny_bundle};
use dlnms::Error;
use dlnms::bundle::Precision;
use dlnms::error::status::*;
use dlnms::imaging::roi::Roi;
use dlnms::imaging::{DType, IDENTITY, ImageGrid, VolumeView};
use dlnms::report;
use dlnms::runtime::provider::{Kernels, Policy, Provider, ProviderConfig};
use dlnms::scorer::{CancelToken, Case, Phase, Scorer, ScorerOptions, Scores};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn cpu(precision: Option<Precision>) -> ProviderConfig {
    ProviderConfig {
        precision,
        ..ProviderConfig::new(Provider::Cpu)
    }
}

/// Two providers, as far as a policy is concerned: half precision, then single.
fn half_then_single() -> [ProviderConfig; 2] {
    [cpu(Some(Precision::Fp16)), cpu(None)]
}

fn open(bundle: &Path, entries: &[ProviderConfig]) -> Scorer {
    let options = ScorerOptions {
        policy: Policy {
            entries: entries.to_vec(),
        },
        ..ScorerOptions::default()
    };
    Scorer::new(runtime(), bundle, options).unwrap()
}

/// Built beside the tiny bundle by tests/tiny_bundle.py.
fn beside_tiny(name: &str) -> PathBuf {
    tiny_bundle().with_file_name(name)
}

const SIDE: usize = 140;

/// Voxels of 40 in columns of 70 mm, with `highest` in one plane of sagittal direction through the centre.
struct Voxels(Vec<u8>);

impl Voxels {
    fn new(highest: f32) -> Self {
        let voxel = |n: usize| if n % SIDE == SIDE / 2 { highest } else { 40.0 };
        let voxels = (0..SIDE.pow(3)).flat_map(|n| voxel(n).to_ne_bytes());
        Self(voxels.collect())
    }

    fn view(&self, name: &'static str) -> VolumeView<'_> {
        let grid = ImageGrid {
            dims: [SIDE; 3],
            origin: [-(SIDE as f64) / 2.0; 3],
            spacing: [1.0; 3],
            direction: IDENTITY,
            slice_offsets: None,
        };
        VolumeView::packed(&self.0, DType::F32, grid, name).unwrap()
    }
}

fn case<'a>(ct: &'a Voxels, pet: &'a Voxels) -> Case<'a> {
    Case::new(ct.view("ct"), pet.view("pet"), Roi::Point([0.0; 3]))
}

fn score(scorer: &Scorer, case: &Case<'_>) -> dlnms::Result<Scores> {
    scorer.score(case, &CancelToken::default())
}

/// The card that falls off its bus: a model that passes its self-test and fails in the run of one case.
#[test]
fn a_provider_that_fails_while_it_runs_is_given_up_for_the_next_and_nothing_is_lost() {
    let fragile = beside_tiny("fragile-bundle");
    let [half, single] = half_then_single();
    let (soft, bone) = (Voxels::new(200.0), Voxels::new(3000.0));
    let (soft, bone) = (case(&soft, &soft), case(&bone, &soft));

    let strict = open(&fragile, std::slice::from_ref(&half));
    score(&strict, &soft).unwrap();
    let error = score(&strict, &bone).unwrap_err();
    assert_eq!(error.status(), DLNMS_E_RUNTIME, "{error}");
    score(&strict, &soft).unwrap();

    let truth = score(&open(&fragile, &[single]), &bone).unwrap().heads;
    let either = open(&fragile, &half_then_single());
    let before = score(&either, &soft).unwrap();
    assert_eq!(either.engine().unwrap().precision, Precision::Fp16);
    let scores = score(&either, &bone).unwrap();
    assert_eq!(scores.heads, truth);
    assert!(
        !scores.timings.prepare.is_zero(),
        "the call says that it had to prepare"
    );
    let engine = either.engine().unwrap();
    assert_eq!(engine.precision, Precision::Fp32);
    let reason = &engine.skipped_providers[0].reason;
    assert!(reason.contains("failed while it ran"), "{reason}");

    // The scorer has gone over to another engine; each result names the one that computed it.
    for (scores, precision) in [(&before, "fp16"), (&scores, "fp32")] {
        let report = report::report(scores, &[]);
        assert_eq!(report["runtime"]["precision"], precision);
        assert_eq!(report["model"]["precision"], precision);
    }

    let batch = open(&fragile, &half_then_single());
    let cases = [soft, bone, soft];
    let outcomes = batch.score_batch(&cases, &CancelToken::default());
    let outcomes = outcomes.unwrap();
    assert_eq!(outcomes[1].as_ref().unwrap().heads, truth);
    assert_eq!(
        outcomes[1].as_ref().unwrap().engine.precision,
        Precision::Fp32
    );
}

#[test]
fn each_result_names_the_engine_that_computed_it_while_threads_share_a_scorer_that_changes_it() {
    let fragile = beside_tiny("fragile-bundle");
    let (soft, bone) = (Voxels::new(200.0), Voxels::new(3000.0));
    let (soft, bone) = (case(&soft, &soft), case(&bone, &soft));
    let [half, single] = half_then_single().map(|entry| {
        let scorer = open(&fragile, &[entry]);
        score(&scorer, &soft).unwrap().heads
    });
    assert_ne!(half, single);
    let mut named = [0, 0];
    for round in 0..4 {
        let shared = open(&fragile, &half_then_single());
        shared.prepare(None, &CancelToken::default()).unwrap();
        let failed = AtomicBool::new(false);
        let of_threads: Vec<Vec<Scores>> = std::thread::scope(|scope| {
            let soft_cases = || {
                let mut all = Vec::new();
                let mut after = 0;
                // On both sides of the failure, and across it.
                while after < 5 {
                    after += usize::from(failed.load(Ordering::Acquire));
                    all.push(score(&shared, &soft).unwrap());
                }
                all
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(soft_cases)).collect();
            std::thread::sleep(Duration::from_millis(20 + 7 * round));
            let of_bone = score(&shared, &bone).unwrap();
            assert_eq!(of_bone.engine.precision, Precision::Fp32);
            failed.store(true, Ordering::Release);
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        for scores in of_threads.iter().flatten() {
            let precision = match &scores.heads {
                heads if *heads == half => Precision::Fp16,
                heads if *heads == single => Precision::Fp32,
                other => panic!("of neither engine: {other:?}"),
            };
            named[usize::from(precision == Precision::Fp32)] += 1;
            assert_eq!(scores.engine.precision, precision);
            let report = report::report(scores, &[]);
            assert_eq!(report["runtime"]["precision"], precision.name());
            let failed = |p: &serde_json::Value| {
                let reason = p["reason"].as_str().unwrap();
                reason.contains("failed while it ran")
            };
            let skipped_providers = report["runtime"]["skipped_providers"].as_array().unwrap();
            assert_eq!(
                skipped_providers.iter().filter(|p| failed(p)).count(),
                usize::from(precision == Precision::Fp32)
            );
        }
    }
    println!("{} results of fp16, {} of fp32", named[0], named[1]);
    assert!(named[0] >= 16 && named[1] >= 16, "{named:?}");
}

#[test]
fn a_case_beyond_the_arithmetic_is_refused_alone_and_its_provider_stays() {
    // SUV x 10^4: half precision ends at 65504.
    let (ct, pet, extreme) = (Voxels::new(200.0), Voxels::new(9.0), Voxels::new(9e4));
    let (plain, extreme) = (case(&ct, &pet), case(&ct, &extreme));
    let scorer = open(&bundle(), &half_then_single());
    let truth = score(&scorer, &plain).unwrap();
    let engine = scorer.engine().unwrap();
    assert_eq!(engine.precision, Precision::Fp16);
    for _ in 0..2 {
        let error = score(&scorer, &extreme).unwrap_err();
        assert_eq!(error.status(), DLNMS_E_VOXEL_RANGE, "{error}");
        let text = error.to_string();
        let words = "for this case, while cpu in fp16 answers the self-test";
        assert!(text.contains(words) && text.contains("NaN"), "{text}");
    }
    assert!(
        std::sync::Arc::ptr_eq(&engine, &scorer.engine().unwrap()),
        "the provider stays"
    );
    assert_eq!(score(&scorer, &plain).unwrap().heads, truth.heads);

    let cases = [plain, extreme, plain];
    let outcomes = scorer.score_batch(&cases, &CancelToken::default());
    let outcomes = outcomes.unwrap();
    let refused = outcomes[1].as_ref().unwrap_err();
    assert_eq!(refused.status(), DLNMS_E_VOXEL_RANGE, "{refused}");
    for n in [0, 2] {
        let scores = outcomes[n].as_ref().unwrap();
        assert_eq!(scores.heads, truth.heads, "case {n}");
        assert_eq!(scores.engine.precision, Precision::Fp16);
    }

    // Single precision, with the kernels of either side, has its end too.
    let extreme = Voxels::new(1e38);
    for kernels in Kernels::ALL {
        let entry = ProviderConfig {
            kernels: Some(kernels),
            ..cpu(None)
        };
        let scorer = open(&bundle(), &[entry]);
        match scorer.prepare(None, &CancelToken::default()) {
            Err(e) if kernels == Kernels::Dlnms => {
                support::beyond_this_processor(&e.to_string());
                continue;
            }
            prepared => prepared.unwrap(),
        }
        let error = score(&scorer, &case(&ct, &extreme)).unwrap_err();
        assert_eq!(error.status(), DLNMS_E_VOXEL_RANGE, "{error}");
        score(&scorer, &plain).unwrap();
    }
}

#[test]
fn an_output_that_is_no_probability_is_refused() {
    let (soft, bone) = (Voxels::new(200.0), Voxels::new(3000.0));
    let scorer = open(&beside_tiny("unruly-bundle"), &[cpu(None)]);
    let truth = score(&scorer, &case(&soft, &soft)).unwrap().heads;
    let error = score(&scorer, &case(&bone, &soft)).unwrap_err();
    assert_eq!(error.status(), DLNMS_E_VOXEL_RANGE, "{error}");
    assert!(
        error.to_string().contains("n1 is ") && !error.to_string().contains("NaN"),
        "{error}"
    );
    let cases = [case(&bone, &soft), case(&soft, &soft)];
    let outcomes = scorer.score_batch(&cases, &CancelToken::default());
    let outcomes = outcomes.unwrap();
    assert!(matches!(outcomes[0], Err(Error::VoxelRange(_))));
    assert_eq!(outcomes[1].as_ref().unwrap().heads, truth);
}

/// Calls `work` with a token that another thread triggers once it was looked at so often.
fn cancelled_after<T>(looks: u64, work: impl FnOnce(&CancelToken) -> T) -> T {
    let _watchdog = Watchdog::new("a run that is cancelled");
    let cancel = CancelToken::triggered_by_look(u64::MAX);
    let trigger = cancel.clone();
    let triggerer = std::thread::spawn(move || {
        while trigger.looks() < looks {
            std::thread::sleep(Duration::from_millis(1));
        }
        trigger.trigger();
    });
    let outcome = work(&cancel);
    triggerer.join().unwrap();
    outcome
}

/// Looks of a call before ONNX Runtime runs: at its beginning, before the run, and once the run can be ended.
const BEFORE_THE_RUN: u64 = 3;

#[test]
fn a_graph_that_loops_is_ended_by_a_token() {
    let looping = beside_tiny("looping-bundle");
    let (soft, bone) = (Voxels::new(200.0), Voxels::new(3000.0));
    let (soft, bone) = (case(&soft, &soft), case(&bone, &soft));
    let scorer = open(&looping, &[cpu(None)]);
    let truth = score(&scorer, &soft).unwrap().heads;
    let looks = cancelling::looks(|cancel| scorer.score(&soft, cancel));
    assert_eq!(looks, BEFORE_THE_RUN);
    let outcome = cancelled_after(BEFORE_THE_RUN, |cancel| scorer.score(&bone, cancel));
    assert!(matches!(outcome, Err(Error::Cancelled)), "{outcome:?}");
    let outcomes = cancelled_after(BEFORE_THE_RUN, |cancel| {
        scorer.score_batch(&[bone, soft], cancel).unwrap()
    });
    assert!(outcomes.iter().all(|o| matches!(o, Err(Error::Cancelled))));
    // The tensors of the run that was ended serve the next.
    assert_eq!(score(&scorer, &soft).unwrap().heads, truth);
}

/// A loop in the first run of all, which is one of prepare's.
#[test]
fn a_graph_that_loops_while_it_is_prepared_is_ended_by_a_token_and_by_the_deadline() {
    let looping = beside_tiny("looping-bundle");
    let half = || cpu(Some(Precision::Fp16));
    let watchdog = Watchdog::new("a prepare that loops");
    let ended_in = |seconds| {
        watchdog.sees(&format!("a prepare that loops for {seconds} s"));
        let options = ScorerOptions {
            policy: Policy {
                entries: vec![half()],
            },
            prepare_timeout: Some(Duration::from_secs_f64(seconds)),
            ..ScorerOptions::default()
        };
        let scorer = Scorer::new(runtime(), &looping, options).unwrap();
        let mut last = Phase::Load;
        let mut hear = |phase, _| {
            last = phase;
            true
        };
        let late = scorer.prepare(Some(&mut hear), &CancelToken::default());
        assert!(matches!(late, Err(Error::Deadline)), "{late:?}");
        last
    };
    // A machine that is busy may not get to the run in the first of these.
    let timeouts = [0.5, 2.0, 8.0, 32.0];
    let reached = timeouts.into_iter().any(|s| ended_in(s) == Phase::WarmUp);
    assert!(reached, "the warm-up is never reached");

    // The second call of the same phase comes while the run goes on.
    let (endless, cancel) = (open(&looping, &[half()]), CancelToken::default());
    let mut warm_ups = 0;
    let mut hear = |phase, _| {
        warm_ups += usize::from(phase == Phase::WarmUp);
        if warm_ups == 2 {
            cancel.trigger();
        }
        true
    };
    let outcome = endless.prepare(Some(&mut hear), &cancel);
    assert!(matches!(outcome, Err(Error::Cancelled)), "{outcome:?}");
}

#[test]
fn a_batch_of_the_whole_network_is_ended_by_a_token() {
    let scorer = open(&bundle(), &[cpu(None)]);
    scorer.prepare(None, &CancelToken::default()).unwrap();
    let voxels = Voxels::new(200.0);
    let cases = vec![case(&voxels, &voxels); 24];
    let all = cancelling::looks(|cancel| scorer.score_batch(&cases, cancel));
    println!("{all} looks at {} cases", cases.len());
    let _watchdog = Watchdog::new("a batch that is cancelled");
    for look in [1, all / 2] {
        let cancel = CancelToken::triggered_by_look(look);
        let outcomes = match scorer.score_batch(&cases, &cancel) {
            Err(Error::Cancelled) if look == 1 => continue,
            outcomes => outcomes.unwrap(),
        };
        let scored = outcomes.iter().take_while(|o| o.is_ok()).count();
        println!(
            "cancelled by look {look}: {scored} scored, {} looks",
            cancel.looks()
        );
        let rest = &outcomes[scored..];
        assert!(rest.iter().all(|o| matches!(o, Err(Error::Cancelled))));
        // Batches of eight: what ran before has its scores, the network ran for none after.
        assert!(scored <= 16, "{scored}");
        let most = look + 3 * cases.len() as u64;
        assert!(cancel.looks() <= most, "{} after {look}", cancel.looks());
    }
}

#[test]
fn a_thread_with_a_stack_of_128_kib_scores() {
    let voxels = Voxels::new(200.0);
    let mut case = case(&voxels, &voxels);
    case.lesion = Some(dlnms::scorer::LesionRequest::default());
    case.references = Some(Default::default());
    for kernels in Kernels::ALL {
        let entry = ProviderConfig {
            kernels: Some(kernels),
            threads: Some(1), // nothing runs in the threads of a pool
            ..cpu(None)
        };
        let scorer = open(&bundle(), &[entry]);
        let small = std::thread::Builder::new().stack_size(128 << 10);
        std::thread::scope(|scope| {
            let work = || {
                match scorer.prepare(None, &CancelToken::default()) {
                    Err(e) if kernels == Kernels::Dlnms => {
                        return support::beyond_this_processor(&e.to_string());
                    }
                    prepared => prepared.unwrap(),
                }
                let scores = score(&scorer, &case).unwrap();
                assert_eq!(scores.engine.kernels, kernels);
                assert!(report::report(&scores, &[]).to_string().len() > 1000);
                let batch = scorer.score_batch(&[case, case], &CancelToken::default());
                assert_eq!(batch.unwrap()[1].as_ref().unwrap().heads, scores.heads);
                scorer.planes(&case).unwrap();
            };
            small.spawn_scoped(scope, work).unwrap().join().unwrap();
        });
    }
}
