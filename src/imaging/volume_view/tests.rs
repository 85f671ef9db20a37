//! Tests of views of voxels.

use super::*;
use crate::imaging::IDENTITY;

fn grid(dims: [usize; 3]) -> ImageGrid<'static> {
    ImageGrid {
        dims,
        origin: [0.0; 3],
        spacing: [1.0; 3],
        direction: IDENTITY,
        slice_offsets: None,
    }
}

#[test]
fn negative_and_padded_strides_address_the_same_voxels() {
    let values: Vec<i16> = (0..24).collect();
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
    let forward = VolumeView::packed(&bytes, DType::I16, grid([4, 3, 2]), "ct").unwrap();
    let flipped = VolumeView::new(
        &bytes,
        24 + 16,
        DType::I16,
        [2, -8, -24],
        grid([4, 3, 2]),
        "ct",
    )
    .unwrap();
    for k in 0..2 {
        for j in 0..3 {
            for i in 0..4 {
                assert_eq!(forward.stored([i, j, k]), (i + 4 * j + 12 * k) as f64);
                assert_eq!(flipped.stored([i, j, k]), forward.stored([i, 2 - j, 1 - k]));
            }
        }
    }
}

#[test]
fn every_dtype_reads_back() {
    let g = grid([1, 1, 1]);
    let cases: [(DType, Vec<u8>, f64); 7] = [
        (DType::U8, vec![200], 200.0),
        (DType::I16, (-3024i16).to_ne_bytes().into(), -3024.0),
        (DType::U16, 65535u16.to_ne_bytes().into(), 65535.0),
        (DType::I32, (-70000i32).to_ne_bytes().into(), -70000.0),
        (DType::F16, f16::from_f32(1.5).to_ne_bytes().into(), 1.5),
        (DType::F32, 0.25f32.to_ne_bytes().into(), 0.25),
        (DType::F64, 1e-9f64.to_ne_bytes().into(), 1e-9),
    ];
    for (dtype, bytes, value) in cases {
        assert_eq!(DType::from_code(dtype as u32), Some(dtype));
        assert_eq!(
            VolumeView::packed(&bytes, dtype, g, "pet")
                .unwrap()
                .stored([0; 3]),
            value
        );
    }
}

#[test]
fn impossible_strides_are_refused_before_any_read() {
    let bytes = [0u8; 64];
    let g = grid([4, 4, 2]);
    for strides in [
        [isize::MAX, 8, 32],
        [2, isize::MIN, 32],
        [2, 8, 33],
        [1, 8, 32],
        [0, 8, 32],
    ] {
        let result = VolumeView::new(&bytes, 0, DType::I16, strides, g, "ct");
        assert!(
            matches!(result, Err(Error::VolumeShape { .. })),
            "{strides:?}"
        );
    }
    assert!(VolumeView::new(&bytes, 2, DType::I16, [2, 8, 32], g, "ct").is_err());
    assert!(VolumeView::new(&bytes, 1, DType::I16, [-2, 8, 32], g, "ct").is_err());
}

#[test]
fn an_axis_has_1_to_65536_voxels_whose_strides_do_not_overlap() {
    let of = |dims, strides| extent(dims, strides, 2, "ct");
    assert_eq!(of([4, 3, 2], [2, 8, 24]).unwrap(), (48, 0));
    assert_eq!(of([65_536, 1, 1], [2, 0, 0]).unwrap(), (131_072, 0));
    assert_eq!(of([4, 3, 2], [2, -8, -24]).unwrap(), (48, 40));
    for dims in [[0, 1, 1], [1, 0, 1], [1, 1, 65_537]] {
        let why = of(dims, [2, 2, 2]).unwrap_err().to_string();
        assert!(why.contains("allowed 1 to 65536"), "{why}");
    }
    // Along an axis of one voxel nothing is strided; along others it is by a voxel at least, either way.
    assert!(of([1, 1, 1], [0, 0, 0]).is_ok());
    for stride in [0, 1, -1] {
        let why = of([1, 2, 1], [0, stride, 0]).unwrap_err().to_string();
        assert!(why.contains("strides[1]"), "{why}");
    }
}

#[test]
fn slopes_are_finite_and_not_0_and_as_many_as_slices() {
    let bytes = [0u8; 12];
    let view = VolumeView::packed(&bytes, DType::I16, grid([1, 2, 3]), "pet").unwrap();
    let uniform = |slope, intercept| view.with_rescale(Rescale::Uniform { slope, intercept });
    assert_eq!(uniform(2.0, -1.0).unwrap().value([0; 3]), -1.0);
    for bad in [0.0, f64::NAN, f64::INFINITY] {
        assert!(uniform(bad, 0.0).is_err(), "{bad}");
    }
    assert!(uniform(1.0, f64::NAN).is_err());
    let each = |slopes: &[f64]| {
        let rescale = Rescale::PerSlice {
            slopes,
            intercept: 0.0,
        };
        view.with_rescale(rescale)
            .map(|_| ())
            .map_err(|e| e.to_string())
    };
    assert_eq!(each(&[1.0, -2.0, 3.0]), Ok(()));
    assert!(
        each(&[1.0, 2.0])
            .unwrap_err()
            .contains("2 slice slopes for 3 slices")
    );
    assert!(each(&[1.0, 0.0, 3.0]).unwrap_err().contains("not 0"));
    assert!(
        each(&[1.0, f64::INFINITY, 3.0])
            .unwrap_err()
            .contains("finite")
    );
}

#[test]
fn a_stored_value_in_the_range_of_padding_has_none() {
    let stored = [-2000i16, -1999, 5, 7, 8];
    let bytes: Vec<u8> = stored.iter().flat_map(|v| v.to_ne_bytes()).collect();
    let mut view = VolumeView::packed(&bytes, DType::I16, grid([5, 1, 1]), "ct")
        .unwrap()
        .with_rescale(Rescale::Uniform {
            slope: 2.0,
            intercept: -10.0,
        })
        .unwrap();
    view.padding = Some([5.0, 7.0]);
    let found: Vec<_> = (0..5).map(|i| view.unpadded_value([i, 0, 0])).collect();
    assert_eq!(found, [Some(-4010.0), Some(-4008.0), None, None, Some(6.0)]);
}
