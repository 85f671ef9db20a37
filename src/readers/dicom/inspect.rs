//! What files and folders hold: every CT and PET series, which one would be used, and why not the others.

use super::archive::Archive;
use super::modality::Modality;
use super::rois::RoiSummary;
use super::series::SeriesMetadata;
use super::series_selection::{Candidate, candidates, largest, largest_pair, reason_not_selected};
use super::study;
use crate::cancel::CancelToken;
use crate::case::CaseMetadata;
use crate::error::Result;
use crate::imaging::suv::{PetInfo, SuvScale};
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
#[derive(Clone, Debug, Default, Serialize)]
pub struct Inspection {
    /// All series, CT before PET, largest first.
    pub series: Vec<SeriesSummary>,
    /// All ROIs of structure sets and segmentations.
    pub rois: Vec<RoiSummary>,
    /// What the headers of the chosen CT and PET say together; `None` unless both are chosen.
    #[serde(skip)]
    pub metadata: Option<CaseMetadata>,
    /// What the SUV of the chosen PET is computed from, and its factors; `None` without a PET.
    #[serde(skip)]
    pub suv: Option<(PetInfo, SuvScale)>,
    /// DICOM files that cannot be read.
    pub warnings: Vec<String>,
}

impl SeriesSummary {
    fn new(
        candidate: &Candidate<'_>,
        modality: Modality,
        rejected_because: Option<String>,
    ) -> Self {
        let first = candidate.slices[0];
        Self {
            uid: first.series_uid.clone(),
            modality: modality.code(),
            slices: candidate.slices.len(),
            matrix: [first.columns, first.rows],
            chosen: rejected_because.is_none(),
            rejected_because,
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
        }
    }
}

impl Archive {
    /// Returns every series and ROI, without decoding an image.
    pub fn inspect(&self) -> Inspection {
        // A token that nobody triggers: it cannot fail.
        self.inspect_until(&CancelToken::default())
            .unwrap_or_default()
    }

    /// As [`Archive::inspect`]; ends soon after `cancel` is triggered.
    ///
    /// # Errors
    /// [`crate::Error::Cancelled`].
    pub fn inspect_until(&self, cancel: &CancelToken) -> Result<Inspection> {
        let ct = candidates(&self.images, Modality::Ct);
        cancel.check()?;
        let pet = candidates(&self.images, Modality::Pt);
        let pair = largest_pair(&ct, &pet);
        let usable = |all: &[Candidate<'_>]| all.iter().any(|c| c.refusal().is_none());
        let (chosen, why_not) = match pair {
            Ok([c, p]) => ([Some(c), Some(p)], None),
            Err(e) if usable(&ct) && usable(&pet) => ([None, None], Some(e.to_string())),
            // One modality alone.
            Err(_) => {
                let ct = largest(&ct, Modality::Ct).ok();
                ([ct, largest(&pet, Modality::Pt).ok()], None)
            }
        };
        let of = |all: &[Candidate<'_>], modality: usize, others: &[Candidate<'_>]| {
            let partner = chosen[1 - modality].map(|n| &others[n]);
            let code = [Modality::Ct, Modality::Pt][modality];
            let alone = || largest(all, code).err().map(|e| e.to_string());
            let rejected = |n: usize| match chosen[modality] {
                Some(chosen) if chosen == n => None,
                Some(chosen) => Some(reason_not_selected(&all[n], &all[chosen], partner)),
                None => why_not.clone().or_else(alone),
            };
            let summary = |(n, c): (usize, &Candidate<'_>)| {
                let why = c.refusal().or_else(|| rejected(n));
                SeriesSummary::new(c, code, why)
            };
            all.iter().enumerate().map(summary).collect::<Vec<_>>()
        };
        let series = [of(&ct, 0, &pet), of(&pet, 1, &ct)].concat();
        let metadata =
            |all: &[Candidate<'_>], n: usize| SeriesMetadata::from_slices(&all[n].slices);
        let chosen_metadata = chosen[0].zip(chosen[1]);
        let chosen_metadata = chosen_metadata.map(|(c, p)| (metadata(&ct, c), metadata(&pet, p)));
        cancel.check()?;
        let suv = chosen[1].and_then(|p| pet[p].suv.as_ref()?.as_ref().ok().cloned());
        Ok(Inspection {
            series,
            rois: self.rois_until(cancel)?,
            metadata: chosen_metadata.map(|(ct, pet)| study::metadata(&ct, &pet)),
            suv,
            warnings: self.warnings.clone(),
        })
    }
}
