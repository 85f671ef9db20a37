//! A coarse map of the lungs on CT: which points at every few millimetres along the patient's axes are lung.
//!
//! Air is kept as runs along L, a hundredth of the samples, and connected by runs.

use super::lattice::Lattice;
use crate::allocation;
use crate::cancel::CancelToken;
use crate::case::Case;

/// Distance of the samples, mm.
pub(super) const STEP_MM: f64 = 4.0;
/// A body of 2.2 m on a table of 0.7 m; what is larger is no patient.
const MAX_SAMPLES: usize = 24 << 20;
/// A patient has some ten thousand runs of air; noise is no patient.
const MAX_RUNS: usize = 1 << 20;
const AIR_HU: f32 = -500.0;
/// Both lungs of a child.
const MIN_LUNGS_ML: f64 = 400.0;
/// Air in a hollow table is flat, lungs are not.
const MIN_LUNG_DEPTH_MM: f64 = 100.0;

/// Samples of one row that are air, first and last index along L.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub first: usize,
    pub last: usize,
    /// Index along P.
    pub j: usize,
    /// Index along S.
    pub k: usize,
}

impl Run {
    fn len(self) -> usize {
        self.last + 1 - self.first
    }
}

/// The lungs of the part of the patient that CT and PET share.
pub(super) struct Chest {
    pub dims: [usize; 3],
    origin: [f64; 3],
    /// HU of the samples, slice by slice and row by row.
    pub hu: Vec<Vec<f32>>,
    pub lung: Vec<Run>,
    /// First and last index of the lungs along each axis.
    pub lungs: [[usize; 2]; 3],
}

impl Chest {
    /// Finds the lungs, on at most `threads` threads.
    pub fn new(
        case: &Case<'_>,
        ct: &Lattice<'_>,
        threads: usize,
        cancel: &CancelToken,
    ) -> Result<Self, String> {
        let (a, b) = (case.ct.grid.bounds(), case.pet.grid.bounds());
        let low: [f64; 3] = std::array::from_fn(|i| a[i][0].max(b[i][0]) + STEP_MM / 2.0);
        let high: [f64; 3] = std::array::from_fn(|i| a[i][1].min(b[i][1]));
        let dims = std::array::from_fn(|i| ((high[i] - low[i]) / STEP_MM + 1.0).max(0.0) as usize);
        let samples = dims.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
        if !matches!(samples, Some(1..=MAX_SAMPLES)) {
            return Err("CT and PET share no chest".into());
        }
        let mut chest = Self {
            dims,
            origin: low,
            hu: Vec::new(),
            lung: Vec::new(),
            lungs: [[0; 2]; 3],
        };
        let [xs, ys, _] = chest.coordinates();
        let slices = crate::parallel::map(dims[2], threads, |k| {
            cancel.check()?;
            let z = chest.point([0, 0, k])[2];
            samples_of_slice(ct, &xs, &ys, z, k)
        });
        let slices: Result<Vec<_>, _> = slices.into_iter().collect();
        let (hu, slices): (_, Vec<_>) = slices.map_err(|e| e.to_string())?.into_iter().unzip();
        chest.hu = hu;
        if slices.iter().map(Vec::len).sum::<usize>() > MAX_RUNS {
            return Err("CT shows no body".into());
        }
        chest.find_lungs(&slices.concat())?;
        Ok(chest)
    }

    /// Returns the position of a sample, LPS mm.
    pub fn point(&self, index: [usize; 3]) -> [f64; 3] {
        std::array::from_fn(|a| self.origin[a] + index[a] as f64 * STEP_MM)
    }

    /// Returns the coordinates of the samples along each axis, LPS mm.
    pub fn coordinates(&self) -> [Vec<f64>; 3] {
        std::array::from_fn(|a| (0..self.dims[a]).map(|n| self.point([n; 3])[a]).collect())
    }

    /// The middle between the outer borders of the lungs, an index along L.
    pub fn midline(&self) -> usize {
        self.lungs[0].iter().sum::<usize>() / 2
    }

    /// Keeps the air that no axial slice connects with its border, in pieces as large as lungs.
    fn find_lungs(&mut self, air: &[Run]) -> Result<(), String> {
        let mut pieces = pieces(air, self.dims);
        pieces.retain(|piece| {
            (piece.extent[1][1] - piece.extent[1][0]) as f64 * STEP_MM >= MIN_LUNG_DEPTH_MM
        });
        let largest = pieces.iter().map(|p| p.samples).max().unwrap_or(0);
        // The other lung, but not a bubble in the bowel.
        pieces.retain(|p| p.samples * 4 >= largest);
        let samples: usize = pieces.iter().map(|p| p.samples).sum();
        if samples as f64 * STEP_MM.powi(3) / 1000.0 < MIN_LUNGS_ML {
            return Err("no lungs were found on CT".into());
        }
        let extents = pieces.iter().map(|p| p.extent);
        self.lungs = extents.reduce(join).unwrap_or_default();
        self.lung = pieces.into_iter().flat_map(|p| p.runs).collect();
        let middle = self.midline();
        let of_run = |r: &Run| (r.last + 1).min(middle).saturating_sub(r.first);
        let right: usize = self.lung.iter().map(of_run).sum();
        if right * 5 < samples || (samples - right) * 5 < samples {
            return Err("CT shows one lung only".into());
        }
        Ok(())
    }
}

/// Returns the samples of one slice and the runs of air among them, row by row.
fn samples_of_slice(
    ct: &Lattice<'_>,
    xs: &[f64],
    ys: &[f64],
    z: f64,
    k: usize,
) -> Result<(Vec<f32>, Vec<Run>), crate::Error> {
    let mut samples = allocation::with_capacity(xs.len() * ys.len(), "the samples of the chest")?;
    let mut runs: Vec<Run> = Vec::new();
    ct.plane(xs, ys, z, |j, row| {
        let begin = samples.len();
        samples.extend(row.iter().map(|hu| *hu as f32));
        let row = &samples[begin..];
        let is_air = |hu: &f32| *hu < AIR_HU;
        let mut at = 0;
        while let Some(n) = row[at..].iter().position(is_air) {
            let first = at + n;
            let length = row[first..].iter().position(|hu| !is_air(hu));
            at = length.map_or(row.len(), |n| first + n);
            let last = at - 1;
            runs.push(Run { first, last, j, k });
        }
    });
    Ok((samples, runs))
}

/// Air that hangs together over faces.
struct Piece {
    samples: usize,
    extent: [[usize; 2]; 3],
    runs: Vec<Run>,
}

/// Returns the smallest box around two boxes.
fn join(a: [[usize; 2]; 3], b: [[usize; 2]; 3]) -> [[usize; 2]; 3] {
    std::array::from_fn(|i| [a[i][0].min(b[i][0]), a[i][1].max(b[i][1])])
}

/// The pieces of the air that no slice connects with its border. Runs are ordered by slice, row and place in the row.
fn pieces(air: &[Run], dims: [usize; 3]) -> Vec<Piece> {
    let [nx, ny, nz] = dims;
    // Where the runs of each row begin.
    let mut rows = vec![0; ny * nz + 1];
    for run in air {
        rows[run.k * ny + run.j + 1] += 1;
    }
    for n in 1..rows.len() {
        rows[n] += rows[n - 1];
    }
    let row = |k: usize, j: usize| rows[k * ny + j]..rows[k * ny + j + 1];
    let mut sets = Sets::new(air.len());
    for k in 0..nz {
        for j in 1..ny {
            touching(air, row(k, j - 1), row(k, j), |a, b| sets.join(a, b));
        }
    }
    let mut outside = vec![false; air.len()];
    for (n, run) in air.iter().enumerate() {
        if run.first == 0 || run.last + 1 == nx || run.j == 0 || run.j + 1 == ny {
            outside[sets.root(n)] = true;
        }
    }
    let inside: Vec<bool> = (0..air.len()).map(|n| !outside[sets.root(n)]).collect();
    for k in 1..nz {
        for j in 0..ny {
            touching(air, row(k - 1, j), row(k, j), |a, b| {
                if inside[a] && inside[b] {
                    sets.join(a, b);
                }
            });
        }
    }
    let mut number = vec![usize::MAX; air.len()];
    let mut pieces: Vec<Piece> = Vec::new();
    for (n, run) in air.iter().enumerate().filter(|(n, _)| inside[*n]) {
        let root = sets.root(n);
        let extent = [[run.first, run.last], [run.j; 2], [run.k; 2]];
        if number[root] == usize::MAX {
            number[root] = pieces.len();
            pieces.push(Piece {
                samples: 0,
                extent,
                runs: Vec::new(),
            });
        }
        let piece = &mut pieces[number[root]];
        piece.samples += run.len();
        piece.extent = join(piece.extent, extent);
        piece.runs.push(*run);
    }
    pieces
}

/// Calls `found` with each two runs of neighbouring rows that share an index along L.
fn touching(
    air: &[Run],
    mut a: std::ops::Range<usize>,
    mut b: std::ops::Range<usize>,
    mut found: impl FnMut(usize, usize),
) {
    while !a.is_empty() && !b.is_empty() {
        let (x, y) = (air[a.start], air[b.start]);
        if x.first <= y.last && y.first <= x.last {
            found(a.start, b.start);
        }
        if x.last <= y.last {
            a.start += 1
        } else {
            b.start += 1
        }
    }
}

/// Disjoint sets of runs.
struct Sets(Vec<usize>);

impl Sets {
    fn new(n: usize) -> Self {
        Self((0..n).collect())
    }

    fn root(&mut self, mut n: usize) -> usize {
        while self.0[n] != n {
            self.0[n] = self.0[self.0[n]];
            n = self.0[n];
        }
        n
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        // The lower one leads: chains stay short, for runs come in order.
        self.0[a.max(b)] = a.min(b);
    }
}

#[cfg(test)]
impl Chest {
    /// Returns samples at every 4 mm from a point, without lungs.
    pub fn of_samples(origin: [f64; 3], dims: [usize; 3], hu: impl Fn([usize; 3]) -> f32) -> Self {
        let [nx, ny, nz] = dims;
        let slice = |k: usize| (0..nx * ny).map(|n| hu([n % nx, n / nx, k])).collect();
        Self {
            dims,
            origin,
            hu: (0..nz).map(slice).collect(),
            lung: Vec::new(),
            lungs: [[0; 2]; 3],
        }
    }
}

#[cfg(test)]
mod tests;
