//! The kernels against the same network written down loop by loop in double precision: too much for Miri, which runs the
//! tests of single layers.

use super::arithmetic::{Arithmetic, Bf16, Fp32};
use super::layers::{CHANNELS, FEATURES, LAYERS, Layer, Packed, SIDE};
use super::resnet::Backbone;
use super::scalar::Scalar;
use super::scratch::{self, Scratch};
use super::team::Team;
#[cfg(target_arch = "x86_64")]
use super::{avx2::Avx2, avx512::Avx512, instructions::Instructions};
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

/// Two images and the weights of a network, for every arithmetic the same.
struct Network {
    layers: Vec<(Vec<f32>, Vec<f32>)>,
    images: Vec<f32>,
}

/// Values of an image.
const EACH: usize = CHANNELS * SIDE * SIDE;

impl Network {
    fn new() -> Self {
        let mut seed = 1;
        let images = (0..2 * EACH).map(|_| 2.0 * noise(&mut seed)).collect();
        let layers = weights();
        Self { layers, images }
    }

    fn backbone<A: Arithmetic>(&self, arithmetic: A) -> Backbone<A> {
        let packed = LAYERS
            .iter()
            .zip(&self.layers)
            .map(|(layer, (weights, bias))| {
                let raw: Vec<_> = weights.iter().map(|w| w.to_le_bytes()).collect();
                let mut lines = Vec::new();
                layer.pack::<A>(&raw, &mut lines);
                Packed {
                    weights: lines,
                    bias: bias.clone(),
                }
            });
        Backbone::new(arithmetic, packed.collect()).unwrap()
    }

    /// Returns the largest and the mean values of the first image, and asserts that both images have the same alone and
    /// together.
    fn features<A: Arithmetic>(&self, arithmetic: A) -> [Vec<f32>; 2] {
        let backbone = self.backbone(arithmetic);
        let mut scratch = Scratch::new::<A>(2).unwrap();
        let together = run(&backbone, &self.images, &mut scratch);
        let alone = [0, 1].map(|n| {
            let image = &self.images[n * EACH..][..EACH];
            run(&backbone, image, &mut scratch)
        });
        for (n, alone) in alone.iter().enumerate() {
            for (alone, together) in alone.iter().zip(&together) {
                assert_eq!(alone, &together[n * FEATURES..(n + 1) * FEATURES]);
            }
        }
        let [first, _] = alone;
        first
    }

    /// Returns the same of a slow arithmetic, of the first image and run once.
    fn features_alone<A: Arithmetic>(&self, arithmetic: A) -> [Vec<f32>; 2] {
        let mut scratch = Scratch::new::<A>(1).unwrap();
        run(
            &self.backbone(arithmetic),
            &self.images[..EACH],
            &mut scratch,
        )
    }

    /// Returns the largest difference of features from those of double precision, relative to the largest value.
    fn difference(&self, features: &[Vec<f32>; 2], round: fn(f64) -> f64) -> f64 {
        let truth = Truth {
            layers: self.layers.clone(),
            round,
        };
        let mut worst = 0.0f64;
        for (found, truth) in features.iter().zip(truth.run(&self.images[..EACH])) {
            let scale = truth.iter().copied().fold(0.0, f64::max);
            for (found, truth) in found.iter().zip(&truth) {
                worst = worst.max((f64::from(*found) - truth).abs() / scale);
            }
        }
        worst
    }
}

fn run<A: Arithmetic>(
    backbone: &Backbone<A>,
    images: &[f32],
    scratch: &mut Scratch,
) -> [Vec<f32>; 2] {
    let n = images.len() / EACH * FEATURES;
    let mut features = [vec![f32::NAN; n], vec![f32::NAN; n]];
    let [largest, mean] = &mut features;
    let cancel = CancelToken::default();
    let mut workspace = scratch::workspace::<A>().unwrap();
    Team::new(1).work(&mut workspace, |_, leader| {
        backbone.run(images, scratch, [largest, mean], &cancel, leader);
    });
    features
}

/// Asserts that features have the same bits.
#[cfg(target_arch = "x86_64")]
fn assert_same_bits(name: &str, found: &[Vec<f32>; 2], expected: &[Vec<f32>; 2]) {
    for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
        assert_eq!(found.to_bits(), expected.to_bits(), "{name}");
    }
}

/// Says that a test did not run for an instruction set, where nothing hides it.
#[cfg(target_arch = "x86_64")]
fn not_tested(name: &str) {
    use std::io::Write;
    let _ = writeln!(
        std::io::stderr(),
        "\n*** NOT TESTED HERE: the kernels for {name}: this processor lacks the instructions ***\n"
    );
}

#[test]
fn single_precision_is_that_of_the_numbers_and_every_instruction_set_has_its_bits() {
    let network = Network::new();
    let scalar = network.features_alone(Fp32(Scalar));
    let worst = network.difference(&scalar, |v| v);
    println!("single precision: within {worst:.1e} of the largest feature");
    assert!(worst < 5e-6, "{worst}");
    #[cfg(target_arch = "x86_64")]
    {
        match Avx2::detect() {
            Some(avx2) => {
                assert_same_bits("AVX2 and FMA", &network.features(Fp32(avx2)), &scalar);
            }
            None => not_tested("AVX2 and FMA"),
        }
        match Avx512::<false>::detect() {
            Some(avx512) => assert_same_bits("AVX-512", &network.features(Fp32(avx512)), &scalar),
            None => not_tested("AVX-512"),
        }
    }
}

#[test]
fn bf16_is_that_of_rounded_numbers_and_every_instruction_set_has_its_bits() {
    let network = Network::new();
    let scalar = network.features_alone(Bf16(Scalar));
    let worst = network.difference(&scalar, |v| half::bf16::from_f64(v).to_f64());
    println!("BF16: within {worst:.1e} of the largest feature of a network with rounded factors");
    // A value on the edge between two roundings may fall to either side, and then so may others behind it.
    assert!(worst < 1e-2, "{worst}");
    #[cfg(target_arch = "x86_64")]
    match Avx512::<true>::detect() {
        Some(avx512) => assert_same_bits("AVX512-BF16", &network.features(Bf16(avx512)), &scalar),
        None => not_tested("AVX512-BF16"),
    }
}

/// Asserts that one image has the same bits with helpers, and that they helped.
#[cfg(target_arch = "x86_64")]
fn assert_same_bits_with_helpers<A: Arithmetic>(name: &str, network: &Network, arithmetic: A) {
    let backbone = network.backbone(arithmetic);
    let image = &network.images[..EACH];
    let expected = run(&backbone, image, &mut Scratch::new::<A>(1).unwrap());
    for helpers in [1, 2, 7, 15] {
        let team = Team::new(1);
        let mut features = [vec![f32::NAN; FEATURES], vec![f32::NAN; FEATURES]];
        let mut scratch = Scratch::new::<A>(1).unwrap();
        let [largest, mean] = &mut features;
        let cancel = CancelToken::default();
        std::thread::scope(|scope| {
            let workspace = || scratch::workspace::<A>().unwrap();
            let (team, backbone, cancel) = (&team, &backbone, &cancel);
            let scratch = &mut scratch;
            scope.spawn(move || {
                team.work(&mut workspace(), |_, leader| {
                    while team.idle() < helpers {
                        std::thread::yield_now();
                    }
                    backbone.run(image, scratch, [largest, mean], cancel, leader);
                });
            });
            for _ in 0..helpers {
                scope.spawn(move || {
                    while team.unstarted() > 0 {
                        std::thread::yield_now();
                    }
                    team.work(&mut workspace(), |_, _| unreachable!("one job"));
                });
            }
        });
        assert_same_bits(
            &format!("{name} with {helpers} helpers"),
            &features,
            &expected,
        );
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn every_number_of_threads_has_the_bits_of_one() {
    let network = Network::new();
    match Avx2::detect() {
        Some(avx2) => assert_same_bits_with_helpers("AVX2 and FMA", &network, Fp32(avx2)),
        None => not_tested("AVX2 and FMA"),
    }
    match Avx512::<false>::detect() {
        Some(avx512) => assert_same_bits_with_helpers("AVX-512", &network, Fp32(avx512)),
        None => not_tested("AVX-512"),
    }
    match Avx512::<true>::detect() {
        Some(avx512) => assert_same_bits_with_helpers("AVX512-BF16", &network, Bf16(avx512)),
        None => not_tested("AVX512-BF16"),
    }
}
