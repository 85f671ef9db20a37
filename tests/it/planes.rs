//! The sampler against what can be computed by hand, under every direction, dtype and stride.

use crate::support;
use dlnms::bundle::Manifest;
use dlnms::error::Error;
use dlnms::imaging::sampler::{Intensity, PreprocessSpec, Workspace};
use dlnms::imaging::{DType, IDENTITY, ImageGrid, Rescale, VolumeView};
use proptest::prelude::*;

fn spec() -> PreprocessSpec {
    Manifest::parse(&std::fs::read(support::tiny_bundle().join("manifest.json")).unwrap())
        .unwrap()
        .preprocessing
}

/// No clip, no padding, no normalisation: the tensor is the interpolated value.
fn plain() -> Intensity {
    Intensity {
        unit: "SUVbw".into(),
        outside: -7.0,
        padding_below: None,
        padding_replacement: None,
        clip: None,
        mean: 0.0,
        std: 1.0,
    }
}

fn rotation(a: f64, b: f64, c: f64) -> [[f64; 3]; 3] {
    let mul = |x: [[f64; 3]; 3], y: [[f64; 3]; 3]| -> [[f64; 3]; 3] {
        std::array::from_fn(|r| std::array::from_fn(|k| (0..3).map(|i| x[r][i] * y[i][k]).sum()))
    };
    let ((sa, ca), (sb, cb), (sc, cc)) = (a.sin_cos(), b.sin_cos(), c.sin_cos());
    let z = [[ca, -sa, 0.0], [sa, ca, 0.0], [0.0, 0.0, 1.0]];
    let y = [[cb, 0.0, sb], [0.0, 1.0, 0.0], [-sb, 0.0, cb]];
    let x = [[1.0, 0.0, 0.0], [0.0, cc, -sc], [0.0, sc, cc]];
    mul(z, mul(y, x))
}

/// A volume around the origin holding a function of LPS.
struct Synthetic {
    bytes: Vec<u8>,
    dims: [usize; 3],
    spacing: [f64; 3],
    origin: [f64; 3],
    direction: [[f64; 3]; 3],
}

impl Synthetic {
    fn new(
        dims: [usize; 3],
        spacing: [f64; 3],
        direction: [[f64; 3]; 3],
        value: impl Fn([f64; 3]) -> f64,
    ) -> Self {
        let half: [f64; 3] = std::array::from_fn(|a| (dims[a] as f64 - 1.0) / 2.0 * spacing[a]);
        let origin =
            std::array::from_fn(|r| -(0..3).map(|a| direction[r][a] * half[a]).sum::<f64>());
        let mut s = Self {
            bytes: Vec::new(),
            dims,
            spacing,
            origin,
            direction,
        };
        for k in 0..dims[2] {
            for j in 0..dims[1] {
                for i in 0..dims[0] {
                    let p = s.grid().index_to_lps([i as f64, j as f64, k as f64]);
                    s.bytes.extend(value(p).to_ne_bytes());
                }
            }
        }
        s
    }

    fn grid(&self) -> ImageGrid<'_> {
        ImageGrid {
            dims: self.dims,
            origin: self.origin,
            spacing: self.spacing,
            direction: self.direction,
            slice_offsets: None,
        }
    }

    fn view(&self) -> VolumeView<'_> {
        VolumeView::packed(&self.bytes, DType::F64, self.grid(), "pet").unwrap()
    }
}

fn sample(view: &VolumeView<'_>, intensity: &Intensity, center: [f64; 3]) -> Vec<f32> {
    let spec = spec();
    let mut out = vec![0f32; spec.tensor_len()];
    spec.sample(
        view,
        &[],
        intensity,
        center,
        &mut Workspace::default(),
        &mut out,
    )
    .unwrap();
    out
}

/// LPS of an output pixel: the resize takes 132 samples at 1 mm to 112 pixels, corners aligned.
fn pixel_lps(channel: usize, row: usize, column: usize, center: [f64; 3]) -> [f64; 3] {
    let at = |o: usize| o as f64 * 131.0 / 111.0 - 66.0;
    let mut p = center;
    let (row_axis, column_axis) = [(1, 0), (2, 0), (2, 1)][channel];
    p[row_axis] += at(row);
    p[column_axis] += at(column);
    p
}

const LINEAR: [f64; 3] = [0.31, -0.17, 0.23];
fn linear(p: [f64; 3]) -> f64 {
    40.0 + (0..3).map(|a| LINEAR[a] * p[a]).sum::<f64>()
}

fn assert_linear(view: &VolumeView<'_>, center: [f64; 3]) {
    let tensor = sample(view, &plain(), center);
    for (i, got) in tensor.iter().enumerate() {
        let want = linear(pixel_lps(i / 12544, i / 112 % 112, i % 112, center));
        assert!(
            (f64::from(*got) - want).abs() < 1e-4,
            "pixel {i}: {got} instead of {want}"
        );
    }
}

#[test]
fn a_linear_function_is_reproduced_under_every_direction() {
    let permuted = [[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]];
    for direction in [
        IDENTITY,
        permuted,
        rotation(0.4, 0.0, 0.0),
        rotation(0.7, -0.5, 1.1),
        rotation(1e-7, 0.0, 0.0),
    ] {
        let volume = Synthetic::new([70, 64, 66], [3.7, 4.1, 3.9], direction, linear);
        assert_linear(&volume.view(), [3.3, -2.1, 1.7]);
    }
}

#[test]
fn a_ramp_gives_the_resize_positions_exactly() {
    let volume = Synthetic::new([200, 20, 20], [1.0, 10.0, 10.0], IDENTITY, |p| p[0]);
    let tensor = sample(&volume.view(), &plain(), [0.0; 3]);
    for column in 0..112 {
        let want = column as f64 * 131.0 / 111.0 - 66.0;
        assert!((f64::from(tensor[56 * 112 + column]) - want).abs() < 1e-5);
    }
    assert_eq!(
        (tensor[0], tensor[111]),
        (-66.0, 65.0),
        "corners are samples"
    );
}

#[test]
fn a_constant_stays_up_to_half_a_voxel_out_and_beyond_is_the_pad_value() {
    // 40 voxels of 2 mm: the outermost centres are 39 mm from the middle, the volume ends at exactly 40 mm. Samples lie
    // at whole millimetres, so one lies exactly on the end, on either side, and belongs to the volume.
    let sample_at = |mm: f64| if mm.abs() <= 40.0 { 3.25 } else { -7.0 };
    for direction in [
        IDENTITY,
        rotation(std::f64::consts::PI, 0.0, 0.0),
        rotation(1e-10, 0.0, 0.0),
    ] {
        let volume = Synthetic::new([40, 40, 80], [2.0; 3], direction, |_| 3.25);
        let tensor = sample(&volume.view(), &plain(), [0.0; 3]);
        for o in 0..112 {
            let r = o as f64 * 131.0 / 111.0;
            let (low, t) = (r.floor().min(130.0), r - r.floor().min(130.0));
            let want = sample_at(low - 66.0) * (1.0 - t) + sample_at(low - 65.0) * t;
            for got in [tensor[56 * 112 + o], tensor[o * 112 + 56]] {
                assert!(
                    (f64::from(got) - want).abs() < 1e-5,
                    "pixel {o}: {got} instead of {want}"
                );
            }
        }
    }
}

#[test]
fn uneven_slices_are_sampled_where_they_lie() {
    let offsets: Vec<f64> = (0..60)
        .scan(0.0, |z, k| {
            let at = *z;
            *z += if k % 7 == 3 { 3.9 } else { 3.1 };
            Some(at)
        })
        .collect();
    let mut volume = Synthetic::new([60, 60, 60], [4.0, 4.0, 3.2], IDENTITY, |_| 0.0);
    volume.origin[2] = -offsets[59] / 2.0;
    let grid = ImageGrid {
        slice_offsets: Some(&offsets),
        ..volume.grid()
    };
    let mut bytes = Vec::new();
    for k in 0..60 {
        for j in 0..60 {
            for i in 0..60 {
                bytes.extend(
                    linear(grid.index_to_lps([i as f64, j as f64, k as f64])).to_ne_bytes(),
                );
            }
        }
    }
    assert_linear(
        &VolumeView::packed(&bytes, DType::F64, grid, "pet").unwrap(),
        [1.0, 2.0, 3.0],
    );
}

#[test]
fn ct_padding_is_air_before_interpolation_and_hu_is_clipped() {
    let spec = spec();
    let g = ImageGrid {
        dims: [140, 140, 140],
        origin: [-69.5; 3],
        spacing: [1.0; 3],
        direction: IDENTITY,
        slice_offsets: None,
    };
    let fill = |f: &dyn Fn(usize) -> i16| -> Vec<u8> {
        (0..140usize.pow(3))
            .flat_map(|n| f(n % 140).to_ne_bytes())
            .collect()
    };
    let hu = |bytes: &[u8], padding| {
        let mut view = VolumeView::packed(bytes, DType::I16, g, "ct").unwrap();
        view = view
            .with_rescale(Rescale::Uniform {
                slope: 1.0,
                intercept: -1024.0,
            })
            .unwrap();
        view.padding = padding;
        let t = sample(&view, &spec.ct, [0.5, 0.5, 0.5]);
        // Column 111 is offset +65 mm: voxel 135.
        [0, 56, 111].map(|c| f64::from(t[56 * 112 + c]) * spec.ct.std + spec.ct.mean)
    };
    let close = |a: [f64; 3], b: [f64; 3]| {
        assert!((0..3).all(|i| (a[i] - b[i]).abs() < 1e-3), "{a:?} {b:?}")
    };
    close(hu(&fill(&|_| 1064), None), [40.0, 40.0, 40.0]);
    // Stored -2000 is -3024 HU: below -1024 whatever the header says, so air.
    close(
        hu(&fill(&|i| if i < 60 { -2000 } else { 1064 }), None),
        [-1000.0, 40.0, 40.0],
    );
    // A declared padding value that is plausible HU.
    close(
        hu(
            &fill(&|i| if i > 100 { 1500 } else { 1064 }),
            Some([1500.0, 1500.0]),
        ),
        [40.0, 40.0, -1000.0],
    );
    close(
        hu(&fill(&|i| if i > 100 { 9000 } else { 1064 }), None),
        [40.0, 40.0, 3071.0],
    );
}

#[test]
fn strides_dtypes_and_slopes_do_not_change_the_numbers() {
    let g = ImageGrid {
        dims: [50, 48, 46],
        origin: [-98.0, -94.0, -90.0],
        spacing: [4.0; 3],
        direction: IDENTITY,
        slice_offsets: None,
    };
    let value = |i: usize, j: usize, k: usize| ((i * 7 + j * 13 + k * 29) % 251) as i16;
    let n = 50 * 48 * 46;
    let all: Vec<(usize, usize, usize)> = (0..n).map(|v| (v % 50, v / 50 % 48, v / 2400)).collect();
    let packed: Vec<u8> = all
        .iter()
        .flat_map(|&(i, j, k)| value(i, j, k).to_ne_bytes())
        .collect();
    let truth = sample(
        &VolumeView::packed(&packed, DType::I16, g, "pet").unwrap(),
        &plain(),
        [0.3, 0.2, 0.1],
    );
    let as_f32: Vec<u8> = all
        .iter()
        .flat_map(|&(i, j, k)| f32::from(value(i, j, k)).to_ne_bytes())
        .collect();
    assert_eq!(
        sample(
            &VolumeView::packed(&as_f32, DType::F32, g, "pet").unwrap(),
            &plain(),
            [0.3, 0.2, 0.1]
        ),
        truth
    );
    // k fastest, with a hole of 3 bytes after every voxel, on an odd address.
    let mut holes = vec![0u8; 1 + n * 5];
    for &(i, j, k) in &all {
        let at = 1 + ((i * 48 + j) * 46 + k) * 5;
        holes[at..at + 2].copy_from_slice(&value(i, j, k).to_ne_bytes());
    }
    let strided =
        VolumeView::new(&holes, 1, DType::I16, [5 * 46 * 48, 5 * 46, 5], g, "pet").unwrap();
    assert_eq!(sample(&strided, &plain(), [0.3, 0.2, 0.1]), truth);
    // Slices stored in reverse with a negative stride; each with its own slope that its values were divided by.
    let slopes: Vec<f64> = (0..46).map(|k| 0.25 * f64::from(1 << (k % 4))).collect();
    let reversed: Vec<u8> = (0..n)
        .map(|v| (v % 50, v / 50 % 48, 45 - v / 2400))
        .flat_map(|(i, j, k)| (f64::from(value(i, j, k)) / slopes[k]).to_ne_bytes())
        .collect();
    let view = VolumeView::new(
        &reversed,
        45 * 2400 * 8,
        DType::F64,
        [8, 400, -19200],
        g,
        "pet",
    )
    .unwrap();
    let view = view
        .with_rescale(Rescale::PerSlice {
            slopes: &slopes,
            intercept: 0.0,
        })
        .unwrap();
    assert_eq!(sample(&view, &plain(), [0.3, 0.2, 0.1]), truth);
}

#[test]
fn nan_voxels_in_reach_are_refused_and_others_are_not_looked_at() {
    let mut volume = Synthetic::new([80, 80, 80], [2.0; 3], IDENTITY, |_| 1.0);
    let put = |v: &mut Synthetic, i: usize, value: f64| {
        let at = ((40 * 80 + 40) * 80 + i) * 8;
        v.bytes[at..at + 8].copy_from_slice(&value.to_ne_bytes());
    };
    put(&mut volume, 0, f64::NAN); // 79 mm from the centre, the window ends at 66
    let spec = spec();
    let mut out = vec![0f32; spec.tensor_len()];
    spec.sample(
        &volume.view(),
        &[],
        &plain(),
        [1.0; 3],
        &mut Workspace::default(),
        &mut out,
    )
    .unwrap();
    for bad in [f64::NAN, f64::INFINITY] {
        put(&mut volume, 40, bad);
        let result = spec.sample(
            &volume.view(),
            &[],
            &plain(),
            [1.0; 3],
            &mut Workspace::default(),
            &mut out,
        );
        assert!(matches!(
            result,
            Err(Error::VoxelNotFinite { volume: "pet" })
        ));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]

    /// The folded maps of aligned volumes and the sample-by-sample path agree: a turn of 1e-9 rad takes the other path.
    #[test]
    fn both_paths_agree(cx in -20.0..20.0f64, cy in -20.0..20.0f64, cz in -20.0..20.0f64, seed in any::<u32>()) {
        let value = |p: [f64; 3]| { // rough, but continuous over the tiny turn
            (p[0] * 0.11 + f64::from(seed % 97)).sin() * 300.0 + (p[1] * 0.07).cos() * 200.0 + (p[2] * 0.05).sin() * 100.0
        };
        let grid = ([80, 64, 56], [2.3, 2.9, 3.3]); // covers the window around every centre
        let aligned = Synthetic::new(grid.0, grid.1, IDENTITY, value);
        let mut turned = Synthetic::new(grid.0, grid.1, rotation(1e-9, 1e-9, 0.0), |_| 0.0);
        turned.bytes.clone_from(&aligned.bytes);
        let (a, b) = (sample(&aligned.view(), &plain(), [cx, cy, cz]), sample(&turned.view(), &plain(), [cx, cy, cz]));
        for (x, y) in a.iter().zip(&b) {
            prop_assert!((x - y).abs() < 1e-3, "{x} {y}");
        }
    }
}
