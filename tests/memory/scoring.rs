//! The sampler allocates nothing when it is warm, and little when it is not; a warm call allocates nothing of the size of a
//! tensor.

use crate::counting::{self, allocated};
use crate::support;
use dlnms::bundle::Manifest;
use dlnms::imaging::roi::Roi;
use dlnms::imaging::sampler::Workspace;
use dlnms::imaging::{DType, IDENTITY, ImageGrid, VolumeView};
use dlnms::runtime::provider::{Kernels, Policy, Provider};
use dlnms::scorer::{CancelToken, Case, Scorer, ScorerOptions};

/// Allocations and their bytes since an earlier count.
fn since(before: (usize, usize)) -> (usize, usize) {
    let now = allocated();
    (now.0 - before.0, now.1 - before.1)
}

#[test]
fn a_warm_sampler_allocates_nothing_and_a_cold_one_under_two_megabytes() {
    let _turn = counting::turn();
    let manifest = std::fs::read(support::tiny_bundle().join("manifest.json")).unwrap();
    let spec = Manifest::parse(&manifest).unwrap().preprocessing;
    let grid = |n: usize, pixel: f64, direction| ImageGrid {
        dims: [n, n, 300],
        origin: [
            -(n as f64 - 1.0) / 2.0 * pixel,
            -(n as f64 - 1.0) / 2.0 * pixel,
            -150.0,
        ],
        spacing: [pixel, pixel, 1.0],
        direction,
        slice_offsets: None,
    };
    let (ct, pet) = (
        vec![0u8; 512 * 512 * 300 * 2],
        vec![0u8; 200 * 200 * 300 * 4],
    );
    let turned = [[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]];
    let mut tensor = vec![0f32; spec.tensor_len()];
    for direction in [IDENTITY, turned] {
        let ct = VolumeView::packed(&ct, DType::I16, grid(512, 0.9766, direction), "ct").unwrap();
        let pet = VolumeView::packed(&pet, DType::F32, grid(200, 4.07, direction), "pet").unwrap();
        let center = ct.grid.index_to_lps([250.0, 260.0, 150.0]);
        let mut workspace = Workspace::default();
        let mut both = || {
            let before = allocated();
            spec.sample(&ct, &[], &spec.ct, center, &mut workspace, &mut tensor)
                .unwrap();
            spec.sample(&pet, &[], &spec.pet, center, &mut workspace, &mut tensor)
                .unwrap();
            since(before)
        };
        let cold = both();
        assert!(cold.1 < 2_000_000, "{cold:?}");
        assert_eq!(both().0, 0, "allocations of a warm call");
    }
}

#[test]
fn a_warm_call_allocates_a_few_hundred_bytes() {
    let _turn = counting::turn();
    let side = 200usize;
    let data: Vec<u8> = (0..side.pow(3) as i32)
        .flat_map(|n| ((n % 300) as i16).to_ne_bytes())
        .collect();
    let grid = ImageGrid {
        dims: [side; 3],
        origin: [-100.0; 3],
        spacing: [1.0; 3],
        direction: IDENTITY,
        slice_offsets: None,
    };
    let view = |name| VolumeView::packed(&data, DType::I16, grid, name).unwrap();
    let mut case = Case::new(view("ct"), view("pet"), Roi::Point([0.0; 3]));
    for kernels in Kernels::ALL {
        let mut policy = Policy::strict(Provider::Cpu);
        policy.entries[0].kernels = Some(kernels);
        let options = ScorerOptions {
            policy,
            ..ScorerOptions::default()
        };
        let scorer = Scorer::new(support::runtime(), &support::bundle(), options).unwrap();
        match scorer.prepare(None, &CancelToken::default()) {
            Err(e) if kernels == Kernels::Dlnms => {
                support::beyond_this_processor(&e.to_string());
                continue;
            }
            prepared => prepared.unwrap(),
        }
        // Threads of a pool may have something of their own to allocate in their first runs.
        let calls = (0..12).map(|n| {
            case.roi = Roi::Point([f64::from(n); 3]);
            let before = allocated();
            scorer.score(&case, &CancelToken::default()).unwrap();
            since(before)
        });
        let calls: Vec<_> = calls.collect();
        println!("{}: allocations and bytes {calls:?}", kernels.name());
        let least = match kernels {
            Kernels::OnnxRuntime => (13, 1622),
            Kernels::Dlnms => (15, 1838),
        };
        assert_eq!(calls.into_iter().min(), Some(least), "{}", kernels.name());
    }
}

#[test]
fn two_scorers_of_one_bundle_share_the_laid_out_weights() {
    let _turn = counting::turn();
    let prepared = || {
        let options = ScorerOptions {
            threads: 1,
            ..ScorerOptions::default()
        };
        let scorer = Scorer::new(support::runtime(), &support::bundle(), options).unwrap();
        scorer.prepare(None, &CancelToken::default()).unwrap();
        scorer
    };
    let before_first = counting::Mark::new();
    let first = prepared();
    let first_bytes = before_first.now();
    if first.engine().unwrap().kernels != Kernels::Dlnms {
        return support::beyond_this_processor("weights laid out for the kernels of dlnms");
    }
    let before_second = counting::Mark::new();
    let second = prepared();
    let (kept, peak) = (before_second.now(), before_second.peak());
    println!("heap of a first scorer {first_bytes} bytes, of a second {kept}, at most {peak}");
    assert!(first_bytes > 150 << 20, "{first_bytes}");
    assert!(kept < 10 << 20 && peak < 32 << 20, "{kept} {peak}");
    // The weights live as long as one of them.
    drop(first);
    assert!(before_first.now() > 150 << 20);
    drop(second);
    assert!(before_first.now() < 10 << 20, "{}", before_first.now());
}
