//! Volumes whose axes run along the patient's: trilinear sampling and the resize folded into one map per axis.
//!
//! A plane is `pad + R (V - pad) C`: V the voxels of the plane's slab, already blended across it; R and C the
//! sparse maps (at most four voxels per output pixel) of "interpolate, then resize" along rows and columns. Both are
//! linear, so folding them changes nothing but the order of rounding.

use super::{Channel, PreprocessSpec, ValueMap, linear_taps, resize_source};
use crate::volume::{Geometry, VolumeView, Voxel, with_voxel_type};

/// One volume, ready to be sampled.
pub(super) struct Frame<'a> {
    pub view: &'a VolumeView<'a>,
    /// For each patient axis: the index axis along it.
    pub axes: [usize; 3],
    pub map: ValueMap,
    /// Slope and intercept of each slice.
    pub slices: &'a [(f64, f64)],
    pub center: [f64; 3],
}

/// For each patient axis (L, P, S) the index axis along it; `None` if any axis is oblique.
///
/// Zeros are asked for, but for rounding noise: a cosine of 1e-6 moves a voxel 300 mm away by 0.3 micrometres, which
/// at a bone edge is more than 1e-4 HU.
pub(super) fn patient_axes(geometry: &Geometry<'_>) -> Option<[usize; 3]> {
    let mut axes = [usize::MAX; 3];
    for (patient, row) in geometry.direction.iter().enumerate() {
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

/// One output pixel as a weighted sum of voxels, by position in [`AxisMap::sources`].
#[derive(Clone, Copy, Default)]
struct Taps {
    at: [u32; 4],
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
    rows: AxisMap,
    columns: AxisMap,
    line: Vec<f64>,
    /// One resized line of `output` values for each needed source row.
    lines: Vec<f64>,
    sums: Vec<f64>,
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
        let sources = &self.sources;
        let place = |voxel: usize| sources.binary_search(&voxel).unwrap_or(0) as u32;
        self.taps.clear();
        self.taps.extend((0..spec.output).map(|o| {
            let (first, t) = resize_source(o, spec.samples, spec.output);
            let mut taps = Taps::default();
            for (half, share) in [(0, 1.0 - t), (1, t)] {
                if let Some((low, high, w)) = self.samples[(first + half).min(spec.samples - 1)] {
                    taps.at[2 * half] = place(low);
                    taps.at[2 * half + 1] = place(high);
                    taps.weight[2 * half] = share * (1.0 - w);
                    taps.weight[2 * half + 1] = share * w;
                }
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

/// Sample one plane; `finish` turns a sum of weighted (value - pad) into an output pixel.
pub(super) fn sample(
    spec: &PreprocessSpec,
    frame: &Frame<'_>,
    channel: &Channel,
    buffers: &mut Buffers,
    finish: impl Fn(f64) -> f32,
    plane: &mut [f32],
) {
    let geometry = &frame.view.geometry;
    let (row_axis, column_axis) = (
        frame.axes[channel.rows.axis()],
        frame.axes[channel.columns.axis()],
    );
    let fixed_axis = 3 - row_axis - column_axis;
    // Axes are aligned, so each index depends on one coordinate alone.
    let index_along = |signed: super::SignedAxis, axis: usize, offset: f64| {
        let mut point = frame.center;
        point[signed.axis()] += signed.sign() * offset;
        geometry.lps_to_index(point)[axis]
    };
    buffers.rows.build(spec, geometry.dims[row_axis], |o| {
        index_along(channel.rows, row_axis, o)
    });
    buffers
        .columns
        .build(spec, geometry.dims[column_axis], |o| {
            index_along(channel.columns, column_axis, o)
        });
    let across = linear_taps(
        geometry.lps_to_index(frame.center)[fixed_axis],
        geometry.dims[fixed_axis],
    );

    let output = spec.output;
    buffers.lines.clear();
    buffers.line.resize(buffers.columns.sources.len(), 0.0);
    for &row in &buffers.rows.sources {
        let Some((low, high, w)) = across else { break };
        let slab = Slab {
            fixed_axis,
            row_axis,
            column_axis,
            low,
            high,
            w,
        };
        with_voxel_type!(frame.view.dtype(), V => load_line::<V>(frame, slab, row, &buffers.columns, &mut buffers.line));
        let line = &buffers.line;
        buffers
            .lines
            .extend(buffers.columns.taps.iter().map(|t| weigh(t, |at| line[at])));
    }
    if buffers.lines.is_empty() || buffers.columns.sources.is_empty() {
        plane.fill(finish(0.0));
        return;
    }
    buffers.sums.resize(output, 0.0);
    for (taps, pixels) in buffers.rows.taps.iter().zip(plane.chunks_exact_mut(output)) {
        let line = |n: usize| {
            let at = taps.at[n] as usize * output;
            &buffers.lines[at..at + output]
        };
        let (a, b, c, d) = (line(0), line(1), line(2), line(3));
        let [wa, wb, wc, wd] = taps.weight;
        for (i, pixel) in pixels.iter_mut().enumerate() {
            *pixel = finish(wa * a[i] + wb * b[i] + wc * c[i] + wd * d[i]);
        }
    }
}

#[inline(always)]
fn weigh(taps: &Taps, value: impl Fn(usize) -> f64) -> f64 {
    taps.weight[0] * value(taps.at[0] as usize)
        + taps.weight[1] * value(taps.at[1] as usize)
        + taps.weight[2] * value(taps.at[2] as usize)
        + taps.weight[3] * value(taps.at[3] as usize)
}

/// The plane's place in the volume: two neighbouring layers and the weight of the second.
#[derive(Clone, Copy)]
struct Slab {
    fixed_axis: usize,
    row_axis: usize,
    column_axis: usize,
    low: usize,
    high: usize,
    w: f64,
}

/// Fill `line` with the voxels of one source row, blended across the slab.
#[inline]
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
        index[slab.fixed_axis] = layer;
        index[slab.row_axis] = row;
        index[slab.column_axis] = column;
        index
    };
    let slice_of = |layer: usize, column: usize| frame.slices[index_of(layer, column)[2]];
    let (bytes, w) = (view.bytes(), slab.w);
    let stride = view.stride(slab.column_axis);
    let (low, high) = (
        view.offset(index_of(slab.low, first)),
        view.offset(index_of(slab.high, first)),
    );
    if slab.column_axis != 2 && columns.contiguous() && stride == V::SIZE as isize {
        let span = line.len() * V::SIZE;
        let (slice_low, slice_high) = (slice_of(slab.low, first), slice_of(slab.high, first));
        let pairs = bytes[low..low + span]
            .chunks_exact(V::SIZE)
            .zip(bytes[high..high + span].chunks_exact(V::SIZE));
        for (out, (a, b)) in line.iter_mut().zip(pairs) {
            let (a, b) = (
                map.apply(V::read(a), slice_low),
                map.apply(V::read(b), slice_high),
            );
            *out = a * (1.0 - w) + b * w;
        }
        return;
    }
    for (out, &column) in line.iter_mut().zip(&columns.sources) {
        let step = (column - first) as isize * stride;
        let a = V::read(&bytes[low.wrapping_add_signed(step)..]);
        let b = V::read(&bytes[high.wrapping_add_signed(step)..]);
        let (a, b) = (
            map.apply(a, slice_of(slab.low, column)),
            map.apply(b, slice_of(slab.high, column)),
        );
        *out = a * (1.0 - w) + b * w;
    }
}
