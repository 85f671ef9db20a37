//! Which series of a study are used, and why the others are not.
//!
//! CT: not a localizer, and one regular volume of HU. PET: attenuation corrected and convertible to SUV, and one regular
//! volume. Of those that pass, the CT and the PET are chosen together: they share a frame of reference, or a study where
//! none is stated, and both have the most voxels of all such pairs. Two that are equally good are refused. A UID takes
//! the choice away, but not the checks.

use super::consistency;
use super::instance::Instance;
use super::modality::Modality;
use super::pet_series::pet_info;
use super::slice_grid::SliceGrid;
use crate::error::{Error, Result};
use crate::imaging::suv::{PetInfo, SuvScale};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Which series to use; `None` leaves it to the rule.
#[derive(Clone, Copy, Debug, Default)]
pub struct SeriesChoice<'a> {
    /// Series Instance UID of the CT.
    pub ct: Option<&'a str>,
    /// Series Instance UID of the PET.
    pub pet: Option<&'a str>,
}

/// One series of a modality.
pub struct Candidate<'a> {
    /// Sorted along the normal where that is possible.
    pub slices: Vec<&'a Instance>,
    /// PET: its attributes with the SUV factor they give, or why there is none.
    pub suv: Option<Result<(PetInfo, SuvScale)>>,
    /// Its grid, or why it makes none.
    pub grid: Result<SliceGrid>,
    modality: Modality,
    localizer: bool,
    /// Every slice is sound, and all say alike what a series shares.
    sound: Result<()>,
    /// The slices are one acquisition.
    acquisition: Result<()>,
    /// The slices belong to one study.
    pub study: Result<()>,
}

impl<'a> Candidate<'a> {
    fn new(mut slices: Vec<&'a Instance>, namesakes: &[&Instance], modality: Modality) -> Self {
        let grid = SliceGrid::from_slices(&mut slices, modality);
        let sound = consistency::check(&slices, modality)
            .and_then(|()| consistency::complete(&slices, namesakes, modality));
        let suv = || {
            if let Err(Error::Suv(why) | Error::DicomSeries { why, .. }) = &sound {
                return Err(Error::Suv(why.clone()));
            }
            let info = pet_info(&slices)?;
            let scale = info.suv_scale()?;
            Ok((info, scale))
        };
        let refuse = |why| Error::DicomSeries {
            modality: modality.code(),
            why,
        };
        Self {
            suv: (modality == Modality::Pt).then(suv),
            grid,
            modality,
            localizer: slices[0].localizer,
            acquisition: consistency::one_acquisition(&slices).map_err(refuse),
            study: consistency::one_study(&slices, modality),
            sound,
            slices,
        }
    }

    /// Returns why the series cannot be used; `None` if it can.
    pub fn refusal(&self) -> Option<String> {
        if self.localizer {
            Some("a localizer".into())
        } else {
            self.error().map(Error::to_string)
        }
    }

    fn error(&self) -> Option<&Error> {
        let suv = self.suv.as_ref().and_then(|s| s.as_ref().err());
        let errors = [
            self.sound.as_ref().err(),
            suv,
            self.grid.as_ref().err(),
            self.acquisition.as_ref().err(),
        ];
        errors.into_iter().flatten().next()
    }

    /// Returns the error that [`Candidate::refusal`] describes; `None` for a localizer.
    fn into_error(self) -> Option<Error> {
        let suv = self.suv.and_then(Result::err);
        let errors = [
            self.sound.err(),
            suv,
            self.grid.err(),
            self.acquisition.err(),
        ];
        errors
            .into_iter()
            .flatten()
            .next()
            .filter(|_| !self.localizer)
    }

    /// Series Instance UID.
    pub fn uid(&self) -> &'a str {
        &self.slices[0].series_uid
    }

    fn voxels(&self) -> usize {
        let pixels = self.slices.iter().map(|s| s.rows * s.columns);
        pixels.fold(0, usize::saturating_add)
    }

    /// Returns whether a CT and a PET share a frame of reference, or a study where either states none.
    fn belongs_to(&self, other: &Candidate<'_>) -> bool {
        let (a, b) = (self.slices[0], other.slices[0]);
        match (&a.frame_of_reference, &b.frame_of_reference) {
            (Some(a), Some(b)) => a == b,
            _ => !a.study_uid.is_empty() && a.study_uid == b.study_uid,
        }
    }
}

/// Returns all series of a modality, largest first.
pub fn candidates(instances: &[Instance], modality: Modality) -> Vec<Candidate<'_>> {
    let mut namesakes: BTreeMap<&str, Vec<&Instance>> = BTreeMap::new();
    let mut groups: BTreeMap<(&str, bool), Vec<&Instance>> = BTreeMap::new();
    for instance in instances {
        let uid = instance.series_uid.as_str();
        let of_modality = instance.modality == modality.code();
        if of_modality {
            let group = groups.entry((uid, instance.localizer)).or_default();
            group.push(instance);
        }
        if !uid.is_empty() && (!of_modality || instance.localizer) {
            namesakes.entry(uid).or_default().push(instance);
        }
    }
    let mut all: Vec<Candidate<'_>> = groups
        .into_iter()
        .map(|((uid, _), slices)| {
            let others = namesakes.get(uid).map_or(&[][..], Vec::as_slice);
            Candidate::new(slices, others, modality)
        })
        .collect();
    all.sort_by_key(|c| Reverse(c.voxels()));
    all
}

/// Returns the candidates with the UID that the host named, or all of them.
fn named<'a>(
    instances: &'a [Instance],
    modality: Modality,
    uid: Option<&str>,
) -> Result<Vec<Candidate<'a>>> {
    let mut all = candidates(instances, modality);
    if let Some(uid) = uid {
        all.retain(|c| c.uid() == uid);
        if all.is_empty() {
            return Err(no_series(
                modality,
                "none has the Series Instance UID asked for".into(),
            ));
        }
    }
    Ok(all)
}

fn no_series(modality: Modality, why: String) -> Error {
    Error::DicomNoSeries {
        modality: modality.code(),
        why,
    }
}

fn ambiguous(what: &str, one: &str, other: &str) -> String {
    format!("ambiguous: {what} {one} and {other} are equally good, name the one to use")
}

fn usable(all: &[Candidate<'_>]) -> Vec<usize> {
    (0..all.len())
        .filter(|n| all[*n].refusal().is_none())
        .collect()
}

/// Returns the index of the usable series with the most voxels.
///
/// # Errors
/// Two have as many; none is usable.
pub fn largest(all: &[Candidate<'_>], modality: Modality) -> Result<usize> {
    // Largest first.
    match usable(all)[..] {
        [] => Err(no_series(modality, "none is usable".into())),
        [first, second, ..] if all[first].voxels() == all[second].voxels() => {
            let why = ambiguous("the series", all[first].uid(), all[second].uid());
            Err(no_series(modality, why))
        }
        [first, ..] => Ok(first),
    }
}

/// Returns the indices of the CT and the PET that belong together and of which both have the most voxels.
///
/// # Errors
/// No two belong together; two pairs are equally good, or one has the larger CT and another the larger PET.
pub fn largest_pair(ct: &[Candidate<'_>], pet: &[Candidate<'_>]) -> Result<[usize; 2]> {
    let of_one_study = |all: &[Candidate<'_>]| {
        let mut some = usable(all);
        some.retain(|n| all[*n].study.is_ok());
        some
    };
    let pets = of_one_study(pet);
    let pairs: Vec<[usize; 2]> = of_one_study(ct)
        .into_iter()
        .flat_map(|c| pets.iter().map(move |p| [c, *p]))
        .filter(|[c, p]| ct[*c].belongs_to(&pet[*p]))
        .collect();
    let size = |[c, p]: &[usize; 2]| [ct[*c].voxels(), pet[*p].voxels()];
    let most = |n: usize| pairs.iter().map(|pair| size(pair)[n]).max().unwrap_or(0);
    let wanted = [most(0), most(1)];
    let best: Vec<_> = pairs.iter().filter(|pair| size(pair) == wanted).collect();
    let uids = |[c, p]: &[usize; 2]| [ct[*c].uid(), pet[*p].uid()];
    match best[..] {
        [pair] => Ok(*pair),
        [] if pairs.is_empty() => Err(Error::DicomNoSeries {
            modality: "CT and PT",
            why: "no CT and PET share a frame of reference, or a study where none is stated; \
                  name both to take them nevertheless"
                .into(),
        }),
        [] => {
            let with = |n: usize| pairs.iter().find(|pair| size(pair)[n] == wanted[n]);
            let text = |n| {
                with(n)
                    .map(|pair| uids(pair).join(" with "))
                    .unwrap_or_default()
            };
            Err(Error::DicomNoSeries {
                modality: "CT and PT",
                why: ambiguous("the pairs", &text(0), &text(1)),
            })
        }
        [one, other, ..] => {
            let (a, b) = (uids(one), uids(other));
            let (modality, n) = if a[1] != b[1] {
                (Modality::Pt, 1)
            } else {
                (Modality::Ct, 0)
            };
            Err(no_series(modality, ambiguous("the series", a[n], b[n])))
        }
    }
}

/// Returns why a usable series is not the chosen one of its modality, whose partner is the chosen one of the other.
pub fn reason_not_selected(
    candidate: &Candidate<'_>,
    chosen: &Candidate<'_>,
    partner: Option<&Candidate<'_>>,
) -> String {
    if let Err(e) = &candidate.study {
        return e.to_string();
    }
    match partner {
        Some(partner) if !candidate.belongs_to(partner) => {
            let (code, a, b) = (
                partner.modality.code(),
                candidate.slices[0],
                partner.slices[0],
            );
            let stated = a.frame_of_reference.is_some() && b.frame_of_reference.is_some();
            let what = if stated {
                "frame of reference"
            } else {
                "study"
            };
            format!("it does not share the {what} of the chosen {code}")
        }
        _ if candidate.voxels() < chosen.voxels() => "smaller than the chosen series".into(),
        _ => "another series was chosen".into(),
    }
}

/// A chosen series with its grid, and warnings about the series that were skipped.
pub struct Chosen<'a> {
    pub candidate: Candidate<'a>,
    pub grid: SliceGrid,
    pub notes: Vec<String>,
}

/// Chooses the series of one modality: the one with this UID, or the largest.
///
/// # Errors
/// The reason why none can be used, or the UIDs of two that are equally good.
pub fn choose<'a>(
    instances: &'a [Instance],
    modality: Modality,
    uid: Option<&str>,
) -> Result<Chosen<'a>> {
    let all = named(instances, modality, uid)?;
    if usable(&all).is_empty() {
        return Err(why_none(all, modality));
    }
    let chosen = largest(&all, modality)?;
    let notes = notes(&all, chosen, None);
    take(all, chosen, notes)
}

/// Chooses a CT and a PET that belong together; a UID in `choice` leaves one candidate, two of them take any pair.
///
/// # Errors
/// The reason why none can be used, or the UIDs of those that are equally good.
pub fn choose_pair<'a>(
    ct: &'a [Instance],
    pet: &'a [Instance],
    choice: SeriesChoice<'_>,
) -> Result<[Chosen<'a>; 2]> {
    let cts = named(ct, Modality::Ct, choice.ct)?;
    let pets = named(pet, Modality::Pt, choice.pet)?;
    if usable(&cts).is_empty() {
        return Err(why_none(cts, Modality::Ct));
    }
    if usable(&pets).is_empty() {
        return Err(why_none(pets, Modality::Pt));
    }
    let [c, p] = match (choice.ct, choice.pet) {
        (Some(_), Some(_)) => [largest(&cts, Modality::Ct)?, largest(&pets, Modality::Pt)?],
        _ => match largest_pair(&cts, &pets) {
            Ok(pair) => pair,
            Err(e) => return Err(sole_study_error(cts, pets).unwrap_or(e)),
        },
    };
    for of in [&cts[c].study, &pets[p].study] {
        if let Err(Error::DicomSeries { modality, why }) = of {
            let why = why.clone();
            return Err(Error::DicomSeries { modality, why });
        }
    }
    let of_ct = notes(&cts, c, Some(&pets[p]));
    let of_pet = notes(&pets, p, Some(&cts[c]));
    Ok([take(cts, c, of_ct)?, take(pets, p, of_pet)?])
}

/// Returns why the only usable CT, or the only usable PET, belongs to no one study.
fn sole_study_error(cts: Vec<Candidate<'_>>, pets: Vec<Candidate<'_>>) -> Option<Error> {
    [cts, pets].into_iter().find_map(|all| {
        let mut usable = all.into_iter().filter(|c| c.refusal().is_none());
        let only = usable.next()?;
        usable.next().is_none().then(|| only.study.err())?
    })
}

/// Returns what is wrong with the series of a modality of which none is usable.
fn why_none(all: Vec<Candidate<'_>>, modality: Modality) -> Error {
    if all.is_empty() {
        return no_series(modality, "there is none among the files".into());
    }
    let why: Vec<String> = all
        .iter()
        .filter_map(|c| Some(note(c, &c.refusal()?)))
        .collect();
    let mut errors: Vec<Error> = all.into_iter().filter_map(Candidate::into_error).collect();
    match errors.len() {
        // One series refused: its own reason and code say more than "no series".
        1 => errors.remove(0),
        _ => no_series(modality, why.join("; ")),
    }
}

fn note(candidate: &Candidate<'_>, why: &str) -> String {
    let (code, n) = (candidate.modality.code(), candidate.slices.len());
    format!("{code}: passed over a series of {n} slices: {why}")
}

fn notes(all: &[Candidate<'_>], chosen: usize, partner: Option<&Candidate<'_>>) -> Vec<String> {
    let others = all.iter().enumerate().filter(|(n, _)| *n != chosen);
    let why = |c: &Candidate<'_>| {
        let usable = || reason_not_selected(c, &all[chosen], partner);
        c.refusal().unwrap_or_else(usable)
    };
    others.map(|(_, c)| note(c, &why(c))).collect()
}

fn take(mut all: Vec<Candidate<'_>>, chosen: usize, notes: Vec<String>) -> Result<Chosen<'_>> {
    let mut candidate = all.swap_remove(chosen);
    let taken = Err(Error::Internal("the grid was taken".into()));
    let grid = std::mem::replace(&mut candidate.grid, taken)?;
    Ok(Chosen {
        candidate,
        grid,
        notes,
    })
}

#[cfg(test)]
mod tests;
