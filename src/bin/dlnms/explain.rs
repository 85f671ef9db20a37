//! `dlnms explain`.

use crate::input::{EngineArguments, QualityArguments, StudyArguments};
use crate::page::PageArguments;
use crate::terminal::say;
use crate::tumour::{TumourArguments, parse_point};
use crate::{Failure, page, score, terminal};
use dlnms::Error;
use dlnms::case::ReferenceRequest;
use dlnms::explanation::{Baseline, Contributions, ExplainOptions, Explanation};
use dlnms::report;
use dlnms::report::page::Page;
use dlnms::scorer::{CancelToken, LesionRequest, Phase};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    study: StudyArguments,
    /// Model bundle
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    #[command(flatten)]
    tumour: TumourArguments,
    #[command(flatten)]
    quality: QualityArguments,
    #[command(flatten)]
    engine: EngineArguments,
    /// A point in the right lobe of the liver, LPS millimetres; looked for on CT if not said
    #[arg(long, value_name = "X,Y,Z", value_parser = parse_point, allow_hyphen_values = true)]
    liver: Option<[f64; 3]>,
    /// A point in the descending aorta, likewise
    #[arg(long, value_name = "X,Y,Z", value_parser = parse_point, allow_hyphen_values = true)]
    blood_pool: Option<[f64; 3]>,
    /// What stands in the place of a plane that is taken away; the other is computed too
    #[arg(long, value_name = "NAME", value_parser = ["outside", "blur"], default_value = "outside")]
    baseline: String,
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

pub fn run(a: &Arguments, runtime: Option<&Path>) -> Result<(), Failure> {
    let scorer = a
        .engine
        .scorer_with(&a.bundle, runtime, a.quality.policy())?;
    let input = a.study.open(a.engine.threads())?;
    let lesions = a.tumour.read(&input)?;
    let [lesion] = lesions.as_slice() else {
        let why = "an explanation is of one lesion";
        return Err(Error::invalid("--lesions", why).into());
    };
    score::prepare(&scorer)?;
    let mut case = lesion.case(&input.study)?;
    case.lesion = Some(LesionRequest {
        delineation: a.tumour.threshold,
        radius_mm: a.tumour.radius,
    });
    case.references = Some(ReferenceRequest {
        liver: a.liver,
        blood_pool: a.blood_pool,
    });
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
        let options = page::options(lesion.name.clone(), &input);
        a.page.write(&Page::explained(
            &explained,
            &input.study.warnings,
            &options,
        )?)?;
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
                std::fs::write(path, text).map_err(Failure::output(path))?;
            }
            score::print_table(&explained.scores);
            if let Some(contributions) = &explained.contributions {
                print_contributions(contributions);
            }
        }
    }
    Ok(())
}

impl Arguments {
    fn options(&self) -> ExplainOptions {
        ExplainOptions {
            baseline: match self.baseline.as_str() {
                "blur" => Baseline::Blur,
                _ => Baseline::Outside,
            },
            all_heads: self.all_heads,
            full_runs: self.full_runs,
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
