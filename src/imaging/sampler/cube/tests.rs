//! A cube against the linear function that its volume holds.

use super::super::spec::tests::one_plane;
use super::*;
use crate::imaging::{DType, IDENTITY, ImageGrid};

/// A linear function of the position in the patient.
fn linear([x, y, z]: [f64; 3]) -> f64 {
    3.0 + 0.5 * x - 0.25 * y + 2.0 * z
}

fn grid(direction: [[f64; 3]; 3]) -> ImageGrid<'static> {
    ImageGrid {
        dims: [12, 13, 14],
        origin: [-10.0, 20.0, 30.0],
        spacing: [2.0, 1.5, 3.0],
        direction,
        slice_offsets: None,
    }
}

/// A volume that holds the function.
fn bytes(grid: &ImageGrid<'_>) -> Vec<u8> {
    let at = |n: usize| [n % 12, n / 12 % 13, n / 156].map(|v| v as f64);
    (0..12 * 13 * 14)
        .flat_map(|n| linear(grid.index_to_lps(at(n))).to_ne_bytes())
        .collect()
}

/// Normalised, where planes are: a cube is not.
fn intensity() -> Intensity {
    Intensity {
        outside: -1000.0,
        mean: 17.0,
        std: 4.0,
        ..one_plane().ct
    }
}

fn cube(grid: ImageGrid<'_>, center: [f64; 3], edge: usize) -> Result<Array3<f32>> {
    let bytes = bytes(&grid);
    let view = VolumeView::packed(&bytes, DType::F64, grid, "ct").unwrap();
    one_plane().cube(&view, &[], &intensity(), center, edge)
}

/// About S by 20 degrees.
fn oblique() -> [[f64; 3]; 3] {
    let (s, c) = 20f64.to_radians().sin_cos();
    [[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]
}

#[test]
fn a_cube_holds_the_values_around_its_centre_to_superior_posterior_and_left() {
    for direction in [IDENTITY, oblique()] {
        let grid = grid(direction);
        let center = grid.index_to_lps([5.4, 6.3, 6.2]);
        for edge in [2, 5, 6] {
            let cube = cube(grid, center, edge).unwrap();
            assert_eq!(cube.dim(), (edge, edge, edge));
            for ((k, j, i), value) in cube.indexed_iter() {
                // Samples are 1.5 mm apart, and the centre is at half of the edge.
                let step = |n: usize| (n as f64 - (edge / 2) as f64) * 1.5;
                let wanted = linear([
                    center[0] + step(i),
                    center[1] + step(j),
                    center[2] + step(k),
                ]);
                assert!(
                    (f64::from(*value) - wanted).abs() < 1e-4,
                    "{k} {j} {i}: {value} {wanted}"
                );
            }
        }
    }
}

#[test]
fn what_lies_outside_the_volume_has_the_value_of_outside() {
    // Slices from 30 to 69 mm; the last one reaches to 70.5.
    let cube = cube(grid(IDENTITY), [0.0, 30.0, 69.0], 8).unwrap();
    for (k, slice) in cube.outer_iter().enumerate() {
        let z = 69.0 + (k as f64 - 4.0) * 1.5;
        for value in slice {
            assert_eq!(*value == -1000.0, z > 70.5, "{z}: {value}");
        }
    }
}

#[test]
fn an_edge_and_a_centre_that_cannot_be_are_refused() {
    let grid = grid(IDENTITY);
    for edge in [0, 1, 1025] {
        let why = cube(grid, [0.0, 30.0, 50.0], edge).unwrap_err();
        assert!(matches!(why, Error::InvalidArgument { .. }), "{why}");
    }
    let why = cube(grid, [0.0, 30.0, 71.0], 5).unwrap_err();
    assert!(
        matches!(why, Error::RoiOutside { volume: "ct", .. }),
        "{why}"
    );
}
