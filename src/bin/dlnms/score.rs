//! `dlnms score`.

use crate::input::{StudyArguments, Tumour, parse_center, policy};
use crate::{Failure, picture, terminal};
use dlnms::decision::{RESEARCH_USE_ONLY, Risk};
use dlnms::report;
use dlnms::scorer::{CancelToken, Phase, Scorer, Scores};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    study: StudyArguments,
    /// Centre of the tumour, LPS millimetres; write --center=-42.3,-14.6,-122.1
    #[arg(long, value_name = "X,Y,Z", value_parser = parse_center, required_unless_present = "mask", conflicts_with = "mask", allow_hyphen_values = true)]
    center: Option<[f64; 3]>,
    /// Mask of the tumour on any grid; its centroid is the centre
    #[arg(long, value_name = "FILE.nii.gz")]
    mask: Option<PathBuf>,
    /// Execution provider: auto, cpu, cuda, tensorrt, tensorrt-rtx; repeat for an order; one alone is strict
    #[arg(long, value_name = "NAME")]
    provider: Vec<String>,
    /// Threads of the network [default: min(4, cores)]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// Write the result with its provenance; - is standard output, without the table
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a picture of the six planes the network saw
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
}

pub fn run(a: &Arguments, runtime: Option<&Path>) -> Result<(), Failure> {
    let scorer = a.study.scorer(runtime, policy(&a.provider)?, a.threads)?;
    let tumour = Tumour::read(a.center, a.mask.as_deref())?;
    let study = a.study.open()?;
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
    let report = report::report(&scorer, &scores, &study.warnings);
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
        Some(path) if path == Path::new("-") => print!("{text}"),
        json => {
            if let Some(path) = json {
                std::fs::write(path, text).map_err(Failure::output(path))?;
            }
            print_table(&scorer, &scores);
        }
    }
    Ok(())
}

fn print_table(scorer: &Scorer, scores: &Scores) {
    let manifest = &scorer.bundle().manifest;
    let risk = |r: Risk| if r == Risk::High { "high" } else { "low" };
    let ms = |d: std::time::Duration| d.as_secs_f64() * 1e3;
    println!("{RESEARCH_USE_ONLY}");
    println!(
        "model     {} {} ({} weights)",
        manifest.id,
        manifest.version,
        manifest.weights.name()
    );
    println!(
        "N1        {:.4}  {:4}  (cut-off {})",
        scores.n1,
        risk(scores.decision.n1),
        manifest.cutoffs.n1
    );
    println!(
        "N2        {:.4}  {:4}  (cut-off {})",
        scores.n2,
        risk(scores.decision.n2),
        manifest.cutoffs.n2
    );
    println!("combined          {}", risk(scores.decision.combined));
    for (head, value) in manifest
        .heads
        .iter()
        .zip(&scores.heads)
        .filter(|(h, _)| h.contains('_'))
    {
        println!("  {head:7} {value:.4}");
    }
    println!(
        "centre    {:.2}, {:.2}, {:.2} mm LPS ({})",
        scores.center[0], scores.center[1], scores.center[2], scores.roi_kind
    );
    if let Some(suv) = &scores.suv {
        println!(
            "SUVbw     factor {:.9} ({}, {:.0} s)",
            suv.factors.first().copied().unwrap_or(f64::NAN),
            suv.rule,
            suv.dt_s
        );
    }
    let t = &scores.timings;
    println!(
        "provider  {}",
        scorer.engine().map_or("?", |e| e.provider.name())
    );
    println!(
        "ms        preprocess {:.2}, infer {:.2}, total {:.2}",
        ms(t.preprocess),
        ms(t.infer),
        ms(t.total())
    );
}
