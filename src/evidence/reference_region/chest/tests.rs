//! Tests of the map of the lungs.

use super::*;

/// The same by a flood fill of samples.
fn flooded(air: &[bool], dims: [usize; 3]) -> Vec<usize> {
    let [nx, ny, nz] = dims;
    let mut air = air.to_vec();
    let at = |i: usize, j: usize, k: usize| (k * ny + j) * nx + i;
    let fill = |air: &mut Vec<bool>, from: usize, axes: usize| {
        let (mut queue, mut size) = (vec![from], 0);
        while let Some(n) = queue.pop() {
            if std::mem::take(&mut air[n]) {
                size += 1;
                let index = [n % nx, n / nx % ny, n / nx / ny];
                for (axis, stride) in [1, nx, nx * ny].into_iter().enumerate().take(axes) {
                    if index[axis] > 0 {
                        queue.push(n - stride);
                    }
                    if index[axis] + 1 < dims[axis] {
                        queue.push(n + stride);
                    }
                }
            }
        }
        size
    };
    for k in 0..nz {
        for i in 0..nx {
            fill(&mut air, at(i, 0, k), 2);
            fill(&mut air, at(i, ny - 1, k), 2);
        }
        for j in 0..ny {
            fill(&mut air, at(0, j, k), 2);
            fill(&mut air, at(nx - 1, j, k), 2);
        }
    }
    let mut sizes: Vec<usize> = (0..air.len()).map(|n| fill(&mut air, n, 3)).collect();
    sizes.retain(|n| *n > 0);
    sizes.sort_unstable();
    sizes
}

/// The runs of these samples.
fn runs_of(air: &[bool], [nx, ny, _]: [usize; 3]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (n, _) in air.iter().enumerate().filter(|(_, air)| **air) {
        let (i, j, k) = (n % nx, n / nx % ny, n / nx / ny);
        match runs.last_mut() {
            Some(r) if r.k == k && r.j == j && r.last + 1 == i => r.last = i,
            _ => runs.push(Run {
                first: i,
                last: i,
                j,
                k,
            }),
        }
    }
    runs
}

#[test]
fn pieces_of_runs_are_those_of_a_flood_fill() {
    let dims = [17, 13, 9];
    let [nx, ny, nz] = dims;
    for seed in 0..60usize {
        // Sparse to dense: many small pieces to one that percolates.
        let noise = |n: usize| (n + seed * 7919).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 57;
        let air: Vec<bool> = (0..nx * ny * nz)
            .map(|n| noise(n) < 20 + seed * 2)
            .collect();
        let runs = runs_of(&air, dims);
        let mut sizes: Vec<usize> = pieces(&runs, dims).iter().map(|p| p.samples).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, flooded(&air, dims), "{seed}");
    }
}

/// Samples from the first along each axis on, up to the last, which is not one of them.
type Box3 = [std::ops::Range<usize>; 3];

/// What is found where the samples of these boxes are air.
fn lungs(boxes: &[Box3]) -> Result<Chest, String> {
    let dims = [100, 80, 60];
    let mut air = vec![false; dims.iter().product()];
    for [i, j, k] in boxes {
        for (k, j) in k.clone().flat_map(|k| j.clone().map(move |j| (k, j))) {
            air[(k * dims[1] + j) * dims[0]..][i.clone()].fill(true);
        }
    }
    let mut chest = Chest::of_samples([0.0; 3], dims, |_| 0.0);
    chest.find_lungs(&runs_of(&air, dims))?;
    Ok(chest)
}

#[test]
fn lungs_are_400_ml_of_air_and_100_mm_deep() {
    // A sample of 4 mm is 0.064 ml, and 6250 of them are 400 ml: 50 rows of 5 samples in 12 and in 13 slices.
    let both = |slices: usize| lungs(&[[10..15, 20..70, 5..17], [40..45, 20..70, 5..5 + slices]]);
    let chest = both(13).unwrap();
    assert_eq!(chest.lungs, [[10, 44], [20, 69], [5, 17]]);
    assert_eq!(chest.midline(), 27);
    assert_eq!(chest.lung.len(), 50 * 25);
    let why = both(12).err().unwrap();
    assert!(why.contains("no lungs"), "{why}");
    // From the first to the last sample of 26 it is 100 mm, of 25 less.
    let deep = |rows: usize| {
        lungs(&[
            [10..20, 20..20 + rows, 5..35],
            [40..50, 20..20 + rows, 5..35],
        ])
    };
    assert!(deep(26).is_ok() && deep(25).is_err());
}

#[test]
fn a_piece_of_air_below_a_quarter_of_the_largest_is_no_lung() {
    let right = [10..20, 20..60, 5..25]; // 8000 samples
    let left = [40..50, 20..60, 5..25];
    let third = |rows: usize| [60..60 + rows, 20..60, 5..15];
    // 2000 samples are a quarter.
    let chest = lungs(&[right.clone(), left.clone(), third(5)]).unwrap();
    assert_eq!(chest.lungs[0], [10, 64]);
    let chest = lungs(&[right, left, third(4)]).unwrap();
    assert_eq!(chest.lungs[0], [10, 49]);
}

#[test]
fn each_lung_has_a_fifth_of_the_air_at_least() {
    // The right one, from 10 on, and the left one, up to 89: their midline is at 49.
    let both = |right: usize, left: usize| {
        lungs(&[
            [10..10 + right, 20..60, 5..25],
            [90 - left..90, 20..60, 5..25],
        ])
    };
    assert!(both(4, 16).is_ok() && both(16, 4).is_ok());
    // One piece of two parts, 35 columns each, whose midline is at 44: the larger part with 800 rows, the other with fewer.
    // 34 columns of n rows are a fifth of 35 x (800 + n) from n = 207.4 on.
    let right = |j, k| lungs(&[[45..80, 20..60, 5..25], [10..45, j, k]]);
    assert!(right(20..36, 5..18).is_ok(), "208 rows");
    let why = right(20..29, 3..26).err().unwrap();
    assert!(why.contains("one lung only"), "{why}: 207 rows");
    // 800 more than 35 columns of n rows are a fifth of 35 x (800 + n) from n = 171.4 on.
    let left = |j, k| lungs(&[[10..45, 20..60, 5..25], [45..80, j, k]]);
    assert!(left(15..58, 5..9).is_ok(), "172 rows");
    let why = left(20..29, 5..24).err().unwrap();
    assert!(why.contains("one lung only"), "{why}: 171 rows");
}

#[test]
fn air_is_below_minus_500_hu() {
    use crate::imaging::{DType, IDENTITY, ImageGrid, VolumeView};
    let stored = [-500i16, -501, -502, -500, -501, 0, -1000];
    let bytes: Vec<u8> = stored.iter().flat_map(|v| v.to_ne_bytes()).collect();
    let grid = ImageGrid {
        dims: [7, 1, 1],
        origin: [0.0; 3],
        spacing: [4.0; 3],
        direction: IDENTITY,
        slice_offsets: None,
    };
    let view = VolumeView::packed(&bytes, DType::I16, grid, "ct").unwrap();
    let xs: Vec<f64> = (0..7).map(|n| 4.0 * f64::from(n)).collect();
    let (hu, runs) = samples_of_slice(&Lattice::new(&view), &xs, &[0.0], 0.0, 3).unwrap();
    assert_eq!(hu, stored.map(f32::from));
    let ends: Vec<_> = runs.iter().map(|r| (r.first, r.last, r.j, r.k)).collect();
    assert_eq!(ends, [(1, 2, 0, 3), (4, 4, 0, 3), (6, 6, 0, 3)]);
}
