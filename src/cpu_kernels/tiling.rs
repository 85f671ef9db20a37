//! How each layer is cut: into pieces that threads share, and into tiles that leave no rest and fill the registers.
#![allow(unsafe_code)]

use super::arithmetic::Arithmetic;
use super::instructions::{Instructions, Line};
use super::layers::{LAYERS, Layer};
use super::team::Leader;
use super::tile::{self, ConvArgs};
use super::winograd;

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

/// Computes a convolution by tiles of 14 to 28 sums.
///
/// # Safety
/// As for [`convolve`].
unsafe fn convolve_wide<A: Arithmetic>(a: A, layer: &Layer, stage: usize, args: &ConvArgs) {
    let rows = |rows| ConvArgs {
        rows,
        ..args.clone()
    };
    // SAFETY: handed on from the caller.
    unsafe {
        match (stage, layer.inputs == layer.outputs) {
            (0, _) => tile::convolve::<A, 1, 14, 2, 30, 1>(a, args),
            (1, true) => tile::convolve::<A, 1, 14, 2, 16, 1>(a, args),
            (1, false) => tile::convolve::<A, 1, 14, 2, 30, 2>(a, args),
            (2, true) => {
                tile::convolve::<A, 2, 7, 2, 9, 1>(a, &rows(0..6));
                tile::convolve::<A, 1, 7, 4, 9, 1>(a, &rows(6..7));
            }
            (2, false) => {
                tile::convolve::<A, 2, 7, 2, 16, 2>(a, &rows(0..6));
                tile::convolve::<A, 1, 7, 4, 16, 2>(a, &rows(6..7));
            }
            (_, true) => tile::convolve::<A, 4, 4, 1, 6, 1>(a, args),
            (_, false) => tile::convolve::<A, 4, 4, 1, 9, 2>(a, args),
        }
    }
}

/// Computes a convolution by tiles of four or seven sums.
///
/// # Safety
/// As for [`convolve`].
unsafe fn convolve_narrow<A: Arithmetic>(a: A, layer: &Layer, stage: usize, args: &ConvArgs) {
    // SAFETY: handed on from the caller.
    unsafe {
        match (stage, layer.inputs == layer.outputs) {
            (0, _) => tile::convolve::<A, 1, 7, 1, 30, 1>(a, args),
            (1, true) => tile::convolve::<A, 1, 7, 1, 16, 1>(a, args),
            (1, false) => tile::convolve::<A, 1, 7, 1, 30, 2>(a, args),
            (2, true) => tile::convolve::<A, 1, 7, 1, 9, 1>(a, args),
            (2, false) => tile::convolve::<A, 1, 7, 1, 16, 2>(a, args),
            (_, true) => tile::convolve::<A, 1, 4, 1, 6, 1>(a, args),
            (_, false) => tile::convolve::<A, 1, 4, 1, 9, 2>(a, args),
        }
    }
}
