//! SUV metrics of a lesion on native PET voxels (NUMERICS 4). Evidence beside the scores; none is an input of the network.

use crate::error::{Error, Result};

use crate::roi::{Delineation, Extent, Seed};
use crate::volume::VolumeView;
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

    /// The voxels whose centres lie in an LPS box, cut to the volume; `None` if there are none.
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

    fn contains(&self, v: [usize; 3]) -> bool {
        (0..3).all(|a| (self.first[a]..=self.last[a]).contains(&v[a]))
    }
}

/// Cut out the lesion of a region - the voxels that reach the threshold and hang together (26 neighbours) with its
/// hottest one - and measure it. `factors` turns each slice's values into SUVbw; empty if they are. Returns the
/// lesion's voxels with the measures.
pub fn measure(
    view: &VolumeView<'_>,
    factors: &[f64],
    region: Region,
    delineation: Delineation,
) -> Result<(PetMetrics, Vec<[usize; 3]>)> {
    let suv = |v: [usize; 3]| view.value(v) * factors.get(v[2]).copied().unwrap_or(1.0);
    let mut hottest = (f64::NEG_INFINITY, region.first);
    for v in region.voxels() {
        let value = suv(v);
        if !value.is_finite() {
            return Err(Error::VoxelNotFinite {
                volume: view.name(),
            });
        }
        if value > hottest.0 {
            hottest = (value, v);
        }
    }
    let (suv_max, seed) = hottest;
    let (threshold, method) = match delineation {
        Delineation::Fraction(f) => (f * suv_max, format!("{:.0}% of SUVmax", f * 100.0)),
        Delineation::Fixed(t) => (t, format!("SUV >= {t}")),
    };
    if !(suv_max > 0.0 && suv_max >= threshold) {
        return Err(Error::RoiInvalid(format!(
            "no voxel of the region reaches {method} (SUVmax {suv_max:.2})"
        )));
    }
    let lesion = connected(seed, |v| region.contains(v) && suv(v) >= threshold);
    let sum: f64 = lesion.iter().map(|v| suv(*v)).sum();
    let suv_mean = sum / lesion.len() as f64;
    let mtv_ml = lesion.len() as f64 * view.geometry.voxel_volume_mm3() / 1000.0;
    let suv_peak = lesion
        .iter()
        .map(|v| sphere_mean(view, &suv, *v))
        .fold(f64::NEG_INFINITY, f64::max);
    let metrics = PetMetrics {
        suv_max,
        suv_mean,
        suv_peak,
        mtv_ml,
        tlg: suv_mean * mtv_ml,
        voxels: lesion.len(),
        method,
        threshold,
    };
    Ok((metrics, lesion))
}

/// Centre and bounds of the lesion that grows from a seed.
pub fn extent_of_seed(view: &VolumeView<'_>, factors: &[f64], seed: &Seed) -> Result<Extent> {
    let region = Region::around(view, seed.point, seed.radius_mm).ok_or(Error::RoiOutside {
        volume: view.name(),
        center: seed.point,
    })?;
    let (_, voxels) = measure(view, factors, region, seed.delineation)?;
    let n = voxels.len() as f64;
    let mut center = [0.0; 3];
    for v in voxels.iter().map(|v| v.map(|i| i as f64)) {
        for (sum, x) in center.iter_mut().zip(view.geometry.index_to_lps(v)) {
            *sum += x / n;
        }
    }
    Ok(Extent {
        center,
        bounds: Some(view.geometry.lps_box(index_box(&voxels))),
    })
}

/// Box of continuous indices around voxels, their outer edges.
pub(crate) fn index_box(voxels: &[[usize; 3]]) -> [[f64; 2]; 3] {
    let mut index = [[f64::INFINITY, f64::NEG_INFINITY]; 3];
    for v in voxels {
        for (range, i) in index.iter_mut().zip(v.map(|i| i as f64)) {
            *range = [range[0].min(i - 0.5), range[1].max(i + 0.5)];
        }
    }
    index
}

/// Voxels that hang together with `seed` over faces, edges and corners. `belongs` is asked of indices beyond the volume
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
    use crate::volume::{DType, Geometry, IDENTITY};

    #[test]
    fn a_box_of_known_values_is_measured_and_a_second_one_left_alone() {
        let g = Geometry {
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
}
