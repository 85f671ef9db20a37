//! Which series of a study is used, and why the others are not.
//!
//! CT: not a localizer, and one regular volume. PET: attenuation corrected and convertible to SUV, and one regular volume.
//! Of those that pass, the one with most voxels. A UID takes the choice away, but not the checks.

use super::grid::Grid;
use super::instance::Instance;
use super::pet_series::pet_info;
use super::series::Modality;
use crate::error::{Error, Result};
use crate::suv::{PetInfo, SuvScale};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// One series of a modality.
pub struct Candidate<'a> {
    /// Sorted along the normal where that is possible.
    pub slices: Vec<&'a Instance>,
    /// PET: its facts with the SUV factor they give, or why there is none.
    pub suv: Option<Result<(PetInfo, SuvScale)>>,
    /// Its grid, or why it makes none.
    pub grid: Result<Grid>,
    localizer: bool,
}

impl Candidate<'_> {
    /// Why the series cannot be used; `None` if it can.
    pub fn refusal(&self) -> Option<String> {
        if self.localizer {
            return Some("a localizer".into());
        }
        let suv = self.suv.as_ref().and_then(|s| s.as_ref().err());
        suv.or(self.grid.as_ref().err()).map(Error::to_string)
    }
}

/// All series of a modality, largest first.
pub fn candidates(instances: &[Instance], modality: Modality) -> Vec<Candidate<'_>> {
    let mut groups: BTreeMap<(&str, bool), Vec<&Instance>> = BTreeMap::new();
    for instance in instances.iter().filter(|i| i.modality == modality.code()) {
        groups
            .entry((&instance.series_uid, instance.localizer))
            .or_default()
            .push(instance);
    }
    let mut all = Vec::with_capacity(groups.len());
    for ((_, localizer), mut slices) in groups {
        let grid = Grid::of(&mut slices, modality);
        let suv = || {
            let info = pet_info(&slices)?;
            let scale = info.suv_scale()?;
            Ok((info, scale))
        };
        all.push(Candidate {
            suv: (modality == Modality::Pt).then(suv),
            grid,
            localizer,
            slices,
        });
    }
    all.sort_by_key(|c: &Candidate<'_>| {
        Reverse(c.slices.iter().map(|i| i.rows * i.columns).sum::<usize>())
    });
    all
}

/// The series to use - the one with this UID, or the best by rule - with its grid, and notes on the ones passed over.
pub fn choose<'a>(
    instances: &'a [Instance],
    modality: Modality,
    uid: Option<&str>,
) -> Result<(Candidate<'a>, Grid, Vec<String>)> {
    let code = modality.code();
    let mut all = candidates(instances, modality);
    if let Some(uid) = uid {
        all.retain(|c| c.slices[0].series_uid == uid);
        if all.is_empty() {
            return Err(Error::DicomNoSeries {
                modality: code,
                why: "none has the Series Instance UID asked for".into(),
            });
        }
    }
    let found = all.len();
    let (mut chosen, mut notes, mut errors) = (None, Vec::new(), Vec::new());
    for mut candidate in all {
        let n = candidate.slices.len();
        match candidate.refusal() {
            None if chosen.is_none() => chosen = Some(candidate),
            None => notes.push(format!(
                "{code}: passed over a series of {n} slices, smaller than the chosen one"
            )),
            Some(why) => {
                notes.push(format!("{code}: passed over a series of {n} slices: {why}"));
                let suv = candidate.suv.take().and_then(Result::err);
                errors.extend(
                    (!candidate.localizer)
                        .then(|| suv.or(candidate.grid.err()))
                        .flatten(),
                );
            }
        }
    }
    if let Some(mut candidate) = chosen {
        let taken = Err(Error::Internal("the grid was taken".into()));
        let grid = std::mem::replace(&mut candidate.grid, taken)?;
        return Ok((candidate, grid, notes));
    }
    Err(match errors.len() {
        // One series refused: its own reason and code say more than "no series".
        1 => errors.remove(0),
        _ if found == 0 => Error::DicomNoSeries {
            modality: code,
            why: "there is none among the files".into(),
        },
        _ => Error::DicomNoSeries {
            modality: code,
            why: notes.join("; "),
        },
    })
}
