//! Occlusion maps: how much a score falls when a square of one plane is hidden.
//!
//! What was measured is a grid of squares. A map says where hiding changes the score, never where the disease is.

use super::baseline::baseline_tensor;
use super::options::{Baseline, OcclusionOptions};
use super::reason::reason;
use super::score_pair::ScorePair;
use super::steps::Steps;
use crate::bundle::Manifest;
use crate::case::Case;
use crate::engine::{Heads, probability};
use crate::error::{Error, Result};
use crate::evidence::{lesion, pet_metrics};
use crate::imaging::roi::Roi;
use crate::imaging::sampler::PlaneGrid;
use crate::scorer::{NetworkRuns, Scores};
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// Occlusion maps of the planes of both modalities.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Occlusion {
    /// What the squares were filled with.
    pub baseline: Baseline,
    /// Side of a square, pixels.
    pub patch: usize,
    /// From square to square, pixels.
    pub stride: usize,
    /// Side of a square, mm.
    pub patch_mm: f64,
    /// Which squares were hidden.
    pub region: OccludedRegion,
    /// Runs of the network.
    pub runs: usize,
    /// For each plane the map of PET and that of CT.
    pub maps: Vec<OcclusionMap>,
}

/// Which squares were hidden.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum OccludedRegion {
    /// Those that touch the box of the lesion with a margin.
    Lesion {
        /// Margin on every side, mm.
        margin_mm: f64,
    },
    /// All of them.
    WholePlanes {
        /// Why not those near the lesion alone.
        reason: String,
    },
}

/// The map of one plane of one modality.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OcclusionMap {
    /// `pet` or `ct`.
    pub modality: &'static str,
    /// Name of the plane in the manifest.
    pub plane: String,
    /// Where its pixels lie.
    pub grid: PlaneGrid,
    /// For each score, the mean over the hidden squares that cover a pixel of what the score loses when that square is
    /// hidden; rows x columns, not a number where no hidden square covers the pixel. In JSON its extremes.
    pub values: ScorePair<MapValues>,
}

/// Values of a map, row by row.
#[derive(Clone, Debug, Default)]
pub struct MapValues(pub Vec<f32>);

// By bits: pixels that nothing covers are not numbers.
impl PartialEq for MapValues {
    fn eq(&self, other: &Self) -> bool {
        let bits = |m: &Self| m.0.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        bits(self) == bits(other)
    }
}

/// The extremes of a map.
#[derive(Serialize)]
struct Extremes {
    min: Option<f32>,
    max: Option<f32>,
    /// Share of the plane that was measured.
    covered: f64,
}

impl Serialize for MapValues {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let known = self.0.iter().copied().filter(|v| v.is_finite());
        Extremes {
            min: known.clone().reduce(f32::min),
            max: known.clone().reduce(f32::max),
            covered: known.count() as f64 / self.0.len().max(1) as f64,
        }
        .serialize(serializer)
    }
}

/// Squares are hidden this far around the lesion, mm.
const MARGIN_MM: f64 = 20.0;

/// The lesion of a point that is not in it may lie this far away, mm.
const NEAR_POINT_MM: f64 = 10.0;

/// One square of a plane.
#[derive(Clone, Copy)]
struct Square {
    plane: usize,
    row: usize,
    column: usize,
}

/// The scores that a case loses when a square is hidden in the PET and in the CT.
type Losses = [ScorePair<f64>; 2];

/// Computes the maps of a case.
///
/// # Errors
/// [`Error::InvalidArgument`] for squares that do not tile the planes; those of a run; [`Error::Cancelled`].
pub fn occlusion(
    runs: &NetworkRuns<'_>,
    case: &Case<'_>,
    scores: &Scores,
    tensors: [&[f32]; 2],
    (options, baseline): (&OcclusionOptions, Baseline),
    steps: &mut Steps<'_, '_>,
) -> Result<Occlusion> {
    let manifest = &scores.engine.manifest;
    let spec = &manifest.preprocessing;
    let (patch, stride) = (options.patch, options.stride);
    let tiles = stride > 0 && patch > 0 && patch <= spec.output;
    if !tiles || stride > patch || !(spec.output - patch).is_multiple_of(stride) {
        let side = spec.output;
        return Err(Error::invalid(
            "occlusion",
            format!("squares of {patch} pixels every {stride} do not cover a plane of {side}"),
        ));
    }
    let grids: Vec<PlaneGrid> = spec
        .channels
        .iter()
        .map(|c| spec.plane_grid(c, scores.center))
        .collect();
    let (region, bounds) = region(case, scores, options.whole_planes);
    let squares = squares(&grids, (patch, stride), bounds);
    let intensities = [&spec.pet, &spec.ct];
    let fill: [Vec<f32>; 2] =
        std::array::from_fn(|m| baseline_tensor(baseline, spec, intensities[m], tensors[m]));
    let hide = Hide {
        runs,
        manifest,
        tensors,
        fill: [&fill[0], &fill[1]],
        patch,
        side: spec.output,
        heads: ["n1", "n2"].map(|name| manifest.head(name).unwrap_or_default()),
    };
    let checked = runs.heads()?.ok();
    let runs_made = squares.len() * if checked.is_some() { 1 } else { 2 };
    steps.begin(runs_made);
    let losses = match checked {
        Some(heads) => hide.by_pooled_features(&heads, &squares, steps)?,
        None => hide.by_full_runs(scores, &squares, steps)?,
    };
    let maps = spec
        .channels
        .iter()
        .enumerate()
        .flat_map(|(plane, channel)| {
            let (grid, squares, losses) = (grids[plane], &squares, &losses);
            [("pet", 0), ("ct", 1)].map(move |(modality, m)| {
                let of_plane = squares.iter().zip(losses).filter(|(s, _)| s.plane == plane);
                let of_plane = of_plane.map(|(square, losses)| (*square, losses[m]));
                OcclusionMap {
                    modality,
                    plane: channel.plane.clone(),
                    grid,
                    values: spread(of_plane.collect(), patch, grid.side),
                }
            })
        });
    Ok(Occlusion {
        baseline,
        patch,
        stride,
        patch_mm: patch as f64 * grids.first().map_or(0.0, |g| g.spacing_mm),
        region,
        runs: runs_made,
        maps: maps.collect(),
    })
}

/// Returns which squares are to be hidden, and the box around them; `None` for all.
fn region(
    case: &Case<'_>,
    scores: &Scores,
    whole_planes: bool,
) -> (OccludedRegion, Option<[[f64; 2]; 3]>) {
    let whole = |reason: String| (OccludedRegion::WholePlanes { reason }, None);
    if whole_planes {
        return whole("they were asked for".into());
    }
    match lesion_bounds(case, scores) {
        Ok(bounds) => {
            let bounds = bounds.map(|[low, high]| [low - MARGIN_MM, high + MARGIN_MM]);
            let margin_mm = MARGIN_MM;
            (OccludedRegion::Lesion { margin_mm }, Some(bounds))
        }
        Err(why) => whole(format!("the lesion's extent is not known: {}", reason(why))),
    }
}

/// Returns the box of the lesion, LPS mm: that of a mask or box, else of what is cut out of the PET.
fn lesion_bounds(case: &Case<'_>, scores: &Scores) -> Result<[[f64; 2]; 3]> {
    let factors = scores.suv.as_ref().map_or(&[][..], |s| &s.factors);
    let extent = match &case.roi {
        Roi::Seed(seed) => pet_metrics::extent_of_seed(&case.pet, factors, seed)?,
        other => other.extent()?,
    };
    if let Some(bounds) = extent.bounds {
        return Ok(bounds);
    }
    let request = case.lesion.unwrap_or_default();
    let found = lesion::cut_out(case, &extent, factors, &request)?;
    match found.missed_by_mm.filter(|mm| *mm > NEAR_POINT_MM) {
        Some(mm) => Err(Error::RoiInvalid(format!(
            "what is cut out of the PET lies {mm:.0} mm from the centre"
        ))),
        None => Ok(case.pet.grid.lps_box(pet_metrics::index_box(&found.voxels))),
    }
}

/// Returns the squares of all planes that touch a box, or all.
fn squares(
    grids: &[PlaneGrid],
    (patch, stride): (usize, usize),
    bounds: Option<[[f64; 2]; 3]>,
) -> Vec<Square> {
    let mut found = Vec::new();
    for (plane, grid) in grids.iter().enumerate() {
        let wanted = match bounds {
            None => Some([[f64::NEG_INFINITY, f64::INFINITY]; 2]),
            Some(bounds) => grid.pixels_of_box(bounds),
        };
        let Some([rows, columns]) = wanted else {
            continue;
        };
        // A pixel reaches half a pixel to each side.
        let touches = |at: usize, [low, high]: [f64; 2]| {
            (at + patch) as f64 - 0.5 >= low && at as f64 - 0.5 <= high
        };
        for row in (0..=grid.side - patch).step_by(stride) {
            for column in (0..=grid.side - patch).step_by(stride) {
                if touches(row, rows) && touches(column, columns) {
                    found.push(Square { plane, row, column });
                }
            }
        }
    }
    found
}

/// Hides squares and runs the network.
struct Hide<'a> {
    runs: &'a NetworkRuns<'a>,
    manifest: &'a Manifest,
    tensors: [&'a [f32]; 2],
    fill: [&'a [f32]; 2],
    patch: usize,
    side: usize,
    /// Indices of the heads N1 and N2.
    heads: [usize; 2],
}

impl Hide<'_> {
    /// Hides a square in PET and CT at once, then evaluates the heads for either with the other one whole.
    fn by_pooled_features(
        &self,
        heads: &Arc<Heads>,
        squares: &[Square],
        steps: &mut Steps<'_, '_>,
    ) -> Result<Vec<Losses>> {
        let whole = self.runs.scores_and_pooled(&[self.tensors])?.pooled;
        let sums = |modality: usize, pooled: &[&[f32]]| {
            self.heads
                .map(|head| heads.hidden_sums(head, modality, pooled))
        };
        let (pet, ct) = (sums(0, &[&whole]), sums(1, &[&whole]));
        let score =
            |s: usize, pet: &[f64], ct: &[f64]| probability(heads.log_odds(self.heads[s], pet, ct));
        let all = ScorePair::from_fn(|s| score(s, &pet[s][0], &ct[s][0]));
        let mut losses = Vec::with_capacity(squares.len());
        for batch in squares.chunks(self.runs.max_batch()) {
            let hidden: Vec<[Vec<f32>; 2]> = batch
                .iter()
                .map(|square| [0, 1].map(|m| self.hidden(m, *square)))
                .collect();
            let cases: Vec<[&[f32]; 2]> = hidden.iter().map(|[p, c]| [&**p, &**c]).collect();
            let run = self.runs.scores_and_pooled(&cases)?;
            let values = run.pooled.len() / batch.len();
            let of_case: Vec<&[f32]> = run.pooled.chunks_exact(values).collect();
            let (hidden_pet, hidden_ct) = (sums(0, &of_case), sums(1, &of_case));
            losses.extend((0..batch.len()).map(|n| {
                let without_pet = ScorePair::from_fn(|s| score(s, &hidden_pet[s][n], &ct[s][0]));
                let without_ct = ScorePair::from_fn(|s| score(s, &pet[s][0], &hidden_ct[s][n]));
                [without_pet, without_ct].map(|without| loss(all, without))
            }));
            steps.advance(batch.len())?;
        }
        Ok(losses)
    }

    /// Hides a square in the PET, then in the CT.
    fn by_full_runs(
        &self,
        scores: &Scores,
        squares: &[Square],
        steps: &mut Steps<'_, '_>,
    ) -> Result<Vec<Losses>> {
        let pair = |of_case: &[f32]| ScorePair::from_fn(|s| f64::from(of_case[self.heads[s]]));
        let all = pair(&scores.heads);
        let mut losses = Vec::with_capacity(squares.len());
        let [pet, ct] = self.tensors;
        for batch in squares.chunks(self.runs.max_batch().div_ceil(2)) {
            let hidden: Vec<[Vec<f32>; 2]> = batch
                .iter()
                .map(|square| [0, 1].map(|m| self.hidden(m, *square)))
                .collect();
            let cases = hidden.iter().flat_map(|[p, c]| [[&**p, ct], [pet, &**c]]);
            let cases: Vec<[&[f32]; 2]> = cases.collect();
            let found = self.runs.scores(&cases)?;
            let mut found = found.chunks_exact(self.manifest.heads.len()).map(pair);
            losses.extend(batch.iter().map(|_| {
                [found.next(), found.next()].map(|without| loss(all, without.unwrap_or(all)))
            }));
            steps.advance(2 * batch.len())?;
        }
        Ok(losses)
    }

    /// Returns the tensor of a modality with a square of the baseline.
    fn hidden(&self, modality: usize, square: Square) -> Vec<f32> {
        let mut tensor = self.tensors[modality].to_vec();
        for row in square.row..square.row + self.patch {
            let from = (square.plane * self.side + row) * self.side + square.column;
            let pixels = from..from + self.patch;
            tensor[pixels.clone()].copy_from_slice(&self.fill[modality][pixels]);
        }
        tensor
    }
}

fn loss(all: ScorePair<f64>, without: ScorePair<f64>) -> ScorePair<f64> {
    ScorePair {
        n1: all.n1 - without.n1,
        n2: all.n2 - without.n2,
    }
}

/// Returns for each pixel the mean of the losses of the squares that cover it.
fn spread(
    squares: Vec<(Square, ScorePair<f64>)>,
    patch: usize,
    side: usize,
) -> ScorePair<MapValues> {
    let mut sums = vec![(ScorePair::<f64>::default(), 0u32); side * side];
    for (square, loss) in squares {
        for row in square.row..square.row + patch {
            for (sum, count) in &mut sums[row * side + square.column..][..patch] {
                sum.n1 += loss.n1;
                sum.n2 += loss.n2;
                *count += 1;
            }
        }
    }
    // Nothing divided by nothing is not a number: not measured.
    let mean = |pick: fn(&ScorePair<f64>) -> f64| {
        let values = sums
            .iter()
            .map(|(sum, n)| (pick(sum) / f64::from(*n)) as f32);
        MapValues(values.collect())
    };
    ScorePair {
        n1: mean(|s| s.n1),
        n2: mean(|s| s.n2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_has_the_mean_of_the_squares_that_cover_it_and_none_is_not_zero() {
        let at = |row, column| Square {
            plane: 0,
            row,
            column,
        };
        let loss = |v: f64| ScorePair { n1: v, n2: -v };
        let map = spread(vec![(at(0, 0), loss(1.0)), (at(0, 2), loss(3.0))], 4, 8);
        assert_eq!(map.n1.0[..8].iter().filter(|v| v.is_nan()).count(), 2);
        assert_eq!(map.n1.0[..6], [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
        assert_eq!(map.n2.0[3 * 8 + 2], -2.0);
        assert!(map.n1.0[4 * 8].is_nan());
        let json = serde_json::to_value(&map).unwrap();
        assert_eq!(json["n1"]["max"], 3.0);
        assert_eq!(json["n1"]["covered"], 24.0 / 64.0);
    }
}
