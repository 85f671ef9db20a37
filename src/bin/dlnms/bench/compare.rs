//! A run against an earlier one. Machines are busy, so latencies are compared as multiples of the bare ONNX Runtime of
//! their own run, and a difference counts only beyond the spread of both.

use crate::Failure;
use crate::terminal::say;
use dlnms::Error;
use serde_json::Value;
use std::path::Path;

/// Changes below this are no change, however quiet the machine was.
const LEAST_CHANGE: f64 = 0.03;

pub fn read(path: &Path) -> Result<Value, Failure> {
    let refuse = |why: String| Failure::from(Error::invalid("--compare", why));
    let text = std::fs::read(path).map_err(|e| refuse(e.kind().to_string()))?;
    let old: Value = serde_json::from_slice(&text).map_err(|e| refuse(e.to_string()))?;
    match old["call_ms"]["bare_ort"]["p50"].as_f64() {
        Some(_) => Ok(old),
        None => Err(refuse("it is not the JSON of `dlnms bench`".into())),
    }
}

pub fn print(old: &Value, new: &Value) {
    if old["machine"]["cpu"] != new["machine"]["cpu"] {
        say!("another machine: {}", old["machine"]["cpu"]);
    }
    for what in ["call", "preprocess", "infer"] {
        let (before, after) = (Relative::from_run(old, what), Relative::from_run(new, what));
        say!(
            "{what:12} {:.3} -> {:.3} of bare ONNX Runtime: {}",
            before.median,
            after.median,
            verdict(&before, &after)
        );
    }
}

/// A latency as a multiple of the bare run's, and how uncertain it is.
struct Relative {
    median: f64,
    spread: f64,
}

impl Relative {
    fn from_run(run: &Value, what: &str) -> Self {
        let at = |name: &str, k: &str| run["call_ms"][name][k].as_f64().unwrap_or(f64::NAN);
        // Standard error of a median from the interquartile range.
        let error = |name: &str| {
            let n = at(name, "samples").max(1.0);
            (at(name, "p75") - at(name, "p25")) / at(name, "p50") / 1.349 * 1.2533 / n.sqrt()
        };
        Self {
            median: at(what, "p50") / at("bare_ort", "p50"),
            spread: error(what).hypot(error("bare_ort")),
        }
    }
}

fn verdict(before: &Relative, after: &Relative) -> String {
    let change = after.median / before.median - 1.0;
    let noise = (3.0 * before.spread.hypot(after.spread)).max(LEAST_CHANGE);
    let word = match change {
        c if c.is_nan() => "cannot be compared",
        c if c > noise => "slower",
        c if c < -noise => "faster",
        _ => "no change",
    };
    format!(
        "{word} ({:+.1} %, noise {:.1} %)",
        change * 100.0,
        noise * 100.0
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_counts_beyond_the_noise_of_both_runs() {
        let of = |median, spread| Relative { median, spread };
        for (before, after, word) in [
            (of(1.04, 0.001), of(1.05, 0.001), "no change"),
            (of(1.04, 0.001), of(1.20, 0.001), "slower"),
            (of(1.20, 0.001), of(1.04, 0.001), "faster"),
            (of(1.04, 0.050), of(1.20, 0.050), "no change"),
            (of(f64::NAN, 0.0), of(1.0, 0.0), "cannot be compared"),
        ] {
            let found = verdict(&before, &after);
            assert!(found.starts_with(word), "{found}");
        }
    }
}
