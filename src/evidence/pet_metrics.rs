//! SUV metrics of a lesion on native PET voxels (NUMERICS 4). Evidence beside the scores; none is an input of the network.

use crate::error::{Error, Result};

use crate::imaging::VolumeView;
use crate::imaging::roi::{Delineation, Extent, Seed};
use crate::imaging::suv::slice_factor;
use serde::Serialize;

/// The metrics of one lesion.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PetMetrics {
    /// Hottest voxel.
    pub suv_max: f64,
    /// Mean over the lesion.
    pub suv_mean: f64,
    /// Highest mean over a sphere of 1 cm3 centred on a voxel of the lesion.
    pub suv_peak: f64,
    /// Metabolic tumour volume, ml: voxels times voxel volume.
    pub mtv_ml: f64,
    /// Total lesion glycolysis: SUVmean times MTV.
    pub tlg: f64,
    /// Voxels of the lesion.
    pub voxels: usize,
    /// `41% of SUVmax`, `SUV >= 4` ...
    pub method: String,
    /// SUV that a voxel must reach.
    pub threshold: f64,
}

/// Radius of a sphere of 1 cm3, mm.
const PEAK_RADIUS_MM: f64 = 6.2035;

/// A region of voxels, both ends included, that the host says holds the lesion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// Lowest index along i, j, k.
    pub first: [usize; 3],
    /// Highest index.
    pub last: [usize; 3],
}

impl Region {
    /// The cube of `radius` mm around a point, cut to the volume; `None` if the point is outside.
    pub fn around(view: &VolumeView<'_>, center: [f64; 3], radius: f64) -> Option<Self> {
        let g = &view.grid;
        let reaches = radius.is_finite() && radius >= 0.0;
        if !(reaches && g.contains(center)) {
            return None;
        }
        let middle = g.lps_to_index(center);
        let reach = |a: usize| radius / g.spacing[a];
        let clip = |a: usize, v: f64| v.round().clamp(0.0, (g.dims[a] - 1) as f64) as usize;
        Some(Self {
            first: std::array::from_fn(|a| clip(a, middle[a] - reach(a))),
            last: std::array::from_fn(|a| clip(a, middle[a] + reach(a))),
        })
    }

    /// The voxels from the one nearest to the lowest corner of an LPS box to that nearest to the highest, cut to the volume:
    /// of a box along voxel edges one layer more at the upper end. `None` if the box lies outside.
    pub fn within(view: &VolumeView<'_>, bounds: [[f64; 2]; 3]) -> Option<Self> {
        let g = &view.grid;
        let mut index = [[f64::INFINITY, f64::NEG_INFINITY]; 3];
        for corner in 0..8 {
            let point = g.lps_to_index(std::array::from_fn(|a| bounds[a][corner >> a & 1]));
            for (b, v) in index.iter_mut().zip(point) {
                *b = [b[0].min(v), b[1].max(v)];
            }
        }
        let last = |a: usize| g.dims[a] as f64 - 1.0;
        (0..3)
            .all(|a| index[a][1] >= 0.0 && index[a][0] <= last(a))
            .then(|| Self {
                first: std::array::from_fn(|a| index[a][0].round().clamp(0.0, last(a)) as usize),
                last: std::array::from_fn(|a| index[a][1].round().clamp(0.0, last(a)) as usize),
            })
    }

    /// Its voxels, i fastest.
    pub fn voxels(&self) -> impl Iterator<Item = [usize; 3]> + use<> {
        let Self { first, last } = *self;
        (first[2]..=last[2]).flat_map(move |k| {
            (first[1]..=last[1]).flat_map(move |j| (first[0]..=last[0]).map(move |i| [i, j, k]))
        })
    }

    /// The voxels of this region that touch one of it, and that one.
    fn around_voxel(&self, v: [usize; 3]) -> Self {
        Self {
            first: std::array::from_fn(|a| v[a].saturating_sub(1).max(self.first[a])),
            last: std::array::from_fn(|a| (v[a] + 1).min(self.last[a])),
        }
    }

    fn contains(&self, v: [usize; 3]) -> bool {
        (0..3).all(|a| (self.first[a]..=self.last[a]).contains(&v[a]))
    }
}

/// A lesion that was cut out of a region.
#[derive(Clone, Debug, PartialEq)]
pub struct Delineated {
    /// Its measures.
    pub metrics: PetMetrics,
    /// Its voxels; the first is the hottest.
    pub voxels: Vec<[usize; 3]>,
    /// Distance from the point that it should hold, mm; `None` if it holds the point, or none was given.
    pub missed_by_mm: Option<f64>,
}

/// Cuts out the lesion of a region - the voxels that reach the threshold and hang together (26 neighbours) with its
/// hottest one - and measures it. `factors` turns each slice's values into SUVbw; empty if they are. Returns the
/// lesion's voxels with the measures.
///
/// # Errors
/// [`Error::VoxelNotFinite`]; [`Error::RoiInvalid`] if no voxel reaches the threshold.
pub fn measure(
    view: &VolumeView<'_>,
    factors: &[f64],
    region: Region,
    delineation: Delineation,
) -> Result<(PetMetrics, Vec<[usize; 3]>)> {
    let found = delineate(view, factors, region, delineation, None)?;
    Ok((found.metrics, found.voxels))
}

/// Cuts out and measures the lesion that a point stands for.
///
/// 1. The lesion around the region's hottest voxel (NUMERICS 4), if it holds the point.
/// 2. Else the point's own lesion, though a hotter one lies in the region: for a fixed threshold the voxels that reach it
///    and hang together with the point's voxel; for a fraction, the lesion around the peak that the SUV rises to from the
///    point's voxel, each step to the hottest neighbour. If that lesion runs into hotter voxels it is cut out anew around
///    the hottest of them. It counts if it then still holds the point, and has no hotter voxel than its peak.
/// 3. Else the lesion around the region's hottest voxel, with its distance from the point: the point lies in background
///    or on the slope of a hotter lesion, and what was cut out may not be what was meant.
///
/// # Errors
/// Does what [`measure`] does.
pub fn delineate(
    view: &VolumeView<'_>,
    factors: &[f64],
    region: Region,
    delineation: Delineation,
    point: Option<[f64; 3]>,
) -> Result<Delineated> {
    let suv = |v: [usize; 3]| view.value(v) * slice_factor(factors, v[2]);
    for v in region.voxels() {
        if !suv(v).is_finite() {
            return Err(Error::VoxelNotFinite {
                volume: view.name(),
            });
        }
    }
    let hottest = hottest(region.voxels(), &suv).unwrap_or(region.first);
    let (threshold, method) = delineation.threshold(suv(hottest));
    if !(suv(hottest) > 0.0 && suv(hottest) >= threshold) {
        return Err(Error::RoiInvalid(format!(
            "no voxel of the region reaches {method} (SUVmax {:.2})",
            suv(hottest)
        )));
    }
    let grow = |seed: [usize; 3], threshold: f64| {
        connected(seed, |v| region.contains(v) && suv(v) >= threshold)
    };
    let mut lesion = grow(hottest, threshold);
    let mut missed_by_mm = point.and_then(|p| distance(view, &lesion, p));
    if missed_by_mm.is_some()
        && let Some(voxel) = point.and_then(|p| voxel_at(view, p))
        && let Some(own) = own_lesion(voxel, region, delineation, &suv, &grow)
    {
        (lesion, missed_by_mm) = (own, None);
    }
    Ok(Delineated {
        metrics: metrics(view, &suv, &lesion, delineation),
        voxels: lesion,
        missed_by_mm,
    })
}

impl Delineation {
    /// Returns the SUV that a voxel must reach in a lesion of this SUVmax, and how that is called.
    fn threshold(self, suv_max: f64) -> (f64, String) {
        match self {
            Delineation::Fraction(f) => (f * suv_max, format!("{:.0}% of SUVmax", f * 100.0)),
            Delineation::Fixed(t) => (t, format!("SUV >= {t}")),
        }
    }
}

/// Returns the first of the hottest voxels.
fn hottest(
    voxels: impl Iterator<Item = [usize; 3]>,
    suv: &impl Fn([usize; 3]) -> f64,
) -> Option<[usize; 3]> {
    let hotter = |a: [usize; 3], b: [usize; 3]| if suv(b) > suv(a) { b } else { a };
    voxels.reduce(hotter)
}

/// Returns the lesion of a voxel's own: rule 2 of [`delineate`].
fn own_lesion(
    voxel: [usize; 3],
    region: Region,
    delineation: Delineation,
    suv: &impl Fn([usize; 3]) -> f64,
    grow: &impl Fn([usize; 3], f64) -> Vec<[usize; 3]>,
) -> Option<Vec<[usize; 3]>> {
    if !region.contains(voxel) {
        return None;
    }
    let mut peak = voxel;
    if let Delineation::Fraction(_) = delineation {
        while let Some(next) = hottest(region.around_voxel(peak).voxels(), suv)
            && suv(next) > suv(peak)
        {
            peak = next;
        }
    }
    loop {
        let (threshold, _) = delineation.threshold(suv(peak));
        if !(suv(peak) > 0.0 && suv(peak) >= threshold) {
            return None;
        }
        let lesion = grow(peak, threshold);
        if !lesion.contains(&voxel) {
            return None;
        }
        let top = hottest(lesion.iter().copied(), suv).unwrap_or(peak);
        if suv(top) <= suv(peak) {
            return Some(lesion);
        }
        peak = top;
    }
}

/// Returns the voxel that a point lies in, if that is one of the volume.
fn voxel_at(view: &VolumeView<'_>, point: [f64; 3]) -> Option<[usize; 3]> {
    let g = &view.grid;
    let index = g.lps_to_index(point);
    g.contains(point).then(|| {
        std::array::from_fn(|a| index[a].round().clamp(0.0, (g.dims[a] - 1) as f64) as usize)
    })
}

/// Returns how far a point lies from the nearest of some voxels, mm; `None` if it lies in one.
fn distance(view: &VolumeView<'_>, voxels: &[[usize; 3]], point: [f64; 3]) -> Option<f64> {
    let g = &view.grid;
    if voxel_at(view, point).is_some_and(|v| voxels.contains(&v)) {
        return None;
    }
    let index = g.lps_to_index(point);
    let to = |v: &[usize; 3]| {
        let nearest = std::array::from_fn(|a| index[a].clamp(v[a] as f64 - 0.5, v[a] as f64 + 0.5));
        let nearest = g.index_to_lps(nearest);
        let mm = (0..3).map(|a| (nearest[a] - point[a]).powi(2));
        mm.sum::<f64>().sqrt()
    };
    Some(voxels.iter().map(to).fold(f64::INFINITY, f64::min))
}

fn metrics(
    view: &VolumeView<'_>,
    suv: &impl Fn([usize; 3]) -> f64,
    lesion: &[[usize; 3]],
    delineation: Delineation,
) -> PetMetrics {
    let values = lesion.iter().map(|v| suv(*v));
    let suv_max = values.clone().fold(f64::NEG_INFINITY, f64::max);
    let (threshold, method) = delineation.threshold(suv_max);
    let suv_mean = values.sum::<f64>() / lesion.len() as f64;
    let mtv_ml = lesion.len() as f64 * view.grid.voxel_volume_mm3() / 1000.0;
    let suv_peak = lesion
        .iter()
        .map(|v| sphere_mean(view, suv, *v))
        .fold(f64::NEG_INFINITY, f64::max);
    PetMetrics {
        suv_max,
        suv_mean,
        suv_peak,
        mtv_ml,
        tlg: suv_mean * mtv_ml,
        voxels: lesion.len(),
        method,
        threshold,
    }
}

/// Returns the centre and bounds of the lesion that a seed stands for, by the rule of [`delineate`].
///
/// # Errors
/// [`Error::RoiOutside`] if the seed is not in the volume; else as [`measure`].
pub fn extent_of_seed(view: &VolumeView<'_>, factors: &[f64], seed: &Seed) -> Result<Extent> {
    let region = Region::around(view, seed.point, seed.radius_mm).ok_or(Error::RoiOutside {
        volume: view.name(),
        center: seed.point,
    })?;
    let found = delineate(view, factors, region, seed.delineation, Some(seed.point))?;
    let n = found.voxels.len() as f64;
    let mut center = [0.0; 3];
    for v in found.voxels.iter().map(|v| v.map(|i| i as f64)) {
        for (sum, x) in center.iter_mut().zip(view.grid.index_to_lps(v)) {
            *sum += x / n;
        }
    }
    Ok(Extent {
        center,
        bounds: Some(view.grid.lps_box(index_box(&found.voxels))),
        lesion_missed_by_mm: found.missed_by_mm,
    })
}

/// Returns the box of continuous indices around the outer edges of voxels.
pub(crate) fn index_box(voxels: &[[usize; 3]]) -> [[f64; 2]; 3] {
    let mut index = [[f64::INFINITY, f64::NEG_INFINITY]; 3];
    for v in voxels {
        for (range, i) in index.iter_mut().zip(v.map(|i| i as f64)) {
            *range = [range[0].min(i - 0.5), range[1].max(i + 0.5)];
        }
    }
    index
}

/// Returns the voxels connected with `seed` over faces, edges and corners. `belongs` is called for indices beyond the volume
/// as well.
pub fn connected(seed: [usize; 3], belongs: impl Fn([usize; 3]) -> bool) -> Vec<[usize; 3]> {
    let mut found = vec![seed];
    let mut seen = std::collections::HashSet::from([seed]);
    let mut next = 0;
    while let Some(&v) = found.get(next) {
        next += 1;
        for n in 0..27 {
            let step = [n % 3, n / 3 % 3, n / 9];
            // 0, 1, 2 stand for -1, 0, +1; below the volume wraps to a huge index, which belongs to nothing.
            let neighbour = std::array::from_fn(|a| (v[a] + step[a]).wrapping_sub(1));
            if belongs(neighbour) && seen.insert(neighbour) {
                found.push(neighbour);
            }
        }
    }
    found
}

/// Mean over the voxels whose centres lie within 1 cm3 around a voxel, the volume's border respected.
fn sphere_mean(view: &VolumeView<'_>, suv: &impl Fn([usize; 3]) -> f64, center: [usize; 3]) -> f64 {
    let g = &view.grid;
    let reach: [isize; 3] = std::array::from_fn(|a| (PEAK_RADIUS_MM / g.spacing[a]) as isize);
    let (mut sum, mut n) = (0.0, 0.0);
    for dk in -reach[2]..=reach[2] {
        for dj in -reach[1]..=reach[1] {
            for di in -reach[0]..=reach[0] {
                let step = [di, dj, dk];
                let mm: f64 = (0..3)
                    .map(|a| (step[a] as f64 * g.spacing[a]).powi(2))
                    .sum();
                let v: [usize; 3] = std::array::from_fn(|a| center[a].wrapping_add_signed(step[a]));
                if mm <= PEAK_RADIUS_MM.powi(2) && (0..3).all(|a| v[a] < g.dims[a]) {
                    sum += suv(v);
                    n += 1.0;
                }
            }
        }
    }
    sum / n
}

#[cfg(test)]
mod tests;
