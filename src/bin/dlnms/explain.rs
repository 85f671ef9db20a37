//! `dlnms explain`.

use crate::case::CaseArguments;
use crate::page::PageArguments;
use crate::terminal::say;
use crate::{Failure, atomic_file, nrrd, page, score, terminal};
use dlnms::Error;
use dlnms::explanation::{
    Baseline, Contributions, ExplainOptions, Explanation, MapValues, Occlusion, OcclusionOptions,
    Population, Stability,
};
use dlnms::report;
use dlnms::report::page::Page;
use dlnms::runtime::RuntimeOptions;
use dlnms::scorer::{CancelToken, Phase};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    case: CaseArguments,
    /// What stands in the place of a plane that is taken away; the other is computed too
    #[arg(long, value_name = "NAME", value_parser = ["outside", "blur"], default_value = "outside")]
    baseline: String,
    /// Hide squares of the planes around the lesion, 28 pixels wide: where hiding changes the scores
    #[arg(long)]
    occlusion: bool,
    /// As --occlusion, with squares of 16 pixels; takes three times as long
    #[arg(long, conflicts_with = "occlusion")]
    fine: bool,
    /// Hide the squares of the whole planes
    #[arg(long)]
    whole_planes: bool,
    /// Write each map as PREFIX_MODALITY_PLANE_SCORE.nrrd, one slice in its place in the patient
    #[arg(long, value_name = "PREFIX")]
    nrrd: Option<PathBuf>,
    /// Contributions to every head of the bundle too
    #[arg(long)]
    all_heads: bool,
    /// Run the network once for each combination of planes, as a cross-check
    #[arg(long)]
    full_runs: bool,
    /// Write the result with its provenance and its explanation; - is standard output, without the table
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    page: PageArguments,
}

pub fn run(a: &Arguments, runtime: &RuntimeOptions) -> Result<(), Failure> {
    a.page.facts.require_shown(true, a.page.wanted())?;
    let scorer = a.case.scorer(runtime)?;
    let input = a.case.study.open(a.case.engine.threads())?;
    let facts = a.page.facts.clinical(&input.study)?;
    let lesions = a.case.tumour.read_alone(&input)?;
    let [lesion] = lesions.as_slice() else {
        let why = "an explanation is of one lesion";
        return Err(Error::invalid("--lesions", why).into());
    };
    score::prepare(&scorer)?;
    let mut case = a.case.case(lesion, &input.study)?;
    case.pictures = a.page.wanted();
    let bar = terminal::bar("explaining the scores");
    let mut tell = |_: Phase, fraction: f32| {
        terminal::advance(&bar, f64::from(fraction));
        true
    };
    let cancel = CancelToken::default();
    let explained = Explanation::new(&scorer, &case, &a.options(), Some(&mut tell), &cancel);
    bar.finish_and_clear();
    let explained = explained?;
    if a.page.wanted() {
        let options = page::options(lesion.name.clone(), &input, facts);
        a.page.write(&Page::explained(
            &explained,
            &input.study.warnings,
            &options,
        )?)?;
    }

    if let (Some(prefix), Some(occlusion)) = (&a.nrrd, &explained.occlusion) {
        nrrd::write_maps(prefix, occlusion)?;
    }
    let report = report::explanation(&explained, &input.study.warnings);
    for warning in report["warnings"].as_array().into_iter().flatten() {
        terminal::warning(warning.as_str().unwrap_or_default());
    }
    terminal::findings("", &explained.scores.quality);
    let text = format!("{report:#}\n");
    match a.json.as_deref() {
        Some(path) if path == Path::new("-") => say!("{}", text.trim_end()),
        json => {
            if let Some(path) = json {
                atomic_file::write(path, text.as_bytes())?;
            }
            score::print_table(&explained.scores);
            if let Some(contributions) = &explained.contributions {
                print_contributions(contributions);
            }
            if let Some(stability) = &explained.stability {
                print_stability(stability);
            }
            if let Some(occlusion) = &explained.occlusion {
                print_occlusion(occlusion);
            }
            print_population(&explained.population);
        }
    }
    Ok(())
}

impl Arguments {
    fn options(&self) -> ExplainOptions {
        let occlusion = if self.fine {
            Some(OcclusionOptions::FINE)
        } else {
            (self.occlusion || self.nrrd.is_some()).then_some(OcclusionOptions::FAST)
        };
        ExplainOptions {
            occlusion: occlusion.map(|o| OcclusionOptions {
                whole_planes: self.whole_planes,
                ..o
            }),
            baseline: match self.baseline.as_str() {
                "blur" => Baseline::Blur,
                _ => Baseline::Outside,
            },
            all_heads: self.all_heads,
            full_runs: self.full_runs,
            facts: self.page.facts.patient(),
            ..ExplainOptions::default()
        }
    }
}

/// Shares of the two scores, sorted by the larger of both.
fn print_contributions(contributions: &Contributions) {
    let shares = &contributions.first.probability;
    let base = &shares.base;
    let name = match contributions.first.baseline {
        Baseline::Outside => "outside",
        Baseline::Blur => "blur",
    };
    say!("contributions, against the baseline \"{name}\"");
    say!("  {:14} N1 {:+.3}  N2 {:+.3}", "base", base.n1, base.n2);
    let mut planes: Vec<_> = shares.planes.iter().collect();
    let size = |n1: f64, n2: f64| n1.abs().max(n2.abs());
    planes.sort_by(|(_, a), (_, b)| size(b.n1, b.n2).total_cmp(&size(a.n1, a.n2)));
    let agree = &contributions.agree;
    let planes = planes
        .into_iter()
        .map(|(name, share)| (name, share, agree.planes.get(name)));
    let modalities = shares.modalities.iter();
    let modalities = modalities.map(|(name, share)| (name, share, agree.modalities.get(name)));
    for (name, share, agree) in planes.chain(modalities) {
        let agree = agree.is_none_or(|a| a.n1 && a.n2);
        let note = if agree {
            ""
        } else {
            "  depends on what replaces it"
        };
        say!("  {name:14} N1 {:+.3}  N2 {:+.3}{note}", share.n1, share.n2);
    }
}

/// How steady the scores and the groups are; never a probability.
fn print_stability(stability: &Stability) {
    let n = stability.changes;
    say!("stability, under {n} small changes of the case");
    let scores = &stability.scores;
    for (name, spread) in [("N1", &scores.n1), ("N2", &scores.n2)] {
        say!(
            "  {name} {:.3} to {:.3} (5 % {:.3}, 95 % {:.3}), SD {:.3}",
            spread.min,
            spread.max,
            spread.p5,
            spread.p95,
            spread.sd
        );
    }
    if let Some(changed) = &stability.group_changed {
        let of = changed.of;
        say!(
            "  group changed: N1 in {} of {of}, N2 in {} of {of}, combined in {} of {of}",
            changed.n1,
            changed.n2,
            changed.combined
        );
    }
    for (name, kind) in stability.kinds.iter() {
        let (min, max) = (&kind.min, &kind.max);
        say!(
            "  {name:15} N1 {:.3} to {:.3}, N2 {:.3} to {:.3}",
            min.n1,
            max.n1,
            min.n2,
            max.n2
        );
    }
    for omitted in &stability.omitted {
        say!("  not made: {}: {}", omitted.change, omitted.reason);
    }
}

/// How much the scores fall at most when a square is hidden.
fn print_occlusion(occlusion: &Occlusion) {
    let (runs, mm) = (occlusion.runs, occlusion.patch_mm);
    say!("occlusion, squares of {mm:.0} mm, {runs} runs: largest loss of a score where hidden");
    for map in &occlusion.maps {
        let most = |values: &MapValues| {
            let known = values.0.iter().copied().filter(|v| v.is_finite());
            known.reduce(f32::max).unwrap_or(f32::NAN)
        };
        let (n1, n2) = (most(&map.values.n1), most(&map.values.n2));
        say!(
            "  {:3} {:9} N1 {n1:+.3}  N2 {n2:+.3}",
            map.modality,
            map.plane
        );
    }
}

/// What sets the case apart from the study's patients, and what nobody knows.
fn print_population(population: &Population) {
    say!("compared with {}", population.source);
    for finding in &population.findings {
        say!("  {}", finding.message);
    }
    for unknown in &population.unknown {
        say!("  not known: {unknown}");
    }
}
