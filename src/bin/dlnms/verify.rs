//! `dlnms verify`: scores a study again and compares the result with one that was kept.

use crate::input::{EngineArguments, StudyArguments};
use crate::terminal::say;
use crate::tumour::TumourArguments;
use crate::{Failure, terminal, whole_file};
use dlnms::bundle::{Manifest, Precision};
use dlnms::evidence::quality::QualityPolicy;
use dlnms::imaging::roi::Roi;
use dlnms::risk::RiskGroups;
use dlnms::runtime::RuntimeOptions;
use dlnms::scorer::{CancelToken, Case};
use dlnms::{Error, report};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Arguments {
    /// Result of `dlnms score --json`
    #[arg(value_name = "RESULT.json")]
    result: PathBuf,
    #[command(flatten)]
    study: StudyArguments,
    /// Model bundle
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// Where the tumour is; the centre in the result if nothing is said
    #[command(flatten)]
    tumour: TumourArguments,
    #[command(flatten)]
    engine: EngineArguments,
}

/// Most bytes of a result; one with an explanation of whole planes has some megabytes.
const MAX_RESULT_BYTES: u64 = 256 << 20;

/// What is compared, in the order in which a score is made: the place in the JSON, and its name for a person.
const STEPS: [(&str, &str); 8] = [
    ("/model/manifest_sha256", "the bundle's manifest"),
    ("/input/ct", "the CT (voxels, grid or rescaling)"),
    ("/input/pet", "the PET (voxels, grid or rescaling)"),
    ("/input/suv_factors", "the SUV factors"),
    ("/input/roi", "the tumour"),
    ("/center_lps_mm", "the centre"),
    ("/input/ct_tensor", "the CT tensor"),
    ("/input/pet_tensor", "the PET tensor"),
];

/// The scores, which are heads too.
const SCORES: [&str; 2] = ["n1", "n2"];

/// What decides the last digits of a score.
const ENGINE: [&str; 6] = [
    "/runtime/onnxruntime/version",
    "/runtime/provider",
    "/runtime/precision",
    "/runtime/kernels",
    "/runtime/instruction_set",
    "/library/version",
];

pub fn run(a: &Arguments, runtime: &RuntimeOptions) -> Result<(), Failure> {
    let kept = read(&a.result)?;
    let scorer = a
        .engine
        .scorer_with(&a.bundle, runtime, QualityPolicy::default(), None)?;
    require(&kept, &report::scorer_info(&scorer), STEPS[0])?;
    let input = a.study.open(a.engine.threads())?;
    let lesions = if a.tumour.is_given() {
        a.tumour.read(&input)?
    } else {
        Vec::new()
    };
    let mut case = match lesions.as_slice() {
        [] => input.study.case(Roi::Point(center(&kept)?))?,
        [lesion] => lesion.case(&input.study)?,
        _ => {
            return Err(Error::invalid("--lesions", "a result is compared with one tumour").into());
        }
    };
    case.digests = true;
    let again = score(&scorer, &case)?;
    // A centre alone says nothing of the mask or seed that it was found from.
    let compares_roi =
        !lesions.is_empty() || kept.pointer("/roi/kind") == again.pointer("/roi/kind");
    for step in &STEPS[1..] {
        if step.0 != "/input/roi" || compares_roi {
            require(&kept, &again, *step)?;
        }
    }
    let manifest = &scorer.bundle().manifest;
    compare_scores(&kept, &again, manifest)?;
    compare_risk(&kept, manifest)?;
    say!(
        "{}: bundle, CT, PET, SUV factors, centre, tensors, scores and risk groups are the same",
        a.result.display()
    );
    if !compares_roi {
        say!(
            "not compared: how the tumour was given, of which its centre alone was taken from the result"
        );
    }
    if kept["lesions"].is_array() {
        say!("not compared: the lesions behind the first");
    }
    say!("not compared: measures of the lesion, findings, explanation");
    Ok(())
}

fn read(path: &Path) -> Result<Value, Failure> {
    let refuse = |why: String| Error::invalid("RESULT.json", format!("{}: {why}", path.display()));
    let text = whole_file::read(path, MAX_RESULT_BYTES).map_err(|e| refuse(e.to_string()))?;
    let kept: Value = serde_json::from_slice(&text).map_err(|e| refuse(e.to_string()))?;
    if kept["schema_version"] != report::SCHEMA_VERSION || !kept["scores"].is_object() {
        return Err(refuse("is not a result of this version of the JSON".into()).into());
    }
    if !kept["input"].is_object() {
        return Err(refuse("holds no digests of what was scored".into()).into());
    }
    Ok(kept)
}

fn center(kept: &Value) -> Result<[f64; 3], Failure> {
    let center = serde_json::from_value(kept["center_lps_mm"].clone());
    center.map_err(|e| Error::invalid("center_lps_mm", e.to_string()).into())
}

/// Scores a case, and returns the result as it would be read again.
fn score(scorer: &dlnms::scorer::Scorer, case: &Case<'_>) -> Result<Value, Failure> {
    let scores = scorer.score(case, &CancelToken::default())?;
    let text = report::report(&scores, &[]).to_string();
    serde_json::from_str(&text).map_err(|e| Error::Internal(e.to_string()).into())
}

/// Refuses values that differ.
fn require(kept: &Value, again: &Value, (place, name): (&str, &str)) -> Result<(), Failure> {
    let [then, now] = [kept, again].map(|v| v.pointer(place).unwrap_or(&Value::Null));
    if then == now {
        return Ok(());
    }
    Err(Failure::Different(format!(
        "{name} is not what was scored: {place} is {then} in the result, {now} now"
    )))
}

/// Compares every head: to the last digit where the engine is the same, else within what the bundle allows both engines.
fn compare_scores(kept: &Value, again: &Value, manifest: &Manifest) -> Result<(), Failure> {
    let other = ENGINE
        .into_iter()
        .find(|e| kept.pointer(e) != again.pointer(e));
    let tolerance = |v: &Value| {
        let name = v.pointer("/runtime/precision").and_then(Value::as_str);
        let precision = Precision::ALL.into_iter().find(|p| Some(p.name()) == name);
        precision
            .and_then(|p| manifest.model(p))
            .map_or(0.0, |m| m.tolerance)
    };
    let allowed = other.map_or(0.0, |_| tolerance(kept) + tolerance(again));
    if let Some(place) = other {
        terminal::warning(&format!(
            "another engine: {place} was {}, is {}; scores may differ by {allowed:.1e}",
            kept.pointer(place).unwrap_or(&Value::Null),
            again.pointer(place).unwrap_or(&Value::Null)
        ));
    }
    let heads = manifest.heads.iter().map(|head| ("heads", head.as_str()));
    for (group, name) in heads.chain(SCORES.map(|score| ("scores", score))) {
        let [then, now] = [kept, again].map(|v| v[group][name].as_f64().unwrap_or(f64::NAN));
        let difference = (then - now).abs();
        // A number that is missing differs, too.
        if difference.is_nan() || difference > allowed {
            return Err(Failure::Different(format!(
                "the score {name} is {then} in the result, {now} now"
            )));
        }
    }
    Ok(())
}

/// Compares the risk groups and cut-offs of the result with those that follow from its scores.
fn compare_risk(kept: &Value, manifest: &Manifest) -> Result<(), Failure> {
    let [n1, n2] = SCORES.map(|score| kept["scores"][score].as_f64().unwrap_or(f64::NAN) as f32);
    let groups = manifest.cutoffs.map(|c| RiskGroups::new(n1, n2, &c));
    let expected = json!({ "risk": groups, "cutoffs": manifest.cutoffs });
    for (place, name) in [("/cutoffs", "a cut-off"), ("/risk", "a risk group")] {
        require(kept, &expected, (place, name))?;
    }
    Ok(())
}
