//! Images of the network between its layers.

use super::arithmetic::Arithmetic;
use super::instructions::{BLOCK, Line};
use super::layers::{CHANNELS, SIDE};
use super::tile::blank;
use super::winograd;
use std::collections::TryReserveError;

/// Images of one backbone between its layers; their borders are zero and stay so.
pub struct Scratch {
    pub(super) image: Vec<Line>,
    pub(super) stem: Vec<Line>,
    pub(super) stages: [Stage; 4],
    /// Images that it has room for.
    images: usize,
}

/// A stage's images: what enters a block, what leaves its first convolution, and what is added behind its second, in
/// single precision, where that is not the first of these.
pub(super) struct Stage {
    pub activation: Vec<Line>,
    hidden: Vec<Line>,
    pub full: Vec<Line>,
}

/// Pixels of a row, and channels, of each stage.
pub(super) const STAGES: [(usize, usize); 4] = [(28, 64), (14, 128), (7, 256), (4, 512)];
/// Pixels of a row behind the stem.
pub(super) const STEM: usize = 56;
/// Values in a row of the image with the border of the stem's kernel on both sides.
pub(super) const ROW: usize = SIDE + 6;

impl Scratch {
    /// Returns room for so many images.
    ///
    /// # Errors
    /// There is no memory for them.
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
            images,
        })
    }

    /// Returns whether it has room for so many images.
    pub fn holds(&self, images: usize) -> bool {
        images <= self.images
    }

    /// Returns where some images of a stage lie, from one on.
    pub(super) fn at<A: Arithmetic>(&mut self, stage: usize, first: usize, images: usize) -> At {
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
        let activation = words(activation);
        At {
            stage,
            activation,
            hidden: words(hidden),
            full: if A::EXACT {
                activation.cast()
            } else {
                full.as_mut_ptr().cast::<f32>().wrapping_add(values)
            },
            images,
        }
    }
}

/// Returns the memory that a thread needs beside the images it works on.
///
/// # Errors
/// There is no memory for it.
pub fn workspace<A: Arithmetic>() -> Result<Vec<Line>, TryReserveError> {
    blank(if A::EXACT { winograd::WORKSPACE } else { 0 })
}

/// Where images of a stage lie.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub stage: usize,
    pub activation: *mut u32,
    pub hidden: *mut u32,
    pub full: *mut f32,
    pub images: usize,
}

impl At {
    /// Returns the pixels of a row.
    pub fn side(&self) -> usize {
        STAGES[self.stage].0
    }

    pub fn channels(&self) -> usize {
        STAGES[self.stage].1
    }

    /// Returns the pixels of a plane with its border.
    pub fn pixels(&self) -> usize {
        (self.side() + 2) * (self.side() + 2)
    }
}
