//! SUV metrics of a lesion on native PET voxels (NUMERICS 4). Evidence beside the scores; none is an input of the network.

use crate::error::{Error, Result};

use crate::imaging::VolumeView;
use crate::imaging::roi::{Delineation, Extent, Seed};
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
        let g = &view.geometry;
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
        let g = &view.geometry;
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
    let suv = |v: [usize; 3]| view.value(v) * factors.get(v[2]).copied().unwrap_or(1.0);
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
    let g = &view.geometry;
    let index = g.lps_to_index(point);
    g.contains(point).then(|| {
        std::array::from_fn(|a| index[a].round().clamp(0.0, (g.dims[a] - 1) as f64) as usize)
    })
}

/// Returns how far a point lies from the nearest of some voxels, mm; `None` if it lies in one.
fn distance(view: &VolumeView<'_>, voxels: &[[usize; 3]], point: [f64; 3]) -> Option<f64> {
    let g = &view.geometry;
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
    let mtv_ml = lesion.len() as f64 * view.geometry.voxel_volume_mm3() / 1000.0;
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
        for (sum, x) in center.iter_mut().zip(view.geometry.index_to_lps(v)) {
            *sum += x / n;
        }
    }
    Ok(Extent {
        center,
        bounds: Some(view.geometry.lps_box(index_box(&found.voxels))),
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
    let g = &view.geometry;
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
mod tests {
    use super::*;
    use crate::imaging::{DType, IDENTITY, ImageGrid};

    #[test]
    fn a_box_of_known_values_is_measured_and_a_second_one_left_alone() {
        let g = ImageGrid {
            dims: [12, 10, 9],
            origin: [0.0; 3],
            spacing: [4.0, 4.0, 5.0],
            direction: IDENTITY,
            slice_offsets: None,
        };
        let mut values = vec![1f32; 12 * 10 * 9];
        let at = |i: usize, j: usize, k: usize| (k * 10 + j) * 12 + i;
        for k in 3..5 {
            for j in 3..5 {
                for i in 3..5 {
                    values[at(i, j, k)] = 6.0;
                }
            }
        }
        values[at(4, 4, 4)] = 10.0;
        values[at(5, 5, 5)] = 6.0; // touches by a corner
        values[at(9, 8, 8)] = 8.0; // another lesion
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
        let view = VolumeView::packed(&bytes, DType::F32, g, "pet").unwrap();
        let all = Region {
            first: [0; 3],
            last: [11, 9, 8],
        };
        let (m, voxels) = measure(&view, &[], all, Delineation::default()).unwrap();
        assert_eq!(voxels.len(), m.voxels);
        assert_eq!((m.voxels, m.suv_max, m.threshold), (9, 10.0, 4.1));
        assert!((m.suv_mean - 58.0 / 9.0).abs() < 1e-12 && (m.mtv_ml - 9.0 * 0.08).abs() < 1e-12);
        assert!((m.tlg - m.suv_mean * m.mtv_ml).abs() < 1e-12 && m.suv_peak < 10.0);
        let (fixed, _) = measure(&view, &[0.5; 9], all, Delineation::Fixed(2.5)).unwrap();
        assert_eq!((fixed.voxels, fixed.suv_max), (9, 5.0));
        assert!(measure(&view, &[], all, Delineation::Fixed(50.0)).is_err());
        let near = Region::around(&view, [16.0, 16.0, 20.0], 8.0).unwrap();
        assert_eq!((near.first, near.last), ([2, 2, 2], [6, 6, 6]));
        assert!(Region::around(&view, [500.0, 0.0, 0.0], 8.0).is_none());
    }

    /// A PET of 20 x 10 x 5 voxels of 4 x 4 x 5 mm with a background of 1.
    struct Pet(Vec<f32>);

    impl Pet {
        fn new() -> Self {
            Self(vec![1.0; 20 * 10 * 5])
        }

        fn set(&mut self, i: [usize; 2], j: [usize; 2], k: [usize; 2], value: f32) {
            for (k, j) in (k[0]..=k[1]).flat_map(|k| (j[0]..=j[1]).map(move |j| (k, j))) {
                self.0[(k * 10 + j) * 20..][i[0]..=i[1]].fill(value);
            }
        }

        /// Cuts the lesion of a point, given as a continuous index, out of the whole volume.
        fn delineate(&self, point: Option<[f64; 3]>, delineation: Delineation) -> Delineated {
            let bytes: Vec<u8> = self.0.iter().flat_map(|v| v.to_ne_bytes()).collect();
            let view = VolumeView::packed(&bytes, DType::F32, grid(), "pet").unwrap();
            let all = Region {
                first: [0; 3],
                last: [19, 9, 4],
            };
            let point = point.map(|p| view.geometry.index_to_lps(p));
            delineate(&view, &[], all, delineation, point).unwrap()
        }
    }

    fn grid() -> ImageGrid<'static> {
        ImageGrid {
            dims: [20, 10, 5],
            origin: [-30.0, 7.0, 100.0],
            spacing: [4.0, 4.0, 5.0],
            direction: IDENTITY,
            slice_offsets: None,
        }
    }

    const FRACTION: Delineation = Delineation::Fraction(0.41);

    /// A node of SUV 5 to 6 at i = 2 to 4, and 40 mm away a tumour of SUV 20.
    fn two_lesions() -> Pet {
        let mut pet = Pet::new();
        pet.set([2, 4], [4, 6], [2, 3], 5.0);
        pet.set([3, 3], [5, 5], [2, 2], 6.0);
        pet.set([14, 17], [4, 6], [2, 3], 20.0);
        pet.set([15, 15], [5, 5], [2, 2], 21.0);
        pet
    }

    #[test]
    fn the_lesion_of_a_seed_is_its_own_though_a_hotter_one_is_near() {
        let pet = two_lesions();
        for seed in [
            [3.0, 5.0, 2.0],
            [2.0, 4.0, 3.0],
            [4.4, 6.4, 2.0],
            [1.6, 3.6, 2.0],
        ] {
            for (delineation, threshold) in [(FRACTION, 0.41 * 6.0), (Delineation::Fixed(4.0), 4.0)]
            {
                let found = pet.delineate(Some(seed), delineation);
                assert_eq!(found.missed_by_mm, None);
                let m = &found.metrics;
                assert_eq!(
                    (m.voxels, m.suv_max, m.threshold),
                    (18, 6.0, threshold),
                    "{seed:?}"
                );
                assert_eq!(found.voxels[0], [3, 5, 2]);
            }
        }
        // In the hottest lesion, and without a point: that one.
        for seed in [Some([16.0, 4.0, 3.0]), None] {
            let found = pet.delineate(seed, FRACTION);
            assert_eq!((found.metrics.voxels, found.metrics.suv_max), (24, 21.0));
            assert_eq!((found.voxels[0], found.missed_by_mm), ([15, 5, 2], None));
        }
    }

    #[test]
    fn a_seed_that_no_lesion_holds_says_how_far_the_lesion_is() {
        let pet = two_lesions();
        for (seed, mm) in [
            // In the background between both, 13.5 voxels' edge to 9: four and a half voxels of 4 mm.
            ([9.0, 5.0, 2.0], 18.0),
            ([13.25, 5.0, 2.0], 1.0),
            ([13.0, 2.5, 2.0], 20f64.sqrt()),
            ([15.0, 5.0, 0.5], 5.0),
            (
                [-0.4, 9.0, 4.0],
                (55.6f64.powi(2) + 100.0 + 2.5f64.powi(2)).sqrt(),
            ),
        ] {
            for delineation in [FRACTION, Delineation::Fixed(4.0)] {
                let found = pet.delineate(Some(seed), delineation);
                assert_eq!(found.metrics.suv_max, 21.0, "{seed:?}");
                assert!(
                    (found.missed_by_mm.unwrap() - mm).abs() < 1e-6,
                    "{seed:?} {found:?}"
                );
            }
        }
        // Outside of the volume.
        let found = pet.delineate(Some([25.0, 5.0, 2.0]), FRACTION);
        assert!((found.missed_by_mm.unwrap() - 30.0).abs() < 1e-9);
    }

    #[test]
    fn a_seed_on_the_slope_of_a_hotter_lesion_has_no_lesion_of_its_own() {
        let mut pet = Pet::new();
        for (i, value) in [(8, 2.0), (9, 3.0), (10, 6.0), (11, 10.0), (12, 6.0)] {
            pet.set([i, i], [5, 5], [2, 2], value);
        }
        let found = pet.delineate(Some([9.0, 5.0, 2.0]), FRACTION);
        assert_eq!((found.metrics.voxels, found.missed_by_mm), (3, Some(2.0)));
        // A bump of its own whose lesion runs into the hotter one, where its threshold no longer holds the seed.
        pet.set([6, 6], [5, 5], [2, 2], 3.5);
        pet.set([7, 8], [5, 5], [2, 2], 2.5);
        let found = pet.delineate(Some([6.0, 5.0, 2.0]), FRACTION);
        assert_eq!((found.metrics.voxels, found.metrics.suv_max), (3, 10.0));
        assert_eq!(found.missed_by_mm, Some(14.0));
        // Beside a third lesion that is the hottest of the region, the slope is part of the second.
        pet.set([17, 18], [5, 5], [2, 2], 30.0);
        pet.set([9, 9], [5, 5], [2, 2], 4.5);
        let found = pet.delineate(Some([9.0, 5.0, 2.0]), FRACTION);
        assert_eq!(
            (
                found.metrics.voxels,
                found.metrics.suv_max,
                found.missed_by_mm
            ),
            (4, 10.0, None)
        );
        assert_eq!(found.voxels[0], [11, 5, 2]);
        // Its own lesion with two peaks is cut out at the higher one's threshold.
        pet.set([10, 10], [5, 5], [2, 2], 4.2);
        let found = pet.delineate(Some([9.0, 5.0, 2.0]), FRACTION);
        assert_eq!(
            (
                found.metrics.voxels,
                found.metrics.suv_max,
                found.metrics.threshold
            ),
            (4, 10.0, 4.1)
        );
        assert_eq!(found.voxels[0], [11, 5, 2]);
        // Where nothing takes up anything there is no lesion of its own either.
        pet.set([0, 2], [0, 2], [0, 2], -1.0);
        let found = pet.delineate(Some([1.0, 1.0, 1.0]), FRACTION);
        assert_eq!(found.metrics.suv_max, 30.0);
        assert!(found.missed_by_mm.is_some());
    }

    #[test]
    fn a_seed_grows_into_centre_and_bounds() {
        let pet = two_lesions();
        let bytes: Vec<u8> = pet.0.iter().flat_map(|v| v.to_ne_bytes()).collect();
        let view = VolumeView::packed(&bytes, DType::F32, grid(), "pet").unwrap();
        let at = |index| Seed {
            point: grid().index_to_lps(index),
            radius_mm: 60.0,
            delineation: FRACTION,
        };
        let extent = extent_of_seed(&view, &[2.0; 5], &at([2.0, 4.0, 3.0])).unwrap();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
        for (a, center) in [-18.0, 27.0, 112.5].into_iter().enumerate() {
            close(extent.center[a], center);
        }
        let bounds = [[-24.0, -12.0], [21.0, 33.0], [107.5, 117.5]];
        assert_eq!(extent.bounds, Some(bounds));
        assert_eq!(extent.lesion_missed_by_mm, None);
        let elsewhere = extent_of_seed(&view, &[], &at([9.0, 5.0, 2.0])).unwrap();
        close(elsewhere.lesion_missed_by_mm.unwrap(), 18.0);
        let far = Seed {
            point: [1e3; 3],
            ..at([0.0; 3])
        };
        assert!(matches!(
            extent_of_seed(&view, &[], &far),
            Err(Error::RoiOutside { volume: "pet", .. })
        ));
    }

    #[test]
    fn regions_are_cut_to_the_volume() {
        let pet = Pet::new();
        let bytes: Vec<u8> = pet.0.iter().flat_map(|v| v.to_ne_bytes()).collect();
        let view = VolumeView::packed(&bytes, DType::F32, grid(), "pet").unwrap();
        let around = |index, radius| {
            let region = Region::around(&view, grid().index_to_lps(index), radius);
            region.map(|r| (r.first, r.last))
        };
        assert_eq!(around([5.0, 5.0, 2.0], 5.9), Some(([4, 4, 1], [6, 6, 3])));
        assert_eq!(around([5.0, 5.0, 2.0], 0.0), Some(([5, 5, 2], [5, 5, 2])));
        assert_eq!(around([1.0, 8.0, 4.0], 12.0), Some(([0, 5, 2], [4, 9, 4])));
        assert_eq!(around([5.0, 5.0, 2.0], -1.0), None);
        assert_eq!(around([5.0, 5.0, 2.0], f64::INFINITY), None);
        assert_eq!(around([-0.6, 5.0, 2.0], 9.0), None);
        let within = |x: [f64; 2], y: [f64; 2], z: [f64; 2]| {
            Region::within(&view, [x, y, z]).map(|r| (r.first, r.last))
        };
        // Corners in mm: i = (x + 30) / 4, j = (y - 7) / 4, k = (z - 100) / 5.
        assert_eq!(
            within([-24.0, -12.0], [11.0, 19.4], [107.0, 117.0]),
            Some(([2, 1, 1], [5, 3, 3]))
        );
        assert_eq!(
            within([-90.0, 90.0], [-90.0, 90.0], [0.0, 200.0]),
            Some(([0; 3], [19, 9, 4]))
        );
        assert_eq!(
            within([46.0, 60.0], [7.0, 7.0], [100.0, 100.0]),
            Some(([19, 0, 0], [19, 0, 0]))
        );
        assert_eq!(within([46.5, 60.0], [7.0, 7.0], [100.0, 100.0]), None);
        assert_eq!(
            within([-60.0, -30.0], [7.0, 7.0], [100.0, 100.0]),
            Some(([0; 3], [0; 3]))
        );
        assert_eq!(within([-60.0, -30.5], [7.0, 7.0], [100.0, 100.0]), None);
        assert_eq!(within([-30.0, -30.0], [44.0, 50.0], [100.0, 100.0]), None);
        assert_eq!(within([-30.0, -30.0], [7.0, 7.0], [80.0, 99.0]), None);
        let region = Region {
            first: [1, 2, 3],
            last: [2, 2, 4],
        };
        let voxels: Vec<_> = region.voxels().collect();
        assert_eq!(voxels, [[1, 2, 3], [2, 2, 3], [1, 2, 4], [2, 2, 4]]);
        assert!(
            region.contains([2, 2, 4])
                && !region.contains([0, 2, 3])
                && !region.contains([1, 2, 5])
        );
        let near = region.around_voxel([1, 2, 3]);
        assert_eq!((near.first, near.last), ([1, 2, 3], [2, 2, 4]));
        let near = Region {
            first: [0; 3],
            last: [9; 3],
        }
        .around_voxel([4, 0, 9]);
        assert_eq!((near.first, near.last), ([3, 0, 8], [5, 1, 9]));
        assert_eq!(
            index_box(&[[1, 2, 3], [4, 2, 1]]),
            [[0.5, 4.5], [1.5, 2.5], [0.5, 3.5]]
        );
    }

    #[test]
    fn the_peak_is_the_mean_over_one_cubic_centimetre() {
        let mut pet = Pet::new();
        pet.set([10, 10], [5, 5], [2, 2], 15.0);
        let found = pet.delineate(None, Delineation::Fixed(10.0));
        // Of 4 x 4 x 5 mm: in the plane 9 voxels (4 hypot 4 = 5.66 mm), above and below one each (5 mm; 5 hypot 4 = 6.40).
        assert!((found.metrics.suv_peak - (15.0 + 10.0) / 11.0).abs() < 1e-12);
        assert_eq!((found.metrics.voxels, found.metrics.suv_mean), (1, 15.0));
        assert_eq!(
            (found.metrics.mtv_ml, found.metrics.tlg),
            (0.08, 15.0 * 0.08)
        );
        assert_eq!(found.metrics.method, "SUV >= 10");
        // In a corner of the volume the sphere is what lies in it.
        let mut pet = Pet::new();
        pet.set([0, 0], [0, 0], [0, 0], 15.0);
        let found = pet.delineate(None, Delineation::Fixed(15.0));
        assert!((found.metrics.suv_peak - (15.0 + 4.0) / 5.0).abs() < 1e-12);
    }

    #[test]
    fn lesions_hang_together_over_corners() {
        let set = [[5, 5, 5], [6, 6, 6], [7, 5, 7], [9, 5, 7], [0, 0, 0]];
        let mut found = connected([5, 5, 5], |v| set.contains(&v));
        found.sort_unstable();
        assert_eq!(found, [[5, 5, 5], [6, 6, 6], [7, 5, 7]]);
        assert_eq!(connected([0, 0, 0], |v| set.contains(&v)), [[0, 0, 0]]);
    }

    #[test]
    fn voxels_that_are_not_finite_and_lesions_that_are_not_there_are_refused() {
        let mut pet = Pet::new();
        let measure = |pet: &Pet, factors: &[f64], delineation| {
            let bytes: Vec<u8> = pet.0.iter().flat_map(|v| v.to_ne_bytes()).collect();
            let view = VolumeView::packed(&bytes, DType::F32, grid(), "pet").unwrap();
            let region = Region {
                first: [1; 3],
                last: [4; 3],
            };
            measure(&view, factors, region, delineation).map(|(m, _)| m.voxels)
        };
        let text = measure(&pet, &[], Delineation::Fixed(1.5))
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("no voxel of the region reaches SUV >= 1.5 (SUVmax 1.00)"),
            "{text}"
        );
        assert_eq!(measure(&pet, &[], Delineation::Fixed(1.0)).unwrap(), 64);
        assert!(measure(&pet, &[0.0; 5], FRACTION).is_err());
        assert!(measure(&pet, &[-1.0; 5], FRACTION).is_err());
        pet.set([0, 0], [0, 0], [0, 0], f32::NAN);
        assert!(measure(&pet, &[], FRACTION).is_ok());
        pet.set([4, 4], [4, 4], [4, 4], f32::INFINITY);
        assert!(matches!(
            measure(&pet, &[], FRACTION),
            Err(Error::VoxelNotFinite { volume: "pet" })
        ));
    }
}
