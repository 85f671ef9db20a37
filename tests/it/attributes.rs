//! Random edits of a valid study's attributes: each is read to the exact number, refused, or flagged; never silently wrong.
//!
//! `tests/attributes/make.py` edits one attribute of each study and computes, with pydicom and numpy, what the study is then worth.
//! `DLNMS_ATTRIBUTE_EDITS` sets how many studies there are, `DLNMS_ATTRIBUTE_SEED` which.

use crate::support;
use dlnms::bundle::Manifest;
use dlnms::cancel::CancelToken;
use dlnms::evidence::quality::{self, QualityPolicy};
use dlnms::imaging::VolumeView;
use dlnms::imaging::roi::Roi;
use dlnms::readers::dicom::{Archive, SeriesChoice, Study};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

#[derive(Deserialize)]
struct Expected {
    study: usize,
    recipe: String,
    edit: Edit,
    values: Option<BTreeMap<String, Vec<Slice>>>,
    #[serde(default)]
    flagged: bool,
    refused: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[allow(dead_code)] // fields that stand in messages alone
struct Edit {
    modality: String,
    attribute: String,
    change: String,
    slice: i32,
    harmless: bool,
}

/// What one slice holds, as both sides compute it.
#[derive(Clone, Debug, Deserialize)]
struct Slice {
    position: [f64; 3],
    spacing: [f64; 2],
    matrix: [usize; 2],
    mean: f64,
    /// Mean of the values weighted by their place, so that it sees rows and columns exchanged.
    moment: f64,
    padded: usize,
}

impl Slice {
    fn all_of(view: &VolumeView<'_>, factors: &[f64]) -> Vec<Self> {
        let g = &view.grid;
        let [columns, rows, slices] = g.dims;
        (0..slices)
            .map(|k| {
                let factor = factors.get(k).copied().unwrap_or(1.0);
                let voxels = || (0..rows).flat_map(move |j| (0..columns).map(move |i| [i, j, k]));
                let padded = |at: &[usize; 3]| {
                    let stored = view.stored(*at);
                    view.padding
                        .is_some_and(|p| p[0] <= stored && stored <= p[1])
                };
                let values: Vec<f64> = voxels().map(|at| view.value(at) * factor).collect();
                let weights = (1..=values.len()).map(|w| w as f64);
                Self {
                    position: g.index_to_lps([0.0, 0.0, k as f64]),
                    spacing: [g.spacing[0], g.spacing[1]],
                    matrix: [columns, rows],
                    mean: values.iter().sum::<f64>() / values.len() as f64,
                    moment: values
                        .iter()
                        .zip(weights.clone())
                        .map(|(v, w)| v * w)
                        .sum::<f64>()
                        / weights.sum::<f64>(),
                    // Padding of a PET is not replaced: its values stand as they are.
                    padded: if factors.is_empty() {
                        voxels().filter(padded).count()
                    } else {
                        0
                    },
                }
            })
            .collect()
    }

    fn is(&self, other: &Self) -> bool {
        let near = |a: f64, b: f64, tolerance: f64| (a - b).abs() <= tolerance;
        let relative = |a: f64, b: f64| near(a, b, 1e-9 * a.abs().max(b.abs()).max(1.0));
        self.matrix == other.matrix
            && self.padded == other.padded
            && self
                .position
                .iter()
                .zip(other.position)
                .all(|(a, b)| near(*a, b, 1e-3))
            && self
                .spacing
                .iter()
                .zip(other.spacing)
                .all(|(a, b)| near(*a, b, 1e-4))
            && relative(self.mean, other.mean)
            && relative(self.moment, other.moment)
    }
}

/// What the library makes of a study.
struct Read {
    ct: Vec<Slice>,
    pet: Vec<Slice>,
    /// Codes of findings, and warnings.
    flags: BTreeSet<String>,
}

fn read(folder: &Path, manifest: &Manifest) -> dlnms::Result<Read> {
    let cancel = CancelToken::default();
    let archive = Archive::open(&[folder.to_owned()], &cancel)?;
    let study = Study::load(
        &archive,
        &archive,
        SeriesChoice::default(),
        &|_, _| true,
        &cancel,
    )?;
    let case = study.case(Roi::Point([0.0; 3]))?;
    let suv = case.pet_info.map(|info| info.suv_scale()).transpose()?;
    let factors = suv.as_ref().map_or(&[][..], |s| &s.factors);
    let roi = case.roi.extent()?;
    let findings = quality::check(
        &case,
        &roi,
        suv.as_ref(),
        None,
        &manifest.preprocessing,
        &QualityPolicy::default(),
    )?;
    let codes = findings.iter().map(|f| f.code.name().to_owned());
    let warnings = study
        .warnings
        .iter()
        .chain(suv.iter().flat_map(|s| &s.warnings))
        .cloned();
    Ok(Read {
        ct: Slice::all_of(&case.ct, &[]),
        pet: Slice::all_of(&case.pet, factors),
        flags: codes.chain(warnings).collect(),
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Exact,
    Refused,
    Flagged,
    Silent,
    UndeservedRefusal,
}

fn judge(expected: &Expected, got: &dlnms::Result<Read>, own_flags: &BTreeSet<String>) -> Outcome {
    let read = match got {
        Err(_) if expected.edit.harmless && expected.values.is_some() => {
            return Outcome::UndeservedRefusal;
        }
        Err(_) => return Outcome::Refused,
        Ok(read) => read,
    };
    let same = |ours: &[Slice], theirs: &[Slice]| {
        ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| a.is(b))
    };
    let exact = expected
        .values
        .as_ref()
        .is_some_and(|v| same(&read.ct, &v["CT"]) && same(&read.pet, &v["PT"]));
    let flagged = !read.flags.is_subset(own_flags);
    match (exact, flagged) {
        (true, _) if flagged || !expected.flagged => Outcome::Exact,
        (_, true) => Outcome::Flagged,
        _ => Outcome::Silent,
    }
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

#[test]
fn an_edited_study_is_exact_refused_or_flagged() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("studies");
    let made = Command::new(support::root().join("target/venv/bin/python"))
        .arg(support::root().join("tests/attributes/make.py"))
        .args([
            setting("DLNMS_ATTRIBUTE_EDITS", "2000"),
            setting("DLNMS_ATTRIBUTE_SEED", "1"),
        ])
        .arg(&out)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let manifest = std::fs::read(support::tiny_bundle().join("manifest.json")).unwrap();
    let manifest = Manifest::parse(&manifest).unwrap();

    let lines = std::fs::read_to_string(out.join("expected.jsonl")).unwrap();
    let (mut own_flags, mut counts) = (BTreeMap::new(), BTreeMap::new());
    let mut faults = Vec::new();
    for line in lines.lines() {
        let expected: Expected = serde_json::from_str(line).unwrap();
        let got = read(&out.join(expected.study.to_string()), &manifest);
        if expected.edit.attribute == "nothing" {
            let read = got
                .as_ref()
                .unwrap_or_else(|e| panic!("the valid study {} is refused: {e}", expected.recipe));
            own_flags.insert(expected.recipe.clone(), read.flags.clone());
        }
        let outcome = judge(&expected, &got, &own_flags[&expected.recipe]);
        *counts.entry(outcome).or_insert(0usize) += 1;
        if matches!(outcome, Outcome::Silent | Outcome::UndeservedRefusal) {
            let (ours, theirs) = (
                got.map(|r| (r.ct.first().cloned(), r.pet.first().cloned(), r.flags)),
                expected.refused,
            );
            faults.push(format!(
                "{outcome:?}: {} {:?}: expected {theirs:?}, read {ours:?}",
                expected.recipe, expected.edit
            ));
        }
    }
    println!("{} edited studies: {counts:?}", lines.lines().count());
    assert!(
        faults.is_empty(),
        "{} of them are wrong:\n{}",
        faults.len(),
        faults.join("\n")
    );
    assert!(
        counts[&Outcome::Exact] > 0 && counts[&Outcome::Refused] > 0,
        "both kinds are there: {counts:?}"
    );
}
