//! Limits of air and of uptake around a centre.

use super::super::tests::{Made, case, codes};
use super::*;

/// 41 voxels of 2.5 mm along each axis: the wall of a cavity is looked for at every voxel up to the twelfth.
fn ct(hu: impl Fn([i32; 3]) -> f32) -> Made {
    Made::new(41, 2.5, hu)
}

#[test]
fn the_ball_holds_the_points_5_mm_apart_within_10_mm() {
    let mut points: Vec<[i32; 3]> = ball().map(|p| p.map(|v| (v / 5.0) as i32)).collect();
    let mut wanted: Vec<[i32; 3]> = Vec::new();
    for x in -3..=3_i32 {
        for y in -3..=3_i32 {
            for z in -3..=3_i32 {
                if x * x + y * y + z * z <= 4 {
                    wanted.push([x, y, z]);
                }
            }
        }
    }
    points.sort_unstable();
    assert_eq!(points, wanted);
    assert!(ball().all(|p| p.iter().all(|v| v % 5.0 == 0.0)));
}

fn air(ct: &Made) -> Option<f64> {
    let pet = Made::new(1, 100.0, |_| 1.0);
    air_around(&case(ct, &pet), [0.0; 3])
}

#[test]
fn air_has_a_median_below_minus_900_hu_and_nothing_of_minus_500_or_more() {
    assert_eq!(air(&ct(|_| -901.0)), Some(-901.0));
    assert_eq!(air(&ct(|_| -900.0)), None);
    // 16 of the 33 points of the ball have more; the 17th decides.
    let most = |n: usize| {
        let points: Vec<[i32; 3]> = ball().map(|p| p.map(|v| (v / 2.5) as i32)).collect();
        ct(move |at| {
            if points[..n].contains(&at) {
                -600.0
            } else {
                -950.0
            }
        })
    };
    assert_eq!(air(&most(16)), Some(-950.0));
    assert_eq!(air(&most(17)), None);
    let one = |hu: f32| ct(move |at| if at == [4, 0, 0] { hu } else { -950.0 });
    assert_eq!(air(&one(-501.0)), Some(-950.0));
    assert_eq!(air(&one(-500.0)), None);
}

#[test]
fn what_was_not_imaged_is_air() {
    // The CT begins with the voxel of the centre: 23 of the 33 points lie in it.
    let made = ct(|_| -950.0);
    let pet = Made::new(1, 100.0, |_| 1.0);
    let mut case = case(&made, &pet);
    case.ct = made.around([50.0, 0.0, 0.0]);
    assert_eq!(air_around(&case, [0.0; 3]), Some(-950.0));
    case.ct = made.around([500.0, 0.0, 0.0]);
    assert_eq!(air_around(&case, [0.0; 3]), Some(-1000.0));
}

#[test]
fn air_with_a_wall_of_more_than_minus_300_hu_within_30_mm_on_all_six_sides_is_a_cavity() {
    let walls = |at_voxel: i32, hu: f32, sides: [[bool; 2]; 3]| {
        ct(move |at| {
            let axis = (0..3).find(|a| at[*a].abs() == at_voxel);
            match axis {
                Some(a) if sides[a][usize::from(at[a] > 0)] => hu,
                _ => -1000.0,
            }
        })
    };
    let all = [[true; 2]; 3];
    assert_eq!(air(&walls(12, -299.0, all)), None);
    assert_eq!(air(&walls(5, 40.0, all)), None);
    assert_eq!(air(&walls(12, -300.0, all)), Some(-1000.0));
    assert_eq!(air(&walls(13, 40.0, all)), Some(-1000.0));
    for axis in 0..3 {
        for side in 0..2 {
            let mut open = all;
            open[axis][side] = false;
            assert_eq!(air(&walls(12, 40.0, open)), Some(-1000.0), "{axis} {side}");
        }
    }
}

#[test]
fn no_uptake_is_a_mean_below_a_twentieth_of_the_tissue_and_no_voxel_of_three_times_that() {
    let soft = ct(|_| 40.0);
    let checked = |pet: &Made, factors: &[f64], mean: f64| {
        let tissue = Some(Tissue::with_mean(mean));
        codes(|out| check(&case(&soft, pet), [0.0; 3], factors, tissue, out))
    };
    let even = |suv: f32| Made::new(11, 5.0, move |_| suv);
    let without = [Code::CenterWithoutUptake];
    // A twentieth of 0.625 is 1/32.
    assert_eq!(checked(&even(0.031_25), &[], 0.625), []);
    assert_eq!(checked(&even(0.031_2), &[], 0.625), without);
    // Of tissue above 1 it is a twentieth of 1.
    assert_eq!(checked(&even(0.049), &[], 8.0), without);
    assert_eq!(checked(&even(0.051), &[], 8.0), []);
    // The factors of the slices make SUV of what is stored.
    assert_eq!(checked(&even(0.02), &[2.0; 11], 0.625), []);
    assert_eq!(checked(&even(0.04), &[0.5; 11], 0.625), without);
    let one = |suv: f32| Made::new(11, 5.0, move |at| if at == [0, 1, 0] { suv } else { 0.0 });
    assert_eq!(checked(&one(0.093_75), &[], 0.625), []);
    assert_eq!(checked(&one(0.093), &[], 0.625), without);
}
