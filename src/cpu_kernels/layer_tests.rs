//! Single convolutions of few channels against the same written down loop by loop in double precision, with the scalar
//! instruction set: small enough for Miri.
#![allow(unsafe_code)]

use super::arithmetic::Fp32;
use super::instructions::{BLOCK, Line};
use super::scalar::Scalar;
use super::tile::{self, ConvArgs, blank};
use super::winograd;

/// Some images of one plane of sixteen channels with a border, and a kernel of 3 x 3 for sixteen outputs.
struct Layer {
    /// Sides of the source and the outcome without their borders.
    sides: [usize; 2],
    source: Vec<Line>,
    /// What is added, and then the outcome.
    target: Vec<Line>,
    /// Outputs, inputs, rows, columns.
    weights: Vec<f32>,
    bias: [f32; BLOCK],
}

fn noise(seed: &mut u32) -> f32 {
    *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    (*seed >> 8) as f32 / 8_388_608.0 - 1.0
}

fn image(side: usize, seed: &mut u32) -> Vec<Line> {
    let mut lines = blank((side + 2) * (side + 2)).unwrap();
    for y in 1..=side {
        for x in 1..=side {
            lines[y * (side + 2) + x] = Line(std::array::from_fn(|_| noise(seed).to_bits()));
        }
    }
    lines
}

impl Layer {
    fn new(from: usize, to: usize) -> Self {
        let mut seed = 5;
        Self {
            sides: [from, to],
            source: image(from, &mut seed),
            target: image(to, &mut seed),
            weights: (0..BLOCK * BLOCK * 9).map(|_| noise(&mut seed)).collect(),
            bias: std::array::from_fn(|_| noise(&mut seed)),
        }
    }

    /// Returns the outcome with what is there added and the threshold applied, for each pixel and channel.
    fn truth(&self) -> Vec<f64> {
        let [from, to] = self.sides;
        let (stride, pitch) = (from / to, from + 2);
        let at = |lines: &[Line], pixel: usize, channel: usize| {
            f64::from(f32::from_bits(lines[pixel].0[channel]))
        };
        let mut values = Vec::new();
        for (y, x) in (0..to).flat_map(|y| (0..to).map(move |x| (y, x))) {
            for o in 0..BLOCK {
                let add = at(&self.target, (y + 1) * (to + 2) + x + 1, o);
                let mut sum = f64::from(self.bias[o]) + add;
                for i in 0..BLOCK {
                    for (ky, kx) in (0..3).flat_map(|ky| (0..3).map(move |kx| (ky, kx))) {
                        let pixel = (y * stride + ky) * pitch + x * stride + kx;
                        let weight = self.weights[(o * BLOCK + i) * 9 + ky * 3 + kx];
                        sum += f64::from(weight) * at(&self.source, pixel, i);
                    }
                }
                values.push(sum.max(0.0));
            }
        }
        values
    }

    /// Runs a kernel of this layer and compares.
    fn check(mut self, weights: &[Line], kernel: impl FnOnce(&ConvArgs)) {
        let truth = self.truth();
        let [from, to] = self.sides;
        let target = self.target.as_mut_ptr();
        kernel(&ConvArgs {
            weights: weights.as_ptr(),
            bias: self.bias.as_ptr(),
            in_blocks: 1,
            out_blocks: 1,
            blocks: 0..1,
            kernel: [3, 3],
            images: 1,
            source: self.source.as_ptr().cast(),
            source_steps: [0, (from + 2) * (from + 2) * BLOCK],
            target: target.cast(),
            add: target.cast(),
            f32_copy: std::ptr::null_mut(),
            side: to,
            rows: 0..to,
            columns: 0..to,
            relu: true,
        });
        let mut expected = truth.into_iter();
        for (y, x) in (0..to).flat_map(|y| (0..to).map(move |x| (y, x))) {
            for bits in self.target[(y + 1) * (to + 2) + x + 1].0 {
                let (found, truth) = (f64::from(f32::from_bits(bits)), expected.next().unwrap());
                assert!((found - truth).abs() < 1e-4, "{found} instead of {truth}");
            }
        }
        for n in 0..to + 2 {
            assert_eq!(self.target[n], Line([0; BLOCK]), "the border is written");
        }
    }

    /// Returns the weights as tiles read them.
    fn packed(&self) -> Vec<Line> {
        let taps = (0..9).flat_map(|tap| (0..BLOCK).map(move |i| (tap, i)));
        let line = |(tap, i): (usize, usize)| {
            Line(std::array::from_fn(|o| {
                self.weights[(o * BLOCK + i) * 9 + tap].to_bits()
            }))
        };
        taps.map(line).collect()
    }
}

#[test]
fn tiles_of_several_sizes_and_strides_compute_the_convolution() {
    let layer = Layer::new(4, 4);
    let weights = layer.packed();
    layer.check(&weights, |args| {
        // SAFETY: the images and weights are those of this shape.
        unsafe { tile::convolve::<_, 1, 4, 1, 6, 1>(Fp32(Scalar), args) }
    });
    let layer = Layer::new(4, 2);
    let weights = layer.packed();
    layer.check(&weights, |args| {
        // SAFETY: as above.
        unsafe { tile::convolve::<_, 2, 2, 1, 6, 2>(Fp32(Scalar), args) }
    });
    let layer = Layer::new(7, 7);
    let weights = layer.packed();
    layer.check(&weights, |args| {
        let part = |rows, columns| ConvArgs {
            rows,
            columns,
            ..args.clone()
        };
        // SAFETY: as above.
        unsafe {
            tile::convolve::<_, 1, 4, 1, 9, 1>(Fp32(Scalar), &part(0..7, 0..4));
            tile::convolve::<_, 2, 3, 1, 9, 1>(Fp32(Scalar), &part(0..6, 4..7));
            tile::convolve::<_, 1, 3, 1, 9, 1>(Fp32(Scalar), &part(6..7, 4..7));
        }
    });
}

#[test]
fn winograds_transform_computes_the_convolution_also_in_pieces() {
    for rows in [14, 8] {
        let layer = Layer::new(14, 14);
        let raw: Vec<_> = layer.weights.iter().map(|w| w.to_le_bytes()).collect();
        let mut weights = Vec::new();
        winograd::pack::<Scalar>(BLOCK, &raw, &mut weights);
        let mut workspace = blank(winograd::WORKSPACE).unwrap();
        layer.check(&weights, |args| {
            for first in (0..14).step_by(rows) {
                let rows = first..(first + rows).min(14);
                let args = ConvArgs {
                    rows,
                    ..args.clone()
                };
                // SAFETY: the images and weights are those of this shape.
                unsafe { winograd::convolve14(Scalar, &args, &mut workspace) };
            }
        });
    }
}
