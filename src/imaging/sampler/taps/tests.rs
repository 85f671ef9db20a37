//! Positions between samples and between voxels.

use super::*;

#[test]
fn a_position_lies_between_two_voxels_or_on_the_outermost_one() {
    assert_eq!(linear_taps(2.25, 5), Some((2, 3, 0.25)));
    assert_eq!(linear_taps(0.0, 5), Some((0, 1, 0.0)));
    assert_eq!(linear_taps(-0.5, 5), Some((0, 1, 0.0)));
    assert_eq!(linear_taps(4.0, 5), Some((4, 4, 0.0)));
    assert_eq!(linear_taps(4.5, 5), Some((4, 4, 0.0)));
    assert_eq!(linear_taps(0.3, 1), Some((0, 0, 0.0)));
    assert_eq!(linear_taps(-0.6, 5), None);
    assert_eq!(linear_taps(4.6, 5), None);
}

#[test]
fn the_corners_of_the_resize_are_the_first_and_the_last_sample() {
    assert_eq!(resize_source(0, 132, 112), (0, 0.0));
    assert_eq!(resize_source(111, 132, 112), (130, 1.0));
    // 56 x 131 / 111 = 66.09...
    let (low, t) = resize_source(56, 132, 112);
    assert_eq!((low, (t * 1e6).round()), (66, 90_090.0));
    assert_eq!(resize_source(0, 132, 1), (0, 0.0));
}
