//! Tests of DICOM Segmentations.

use super::super::synthetic::{Object, frame, open, put, put_items, put_number, seg};
use super::*;
use crate::cancel::CancelToken;
use dicom_core::VR;

const BETWEEN: [&str; 2] = ["3", "3"];

fn opened(object: &Object) -> Result<Segmentation> {
    let (source, file) = open(object);
    Segmentation::from_file(source, file)
}

/// Frames of segment 1 at these z, each with one voxel more than the one before.
fn at(measures: [&str; 2], positions: &[[f64; 3]]) -> Object {
    let frames = positions.iter().map(|p| frame(1, *p)).collect();
    let mut bits = vec![0u8; (positions.len() * 6).div_ceil(8)];
    for n in 0..positions.len() {
        for v in 0..=n {
            bits[(n * 6 + v) / 8] |= 1 << ((n * 6 + v) % 8);
        }
    }
    seg("1.9", "1.5", &[1, 2], measures, frames, (true, bits))
}

fn z(offsets: &[f64]) -> Vec<[f64; 3]> {
    offsets.iter().map(|z| [10.0, 20.0, 30.0 + z]).collect()
}

fn mask(object: &Object) -> Result<Volume> {
    opened(object)?
        .mask(1, &CancelToken::default())
        .map(|m| m.volume)
}

/// Voxels of each slice.
fn counts(volume: &Volume) -> Vec<usize> {
    let [nx, ny, _] = volume.dims;
    let slices = volume.data.chunks(nx * ny);
    slices
        .map(|s| s.iter().filter(|v| **v == 1).count())
        .collect()
}

fn why(object: &Object) -> String {
    mask(object).unwrap_err().to_string()
}

#[test]
fn frames_lie_where_their_positions_say() {
    let object = at(BETWEEN, &z(&[3.0, 0.0, 6.0]));
    let segmentation = opened(&object).unwrap();
    assert_eq!(segmentation.uid(), Some("1.9"));
    assert_eq!(segmentation.source(), "buffer 0");
    let listed = segmentation.segments();
    assert_eq!(listed.iter().map(|s| s.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(listed[0].label, "S");
    let found = segmentation.mask(1, &CancelToken::default()).unwrap();
    assert_eq!(found.frame_of_reference.as_deref(), Some("1.5"));
    assert!(!found.contours_overlap);
    let volume = found.volume;
    assert_eq!(volume.dims, [3, 2, 3]);
    assert_eq!(volume.origin, [10.0, 20.0, 30.0]);
    assert_eq!(volume.spacing, [1.0, 2.0, 3.0]);
    assert_eq!(volume.direction, crate::imaging::IDENTITY);
    assert_eq!(volume.slopes, [1.0; 3]);
    assert!(volume.slice_offsets.is_empty());
    #[rustfmt::skip]
    assert_eq!(volume.data, [1, 1, 0, 0, 0, 0,  1, 0, 0, 0, 0, 0,  1, 1, 1, 0, 0, 0]);
    assert!(matches!(
        segmentation.mask(2, &CancelToken::default()),
        Err(Error::RoiEmpty)
    ));
    let none = segmentation.mask(99, &CancelToken::default()).unwrap_err();
    let words = "segment 99: buffer 0 has no segment of this number, but 1, 2";
    assert!(none.to_string().contains(words), "{none}");
}

#[test]
fn slices_without_a_frame_are_empty() {
    let volume = mask(&at(BETWEEN, &z(&[0.0, 9.0, 12.0]))).unwrap();
    assert_eq!(counts(&volume), [1, 0, 0, 2, 3]);
    // Spacing Between Slices says that frames are left out, though none is next to another.
    let volume = mask(&at(BETWEEN, &z(&[0.0, 6.0, 12.0]))).unwrap();
    assert_eq!(
        (counts(&volume), volume.spacing[2]),
        (vec![1, 0, 2, 0, 3], 3.0)
    );
    // Without it the smallest gap is the step.
    let volume = mask(&at(["", "3"], &z(&[0.0, 6.0, 18.0]))).unwrap();
    assert_eq!(
        (counts(&volume), volume.spacing[2]),
        (vec![1, 2, 0, 3], 6.0)
    );
    // A single frame has Spacing Between Slices, or its thickness; with neither it has none.
    for (measures, thick) in [(["4", "3"], 4.0), (["", "3"], 3.0)] {
        assert_eq!(mask(&at(measures, &z(&[0.0]))).unwrap().spacing[2], thick);
    }
    assert!(why(&at(["", ""], &z(&[0.0]))).contains("says how thick it is"));
    // Steps a little uneven are kept as they are, those of slices without a frame shared out.
    let volume = mask(&at(BETWEEN, &z(&[0.0, 3.0, 9.2]))).unwrap();
    assert_eq!(counts(&volume), [1, 2, 0, 3]);
    let offsets = &volume.slice_offsets;
    assert!(
        offsets
            .iter()
            .zip([0.0, 3.0, 6.1, 9.2])
            .all(|(a, b)| (a - b).abs() < 1e-9),
        "{offsets:?}"
    );
}

#[test]
fn frames_that_are_shifted_in_the_plane_are_put_where_they_belong() {
    // One column to the left and two rows down.
    let volume = mask(&at(BETWEEN, &[[10.0, 20.0, 30.0], [9.0, 24.0, 33.0]])).unwrap();
    assert_eq!((volume.dims, volume.origin), ([4, 4, 2], [9.0, 20.0, 30.0]));
    assert_eq!(volume.data.iter().filter(|v| **v == 1).count(), 3);
    let set = |i: usize, j: usize, k: usize| volume.data[(k * 4 + j) * 4 + i];
    assert_eq!([set(1, 0, 0), set(0, 2, 1), set(1, 2, 1)], [1, 1, 1]);
    // Beside each other in one slice.
    let volume = mask(&at(BETWEEN, &[[10.0, 20.0, 30.0], [13.0, 20.0, 30.0]])).unwrap();
    assert_eq!(
        (volume.dims, volume.data.clone()),
        ([6, 2, 1], vec![1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0])
    );
    for (shift, words) in [
        ([0.4, 0.0, 3.0], "0.40 columns"),
        ([0.0, 0.6, 3.0], "0.30 rows"),
    ] {
        let moved = std::array::from_fn(|a| [10.0, 20.0, 30.0][a] + shift[a]);
        let text = why(&at(BETWEEN, &[[10.0, 20.0, 30.0], moved]));
        assert!(
            text.contains("segment 1: ImagePositionPatient (0020,0032) of frame 2"),
            "{text}"
        );
        assert!(text.contains(words) && text.contains("frame 1"), "{text}");
    }
}

#[test]
fn contradictions_between_frames_are_refused_by_name() {
    for (measures, positions, words) in [
        (
            BETWEEN,
            z(&[0.0, 3.0, 7.5]),
            "frame 3 lies 2.50 steps between slices",
        ),
        (
            BETWEEN,
            z(&[0.0, 0.0, 3.0]),
            "frames 1 and 2 lie at the same position",
        ),
        (
            ["2", "3"],
            z(&[0.0, 3.0]),
            "is 2 mm, its frames lie 3.000 mm apart",
        ),
        (
            ["1.5", "3"],
            z(&[0.0, 3.0]),
            "is 1.5 mm, its frames lie 3.000 mm apart",
        ),
        (
            ["6", "3"],
            z(&[0.0, 3.0]),
            "is 6 mm, its frames lie 3.000 mm apart",
        ),
        (
            ["0", "3"],
            z(&[0.0, 3.0]),
            "SpacingBetweenSlices (0018,0088) of frame 1",
        ),
        (
            ["3", "-3"],
            z(&[0.0, 3.0]),
            "SliceThickness (0018,0050) of frame 1",
        ),
        (
            ["3,0", "3"],
            z(&[0.0, 3.0]),
            "SpacingBetweenSlices (0018,0088) of frame 1",
        ),
        (
            BETWEEN,
            z(&[0.0, 3.0, 300_000.0]),
            "frame 3 lies 100000.00 steps",
        ),
    ] {
        let text = why(&at(measures, &positions));
        assert!(text.contains(words), "{text}");
    }
    let good = at(BETWEEN, &z(&[0.0, 3.0]));
    let edited = |edit: &dyn Fn(&mut Object)| {
        let mut object = good.clone();
        edit(&mut object);
        why(&object)
    };
    for (text, words) in [
        (
            edited(&|o| put(o, tags::NUMBER_OF_FRAMES, VR::IS, "3")),
            "NumberOfFrames (0028,0008) contradicts the 2 frames",
        ),
        (
            edited(&|o| put_number(o, tags::ROWS, 3)),
            "has 2 bytes, its frames make 3",
        ),
        (
            edited(&|o| put_number(o, tags::ROWS, 0)),
            "Rows (0028,0010)",
        ),
        (
            edited(&|o| put_number(o, tags::COLUMNS, 0)),
            "Columns (0028,0011)",
        ),
        (
            edited(&|o| put_number(o, tags::BITS_ALLOCATED, 8)),
            "BitsAllocated (0028,0100)",
        ),
    ] {
        assert!(text.contains(words), "{text}");
    }
    // Numbers that occur twice.
    let frames = vec![frame(1, [0.0; 3])];
    let twice = seg("1.9", "1.5", &[1, 2, 1], BETWEEN, frames, (true, vec![1]));
    let text = why(&twice);
    assert!(
        text.contains("segment 1: ambiguous, 2 segments of buffer 0"),
        "{text}"
    );
    // Frames of different size or orientation.
    for (tag, other, words) in [
        (
            tags::PIXEL_MEASURES_SEQUENCE,
            (tags::PIXEL_SPACING, "1\\1"),
            "frames 1 and 2 have different pixel spacings",
        ),
        (
            tags::PLANE_ORIENTATION_SEQUENCE,
            (tags::IMAGE_ORIENTATION_PATIENT, "0\\1\\0\\1\\0\\0"),
            "different orientations",
        ),
    ] {
        let mut second = frame(1, [0.0, 0.0, 3.0]);
        let mut group = Object::new_empty();
        put(&mut group, other.0, VR::DS, other.1);
        super::super::synthetic::put_items(&mut second, tag, vec![group]);
        let frames = vec![frame(1, [0.0; 3]), second];
        let text = why(&seg(
            "1.9",
            "1.5",
            &[1],
            ["", ""],
            frames,
            (true, vec![1, 0]),
        ));
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn a_voxel_of_a_fraction_belongs_from_one_half_on() {
    let frames = || vec![frame(1, [0.0; 3])];
    let shares = |values: [u8; 6]| {
        seg(
            "1.9",
            "1.5",
            &[1],
            BETWEEN,
            frames(),
            (false, values.to_vec()),
        )
    };
    let object = shares([0, 49, 50, 51, 100, 1]);
    assert_eq!(mask(&object).unwrap().data, [0, 0, 1, 1, 1, 0]);
    let text = why(&shares([0, 49, 50, 51, 101, 1]));
    assert!(
        text.contains("holds 101, above MaximumFractionalValue (0062,000E) 100"),
        "{text}"
    );
    let mut odd = object.clone();
    put_number(&mut odd, tags::MAXIMUM_FRACTIONAL_VALUE, 101);
    assert_eq!(mask(&odd).unwrap().data, [0, 0, 0, 1, 1, 0]);
    for value in [0, 256] {
        put_number(&mut odd, tags::MAXIMUM_FRACTIONAL_VALUE, value);
        assert!(why(&odd).contains("MaximumFractionalValue (0062,000E)"));
    }
    odd.remove_element(tags::MAXIMUM_FRACTIONAL_VALUE);
    assert!(why(&odd).contains("MaximumFractionalValue (0062,000E)"));
    put(&mut odd, tags::SEGMENTATION_TYPE, VR::CS, "LABELMAP");
    assert!(matches!(mask(&odd), Err(Error::Unsupported(_))));
    put(&mut odd, tags::MODALITY, VR::CS, "CT");
    assert!(why(&odd).contains("not a segmentation"));
}

#[test]
fn what_a_frame_lacks_is_named_with_the_number_of_the_frame() {
    let without = |sequence, group, tag, value: &str| {
        let mut object = at(BETWEEN, &z(&[0.0, 3.0]));
        let mut groups = items(&object, sequence).to_vec();
        let last = groups.last_mut().unwrap();
        let mut inner = first_item(last, group).unwrap().clone();
        put(&mut inner, tag, VR::DS, value);
        put_items(last, group, vec![inner]);
        put_items(&mut object, sequence, groups);
        why(&object)
    };
    let of_frame = tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE;
    let of_all = |tag, value: &str| {
        let shared = tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE;
        without(shared, tags::PIXEL_MEASURES_SEQUENCE, tag, value)
    };
    let place = tags::PLANE_POSITION_SEQUENCE;
    let said = without(of_frame, place, tags::IMAGE_POSITION_PATIENT, "1\\2");
    assert!(
        said.contains("ImagePositionPatient (0020,0032) of frame 2 is missing or no number"),
        "{said}"
    );
    for spacing in ["0\\1", "2\\0", "-2\\1", "2"] {
        let said = of_all(tags::PIXEL_SPACING, spacing);
        assert!(
            said.contains("PixelSpacing (0028,0030) of frame 1 is missing or no number"),
            "{said}"
        );
    }
    for (tag, name) in [
        (
            tags::SPACING_BETWEEN_SLICES,
            "SpacingBetweenSlices (0018,0088)",
        ),
        (tags::SLICE_THICKNESS, "SliceThickness (0018,0050)"),
    ] {
        for length in ["0", "-3"] {
            let said = of_all(tag, length);
            assert!(
                said.contains(&format!("{name} of frame 1 is not a positive number")),
                "{said}"
            );
        }
    }
}

#[test]
fn a_mask_has_at_most_65536_slices() {
    let last = |slices: usize| mask(&at(BETWEEN, &z(&[0.0, 3.0, 3.0 * (slices - 1) as f64])));
    assert_eq!(last(65_536).unwrap().dims, [3, 2, 65_536]);
    let said = last(65_537).unwrap_err().to_string();
    assert!(said.contains("3 x 2 x 65537 voxels are too many"), "{said}");
    // Few along each axis, and too many together.
    let far = at(
        BETWEEN,
        &[
            [10.0, 20.0, 30.0],
            [10.0, 20.0, 33.0],
            [30_010.0, 20.0, 120_030.0],
        ],
    );
    let said = why(&far);
    assert!(said.contains("voxels are too many"), "{said}");
}

#[test]
fn frames_of_fractions_have_a_byte_for_each_voxel() {
    let of = |bytes: usize| {
        let frames = z(&[0.0, 3.0]).iter().map(|p| frame(1, *p)).collect();
        let values = (0..bytes).map(|n| (n as u8) * 10).collect();
        mask(&seg("1.9", "1.5", &[1], BETWEEN, frames, (false, values)))
    };
    // From 50 on of 100, which are the values 0, 10, 20 ... 110; beyond 100 there is no fraction.
    let said = of(12).unwrap_err().to_string();
    assert!(said.contains("holds 110, above"), "{said}");
    let said = of(10).unwrap_err().to_string();
    assert!(said.contains("has 10 bytes, its frames make 12"), "{said}");
}
