//! What stands on the page, as plain data.

use super::contributions::ContributionBars;
use super::ct_window::CtWindow;
use super::images::Images;
use super::population::PopulationLines;
use crate::evidence::quality::Severity;
use crate::report::published::{ClinicalFacts, PublishedEvidence};
use crate::risk::Risk;

/// What a host adds to a page. Nothing of it is read from the images.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PageOptions {
    /// What the lesion is called, for example the name of its ROI.
    pub lesion: Option<String>,
    /// The scanner, for example "GE Discovery ST".
    pub scanner: Option<String>,
    /// When the page was made, as it is to stand there.
    pub content_time: Option<String>,
    /// A line that identifies the patient. Without it the page says that it identifies nobody.
    pub identity_line: Option<String>,
    /// What is known of the patient, for the conditions of the evidence.
    pub facts: ClinicalFacts,
    /// How the CT is shown in the row of its own.
    pub ct_window: CtWindow,
}

/// A finished result as a page: plain data that [`svg`](Self::svg) and [`html`](Self::html) draw.
#[derive(Clone, Debug)]
pub struct Page {
    /// What the lesion is called.
    pub lesion: Option<String>,
    /// Identifies the patient, if the host wants that.
    pub identity_line: Option<String>,
    /// When the page was made.
    pub content_time: Option<String>,
    /// The kind of weights, if they were not trained on patients.
    pub not_trained: Option<&'static str>,
    /// N1 and N2.
    pub scores: [ScoreBar; 2],
    /// High if either group is.
    pub combined: Option<Risk>,
    /// The planes, or why there are none.
    pub images: Result<Images, String>,
    /// Measures of the lesion and the reference regions, and how they came about.
    pub measures: Vec<Row>,
    /// What the quality checks found, the gravest first.
    pub findings: Vec<FindingRow>,
    /// What could not be checked, because nobody said.
    pub unchecked: Vec<&'static str>,
    /// Warnings of reading and of the result.
    pub warnings: Vec<String>,
    /// The case beside the study's population, if that was computed.
    pub population: Option<PopulationLines>,
    /// What each plane contributed to the scores, if that was computed.
    pub contributions: Option<ContributionBars>,
    /// What was reported of cases like this one, or why nothing is said.
    pub evidence: Result<PublishedEvidence, String>,
    /// Model, engine, versions, times.
    pub provenance: Vec<Row>,
}

/// A score beside its cut-off.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreBar {
    /// N1 or N2.
    pub name: &'static str,
    /// 0 to 1.
    pub score: f64,
    /// The group and its cut-off, if the bundle has cut-offs.
    pub group: Option<(Risk, f64)>,
    /// The scores of PET alone and of CT alone, if the model has those heads.
    pub pet_alone: Option<f64>,
    /// See `pet_alone`.
    pub ct_alone: Option<f64>,
    /// How steady it is under small changes of the case, if that was computed.
    pub stability: Option<ScoreSpread>,
}

/// A score under small changes of the case. No probability: the changes are a choice of this library.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreSpread {
    /// The value that 5 % of the changed cases do not exceed.
    pub p5: f64,
    /// The value that 95 % do not exceed.
    pub p95: f64,
    /// In how many changed cases the group is another; `None` without cut-offs.
    pub group_changed: Option<usize>,
    /// Changed cases.
    pub of: usize,
}

/// A name and what belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// For example "SUVmax".
    pub name: &'static str,
    /// For example "42.22".
    pub value: String,
}

/// One finding of the quality checks.
#[derive(Clone, Debug, PartialEq)]
pub struct FindingRow {
    /// How much it weighs.
    pub severity: Severity,
    /// Its stable name.
    pub code: &'static str,
    /// One sentence.
    pub message: String,
}
