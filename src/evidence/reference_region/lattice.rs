//! HU of a CT at points of an axial plane, by nearest voxels, without a computation of indices for each point where the
//! axes of the volume are those of the patient.

use crate::imaging::{Probe, VolumeView, Voxel, with_voxel_type};

/// HU outside the CT and of padding, and the lowest there is.
const AIR_HU: f64 = -1000.0;

/// Reads a CT at points of axial planes.
pub(super) struct Lattice<'a> {
    view: &'a VolumeView<'a>,
    probe: Probe<'a>,
    /// Index axes that run along L and P, where the third one runs along S.
    axes: Option<[usize; 2]>,
}

impl<'a> Lattice<'a> {
    pub fn new(view: &'a VolumeView<'a>) -> Self {
        let direction = view.grid.direction;
        // Exactly along one axis: then every index depends on one coordinate, to the bit.
        let along = |row: usize| {
            let on: Vec<usize> = (0..3).filter(|a| direction[row][*a] != 0.0).collect();
            let unit = |a: usize| direction[row][a].abs() == 1.0;
            (on.len() == 1 && unit(on[0])).then(|| on[0])
        };
        let axes = match [along(0), along(1), along(2)] {
            [Some(x), Some(y), Some(2)] if x != y => Some([x, y]),
            _ => None,
        };
        Self {
            view,
            probe: Probe::new(view),
            axes,
        }
    }

    /// Calls `take` with the number of each y and the HU at all x there, at a height, LPS mm. What is outside or padding has
    /// -1000, and nothing has less.
    pub fn plane(&self, xs: &[f64], ys: &[f64], z: f64, mut take: impl FnMut(usize, &[f64])) {
        let mut hu = vec![AIR_HU; xs.len()];
        match self.axes {
            Some(axes) => with_voxel_type!(
                self.view.dtype(),
                V => self.straight::<V>(axes, xs, ys, z, &mut hu, &mut take)
            ),
            None => {
                for (n, y) in ys.iter().enumerate() {
                    for (hu, x) in hu.iter_mut().zip(xs) {
                        let voxel = self.probe.voxel([*x, *y, z]);
                        *hu = voxel.map_or(AIR_HU, |(_, value)| value.max(AIR_HU));
                    }
                    take(n, &hu);
                }
            }
        }
    }

    fn straight<V: Voxel>(
        &self,
        axes: [usize; 2],
        xs: &[f64],
        ys: &[f64],
        z: f64,
        hu: &mut [f64],
        take: &mut impl FnMut(usize, &[f64]),
    ) {
        let view = self.view;
        let origin = view.grid.origin;
        // Byte offsets along one axis; the other coordinates are those of the first voxel, which is inside.
        let offsets = |row: usize, at: &[f64]| -> Vec<Option<isize>> {
            let axis = axes[row];
            let offset = |v: &f64| {
                let mut point = origin;
                point[row] = *v;
                let index = self.probe.index(point)?;
                Some(index[axis] as isize * view.stride(axis))
            };
            at.iter().map(offset).collect()
        };
        let slice = self.probe.index([origin[0], origin[1], z]).map(|i| i[2]);
        let (columns, rows) = (offsets(0, xs), offsets(1, ys));
        // Coordinates ascend, so those outside are at the ends.
        let first = columns.iter().take_while(|c| c.is_none()).count();
        let columns: Vec<isize> = columns.into_iter().flatten().collect();
        let inside = first..first + columns.len();
        let (slope, intercept) = slice.map_or((0.0, AIR_HU), |k| view.rescale.at(k));
        let data = view.bytes();
        let start = |row: Option<isize>| {
            let first = view.offset([0, 0, slice?]);
            Some(first.wrapping_add_signed(row?))
        };
        let one_a_line = one_a_cache_line(&columns);
        for (n, row) in rows.iter().enumerate() {
            // The next row's cache lines are on their way while this one is read.
            if let Some(next) = rows.get(n + 1).and_then(|row| start(*row)) {
                let touched = columns.iter().step_by(one_a_line);
                let touch = |column: &isize| data[next.wrapping_add_signed(*column)];
                std::hint::black_box(touched.map(touch).fold(0, u8::wrapping_add));
            }
            match start(*row) {
                Some(base) => {
                    let hu = &mut hu[inside.clone()];
                    // Read first and computed afterwards: more reads are on their way at a time.
                    for (stored, column) in hu.iter_mut().zip(&columns) {
                        *stored = V::read(&data[base.wrapping_add_signed(*column)..]);
                    }
                    let value = |stored: f64| (stored * slope + intercept).max(AIR_HU);
                    match view.padding {
                        None => hu.iter_mut().for_each(|hu| *hu = value(*hu)),
                        Some([low, high]) => hu.iter_mut().for_each(|hu| {
                            let padding = low <= *hu && *hu <= high;
                            *hu = if padding { AIR_HU } else { value(*hu) };
                        }),
                    }
                }
                None => hu.fill(AIR_HU),
            }
            take(n, hu);
        }
    }
}

/// Returns at every how many of these offsets, which are evenly apart, another cache line begins at most.
fn one_a_cache_line(offsets: &[isize]) -> usize {
    const LINE: usize = 64;
    match offsets {
        [first, second, ..] => (LINE / first.abs_diff(*second).max(1)).max(1),
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
