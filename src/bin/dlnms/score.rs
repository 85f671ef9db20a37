//! `dlnms score`.

use crate::case::CaseArguments;
use crate::input::Input;
use crate::objects::ObjectArguments;
use crate::page::PageArguments;
use crate::terminal::say;
use crate::{Failure, atomic_file, page, terminal};
use dlnms::report;
use dlnms::report::page::Page;
use dlnms::report::published::ClinicalFacts;
use dlnms::risk::{RESEARCH_USE_ONLY, Risk};
use dlnms::runtime::RuntimeOptions;
use dlnms::scorer::{CancelToken, Phase, Scorer, Scores};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    case: CaseArguments,
    /// Write the result with its provenance; - is standard output, without the table
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    page: PageArguments,
    #[command(flatten)]
    objects: ObjectArguments,
}

/// One lesion, scored.
struct Scored {
    name: String,
    scores: Scores,
}

pub fn run(a: &Arguments, runtime: &RuntimeOptions) -> Result<(), Failure> {
    let segmentation = a.case.tumour.wants_segmentation();
    let pictures = a.page.wanted() || a.objects.wants_page(segmentation);
    a.page.facts.require_shown(false, pictures)?;
    let scorer = a.case.scorer(runtime)?;
    let input = a.case.study.open(a.case.engine.threads())?;
    let facts = a.page.facts.clinical(&input.study)?;
    let lesions = a.case.tumour.read(&input)?;
    prepare(&scorer)?;

    let mut scored = Vec::with_capacity(lesions.len());
    for lesion in &lesions {
        let mut case = a.case.case(lesion, &input.study)?;
        case.pictures = pictures;
        let scores = scorer.score(&case, &CancelToken::default())?;
        scored.push(Scored {
            name: lesion.name.clone(),
            scores,
        });
        // The lesion most at risk first: by the higher of its two scores. The page shows it alone.
        let risk = |s: &Scored| s.scores.n1.max(s.scores.n2);
        scored.sort_by(|x, y| risk(y).total_cmp(&risk(x)));
        scored
            .iter_mut()
            .skip(1)
            .for_each(|s| s.scores.pictures = None);
    }
    let first = &scored[0];
    let page = if pictures {
        Some(page_of_first(&scored, &input, facts)?)
    } else {
        None
    };
    let mut objects = a.objects.begin(&input.study, segmentation)?;
    for (n, s) in scored.iter().enumerate() {
        let page = page.as_ref().filter(|_| n == 0);
        if let Some(objects) = &mut objects {
            objects.add(n as u32 + 1, &s.scores, page)?;
        }
    }
    if let Some(page) = page.filter(|_| a.page.wanted()) {
        a.page.write(&page)?;
    }
    let mut report = report::report(&first.scores, &input.study.warnings);
    if scored.len() > 1 {
        let lesions = scored.iter().enumerate();
        report["lesions"] = lesions.map(|(n, s)| entry(n + 1, s)).collect();
    }
    for warning in report["warnings"].as_array().into_iter().flatten() {
        terminal::warning(warning.as_str().unwrap_or_default());
    }
    for s in &scored {
        let lesion = if scored.len() > 1 {
            s.name.as_str()
        } else {
            ""
        };
        terminal::findings(lesion, &s.scores.quality);
    }
    let text = format!("{report:#}\n");
    if let Some(objects) = objects {
        objects.store()?;
    }
    match a.json.as_deref() {
        Some(path) if path == Path::new("-") => say!("{}", text.trim_end()),
        json => {
            if let Some(path) = json {
                atomic_file::write(path, text.as_bytes())?;
            }
            print_table(&first.scores);
            print_ranking(&scored);
        }
    }
    Ok(())
}

pub fn prepare(scorer: &Scorer) -> Result<(), Failure> {
    let bar = terminal::bar("preparing the network");
    let mut tell = |phase: Phase, fraction: f32| {
        bar.set_message(match phase {
            Phase::Load => "reading the network",
            Phase::Build => "building the network",
            Phase::WarmUp => "warming up",
            Phase::SelfTest => "self-test",
            Phase::Ready | Phase::Explain => "ready",
        });
        terminal::advance(&bar, f64::from(fraction));
        true
    };
    let prepared = scorer.prepare(Some(&mut tell), &CancelToken::default());
    bar.finish_and_clear();
    Ok(prepared?)
}

/// The page of the first lesion.
fn page_of_first(scored: &[Scored], input: &Input, facts: ClinicalFacts) -> Result<Page, Failure> {
    let (first, n) = (&scored[0], scored.len());
    let lesion = if n > 1 {
        format!("{} (the first of {n} by score)", first.name)
    } else {
        first.name.clone()
    };
    let options = page::options(lesion, input, facts);
    Ok(Page::new(&first.scores, &input.study.warnings, &options)?)
}

/// One of several lesions in the JSON.
fn entry(rank: usize, scored: &Scored) -> Value {
    let s = &scored.scores;
    let lesion = s.lesion.as_ref().and_then(|l| l.as_ref().ok());
    json!({
        "rank": rank,
        "name": scored.name,
        "scores": { "n1": s.n1, "n2": s.n2 },
        "risk": s.decision,
        "center_lps_mm": s.center,
        "pet_metrics": lesion.map(|l| &l.pet),
        "ct_diameters": lesion.and_then(|l| l.ct.as_ref()),
        "qc": s.quality,
    })
}

fn print_ranking(scored: &[Scored]) {
    if scored.len() > 1 {
        say!("rank  N1      N2      centre, mm LPS           lesion");
    }
    for (n, s) in scored.iter().enumerate().filter(|_| scored.len() > 1) {
        let [x, y, z] = s.scores.center;
        let center = format!("{x:.1}, {y:.1}, {z:.1}");
        say!(
            "{:4}  {:.4}  {:.4}  {center:23}  {}",
            n + 1,
            s.scores.n1,
            s.scores.n2,
            s.name
        );
    }
}

pub fn print_table(scores: &Scores) {
    let manifest = &scores.engine.manifest;
    let risk = |r: Risk| if r == Risk::High { "high" } else { "low" };
    let groups = scores.decision.zip(manifest.cutoffs);
    let ms = |d: std::time::Duration| d.as_secs_f64() * 1e3;
    say!("{RESEARCH_USE_ONLY}");
    say!(
        "model     {} {} ({} weights)",
        manifest.id,
        manifest.version,
        manifest.weights.name()
    );
    match groups {
        Some((groups, cutoffs)) => {
            for (name, score, group, cutoff) in [
                ("N1", scores.n1, groups.n1, cutoffs.n1),
                ("N2", scores.n2, groups.n2, cutoffs.n2),
            ] {
                say!(
                    "{name}        {score:.4}  {:4}  (cut-off {cutoff})",
                    risk(group)
                );
            }
            say!("combined          {}", risk(groups.combined));
        }
        None => {
            say!("N1        {:.4}", scores.n1);
            say!("N2        {:.4}", scores.n2);
            say!("no risk groups: the bundle has no cut-offs");
        }
    }
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
    if let Some(Ok(lesion)) = &scores.lesion {
        let m = &lesion.pet;
        say!(
            "PET       SUVmax {:.2}, SUVmean {:.2}, SUVpeak {:.2}, MTV {:.2} ml, TLG {:.1} ({})",
            m.suv_max,
            m.suv_mean,
            m.suv_peak,
            m.mtv_ml,
            m.tlg,
            m.method
        );
        if let Some(d) = &lesion.ct {
            say!(
                "CT        {:.1} x {:.1} mm in slice {} (outlined by the {})",
                d.longest_mm,
                d.perpendicular_mm,
                d.slice,
                d.outlined_by
            );
        }
    }
    if let Some(references) = &scores.references {
        for (name, reference) in [
            ("liver", &references.liver),
            ("blood", &references.blood_pool),
        ] {
            match reference {
                Ok(r) => say!("{name:9} SUVmean {:.2}, SD {:.2}", r.suv_mean, r.suv_sd),
                Err(why) => say!("{name:9} {why}"),
            }
        }
    }
    let t = &scores.timings;
    let engine = &scores.engine;
    say!(
        "provider  {} in {}",
        engine.provider.name(),
        engine.precision.name()
    );
    say!(
        "ms        preprocess {:.2}, evidence {:.2}, infer {:.2}, total {:.2}",
        ms(t.preprocess),
        ms(t.evidence),
        ms(t.infer),
        ms(t.total())
    );
}
