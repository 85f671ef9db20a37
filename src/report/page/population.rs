//! The case beside the population of the study, as lines of text.

use super::tone::Tone;
use super::words::{clean, severity_word};
use crate::explanation::{Population, PopulationMeasure};

/// A case beside the population of the study.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PopulationLines {
    /// What was found against it, each with its severity.
    pub findings: Vec<String>,
    /// Its measures beside those of the study.
    pub measures: Vec<String>,
    /// What could not be looked at.
    pub unknown: Vec<String>,
}

impl PopulationLines {
    pub(super) fn new(of: &Population) -> Self {
        let findings = of
            .findings
            .iter()
            .map(|f| format!("{}: {}", severity_word(f.severity), clean(&f.message)));
        Self {
            findings: findings.collect(),
            measures: of.measures.iter().filter_map(measure).collect(),
            unknown: of.unknown.iter().map(|u| clean(u)).collect(),
        }
    }

    /// Returns the paragraphs, the findings first.
    pub(super) fn paragraphs(&self) -> Vec<(String, Tone)> {
        let mut all: Vec<(String, Tone)> = Vec::new();
        all.extend(self.findings.iter().map(|f| (f.clone(), Tone::Ink)));
        if all.is_empty() {
            let text =
                "nothing found against the case, which does not mean that it is like the study's";
            all.push((text.into(), Tone::Ink));
        }
        for (name, list) in [("Measures", &self.measures), ("Not known", &self.unknown)] {
            if !list.is_empty() {
                all.push((format!("{name}: {}.", list.join("; ")), Tone::Soft));
            }
        }
        all
    }
}

/// Returns a measure beside the study's; `None` if it is not known.
fn measure(of: &PopulationMeasure) -> Option<String> {
    let (value, z) = of.value.zip(of.z)?;
    let (name, mean, sd) = (of.name, of.mean, of.sd);
    Some(format!(
        "{name} {value:.1}, study {mean} +- {sd}, z {z:+.1}"
    ))
}
