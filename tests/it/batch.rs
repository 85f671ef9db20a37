//! Batches and shared scorers: the scores of single calls to the bit, whatever runs beside them.

use crate::support;
use dlnms::Error;
use dlnms::imaging::roi::Roi;
use dlnms::imaging::{DType, IDENTITY, ImageGrid, VolumeView};
use dlnms::runtime::provider::{Kernels, Policy, Provider};
use dlnms::scorer::{CancelToken, Case, Scorer, ScorerOptions};
use std::time::Instant;

struct Volumes {
    ct: Vec<u8>,
    pet: Vec<u8>,
}

impl Volumes {
    fn new() -> Self {
        let noise = |n: i32| n.wrapping_mul(0x9E37_79B1u32 as i32).rem_euclid(1999);
        Self {
            ct: (0..80i32.pow(3))
                .flat_map(|n| ((noise(n) - 1000) as i16).to_ne_bytes())
                .collect(),
            pet: (0..80i32.pow(3))
                .flat_map(|n| (noise(n) as f32 / 150.0).to_ne_bytes())
                .collect(),
        }
    }

    fn case(&self, center: [f64; 3]) -> Case<'_> {
        let grid = ImageGrid {
            dims: [80; 3],
            origin: [-118.5; 3],
            spacing: [3.0; 3],
            direction: IDENTITY,
            slice_offsets: None,
        };
        Case::new(
            VolumeView::packed(&self.ct, DType::I16, grid, "ct").unwrap(),
            VolumeView::packed(&self.pet, DType::F32, grid, "pet").unwrap(),
            Roi::Point(center),
        )
    }
}

#[test]
fn a_batch_gives_every_case_the_bits_it_has_alone() {
    let options = ScorerOptions {
        policy: Policy::strict(Provider::Cpu),
        ..ScorerOptions::default()
    };
    let scorer = Scorer::new(support::runtime(), &support::bundle(), options).unwrap();
    let cancel = CancelToken::default();
    let volumes = Volumes::new();
    // 37 cases are four runs of eight and one of four, for one of them lies outside.
    let outside = 20;
    let cases: Vec<Case<'_>> = (0..37)
        .map(|n| {
            let far = if n == outside { 9999.0 } else { 0.0 };
            volumes.case([
                f64::from(n) * 1.3 - 20.0,
                f64::from(n % 7) * 4.0 - 12.0,
                far,
            ])
        })
        .collect();
    scorer.prepare(None, &cancel).unwrap();
    let begun = Instant::now();
    let batch = scorer.score_batch(&cases, &cancel).unwrap();
    let of_batch = begun.elapsed();
    assert_eq!(batch.len(), cases.len());
    let begun = Instant::now();
    for (n, (case, outcome)) in cases.iter().zip(&batch).enumerate() {
        match scorer.score(case, &cancel) {
            Ok(alone) => {
                let together = outcome.as_ref().unwrap();
                let bits = |heads: &[f32]| heads.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&together.heads), bits(&alone.heads), "case {n}");
                assert_eq!(together.center, alone.center, "case {n}");
                assert!(!together.timings.infer.is_zero());
            }
            Err(e) => {
                assert_eq!(n, outside as usize, "{e}");
                let other = outcome.as_ref().unwrap_err();
                assert_eq!(e.to_string(), other.to_string());
            }
        }
    }
    let of_single = begun.elapsed();
    println!(
        "37 cases: batch {of_batch:?}, one by one {of_single:?}, ratio {:.2}",
        of_batch.as_secs_f64() / of_single.as_secs_f64()
    );
    assert!(scorer.score_batch(&[], &cancel).unwrap().is_empty());
    cancel.trigger();
    assert!(matches!(
        scorer.score_batch(&cases, &cancel),
        Err(Error::Cancelled)
    ));
}

#[test]
fn an_engine_for_batches_takes_its_share_and_the_rest_runs_as_without() {
    let cancel = CancelToken::default();
    let volumes = Volumes::new();
    let cases: Vec<Case<'_>> = (0..19)
        .map(|n| volumes.case([f64::from(n) * 2.0 - 20.0, 0.0, 3.0]))
        .collect();
    // Three of four and one more; one of sixteen and three more.
    let (whole, tiny) = (support::bundle(), support::tiny_bundle());
    for (bundle, kernels, batch, n) in [
        (whole, None, 4, 13),
        (tiny, Some(Kernels::OnnxRuntime), 16, 19),
    ] {
        let cases = &cases[..n];
        let open = |batch| {
            let mut policy = Policy::strict(Provider::Cpu);
            policy.entries[0].kernels = kernels;
            policy.entries[0].batch = batch;
            let options = ScorerOptions {
                policy,
                ..ScorerOptions::default()
            };
            Scorer::new(support::runtime(), &bundle, options)
        };
        let (with, without) = (open(Some(batch)).unwrap(), open(None).unwrap());
        let scored = with.score_batch(cases, &cancel).unwrap();
        for (n, (case, outcome)) in cases.iter().zip(&scored).enumerate() {
            let alone = without.score(case, &cancel).unwrap();
            assert_eq!(
                outcome.as_ref().unwrap().heads,
                alone.heads,
                "case {n} of {batch}"
            );
        }
        for wrong in [0, 1, 257] {
            let refused = open(Some(wrong)).map(|_| ()).unwrap_err();
            assert!(refused.to_string().contains("batch"), "{refused}");
        }
    }
}

#[test]
fn threads_share_one_session_and_its_first_start() {
    let options = ScorerOptions {
        policy: Policy::strict(Provider::Cpu),
        threads: 1,
        ..ScorerOptions::default()
    };
    let scorer = Scorer::new(support::runtime(), &support::tiny_bundle(), options).unwrap();
    let volumes = Volumes::new();
    let heads = |n: u32| {
        let case = volumes.case([f64::from(n) - 10.0, 5.0, -5.0]);
        scorer.score(&case, &CancelToken::default()).unwrap().heads
    };
    // Nobody prepared it: all come at once, one builds, the others wait.
    let together: Vec<Vec<f32>> = std::thread::scope(|scope| {
        let heads = &heads;
        let threads: Vec<_> = (0..16).map(|n| scope.spawn(move || heads(n % 4))).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    for (n, found) in together.iter().enumerate() {
        assert_eq!(*found, heads(n as u32 % 4), "thread {n}");
    }
}
