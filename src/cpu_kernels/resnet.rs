//! ResNet-18 without its pooling and classifier, on 112 x 112 images, up to the largest and the mean value of each of its
//! 512 channels, which is all that the heads of DLNMS see of it.
#![allow(unsafe_code)]

use super::layers::{CHANNELS, FEATURES, LAYERS, Layer, Packed, SIDE};
use super::tile::{Arithmetic, BLOCK, ConvArgs, Line, blank};
use super::winograd;
use crate::cancel::CancelToken;
use std::collections::TryReserveError;
use std::marker::PhantomData;

/// One backbone.
pub struct Backbone<A> {
    layers: Vec<Packed>,
    arithmetic: PhantomData<A>,
}

/// Images of the network between its layers; their borders are zero and stay so.
pub struct Scratch {
    image: Vec<Line>,
    stem: Vec<Line>,
    stages: [Stage; 4],
    /// For Winograd's way.
    workspace: Vec<Line>,
    /// Images that it has room for.
    images: usize,
}

/// A stage's images: what enters a block, what leaves its first convolution, and what is added behind its second, in
/// single precision, where that is not the first of these.
struct Stage {
    activation: Vec<Line>,
    hidden: Vec<Line>,
    full: Vec<Line>,
}

/// Pixels of a row, and channels, of each stage.
const STAGES: [(usize, usize); 4] = [(28, 64), (14, 128), (7, 256), (4, 512)];
/// Pixels of a row behind the stem.
const STEM: usize = 56;
/// Values in a row of the image with the border of the stem's kernel on both sides.
const ROW: usize = SIDE + 6;

impl Scratch {
    pub fn new<A: Arithmetic>(images: usize) -> Result<Self, TryReserveError> {
        let blank = |words: usize| blank(words.div_ceil(BLOCK));
        let stage = |n: usize| {
            let (side, channels) = STAGES[n];
            // The first stages see one image after the other; the last, with three quarters of the weights, all at once.
            let images = if n < 2 { 1 } else { images };
            let values = images * (side + 2) * (side + 2) * channels;
            let words = values / BLOCK * A::WORDS;
            Ok::<_, TryReserveError>(Stage {
                activation: blank(words)?,
                hidden: blank(words)?,
                full: blank(if A::EXACT { 0 } else { values })?,
            })
        };
        Ok(Self {
            image: blank(CHANNELS * ROW * ROW * A::WORDS / BLOCK)?,
            stem: blank((STEM + 2) * (STEM + 2) * 64)?,
            stages: [stage(0)?, stage(1)?, stage(2)?, stage(3)?],
            workspace: blank(if A::EXACT {
                winograd::WORKSPACE * BLOCK
            } else {
                0
            })?,
            images,
        })
    }
}

/// Where images of a stage lie.
#[derive(Clone, Copy)]
struct At {
    stage: usize,
    activation: *mut u32,
    hidden: *mut u32,
    full: *mut f32,
    workspace: *mut f32,
    images: usize,
}

impl Scratch {
    /// Returns whether it has room for so many images.
    pub fn holds(&self, images: usize) -> bool {
        images <= self.images
    }

    /// Some images of a stage, from one on.
    fn at<A: Arithmetic>(&mut self, stage: usize, first: usize, images: usize) -> At {
        let (side, channels) = STAGES[stage];
        let values = first * (side + 2) * (side + 2) * channels;
        let Stage {
            activation,
            hidden,
            full,
        } = &mut self.stages[stage];
        let words = |lines: &mut Vec<Line>| {
            lines
                .as_mut_ptr()
                .cast::<u32>()
                .wrapping_add(values / BLOCK * A::WORDS)
        };
        At {
            stage,
            activation: words(activation),
            hidden: words(hidden),
            full: match A::EXACT {
                true => words(activation).cast(),
                false => full.as_mut_ptr().cast::<f32>().wrapping_add(values),
            },
            workspace: self.workspace.as_mut_ptr().cast(),
            images,
        }
    }
}

impl<A: Arithmetic> Backbone<A> {
    /// Of all layers, in the order of [`LAYERS`]; `None` if one is not whole, or the processor has not the instructions.
    pub fn new(layers: Vec<Packed>) -> Option<Self> {
        let whole = |(packed, layer): (&Packed, &Layer)| {
            packed.weights.len() == layer.lines::<A>() && packed.bias.len() == layer.outputs
        };
        let whole = layers.len() == LAYERS.len() && layers.iter().zip(&LAYERS).all(whole);
        (whole && A::supported()).then_some(Self {
            layers,
            arithmetic: PhantomData,
        })
    }

    /// Computes the largest and the mean value of each channel, of each image (channels x rows x columns). Ends early, with
    /// nothing written, once the token is triggered.
    pub fn run(
        &self,
        images: &[f32],
        scratch: &mut Scratch,
        largest: &mut [f32],
        mean: &mut [f32],
        cancel: &CancelToken,
    ) {
        let (images, rest) = images.as_chunks::<{ CHANNELS * SIDE * SIDE }>();
        let n = images.len();
        assert!(
            rest.is_empty() && scratch.holds(n),
            "workspace for the images"
        );
        assert!(
            largest.len() == n * FEATURES && mean.len() == n * FEATURES,
            "workspace for the features"
        );
        // SAFETY: `new` found the instructions; the scratch has room for so many images of each stage.
        unsafe {
            for (number, image) in images.iter().enumerate() {
                if cancel.is_triggered() {
                    return;
                }
                self.stem(image, scratch);
                let [first, second] = [0, 1].map(|stage| scratch.at::<A>(stage, 0, 1));
                let f32_copy = if A::EXACT {
                    std::ptr::null_mut()
                } else {
                    first.full
                };
                for plane in 0..first.channels() / BLOCK {
                    let (from, to) = (
                        plane * (STEM + 2) * (STEM + 2) * BLOCK,
                        plane * first.pixels(),
                    );
                    let stem = scratch.stem.as_ptr().cast::<f32>().add(from);
                    let f32_copy = if f32_copy.is_null() {
                        f32_copy
                    } else {
                        f32_copy.add(to * BLOCK)
                    };
                    A::pool(stem, first.activation.add(to * A::WORDS), f32_copy);
                }
                self.block(1, first);
                self.block(3, first);
                self.shrink(5, first, second);
                self.block(8, second);
                let third = scratch.at::<A>(2, number, 1);
                self.shrink(10, second, third);
                self.block(13, third);
            }
            if cancel.is_triggered() {
                return;
            }
            let third = scratch.at::<A>(2, 0, n);
            let fourth = scratch.at::<A>(3, 0, n);
            self.shrink(15, third, fourth);
            self.block(18, fourth);
        }
        let (side, _) = STAGES[3];
        let last = &scratch.stages[3];
        let lines = if A::EXACT {
            &last.activation
        } else {
            &last.full
        };
        let outcome = largest
            .as_chunks_mut::<BLOCK>()
            .0
            .iter_mut()
            .zip(mean.as_chunks_mut::<BLOCK>().0);
        for (plane, (largest, mean)) in lines.chunks_exact((side + 2) * (side + 2)).zip(outcome) {
            (*largest, *mean) = ([0.0; BLOCK], [0.0; BLOCK]); // behind the threshold nothing is below 0
            for row in plane.chunks_exact(side + 2).skip(1).take(side) {
                for pixel in &row[1..=side] {
                    for (lane, bits) in pixel.0.iter().enumerate() {
                        let v = f32::from_bits(*bits);
                        largest[lane] = largest[lane].max(v);
                        mean[lane] += v;
                    }
                }
            }
            mean.iter_mut().for_each(|v| *v /= (side * side) as f32);
        }
    }

    /// # Safety
    /// The processor has the instructions.
    unsafe fn stem(&self, image: &[f32], scratch: &mut Scratch) {
        let bytes = A::WORDS * 4 / BLOCK;
        let to = scratch.image.as_mut_ptr().cast::<u8>();
        for (n, row) in image.as_chunks::<SIDE>().0.iter().enumerate() {
            let (channel, y) = (n / SIDE, n % SIDE);
            let at = ((channel * ROW + y + 3) * ROW + 3) * bytes;
            // SAFETY: three rows and columns of border around each channel.
            unsafe { A::row(row, to.add(at)) };
        }
        let layer = &self.layers[0];
        let (_, columns, _) = LAYERS[0].steps::<A>();
        let args = ConvArgs {
            weights: layer.weights.as_ptr(),
            bias: layer.bias.as_ptr(),
            in_blocks: CHANNELS,
            out_blocks: 64 / BLOCK,
            kernel: [LAYERS[0].kernel, columns],
            images: 1,
            source: scratch.image.as_ptr().cast(),
            source_steps: [ROW * ROW * A::WORDS / BLOCK, 0],
            target: std::ptr::null_mut(),
            add: std::ptr::null(),
            f32_copy: scratch.stem.as_mut_ptr().cast(),
            side: STEM,
            rows: 0..STEM,
            relu: true,
        };
        // SAFETY: the image has its border, the stem's plane too.
        unsafe { A::stem(&args) };
    }

    /// A block that keeps the shape: two convolutions, and its input added.
    ///
    /// # Safety
    /// As for [`convolve`].
    unsafe fn block(&self, layer: usize, at: At) {
        let target = at.hidden;
        let args = self.args(layer, at.activation, at, at);
        // SAFETY: handed on from the caller.
        unsafe {
            convolve::<A>(layer, at, ConvArgs { target, ..args });
            self.close(layer + 1, at);
        }
    }

    /// A block that halves the sides and doubles the channels.
    ///
    /// # Safety
    /// As for [`convolve`].
    unsafe fn shrink(&self, layer: usize, before: At, at: At) {
        let (target, f32_copy, relu) = (at.hidden, at.full, false);
        let args = self.args(layer, before.activation, before, at);
        // A kernel of one pixel begins within the border.
        let within = before
            .activation
            .wrapping_add((before.side() + 3) * A::WORDS);
        let down = self.args(layer + 1, within, before, at);
        // SAFETY: handed on from the caller.
        unsafe {
            convolve::<A>(layer, at, ConvArgs { target, ..args });
            convolve::<A>(
                layer + 1,
                at,
                ConvArgs {
                    f32_copy,
                    relu,
                    ..down
                },
            );
            self.close(layer + 2, at);
        }
    }

    /// The last convolution of a block.
    ///
    /// # Safety
    /// As for [`convolve`].
    unsafe fn close(&self, layer: usize, at: At) {
        let args = ConvArgs {
            target: at.activation,
            add: at.full,
            f32_copy: if A::EXACT {
                std::ptr::null_mut()
            } else {
                at.full
            },
            ..self.args(layer, at.hidden, at, at)
        };
        // SAFETY: handed on from the caller.
        unsafe { convolve::<A>(layer, at, args) };
    }

    fn args(&self, layer: usize, source: *const u32, from: At, to: At) -> ConvArgs {
        let (packed, layer) = (&self.layers[layer], &LAYERS[layer]);
        ConvArgs {
            weights: packed.weights.as_ptr(),
            bias: packed.bias.as_ptr(),
            in_blocks: layer.inputs / BLOCK,
            out_blocks: layer.outputs / BLOCK,
            kernel: [layer.kernel; 2],
            images: to.images,
            source,
            source_steps: [1, from.channels() / BLOCK]
                .map(|planes| planes * from.pixels() * A::WORDS),
            target: std::ptr::null_mut(),
            add: std::ptr::null(),
            f32_copy: std::ptr::null_mut(),
            side: to.side(),
            rows: 0..to.side(),
            relu: true,
        }
    }
}

impl At {
    fn side(&self) -> usize {
        STAGES[self.stage].0
    }

    fn channels(&self) -> usize {
        STAGES[self.stage].1
    }

    /// Of a plane with its border.
    fn pixels(&self) -> usize {
        (self.side() + 2) * (self.side() + 2)
    }
}

/// The convolution of a layer, cut into tiles that leave no rest and fill the registers.
///
/// # Safety
/// The processor has the instructions, and the pointers of `args` have room for the stage's images with their borders.
unsafe fn convolve<A: Arithmetic>(layer: usize, at: At, args: ConvArgs) {
    let layer = &LAYERS[layer];
    let keeps = layer.inputs == layer.outputs;
    let rows = |rows| ConvArgs { rows, ..args };
    // SAFETY: handed on from the caller.
    unsafe {
        match (at.stage, keeps) {
            (0, _) if layer.halves::<A>() => winograd::convolve28(&args, at.workspace),
            (0, _) => A::convolve::<1, 14, 2, 30, 1>(&args),
            (1, true) if layer.halves::<A>() => winograd::convolve14(&args, at.workspace),
            (1, true) => A::convolve::<1, 14, 2, 16, 1>(&args),
            (1, false) => A::convolve::<1, 14, 2, 30, 2>(&args),
            (2, true) => {
                A::convolve::<2, 7, 2, 9, 1>(&rows(0..6));
                A::convolve::<1, 7, 4, 9, 1>(&rows(6..7));
            }
            (2, false) => {
                A::convolve::<2, 7, 2, 16, 2>(&rows(0..6));
                A::convolve::<1, 7, 4, 16, 2>(&rows(6..7));
            }
            (_, true) => A::convolve::<4, 4, 1, 6, 1>(&args),
            (_, false) => A::convolve::<4, 4, 1, 9, 2>(&args),
        }
    }
}
