//! `dlnms bench`.

mod against;
mod compare;
mod machine;
mod measure;
mod plot;

use crate::input::EngineArguments;
use crate::terminal::say;
use crate::{Failure, terminal};
use dlnms::Error;
use dlnms::cancel::CancelToken;
use dlnms::report;
use dlnms::runtime::RuntimeOptions;
use measure::{Synthetic, summary};
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Arguments {
    /// Model bundle
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    #[command(flatten)]
    engine: EngineArguments,
    /// Calls of each measurement; more make the far percentiles mean something
    #[arg(long, value_name = "N", default_value_t = 100)]
    cases: usize,
    /// Threads that share one scorer, one measurement each
    #[arg(long, value_name = "N,N,...", value_delimiter = ',', default_values_t = [1, 2, 4])]
    concurrency: Vec<usize>,
    /// Cases of a batch, one measurement each
    #[arg(long, value_name = "N,N,...", value_delimiter = ',', default_values_t = [1, 4, 8, 16])]
    batch: Vec<usize>,
    /// Measure another provider or precision in turns with this one, and how far their scores lie apart; may be repeated
    #[arg(long, value_name = "NAME[:PRECISION[:KERNELS]]")]
    against: Vec<String>,
    /// Fresh processes for the cold start, with and without a cache; 0 leaves it out
    #[arg(long, value_name = "N", default_value_t = 3)]
    cold: usize,
    /// Write all numbers
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw the latencies
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Compare with the numbers of an earlier run, relative to bare ONNX Runtime in each
    #[arg(long, value_name = "OLD.json")]
    compare: Option<PathBuf>,
    /// One call in this process, and nothing else: what the cold start times
    #[arg(long, hide = true)]
    once: bool,
}

pub fn run(a: &Arguments, library: &RuntimeOptions) -> Result<(), Failure> {
    if a.cases == 0 || a.batch.contains(&0) || a.concurrency.contains(&0) {
        return Err(Error::invalid("--cases, --batch, --concurrency", "0 measures nothing").into());
    }
    let old = match &a.compare {
        None => None,
        Some(path) => Some(compare::read(path)?),
    };
    if a.once {
        let scorer = a.engine.scorer(&a.bundle, library)?;
        let volumes = Synthetic::small();
        scorer.score(&volumes.case(0), &CancelToken::default())?;
        return Ok(());
    }
    let bar = terminal::bar("measuring");
    let outcome = measure(a, library, &bar);
    bar.finish_and_clear();
    let document = outcome?;
    print(&document);
    if let Some(path) = &a.json {
        std::fs::write(path, format!("{document:#}\n")).map_err(Failure::output(path))?;
    }
    if let Some(path) = &a.svg {
        std::fs::write(path, plot::svg(&document)).map_err(Failure::output(path))?;
    }
    if let Some(old) = old {
        compare::print(&old, &document);
    }
    Ok(())
}

fn measure(
    a: &Arguments,
    library: &RuntimeOptions,
    bar: &indicatif::ProgressBar,
) -> Result<Value, Failure> {
    let steps = 4.0;
    // What cannot run here should say so by itself, not through a process of ours.
    let scorer = a.engine.scorer(&a.bundle, library)?;
    scorer.prepare(None, &CancelToken::default())?;
    let cold = match a.cold {
        0 => Value::Null,
        n => measure::cold(&a.bundle, &a.engine, library, n)?,
    };
    terminal::advance(bar, 1.0 / steps);
    let volumes = Synthetic::whole_body();
    let calls = measure::calls(&scorer, &volumes, a.cases)?;
    terminal::advance(bar, 2.0 / steps);
    let mut concurrency = Vec::new();
    for &threads in &a.concurrency {
        concurrency.push(measure::concurrency(&scorer, &volumes, a.cases, threads)?);
    }
    terminal::advance(bar, 3.0 / steps);
    let mut batches = Vec::new();
    for &size in &a.batch {
        batches.push(measure::batch(&scorer, &volumes, a.cases, size)?);
    }
    let mut against = Vec::new();
    for name in &a.against {
        let place = (a.bundle.as_path(), library);
        against.push(against::measure(
            &scorer, &a.engine, place, &volumes, a.cases, name,
        )?);
    }
    terminal::advance(bar, 1.0);
    Ok(json!({
        "schema_version": 1,
        "research_use_only": true,
        "library": report::library(),
        "model": report::model(&scorer),
        "runtime": report::runtime(&scorer),
        "machine": machine::describe(),
        "cases": a.cases,
        "volumes": "CT 512 x 512 x 300 i16, PET 200 x 200 x 300 f32",
        "cold_start": cold,
        "call_ms": calls,
        "concurrency": concurrency,
        "batch": batches,
        "against": against,
        "peak_memory_mib": machine::peak_memory_mib(),
    }))
}

fn print(document: &Value) {
    say!(
        "{}, {} cores, {} in {} with {} threads",
        document["machine"]["cpu"].as_str().unwrap_or("?"),
        document["machine"]["cores"],
        document["runtime"]["provider"].as_str().unwrap_or("?"),
        document["runtime"]["precision"].as_str().unwrap_or("?"),
        document["runtime"]["threads"]
    );
    if let Some(cold) = document["cold_start"].as_object() {
        for (name, s) in cold {
            say!(
                "cold start {name:15} best {:.0} ms",
                s["best_ms"].as_f64().unwrap_or(0.0)
            );
        }
    }
    say!("ms                p50      p90      p99    p99.9      max");
    for (name, values) in document["call_ms"].as_object().into_iter().flatten() {
        if values.is_object() {
            say!("{name:14}{}", summary::row(values));
        }
    }
    say!(
        "call / bare ONNX Runtime, pairs side by side: median {:.3}",
        document["call_ms"]["ratio_to_bare"]
            .as_f64()
            .unwrap_or(f64::NAN)
    );
    for (what, unit) in [("concurrency", "threads"), ("batch", "cases")] {
        for row in document[what].as_array().into_iter().flatten() {
            say!(
                "{what:12} {:3} {unit:8} {:8.1} cases/s",
                row["n"],
                row["cases_per_s"].as_f64().unwrap_or(f64::NAN)
            );
        }
    }
    for other in document["against"].as_array().into_iter().flatten() {
        let name = other["name"].as_str().unwrap_or("?");
        match other["reason"].as_str() {
            Some(why) => say!("{name:14} {why}"),
            None => say!(
                "{name:14}{}   {:.3} of the call, scores within {:.1e}",
                summary::row(&other["call"]),
                other["ratio_to_measured"].as_f64().unwrap_or(f64::NAN),
                other["largest_score_difference"]
                    .as_f64()
                    .unwrap_or(f64::NAN)
            ),
        }
    }
    say!("peak memory {} MiB", document["peak_memory_mib"]);
}
