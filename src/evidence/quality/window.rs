//! Checks on voxels of the three planes through the centre: padding, the scale of SUV, and whether PET and CT were swapped.
//!
//! The planes are sampled once, at every 12 mm, for all of them: each sample may be a miss of every cache.

use super::code::Code;
use super::finding::Findings;
use crate::case::Case;
use crate::imaging::sampler::PreprocessSpec;
use crate::imaging::suv::{Units, slice_factor};
use crate::imaging::{Probe, VolumeView};

const STEP_MM: f64 = 12.0;
/// Distance from the centre up to which the tissue's SUV is taken; the network may see less.
const TISSUE_REACH_MM: f64 = 60.0;
/// HU of what is neither air nor lung nor bone nor metal.
const TISSUE_HU: std::ops::Range<f64> = -200.0..300.0;
/// Fewer samples of tissue have no mean worth a finding.
const MIN_TISSUE: usize = 50;
/// Samples along each axis of the volume that PET and CT share, where there is no tissue around the centre.
const BODY_SAMPLES: usize = 12;
/// From here on the network sees mostly what it was not trained on.
const MAX_PADDING_SHARE: f64 = 0.25;
const PLANES: [&str; 3] = ["axial", "coronal", "sagittal"];

/// Mean SUV of tissue: the dose spread evenly is 1. Beyond this range something is wrong with its scale.
const USUAL_SUV: std::ops::RangeInclusive<f64> = 0.1..=15.0;
/// The same, 100 times off.
const POSSIBLE_SUV: std::ops::RangeInclusive<f64> = 0.01..=100.0;
/// The least that activity has as a mean: 25 MBq in 100 kg two half-lives of uptake and delay later still is 60 Bq/ml.
const MIN_MEAN_BQML: f64 = 50.0;
/// 1.4 % of the dose in each millilitre of a patient of 70 kg: no tissue has such an SUV.
const MIN_PEAK_BQML: f64 = 1000.0;

/// Share of samples from which a volume has the air of a CT, and below which it has none.
const CT_AIR_SHARE: f64 = 0.05;
const PET_AIR_SHARE: f64 = 0.01;
/// HU of fat, lung and air.
const MAX_FAT_HU: f64 = -50.0;
/// HU of air, lung and a scanner's padding; no activity or SUV is so far below zero.
const AIR_HU: std::ops::Range<f64> = -4000.0..-150.0;
/// HU between padding and metal.
const CT_HU: std::ops::Range<f64> = -4000.0..4000.0;
/// Samples along each axis of a volume that is looked at whole.
const VOLUME_SAMPLES: usize = 8;

/// What the samples of the planes through the centre say. They are counted, not kept.
pub(super) struct Window {
    /// Samples of each plane that the network sees.
    seen: [usize; 3],
    /// Those of them that are outside the volume or padding: CT, PET.
    empty: [[usize; 3]; 2],
    /// Samples on CT, and those with values of fat, lung or air.
    on_ct: [usize; 2],
    /// SUV of the samples of tissue, if they are enough.
    tissue: Option<Tissue>,
}

/// SUV over samples of tissue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tissue {
    pub mean: f64,
    max: f64,
}

impl Window {
    /// Samples the planes; `factors` are the SUV factors of the PET slices, empty if values are SUVbw.
    pub fn sample(
        case: &Case<'_>,
        center: [f64; 3],
        factors: &[f64],
        spec: &PreprocessSpec,
    ) -> Self {
        let (ct, pet) = (Probe::new(&case.ct), Probe::new(&case.pet));
        let lowest = [&spec.ct, &spec.pet].map(|i| i.padding_below.unwrap_or(f64::NEG_INFINITY));
        let half = (spec.window_mm() / 2.0 / STEP_MM) as i32;
        let n = half.max((TISSUE_REACH_MM / STEP_MM) as i32);
        let (mut seen, mut empty, mut on_ct) = ([0; 3], [[0; 3]; 2], [0; 2]);
        let points = (0..3)
            .flat_map(|plane| (-n..=n).flat_map(move |a| (-n..=n).map(move |b| (plane, a, b))));
        let samples = points.map(|(plane, a, b)| {
            let (x, y) = (f64::from(a) * STEP_MM, f64::from(b) * STEP_MM);
            let offset = [[x, y, 0.0], [x, 0.0, y], [0.0, x, y]][plane];
            let point = std::array::from_fn(|i| center[i] + offset[i]);
            let (ct, pet) = (ct.voxel(point), pet.voxel(point));
            if a.abs().max(b.abs()) <= half {
                seen[plane] += 1;
                for (volume, voxel) in [ct, pet].into_iter().enumerate() {
                    let padding = voxel.is_none_or(|(_, value)| value < lowest[volume]);
                    empty[volume][plane] += usize::from(padding);
                }
            }
            if let Some((_, hu)) = ct {
                on_ct[0] += 1;
                on_ct[1] += usize::from(hu < MAX_FAT_HU);
            }
            hu_and_suv(ct, pet, factors)
        });
        let tissue = Tissue::from_samples(samples);
        Self {
            seen,
            empty,
            on_ct,
            tissue,
        }
    }

    /// Finds planes of which a large share is outside the volume or padding.
    pub fn check_padding(&self, out: &mut Findings<'_>) {
        for (volume, empty) in ["CT", "PET"].into_iter().zip(self.empty) {
            for ((name, empty), all) in PLANES.iter().zip(empty).zip(self.seen) {
                let share = empty as f64 / all as f64;
                if share > MAX_PADDING_SHARE {
                    out.add(Code::PlanePadding, || {
                        format!(
                            "{:.0} % of the {name} {volume} plane is padding",
                            share * 100.0
                        )
                    });
                }
            }
        }
    }

    /// Finds PET and CT swapped by the host: the PET has the air of a CT, and the CT has none. Returns whether they are.
    pub fn check_modalities(&self, case: &Case<'_>, out: &mut Findings<'_>) -> bool {
        // There is fat, lung or air within a few centimetres of any tumour: whole volumes are seldom looked at.
        let [all, fat_or_air] = self.on_ct.map(|n| n as f64);
        if !out.wanted(Code::ModalitiesSwapped) || fat_or_air > PET_AIR_SHARE * all {
            return false;
        }
        let is_air = |value| AIR_HU.contains(&value);
        let pet = || volume_samples(&case.pet);
        let swapped = share(volume_samples(&case.ct), is_air) < PET_AIR_SHARE
            && share(pet(), is_air) >= CT_AIR_SHARE
            && share(pet(), |value| CT_HU.contains(&value)) >= 0.95;
        out.add_if(
            swapped,
            Code::ModalitiesSwapped,
            "the PET has values of air and lung as a CT has them, and the CT has none: they look swapped",
        );
        swapped
    }

    /// Compares the mean SUV of tissue with that of a body, which is about 1: far from it, units or tags are wrong. Returns
    /// the tissue's SUV; `None` where there is too little tissue.
    pub fn check_suv(
        &self,
        case: &Case<'_>,
        factors: &[f64],
        out: &mut Findings<'_>,
    ) -> Option<Tissue> {
        // A table and a cushion have the HU of tissue: where the centre lies beside the body, it is the body that counts.
        let (tissue, place) = match self.tissue {
            Some(tissue) if tissue.mean >= *USUAL_SUV.start() => (tissue, "around the tumour"),
            near => (
                Tissue::from_samples(body_samples(case, factors)).or(near)?,
                "of the body",
            ),
        };
        let Tissue { mean, max } = tissue;
        // Activity is recognised where the host says that it is SUV already; where SUV is computed, the factor is wrong.
        let is_suv = case
            .pet_info
            .is_none_or(|info| matches!(info.units, Units::Gml | Units::Cm2ml));
        if is_suv && out.wanted(Code::PetNotSuv) && (mean > MIN_MEAN_BQML || max > MIN_PEAK_BQML) {
            out.add(Code::PetNotSuv, || {
                format!(
                    "a mean of {mean:.0} and a maximum of {max:.0} in the tissue {place}: PET values that are said to be SUV look like Bq/ml"
                )
            });
        } else if out.wanted(Code::SuvScale) && !POSSIBLE_SUV.contains(&mean) {
            out.add(Code::SuvScale, || {
                format!("a mean SUV of {mean:.3e} in the tissue {place}, more than 100 times off")
            });
        } else if !USUAL_SUV.contains(&mean) {
            out.add(Code::SuvImplausible, || {
                format!("a mean SUV of {mean:.3} in the tissue {place}")
            });
        }
        Some(tissue)
    }
}

impl Tissue {
    /// Returns what one SUV is in these values: 1, or the mean where that cannot be an SUV.
    pub fn one_suv(self) -> f64 {
        if USUAL_SUV.contains(&self.mean) {
            1.0
        } else {
            self.mean
        }
    }

    /// Returns the SUV over those samples of HU and SUV that are tissue; `None` if they are too few.
    fn from_samples(samples: impl Iterator<Item = (Option<f64>, Option<f64>)>) -> Option<Self> {
        let (mut sum, mut max, mut n) = (0.0, f64::NEG_INFINITY, 0usize);
        for (hu, suv) in samples {
            if let (Some(hu), Some(suv)) = (hu, suv)
                && TISSUE_HU.contains(&hu)
                && suv.is_finite()
            {
                sum += suv;
                max = suv.max(max);
                n += 1;
            }
        }
        let mean = sum / n as f64;
        (n > MIN_TISSUE).then_some(Self { mean, max })
    }
}

/// HU and SUV at a coarse grid over the volume that PET and CT share.
fn body_samples<'a>(
    case: &'a Case<'_>,
    factors: &'a [f64],
) -> impl Iterator<Item = (Option<f64>, Option<f64>)> + 'a {
    let (ct, pet) = (Probe::new(&case.ct), Probe::new(&case.pet));
    let (a, b) = (case.ct.grid.bounds(), case.pet.grid.bounds());
    let shared: [[f64; 2]; 3] =
        std::array::from_fn(|i| [a[i][0].max(b[i][0]), a[i][1].min(b[i][1])]);
    grid(BODY_SAMPLES).map(move |at| {
        let point = std::array::from_fn(|i| shared[i][0] + at[i] * (shared[i][1] - shared[i][0]));
        hu_and_suv(ct.voxel(point), pet.voxel(point), factors)
    })
}

/// HU and SUV of a point from its voxels, slice and value, in CT and PET.
fn hu_and_suv(
    ct: Option<(usize, f64)>,
    pet: Option<(usize, f64)>,
    factors: &[f64],
) -> (Option<f64>, Option<f64>) {
    let suv = pet.map(|(slice, value)| value * slice_factor(factors, slice));
    (ct.map(|(_, hu)| hu), suv)
}

/// Values at a coarse grid over a whole volume, but for padding.
fn volume_samples<'a>(view: &'a VolumeView<'_>) -> impl Iterator<Item = f64> + 'a {
    grid(VOLUME_SAMPLES).filter_map(|at| {
        let dims = view.grid.dims;
        view.unpadded_value(std::array::from_fn(|i| (at[i] * dims[i] as f64) as usize))
    })
}

/// Centres of `n` x `n` x `n` cells of the unit cube.
fn grid(n: usize) -> impl Iterator<Item = [f64; 3]> {
    (0..n * n * n)
        .map(move |i| [i % n, i / n % n, i / (n * n)].map(|v| (v as f64 + 0.5) / n as f64))
}

/// Share of values that fulfil a condition; 0 of none.
fn share(values: impl Iterator<Item = f64>, condition: impl Fn(f64) -> bool) -> f64 {
    let (mut fulfil, mut all) = (0usize, 0usize);
    for value in values {
        all += 1;
        fulfil += usize::from(condition(value));
    }
    fulfil as f64 / all.max(1) as f64
}

#[cfg(test)]
mod tests;
