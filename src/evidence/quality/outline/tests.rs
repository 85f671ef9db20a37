//! The lines along which outlines are looked for.

use super::*;

#[test]
fn points_of_a_line_begin_half_a_step_in_and_run_either_way() {
    let of = |range: [f64; 2]| -> Vec<f64> { steps(range, 4.0).collect() };
    assert_eq!(of([0.0, 13.0]), [2.0, 6.0, 10.0]);
    assert_eq!(of([13.0, 0.0]), [11.0, 7.0, 3.0]);
    assert!(of([0.0, 3.9]).is_empty());
    assert!(of([f64::NAN, 3.9]).is_empty());
}

#[test]
fn the_median_is_the_upper_one_of_the_two_in_the_middle() {
    let of = |values: &[f64]| median(values.iter().copied());
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[3.0]), Some(3.0));
    assert_eq!(of(&[5.0, 1.0, 4.0, 2.0]), Some(4.0));
    assert_eq!(of(&[5.0, 1.0, 4.0, 2.0, 3.0]), Some(3.0));
}
