//! The quick way of reading against the slow one, and the rules of both.

use super::*;
use crate::imaging::{DType, ImageGrid, Rescale};

const DIMS: [usize; 3] = [7, 6, 5];

fn view<'a>(bytes: &'a [u8], direction: [[f64; 3]; 3]) -> VolumeView<'a> {
    let grid = ImageGrid {
        dims: DIMS,
        origin: [10.0, -20.0, 30.0],
        spacing: [1.5, 2.0, 3.0],
        direction,
        slice_offsets: None,
    };
    VolumeView::packed(bytes, DType::I16, grid, "ct").unwrap()
}

/// HU at a plane that reaches beyond the volume on every side, row by row.
fn planes(lattice: &Lattice<'_>, z: f64) -> Vec<Vec<f64>> {
    let xs: Vec<f64> = (0..60).map(|n| -10.0 + 0.7 * f64::from(n)).collect();
    let ys: Vec<f64> = (0..60).map(|n| -45.0 + 0.9 * f64::from(n)).collect();
    let mut rows = vec![Vec::new(); ys.len()];
    lattice.plane(&xs, &ys, z, |j, row| rows[j] = row.to_vec());
    rows
}

#[test]
fn a_ct_along_the_patients_axes_reads_as_one_whose_every_index_is_computed() {
    let bytes: Vec<u8> = (0..210_i32)
        .flat_map(|n| ((n * 37 % 211 - 100) as i16).to_ne_bytes())
        .collect();
    let turned = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]],
        [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]],
        [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]],
    ];
    let slopes = [1.0, 2.0, 3.0, 0.5, 4.0];
    for direction in turned {
        let mut view = view(&bytes, direction)
            .with_rescale(Rescale::PerSlice {
                slopes: &slopes,
                intercept: -50.0,
            })
            .unwrap();
        for padding in [None, Some([-20.0, 30.0])] {
            view.padding = padding;
            let quick = Lattice::new(&view);
            assert!(quick.axes.is_some());
            let slow = Lattice {
                axes: None,
                ..Lattice::new(&view)
            };
            for z in [10.0, 18.0, 24.2, 30.0, 33.1, 42.0, 60.0] {
                assert_eq!(planes(&quick, z), planes(&slow, z), "{direction:?} {z}");
            }
        }
    }
}

#[test]
fn padding_and_what_is_outside_is_air_and_nothing_is_less() {
    let mut stored = [100i16; 210];
    stored[..4].copy_from_slice(&[-2000, 7, 9, 8]);
    let bytes: Vec<u8> = stored.iter().flat_map(|v| v.to_ne_bytes()).collect();
    let identity = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    let mut view = view(&bytes, identity)
        .with_rescale(Rescale::Uniform {
            slope: 2.0,
            intercept: -10.0,
        })
        .unwrap();
    view.padding = Some([7.0, 8.0]);
    let xs: Vec<f64> = (-1..5).map(|i| 10.0 + 1.5 * f64::from(i)).collect();
    let wanted = [-1000.0, -1000.0, -1000.0, 8.0, -1000.0, 190.0];
    for axes in [Lattice::new(&view).axes, None] {
        let lattice = Lattice {
            axes,
            ..Lattice::new(&view)
        };
        lattice.plane(&xs, &[-20.0], 30.0, |_, hu| assert_eq!(hu, wanted));
    }
}
