//! A coarse look at a CT: HU at every few millimetres along the patient's axes, and which of it is lung.

use crate::case::Case;
use crate::volume::Probe;
use std::collections::VecDeque;

/// Distance of the samples, mm.
pub(super) const STEP_MM: f64 = 4.0;
/// A body of 2.2 m on a table of 0.7 m; what is larger is no patient.
const MAX_SAMPLES: usize = 24 << 20;
const AIR_HU: f32 = -500.0;
/// Both lungs of a child.
const MIN_LUNGS_ML: f64 = 400.0;
/// Air in a hollow table is flat, lungs are not.
const MIN_LUNG_DEPTH_MM: f64 = 100.0;

/// HU of the part of the patient that CT and PET share.
pub(super) struct Chest {
    pub dims: [usize; 3],
    origin: [f64; 3],
    pub hu: Vec<f32>,
    pub lung: Vec<bool>,
    /// First and last index of the lungs along each axis.
    pub lungs: [[usize; 2]; 3],
}

impl Chest {
    pub fn of(case: &Case<'_>, threads: usize) -> Result<Self, String> {
        let (ct, pet) = (case.ct.geometry.bounds(), case.pet.geometry.bounds());
        let low: [f64; 3] = std::array::from_fn(|a| ct[a][0].max(pet[a][0]) + STEP_MM / 2.0);
        let high: [f64; 3] = std::array::from_fn(|a| ct[a][1].min(pet[a][1]));
        let dims = std::array::from_fn(|a| ((high[a] - low[a]) / STEP_MM + 1.0).max(0.0) as usize);
        let samples = dims.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
        match samples {
            Some(1..=MAX_SAMPLES) => {}
            _ => return Err("CT and PET share no chest".into()),
        }
        let probe = Probe::new(&case.ct);
        let at = |i: [usize; 3]| std::array::from_fn(|a| low[a] + i[a] as f64 * STEP_MM);
        let slices = crate::parallel::map(dims[2], threads, |k| {
            let mut slice = Vec::with_capacity(dims[0] * dims[1]);
            for j in 0..dims[1] {
                for i in 0..dims[0] {
                    slice.push(probe.value(at([i, j, k])).unwrap_or(-1000.0).max(-1000.0) as f32);
                }
            }
            slice
        });
        let mut chest = Self {
            dims,
            origin: low,
            hu: slices.concat(),
            lung: Vec::new(),
            lungs: [[0; 2]; 3],
        };
        chest.find_lungs()?;
        Ok(chest)
    }

    pub fn at(&self, [i, j, k]: [usize; 3]) -> usize {
        (k * self.dims[1] + j) * self.dims[0] + i
    }

    fn index(&self, n: usize) -> [usize; 3] {
        let [nx, ny, _] = self.dims;
        [n % nx, n / nx % ny, n / (nx * ny)]
    }

    /// LPS mm of a sample.
    pub fn point(&self, index: [usize; 3]) -> [f64; 3] {
        std::array::from_fn(|a| self.origin[a] + index[a] as f64 * STEP_MM)
    }

    /// The middle between the outer borders of the lungs, an index along L.
    pub fn midline(&self) -> usize {
        self.lungs[0].iter().sum::<usize>() / 2
    }

    /// Neighbours of a sample along the first `axes` axes.
    fn neighbours(&self, n: usize, axes: usize) -> impl Iterator<Item = usize> + use<> {
        let index = self.index(n);
        let stride = [1, self.dims[0], self.dims[0] * self.dims[1]];
        let dims = self.dims;
        (0..axes).flat_map(move |a| {
            let before = (index[a] > 0).then(|| n - stride[a]);
            let after = (index[a] + 1 < dims[a]).then(|| n + stride[a]);
            before.into_iter().chain(after)
        })
    }

    /// Air that no axial slice connects with its border, in pieces as large as lungs.
    fn find_lungs(&mut self) -> Result<(), String> {
        let [nx, ny, nz] = self.dims;
        let mut air: Vec<bool> = self.hu.iter().map(|hu| *hu < AIR_HU).collect();
        let mut queue = VecDeque::new();
        for k in 0..nz {
            let rows = (0..nx).flat_map(|i| [[i, 0, k], [i, ny - 1, k]]);
            let columns = (0..ny).flat_map(|j| [[0, j, k], [nx - 1, j, k]]);
            queue.extend(rows.chain(columns).map(|i| self.at(i)));
        }
        while let Some(n) = queue.pop_front() {
            if std::mem::take(&mut air[n]) {
                queue.extend(self.neighbours(n, 2));
            }
        }
        let mut pieces: Vec<Vec<usize>> = Vec::new();
        for n in 0..air.len() {
            let mut piece = Vec::new();
            queue.push_back(n);
            while let Some(n) = queue.pop_front() {
                if std::mem::take(&mut air[n]) {
                    piece.push(n);
                    queue.extend(self.neighbours(n, 3));
                }
            }
            let depth = self.extent(&piece, 1);
            if (depth[1] - depth[0]) as f64 * STEP_MM >= MIN_LUNG_DEPTH_MM {
                pieces.push(piece);
            }
        }
        let largest = pieces.iter().map(Vec::len).max().unwrap_or(0);
        // The other lung, but not a bubble in the bowel.
        pieces.retain(|p| p.len() * 4 >= largest);
        let lungs: Vec<usize> = pieces.concat();
        if lungs.len() as f64 * STEP_MM.powi(3) / 1000.0 < MIN_LUNGS_ML {
            return Err("no lungs were found on CT".into());
        }
        self.lungs = std::array::from_fn(|axis| self.extent(&lungs, axis));
        self.lung = vec![false; self.hu.len()];
        for n in &lungs {
            self.lung[*n] = true;
        }
        let middle = self.midline();
        let right = lungs.iter().filter(|n| self.index(**n)[0] < middle).count();
        if right * 5 < lungs.len() || (lungs.len() - right) * 5 < lungs.len() {
            return Err("CT shows one lung only".into());
        }
        Ok(())
    }

    fn extent(&self, samples: &[usize], axis: usize) -> [usize; 2] {
        let along = samples.iter().map(|n| self.index(*n)[axis]);
        let low = along.clone().min().unwrap_or(0);
        [low, along.max().unwrap_or(0)]
    }
}
