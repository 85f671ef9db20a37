//! Samples of a linear function at every distance of samples and voxels.

use super::super::spec::tests::one_plane;
use super::super::{Intensity, Workspace};
use super::*;
use crate::imaging::{DType, IDENTITY};

fn grid(direction: [[f64; 3]; 3]) -> ImageGrid<'static> {
    ImageGrid {
        dims: [40, 36, 30],
        origin: [-30.0, 20.0, 5.0],
        spacing: [1.0, 1.25, 2.0],
        direction,
        slice_offsets: None,
    }
}

#[test]
fn axes_along_those_of_the_patient_are_found_and_oblique_ones_are_not() {
    let axes = |direction| patient_axes(&grid(direction));
    assert_eq!(axes(IDENTITY), Some([0, 1, 2]));
    let sagittal = [[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]];
    assert_eq!(axes(sagittal), Some([2, 0, 1]));
    let noise = [[1.0, 9e-13, 0.0], [-9e-13, 1.0, 0.0], [0.0, 0.0, 1.0]];
    assert_eq!(axes(noise), Some([0, 1, 2]));
    let turned = [[1.0, 1e-12, 0.0], [-1e-12, 1.0, 0.0], [0.0, 0.0, 1.0]];
    assert_eq!(axes(turned), None);
}

#[test]
fn a_linear_function_is_reproduced_whatever_the_distances_of_samples_voxels_and_pixels() {
    let linear = |p: [f64; 3]| 7.0 + 0.5 * p[0] - 0.75 * p[1] + 1.5 * p[2];
    for direction in [
        IDENTITY,
        [[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]],
        [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]],
    ] {
        let grid = grid(direction);
        let at = |n: usize| [n % 40, n / 40 % 36, n / 1440].map(|v| v as f64);
        let bytes: Vec<u8> = (0..40 * 36 * 30)
            .flat_map(|n| linear(grid.index_to_lps(at(n))).to_ne_bytes())
            .collect();
        let view = VolumeView::packed(&bytes, DType::F64, grid, "ct").unwrap();
        let center = grid.index_to_lps([19.3, 17.6, 14.4]);
        // Samples closer than voxels, some voxels apart, and so far that most voxels lie between them.
        for (spacing_mm, samples, center_index, output) in [
            (0.4, 21, 10, 9),
            (1.0, 12, 6, 12),
            (3.0, 9, 4, 9),
            (4.5, 7, 3, 5),
            (7.0, 4, 1, 9),
            (5.0, 2, 0, 1),
        ] {
            let planes = [
                (SignedAxis::Posterior, SignedAxis::Left),
                (SignedAxis::Superior, SignedAxis::Right),
                (SignedAxis::Inferior, SignedAxis::Anterior),
            ];
            let spec = PreprocessSpec {
                spacing_mm,
                samples,
                center_index,
                output,
                channels: planes
                    .map(|(rows, columns)| Channel {
                        plane: String::new(),
                        rows,
                        columns,
                    })
                    .to_vec(),
                ..one_plane()
            };
            let intensity = Intensity {
                outside: -50.0,
                mean: 3.0,
                std: 2.0,
                ..one_plane().ct
            };
            let mut tensor = vec![0.0; spec.tensor_len()];
            let mut workspace = Workspace::default();
            spec.sample(&view, &[], &intensity, center, &mut workspace, &mut tensor)
                .unwrap();
            let planes = planes.iter().zip(tensor.chunks_exact(output * output));
            for ((rows, columns), plane) in planes {
                for (n, value) in plane.iter().enumerate() {
                    // Align-corners: the first and the last pixel are the first and the last sample.
                    let scale = (samples - 1) as f64 / (output - 1).max(1) as f64;
                    let mm = |o: usize| (o as f64 * scale - center_index as f64) * spacing_mm;
                    let mut point = center;
                    point[rows.axis()] += rows.sign() * mm(n / output);
                    point[columns.axis()] += columns.sign() * mm(n % output);
                    let wanted = (linear(point) - 3.0) / 2.0;
                    let off = (f64::from(*value) - wanted).abs();
                    assert!(off < 1e-4, "{spacing_mm} {n}: {value} {wanted}");
                }
            }
        }
    }
}

#[test]
fn half_a_voxel_beyond_the_last_one_has_its_value_and_more_is_outside() {
    let grid = grid(IDENTITY);
    let bytes: Vec<u8> = (0..40 * 36 * 30)
        .flat_map(|n| ((n % 40) as f64).to_ne_bytes())
        .collect();
    let view = VolumeView::packed(&bytes, DType::F64, grid, "ct").unwrap();
    // Columns every quarter of a voxel around the last one along L, whose value is 39.
    let spec = PreprocessSpec {
        spacing_mm: 0.25,
        ..one_plane()
    };
    let intensity = Intensity {
        outside: -7.0,
        ..one_plane().ct
    };
    let center = grid.index_to_lps([39.25, 10.0, 10.0]);
    let mut tensor = vec![0.0; 25];
    spec.sample(
        &view,
        &[],
        &intensity,
        center,
        &mut Workspace::default(),
        &mut tensor,
    )
    .unwrap();
    for row in tensor.chunks_exact(5) {
        assert_eq!(row, [38.75, 39.0, 39.0, 39.0, -7.0]);
    }
}

#[test]
fn slopes_intercepts_and_factors_make_the_value_of_every_slice() {
    use crate::imaging::Rescale;
    let grid = ImageGrid {
        dims: [8, 8, 4],
        origin: [0.0; 3],
        spacing: [1.0; 3],
        direction: IDENTITY,
        slice_offsets: None,
    };
    let bytes = vec![10u8; 8 * 8 * 4];
    let view = VolumeView::packed(&bytes, DType::U8, grid, "pet").unwrap();
    let slopes = [1.0, 2.0, 3.0, 4.0];
    let view = view
        .with_rescale(Rescale::PerSlice {
            slopes: &slopes,
            intercept: 5.0,
        })
        .unwrap();
    let spec = PreprocessSpec {
        spacing_mm: 1.0,
        ..one_plane()
    };
    for (k, value) in [
        (0, 15.0 * 0.5),
        (1, 25.0 * 4.0),
        (2, 35.0 * 8.0),
        (3, 45.0 * 0.25),
    ] {
        let mut tensor = vec![0.0; 25];
        let factors = [0.5, 4.0, 8.0, 0.25];
        let center = [4.0, 4.0, f64::from(k)];
        spec.sample(
            &view,
            &factors,
            &spec.pet,
            center,
            &mut Workspace::default(),
            &mut tensor,
        )
        .unwrap();
        assert_eq!(tensor, [value as f32; 25]);
    }
}

#[test]
fn voxels_that_are_no_numbers_are_refused_however_many() {
    let grid = grid(IDENTITY);
    for bad in [1, 2, 3] {
        let mut values = vec![1f32; 40 * 36 * 30];
        for n in 0..bad {
            values[(15 * 36 + 18) * 40 + 20 + n] = f32::NAN;
        }
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
        let view = VolumeView::packed(&bytes, DType::F32, grid, "pet").unwrap();
        let center = grid.index_to_lps([20.0, 18.0, 15.0]);
        let spec = PreprocessSpec {
            spacing_mm: 1.0,
            ..one_plane()
        };
        let mut tensor = vec![0.0; 25];
        let sampled = spec.sample(
            &view,
            &[],
            &spec.pet,
            center,
            &mut Workspace::default(),
            &mut tensor,
        );
        assert!(matches!(
            sampled,
            Err(crate::Error::VoxelNotFinite { volume: "pet" })
        ));
    }
}
