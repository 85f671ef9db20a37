//! What files and folders hold: every CT and PET series, which one would be used, and why not the others.

use super::archive::Archive;
use super::choose::candidates;
use super::rois::RoiSummary;
use super::series::{Modality, SeriesFacts};
use super::study;
use crate::quality::{self, Finding};
use serde::Serialize;

/// One series.
#[derive(Clone, Debug, Serialize)]
pub struct SeriesSummary {
    /// Series Instance UID.
    pub uid: String,
    /// `CT` or `PT`.
    pub modality: &'static str,
    /// Images in it.
    pub slices: usize,
    /// Columns, rows.
    pub matrix: [usize; 2],
    /// Whether scoring would use it.
    pub chosen: bool,
    /// Why not.
    pub rejected_because: Option<String>,
    /// PET only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suv: Option<SuvSummary>,
}

/// SUV of a PET series.
#[derive(Clone, Debug, Serialize)]
pub struct SuvSummary {
    /// SUVbw factor of the first slice; `None` if refused.
    pub factor: Option<f64>,
    /// How it was found.
    pub rule: Option<String>,
    /// Why there is none.
    pub refusal: Option<String>,
    /// What was repaired or is unusual.
    pub warnings: Vec<String>,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// All series, CT before PET, largest first.
    pub series: Vec<SeriesSummary>,
    /// All ROIs of structure sets and segmentations.
    pub rois: Vec<RoiSummary>,
    /// What the headers of the chosen CT and PET say against them; a score checks more.
    pub qc: Vec<Finding>,
    /// DICOM files that cannot be read.
    pub warnings: Vec<String>,
}

impl Archive {
    /// Every series and ROI, without decoding an image.
    pub fn inspect(&self) -> Inspection {
        let mut series = Vec::new();
        let mut chosen_facts = Vec::new();
        for modality in [Modality::Ct, Modality::Pt] {
            let mut taken = false;
            for candidate in candidates(&self.images, modality) {
                let refusal = candidate.refusal();
                let chosen = refusal.is_none() && !taken;
                taken |= chosen;
                if chosen {
                    chosen_facts.push(SeriesFacts::of(&candidate.slices));
                }
                let smaller = || (!chosen).then(|| "smaller than the chosen series".to_owned());
                let first = candidate.slices[0];
                series.push(SeriesSummary {
                    uid: first.series_uid.clone(),
                    modality: modality.code(),
                    slices: candidate.slices.len(),
                    matrix: [first.columns, first.rows],
                    chosen,
                    rejected_because: refusal.or_else(smaller),
                    suv: candidate.suv.as_ref().map(|suv| match suv {
                        Ok((_, scale)) => SuvSummary {
                            factor: scale.factors.first().copied(),
                            rule: Some(scale.rule.clone()),
                            refusal: None,
                            warnings: scale.warnings.clone(),
                        },
                        Err(e) => SuvSummary {
                            factor: None,
                            rule: None,
                            refusal: Some(e.to_string()),
                            warnings: Vec::new(),
                        },
                    }),
                });
            }
        }
        Inspection {
            series,
            rois: self.rois(),
            qc: match &chosen_facts[..] {
                [ct, pet] => quality::check_facts(&study::facts(ct, pet)),
                _ => Vec::new(),
            },
            warnings: self.warnings.clone(),
        }
    }
}
