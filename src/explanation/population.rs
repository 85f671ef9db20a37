//! Whether a case is like those of the study, as far as anybody can tell.
//!
//! Nothing here says that a case is like the study's: what was not found, or could not be looked at, is no evidence of that.

use super::options::PatientFacts;
use super::reference::ReferenceDistance;
use crate::bundle::Cutoffs;
use crate::evidence::quality::Severity;
use crate::risk::RiskGroups;
use crate::scorer::Scores;
use serde::Serialize;

/// A case beside the population of the study.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Population {
    /// The population.
    pub source: &'static str,
    /// Measures of the case beside those of the population.
    pub measures: Vec<PopulationMeasure>,
    /// What is known of the patient, and what is not.
    pub facts: Vec<PopulationFact>,
    /// How far the case lies from the training cases of the bundle; `None` if nobody knows.
    pub reference: Option<ReferenceDistance>,
    /// Why nobody knows.
    pub reason: Option<String>,
    /// What was found against the case.
    pub findings: Vec<PopulationFinding>,
    /// What could not be looked at, and why.
    pub unknown: Vec<String>,
}

/// One measure of a case beside the mean and the standard deviation of the population.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PopulationMeasure {
    /// `suv_max`, `mtv_ml`, `size_mm` or `age_years`.
    pub name: &'static str,
    /// Of this case; `None` if it is not known.
    pub value: Option<f64>,
    /// Of the population.
    pub mean: f64,
    /// Of the population.
    pub sd: f64,
    /// Distance from the mean in standard deviations.
    pub z: Option<f64>,
    /// A finding is made of it; not of the volume, whose delineation in the study is not published.
    pub counts: bool,
}

/// A condition of the study, and whether the patient meets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PopulationFact {
    /// `clinical_n0` or `nsclc`.
    pub name: &'static str,
    /// `None` if nobody said.
    pub met: Option<bool>,
}

/// What was found against a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PopulationFinding {
    /// What it is about.
    pub code: PopulationCode,
    /// How much it weighs.
    pub severity: Severity,
    /// A sentence.
    pub message: String,
}

/// What a finding is about. Names are never given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PopulationCode {
    /// A measure lies more than three standard deviations from the study's mean, or the patient misses a condition of it.
    OutsideStudyPopulation,
    /// The risk group of a fused score is neither that of PET alone nor that of CT alone.
    HeadsDisagree,
    /// The case lies farther from the bundle's training cases than 95 % of them (info) or 99 % (warning).
    FarFromTraining,
}

/// Zhong et al., Nature Communications 2023, 14:7513, Table 1, entire cohort.
const SOURCE: &str = "Zhong et al. 2023 (Nat Commun 14:7513), Table 1, n = 3265";
/// Name, mean, standard deviation, and whether low values count as well.
const SUV_MAX: (&str, f64, f64) = ("suv_max", 5.43, 4.74);
const MTV_ML: (&str, f64, f64) = ("mtv_ml", 10.13, 15.62);
const SIZE_MM: (&str, f64, f64) = ("size_mm", 25.8, 12.6);
const AGE_YEARS: (&str, f64, f64) = ("age_years", 60.00, 9.31);
/// A measure farther from the mean is a finding, in standard deviations.
const FAR: f64 = 3.0;

impl Population {
    /// Compares a result with the study's population.
    #[must_use]
    pub fn new(
        scores: &Scores,
        facts: &PatientFacts,
        reference: Result<ReferenceDistance, String>,
    ) -> Self {
        let mut unknown = Vec::new();
        let lesion = match &scores.lesion {
            Some(Ok(lesion)) => Some(lesion),
            Some(Err(why)) => {
                unknown.push(format!(
                    "uptake and size: the lesion was not measured: {why}"
                ));
                None
            }
            None => {
                unknown.push("uptake and size: the lesion was not to be measured".into());
                None
            }
        };
        let size = lesion.and_then(|l| l.ct.as_ref()).map(|d| d.longest_mm);
        if lesion.is_some() && size.is_none() {
            unknown.push("size: the lesion has no diameter on CT".into());
        }
        let measures = vec![
            measure(SUV_MAX, lesion.map(|l| l.pet.suv_max), true),
            measure(MTV_ML, lesion.map(|l| l.pet.mtv_ml), false),
            measure(SIZE_MM, size, true),
            measure(AGE_YEARS, facts.age_years, true),
        ];
        let conditions = [("clinical_n0", facts.clinical_n0), ("nsclc", facts.nsclc)];
        let facts = conditions.map(|(name, met)| PopulationFact { name, met });
        if measures[3].value.is_none() {
            unknown.push("age: nobody said".into());
        }
        for fact in facts.iter().filter(|f| f.met.is_none()) {
            unknown.push(format!("{}: nobody said", fact.name));
        }
        let mut findings: Vec<PopulationFinding> = measures.iter().filter_map(far).collect();
        findings.extend(facts.iter().filter_map(missed));
        match disagreements(scores) {
            Ok(found) => findings.extend(found),
            Err(why) => unknown.push(format!("agreement of the heads: {why}")),
        }
        let (reference, reason) = match reference {
            Ok(reference) => (Some(reference), None),
            Err(why) => (None, Some(why)),
        };
        findings.extend(reference.iter().flat_map(far_from_training));
        unknown.extend(
            reason
                .iter()
                .map(|why| format!("distance from the training cases: {why}")),
        );
        Self {
            source: SOURCE,
            measures,
            facts: facts.into(),
            reference,
            reason,
            findings,
            unknown,
        }
    }
}

fn measure(
    (name, mean, sd): (&'static str, f64, f64),
    value: Option<f64>,
    counts: bool,
) -> PopulationMeasure {
    PopulationMeasure {
        name,
        value,
        mean,
        sd,
        z: value.map(|v| (v - mean) / sd),
        counts,
    }
}

/// Returns the finding of a measure far from the mean. Uptake and size have a natural lower bound and long tails above; age
/// counts on both sides.
fn far(measure: &PopulationMeasure) -> Option<PopulationFinding> {
    let PopulationMeasure { name, mean, sd, .. } = measure;
    let (value, z) = measure.value.zip(measure.z)?;
    let far = z > FAR || (*name == AGE_YEARS.0 && z < -FAR);
    (measure.counts && far).then(|| PopulationFinding {
        code: PopulationCode::OutsideStudyPopulation,
        severity: Severity::Warning,
        message: format!(
            "{name} is {value:.1}, the study's patients had {mean} ± {sd}: {:.1} standard deviations away",
            z.abs()
        ),
    })
}

fn missed(fact: &PopulationFact) -> Option<PopulationFinding> {
    (fact.met == Some(false)).then(|| PopulationFinding {
        code: PopulationCode::OutsideStudyPopulation,
        severity: Severity::Warning,
        message: format!(
            "the patient does not meet a condition of the study: {}",
            fact.name
        ),
    })
}

/// Returns a finding for each score whose hidden activations lie far from those of the training cases.
fn far_from_training(reference: &ReferenceDistance) -> Vec<PopulationFinding> {
    let scores = [("N1", reference.scores.n1), ("N2", reference.scores.n2)];
    let far = scores.into_iter().filter_map(|(name, place)| {
        let percent = place.farther_than_percent;
        let severity = match percent {
            99.. => Severity::Warning,
            95.. => Severity::Info,
            _ => return None,
        };
        Some(PopulationFinding {
            code: PopulationCode::FarFromTraining,
            severity,
            message: format!(
                "for {name}, the case lies farther from the training cases than {percent} % of them"
            ),
        })
    });
    far.collect()
}

/// Returns a finding for each fused score whose group is neither that of PET alone nor that of CT alone.
fn disagreements(scores: &Scores) -> Result<Vec<PopulationFinding>, String> {
    let manifest = &scores.engine.manifest;
    let cutoffs = manifest.cutoffs.ok_or("the bundle has no cut-offs")?;
    let head = |name: &str| {
        let at = manifest.head(name).and_then(|n| scores.heads.get(n));
        at.copied()
            .ok_or_else(|| format!("the bundle has no head {name:?}"))
    };
    let mut found = Vec::new();
    for (name, pick) in [("n1", 0), ("n2", 1)] {
        let values = [name.to_owned(), format!("{name}_pet"), format!("{name}_ct")];
        let [fused, pet, ct] = [head(&values[0])?, head(&values[1])?, head(&values[2])?];
        let group = |score| group(score, pick, &cutoffs);
        if group(fused) != group(pet) && group(fused) != group(ct) {
            found.push(PopulationFinding {
                code: PopulationCode::HeadsDisagree,
                severity: Severity::Warning,
                message: format!(
                    "{} is {fused:.3}, while PET alone gives {pet:.3} and CT alone {ct:.3}, on the other side of the cut-off",
                    name.to_uppercase()
                ),
            });
        }
    }
    Ok(found)
}

fn group(score: f32, which: usize, cutoffs: &Cutoffs) -> crate::risk::Risk {
    let groups = RiskGroups::new(score, score, cutoffs);
    [groups.n1, groups.n2][which]
}
