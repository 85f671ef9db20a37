//! The convolutions of a ResNet-18 by name and shape, and their weights as the kernels want them.

use super::arithmetic::Arithmetic;
use super::instructions::{BLOCK, Line};
use super::winograd;

/// Rows and columns of an image.
pub const SIDE: usize = 112;
/// Channels of an image.
pub const CHANNELS: usize = 3;
/// Channels of the outcome.
pub const FEATURES: usize = 512;

/// Weights are laid out for so many outputs at a time, or a multiple.
pub const OUTPUTS: usize = 64;

/// A convolution of the network.
#[derive(Debug)]
pub struct Layer {
    /// Name behind that of the backbone.
    pub name: &'static str,
    pub inputs: usize,
    pub outputs: usize,
    /// Rows and columns of its kernel.
    pub kernel: usize,
}

const fn layer(name: &'static str, inputs: usize, outputs: usize, kernel: usize) -> Layer {
    Layer {
        name,
        inputs,
        outputs,
        kernel,
    }
}

/// The stem, then stage by stage two blocks of two; before the second of a block that changes the shape, what brings its
/// input to that shape.
pub const LAYERS: [Layer; 20] = [
    layer("stem", CHANNELS, 64, 7),
    layer("4.0.conv1", 64, 64, 3),
    layer("4.0.conv2", 64, 64, 3),
    layer("4.1.conv1", 64, 64, 3),
    layer("4.1.conv2", 64, 64, 3),
    layer("5.0.conv1", 64, 128, 3),
    layer("5.0.down", 64, 128, 1),
    layer("5.0.conv2", 128, 128, 3),
    layer("5.1.conv1", 128, 128, 3),
    layer("5.1.conv2", 128, 128, 3),
    layer("6.0.conv1", 128, 256, 3),
    layer("6.0.down", 128, 256, 1),
    layer("6.0.conv2", 256, 256, 3),
    layer("6.1.conv1", 256, 256, 3),
    layer("6.1.conv2", 256, 256, 3),
    layer("7.0.conv1", 256, 512, 3),
    layer("7.0.down", 256, 512, 1),
    layer("7.0.conv2", 512, 512, 3),
    layer("7.1.conv1", 512, 512, 3),
    layer("7.1.conv2", 512, 512, 3),
];

/// Layer and whether it is the bias, from the name behind that of the backbone.
pub fn part_of(part: &str) -> Option<(usize, bool)> {
    let (layer, kind) = part.rsplit_once('.')?;
    let bias = match kind {
        "w" => false,
        "b" => true,
        _ => return None,
    };
    Some((LAYERS.iter().position(|l| l.name == layer)?, bias))
}

/// Weights and bias of a layer, as the kernels want them.
#[derive(Default)]
pub struct Packed {
    pub weights: Vec<Line>,
    pub bias: Vec<f32>,
}

impl Layer {
    /// Pixels from one output to the next: what changes the number of channels halves the sides.
    pub fn stride(&self) -> usize {
        if self.inputs == self.outputs { 1 } else { 2 }
    }

    /// Whether Winograd's way is the shorter one: where there are more pixels than weights to read.
    pub fn halves<A: Arithmetic>(&self) -> bool {
        A::EXACT && self.kernel == 3 && self.inputs == self.outputs && self.outputs <= 128
    }

    /// Lines of its weights.
    pub fn lines<A: Arithmetic>(&self) -> usize {
        let (groups, columns, words) = self.steps::<A>();
        if self.halves::<A>() {
            self.outputs * self.inputs
        } else {
            self.outputs / BLOCK * groups * self.kernel * columns * words
        }
    }

    /// Groups of inputs, columns of the kernel in words, and words of a pixel in a group. A word is one value or two:
    /// neighbouring columns of a channel in the stem, neighbouring channels elsewhere.
    pub fn steps<A: Arithmetic>(&self) -> (usize, usize, usize) {
        let values = BLOCK / A::WORDS;
        if self.inputs < BLOCK {
            (self.inputs, self.kernel.div_ceil(values), 1)
        } else {
            (self.inputs / BLOCK, self.kernel, A::WORDS)
        }
    }

    /// Put weights of some outputs, a multiple of [`OUTPUTS`], behind those of the outputs before: shape outputs x inputs x
    /// kernel x kernel, little-endian, to as the kernels want them.
    pub fn pack<A: Arithmetic>(&self, weights: &[[u8; 4]], to: &mut Vec<Line>) {
        if self.halves::<A>() {
            return winograd::pack::<A::Instructions>(self.inputs, weights, to);
        }
        let k = self.kernel;
        let (groups, columns, words) = self.steps::<A>();
        let values = BLOCK / A::WORDS;
        let depth = self.inputs / groups;
        let stem = self.inputs < BLOCK;
        for outputs in weights.chunks_exact(BLOCK * self.inputs * k * k) {
            for group in 0..groups {
                // Of each output of the block, what it takes from the inputs of this group.
                let rows: [&[[u8; 4]]; BLOCK] = std::array::from_fn(|lane| {
                    let taps = depth * k * k;
                    &outputs[lane * self.inputs * k * k + group * taps..][..taps]
                });
                for ky in 0..k {
                    for column in 0..columns {
                        for word in 0..words {
                            let at = |n| {
                                if stem {
                                    (ky * k + column * values + n, column * values + n < k)
                                } else {
                                    (((word * values + n) * k + ky) * k + column, true)
                                }
                            };
                            let ((first, _), (second, there)) = (at(0), at(values - 1));
                            to.push(Line(std::array::from_fn(|lane| {
                                let second = if there { rows[lane][second] } else { [0; 4] };
                                A::word(
                                    f32::from_le_bytes(rows[lane][first]),
                                    f32::from_le_bytes(second),
                                )
                            })));
                        }
                    }
                }
            }
        }
    }
}
