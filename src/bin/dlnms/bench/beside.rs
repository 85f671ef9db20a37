//! Another provider or precision on the same cases, in turns with the one that is measured.

use super::measure::{Synthetic, histogram, record, summary};
use crate::Failure;
use crate::input::EngineArguments;
use dlnms::scorer::{CancelToken, Scorer};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;

/// Measure `name`, which is `PROVIDER` or `PROVIDER:PRECISION`. One that cannot run is an entry with its reason.
pub fn measure(
    measured: &Scorer,
    engine: &EngineArguments,
    (bundle, library): (&Path, Option<&Path>),
    volumes: &Synthetic,
    n: usize,
    name: &str,
) -> Result<Value, Failure> {
    let cancel = CancelToken::default();
    let other = engine.instead(name)?.scorer(bundle, library)?;
    if let Err(why) = other.prepare(None, &cancel) {
        return Ok(json!({ "name": name, "reason": why.to_string() }));
    }
    let (mut ours, mut theirs) = (histogram(), histogram());
    let mut ratios = Vec::with_capacity(n);
    let mut apart = 0f32;
    for i in 0..n + 3 {
        let case = volumes.case(i);
        let timed = |scorer: &Scorer| {
            let start = Instant::now();
            scorer.score(&case, &cancel).map(|s| (start.elapsed(), s))
        };
        let (a, b) = match i % 2 {
            0 => (timed(measured)?, timed(&other)?),
            _ => {
                let b = timed(&other)?;
                (timed(measured)?, b)
            }
        };
        for (x, y) in a.1.heads.iter().zip(&b.1.heads) {
            apart = apart.max((x - y).abs());
        }
        if i >= 3 {
            record(&mut ours, a.0);
            record(&mut theirs, b.0);
            ratios.push(b.0.as_secs_f64() / a.0.as_secs_f64());
        }
    }
    ratios.sort_by(f64::total_cmp);
    let engine = other.engine();
    Ok(json!({
        "name": name,
        "provider": engine.as_ref().map(|e| e.provider.name()),
        "precision": engine.as_ref().map(|e| e.precision),
        "call": summary::of(&theirs),
        "measured_call": summary::of(&ours),
        "ratio_to_measured": ratios[ratios.len() / 2],
        "largest_score_difference": apart,
    }))
}
