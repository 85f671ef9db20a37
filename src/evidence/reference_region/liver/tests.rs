//! Tests of the search for the liver on made samples.

use super::super::chest::Run;
use super::*;
use crate::cancel::CancelToken;

/// The distance of each sample to the nearest one that is no liver over the 26 neighbours of each, by relaxation.
fn relaxed(chest: &Chest, dims: [usize; 3]) -> Vec<f32> {
    let at = |i: usize, j: usize, k: usize| (k * dims[1] + j) * dims[0] + i;
    let hu = |i: isize, j: isize, k: isize| -> f32 {
        // One layer of nothing around the part of the samples that is looked at.
        let [x, y, z] = [i - 1, j - 1, k - 1];
        let inside = |v: isize, n: usize| v >= 0 && (v as usize) < n - 2;
        if inside(x, dims[0]) && inside(y, dims[1]) && inside(z, dims[2]) {
            chest.hu[z as usize][y as usize * chest.dims[0] + x as usize]
        } else {
            -1000.0
        }
    };
    let mut depth = vec![0.0f32; dims.iter().product()];
    let each = || {
        (1..dims[2] - 1).flat_map(move |k| {
            (1..dims[1] - 1).flat_map(move |j| (1..dims[0] - 1).map(move |i| [i, j, k]))
        })
    };
    let neighbours = || (0..27).map(|n| [n % 3, n / 3 % 3, n / 9].map(|v| v as isize - 1));
    for [i, j, k] in each() {
        let [x, y, z] = [i, j, k].map(|v| v as isize);
        let sum: f32 = neighbours().map(|[a, b, c]| hu(x + a, y + b, z + c)).sum();
        let liver = (20.0..200.0).contains(&(sum / 27.0));
        depth[at(i, j, k)] = if liver { f32::MAX } else { 0.0 };
    }
    loop {
        let mut changed = false;
        for [i, j, k] in each() {
            for [a, b, c] in neighbours() {
                let [x, y, z] =
                    [i as isize + a, j as isize + b, k as isize + c].map(|v| v as usize);
                let length = ((a * a + b * b + c * c) as f32).sqrt();
                let reached = depth[at(x, y, z)] + length;
                if reached < depth[at(i, j, k)] {
                    depth[at(i, j, k)] = reached;
                    changed = true;
                }
            }
        }
        if !changed {
            return depth;
        }
    }
}

#[test]
fn depth_is_the_distance_to_what_is_no_liver() {
    for seed in 0..6_usize {
        let noise = |n: usize| (n + seed * 7919).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        // Soft tissue of 60 HU with holes of fat, so rare or so frequent that pieces of every depth remain.
        let holes = [1, 2, 4, 6, 9, 14][seed];
        let [nx, ny, nz] = [15, 12, 11];
        let chest = Chest::of_samples([0.0; 3], [nx, ny, nz], |[i, j, k]| {
            let hole = noise((k * ny + j) * nx + i) % 1000 < holes;
            if hole { -1100.0 } else { 60.0 }
        });
        // The abdomen takes a part of the samples: fewer columns, fewer layers.
        for dims in [[nx + 2, ny + 2, nz + 2], [nx - 1, ny + 2, nz - 2]] {
            let abdomen = Abdomen { dims };
            let depth = abdomen.depth(&chest, 1, &CancelToken::default()).unwrap();
            let wanted = relaxed(&chest, dims);
            assert_eq!(depth.len(), wanted.len());
            for (n, (depth, wanted)) in depth.iter().zip(&wanted).enumerate() {
                assert!(
                    (depth - wanted).abs() < 1e-3,
                    "{seed}: {n}: {depth} {wanted}"
                );
            }
            assert!(wanted.iter().any(|d| *d >= 1.0));
        }
    }
}

#[test]
fn a_sample_of_the_chest_lies_one_further_along_each_axis_in_the_abdomen() {
    let abdomen = Abdomen { dims: [7, 5, 4] };
    assert_eq!(abdomen.at([0, 0, 0]), (5 + 1) * 7 + 1);
    assert_eq!(abdomen.at([3, 2, 1]), (2 * 5 + 3) * 7 + 4);
}

/// A chest of 80 x 50 x 60 samples whose lungs have their midline at 40, and lung in 15 samples of each column of the right
/// half, from 40 on.
fn chest(hu: impl Fn([usize; 3]) -> f32) -> Chest {
    let mut chest = Chest::of_samples([-160.0, -100.0, 500.0], [80, 50, 60], hu);
    chest.lungs = [[5, 75], [2, 47], [40, 54]];
    for k in 40..55 {
        chest.lung.extend((2..48).map(|j| Run {
            first: 5,
            last: 39,
            j,
            k,
        }));
    }
    chest
}

fn ball(center: [usize; 3], radius: f64) -> impl Fn([usize; 3]) -> f32 {
    move |at| {
        let squared: f64 = (0..3)
            .map(|a| (at[a].abs_diff(center[a]) as f64).powi(2))
            .sum();
        if squared <= radius * radius {
            60.0
        } else {
            -1000.0
        }
    }
}

#[test]
fn the_liver_is_the_middle_of_the_largest_ball_of_soft_tissue_below_the_right_lung() {
    // 56 mm in radius; its middle at -160 + 4 x 20, -100 + 4 x 25, 500 + 4 x 22 mm.
    let found = find(&chest(ball([20, 25, 22], 14.0)), 1, &CancelToken::default());
    assert_eq!(found, Ok([-80.0, 0.0, 588.0]));
    // No liver is a sample with two others around it that are none: 5 samples off along two axes in a ball of 8.3, 28.3 mm;
    // 6 samples off along one in a ball of 6.3, 24 mm, which is less than 25.
    assert!(find(&chest(ball([20, 25, 22], 8.3)), 1, &CancelToken::default()).is_ok());
    assert!(find(&chest(ball([20, 25, 22], 6.3)), 1, &CancelToken::default()).is_err());
    // Left of the midline there is none.
    assert!(find(&chest(ball([60, 25, 22], 14.0)), 1, &CancelToken::default()).is_err());
}

#[test]
fn the_liver_is_looked_for_up_to_60_mm_beyond_the_midline() {
    // Soft tissue from the right edge to the left one, 47 samples across along the other axes. What counts ends with column
    // 54, 15 beyond the midline. The middle lies 23 samples from the first and the last of the 47, and so do the places of
    // the columns 23 to 54 - 23 = 31; the last of them is taken.
    let block = |[_, j, k]: [usize; 3]| {
        let inside = (1..=47).contains(&j) && (1..=47).contains(&k);
        if inside { 60.0f32 } else { -1000.0 }
    };
    let mut chest = Chest::of_samples([0.0; 3], [140, 50, 62], block);
    chest.lungs = [[5, 75], [2, 47], [50, 59]];
    for k in 50..60 {
        chest.lung.extend((2..48).map(|j| Run {
            first: 0,
            last: 39,
            j,
            k,
        }));
    }
    assert_eq!(
        find(&chest, 1, &CancelToken::default()),
        Ok([124.0, 96.0, 96.0])
    );
}

#[test]
fn lung_of_40_mm_over_a_column_is_enough_and_less_may_be_a_bubble() {
    let mut chest = Chest::of_samples([0.0; 3], [20, 6, 30], |_| 0.0);
    chest.lungs = [[2, 17], [1, 4], [5, 20]];
    let mut lung = |first, last, j, layers: std::ops::Range<usize>| {
        chest.lung.extend(layers.map(|k| Run { first, last, j, k }));
    };
    // 10 samples of 4 mm from 7 on in two columns, 9 in two others, 10 left of the midline at 9.
    lung(3, 4, 2, 7..17);
    lung(6, 7, 2, 7..16);
    lung(5, 5, 3, 12..25);
    lung(9, 12, 4, 7..27);
    assert_eq!(columns(&chest), [([3, 2], 7), ([4, 2], 7), ([5, 3], 12)]);
}
