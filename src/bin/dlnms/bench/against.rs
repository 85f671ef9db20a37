//! Another provider or precision on the same cases, in turns with the one that is measured.

use super::measure::{Synthetic, in_turns, summary};
use crate::Failure;
use crate::input::EngineArguments;
use dlnms::runtime::RuntimeOptions;
use dlnms::scorer::{CancelToken, Scorer};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;

/// Measure `name`, which is `PROVIDER[:PRECISION[:KERNELS]]`. One that cannot run is an entry with its reason.
pub fn measure(
    measured: &Scorer,
    engine: &EngineArguments,
    (bundle, library): (&Path, &RuntimeOptions),
    volumes: &Synthetic,
    n: usize,
    name: &str,
) -> Result<Value, Failure> {
    let cancel = CancelToken::default();
    let other = engine.instead(name)?.scorer(bundle, library)?;
    if let Err(why) = other.prepare(None, &cancel) {
        return Ok(json!({ "name": name, "reason": why.to_string() }));
    }
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    let timed = |scorer: &Scorer, heads: &mut Vec<f32>, i| {
        let case = volumes.case(i);
        let start = Instant::now();
        let scores = scorer.score(&case, &cancel)?;
        let took = start.elapsed();
        heads.extend(scores.heads);
        Ok(took)
    };
    let pairs = in_turns(
        n,
        |i| timed(&other, &mut theirs, i),
        |i| timed(measured, &mut ours, i),
    )?;
    let apart = theirs.iter().zip(&ours).map(|(a, b)| (a - b).abs());
    let apart = apart.fold(0f32, f32::max);
    let engine = other.engine();
    Ok(json!({
        "name": name,
        "provider": engine.as_ref().map(|e| e.provider.name()),
        "precision": engine.as_ref().map(|e| e.precision),
        "kernels": engine.as_ref().map(|e| e.kernels),
        "instruction_set": engine.as_ref().and_then(|e| e.instruction_set),
        "call": summary::from_histogram(&pairs.first),
        "measured_call": summary::from_histogram(&pairs.second),
        "ratio_to_measured": pairs.ratio,
        "largest_score_difference": apart,
    }))
}
