//! The liver: the largest ball of soft tissue below the right lung.

use super::chest::{Chest, STEP_MM};
use crate::allocation;
use crate::cancel::CancelToken;

/// Liver with and without contrast medium, noise taken out; a fatty one below it is not taken.
const LIVER_HU: std::ops::Range<f32> = 20.0..200.0;
/// The ball of a kidney or of bowel is smaller.
const MIN_RADIUS_MM: f64 = 25.0;
/// Lung above a column of samples: less may be a bubble.
const MIN_LUNG_MM: f64 = 40.0;
/// The liver goes on beyond the midline.
const BEYOND_MIDLINE_MM: f64 = 60.0;

/// Returns the middle of that ball, LPS mm; on at most `threads` threads.
pub(super) fn find(
    chest: &Chest,
    threads: usize,
    cancel: &CancelToken,
) -> Result<[f64; 3], String> {
    let columns = columns(chest);
    let top = columns.iter().map(|c| c.1).max().unwrap_or(0);
    let beyond = (BEYOND_MIDLINE_MM / STEP_MM) as usize;
    let width = chest.dims[0].min(chest.midline() + beyond);
    let abdomen = Abdomen {
        dims: [width, chest.dims[1], top].map(|n| n + 2),
    };
    let depth = abdomen.depth(chest, threads, cancel);
    let depth = depth.map_err(|e| e.to_string())?;
    let places = columns
        .iter()
        .flat_map(|([i, j], lowest)| (0..*lowest).map(move |k| [*i, *j, k]));
    let deepest = places.max_by(|a, b| depth[abdomen.at(*a)].total_cmp(&depth[abdomen.at(*b)]));
    match deepest {
        Some(p) if f64::from(depth[abdomen.at(p)]) * STEP_MM >= MIN_RADIUS_MM => Ok(chest.point(p)),
        _ => Err("no liver was found below the right lung".into()),
    }
}

/// Columns of samples below the right lung, row by row, each with the index of its lowest sample of lung.
fn columns(chest: &Chest) -> Vec<([usize; 2], usize)> {
    let [nx, ny, _] = chest.dims;
    let mut lung = vec![(usize::MAX, 0usize); nx * ny];
    for run in &chest.lung {
        for (lowest, count) in &mut lung[run.j * nx + run.first..=run.j * nx + run.last] {
            *lowest = run.k.min(*lowest);
            *count += 1;
        }
    }
    (0..ny)
        .flat_map(|j| (0..chest.midline()).map(move |i| [i, j]))
        .filter_map(|[i, j]| {
            let (lowest, count) = lung[j * nx + i];
            let enough = count as f64 * STEP_MM >= MIN_LUNG_MM;
            enough.then_some(([i, j], lowest))
        })
        .collect()
}

/// The part of the chest's samples that begins where they begin, one sample of nothing around it.
struct Abdomen {
    dims: [usize; 3],
}

/// HU of what is around the samples.
const NOTHING: f32 = -1000.0;

impl Abdomen {
    /// Where a sample of the chest is.
    fn at(&self, [i, j, k]: [usize; 3]) -> usize {
        ((k + 1) * self.dims[1] + j + 1) * self.dims[0] + i + 1
    }

    fn stride(&self, axis: usize) -> usize {
        self.dims[..axis].iter().product()
    }

    /// Distance in samples to the nearest one that is not liver, by a chamfer in two passes.
    fn depth(
        &self,
        chest: &Chest,
        threads: usize,
        cancel: &CancelToken,
    ) -> Result<Vec<f32>, crate::Error> {
        let [nx, ny, nz] = self.dims;
        let layers = crate::parallel::map(nz - 2, threads, |k| {
            cancel.check()?;
            self.layer(chest.hu[k].chunks_exact(chest.dims[0]))
        });
        let layers: Vec<Vec<f32>> = layers.into_iter().collect::<Result<_, _>>()?;
        let nothing = vec![NOTHING; nx * ny];
        let layer = |k: usize| match k {
            0 => &nothing,
            k => layers.get(k - 1).unwrap_or(&nothing),
        };
        let mut depth = allocation::zeros(nx * ny * nz, SAMPLES)?;
        let rows = || (1..nz - 1).flat_map(|k| (1..ny - 1).map(move |j| (k, j)));
        for (k, j) in rows() {
            // The border is no liver whatever lies beside it, so no neighbour of one is beyond the ends.
            let [below, here, above] =
                [k - 1, k, k + 1].map(|k| &layer(k)[j * nx + 1..(j + 1) * nx - 1]);
            let start = (k * ny + j) * nx + 1;
            let means = below.iter().zip(here).zip(above);
            for (d, ((a, b), c)) in depth[start..start + nx - 2].iter_mut().zip(means) {
                let liver = LIVER_HU.contains(&((a + b + c) / 3.0));
                *d = if liver { f32::MAX } else { 0.0 };
            }
        }
        for (k, j) in rows() {
            cancel.check()?;
            self.pass(&mut depth, (k * ny + j) * nx, false);
        }
        for (k, j) in rows().rev() {
            cancel.check()?;
            self.pass(&mut depth, (k * ny + j) * nx, true);
        }
        Ok(depth)
    }

    /// Means over 3 x 3 samples of one slice, which is given row by row.
    fn layer<'s>(&self, slice: impl Iterator<Item = &'s [f32]>) -> Result<Vec<f32>, crate::Error> {
        let [nx, ny, _] = self.dims;
        // Along L; then along P.
        let mut rows = allocation::with_capacity(nx * ny, SAMPLES)?;
        rows.resize(nx, NOTHING);
        let mut row = vec![NOTHING; nx];
        for hu in slice {
            row[1..nx - 1].copy_from_slice(&hu[..nx - 2]);
            rows.push(NOTHING);
            rows.extend(row.windows(3).map(|w| (w[0] + w[1] + w[2]) / 3.0));
            rows.push(NOTHING);
        }
        rows.resize(nx * ny, NOTHING);
        let mut means = allocation::with_capacity(nx * ny, SAMPLES)?;
        means.resize(nx, NOTHING);
        let [before, after] = [&rows[..nx * ny - 2 * nx], &rows[2 * nx..]];
        let neighbours = before.iter().zip(&rows[nx..]).zip(after);
        means.extend(neighbours.map(|((a, b), c)| (a + b + c) / 3.0));
        means.resize(nx * ny, NOTHING);
        Ok(means)
    }

    /// Brings the distances of one row, which begins at `start`, up to date with those of the rows and of the neighbour in
    /// the row that come before, or `after`, it.
    fn pass(&self, depth: &mut [f32], start: usize, after: bool) {
        let nx = self.dims[0];
        // What is not liver has 0 already; the first and the last sample of a row never are.
        let liver = |d: &f32| *d != 0.0;
        let row = &depth[start..start + nx];
        let Some(begin) = row.iter().position(liver) else {
            return;
        };
        let end = nx - row.iter().rev().position(liver).unwrap_or(0);
        let (low, high) = depth.split_at_mut(if after { start + nx } else { start });
        let (row, others) = if after {
            (&mut low[start..], &*high)
        } else {
            (&mut high[..nx], &*low)
        };
        let row = &mut row[begin..end];
        for (offset, length) in self.before() {
            // The neighbour of the first of them, counted from the beginning of the other rows.
            let first = if after {
                begin + offset - nx
            } else {
                start + begin - offset
            };
            let neighbours = &others[first..first + row.len()];
            for (d, neighbour) in row.iter_mut().zip(neighbours) {
                let reached = neighbour + length;
                *d = if reached < *d { reached } else { *d };
            }
        }
        let mut last = 0.0f32;
        let mut along = |d: &mut f32| {
            *d = d.min(last + 1.0);
            last = *d;
        };
        if after {
            row.iter_mut().rev().for_each(&mut along)
        } else {
            row.iter_mut().for_each(&mut along)
        }
    }

    /// Half of the 26 neighbours, those in rows before that of a sample: how far before it they are stored, and their
    /// distances.
    fn before(&self) -> [(usize, f32); 12] {
        std::array::from_fn(|n| {
            let d = [n % 3, n / 3 % 3, n / 9].map(|v| v as isize - 1);
            let offset: isize = (0..3).map(|a| d[a] * self.stride(a) as isize).sum();
            let squared: isize = d.iter().map(|v| v * v).sum();
            (offset.unsigned_abs(), (squared as f32).sqrt())
        })
    }
}

const SAMPLES: &str = "the samples of the liver";

#[cfg(test)]
mod tests;
