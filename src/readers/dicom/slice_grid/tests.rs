//! The limits within which slices make one grid.

use super::super::source::Source;
use super::super::synthetic;
use super::*;

/// Slices of a made CT at these places along z, "buffer 1" and so on by name.
fn slices(at: &[f64]) -> Vec<Instance> {
    let objects = synthetic::ct("1.2", "1.3", at.len(), 1.0);
    let place = |(n, z): (usize, &f64)| {
        let (source, file) = synthetic::open(&objects[n]);
        let Source::Buffer(bytes, _) = source else {
            unreachable!("a made object lies in memory")
        };
        let source = Source::Buffer(bytes, n + 1);
        let mut slice = Instance::from_file(&source, &file).remove(0);
        slice.position = Some([0.0, 0.0, *z]);
        slice
    };
    at.iter().enumerate().map(place).collect()
}

fn grid(slices: &[Instance]) -> std::result::Result<SliceGrid, String> {
    let mut sorted: Vec<&Instance> = slices.iter().collect();
    SliceGrid::from_slices(&mut sorted, Modality::Ct).map_err(|e| e.to_string())
}

fn at(positions: &[f64]) -> std::result::Result<SliceGrid, String> {
    grid(&slices(positions))
}

/// What is said of slices of which the second one was edited.
fn edited(edit: impl Fn(&mut Instance)) -> std::result::Result<SliceGrid, String> {
    let mut slices = slices(&[0.0, 4.0, 8.0]);
    edit(&mut slices[1]);
    grid(&slices)
}

fn refused(outcome: std::result::Result<SliceGrid, String>, words: &str) {
    let why = outcome.err().expect(words);
    assert!(why.contains(words), "{why}");
}

#[test]
fn even_slices_make_a_grid_without_offsets() {
    let found = at(&[8.0, 0.0, 4.0]).unwrap();
    assert_eq!((found.origin, found.spacing), ([0.0; 3], [1.0, 1.0, 4.0]));
    assert!(found.slice_offsets.is_empty());
    assert_eq!(found.image_grid([8, 8, 3]).slice_offsets, None);
}

#[test]
fn steps_that_differ_by_a_micrometre_or_less_are_even() {
    // The mean step is 4 mm; half of a thousandth off, and twice as much.
    assert!(at(&[0.0, 4.0005, 8.0]).unwrap().slice_offsets.is_empty());
    assert!(at(&[0.0, 3.9995, 8.0]).unwrap().slice_offsets.is_empty());
    for z in [4.002, 3.998] {
        let found = at(&[0.0, z, 8.0]).unwrap();
        assert_eq!(found.slice_offsets, [0.0, z, 8.0]);
        let grid = found.image_grid([8, 8, 3]);
        assert_eq!(grid.slice_offsets, Some(&[0.0, z, 8.0][..]));
    }
}

#[test]
fn a_slice_without_place_orientation_or_pixel_size_is_refused() {
    refused(
        edited(|s| s.position = None),
        "its place is unknown in buffer 2",
    );
    refused(
        edited(|s| s.orientation = None),
        "its place is unknown in buffer 2",
    );
    refused(
        edited(|s| s.pixel_spacing = None),
        "its place is unknown in buffer 2",
    );
}

#[test]
fn pixel_sizes_and_cosines_that_differ_by_more_than_a_ten_thousandth_are_others() {
    let spacing = |mm: f64| edited(move |s| s.pixel_spacing = Some([1.0, mm]));
    assert!(spacing(1.000_09).is_ok() && spacing(0.999_91).is_ok());
    refused(
        spacing(1.000_11),
        "buffer 2 has another PixelSpacing than buffer 1",
    );
    refused(spacing(2.0), "another PixelSpacing");
    let cosine = |c: f64| edited(move |s| s.orientation = Some([1.0, 0.0, 0.0, 0.0, 1.0, c]));
    assert!(cosine(1e-4).is_ok() && cosine(-1e-4).is_ok());
    refused(
        cosine(1.1e-4),
        "buffer 2 has another orientation than buffer 1",
    );
    refused(cosine(-0.5), "another orientation");
}

#[test]
fn a_slice_lies_within_50_micrometres_and_one_hundredth_of_its_way_on_the_normal() {
    let shifted = |z: f64, mm: f64| {
        let mut slices = slices(&[0.0, 4.0, 8.0, 12.0]);
        let n = (z / 4.0) as usize;
        slices[n].position = Some([0.0, mm, z]);
        grid(&slices)
    };
    for (z, limit) in [(4.0, 0.09), (8.0, 0.13), (12.0, 0.17)] {
        assert!(shifted(z, limit - 1e-6).is_ok(), "{z}");
        refused(
            shifted(z, limit + 1e-6),
            "does not lie on the normal through the first slice",
        );
        refused(shifted(z, -limit - 1e-6), "gantry tilt");
    }
    assert!(shifted(8.0, 0.05 + 0.01 * 8.0).is_ok(), "the limit itself");
}

#[test]
fn slices_closer_than_10_micrometres_lie_at_the_same_place() {
    assert!(at(&[0.0, 0.01]).is_ok());
    refused(
        at(&[0.0, 0.009]),
        "buffer 1 and buffer 2 lie at the same position",
    );
    refused(
        at(&[0.0, 4.0, 4.0, 8.0]),
        "buffer 2 and buffer 3 lie at the same position",
    );
}

#[test]
fn a_gap_is_more_than_one_and_a_half_and_less_than_half_of_the_usual_step() {
    // The usual step is 4 mm.
    let last = |step: f64| at(&[0.0, 4.0, 8.0, 12.0, 12.0 + step]);
    for step in [6.0, 5.6, 2.0, 2.5] {
        assert!(last(step).is_ok(), "{step}");
    }
    refused(
        last(6.001),
        "6.001 mm between buffer 4 and buffer 5, 4.000 mm elsewhere",
    );
    refused(
        last(1.999),
        "1.999 mm between buffer 4 and buffer 5, 4.000 mm elsewhere",
    );
    refused(last(8.0), "missing slices");
    refused(last(1.0), "variable gap");
}

#[test]
fn distances_of_slices_count_from_the_first_wherever_that_is() {
    let found = at(&[-200.0, -196.5, -192.0]).unwrap();
    assert_eq!((found.origin, found.spacing[2]), ([0.0, 0.0, -200.0], 4.0));
    assert_eq!(found.slice_offsets, [0.0, 3.5, 8.0]);
}

#[test]
fn two_slices_at_one_place_of_two_acquisitions_are_said_to_be_so() {
    let mut slices = slices(&[0.0, 0.0, 4.0]);
    slices[1].acquisition.time = Some("20200101120000".into());
    let said =
        "buffer 1 and buffer 2 lie at the same position, AcquisitionTime (0008,0032) differs";
    refused(grid(&slices), said);
}
