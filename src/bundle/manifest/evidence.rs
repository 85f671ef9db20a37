//! What may be said beside the scores of a bundle: where its evidence comes from, and its own validation.

use super::checks::{refuse, stated};
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// The source of a bundle's evidence, and the figures of its own validation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Whose figures a report may show.
    pub source: EvidenceSource,
    /// Figures of an own validation; none for the authors' weights, whose figures this library holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<OwnStatement>,
}

/// Whose figures belong to the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EvidenceSource {
    /// The weights are those of Zhong et al. 2023.
    #[serde(rename = "zhong2023-authors")]
    Zhong2023Authors,
    /// The weights were validated by whoever trained them.
    #[serde(rename = "own-validation")]
    OwnValidation,
}

/// Figures of one question of an own validation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnStatement {
    /// The question.
    pub title: String,
    /// Who was looked at.
    pub population: String,
    /// How many they were.
    pub n: u64,
    /// What was found, for example `AUROC N1 0.80 [0.72, 0.88]`.
    pub figures: Vec<String>,
}

/// More statements or figures than this have no room on a page.
const MOST: usize = 16;
/// Longest text.
const LONGEST: usize = 300;

/// Words that turn a figure into advice.
const ADVICE: [&str; 9] = [
    "should",
    "must",
    "recommend",
    "indicated",
    "advise",
    "spare",
    "sparing",
    "mandatory",
    "need to",
];

/// Returns the word of advice in a text.
pub(crate) fn advice(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    ADVICE.into_iter().find(|word| lower.contains(word))
}

impl Evidence {
    pub(super) fn validate(&self) -> Result<()> {
        let n = self.statements.len();
        match self.source {
            EvidenceSource::Zhong2023Authors if n > 0 => {
                return refuse("evidence.statements: the publication's are in the library".into());
            }
            EvidenceSource::OwnValidation if n == 0 || n > MOST => {
                return refuse(format!("evidence.statements: {n}, allowed 1 to {MOST}"));
            }
            _ => {}
        }
        for (i, statement) in self.statements.iter().enumerate() {
            let field = format!("evidence.statements[{i}]");
            if statement.n == 0 {
                return refuse(format!("{field}.n is 0"));
            }
            let figures = statement.figures.len();
            if figures == 0 || figures > MOST {
                return refuse(format!("{field}.figures: {figures}, allowed 1 to {MOST}"));
            }
            let texts = [&statement.title, &statement.population];
            for text in texts.into_iter().chain(&statement.figures) {
                stated(&field, text)?;
                if text.chars().count() > LONGEST {
                    return refuse(format!(
                        "{field}: a text is longer than {LONGEST} characters"
                    ));
                }
                if let Some(word) = advice(text) {
                    return refuse(format!("{field}: {word:?} is advice, not a figure"));
                }
            }
        }
        Ok(())
    }
}
