//! `dlnms batch`: many studies in one process, one line of JSON for each, restartable.

mod journal;
mod manifest;
mod progress;
mod row;
mod study;

use crate::input::{EngineArguments, QualityArguments, ReadArguments};
use crate::trust::AuditArguments;
use crate::tumour::parse_delineation;
use crate::{Failure, terminal};
use dlnms::Error;
use dlnms::bundle::Bundle;
use dlnms::imaging::roi::Delineation;
use dlnms::runtime::RuntimeOptions;
use dlnms::scorer::{CancelToken, Scorer};
use journal::{Journal, Settings};
use progress::Progress;
use row::Row;
use std::collections::{HashSet, VecDeque};
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use study::{Line, StudyScorer};

#[derive(clap::Args)]
pub struct Arguments {
    /// CSV with a row for each tumour: columns study and tumour, and if wanted patient, ct_series, pet_series
    #[arg(value_name = "MANIFEST", required_unless_present = "worker")]
    manifest: Option<PathBuf>,
    /// Model bundle
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// Folder of results.jsonl; what an earlier run of the same settings has scored or refused there is skipped
    #[arg(long, value_name = "DIR", required_unless_present = "worker")]
    out: Option<PathBuf>,
    /// Studies at a time; each has its share of the cores
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: u16,
    /// Try studies again that an earlier run refused; those that failed for want of memory or the like are always tried again
    #[arg(long)]
    retry: bool,
    /// Cuts the lesion out of the PET, as for `dlnms score`
    #[arg(long, value_name = "41%|SUV", value_parser = parse_delineation, default_value = "41%")]
    threshold: Delineation,
    /// The lesion of a point or seed is looked for this far around it, mm
    #[arg(long, value_name = "MM", default_value_t = 40.0)]
    radius: f64,
    #[command(flatten)]
    read: ReadArguments,
    #[command(flatten)]
    quality: QualityArguments,
    #[command(flatten)]
    audit: AuditArguments,
    #[command(flatten)]
    engine: EngineArguments,
    /// Score rows that another program sends: reads a row of --hand-out from standard input and writes its line, until there are no more
    #[arg(long, conflicts_with_all = ["manifest", "out", "hand_out"])]
    worker: bool,
    /// Let another program score: writes the rows that are not done to standard output and reads their lines from standard input
    #[arg(long, conflicts_with = "audit")]
    hand_out: bool,
}

pub fn run(a: &Arguments, runtime: &RuntimeOptions) -> Result<(), Failure> {
    let engine = a.engine.with_default_threads(usize::from(a.workers));
    let (Some(manifest), Some(out)) = (&a.manifest, &a.out) else {
        return serve(&a.study_scorer(&engine, runtime)?);
    };
    let rows = manifest::read(manifest)?;
    let bundle = Bundle::open_without_models(&a.bundle, &a.engine.trust.pins()?)?;
    let settings = Settings {
        format: journal::FORMAT,
        library: env!("CARGO_PKG_VERSION").into(),
        bundle: bundle.manifest.id.clone(),
        manifest_sha256: bundle.manifest_sha256.clone(),
        quality: a.quality.name().into(),
        threshold: format!("{:?}", a.threshold),
        radius_mm: a.radius,
    };
    let mut journal = Journal::open(out, &settings, &rows, a.retry)?;
    let pending: VecDeque<Row> = rows.into_iter().filter(|r| !journal.has(r)).collect();
    let progress = Progress::new(journal.done(), pending.len());
    if a.hand_out {
        hand_out(pending, &mut journal, progress)
    } else {
        score_all(a, &engine, runtime, pending, journal, progress)
    }
}

impl Arguments {
    /// Opens the bundle and prepares the network: what is wrong with it is said before the first study.
    fn study_scorer(
        &self,
        engine: &EngineArguments,
        runtime: &RuntimeOptions,
    ) -> Result<StudyScorer, Failure> {
        let audit = self.audit.options()?;
        let scorer: Scorer =
            engine.scorer_with(&self.bundle, runtime, self.quality.policy(), audit)?;
        scorer.prepare(None, &CancelToken::default())?;
        Ok(StudyScorer {
            scorer,
            threads: engine.threads(),
            read: self.read.clone(),
            audit: self.audit.clone(),
            threshold: self.threshold,
            radius_mm: self.radius,
        })
    }
}

/// Scores the rows with workers of this process. As many studies are in memory as there are workers.
fn score_all(
    a: &Arguments,
    engine: &EngineArguments,
    runtime: &RuntimeOptions,
    pending: VecDeque<Row>,
    journal: Journal,
    progress: Progress,
) -> Result<(), Failure> {
    if pending.is_empty() {
        progress.finish();
        return Ok(());
    }
    let scorer = a.study_scorer(engine, runtime)?;
    let workers = usize::from(a.workers).min(pending.len());
    let rows = Mutex::new(pending);
    let sink = Mutex::new((journal, progress, Ok(())));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(row) = locked(&rows).pop_front() {
                    let line = scorer.score(&row);
                    let mut sink = locked(&sink);
                    let (journal, progress, written) = &mut *sink;
                    if written.is_ok() {
                        *written = journal.add(&line, &line.to_json());
                    }
                    if written.is_err() {
                        locked(&rows).clear();
                        return;
                    }
                    progress.add(&line);
                }
            });
        }
    });
    let (_journal, progress, written) = sink
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    progress.finish();
    written
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Scores rows of standard input until it ends.
fn serve(scorer: &StudyScorer) -> Result<(), Failure> {
    for row in std::io::stdin().lock().lines() {
        let row = row.map_err(Failure::output(Path::new("standard input")))?;
        let row = Row::from_json(&row)?;
        terminal::line(&scorer.score(&row).to_json());
    }
    Ok(())
}

/// Writes the rows to standard output, then an empty line, and records the lines that come back, each row once.
fn hand_out(
    pending: VecDeque<Row>,
    journal: &mut Journal,
    mut progress: Progress,
) -> Result<(), Failure> {
    let mut left: HashSet<String> = pending.iter().map(|row| row.key.clone()).collect();
    let handed_out = left.clone();
    // Not waited for: it may be writing to a program that reads no more.
    let writer = std::thread::Builder::new().spawn(move || {
        let mut out = std::io::stdout().lock();
        let rows = pending
            .iter()
            .try_for_each(|r| writeln!(out, "{}", r.to_json()));
        let _ = rows.and_then(|()| writeln!(out));
    });
    writer.map_err(|e| Error::Resources(e.to_string()))?;
    let mut lines = std::io::stdin().lock().lines();
    while !left.is_empty() {
        let Some(text) = lines.next() else {
            progress.finish();
            return Err(Error::Cancelled.into());
        };
        let text = text.map_err(Failure::output(Path::new("standard input")))?;
        let line = Line::from_json(&text)?;
        if left.remove(&line.key) {
            journal.add(&line, &text)?;
            progress.add(&line);
        } else if !handed_out.contains(&line.key) {
            let why = "a line came back for a row that was not handed out";
            return Err(Error::invalid("--hand-out", why).into());
        } // else a worker was taken for dead and answered after all
    }
    progress.finish();
    Ok(())
}
