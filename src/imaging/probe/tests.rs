//! Interpolation between voxels and at the border.

use super::*;
use crate::imaging::{DType, IDENTITY, ImageGrid};

#[test]
fn a_quantity_is_interpolated_between_the_voxels_that_weigh_in_and_no_others() {
    let grid = ImageGrid {
        dims: [4, 3, 2],
        origin: [10.0, 20.0, 30.0],
        spacing: [2.0, 4.0, 5.0],
        direction: IDENTITY,
        slice_offsets: None,
    };
    let bytes = [0u8; 24];
    let view = VolumeView::packed(&bytes, DType::U8, grid, "pet").unwrap();
    let probe = Probe::new(&view);
    let linear = |[i, j, k]: [usize; 3]| {
        assert!(i < 4 && j < 3 && k < 2, "{i} {j} {k} is no voxel");
        Some(1.0 + i as f64 + 10.0 * j as f64 + 100.0 * k as f64)
    };
    let at = |index: [f64; 3]| probe.interpolate(grid.index_to_lps(index), linear);
    assert_eq!(at([0.0, 0.0, 0.0]), Some(1.0));
    assert_eq!(at([1.5, 0.25, 0.75]), Some(1.0 + 1.5 + 2.5 + 75.0));
    // On the last voxels, and half a voxel beyond them.
    assert_eq!(at([3.0, 2.0, 1.0]), Some(124.0));
    assert_eq!(at([3.5, 2.5, 1.5]), Some(124.0));
    assert_eq!(at([-0.5, -0.5, -0.5]), Some(1.0));
    assert_eq!(at([3.0, 0.5, 1.0]), Some(1.0 + 3.0 + 5.0 + 100.0));
    assert_eq!(at([3.6, 0.0, 0.0]), None);
    // A neighbour without the quantity counts where it weighs in.
    let hole = |v: [usize; 3]| (v != [2, 0, 0]).then_some(1.0);
    let at = |index: [f64; 3]| probe.interpolate(grid.index_to_lps(index), hole);
    assert_eq!(
        (
            at([1.0, 0.0, 0.0]),
            at([1.5, 0.0, 0.0]),
            at([3.0, 0.0, 0.0])
        ),
        (Some(1.0), None, Some(1.0))
    );
}
