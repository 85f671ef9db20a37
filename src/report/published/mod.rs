//! What a validation reports by risk group: population, number of cases and figures. Never advice.
//!
//! The figures of Zhong et al. 2023 are data (`zhong2023.json`), each with the lines of the paper that it stands on; a test reads
//! them again. They belong to the authors' weights, or to weights that were validated: a bundle has to declare the source of its
//! evidence, and to be trained.

use crate::bundle::{Evidence, EvidenceSource, Manifest, Weights};
use crate::risk::Risk;
use crate::scorer::Scores;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// What a host knows of a patient. `None`: nobody said.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClinicalFacts {
    /// The nodes are clinically negative (cN0).
    pub clinical_n0: Option<bool>,
    /// The tumour is a non-small cell lung cancer.
    pub nsclc: Option<bool>,
    /// Age, years.
    pub age_years: Option<f64>,
    /// The clinical stage is I.
    pub clinical_stage_i: Option<bool>,
    /// The pathological stage is I.
    pub pathological_stage_i: Option<bool>,
    /// A nodal biopsy was made, or can be.
    pub nodal_biopsy: Option<bool>,
    /// The patient is male.
    pub male: Option<bool>,
    /// The tumour is purely solid on CT.
    pub solid: Option<bool>,
    /// The tumour is in the left lung.
    pub left: Option<bool>,
    /// The tumour is central.
    pub central: Option<bool>,
}

/// Whether a patient belongs to the population of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Every condition is met.
    Met,
    /// One is not.
    NotMet,
    /// Nobody said.
    NotKnown,
}

impl Condition {
    /// Returns its words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Condition::Met => "met",
            Condition::NotMet => "not met",
            Condition::NotKnown => "not known",
        }
    }
}

/// What was reported of cases like one, as far as its bundle allows to say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PublishedEvidence {
    /// Where the figures come from.
    pub source: String,
    /// One for each question that was looked at.
    pub statements: Vec<Statement>,
    /// What limits all of them.
    pub limits: Vec<String>,
    /// Odds ratios of the clinical model beside this case; of the paper alone.
    pub clinical: Option<ClinicalModel>,
}

/// Figures of one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// Its stable name.
    pub id: String,
    /// The question.
    pub title: String,
    /// Who was looked at.
    pub population: String,
    /// Whether this case belongs to them.
    pub condition: Condition,
    /// What was found.
    pub figures: Vec<String>,
}

/// The clinical model's odds ratios. Without its intercept they give no probability, and none is computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClinicalModel {
    /// What they are, and what they lack.
    pub note: String,
    /// How well the model separated.
    pub performance: String,
    /// One for each variable.
    pub variables: Vec<ClinicalVariable>,
}

/// One variable of the clinical model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClinicalVariable {
    /// Its name and unit.
    pub name: String,
    /// Of this case; `None` if it is not known.
    pub value: Option<String>,
    /// Odds ratio of occult N1 with its interval, alone and beside the others; `None` where the paper gives none.
    pub n1: [Option<String>; 2],
    /// The same of occult N2.
    pub n2: [Option<String>; 2],
}

/// Returns the evidence of a result, or why there is none.
///
/// # Errors
/// A sentence that says why: weights that are not trained, a bundle without declared evidence, cut-offs of another
/// publication.
pub fn published(scores: &Scores, facts: &ClinicalFacts) -> Result<PublishedEvidence, String> {
    let manifest = &*scores.engine.manifest;
    let evidence = allowed(manifest)?;
    match evidence.source {
        EvidenceSource::OwnValidation => Ok(own(evidence)),
        EvidenceSource::Zhong2023Authors => {
            let group = scores.decision.map(|d| d.combined);
            Ok(of_paper(&PAPER, group, facts, scores))
        }
    }
}

/// Returns the declared evidence of trained weights.
fn allowed(manifest: &Manifest) -> Result<&Evidence, String> {
    if manifest.weights != Weights::Trained {
        let weights = manifest.weights.name();
        return Err(format!("No evidence statement: the weights are {weights}."));
    }
    let Some(evidence) = &manifest.evidence else {
        return Err("No evidence statement: the bundle declares no source of evidence.".into());
    };
    let paper = &PAPER.cutoffs;
    let same = manifest
        .cutoffs
        .is_some_and(|c| c.n1 == paper.n1 && c.n2 == paper.n2);
    if evidence.source == EvidenceSource::Zhong2023Authors && !same {
        return Err(
            "No evidence statement: the bundle's cut-offs are not those of the publication.".into(),
        );
    }
    Ok(evidence)
}

/// The bundle's own validation.
fn own(evidence: &Evidence) -> PublishedEvidence {
    let statement = |(n, s): (usize, &crate::bundle::OwnStatement)| Statement {
        id: format!("own_{}", n + 1),
        title: s.title.clone(),
        population: format!("{}, n {}", s.population, s.n),
        condition: Condition::NotKnown,
        figures: s.figures.clone(),
    };
    PublishedEvidence {
        source: "The bundle's own validation".into(),
        statements: evidence
            .statements
            .iter()
            .enumerate()
            .map(statement)
            .collect(),
        limits: Vec::new(),
        clinical: None,
    }
}

fn of_paper(
    paper: &Paper,
    group: Option<Risk>,
    facts: &ClinicalFacts,
    scores: &Scores,
) -> PublishedEvidence {
    let of_group = |s: &&PaperStatement| match s.group {
        Group::Any => true,
        Group::Low => group == Some(Risk::Low),
        Group::High => group == Some(Risk::High),
    };
    let statement = |s: &PaperStatement| Statement {
        id: s.id.clone(),
        title: s.title.clone(),
        population: s.population.clone(),
        condition: facts.condition(&s.conditions),
        figures: s.figures.iter().map(|f| f.text.clone()).collect(),
    };
    let model = &paper.clinical_model;
    let variable = |v: &PaperVariable| ClinicalVariable {
        name: v.name.clone(),
        value: facts.value(v.fact, scores),
        n1: v.n1.clone(),
        n2: v.n2.clone(),
    };
    PublishedEvidence {
        source: paper.source.clone(),
        statements: paper
            .statements
            .iter()
            .filter(of_group)
            .map(statement)
            .collect(),
        limits: paper.limits.iter().map(|l| l.text.clone()).collect(),
        clinical: Some(ClinicalModel {
            note: model.note.clone(),
            performance: model.performance.text.clone(),
            variables: model.variables.iter().map(variable).collect(),
        }),
    }
}

impl ClinicalFacts {
    fn condition(&self, of: &[PaperCondition]) -> Condition {
        let met = |c: &PaperCondition| match c {
            PaperCondition::ClinicalN0Nsclc => match (self.clinical_n0, self.nsclc) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            PaperCondition::ClinicalStageI => self.clinical_stage_i,
            PaperCondition::PathologicalStageI => self.pathological_stage_i,
            PaperCondition::NodalBiopsy => self.nodal_biopsy,
        };
        let all: Vec<Option<bool>> = of.iter().map(met).collect();
        if all.contains(&Some(false)) {
            Condition::NotMet
        } else if all.is_empty() || all.contains(&None) {
            Condition::NotKnown
        } else {
            Condition::Met
        }
    }

    /// A variable of the clinical model, of this case.
    fn value(&self, fact: Fact, scores: &Scores) -> Option<String> {
        let yes = |fact: Option<bool>| fact.map(|f| if f { "yes" } else { "no" }.to_owned());
        let lesion = scores.lesion.as_ref().and_then(|l| l.as_ref().ok());
        match fact {
            Fact::AgeYears => self.age_years.map(|age| format!("{age:.0}")),
            Fact::Male => yes(self.male),
            Fact::Solid => yes(self.solid),
            Fact::Left => yes(self.left),
            Fact::Central => yes(self.central),
            Fact::SizeCm => {
                let size = lesion?.ct.as_ref()?.longest_mm / 10.0;
                Some(format!("{size:.2}"))
            }
            Fact::SuvMax => Some(format!("{:.2}", lesion?.pet.suv_max)),
        }
    }
}

/// The paper, parsed once. A test parses it, so that a release holds it well-formed.
static PAPER: LazyLock<Paper> =
    LazyLock::new(|| serde_json::from_str(include_str!("zhong2023.json")).unwrap_or_default());

#[derive(Debug, Default, Deserialize)]
struct Paper {
    source: String,
    cutoffs: PaperCutoffs,
    limits: Vec<Cited>,
    statements: Vec<PaperStatement>,
    clinical_model: PaperModel,
}

#[derive(Debug, Default, Deserialize)]
struct PaperCutoffs {
    n1: f64,
    n2: f64,
}

/// A text, whose figures stand on lines of the paper.
#[derive(Debug, Default, Deserialize)]
struct Cited {
    text: String,
}

#[derive(Debug, Deserialize)]
struct PaperStatement {
    id: String,
    group: Group,
    title: String,
    population: String,
    conditions: Vec<PaperCondition>,
    figures: Vec<Cited>,
}

/// The combined group that a statement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Group {
    Any,
    Low,
    High,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PaperCondition {
    ClinicalN0Nsclc,
    ClinicalStageI,
    PathologicalStageI,
    NodalBiopsy,
}

#[derive(Debug, Default, Deserialize)]
struct PaperModel {
    note: String,
    performance: Cited,
    variables: Vec<PaperVariable>,
}

#[derive(Debug, Deserialize)]
struct PaperVariable {
    name: String,
    fact: Fact,
    n1: [Option<String>; 2],
    n2: [Option<String>; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fact {
    AgeYears,
    Male,
    Solid,
    Left,
    Central,
    SizeCm,
    SuvMax,
}
