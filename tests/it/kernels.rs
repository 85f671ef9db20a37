//! This library's kernels for the CPU: chosen where they can be, refused by name where not, and with every number of
//! threads the same bits. That they compute the network is shown by `golden.rs` on patients and beside the kernels.

use crate::support;
use crate::support::{bundle, runtime, tiny_bundle};
use dlnms::bundle::Precision;
use dlnms::error::status::*;
use dlnms::imaging::roi::Roi;
use dlnms::imaging::{DType, IDENTITY, ImageGrid, VolumeView};
use dlnms::runtime::provider::{InstructionSet, Kernels, Policy, Provider, ProviderConfig};
use dlnms::scorer::{CancelToken, Case, Scorer, ScorerOptions};
use std::path::Path;

fn entry(precision: Option<Precision>, kernels: Option<Kernels>) -> ProviderConfig {
    ProviderConfig {
        precision,
        kernels,
        ..ProviderConfig::new(Provider::Cpu)
    }
}

fn scorer(bundle: &Path, threads: usize, entry: ProviderConfig) -> dlnms::Result<Scorer> {
    let options = ScorerOptions {
        policy: Policy {
            entries: vec![entry],
        },
        threads,
        ..ScorerOptions::default()
    };
    let scorer = Scorer::new(runtime(), bundle, options)?;
    scorer.prepare(None, &CancelToken::default())?;
    Ok(scorer)
}

/// This library's kernels with these instructions and no others.
fn forced(precision: Precision, instruction_set: InstructionSet) -> ProviderConfig {
    ProviderConfig {
        instruction_set: Some(instruction_set),
        ..entry(Some(precision), Some(Kernels::Dlnms))
    }
}

/// Whether this processor has instructions; if not, says so loudly and asserts that they are refused by name.
fn has(instruction_set: InstructionSet) -> bool {
    #[cfg(target_arch = "x86_64")]
    let there = match instruction_set {
        InstructionSet::Scalar => true,
        InstructionSet::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
        InstructionSet::Avx512 => is_x86_feature_detected!("avx512f"),
        InstructionSet::Avx512Bf16 => is_x86_feature_detected!("avx512bf16"),
    };
    #[cfg(not(target_arch = "x86_64"))]
    let there = instruction_set == InstructionSet::Scalar;
    if !there {
        let (precision, name) = match instruction_set {
            InstructionSet::Scalar | InstructionSet::Avx2 => (Precision::Fp32, "AVX2"),
            InstructionSet::Avx512 => (Precision::Fp32, "AVX-512"),
            InstructionSet::Avx512Bf16 => (Precision::Bf16, "AVX512-BF16"),
        };
        support::beyond_this_processor(name);
        let refused = scorer(&bundle(), 1, forced(precision, instruction_set));
        let refused = refused.map(|_| ()).unwrap_err();
        assert_eq!(refused.status(), DLNMS_E_PROVIDER_UNAVAILABLE);
        let name = if cfg!(target_arch = "x86_64") {
            name
        } else {
            "x86-64"
        };
        assert!(refused.to_string().contains(name), "{refused}");
    }
    there
}

fn scores(scorer: &Scorer, cases: &[Case<'_>]) -> Vec<Vec<u32>> {
    let bits = |heads: &[f32]| heads.iter().map(|v| v.to_bits()).collect();
    let cancel = CancelToken::default();
    let batch = scorer.score_batch(cases, &cancel).unwrap();
    let together: Vec<Vec<u32>> = batch
        .iter()
        .map(|s| bits(&s.as_ref().unwrap().heads))
        .collect();
    for (case, together) in cases.iter().zip(&together) {
        assert_eq!(bits(&scorer.score(case, &cancel).unwrap().heads), *together);
    }
    together
}

fn voxels() -> Vec<u8> {
    let values = (0..140i32.pow(3)).map(|n| (n % 251) as f32 * 0.02);
    values.flat_map(f32::to_ne_bytes).collect()
}

/// One of several cases that look at different places.
fn case(voxels: &[u8], n: usize) -> Case<'_> {
    let grid = ImageGrid {
        dims: [140; 3],
        origin: [0.0; 3],
        spacing: [1.0; 3],
        direction: IDENTITY,
        slice_offsets: None,
    };
    let view = |name| VolumeView::packed(voxels, DType::F32, grid, name).unwrap();
    let center = [60.0 + n as f64, 70.0, 71.0];
    Case::new(view("ct"), view("pet"), Roi::Point(center))
}

/// Scores of one case by forced instructions, which the result and the report name.
fn forced_scores(precision: Precision, instruction_set: InstructionSet) -> Vec<u32> {
    let scorer = scorer(&bundle(), 2, forced(precision, instruction_set)).unwrap();
    let voxels = voxels();
    let scores = scorer.score(&case(&voxels, 0), &CancelToken::default());
    let scores = scores.unwrap();
    assert_eq!(scores.engine.kernels, Kernels::Dlnms);
    assert_eq!(scores.engine.instruction_set, Some(instruction_set));
    assert!(
        scores.engine.skipped_providers.is_empty(),
        "{:?}",
        scores.engine
    );
    let report = dlnms::report::report(&scores, &[]);
    assert_eq!(report["runtime"]["instruction_set"], instruction_set.name());
    scores.heads.iter().map(|v| v.to_bits()).collect()
}

#[test]
fn every_instruction_set_gives_the_same_bits() {
    if has(InstructionSet::Avx2) && has(InstructionSet::Avx512) {
        let [avx2, avx512] = [InstructionSet::Avx2, InstructionSet::Avx512]
            .map(|set| forced_scores(Precision::Fp32, set));
        assert_eq!(avx2, avx512);
    }
    if has(InstructionSet::Avx512Bf16) {
        forced_scores(Precision::Bf16, InstructionSet::Avx512Bf16);
    }
    // The scalar kernels are slow: they answer the self-test. That they have the same bits is shown beside them.
    let slow = forced(Precision::Fp32, InstructionSet::Scalar);
    let slow = scorer(&bundle(), 2, slow).unwrap().engine().unwrap();
    assert_eq!(slow.instruction_set, Some(InstructionSet::Scalar));
    assert_eq!(slow.kernels_name(), "dlnms:scalar");
    assert!(slow.self_test_max_difference < 1e-5, "{slow:?}");
}

#[test]
fn every_number_of_threads_and_every_batch_gives_the_same_bits() {
    if !has(InstructionSet::Avx2) {
        return;
    }
    let voxels = voxels();
    let cases: Vec<_> = (0..11).map(|n| case(&voxels, n)).collect();
    let one = scores(&scorer(&bundle(), 1, entry(None, None)).unwrap(), &cases);
    for threads in 2..=16 {
        let several = scorer(&bundle(), threads, entry(None, Some(Kernels::Dlnms))).unwrap();
        assert_eq!(scores(&several, &cases), one, "{threads} threads");
    }
    let plain = scorer(&bundle(), 2, entry(None, Some(Kernels::OnnxRuntime))).unwrap();
    assert_eq!(plain.engine().unwrap().kernels, Kernels::OnnxRuntime);
    for (ours, theirs) in one
        .iter()
        .flatten()
        .zip(scores(&plain, &cases).iter().flatten())
    {
        let apart = (f32::from_bits(*ours) - f32::from_bits(*theirs)).abs();
        assert!(apart < 1e-5, "{apart}");
    }
}

#[test]
fn they_are_chosen_where_they_can_be_and_the_report_says_so() {
    if !has(InstructionSet::Avx2) {
        return;
    }
    let chosen = scorer(&bundle(), 2, entry(None, None)).unwrap();
    let engine = chosen.engine().unwrap();
    assert_eq!(engine.kernels, Kernels::Dlnms);
    let (best, skipped) = if has(InstructionSet::Avx512) {
        (InstructionSet::Avx512, None)
    } else {
        (
            InstructionSet::Avx2,
            Some("kernels of dlnms:avx512: this processor has no AVX-512 instructions"),
        )
    };
    assert_eq!(engine.instruction_set, Some(best));
    let reasons = engine.skipped_providers.iter().map(|p| &*p.reason);
    assert!(reasons.eq(skipped), "{engine:?}");
    assert_eq!(dlnms::report::runtime(&chosen)["kernels"], "dlnms");
    assert!(engine.self_test_max_difference < 1e-5);

    // A graph that is not what the exporter writes is ONNX Runtime's, with the reason.
    let foreign = scorer(&tiny_bundle(), 1, entry(None, None)).unwrap();
    let engine = foreign.engine().unwrap();
    assert_eq!(engine.kernels, Kernels::OnnxRuntime);
    let reason = &engine.skipped_providers[0].reason;
    assert!(
        reason.contains("kernels of dlnms") && reason.contains("has no backbones"),
        "{reason}"
    );
    let strict = scorer(&tiny_bundle(), 1, entry(None, Some(Kernels::Dlnms)));
    assert_eq!(
        strict.map(|_| ()).unwrap_err().status(),
        DLNMS_E_PROVIDER_UNAVAILABLE
    );
}

#[test]
fn bf16_is_asked_for_and_less_exact() {
    if !has(InstructionSet::Avx512Bf16) {
        return;
    }
    let fast = scorer(&bundle(), 2, entry(Some(Precision::Bf16), None)).unwrap();
    let engine = fast.engine().unwrap();
    assert_eq!(
        (engine.kernels, engine.precision),
        (Kernels::Dlnms, Precision::Bf16)
    );
    let apart = engine.self_test_max_difference;
    println!("BF16 against float64: {apart:.1e}");
    assert!(
        (1e-5..1e-2).contains(&apart),
        "it was something else after all: {apart}"
    );
}

#[test]
fn what_they_cannot_do_is_refused_by_name() {
    for (entry, why) in [
        (
            entry(Some(Precision::Fp16), Some(Kernels::Dlnms)),
            "no FP16",
        ),
        (
            entry(Some(Precision::Bf16), Some(Kernels::OnnxRuntime)),
            "no BF16",
        ),
        (
            forced(Precision::Bf16, InstructionSet::Avx2),
            "avx2 has no BF16",
        ),
        (
            forced(Precision::Fp32, InstructionSet::Avx512Bf16),
            "avx512bf16 has no FP32",
        ),
    ] {
        let refused = scorer(&bundle(), 1, entry).map(|_| ()).unwrap_err();
        assert_eq!(refused.status(), DLNMS_E_PROVIDER_UNAVAILABLE);
        assert!(refused.to_string().contains(why), "{refused}");
    }
    let gpu = ProviderConfig {
        kernels: Some(Kernels::Dlnms),
        ..ProviderConfig::new(Provider::Cuda)
    };
    let refused = scorer(&bundle(), 1, gpu).map(|_| ()).unwrap_err();
    assert_eq!(refused.status(), DLNMS_E_INVALID_ARGUMENT);
    assert!(refused.to_string().contains("kernels"), "{refused}");
    for kernels in [None, Some(Kernels::OnnxRuntime)] {
        let set = ProviderConfig {
            kernels,
            ..forced(Precision::Fp32, InstructionSet::Avx2)
        };
        let refused = scorer(&bundle(), 1, set).map(|_| ()).unwrap_err();
        assert_eq!(refused.status(), DLNMS_E_INVALID_ARGUMENT);
        assert!(refused.to_string().contains("instruction set"), "{refused}");
    }
}

#[test]
fn a_changed_weight_is_found_while_it_is_laid_out() {
    let folder = tempfile::tempdir().unwrap();
    for file in bundle().read_dir().unwrap().flatten() {
        std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    let model = folder.path().join("backbones.f32");
    let mut bytes = std::fs::read(&model).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&model, &bytes).unwrap();
    for kernels in [None, Some(Kernels::OnnxRuntime)] {
        let refused = scorer(folder.path(), 1, entry(None, kernels))
            .map(|_| ())
            .unwrap_err();
        assert_eq!(refused.status(), DLNMS_E_BUNDLE_ALTERED, "{refused}");
    }
    bytes.pop();
    std::fs::write(&model, &bytes).unwrap();
    let refused = scorer(folder.path(), 1, entry(None, None))
        .map(|_| ())
        .unwrap_err();
    assert_eq!(refused.status(), DLNMS_E_BUNDLE_ALTERED, "{refused}");
}
