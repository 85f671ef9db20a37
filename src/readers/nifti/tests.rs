//! Where the voxels of a header lie: rotations, units, and two transforms that say the same.

use super::*;

/// A header of 11 x 8 x 5 voxels of 2 x 3 x 4 mm that says nothing of where they lie.
fn header() -> Header {
    let mut header = Header {
        bytes: [0; HEADER_BYTES],
        swapped: false,
    };
    header.shorts(40, &[3, 11, 8, 5, 1, 1, 1, 1]);
    header.floats_at(76, &[1.0, 2.0, 3.0, 4.0]);
    header.bytes[123] = 2;
    header
}

impl Header {
    fn shorts(&mut self, at: usize, values: &[i16]) {
        for (i, v) in values.iter().enumerate() {
            self.bytes[at + 2 * i..][..2].copy_from_slice(&v.to_ne_bytes());
        }
    }

    fn floats_at(&mut self, at: usize, values: &[f32]) {
        for (i, v) in values.iter().enumerate() {
            self.bytes[at + 4 * i..][..4].copy_from_slice(&v.to_ne_bytes());
        }
    }

    /// Sets the quaternion and the offset of the qform.
    fn turned(mut self, quaternion: [f32; 3]) -> Self {
        self.shorts(252, &[1]);
        self.floats_at(256, &quaternion);
        self.floats_at(268, &[10.0, -20.0, 30.0]);
        self
    }
}

fn words<T>(outcome: Result<T, Failure>) -> String {
    outcome.err().map(String::from).unwrap_or_default()
}

/// The rotation about a unit vector by Rodrigues' formula.
fn rotation([x, y, z]: [f64; 3], radians: f64) -> [[f64; 3]; 3] {
    let (s, c) = radians.sin_cos();
    let t = 1.0 - c;
    [
        [t * x * x + c, t * x * y - s * z, t * x * z + s * y],
        [t * x * y + s * z, t * y * y + c, t * y * z - s * x],
        [t * x * z - s * y, t * y * z + s * x, t * z * z + c],
    ]
}

fn same(found: Affine, wanted: Affine) {
    for (f, w) in found.as_flattened().iter().zip(wanted.as_flattened()) {
        assert!((f - w).abs() < 2e-5, "{found:?}, {wanted:?}");
    }
}

#[test]
fn a_quaternion_turns_about_its_axis() {
    // 2, 3 and 6 sevenths are a unit vector, and so are 1, 4 and 8 ninths.
    for axis in [
        [1.0, 0.0, 0.0],
        [0.0, 1.0, 0.0],
        [0.0, 0.0, 1.0],
        [2.0 / 7.0, 3.0 / 7.0, 6.0 / 7.0],
        [-8.0 / 9.0, 4.0 / 9.0, 1.0 / 9.0],
    ] {
        for degrees in [0.0_f64, 20.0, 90.0, 145.0, 180.0] {
            let half = degrees.to_radians() / 2.0;
            let header = header().turned(axis.map(|v| (v * half.sin()) as f32));
            let turn = rotation(axis, degrees.to_radians());
            let offset = [10.0, -20.0, 30.0];
            let wanted = std::array::from_fn(|r| {
                let [x, y, z] = turn[r];
                [x * 2.0, y * 3.0, z * 4.0, offset[r]]
            });
            same(header.qform().map_err(String::from).unwrap(), wanted);
        }
    }
}

#[test]
fn a_quaternion_that_is_a_little_too_long_turns_by_180_degrees_and_one_that_is_longer_by_nothing() {
    let about = |axis: usize, length: f32| {
        let mut quaternion = [0.0; 3];
        quaternion[axis] = length;
        header().turned(quaternion).qform()
    };
    for (axis, [x, y, z]) in [
        (0, [2.0, -3.0, -4.0]),
        (1, [-2.0, 3.0, -4.0]),
        (2, [-2.0, -3.0, 4.0]),
    ] {
        // 1.004 squared is 0.008 more than 1.
        let found = about(axis, 1.004).map_err(String::from).unwrap();
        same(
            found,
            [
                [x, 0.0, 0.0, 10.0],
                [0.0, y, 0.0, -20.0],
                [0.0, 0.0, z, 30.0],
            ],
        );
        assert_eq!(words(about(axis, 1.006)), "its quaternion is no rotation");
        assert_eq!(
            words(about(axis, f32::NAN)),
            "its quaternion is no rotation"
        );
    }
}

#[test]
fn a_negative_qfac_turns_the_third_axis_around_and_0_is_as_good_as_1() {
    for (qfac, z) in [(1.0, 4.0), (0.0, 4.0), (-1.0, -4.0)] {
        let mut header = header().turned([0.0; 3]);
        header.floats_at(76, &[qfac]);
        assert_eq!(
            header.qform().map_err(String::from).unwrap()[2],
            [0.0, 0.0, z, 30.0]
        );
    }
}

#[test]
fn a_voxel_size_that_is_not_positive_is_refused() {
    for bad in [0.0, -3.0, f32::INFINITY, f32::NAN] {
        for axis in 0..3 {
            let mut header = header().turned([0.0; 3]);
            header.floats_at(80 + 4 * axis, &[bad]);
            let why = words(header.qform());
            assert_eq!(why, format!("pixdim has {bad}, must be positive"));
        }
    }
}

#[test]
fn ras_becomes_lps_in_the_units_of_the_header() {
    // 90 degrees about S: the first index axis runs to A, the second one to R.
    let half = std::f32::consts::FRAC_1_SQRT_2;
    for (unit, mm) in [(1, 1000.0), (2, 1.0), (3, 0.001)] {
        let mut header = header().turned([0.0, 0.0, half]);
        header.bytes[123] = unit;
        let (origin, spacing, direction) = header.grid().map_err(String::from).unwrap();
        assert_eq!(origin, [-10.0, 20.0, 30.0].map(|v| v * mm));
        for (found, wanted) in spacing.iter().zip([2.0, 3.0, 4.0]) {
            assert!((found / mm - wanted).abs() < 1e-6, "{spacing:?}");
        }
        let wanted = [[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]];
        for (found, wanted) in direction.as_flattened().iter().zip(wanted.as_flattened()) {
            assert!((found - wanted).abs() < 1e-6, "{direction:?}");
        }
    }
}

/// Whether an sform agrees with the identity's qform.
fn agrees(sform: Affine) -> bool {
    let qform = [
        [2.0, 0.0, 0.0, 10.0],
        [0.0, 3.0, 0.0, -20.0],
        [0.0, 0.0, 4.0, 30.0],
    ];
    let outcome = header().check_agreement(&sform, &qform);
    let why = words(outcome);
    assert!(
        why.is_empty() || why.contains("sform and qform contradict"),
        "{why}"
    );
    why.is_empty()
}

#[test]
fn two_transforms_put_every_corner_of_the_volume_within_half_of_the_smallest_voxel() {
    let sform = |axis: usize, size: f64, shift: f64| -> Affine {
        let mut rows = [
            [2.0, 0.0, 0.0, 10.0],
            [0.0, 3.0, 0.0, -20.0],
            [0.0, 0.0, 4.0, 30.0],
        ];
        rows[axis][axis] += size;
        rows[axis][3] += shift;
        rows
    };
    // Half of 2 mm; the last voxel along each axis has the index 10, 7 or 4.
    for (axis, last) in [(0, 10.0), (1, 7.0), (2, 4.0)] {
        assert!(agrees(sform(axis, 0.0, 1.0)) && agrees(sform(axis, 0.0, -1.0)));
        assert!(!agrees(sform(axis, 0.0, 1.001)) && !agrees(sform(axis, 0.0, -1.001)));
        for sign in [1.0, -1.0] {
            assert!(agrees(sform(axis, sign * 0.999 / last, 0.0)), "{axis}");
            assert!(!agrees(sform(axis, sign * 1.001 / last, 0.0)), "{axis}");
            // A shift that the size takes back at the other end.
            assert!(agrees(sform(axis, sign * 1.999 / last, -sign)), "{axis}");
        }
    }
    assert!(!agrees(sform(0, f64::NAN, 0.0)));
}
