//! Explanations of real and synthetic cases: what has to hold of them whatever the weights are.

use crate::support;
use crate::support::shared;
use dlnms::bundle::Precision;
use dlnms::explanation::{Baseline, ExplainOptions, Explanation, Method, Shares};
use dlnms::imaging::roi::Roi;
use dlnms::readers::dicom::{Modality, Study};
use dlnms::report;
use dlnms::runtime::provider::{InstructionSet, Kernels, Policy, Provider};
use dlnms::scorer::{CancelToken, Phase, Scorer, ScorerOptions};
use std::path::Path;

const ACRIN_CENTER: [f64; 3] = [-42.722_602_740, -14.570_847_603, -121.919_942_406];

/// ACRIN-042, if the shared data are here.
fn acrin() -> Option<Study> {
    let folder = shared("data/petct/a_paired/acrin042")?;
    let series = |name: &str, modality| support::series(&[folder.join(name)], modality).unwrap();
    Some(Study::new(
        series("ct", Modality::Ct),
        series("pet_ac", Modality::Pt),
    ))
}

fn scorer(bundle: &Path, precision: Precision, set: Option<InstructionSet>) -> Scorer {
    let mut policy = Policy::strict(Provider::Cpu);
    policy.entries[0].precision = Some(precision);
    policy.entries[0].kernels = Some(set.map_or(Kernels::OnnxRuntime, |_| Kernels::Dlnms));
    policy.entries[0].instruction_set = set;
    let options = ScorerOptions {
        policy,
        threads: 2,
        ..ScorerOptions::default()
    };
    Scorer::new(support::runtime(), bundle, options).unwrap()
}

fn explain(scorer: &Scorer, study: &Study, options: &ExplainOptions) -> Explanation {
    let case = study.case(Roi::Point(ACRIN_CENTER)).unwrap();
    Explanation::new(scorer, &case, options, None, &CancelToken::default()).unwrap()
}

fn assert_sums(shares: &Shares) {
    for (name, players) in [
        ("planes", &shares.planes),
        ("modalities", &shares.modalities),
    ] {
        let of = |pick: fn(&dlnms::explanation::ScorePair<f64>) -> f64| {
            let sum: f64 = players.iter().map(|(_, s)| pick(s)).sum();
            (pick(&shares.base) + sum - pick(&shares.full)).abs()
        };
        let off = of(|s| s.n1).max(of(|s| s.n2));
        assert!(off < 1e-6, "{name} are off by {off:.1e}");
    }
}

/// The largest difference between two sets of shares.
fn distance(a: &Shares, b: &Shares) -> f64 {
    let values = |s: &Shares| -> Vec<f64> {
        let shares = s.planes.iter().chain(s.modalities.iter()).map(|(_, v)| *v);
        let all = [s.base, s.full].into_iter().chain(shares);
        all.flat_map(|v| [v.n1, v.n2]).collect()
    };
    let pairs = values(a).into_iter().zip(values(b));
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn contributions_sum_to_the_score_and_pooled_features_give_what_full_runs_give() {
    let Some(study) = acrin() else { return };
    for (precision, set) in [
        (Precision::Fp32, None),
        (Precision::Fp32, Some(InstructionSet::Avx2)),
        (Precision::Bf16, Some(InstructionSet::Avx512Bf16)),
    ] {
        let scorer = scorer(&support::bundle(), precision, set);
        if let Err(why) = scorer.prepare(None, &CancelToken::default()) {
            assert!(
                why.to_string().contains("this processor has no AVX"),
                "{why}"
            );
            support::beyond_this_processor(&format!("{} {set:?}", precision.name()));
            continue;
        }
        let case = study.case(Roi::Point(ACRIN_CENTER)).unwrap();
        let alone = scorer.score(&case, &CancelToken::default()).unwrap();
        let options = ExplainOptions {
            all_heads: true,
            ..ExplainOptions::default()
        };
        let explained = explain(&scorer, &study, &options);
        assert_eq!(
            explained.scores.heads, alone.heads,
            "a score keeps its bits"
        );
        let after = scorer.score(&case, &CancelToken::default()).unwrap();
        assert_eq!(after.heads, alone.heads, "a score keeps its bits");

        let found = explained.contributions.unwrap();
        assert_eq!(found.method, Method::PooledFeatures);
        // Eight sets of planes with each baseline; the case as it is belongs to both.
        assert_eq!(found.runs, 15);
        assert_eq!(found.first.baseline, Baseline::Outside);
        assert_eq!(found.second_baseline.baseline, Baseline::Blur);
        let tolerance = scorer.bundle().manifest.model(precision).unwrap().tolerance;
        for with in [&found.first, &found.second_baseline] {
            assert_sums(&with.probability);
            assert_sums(with.log_odds.as_ref().unwrap());
            let full = with.probability.full;
            assert!((full.n1 - f64::from(alone.n1)).abs() <= tolerance);
            assert!((full.n2 - f64::from(alone.n2)).abs() <= tolerance);
            assert_eq!(with.probability.planes.0.len(), 6);
            // A head that sees one modality owes nothing to the planes of the other.
            for (head, shares) in with.probability.heads.as_ref().unwrap().iter() {
                let unseen = match head.split_once('_') {
                    Some((_, "pet")) => "ct_",
                    Some((_, "ct")) => "pet_",
                    _ => "nothing",
                };
                let dummies = shares.planes.iter().filter(|(p, _)| p.starts_with(unseen));
                let dummies: Vec<f64> = dummies.map(|(_, v)| *v).collect();
                assert_eq!(dummies.len(), if unseen == "nothing" { 0 } else { 3 });
                assert!(dummies.iter().all(|v| *v == 0.0), "{head}: {dummies:?}");
                let sum: f64 = shares.planes.iter().map(|(_, v)| *v).sum();
                assert!((shares.base + sum - shares.full).abs() < 1e-6);
            }
        }
        let options = ExplainOptions {
            full_runs: true,
            ..ExplainOptions::default()
        };
        let full = explain(&scorer, &study, &options).contributions.unwrap();
        assert!(matches!(full.method, Method::FullRuns { .. }));
        assert_eq!(full.runs, 127);
        let off = [
            distance(&full.first.probability, &found.first.probability),
            distance(
                &full.second_baseline.probability,
                &found.second_baseline.probability,
            ),
        ];
        println!("{} {set:?}: full runs differ by {off:?}", precision.name());
        assert!(off.iter().all(|d| *d <= tolerance), "{off:?}");
    }
}

#[test]
fn a_bundle_without_pooled_features_is_explained_by_full_runs_and_says_so() {
    let Some(study) = acrin() else { return };
    let scorer = scorer(&support::tiny_bundle(), Precision::Fp32, None);
    let explained = explain(&scorer, &study, &ExplainOptions::default());
    let json = report::explanation(&explained, &[]);
    let found = explained.contributions.unwrap();
    assert_sums(&found.first.probability);
    assert_eq!(found.runs, 127);
    let explanation = &json["explanation"];
    assert_eq!(explanation["baseline"], "outside");
    assert_eq!(explanation["method"]["name"], "full_runs");
    let reason = explanation["method"]["reason"].as_str().unwrap();
    assert!(reason.contains("no pooled features"), "{reason}");
    for key in [
        "base",
        "full",
        "planes",
        "modalities",
        "log_odds",
        "second_baseline",
        "agree",
    ] {
        assert!(explanation[key].is_object(), "{key}");
    }
    assert!(explanation["planes"]["pet_axial"]["n1"].is_number());
    assert!(explanation["agree"]["planes"]["ct_sagittal"]["n2"].is_boolean());
    assert_eq!(json["scores"]["n1"], explained.scores.n1);
}

#[test]
fn an_explanation_reports_its_progress_and_ends_when_it_is_cancelled() {
    let Some(study) = acrin() else { return };
    let scorer = scorer(&support::tiny_bundle(), Precision::Fp32, None);
    let case = study.case(Roi::Point(ACRIN_CENTER)).unwrap();
    let (options, cancel) = (ExplainOptions::default(), CancelToken::default());
    let mut heard = Vec::new();
    let mut tell = |phase: Phase, fraction: f32| {
        heard.push((phase, fraction));
        true
    };
    Explanation::new(&scorer, &case, &options, Some(&mut tell), &cancel).unwrap();
    assert!(heard.iter().all(|(phase, _)| *phase == Phase::Explain));
    assert!(heard.windows(2).all(|w| w[0].1 < w[1].1), "{heard:?}");
    assert_eq!(heard.last().unwrap().1, 1.0);

    let mut calls = 0;
    let mut stop = |_: Phase, _: f32| {
        calls += 1;
        calls < 3
    };
    let stopped = Explanation::new(&scorer, &case, &options, Some(&mut stop), &cancel);
    assert!(matches!(stopped, Err(dlnms::Error::Cancelled)));
    assert_eq!(calls, 3);
    let mut trigger = |_: Phase, _: f32| {
        cancel.trigger();
        true
    };
    let stopped = Explanation::new(&scorer, &case, &options, Some(&mut trigger), &cancel);
    assert!(matches!(stopped, Err(dlnms::Error::Cancelled)));
}
