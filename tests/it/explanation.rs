//! Explanations of real and synthetic cases: what has to hold of them whatever the weights are.

use crate::support;
use crate::support::host::{Host, Link};
use crate::support::{bundle, onnxruntime, root, run, shared};
use dlnms::bundle::{Digest, Precision};
use dlnms::explanation::{
    Baseline, ChangeKind, ExplainOptions, Explanation, Method, OccludedRegion, OcclusionOptions,
    PatientFacts, PopulationCode, Shares,
};
use dlnms::imaging::roi::{Delineation, Roi, Seed};
use dlnms::imaging::{DType, IDENTITY, Volume};
use dlnms::readers::dicom::{Modality, Study};
use dlnms::report;
use dlnms::runtime::provider::{InstructionSet, Kernels, Policy, Provider};
use dlnms::scorer::{CancelToken, Case, LesionRequest, Phase, Scorer, ScorerOptions};
use std::path::Path;
use std::process::Command;

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

#[test]
fn a_host_explains_in_one_call_and_through_the_queue() {
    let out = tempfile::tempdir().unwrap();
    let host = Host {
        compiler: "g++",
        standard: "c++17",
        source: root().join("tests/hosts/explain.cpp"),
        link: Link::Static,
        flags: &[],
    };
    let program = host.build(out.path());
    run(Command::new(program).arg(bundle()).arg(onnxruntime()));
}

/// A copy of the tiny bundle with a changed manifest; a change of its weights is entered there too.
fn changed_tiny_bundle(
    weights: Option<&[u8]>,
    change: impl Fn(&mut serde_json::Value),
) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in support::tiny_bundle().read_dir().unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    let path = copy.path().join("manifest.json");
    let text = std::fs::read(&path).unwrap();
    let mut manifest: serde_json::Value = serde_json::from_slice(&text).unwrap();
    if let Some(weights) = weights {
        std::fs::write(copy.path().join("tiny.f32"), weights).unwrap();
        let files = manifest["files"].as_array_mut().unwrap();
        let file = files.iter_mut().find(|f| f["name"] == "tiny.f32").unwrap();
        file["sha256"] = Digest::from_bytes(weights).sha256.into();
    }
    change(&mut manifest);
    std::fs::write(&path, manifest.to_string()).unwrap();
    copy
}

#[test]
fn stability_begins_with_the_score_itself_and_makes_every_change_of_a_lesion() {
    let Some(study) = acrin() else { return };
    let scorer = scorer(&support::bundle(), Precision::Fp32, None);
    let seed = Seed {
        point: ACRIN_CENTER,
        radius_mm: 40.0,
        delineation: Delineation::Fixed(4.0),
    };
    let mut case = study.case(Roi::Seed(seed)).unwrap();
    case.lesion = Some(LesionRequest::default());
    let options = ExplainOptions {
        contributions: false,
        facts: PatientFacts {
            clinical_n0: Some(true),
            nsclc: Some(false),
            age_years: Some(31.0),
        },
        ..ExplainOptions::default()
    };
    let cancel = CancelToken::default();
    let explained = Explanation::new(&scorer, &case, &options, None, &cancel).unwrap();
    let scores = &explained.scores;
    let found = explained.stability.as_ref().unwrap();
    assert!(found.omitted.is_empty(), "{:?}", found.omitted);
    assert_eq!((found.changes, found.cases.len()), (42, 43));
    assert_eq!(found.cases[0].kind, ChangeKind::None);
    assert_eq!(
        (found.cases[0].n1, found.cases[0].n2),
        (scores.n1, scores.n2)
    );
    for (pick, spread) in [(0, &found.scores.n1), (1, &found.scores.n2)] {
        let mut values: Vec<f64> = found
            .cases
            .iter()
            .map(|c| f64::from([c.n1, c.n2][pick]))
            .collect();
        values.sort_by(f64::total_cmp);
        assert_eq!((spread.min, spread.max), (values[0], values[42]));
        assert_eq!((spread.p5, spread.p95), (values[2], values[40]));
        assert!(spread.sd > 0.0);
    }
    let changed = found.group_changed.unwrap();
    assert_eq!(changed.of, 42);
    let of_kinds: usize = found
        .kinds
        .iter()
        .map(|(_, k)| k.group_changed.unwrap().n2)
        .sum();
    assert_eq!(of_kinds, changed.n2);
    // The whole list is repeatable: noise comes from names.
    let again = Explanation::new(&scorer, &case, &options, None, &cancel).unwrap();
    assert_eq!(again.stability.as_ref(), Some(found));

    // ACRIN-042 has a SUVmax of 42.2; Table 1 has 5.43 with a standard deviation of 4.74.
    let population = &explained.population;
    let suv = population
        .measures
        .iter()
        .find(|m| m.name == "suv_max")
        .unwrap();
    assert!((suv.z.unwrap() - 7.76).abs() < 0.01, "{suv:?}");
    let about = |word: &str| population.findings.iter().any(|f| f.message.contains(word));
    assert!(about("suv_max") && about("nsclc") && about("age_years") && !about("clinical_n0"));
    let codes: Vec<_> = population.findings.iter().map(|f| f.code).collect();
    assert!(
        codes.contains(&PopulationCode::OutsideStudyPopulation),
        "{codes:?}"
    );
    // All is known but what the bundle lacks.
    let unknown = &population.unknown;
    assert!(
        unknown.len() == 1 && unknown[0].contains("no reference statistics"),
        "{unknown:?}"
    );
}

#[test]
fn what_is_not_known_of_a_case_is_said_and_never_made_up() {
    let Some(study) = acrin() else { return };
    let scorer = scorer(&support::tiny_bundle(), Precision::Fp32, None);
    let explained = explain(&scorer, &study, &ExplainOptions::default());
    let stability = explained.stability.as_ref().unwrap();
    // A point has no outline.
    assert_eq!((stability.changes, stability.omitted.len()), (38, 4));
    assert!(
        stability
            .omitted
            .iter()
            .all(|o| o.reason.contains("comes from a point"))
    );
    let unknown = &explained.population.unknown;
    for word in [
        "the lesion was not to be measured",
        "age",
        "clinical_n0",
        "nsclc",
    ] {
        assert!(unknown.iter().any(|u| u.contains(word)), "{unknown:?}");
    }
    assert!(explained.population.facts.iter().all(|f| f.met.is_none()));
    assert!(
        explained
            .population
            .measures
            .iter()
            .all(|m| m.value.is_none())
    );
}

#[test]
fn groups_change_where_the_score_lies_at_the_cutoff_and_never_with_a_constant_head() {
    let Some(study) = acrin() else { return };
    let options = ExplainOptions {
        contributions: false,
        ..ExplainOptions::default()
    };
    let of = |bundle: &Path| {
        let explained = explain(&scorer(bundle, Precision::Fp32, None), &study, &options);
        (explained.scores.n1, explained.stability.unwrap())
    };
    let (score, _) = of(&support::tiny_bundle());
    let at_score = changed_tiny_bundle(None, |m| m["cutoffs"]["n1"] = f64::from(score).into());
    let (_, stability) = of(at_score.path());
    assert!(stability.group_changed.unwrap().n1 > 0);
    assert_eq!(stability.scores.n1.margin_sd, Some(0.0));

    let constant = changed_tiny_bundle(Some(&[0; 144]), |m| {
        let expected = m["self_test"]["expected"].as_array_mut().unwrap();
        for case in expected {
            case.as_array_mut().unwrap().fill(0.5f64.into());
        }
        m["cutoffs"]["n1"] = 0.5f64.into();
    });
    let (score, stability) = of(constant.path());
    assert_eq!(score, 0.5);
    let changed = stability.group_changed.unwrap();
    assert_eq!((changed.n1, changed.n2, changed.combined), (0, 0, 0));
    assert_eq!(stability.scores.n1.sd, 0.0);

    let without = changed_tiny_bundle(None, |m| {
        m["cutoffs"] = serde_json::Value::Null;
        m["sources"].as_object_mut().unwrap().remove("cutoffs");
    });
    let (_, stability) = of(without.path());
    assert_eq!(stability.group_changed, None);
    assert_eq!(stability.scores.n1.margin_sd, None);
}

/// A cube of voxels of 2 mm around the origin, each with the value of its place, LPS mm.
fn cube(value: impl Fn([f64; 3]) -> f32) -> Volume {
    const SIDE: usize = 81;
    let place =
        |n: usize| [n % SIDE, n / SIDE % SIDE, n / SIDE / SIDE].map(|i| 2.0 * i as f64 - 80.0);
    let values = (0..SIDE * SIDE * SIDE).map(|n| value(place(n)));
    Volume {
        dims: [SIDE; 3],
        origin: [-80.0; 3],
        spacing: [2.0; 3],
        direction: IDENTITY,
        slice_offsets: Vec::new(),
        dtype: DType::F32,
        data: values.flat_map(f32::to_ne_bytes).collect(),
        slopes: vec![1.0; SIDE],
        intercept: 0.0,
        padding: None,
    }
}

#[test]
fn a_pixel_of_a_plane_lies_where_its_value_comes_from() {
    let scorer = scorer(&support::tiny_bundle(), Precision::Fp32, None);
    let spec = scorer.bundle().manifest.preprocessing.clone();
    let center = [3.0, -4.5, 7.25];
    for axis in 0..3 {
        // Values that are coordinates, within what no clipping changes.
        let ramp = cube(|p| p[axis] as f32);
        let view = ramp.view("volume").unwrap();
        let case = Case::new(view, view, Roi::Point(center));
        let planes = scorer.planes(&case).unwrap();
        for (n, channel) in spec.channels.iter().enumerate() {
            let grid = spec.plane_grid(channel, scorer.center(&case).unwrap());
            for (row, column) in [(0, 0), (0, 111), (111, 0), (56, 37), (111, 111)] {
                let value = f64::from(planes.ct[[n, row, column]]) * spec.ct.std + spec.ct.mean;
                let place = grid.lps(row as f64, column as f64)[axis];
                assert!(
                    (value - place).abs() < 1e-3,
                    "{} {row} {column}: {value} {place}",
                    channel.plane
                );
            }
        }
    }
}

/// A bright ball in a body, off the centre of the planes.
fn phantom(ball: [f64; 3]) -> [Volume; 2] {
    let inside = |p: [f64; 3]| {
        let d: f64 = (0..3).map(|a| (p[a] - ball[a]).powi(2)).sum();
        d.sqrt() < 14.0
    };
    let ct = cube(|p| {
        if inside(p) {
            40.0
        } else {
            -800.0 + p[0] as f32
        }
    });
    let pet = cube(|p| if inside(p) { 9.0 } else { 0.6 });
    [ct, pet]
}

fn explain_phantom(
    scorer: &Scorer,
    [ct, pet]: &[Volume; 2],
    options: &ExplainOptions,
) -> Explanation {
    let (ct, pet) = (ct.view("ct").unwrap(), pet.view("pet").unwrap());
    let case = Case::new(ct, pet, Roi::Point([0.0; 3]));
    Explanation::new(scorer, &case, options, None, &CancelToken::default()).unwrap()
}

#[test]
fn what_a_planted_network_sees_is_found_and_nothing_else() {
    let scorer = scorer(&support::planted_bundle(), Precision::Fp32, None);
    let options = ExplainOptions {
        stability: false,
        occlusion: Some(OcclusionOptions {
            whole_planes: true,
            ..OcclusionOptions::FAST
        }),
        ..ExplainOptions::default()
    };
    let explained = explain_phantom(&scorer, &phantom([10.0, -5.0, 0.0]), &options);
    let found = explained.contributions.unwrap();
    for shares in [&found.first.probability, &found.second_baseline.probability] {
        for (name, share) in shares.planes.iter() {
            let all = shares.full.n1 - shares.base.n1;
            match name {
                "pet_axial" => assert!((share.n1 - all).abs() < 1e-12 && all != 0.0, "{share:?}"),
                _ => assert_eq!(share.n1, 0.0, "{name}"),
            }
        }
    }
    let occlusion = explained.occlusion.unwrap();
    assert_eq!((occlusion.runs, occlusion.maps.len()), (147, 6));
    assert!(matches!(
        occlusion.region,
        OccludedRegion::WholePlanes { .. }
    ));
    for map in &occlusion.maps {
        let seen = (map.modality, map.plane.as_str()) == ("pet", "axial");
        let values = &map.values.n1.0;
        assert_eq!(
            values.iter().any(|v| *v != 0.0),
            seen,
            "{} {}",
            map.modality,
            map.plane
        );
        assert!(values.iter().all(|v| v.is_finite()));
    }

    // A case whose planes are alike, for the network that sees them alike.
    let ball = phantom([0.0; 3]).map(|mut v| {
        // The CT's background has a slope along L: a ball in even lung instead.
        v.slopes.fill(1.0);
        v
    });
    let [_, pet] = ball;
    let ct = cube(|p| {
        if p.iter().map(|x| x * x).sum::<f64>() < 196.0 {
            40.0
        } else {
            -800.0
        }
    });
    let explained = explain_phantom(&scorer, &[ct, pet], &options);
    let planes = explained.contributions.unwrap().first.probability.planes;
    for modality in ["pet", "ct"] {
        let of = |plane: &str| planes.get(&format!("{modality}_{plane}")).unwrap().n2;
        let [a, c, s] = ["axial", "coronal", "sagittal"].map(of);
        assert!(
            a != 0.0 && (a - c).abs() < 1e-5 && (a - s).abs() < 1e-5,
            "{a} {c} {s}"
        );
    }
}

#[test]
fn explanations_have_the_same_bits_twice_and_with_any_number_of_threads() {
    let options = ExplainOptions {
        stability: false,
        occlusion: Some(OcclusionOptions::FAST),
        ..ExplainOptions::default()
    };
    let volumes = phantom([4.0, 0.0, -6.0]);
    let mut first = None;
    for threads in [1, 2, 4] {
        let mut policy = Policy::strict(Provider::Cpu);
        policy.entries[0].kernels = Some(Kernels::OnnxRuntime);
        let scorer_options = ScorerOptions {
            policy,
            threads,
            ..ScorerOptions::default()
        };
        let scorer = Scorer::new(support::runtime(), &support::bundle(), scorer_options).unwrap();
        let found = explain_phantom(&scorer, &volumes, &options);
        let found = (found.contributions.unwrap(), found.occlusion.unwrap());
        assert!(
            matches!(found.1.region, OccludedRegion::Lesion { .. }),
            "{:?}",
            found.1.region
        );
        assert!(found.1.runs < 147);
        assert_eq!(
            first.get_or_insert_with(|| found.clone()),
            &found,
            "{threads} threads"
        );
    }
}

/// A copy of the planted bundle whose manifest lists statistics, with these percentiles, of training cases that are all alike but for two axes.
fn bundle_with_reference(percentiles: [f64; 4]) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in support::planted_bundle().read_dir().unwrap() {
        let file = file.unwrap();
        std::os::unix::fs::symlink(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    let path = copy.path().join("manifest.json");
    let text = std::fs::read(&path).unwrap();
    let mut manifest: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let mut content = Vec::new();
    let mut tensors = Vec::new();
    for head in ["n1", "n2"] {
        let mut axes = vec![0f32; 2 * 512];
        (axes[0], axes[512 + 1]) = (1.0, 1.0);
        let parts = [
            ("mean", vec![512], vec![0f32; 512]),
            ("axes", vec![2, 512], axes),
            ("sd", vec![2], vec![1.0, 1.0]),
        ];
        for (name, shape, values) in parts {
            content.resize(content.len().next_multiple_of(64), 0u8);
            tensors.push(serde_json::json!({
                "name": format!("{head}.{name}"), "type": "float32", "shape": shape,
                "offset": content.len(), "bytes": 4 * values.len(),
            }));
            content.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        }
    }
    let files = manifest["files"].as_array_mut().unwrap();
    files.push(serde_json::json!({
        "name": "reference.f32", "bytes": content.len(), "sha256": Digest::from_bytes(&content).sha256, "tensors": tensors,
    }));
    let heads = ["n1", "n2"].map(|head| {
        serde_json::json!({ "head": head, "distance": percentiles, "residual": percentiles })
    });
    manifest["reference"] = serde_json::json!({
        "file": "reference.f32", "cases": 100, "held_out": 25, "source": "made up", "heads": heads,
    });
    std::fs::write(copy.path().join("reference.f32"), content).unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, manifest.to_string()).unwrap();
    copy
}

#[test]
fn a_case_far_from_the_training_cases_is_found_and_one_within_gets_no_praise() {
    let options = ExplainOptions {
        contributions: false,
        stability: false,
        ..ExplainOptions::default()
    };
    let volumes = phantom([4.0, 0.0, -6.0]);
    let far = |percentiles| {
        let bundle = bundle_with_reference(percentiles);
        let scorer = scorer(bundle.path(), Precision::Fp32, None);
        let population = explain_phantom(&scorer, &volumes, &options).population;
        let place = population.reference.unwrap().scores.n1;
        assert!(place.distance > 0.0 && place.residual > 0.0, "{place:?}");
        let findings = population.findings.into_iter();
        let found: Vec<_> = findings
            .filter(|f| f.code == PopulationCode::FarFromTraining)
            .map(|f| f.severity)
            .collect();
        (place.farther_than_percent, found)
    };
    use dlnms::evidence::quality::Severity;
    assert_eq!(far([0.0; 4]), (99, vec![Severity::Warning; 2]));
    assert_eq!(far([0.0, 0.0, 0.0, 1e9]), (95, vec![Severity::Info; 2]));
    assert_eq!(far([0.0, 1e9, 1e9, 1e9]), (50, vec![]));
    assert_eq!(far([1e9; 4]), (0, vec![]));

    let without = scorer(&support::planted_bundle(), Precision::Fp32, None);
    let population = explain_phantom(&without, &volumes, &options).population;
    let reason = population.reason.unwrap();
    assert_eq!(reason, "the bundle has no reference statistics");
    assert!(population.reference.is_none());
}
