//! The liver: the largest ball of soft tissue below the right lung.

use super::chest::{Chest, STEP_MM};

/// Liver with and without contrast medium, noise taken out; a fatty one below it is not taken.
const LIVER_HU: std::ops::Range<f32> = 20.0..200.0;
/// The ball of a kidney or of bowel is smaller.
const MIN_RADIUS_MM: f64 = 25.0;
/// Lung above a column of samples: less may be a bubble.
const MIN_LUNG_MM: f64 = 40.0;
/// The liver goes on beyond the midline.
const BEYOND_MIDLINE_MM: f64 = 60.0;

/// The middle of that ball, LPS mm.
pub(super) fn find(chest: &Chest) -> Result<[f64; 3], String> {
    // Columns below the right lung, with the index of its lowest sample.
    let columns: Vec<([usize; 2], usize)> = (0..chest.dims[1])
        .flat_map(|j| (0..chest.midline()).map(move |i| [i, j]))
        .filter_map(|[i, j]| {
            let mut lung = (0..chest.dims[2]).filter(|k| chest.lung[chest.at([i, j, *k])]);
            let lowest = lung.next()?;
            let enough = (lung.count() + 1) as f64 * STEP_MM >= MIN_LUNG_MM;
            enough.then_some(([i, j], lowest))
        })
        .collect();
    let top = columns.iter().map(|c| c.1).max().unwrap_or(0);
    let beyond = (BEYOND_MIDLINE_MM / STEP_MM) as usize;
    let width = chest.dims[0].min(chest.midline() + beyond);
    let belly = Belly::of(chest, [width, chest.dims[1], top]);
    let depth = belly.depth();
    let places = columns
        .iter()
        .flat_map(|([i, j], lowest)| (0..*lowest).map(move |k| [*i, *j, k]));
    let deepest = places.max_by(|a, b| depth[belly.at(*a)].total_cmp(&depth[belly.at(*b)]));
    match deepest {
        Some(p) if f64::from(depth[belly.at(p)]) * STEP_MM >= MIN_RADIUS_MM => Ok(chest.point(p)),
        _ => Err("no liver was found below the right lung".into()),
    }
}

/// A part of the chest that begins where it begins, one sample of nothing around it.
struct Belly {
    dims: [usize; 3],
    hu: Vec<f32>,
}

const NOTHING: f32 = -1000.0;

impl Belly {
    fn of(chest: &Chest, inner: [usize; 3]) -> Self {
        let mut belly = Self {
            dims: inner.map(|n| n + 2),
            hu: vec![NOTHING; inner.iter().map(|n| n + 2).product()],
        };
        for k in 0..inner[2] {
            for j in 0..inner[1] {
                let (from, to) = (chest.at([0, j, k]), belly.at([0, j, k]));
                belly.hu[to..to + inner[0]].copy_from_slice(&chest.hu[from..from + inner[0]]);
            }
        }
        belly
    }

    /// Where a sample of the chest is.
    fn at(&self, [i, j, k]: [usize; 3]) -> usize {
        ((k + 1) * self.dims[1] + j + 1) * self.dims[0] + i + 1
    }

    fn stride(&self, axis: usize) -> usize {
        self.dims[..axis].iter().product()
    }

    /// Means over 3 x 3 x 3 samples.
    fn smooth(&self) -> Vec<f32> {
        let mut values = self.hu.clone();
        for axis in 0..3 {
            let stride = self.stride(axis);
            let from = values.clone();
            let inner = stride..values.len() - stride;
            for n in inner {
                values[n] = (from[n - stride] + from[n] + from[n + stride]) / 3.0;
            }
        }
        values
    }

    /// Distance in samples to the nearest one that is not liver, by a chamfer in two passes.
    fn depth(&self) -> Vec<f32> {
        // Half of the 26 neighbours: those before a sample, with their distances.
        let before: [(usize, f32); 13] = std::array::from_fn(|n| {
            let d = [n % 3, n / 3 % 3, n / 9].map(|v| v as isize - 1);
            let offset: isize = (0..3).map(|a| d[a] * self.stride(a) as isize).sum();
            let squared: isize = d.iter().map(|v| v * v).sum();
            (offset.unsigned_abs(), (squared as f32).sqrt())
        });
        let liver = |hu: &f32| if LIVER_HU.contains(hu) { f32::MAX } else { 0.0 };
        let mut depth: Vec<f32> = self.smooth().iter().map(liver).collect();
        // The border is no liver whatever lies beside it, so no neighbour of one is beyond the ends.
        let [nx, ny, nz] = self.dims;
        let border = |n: usize| {
            let at = [n % nx, n / nx % ny, n / (nx * ny)];
            at.contains(&0) || at[0] + 1 == nx || at[1] + 1 == ny || at[2] + 1 == nz
        };
        (0..depth.len())
            .filter(|n| border(*n))
            .for_each(|n| depth[n] = 0.0);
        let set: Vec<usize> = (0..depth.len()).filter(|n| depth[*n] > 0.0).collect();
        for &n in &set {
            let nearest = before.map(|(offset, length)| depth[n - offset] + length);
            depth[n] = nearest.into_iter().fold(depth[n], f32::min);
        }
        for &n in set.iter().rev() {
            let nearest = before.map(|(offset, length)| depth[n + offset] + length);
            depth[n] = nearest.into_iter().fold(depth[n], f32::min);
        }
        depth
    }
}
