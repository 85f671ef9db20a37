//! Scores one row: the same steps as `dlnms score`, with every outcome as a line.

use super::row::Row;
use crate::input::{ReadArguments, StudyArguments};
use crate::trust::AuditArguments;
use crate::tumour::TumourArguments;
use clap::Parser;
use dlnms::case::ReferenceRequest;
use dlnms::error::status;
use dlnms::imaging::roi::Delineation;
use dlnms::report;
use dlnms::scorer::{CancelToken, LesionRequest, Scorer};
use dlnms::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// What became of a row.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// There is a result.
    Scored,
    /// The study or the row is at fault: the same would happen again.
    Refused,
    /// Memory, a thread or the like was missing, or dlnms is at fault: the next run tries again.
    Failed,
}

/// One line of results.jsonl.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    pub row: u64,
    pub patient: Option<String>,
    pub key: String,
    pub outcome: Outcome,
    pub seconds: f64,
    /// As `dlnms score --json` writes it.
    pub result: Option<Value>,
    pub error: Option<Refusal>,
}

/// Why a row has no result.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// A status code of the C ABI.
    pub status: i32,
    pub message: String,
}

impl Line {
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub fn from_json(text: &str) -> Result<Self> {
        let why = |e| Error::invalid("--hand-out", format!("no line of a result: {e}"));
        serde_json::from_str(text).map_err(why)
    }
}

/// What all rows have in common.
pub struct StudyScorer {
    pub scorer: Scorer,
    /// That read and decode a study.
    pub threads: usize,
    pub read: ReadArguments,
    pub audit: AuditArguments,
    pub threshold: Delineation,
    pub radius_mm: f64,
}

/// The options of a row.
#[derive(Parser)]
#[command(no_binary_name = true)]
struct RowArguments {
    #[command(flatten)]
    study: StudyArguments,
    #[command(flatten)]
    tumour: TumourArguments,
}

impl StudyScorer {
    /// Scores a row. Every outcome is a line.
    pub fn score(&self, row: &Row) -> Line {
        let start = Instant::now();
        let scored = catch_unwind(AssertUnwindSafe(|| self.result(row)))
            .unwrap_or_else(|_| Err(Error::Internal("the study ended in a panic".into())));
        let (outcome, result, error) = match scored {
            Ok(result) => (Outcome::Scored, Some(result), None),
            Err(error) => (outcome_of(&error), None, Some(error)),
        };
        Line {
            row: row.row,
            patient: row.patient.clone(),
            key: row.key.clone(),
            outcome,
            seconds: (start.elapsed().as_secs_f64() * 1e3).round() / 1e3,
            result,
            error: error.map(|e| Refusal {
                status: e.status(),
                message: e.to_string(),
            }),
        }
    }

    fn result(&self, row: &Row) -> Result<Value> {
        let refuse = |why: String| Error::invalid(format!("row {}", row.row), why);
        let arguments = row.arguments.as_ref().map_err(|why| refuse(why.clone()))?;
        let parsed = RowArguments::try_parse_from(arguments);
        let mut parsed = parsed.map_err(|e| refuse(first_line(&e)))?;
        parsed.study.read = self.read.clone();
        (parsed.tumour.threshold, parsed.tumour.radius) = (self.threshold, self.radius_mm);
        let input = parsed.study.open_quietly(self.threads)?;
        let lesions = parsed.tumour.read_alone(&input)?;
        let [lesion] = lesions.as_slice() else {
            return Err(refuse(format!("{} lesions instead of one", lesions.len())));
        };
        let mut case = lesion.case(&input.study)?;
        self.audit.complete(&mut case);
        case.digests = true;
        case.lesion = Some(LesionRequest {
            delineation: self.threshold,
            radius_mm: self.radius_mm,
        });
        case.references = Some(ReferenceRequest::default());
        let scores = self.scorer.score(&case, &CancelToken::default())?;
        Ok(report::report(&scores, &input.study.warnings))
    }
}

/// Returns what clap says about an option, without its help and without the value.
fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

fn outcome_of(error: &Error) -> Outcome {
    match error.status() {
        status::DLNMS_E_OUT_OF_MEMORY
        | status::DLNMS_E_RESOURCES
        | status::DLNMS_E_DEADLINE
        | status::DLNMS_E_AUDIT
        | status::DLNMS_E_AUDIT_ALTERED
        | status::DLNMS_E_RUNTIME
        | status::DLNMS_E_PROVIDER_UNAVAILABLE
        | status::DLNMS_E_SELF_TEST
        | status::DLNMS_E_INTERNAL => Outcome::Failed,
        _ => Outcome::Refused,
    }
}
