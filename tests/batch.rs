//! Batches and shared scorers: the scores of single calls to the bit, whatever runs beside them.

mod support;

use dlnms::Error;
use dlnms::roi::Roi;
use dlnms::runtime::provider::{Policy, Provider};
use dlnms::scorer::{CancelToken, Case, Scorer, ScorerOptions};
use dlnms::volume::{DType, Geometry, IDENTITY, VolumeView};
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
        let grid = Geometry {
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
                assert!(together.timings.infer > together.timings.finish);
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
