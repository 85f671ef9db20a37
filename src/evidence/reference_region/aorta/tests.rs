//! Tests of the search for the aorta in one slice, and from slice to slice.

use super::*;

/// A window of HU at points 2 mm apart.
fn window(dims: [usize; 2], hu: impl Fn(usize, usize) -> f64) -> Window {
    let mut window = Window {
        dims,
        origin: [100.0, -20.0, 7.0],
        hu: (0..dims[0] * dims[1])
            .map(|n| hu(n % dims[0], n / dims[0]))
            .collect(),
        sums: Vec::new(),
    };
    window.add_up();
    window
}

#[test]
fn blood_is_even_and_dense_over_5_x_5_points() {
    let (mut yes, mut no) = (0, 0);
    for seed in 0..40_usize {
        let noise = |n: usize| (n + seed * 7919).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        // Uniform noise from -a to a has a deviation of a / sqrt(3): 25 HU at a = 43. A step where bone or fat begins.
        let amplitude = 30 + seed;
        let hu = |i: usize, j: usize| {
            let base = [40.0, 440.0, 0.0, 900.0][(i / 9 + j / 8) % 4];
            base + (noise(j * 23 + i) % (2 * amplitude + 1)) as f64 - amplitude as f64
        };
        let window = window([23, 17], hu);
        for j in 2..15 {
            for i in 2..21 {
                let around: Vec<f64> = (j - 2..=j + 2)
                    .flat_map(|y| (i - 2..=i + 2).map(move |x| hu(x, y)))
                    .collect();
                let mean = around.iter().sum::<f64>() / 25.0;
                let variance = around.iter().map(|v| v * v).sum::<f64>() / 25.0 - mean * mean;
                let dense = |v: f64| (10.0..450.0).contains(&v);
                let blood = dense(hu(i, j)) && dense(mean) && variance <= 625.0;
                assert_eq!(window.is_blood(i, j), blood, "{seed}: {i}, {j}");
                *if blood { &mut yes } else { &mut no } += 1;
            }
        }
    }
    assert!(yes > 500 && no > 500, "{yes} {no}");
}

#[test]
fn noise_of_25_hu_is_that_of_blood_and_more_is_not() {
    // Five of 25 points that have d more than the others: a variance of 5 x 20 / 625 d^2, which is 625 at d = 62.5.
    let of = |d: f64| window([5, 5], |i, _| if i == 2 { 40.0 + d } else { 40.0 });
    assert!(of(62.5).is_blood(2, 2) && !of(62.75).is_blood(2, 2));
}

/// Blood, with lung from some steps on along L and along P.
fn corner(along_l: usize, along_p: usize) -> Window {
    window([30, 30], |i, j| {
        let lung = i >= 5 + along_l || j >= 4 + along_p;
        if lung { -800.0 } else { 40.0 }
    })
}

fn left_and_back() -> [Ray; 2] {
    [
        std::array::from_fn(|n| [n as isize + 1, 0]),
        std::array::from_fn(|n| [0, n as isize + 1]),
    ]
}

#[test]
fn the_lung_follows_at_8_to_24_mm_and_nowhere_4_mm_farther_than_elsewhere() {
    // Steps of 2 mm: the difference of the distances, and their sum.
    for (along_l, along_p, found) in [
        (5, 6, Some((2.0, 22.0))),
        (6, 5, Some((2.0, 22.0))),
        (4, 6, Some((4.0, 20.0))),
        (12, 10, Some((4.0, 44.0))),
        (4, 7, None),
        (7, 4, None),
        (3, 4, None),
        (4, 3, None),
        (13, 12, None),
        (12, 13, None),
    ] {
        let around = corner(along_l, along_p).lung_around(&left_and_back(), 5, 4);
        assert_eq!(around, found, "{along_l} {along_p}");
    }
}

#[test]
fn lung_is_below_minus_300_hu_and_within_the_window() {
    let one = |hu: f64| window([20, 12], move |i, _| if i == 9 { hu } else { 40.0 });
    let ray = &left_and_back()[0];
    assert_eq!(one(-300.5).lung(ray, 5, 6), Some(8.0));
    assert_eq!(one(-300.0).lung(ray, 5, 6), None);
    // Beyond the last column the next row begins, whose first points are lung here; below the last row there is nothing.
    let left = window([20, 12], |i, _| if i < 4 { -800.0 } else { 40.0 });
    assert_eq!(left.lung(ray, 15, 6), None);
    assert_eq!(left.lung(&left_and_back()[1], 15, 6), None);
}

#[test]
fn a_point_of_the_window_is_2_mm_from_the_next() {
    let window = window([5, 5], |_, _| 0.0);
    assert_eq!(window.point(3, 4), [106.0, -12.0, 7.0]);
}

#[test]
fn rays_reach_24_mm_in_steps_of_2_mm_from_30_degrees_in_front_of_left_to_straight_back() {
    let rays = rays();
    assert!(rays.iter().all(|ray| ray.len() == 12));
    // 24 mm at -30 degrees: 20.8 mm to the left, 12 mm to the front.
    assert_eq!(rays[0][11], [10, -6]);
    assert_eq!(rays[2], left_and_back()[0]);
    assert_eq!(rays[5][0], [1, 1]);
    assert_eq!(rays[8], left_and_back()[1]);
}

#[test]
fn a_vessel_goes_on_over_6_slices_without_a_disc_and_drifts_by_8_mm_and_2_more_for_each_slice() {
    let disc = |slice, x, y| Disc {
        slice,
        center: [x, y, 0.0],
    };
    let first = disc(20, 0.0, 0.0);
    for (slices, drift) in [(1, 10.0), (2, 12.0), (4, 16.0), (7, 22.0)] {
        // Along both axes, as the sides 3, 4 and 5 of a triangle.
        let at = |mm: f64| disc(20 + slices, mm * 0.6, mm * 0.8);
        assert!(at(drift - 1e-9).continues(&first), "{slices}");
        assert!(!at(drift + 1e-9).continues(&first), "{slices}");
    }
    assert!(!disc(28, 0.0, 0.0).continues(&first));
}
