//! What stored values become, with the rules of CT.

use super::super::spec::tests::one_plane;
use super::*;

fn map(edit: impl Fn(&mut Intensity)) -> ValueMap {
    let mut intensity = Intensity {
        outside: -1000.0,
        padding_below: Some(-1024.0),
        padding_replacement: Some(-1000.0),
        clip: Some([-1024.0, 3071.0]),
        ..one_plane().ct
    };
    edit(&mut intensity);
    ValueMap::new(&intensity, Some([-2000.0, -1990.0]))
}

#[test]
fn padding_becomes_air_by_its_tag_or_below_minus_1024_hu_or_by_both() {
    let apply = |stored| map(|_| ()).apply(stored, (1.0, 0.0)) - 1000.0;
    for padding in [-2000.0, -1995.0, -1990.0, -3024.0, -1025.0] {
        assert_eq!(apply(padding), -1000.0, "{padding}");
    }
    assert_eq!(apply(-1024.0), -1024.0);
    assert_eq!(apply(-1023.0), -1023.0);
    // A range of padding among values that could be HU; stored values count, not rescaled ones.
    let rescaled = |stored| map(|_| ()).apply(stored, (1.0, 2000.0)) - 1000.0;
    assert_eq!((rescaled(-1995.0), rescaled(-1989.0)), (-1000.0, 11.0));
    // Without a replacement nothing is padding.
    let kept = map(|i| (i.padding_below, i.padding_replacement, i.clip) = (None, None, None));
    assert_eq!(kept.apply(-1995.0, (1.0, 0.0)) - 1000.0, -1995.0);
}

#[test]
fn values_are_clipped_to_the_range_and_nan_stays() {
    let clipped = map(|i| (i.padding_below, i.clip) = (None, Some([-100.0, 50.0])));
    let apply = |stored| clipped.apply(stored, (2.0, 0.0)) - 1000.0;
    assert_eq!(
        [-80.0, -50.0, 3.0, 25.0, 26.0].map(apply),
        [-100.0, -100.0, 6.0, 50.0, 50.0]
    );
    assert!(apply(f64::NAN).is_nan());
}
