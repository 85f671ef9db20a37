//! Volumes turned against the patient's axes: every sample is interpolated by itself, then the plane is resized.

use super::spec::{Channel, PreprocessSpec, SignedAxis};
use super::taps::{linear_taps, resize_source};
use super::value_map::ValueMap;
use crate::imaging::{VolumeView, Voxel, with_voxel_type};

/// One volume, ready to be sampled.
pub(super) struct Frame<'a> {
    pub view: &'a VolumeView<'a>,
    pub map: ValueMap,
    /// Slope and intercept of each slice.
    pub slices: &'a [(f64, f64)],
    pub center: [f64; 3],
}

/// Kept between calls.
#[derive(Default)]
pub(super) struct Buffers {
    samples: Vec<f64>,
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
    let n = spec.samples;
    buffers.samples.clear();
    buffers.samples.resize(n * n, 0.0);
    with_voxel_type!(frame.view.dtype(), V => fill::<V>(spec, frame, channel, &mut buffers.samples));
    for (o, pixels) in plane.chunks_exact_mut(spec.output).enumerate() {
        let (row, t) = resize_source(o, n, spec.output);
        let (upper, lower) = (
            &buffers.samples[row * n..][..n],
            &buffers.samples[(row + 1) * n..][..n],
        );
        for (p, pixel) in pixels.iter_mut().enumerate() {
            let (column, u) = resize_source(p, n, spec.output);
            let blend = |line: &[f64]| line[column] * (1.0 - u) + line[column + 1] * u;
            *pixel = finish(blend(upper) * (1.0 - t) + blend(lower) * t);
        }
    }
}

fn fill<V: Voxel>(
    spec: &PreprocessSpec,
    frame: &Frame<'_>,
    channel: &Channel,
    samples: &mut [f64],
) {
    let grid = &frame.view.grid;
    // Index space is affine in the sample position but for the slices, whose steps may be uneven: work in
    // millimetres along the index axes and turn the third into a slice index per sample.
    let inverse = grid.inverse_direction();
    let along = |vector: [f64; 3]| -> [f64; 3] {
        std::array::from_fn(|a| (0..3).map(|r| inverse[a][r] * vector[r]).sum())
    };
    let unit = |signed: SignedAxis| {
        let mut v = [0.0; 3];
        v[signed.axis()] = signed.sign() * spec.spacing_mm;
        along(v)
    };
    let start = along(std::array::from_fn(|r| frame.center[r] - grid.origin[r]));
    let (row_step, column_step) = (unit(channel.rows), unit(channel.columns));
    for (r, line) in samples.chunks_exact_mut(spec.samples).enumerate() {
        let dr = r as f64 - spec.center_index as f64;
        for (c, out) in line.iter_mut().enumerate() {
            let dc = c as f64 - spec.center_index as f64;
            let mm: [f64; 3] =
                std::array::from_fn(|a| start[a] + dr * row_step[a] + dc * column_step[a]);
            let index = [
                mm[0] / grid.spacing[0],
                mm[1] / grid.spacing[1],
                grid.slice_index(mm[2]),
            ];
            *out = interpolate::<V>(frame, index);
        }
    }
}

/// Trilinear value minus pad; 0 outside, which is the pad value.
#[inline]
fn interpolate<V: Voxel>(frame: &Frame<'_>, index: [f64; 3]) -> f64 {
    let (view, dims) = (frame.view, frame.view.grid.dims);
    let (Some(x), Some(y), Some(z)) = (
        linear_taps(index[0], dims[0]),
        linear_taps(index[1], dims[1]),
        linear_taps(index[2], dims[2]),
    ) else {
        return 0.0;
    };
    let bytes = view.bytes();
    let value = |i, j, k| {
        frame
            .map
            .apply(V::read(&bytes[view.offset([i, j, k])..]), frame.slices[k])
    };
    let line = |j, k| value(x.0, j, k) * (1.0 - x.2) + value(x.1, j, k) * x.2;
    let sheet = |k| line(y.0, k) * (1.0 - y.2) + line(y.1, k) * y.2;
    sheet(z.0) * (1.0 - z.2) + sheet(z.1) * z.2
}
