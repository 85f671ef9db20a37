//! `dlnms score`.

use crate::input::{StudyArguments, TumourArguments, parse_delineation, policy};
use crate::terminal::say;
use crate::{Failure, picture, terminal};
use dlnms::decision::{RESEARCH_USE_ONLY, Risk};
use dlnms::petmetrics::{self, Delineation, PetMetrics, Region};
use dlnms::report;
use dlnms::scorer::{CancelToken, Case, Phase, Scorer, Scores};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    study: StudyArguments,
    #[command(flatten)]
    tumour: TumourArguments,
    /// Execution provider: auto, cpu, cuda, tensorrt, tensorrt-rtx; repeat for an order; one alone is strict
    #[arg(long, value_name = "NAME")]
    provider: Vec<String>,
    /// Threads of the network [default: min(4, cores)]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Cuts the lesion out of the PET for SUVmax, SUVpeak, MTV and TLG: 41% of SUVmax, or a fixed SUV
    #[arg(long, value_name = "41%|SUV", value_parser = parse_delineation, default_value = "41%")]
    threshold: Delineation,
    /// The lesion is looked for this far around the centre, mm
    #[arg(long, value_name = "MM", default_value_t = 40.0)]
    radius: f64,
    /// Write the result with its provenance; - is standard output, without the table
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a picture of the six planes the network saw
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
}

pub fn run(a: &Arguments, runtime: Option<&Path>) -> Result<(), Failure> {
    let scorer = a.study.scorer(runtime, policy(&a.provider)?, a.threads)?;
    let study = a.study.open()?;
    let tumour = a.tumour.read(&study)?;
    let case = study.case(tumour.roi()?)?;

    let bar = terminal::bar("preparing the network");
    let mut tell = |phase: Phase, fraction: f32| {
        bar.set_message(match phase {
            Phase::Load => "building the network",
            Phase::WarmUp => "warming up",
            Phase::SelfTest => "self-test",
            Phase::Ready => "ready",
        });
        terminal::advance(&bar, f64::from(fraction));
        true
    };
    let cancel = CancelToken::default();
    let prepared = scorer.prepare(Some(&mut tell), &cancel);
    bar.finish_and_clear();
    prepared?;
    let scores = scorer.score(&case, &cancel)?;

    if let Some(path) = &a.png {
        picture::write(
            path,
            &scorer.planes(&case)?,
            &scorer.bundle().manifest.preprocessing,
        )?;
    }
    let mut report = report::report(&scorer, &scores, &study.warnings);
    match lesion(a, &case, &scores) {
        Ok(metrics) => report["pet_metrics"] = serde_json::json!(metrics),
        Err(why) => terminal::warning(&format!("no PET metrics: {why}")),
    }
    for warning in report["warnings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|w| w.as_str())
    {
        terminal::warning(warning);
    }
    let text = format!("{report:#}\n");
    match a.json.as_deref() {
        Some(path) if path == Path::new("-") => say!("{}", text.trim_end()),
        json => {
            if let Some(path) = json {
                std::fs::write(path, text).map_err(Failure::output(path))?;
            }
            print_table(&scorer, &scores);
        }
    }
    Ok(())
}

/// SUV metrics around the centre that was scored.
fn lesion(a: &Arguments, case: &Case<'_>, scores: &Scores) -> dlnms::Result<PetMetrics> {
    let factors = scores.suv.as_ref().map_or(&[][..], |s| &s.factors);
    let region = Region::around(&case.pet, scores.center, a.radius)
        .ok_or_else(|| dlnms::Error::invalid("--radius", "the region is outside the PET"))?;
    petmetrics::measure(&case.pet, factors, region, a.threshold)
}

fn print_table(scorer: &Scorer, scores: &Scores) {
    let manifest = &scorer.bundle().manifest;
    let risk = |r: Risk| if r == Risk::High { "high" } else { "low" };
    let ms = |d: std::time::Duration| d.as_secs_f64() * 1e3;
    say!("{RESEARCH_USE_ONLY}");
    say!(
        "model     {} {} ({} weights)",
        manifest.id,
        manifest.version,
        manifest.weights.name()
    );
    say!(
        "N1        {:.4}  {:4}  (cut-off {})",
        scores.n1,
        risk(scores.decision.n1),
        manifest.cutoffs.n1
    );
    say!(
        "N2        {:.4}  {:4}  (cut-off {})",
        scores.n2,
        risk(scores.decision.n2),
        manifest.cutoffs.n2
    );
    say!("combined          {}", risk(scores.decision.combined));
    for (head, value) in manifest
        .heads
        .iter()
        .zip(&scores.heads)
        .filter(|(h, _)| h.contains('_'))
    {
        say!("  {head:7} {value:.4}");
    }
    say!(
        "centre    {:.2}, {:.2}, {:.2} mm LPS ({})",
        scores.center[0],
        scores.center[1],
        scores.center[2],
        scores.roi_kind
    );
    if let Some(suv) = &scores.suv {
        say!(
            "SUVbw     factor {:.9} ({}, {:.0} s)",
            suv.factors.first().copied().unwrap_or(f64::NAN),
            suv.rule,
            suv.dt_s
        );
    }
    let t = &scores.timings;
    say!(
        "provider  {}",
        scorer.engine().map_or("?", |e| e.provider.name())
    );
    say!(
        "ms        preprocess {:.2}, infer {:.2}, total {:.2}",
        ms(t.preprocess),
        ms(t.infer),
        ms(t.total())
    );
}
