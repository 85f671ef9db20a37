//! Volumes whose axes run along the patient's: trilinear sampling and the resize folded into one map per axis.
//!
//! A plane is `pad + R (V - pad) C`: V the voxels of the plane's slab, already blended across it; R and C the
//! sparse maps (at most four voxels per output pixel) of "interpolate, then resize" along rows and columns. Both are
//! linear, so folding them changes nothing but the order of rounding.

use super::spec::{Channel, PreprocessSpec, SignedAxis};
use super::taps::{linear_taps, resize_source};
use super::value_map::ValueMap;
use crate::imaging::{ImageGrid, VolumeView, Voxel, with_voxel_type};

/// One volume, ready to be sampled.
pub(super) struct Frame<'a> {
    pub view: &'a VolumeView<'a>,
    /// For each patient axis: the index axis along it.
    pub axes: [usize; 3],
    pub map: ValueMap,
    /// Slope and intercept of each slice.
    pub slices: &'a [(f64, f64)],
}

/// For each patient axis (L, P, S) the index axis along it; `None` if any axis is oblique.
///
/// Zeros are asked for, but for rounding noise: a cosine of 1e-6 moves a voxel 300 mm away by 0.3 micrometres, which
/// at a bone edge is more than 1e-4 HU.
pub(super) fn patient_axes(grid: &ImageGrid<'_>) -> Option<[usize; 3]> {
    let mut axes = [usize::MAX; 3];
    for (patient, row) in grid.direction.iter().enumerate() {
        for (axis, cosine) in row.iter().enumerate() {
            if cosine.abs() < 1e-12 {
                continue;
            }
            if axes[patient] != usize::MAX {
                return None;
            }
            axes[patient] = axis;
        }
    }
    Some(axes)
}

/// One output pixel as a weighted sum of four neighbours among [`AxisMap::sources`], from `first` on.
#[derive(Clone, Copy, Default)]
struct Taps {
    first: usize,
    weight: [f64; 4],
}

/// "Interpolate, then resize" along one axis.
#[derive(Default)]
struct AxisMap {
    /// Voxel indices that any output pixel needs, ascending.
    sources: Vec<usize>,
    taps: Vec<Taps>,
    samples: Vec<Option<(usize, usize, f64)>>,
}

/// Kept between calls.
#[derive(Default)]
pub(super) struct Buffers {
    /// By [`SignedAxis`]; those that the planes use are built once for a volume.
    maps: [AxisMap; 6],
    /// Position of the centre, in voxels, along each patient axis.
    center: [f64; 3],
    line: Vec<f64>,
    /// One resized line of `output` values for each needed source row.
    lines: Vec<f64>,
}

impl AxisMap {
    fn build(&mut self, spec: &PreprocessSpec, n: usize, index_of: impl Fn(f64) -> f64) {
        self.samples.clear();
        self.samples.extend((0..spec.samples).map(|s| {
            let offset = (s as f64 - spec.center_index as f64) * spec.spacing_mm;
            linear_taps(index_of(offset), n)
        }));
        self.sources.clear();
        self.sources.extend(
            self.samples
                .iter()
                .flatten()
                .flat_map(|&(low, high, _)| [low, high]),
        );
        self.sources.sort_unstable();
        self.sources.dedup();
        let (sources, samples) = (&self.sources, &self.samples);
        let unbroken = self.contiguous().then(|| sources[0]);
        let place = |voxel: usize| match unbroken {
            Some(first) => voxel - first,
            None => sources.binary_search(&voxel).unwrap_or(0),
        };
        self.taps.clear();
        self.taps.extend((0..spec.output).map(|o| {
            let (first, t) = resize_source(o, spec.samples, spec.output);
            let pair = [(first, 1.0 - t), ((first + 1).min(spec.samples - 1), t)];
            let parts = pair
                .into_iter()
                .filter_map(|(s, share)| Some((samples[s]?, share)));
            // Two neighbouring samples touch at most four voxels, and no pixel needs a voxel between those: by
            // position among the needed ones the four are neighbours.
            let lowest = parts
                .clone()
                .map(|((low, ..), _)| place(low))
                .min()
                .unwrap_or(0);
            let mut taps = Taps {
                first: lowest,
                weight: [0.0; 4],
            };
            for ((low, high, w), share) in parts {
                taps.weight[place(low) - lowest] += share * (1.0 - w);
                taps.weight[place(high) - lowest] += share * w;
            }
            taps
        }));
    }

    /// Whether the needed voxels are one unbroken run.
    fn contiguous(&self) -> bool {
        match (self.sources.first(), self.sources.last()) {
            (Some(first), Some(last)) => last - first + 1 == self.sources.len(),
            _ => false,
        }
    }
}

/// Build the axis maps of a volume for every plane of the spec.
pub(super) fn prepare(
    spec: &PreprocessSpec,
    frame: &Frame<'_>,
    center: [f64; 3],
    buffers: &mut Buffers,
) {
    let grid = &frame.view.grid;
    let index = grid.lps_to_index(center);
    let inverse = grid.inverse_direction();
    let origin_to_center: [f64; 3] = std::array::from_fn(|r| center[r] - grid.origin[r]);
    for (patient, &axis) in frame.axes.iter().enumerate() {
        buffers.center[patient] = index[axis];
        let start: f64 = (0..3).map(|r| inverse[axis][r] * origin_to_center[r]).sum();
        for signed in SignedAxis::ALL {
            let used = |c: &Channel| c.rows == signed || c.columns == signed;
            if signed.axis() != patient || !spec.channels.iter().any(used) {
                continue;
            }
            let step = inverse[axis][patient] * signed.sign();
            let index_of = |offset: f64| {
                let mm = start + step * offset;
                if axis == 2 {
                    grid.slice_index(mm)
                } else {
                    mm / grid.spacing[axis]
                }
            };
            buffers.maps[signed as usize].build(spec, grid.dims[axis], index_of);
        }
    }
}

/// Sample one plane; `finish` turns a sum of weighted (value - pad) into an output pixel.
pub(super) fn sample(
    spec: &PreprocessSpec,
    frame: &Frame<'_>,
    channel: &Channel,
    buffers: &mut Buffers,
    finish: impl Fn(f64) -> f32,
    plane: &mut [f32],
) {
    let Buffers {
        maps,
        center,
        line,
        lines,
    } = buffers;
    let (rows, columns) = (
        &maps[channel.rows as usize],
        &maps[channel.columns as usize],
    );
    let fixed = 3 - channel.rows.axis() - channel.columns.axis();
    let slab_axes = [fixed, channel.rows.axis(), channel.columns.axis()].map(|p| frame.axes[p]);
    let across = linear_taps(center[fixed], frame.view.grid.dims[slab_axes[0]]);
    let output = spec.output;
    // Three zeros behind the last voxel and three lines of zeros behind the last line: four taps may reach past it.
    let n_columns = columns.sources.len();
    line.clear();
    line.resize(n_columns + 3, 0.0);
    lines.clear();
    for &row in &rows.sources {
        let Some((low, high, w)) = across else { break };
        let slab = Slab {
            axes: slab_axes,
            low,
            high,
            w,
        };
        let voxels = &mut line[..n_columns];
        with_voxel_type!(frame.view.dtype(), V => load_line::<V>(frame, slab, row, columns, voxels));
        lines.extend(columns.taps.iter().map(|t| {
            let v: [f64; 4] = line[t.first..].first_chunk().copied().unwrap_or_default();
            (t.weight[0] * v[0] + t.weight[1] * v[1]) + (t.weight[2] * v[2] + t.weight[3] * v[3])
        }));
    }
    lines.resize(lines.len() + 4 * output, 0.0);
    for (taps, pixels) in rows.taps.iter().zip(plane.chunks_exact_mut(output)) {
        let (ab, cd) = lines[taps.first * output..][..4 * output].split_at(2 * output);
        let ((a, b), (c, d)) = (ab.split_at(output), cd.split_at(output));
        let [wa, wb, wc, wd] = taps.weight;
        for ((((pixel, a), b), c), d) in pixels.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *pixel = finish((wa * a + wb * b) + (wc * c + wd * d));
        }
    }
}

/// The plane's place in the volume: two neighbouring layers and the weight of the second.
#[derive(Clone, Copy)]
struct Slab {
    /// Index axes across the plane, along its rows and along its columns.
    axes: [usize; 3],
    low: usize,
    high: usize,
    w: f64,
}

/// Fill `line` with the voxels of one source row, blended across the slab.
fn load_line<V: Voxel>(
    frame: &Frame<'_>,
    slab: Slab,
    row: usize,
    columns: &AxisMap,
    line: &mut [f64],
) {
    let (view, map) = (frame.view, frame.map);
    let Some(&first) = columns.sources.first() else {
        return;
    };
    let index_of = |layer: usize, column: usize| {
        let mut index = [0; 3];
        index[slab.axes[0]] = layer;
        index[slab.axes[1]] = row;
        index[slab.axes[2]] = column;
        index
    };
    let (bytes, w_low, w_high) = (view.bytes(), 1.0 - slab.w, slab.w);
    let stride = view.stride(slab.axes[2]);
    let (low_at, high_at) = (index_of(slab.low, first), index_of(slab.high, first));
    let (low, high) = (view.offset(low_at), view.offset(high_at));
    if slab.axes[2] == 2 {
        // Columns run across slices, each with its own slope.
        for (out, &column) in line.iter_mut().zip(&columns.sources) {
            let step = (column - first) as isize * stride;
            let slice = frame.slices[column];
            let a = map.apply(V::read(&bytes[low.wrapping_add_signed(step)..]), slice);
            let b = map.apply(V::read(&bytes[high.wrapping_add_signed(step)..]), slice);
            *out = a * w_low + b * w_high;
        }
        return;
    }
    let (slice_low, slice_high) = (frame.slices[low_at[2]], frame.slices[high_at[2]]);
    let blend = |a: &[u8], b: &[u8]| {
        map.apply(V::read(a), slice_low) * w_low + map.apply(V::read(b), slice_high) * w_high
    };
    if stride == V::SIZE as isize && columns.contiguous() {
        let span = line.len() * V::SIZE;
        let (a, b) = (&bytes[low..low + span], &bytes[high..high + span]);
        let pairs = a.chunks_exact(V::SIZE).zip(b.chunks_exact(V::SIZE));
        for (out, (a, b)) in line.iter_mut().zip(pairs) {
            *out = blend(a, b);
        }
    } else {
        for (out, &column) in line.iter_mut().zip(&columns.sources) {
            let step = (column - first) as isize * stride;
            *out = blend(
                &bytes[low.wrapping_add_signed(step)..],
                &bytes[high.wrapping_add_signed(step)..],
            );
        }
    }
}

#[cfg(test)]
mod tests;
