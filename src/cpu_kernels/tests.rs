//! The kernels against the same network written down loop by loop in double precision.

use super::layers::{CHANNELS, FEATURES, LAYERS, Layer, Packed, SIDE};
use super::resnet::{Backbone, Scratch};
use super::tile::{Arithmetic, Bf16, Fp32};
use crate::cancel::CancelToken;

/// Channels x rows x columns.
#[derive(Clone)]
struct Image {
    side: usize,
    values: Vec<f64>,
}

struct Truth {
    /// Weights and bias of each layer, as single precision holds them.
    layers: Vec<(Vec<f32>, Vec<f32>)>,
    /// What happens to what a convolution multiplies.
    round: fn(f64) -> f64,
}

fn noise(seed: &mut u32) -> f32 {
    *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    (*seed >> 8) as f32 / 8_388_608.0 - 1.0
}

fn weights() -> Vec<(Vec<f32>, Vec<f32>)> {
    let mut seed = 7;
    let of = |layer: &Layer| {
        let fan = layer.inputs * layer.kernel * layer.kernel;
        let scale = (3.0 / fan as f32).sqrt();
        let weights = (0..layer.outputs * fan).map(|_| scale * noise(&mut seed));
        let weights = weights.collect();
        let bias = (0..layer.outputs).map(|_| 0.1 * noise(&mut seed));
        (weights, bias.collect())
    };
    LAYERS.iter().map(of).collect()
}

impl Truth {
    fn convolve(&self, n: usize, from: &Image, stride: usize) -> Image {
        let (layer, (weights, bias)) = (&LAYERS[n], &self.layers[n]);
        let (k, pad) = (layer.kernel, layer.kernel / 2);
        let side = (from.side + 2 * pad - k) / stride + 1;
        let weights: Vec<f64> = weights
            .iter()
            .map(|w| (self.round)(f64::from(*w)))
            .collect();
        let inputs: Vec<f64> = from.values.iter().map(|v| (self.round)(*v)).collect();
        let mut values = Vec::with_capacity(layer.outputs * side * side);
        for (bias, kernels) in bias.iter().zip(weights.chunks_exact(layer.inputs * k * k)) {
            let mut plane = vec![f64::from(*bias); side * side];
            for (kernel, input) in kernels
                .chunks_exact(k * k)
                .zip(inputs.chunks_exact(from.side * from.side))
            {
                for (y, row) in plane.chunks_exact_mut(side).enumerate() {
                    for (x, sum) in row.iter_mut().enumerate() {
                        for ky in
                            (0..k).filter(|ky| (pad..from.side + pad).contains(&(y * stride + ky)))
                        {
                            for kx in (0..k)
                                .filter(|kx| (pad..from.side + pad).contains(&(x * stride + kx)))
                            {
                                let at =
                                    (y * stride + ky - pad) * from.side + x * stride + kx - pad;
                                *sum += kernel[ky * k + kx] * input[at];
                            }
                        }
                    }
                }
            }
            values.extend(plane);
        }
        Image { side, values }
    }

    fn pool(from: &Image) -> Image {
        let side = from.side / 2;
        let mut values = Vec::new();
        for plane in from.values.chunks_exact(from.side * from.side) {
            for y in 0..side {
                for x in 0..side {
                    let rows = (2 * y).saturating_sub(1)..=2 * y + 1;
                    let within = rows
                        .flat_map(|r| ((2 * x).saturating_sub(1)..=2 * x + 1).map(move |c| (r, c)));
                    values.push(
                        within
                            .map(|(r, c)| plane[r * from.side + c])
                            .fold(0.0, f64::max),
                    );
                }
            }
        }
        Image { side, values }
    }

    /// Largest and mean value of each channel.
    fn run(&self, image: &[f32]) -> [Vec<f64>; 2] {
        let relu = |mut image: Image| {
            image.values.iter_mut().for_each(|v| *v = v.max(0.0));
            image
        };
        let add = |mut a: Image, b: &Image| {
            a.values
                .iter_mut()
                .zip(&b.values)
                .for_each(|(a, b)| *a += b);
            a
        };
        let values = image.iter().map(|v| f64::from(*v)).collect();
        let mut flow = Self::pool(&relu(self.convolve(0, &Image { side: SIDE, values }, 2)));
        let mut n = 1;
        while n < LAYERS.len() {
            let shrinks = LAYERS[n].inputs != LAYERS[n].outputs;
            let middle = relu(self.convolve(n, &flow, 1 + usize::from(shrinks)));
            if shrinks {
                flow = self.convolve(n + 1, &flow, 2);
                n += 1;
            }
            flow = relu(add(self.convolve(n + 1, &middle, 1), &flow));
            n += 2;
        }
        let pixels = flow.side * flow.side;
        let planes = || flow.values.chunks_exact(pixels);
        [
            planes()
                .map(|p| p.iter().copied().fold(0.0, f64::max))
                .collect(),
            planes()
                .map(|p| p.iter().sum::<f64>() / pixels as f64)
                .collect(),
        ]
    }
}

/// The largest difference from the truth, relative to the largest value; and the same images alone and together.
fn difference<A: Arithmetic>(round: fn(f64) -> f64) -> f64 {
    let truth = Truth {
        layers: weights(),
        round,
    };
    let packed = LAYERS
        .iter()
        .zip(&truth.layers)
        .map(|(layer, (weights, bias))| {
            let raw: Vec<_> = weights.iter().map(|w| w.to_le_bytes()).collect();
            let mut lines = Vec::new();
            layer.pack::<A>(&raw, &mut lines);
            Packed {
                weights: lines,
                bias: bias.clone(),
            }
        });
    let backbone = Backbone::<A>::new(packed.collect()).unwrap();
    let mut seed = 1;
    let each = CHANNELS * SIDE * SIDE;
    let images: Vec<f32> = (0..2 * each).map(|_| 2.0 * noise(&mut seed)).collect();
    let run = |images: &[f32], scratch: &mut Scratch| {
        let n = images.len() / each * FEATURES;
        let mut features = [vec![f32::NAN; n], vec![f32::NAN; n]];
        let [largest, mean] = &mut features;
        backbone.run(images, scratch, largest, mean, &CancelToken::default());
        features
    };
    let mut scratch = Scratch::new::<A>(2).unwrap();
    let together = run(&images, &mut scratch);
    let mut worst = 0.0f64;
    for (n, image) in images.chunks_exact(each).enumerate() {
        let alone = run(image, &mut scratch);
        for ((alone, together), truth) in alone.iter().zip(&together).zip(truth.run(image)) {
            assert_eq!(alone, &together[n * FEATURES..(n + 1) * FEATURES]);
            let scale = truth.iter().copied().fold(0.0, f64::max);
            for (found, truth) in alone.iter().zip(&truth) {
                worst = worst.max((f64::from(*found) - truth).abs() / scale);
            }
        }
    }
    worst
}

#[test]
fn single_precision_is_that_of_the_numbers() {
    if !Fp32::supported() {
        return eprintln!("NOT TESTED: this processor has no AVX-512");
    }
    let worst = difference::<Fp32>(|v| v);
    println!("single precision: within {worst:.1e} of the largest feature");
    assert!(worst < 5e-6, "{worst}");
}

#[test]
fn bf16_is_that_of_rounded_numbers() {
    if !Bf16::supported() {
        return eprintln!("NOT TESTED: this processor has no AVX512-BF16");
    }
    let worst = difference::<Bf16>(|v| half::bf16::from_f64(v).to_f64());
    println!("BF16: within {worst:.1e} of the largest feature of a network with rounded factors");
    // A value on the edge between two roundings may fall to either side, and then so may others behind it.
    assert!(worst < 1e-2, "{worst}");
}
