//! How each layer is cut: into pieces that threads share, and into tiles that leave no rest and fill the registers.
#![allow(unsafe_code)]

use super::arithmetic::Arithmetic;
use super::instructions::{Instructions, Line};
use super::layers::{LAYERS, Layer};
use super::team::Leader;
use super::tile::{self, ConvArgs};
use super::winograd;
use std::ops::Range;

/// Returns the blocks of output channels and the rows of a piece of a layer. In the last stages the weights are what has to
/// be read, so every piece has its own; in the first it is the images.
fn piece<A: Arithmetic>(layer: &Layer, stage: usize) -> (usize, usize) {
    match stage {
        0 => (4, 2),
        1 if layer.halves::<A>() => (4, 8),
        1 => (2, 14),
        2 => (4, 7),
        _ => (2, 4),
    }
}

/// Computes the convolution of a layer, with the threads that are idle.
///
/// # Safety
/// The pointers of `args` have room for the stage's images with their borders.
pub unsafe fn convolve<A: Arithmetic>(
    arithmetic: A,
    layer: usize,
    stage: usize,
    args: &ConvArgs,
    leader: &mut Leader<'_>,
) {
    let layer = &LAYERS[layer];
    let (blocks, rows) = piece::<A>(layer, stage);
    let (across, down) = (args.out_blocks / blocks, args.side.div_ceil(rows));
    leader.share(
        across * down,
        // SAFETY: handed on from the caller; the team's workspaces are those of the arithmetic.
        |workspace| unsafe { compute(arithmetic, layer, stage, args, workspace) },
        &|n, workspace| {
            let (block, row) = (n % across * blocks, n / across * rows);
            let args = ConvArgs {
                blocks: block..block + blocks,
                rows: row..(row + rows).min(args.side),
                ..args.clone()
            };
            // SAFETY: as above; no two pieces write the same values.
            unsafe { compute(arithmetic, layer, stage, &args, workspace) };
        },
    );
}

/// Computes a convolution, or the blocks and rows of it that `args` names.
///
/// # Safety
/// As for [`convolve`].
unsafe fn compute<A: Arithmetic>(
    arithmetic: A,
    layer: &Layer,
    stage: usize,
    args: &ConvArgs,
    workspace: &mut [Line],
) {
    // SAFETY: handed on from the caller.
    unsafe {
        if layer.halves::<A>() {
            let simd = arithmetic.instructions();
            if stage == 0 {
                winograd::convolve28(simd, args, workspace);
            } else {
                winograd::convolve14(simd, args, workspace);
            }
        } else if A::Instructions::WIDE {
            convolve_wide(arithmetic, layer, stage, args);
        } else {
            convolve_narrow(arithmetic, layer, stage, args);
        }
    }
}

/// Computes the first convolution.
///
/// # Safety
/// As for [`convolve`].
pub unsafe fn convolve_stem<A: Arithmetic>(a: A, args: &ConvArgs) {
    // SAFETY: handed on from the caller.
    unsafe {
        if A::Instructions::WIDE {
            tile::convolve_stem::<A, 14, 2>(a, args);
        } else {
            let rows = || args.rows.clone();
            for block in args.blocks.clone() {
                tile::convolve_stem::<A, 6, 1>(a, &args.part(block, 1, rows(), 0..48));
                tile::convolve_stem::<A, 4, 1>(a, &args.part(block, 1, rows(), 48..56));
            }
        }
    }
}

/// Computes a convolution by tiles of 14 to 28 sums.
///
/// # Safety
/// As for [`convolve`].
unsafe fn convolve_wide<A: Arithmetic>(a: A, layer: &Layer, stage: usize, args: &ConvArgs) {
    // SAFETY: handed on from the caller.
    unsafe {
        match (stage, layer.inputs == layer.outputs) {
            (0, _) => tile::convolve::<A, 1, 14, 2, 30, 1>(a, args),
            (1, true) => tile::convolve::<A, 1, 14, 2, 16, 1>(a, args),
            (1, false) => tile::convolve::<A, 1, 14, 2, 30, 2>(a, args),
            (2, keeps) => {
                // The weights of four blocks stay in the cache until the last row is computed.
                for block in args.blocks.clone().step_by(4) {
                    let six = args.part(block, 4, 0..6, 0..7);
                    let last = args.part(block, 4, 6..7, 0..7);
                    if keeps {
                        tile::convolve::<A, 2, 7, 2, 9, 1>(a, &six);
                        tile::convolve::<A, 1, 7, 4, 9, 1>(a, &last);
                    } else {
                        tile::convolve::<A, 2, 7, 2, 16, 2>(a, &six);
                        tile::convolve::<A, 1, 7, 4, 16, 2>(a, &last);
                    }
                }
            }
            (_, true) => tile::convolve::<A, 4, 4, 1, 6, 1>(a, args),
            (_, false) => tile::convolve::<A, 4, 4, 1, 9, 2>(a, args),
        }
    }
}

/// Computes a convolution by tiles of four and six sums: as many as the registers hold, and enough to hide how long a sum
/// takes.
///
/// # Safety
/// As for [`convolve`].
unsafe fn convolve_narrow<A: Arithmetic>(a: A, layer: &Layer, stage: usize, args: &ConvArgs) {
    let rows = args.rows.clone();
    for block in args.blocks.clone() {
        let part = |rows, columns| args.part(block, 1, rows, columns);
        // SAFETY: handed on from the caller.
        unsafe {
            match (stage, layer.inputs == layer.outputs) {
                (0, _) => {
                    tile::convolve::<A, 1, 6, 1, 30, 1>(a, &part(rows.clone(), 0..24));
                    tile::convolve::<A, 1, 4, 1, 30, 1>(a, &part(rows.clone(), 24..28));
                }
                (1, true) => {
                    tile::convolve::<A, 1, 6, 1, 16, 1>(a, &part(rows.clone(), 0..6));
                    tile::convolve::<A, 1, 4, 1, 16, 1>(a, &part(rows.clone(), 6..14));
                }
                (1, false) => {
                    tile::convolve::<A, 1, 6, 1, 30, 2>(a, &part(rows.clone(), 0..6));
                    tile::convolve::<A, 1, 4, 1, 30, 2>(a, &part(rows.clone(), 6..14));
                }
                (2, true) => {
                    tile::convolve::<A, 1, 4, 1, 9, 1>(a, &part(0..7, 0..4));
                    tile::convolve::<A, 2, 3, 1, 9, 1>(a, &part(0..6, 4..7));
                    tile::convolve::<A, 1, 3, 1, 9, 1>(a, &part(6..7, 4..7));
                }
                (2, false) => {
                    tile::convolve::<A, 1, 4, 1, 16, 2>(a, &part(0..7, 0..4));
                    tile::convolve::<A, 2, 3, 1, 16, 2>(a, &part(0..6, 4..7));
                    tile::convolve::<A, 1, 3, 1, 16, 2>(a, &part(6..7, 4..7));
                }
                (_, true) => tile::convolve::<A, 1, 4, 1, 6, 1>(a, &part(0..4, 0..4)),
                (_, false) => tile::convolve::<A, 1, 4, 1, 9, 2>(a, &part(0..4, 0..4)),
            }
        }
    }
}

impl ConvArgs {
    /// Returns the same for some blocks, rows and columns.
    fn part(&self, block: usize, blocks: usize, rows: Range<usize>, columns: Range<usize>) -> Self {
        Self {
            blocks: block..block + blocks,
            rows,
            columns,
            ..self.clone()
        }
    }
}
