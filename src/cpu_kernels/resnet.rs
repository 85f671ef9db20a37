//! ResNet-18 without its pooling and classifier, on 112 x 112 images, up to the largest and the mean value of each of its
//! 512 channels, which is all that the heads of DLNMS see of it.
#![allow(unsafe_code)]

use super::arithmetic::Arithmetic;
use super::instructions::BLOCK;
use super::layers::{CHANNELS, FEATURES, LAYERS, Layer, Packed, SIDE};
use super::scratch::{At, ROW, STAGES, STEM, Scratch};
use super::team::Leader;
use super::tile::{self, ConvArgs};
use super::tiling::{convolve, convolve_stem};
use crate::cancel::CancelToken;

/// One backbone.
pub struct Backbone<A> {
    layers: Vec<Packed>,
    arithmetic: A,
}

impl<A: Arithmetic> Backbone<A> {
    /// Returns a backbone of all layers in the order of [`LAYERS`], or `None` if a weight is missing.
    pub fn new(arithmetic: A, layers: Vec<Packed>) -> Option<Self> {
        let whole = |(packed, layer): (&Packed, &Layer)| {
            packed.weights.len() == layer.lines::<A>() && packed.bias.len() == layer.outputs
        };
        let whole = layers.len() == LAYERS.len() && layers.iter().zip(&LAYERS).all(whole);
        whole.then_some(Self { layers, arithmetic })
    }

    /// Computes the largest and the mean value of each channel, of each image (channels x rows x columns), with the threads
    /// of the leader's team that are idle. Ends early, with nothing written, once the token is triggered.
    pub fn run(
        &self,
        images: &[f32],
        scratch: &mut Scratch,
        [largest, mean]: [&mut [f32]; 2],
        cancel: &CancelToken,
        leader: &mut Leader<'_>,
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
        // SAFETY: the scratch has room for so many images of each stage.
        unsafe {
            for (number, image) in images.iter().enumerate() {
                if cancel.is_triggered() {
                    return;
                }
                let [first, second] = [0, 1].map(|stage| scratch.at::<A>(stage, 0, 1));
                self.stem(image, scratch, leader);
                self.pool(scratch, first, leader);
                self.block(1, first, leader);
                self.block(3, first, leader);
                self.shrink(5, first, second, leader);
                self.block(8, second, leader);
                let third = scratch.at::<A>(2, number, 1);
                self.shrink(10, second, third, leader);
                self.block(13, third, leader);
            }
            if cancel.is_triggered() {
                return;
            }
            let third = scratch.at::<A>(2, 0, n);
            let fourth = scratch.at::<A>(3, 0, n);
            self.shrink(15, third, fourth, leader);
            self.block(18, fourth, leader);
        }
        Self::features(scratch, largest, mean);
    }

    /// Computes the largest and the mean value of each channel of the last stage.
    fn features(scratch: &Scratch, largest: &mut [f32], mean: &mut [f32]) {
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

    /// The first convolution.
    fn stem(&self, image: &[f32], scratch: &mut Scratch, leader: &mut Leader<'_>) {
        let bytes = A::WORDS * 4 / BLOCK;
        let to = scratch.image.as_mut_ptr().cast::<u8>();
        for (n, row) in image.as_chunks::<SIDE>().0.iter().enumerate() {
            let (channel, y) = (n / SIDE, n % SIDE);
            let at = ((channel * ROW + y + 3) * ROW + 3) * bytes;
            // SAFETY: three rows and columns of border around each channel.
            unsafe { tile::store_row(self.arithmetic, row, to.add(at)) };
        }
        let layer = &self.layers[0];
        let (_, columns, _) = LAYERS[0].steps::<A>();
        let args = ConvArgs {
            weights: layer.weights.as_ptr(),
            bias: layer.bias.as_ptr(),
            in_blocks: CHANNELS,
            out_blocks: 64 / BLOCK,
            blocks: 0..64 / BLOCK,
            kernel: [LAYERS[0].kernel, columns],
            images: 1,
            source: scratch.image.as_ptr().cast(),
            source_steps: [ROW * ROW * A::WORDS / BLOCK, 0],
            target: std::ptr::null_mut(),
            add: std::ptr::null(),
            f32_copy: scratch.stem.as_mut_ptr().cast(),
            side: STEM,
            rows: 0..STEM,
            columns: 0..STEM,
            relu: true,
        };
        /// Rows of a piece.
        const ROWS: usize = 4;
        let args = &args;
        leader.share(
            STEM / ROWS,
            // SAFETY: the image has its border, the stem's plane too.
            |_| unsafe { convolve_stem(self.arithmetic, args) },
            &|n, _| {
                let rows = n * ROWS..(n + 1) * ROWS;
                let args = ConvArgs {
                    rows,
                    ..args.clone()
                };
                // SAFETY: as above; every piece writes its own rows.
                unsafe { convolve_stem(self.arithmetic, &args) }
            },
        );
    }

    /// The largest of neighbours: what enters the first stage.
    ///
    /// # Safety
    /// `at` is the first stage of this scratch.
    unsafe fn pool(&self, scratch: &Scratch, at: At, leader: &mut Leader<'_>) {
        let pool = Pooling {
            arithmetic: self.arithmetic,
            from: scratch.stem.as_ptr().cast(),
            to: at,
        };
        let planes = at.channels() / BLOCK;
        leader.share(
            planes,
            // SAFETY: the stem and the first stage have so many planes.
            |_| (0..planes).for_each(|plane| unsafe { pool.plane(plane) }),
            // SAFETY: as above; every piece writes its own plane.
            &|plane, _| unsafe { pool.plane(plane) },
        );
    }

    /// A block that keeps the shape: two convolutions, and its input added.
    ///
    /// # Safety
    /// As for [`convolve`].
    unsafe fn block(&self, layer: usize, at: At, leader: &mut Leader<'_>) {
        let target = at.hidden;
        let args = self.args(layer, at.activation, at, at);
        // SAFETY: handed on from the caller.
        unsafe {
            let args = ConvArgs { target, ..args };
            convolve(self.arithmetic, layer, at.stage, &args, leader);
            self.close(layer + 1, at, leader);
        }
    }

    /// A block that halves the sides and doubles the channels.
    ///
    /// # Safety
    /// As for [`convolve`].
    unsafe fn shrink(&self, layer: usize, before: At, at: At, leader: &mut Leader<'_>) {
        let (target, f32_copy, relu) = (at.hidden, at.full, false);
        let args = self.args(layer, before.activation, before, at);
        // A kernel of one pixel begins within the border.
        let within = before
            .activation
            .wrapping_add((before.side() + 3) * A::WORDS);
        let down = self.args(layer + 1, within, before, at);
        // SAFETY: handed on from the caller.
        unsafe {
            let args = ConvArgs { target, ..args };
            convolve(self.arithmetic, layer, at.stage, &args, leader);
            let down = ConvArgs {
                f32_copy,
                relu,
                ..down
            };
            convolve(self.arithmetic, layer + 1, at.stage, &down, leader);
            self.close(layer + 2, at, leader);
        }
    }

    /// The last convolution of a block.
    ///
    /// # Safety
    /// As for [`convolve`].
    unsafe fn close(&self, layer: usize, at: At, leader: &mut Leader<'_>) {
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
        unsafe { convolve(self.arithmetic, layer, at.stage, &args, leader) };
    }

    fn args(&self, layer: usize, source: *const u32, from: At, to: At) -> ConvArgs {
        let (packed, layer) = (&self.layers[layer], &LAYERS[layer]);
        ConvArgs {
            weights: packed.weights.as_ptr(),
            bias: packed.bias.as_ptr(),
            in_blocks: layer.inputs / BLOCK,
            out_blocks: layer.outputs / BLOCK,
            blocks: 0..layer.outputs / BLOCK,
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
            columns: 0..to.side(),
            relu: true,
        }
    }
}

/// The pooling behind the stem.
struct Pooling<A> {
    arithmetic: A,
    from: *const f32,
    to: At,
}

// SAFETY: every plane is written by one thread, and nobody writes what is read.
unsafe impl<A: Arithmetic> Sync for Pooling<A> {}

impl<A: Arithmetic> Pooling<A> {
    /// Computes a plane.
    ///
    /// # Safety
    /// Both sides have this plane.
    unsafe fn plane(&self, plane: usize) {
        let to = plane * self.to.pixels();
        // SAFETY: handed on from the caller.
        unsafe {
            let from = self.from.add(plane * (STEM + 2) * (STEM + 2) * BLOCK);
            let f32_copy = if A::EXACT {
                std::ptr::null_mut()
            } else {
                self.to.full.add(to * BLOCK)
            };
            let to = self.to.activation.add(to * A::WORDS);
            tile::pool(self.arithmetic, from, to, f32_copy);
        }
    }
}
