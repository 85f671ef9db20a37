//! Tests of contours laid on a grid.

use super::*;
use crate::cancel::CancelToken;
use crate::imaging::IDENTITY;

fn grid(dims: [usize; 3], step: f64) -> ImageGrid<'static> {
    ImageGrid {
        dims,
        origin: [0.0; 3],
        spacing: [1.0, 1.0, step],
        direction: IDENTITY,
        slice_offsets: None,
    }
}

fn rectangle([x0, x1]: [f64; 2], [y0, y1]: [f64; 2], z: f64) -> Contour {
    Contour {
        points: vec![[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]],
        exclusive_or: false,
    }
}

fn square(low: f64, high: f64, z: f64) -> Contour {
    rectangle([low, high], [low, high], z)
}

fn exclusive_or(mut contour: Contour) -> Contour {
    contour.exclusive_or = true;
    contour
}

fn roi(contours: Vec<Contour>) -> Contours {
    Contours {
        number: 7,
        name: "GTV".into(),
        frame_of_reference: None,
        contours,
        refusal: None,
    }
}

fn slice(mask: &RoiMask, k: usize) -> Vec<String> {
    let [nx, ny, _] = mask.volume.dims;
    let rows = mask.volume.data[k * nx * ny..(k + 1) * nx * ny].chunks(nx);
    rows.map(|r| r.iter().map(|v| char::from(b'0' + v)).collect())
        .collect()
}

fn drawn(contours: Vec<Contour>) -> (Vec<String>, bool) {
    let mask = roi(contours)
        .mask(&grid([7, 5, 1], 1.0), &CancelToken::default())
        .unwrap();
    (slice(&mask, 0), mask.contours_overlap)
}

fn count(mask: &RoiMask) -> usize {
    mask.volume.data.iter().filter(|v| **v == 1).count()
}

fn why(contours: Vec<Contour>, grid: &ImageGrid<'_>) -> String {
    roi(contours)
        .mask(grid, &CancelToken::default())
        .unwrap_err()
        .to_string()
}

#[test]
fn a_voxel_belongs_if_its_centre_lies_inside() {
    let (rows, overlap) = drawn(vec![rectangle([0.5, 3.5], [0.5, 2.5], 0.0)]);
    assert_eq!(
        rows,
        ["0000000", "0111000", "0111000", "0000000", "0000000"]
    );
    assert!(!overlap);
    // On centres the lower edge in y belongs, in x the upper one, however the last decimals are rounded.
    for noise in [0.0, 1e-6, -1e-6] {
        let (rows, _) = drawn(vec![rectangle([1.0 + noise, 4.0], [1.0, 3.0 - noise], 0.0)]);
        assert_eq!(
            rows,
            ["0000000", "0011100", "0011100", "0000000", "0000000"]
        );
    }
    // A concave outline, cut by the border of the grid.
    let z = 0.0;
    let points = vec![
        [-3.0, -0.4, z],
        [8.0, -0.4, z],
        [8.0, 3.6, z],
        [2.6, 1.5, z],
        [-3.0, 3.6, z],
    ];
    let (rows, _) = drawn(vec![Contour {
        points,
        exclusive_or: false,
    }]);
    assert_eq!(
        rows,
        ["1111111", "1111111", "1100111", "0000000", "0000000"]
    );
}

#[test]
fn holes_nest_to_any_depth_and_identical_contours_count_once() {
    let nested = [
        rectangle([-0.5, 6.5], [-0.5, 4.5], 0.0),
        rectangle([0.5, 5.5], [0.5, 3.5], 0.0),
        rectangle([1.5, 4.5], [1.4, 2.6], 0.0),
        rectangle([2.5, 3.5], [1.5, 2.5], 0.0),
    ];
    let rings = ["1111111", "1000001", "1011101", "1000001", "1111111"];
    let holes = ["1111111", "1000001", "1010101", "1000001", "1111111"];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let contours = order.map(|n| nested[n].clone()).to_vec();
        assert_eq!(drawn(contours), (rings.map(String::from).to_vec(), false));
    }
    let all = nested.to_vec();
    assert_eq!(
        drawn(all.clone()),
        (holes.map(String::from).to_vec(), false)
    );
    // Each twice, the copies drawn the other way round from another corner.
    let copy = |c: &Contour| {
        let mut c = c.clone();
        c.points.reverse();
        c.points.rotate_left(1);
        c
    };
    let twice = all.iter().map(copy).chain(all.clone()).collect();
    assert_eq!(drawn(twice), (holes.map(String::from).to_vec(), false));
    // Three copies are one as well.
    let thrice = vec![nested[1].clone(); 3];
    assert_eq!(drawn(thrice).0, drawn(vec![nested[1].clone()]).0);
}

#[test]
fn contours_that_overlap_in_part_are_joined_with_a_note() {
    let a = rectangle([0.5, 3.5], [0.5, 2.5], 0.0);
    let b = rectangle([2.5, 5.5], [0.5, 2.5], 0.0);
    let (rows, overlap) = drawn(vec![a.clone(), b.clone()]);
    assert_eq!(
        rows,
        ["0000000", "0111110", "0111110", "0000000", "0000000"]
    );
    assert!(overlap);
    // A third joins both, and a hole in the union is a hole.
    let c = rectangle([1.5, 4.5], [1.5, 4.5], 0.0);
    let (rows, overlap) = drawn(vec![c.clone(), b, a]);
    assert_eq!(
        rows,
        ["0000000", "0111110", "0111110", "0011100", "0011100"]
    );
    assert!(overlap);
    let d = rectangle([0.5, 2.5], [3.5, 4.5], 0.0);
    let hole = rectangle([2.6, 3.4], [2.6, 3.4], 0.0);
    let (rows, overlap) = drawn(vec![hole, d, c]);
    assert_eq!(
        rows,
        ["0000000", "0000000", "0011100", "0010100", "0111100"]
    );
    assert!(overlap);
    // Those that touch do not overlap.
    let left = rectangle([0.5, 2.5], [0.5, 2.5], 0.0);
    let right = rectangle([2.5, 4.5], [0.5, 2.5], 0.0);
    let (rows, overlap) = drawn(vec![left, right]);
    assert_eq!(rows[1], "0111100");
    assert!(!overlap);
}

#[test]
fn closed_planar_xor_is_exclusive_or() {
    let a = exclusive_or(rectangle([0.5, 3.5], [0.5, 2.5], 0.0));
    let b = exclusive_or(rectangle([2.5, 5.5], [0.5, 2.5], 0.0));
    let (rows, overlap) = drawn(vec![a.clone(), b.clone()]);
    assert_eq!(rows[1], "0110110");
    assert!(!overlap);
    let outer = exclusive_or(rectangle([-0.5, 6.5], [-0.5, 4.5], 0.0));
    let (rows, _) = drawn(vec![a.clone(), outer]);
    assert_eq!(
        rows,
        ["1111111", "1000111", "1000111", "1111111", "1111111"]
    );
    let mixed = why(
        vec![square(0.5, 2.5, 0.0), square(0.5, 2.5, 1.0), a],
        &grid([7, 5, 2], 1.0),
    );
    assert!(
        mixed.contains("ROI 7: contours 1 and 3 lie in one plane") && mixed.contains("XOR"),
        "{mixed}"
    );
}

/// Planes whose squares have the sides 1, 2, 3 ... name the plane that a slice took.
fn sides(positions: &[f64], grid: &ImageGrid<'_>) -> Vec<usize> {
    let contours = positions.iter().enumerate();
    let contours = contours.map(|(n, z)| square(-0.5, n as f64 + 0.5, *z));
    let mask = roi(contours.collect())
        .mask(grid, &CancelToken::default())
        .unwrap();
    let [nx, ny, nz] = mask.volume.dims;
    let in_slice = |k: usize| {
        let slice = &mask.volume.data[k * nx * ny..(k + 1) * nx * ny];
        slice.iter().filter(|v| **v == 1).count().isqrt()
    };
    (0..nz).map(in_slice).collect()
}

#[test]
fn a_slice_takes_the_plane_it_lies_in() {
    // On the grid they were drawn on.
    assert_eq!(
        sides(&[1.0, 2.0, 3.0], &grid([9, 9, 5], 1.0)),
        [0, 1, 2, 3, 0]
    );
    // The order in the file does not matter.
    let mask = roi(vec![square(-0.5, 3.5, 2.0), square(-0.5, 0.5, 1.0)]);
    let mask = mask
        .mask(&grid([9, 9, 4], 1.0), &CancelToken::default())
        .unwrap();
    assert_eq!(slice(&mask, 1)[0], "100000000");
    // Finer: each plane reaches half-way, the ends as far; a border belongs to the plane below it, the lowest to none.
    assert_eq!(
        sides(&[1.0, 2.0, 3.0], &grid([9, 9, 9], 0.5)),
        [0, 0, 1, 1, 2, 2, 3, 3, 0]
    );
    assert_eq!(
        sides(&[1.0, 2.0, 3.0], &grid([9, 9, 13], 0.3)),
        [0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 3, 0]
    );
    // Coarser: several planes round to one slice, and it takes the nearest.
    assert_eq!(
        sides(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &grid([9, 9, 4], 2.5)),
        [0, 2, 5, 0]
    );
    // Half-way is that of the neighbours, whatever their distance.
    assert_eq!(
        sides(&[1.0, 2.0, 4.0], &grid([9, 9, 8], 1.0)),
        [0, 1, 2, 2, 3, 3, 0, 0]
    );
    // One plane left out in the middle is filled; more are a gap between two parts.
    assert_eq!(
        sides(&[1.0, 2.0, 4.0, 5.0], &grid([9, 9, 7], 1.0)),
        [0, 1, 2, 2, 3, 4, 0]
    );
    assert_eq!(
        sides(&[1.0, 2.0, 5.0, 6.0], &grid([9, 9, 8], 1.0)),
        [0, 1, 2, 0, 0, 3, 4, 0]
    );
    // A lone part has the usual thickness.
    assert_eq!(
        sides(&[1.0, 2.0, 6.0], &grid([9, 9, 16], 0.5)),
        [0, 0, 1, 1, 2, 2, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0]
    );
    // Uneven slices.
    let uneven = ImageGrid {
        slice_offsets: Some(&[0.0, 0.9, 2.4, 3.4, 5.0]),
        ..grid([9, 9, 5], 1.25)
    };
    assert_eq!(sides(&[1.0, 2.0, 3.0], &uneven), [0, 1, 2, 3, 0]);
}

#[test]
fn a_lone_plane_belongs_to_the_nearest_slice() {
    for (z, slices) in [
        (2.0, [0, 1, 0, 0]),
        (2.9, [0, 1, 0, 0]),
        (3.0, [0, 0, 1, 0]),
        (3.1, [0, 0, 1, 0]),
        (-0.9, [1, 0, 0, 0]),
        (6.9, [0, 0, 0, 1]),
    ] {
        assert_eq!(sides(&[z], &grid([3, 3, 4], 2.0)), slices, "{z}");
    }
    // Two that lie far apart are two; two that lie near are one part.
    assert_eq!(
        sides(&[1.0, 12.0], &grid([3, 3, 7], 2.0)),
        [0, 1, 0, 0, 0, 0, 2]
    );
    assert_eq!(
        sides(&[2.0, 12.0], &grid([3, 3, 10], 2.0)),
        [1, 1, 1, 1, 2, 2, 2, 2, 2, 0]
    );
}

fn sphere(radius: f64, step: f64, offset: f64) -> Contours {
    let planes = (-20..=20).map(|n| n as f64 * step + offset);
    let contours = planes.filter(|z| z.abs() < radius).map(|z| {
        let r = (radius * radius - z * z).sqrt();
        let corner = |n: usize| {
            let (sin, cos) = (n as f64 * std::f64::consts::TAU / 128.0).sin_cos();
            [r * cos, r * sin, z]
        };
        Contour {
            points: (0..128).map(corner).collect(),
            exclusive_or: false,
        }
    });
    roi(contours.collect())
}

/// A sphere of 33.5 ml drawn every 2 mm (NUMERICS 5).
#[test]
fn a_sphere_keeps_its_volume_on_any_grid() {
    let truth = 4.0 / 3.0 * std::f64::consts::PI * 8.0;
    for step in [1.0, 2.0, 3.0, 4.0, 5.0] {
        for shift in [0.0, 0.3, 0.5, 0.77] {
            let side = (60.0 / step) as usize;
            let g = ImageGrid {
                dims: [60, 60, side],
                origin: [-29.5, -29.5, -30.0 + shift * step],
                spacing: [1.0, 1.0, step],
                direction: IDENTITY,
                slice_offsets: None,
            };
            let mask = sphere(20.0, 2.0, 0.0)
                .mask(&g, &CancelToken::default())
                .unwrap();
            let ml = count(&mask) as f64 * step / 1000.0;
            assert!(
                (ml / truth - 1.0).abs() < 0.03,
                "{step} {shift}: {ml} of {truth}"
            );
        }
    }
    for (a, b, c) in [(0.3, 0.0, 0.0), (0.0, 0.4, 0.0), (0.5, 1.0, 0.3)] {
        let g = ImageGrid {
            dims: [80; 3],
            origin: turned(a, b, c).map(|row| -39.5 * row.iter().sum::<f64>()),
            spacing: [1.0; 3],
            direction: turned(a, b, c),
            slice_offsets: None,
        };
        let mask = sphere(20.0, 2.0, 0.0)
            .mask(&g, &CancelToken::default())
            .unwrap();
        let ml = count(&mask) as f64 / 1000.0;
        assert!(
            (ml / truth - 1.0).abs() < 0.01,
            "{a} {b} {c}: {ml} of {truth}"
        );
    }
}

/// Rotation about z, then y, then x.
fn turned(a: f64, b: f64, c: f64) -> [[f64; 3]; 3] {
    let ((sa, ca), (sb, cb), (sc, cc)) = (a.sin_cos(), b.sin_cos(), c.sin_cos());
    let z = [[ca, -sa, 0.0], [sa, ca, 0.0], [0.0, 0.0, 1.0]];
    let y = [[cb, 0.0, sb], [0.0, 1.0, 0.0], [-sb, 0.0, cb]];
    let x = [[1.0, 0.0, 0.0], [0.0, cc, -sc], [0.0, sc, cc]];
    let mul = |p: [[f64; 3]; 3], q: [[f64; 3]; 3]| -> [[f64; 3]; 3] {
        std::array::from_fn(|r| std::array::from_fn(|k| (0..3).map(|i| p[r][i] * q[i][k]).sum()))
    };
    mul(z, mul(y, x))
}

/// Axes swapped, the grid sees the same contours from the side: every voxel is where it was.
#[test]
fn grids_that_are_not_parallel_hold_the_same_voxels() {
    let contours = vec![
        rectangle([0.6, 3.4], [0.7, 2.2], 1.1),
        rectangle([0.6, 4.4], [0.7, 3.2], 2.1),
        rectangle([1.6, 2.4], [1.7, 2.2], 2.1),
        rectangle([2.6, 5.4], [0.7, 1.2], 3.1),
    ];
    let axial = roi(contours.clone())
        .mask(&grid([7, 5, 6], 1.0), &CancelToken::default())
        .unwrap();
    let at = |[x, y, z]: [usize; 3]| axial.volume.data[(z * 5 + y) * 7 + x];
    let dims = [7, 5, 6];
    for axes in [[0, 2, 1], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        let side = ImageGrid {
            dims: axes.map(|a| dims[a]),
            direction: std::array::from_fn(|r| {
                std::array::from_fn(|c| f64::from(u8::from(axes[c] == r)))
            }),
            ..grid([1; 3], 1.0)
        };
        let mask = roi(contours.clone())
            .mask(&side, &CancelToken::default())
            .unwrap();
        let [nx, ny, nz] = side.dims;
        for n in 0..nx * ny * nz {
            let index = [n % nx, n / nx % ny, n / nx / ny];
            let mut place = [0; 3];
            for (a, i) in axes.iter().zip(index) {
                place[*a] = i;
            }
            assert_eq!(mask.volume.data[n], at(place), "{axes:?} {place:?}");
        }
    }
    // A flipped grid.
    let flipped = ImageGrid {
        origin: [0.0, 4.0, 5.0],
        direction: [[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]],
        ..grid(dims, 1.0)
    };
    let mask = roi(contours)
        .mask(&flipped, &CancelToken::default())
        .unwrap();
    for n in 0..7 * 5 * 6 {
        let [x, y, z] = [n % 7, n / 7 % 5, n / 35];
        assert_eq!(mask.volume.data[n], at([x, 4 - y, 5 - z]));
    }
}

#[test]
fn what_cannot_be_drawn_is_refused_by_name() {
    let g = grid([7, 5, 4], 1.0);
    assert!(why(vec![], &g).ends_with("ROI 7: it has no contours"));
    let mut damaged = roi(vec![square(0.5, 2.5, 1.0)]);
    damaged.refusal = Some("contour 3: damaged".into());
    assert!(
        damaged
            .mask(&g, &CancelToken::default())
            .unwrap_err()
            .to_string()
            .ends_with("ROI 7: contour 3: damaged")
    );
    // Off the grid, as a whole: along each axis, to either side; half a voxel beyond the last centre is still on it.
    for (contour, refused) in [
        (rectangle([-4.0, -0.6], [0.5, 2.5], 1.0), true),
        (rectangle([-4.0, -0.4], [0.5, 2.5], 1.0), false),
        (rectangle([6.6, 9.0], [0.5, 2.5], 1.0), true),
        (rectangle([6.4, 9.0], [0.5, 2.5], 1.0), false),
        (rectangle([0.5, 2.5], [4.6, 9.0], 1.0), true),
        (square(0.5, 2.5, -0.6), true),
        (square(0.5, 2.5, -0.4), false),
        (square(0.5, 2.5, 3.4), false),
        (square(0.5, 2.5, 3.6), true),
    ] {
        let text = roi(vec![square(0.5, 2.5, 1.0), contour])
            .mask(&g, &CancelToken::default())
            .err();
        let text = text.map(|e| e.to_string()).unwrap_or_default();
        assert_eq!(
            text.contains("contour 2 lies outside the grid"),
            refused,
            "{text}"
        );
        assert_eq!(text.is_empty(), !refused, "{text}");
    }
    // Not planar, or not parallel to the others.
    let mut bent = square(0.5, 2.5, 1.0);
    bent.points[2][2] = 2.2;
    let text = why(vec![square(0.5, 4.5, 1.0), bent.clone()], &g);
    assert!(
        text.contains("contour 2 is not planar") && text.contains("0.60 mm"),
        "{text}"
    );
    bent.points[2][2] = 1.15;
    assert!(
        roi(vec![square(0.5, 4.5, 1.0), bent])
            .mask(&g, &CancelToken::default())
            .is_ok()
    );
    // Nothing inside.
    let text = why(vec![square(1.1, 1.9, 1.0)], &g);
    assert!(
        text.ends_with("no voxel centre lies inside its contours"),
        "{text}"
    );
    let line = Contour {
        points: vec![[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [2.0, 2.0, 2.0]],
        exclusive_or: false,
    };
    assert!(why(vec![line], &g).contains("enclose nothing"));
    // A lone plane on a grid that is not parallel to it.
    let side = ImageGrid {
        direction: [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]],
        ..grid([7, 7, 7], 1.0)
    };
    let text = why(vec![square(0.5, 2.5, 1.0)], &side);
    assert!(text.contains("thickness of a lone contour plane"), "{text}");
}

#[test]
fn a_mask_ends_when_it_is_cancelled_wherever_it_is() {
    let cancelled = CancelToken::default();
    let stack = |contours: &[Contour], frame: &Frame| {
        let placed = place(contours, frame, PLANAR_MM).unwrap();
        PlaneStack::new(placed, &CancelToken::default()).unwrap_or_else(|_| panic!("planes"))
    };
    let g = grid([9, 9, 4], 1.0);
    let axial = [square(0.5, 4.5, 1.0), square(0.5, 4.5, 2.0)];
    let parallel = Frame::of_grid(&g);
    let oblique = Frame::of_contours(&axial).unwrap();
    let (straight, across) = (stack(&axial, &parallel), stack(&axial, &oblique));
    let mut data = vec![0; 9 * 9 * 4];
    fill_slices(&straight, &g, &mut data, &CancelToken::default()).unwrap();
    assert!(data.contains(&1));
    data.fill(0);
    cancelled.trigger();
    let outcome = fill_slices(&straight, &g, &mut data, &cancelled);
    assert!(matches!(outcome, Err(Error::Cancelled)));
    let outcome = fill_oblique(&across, &oblique, &g, &mut data, &cancelled);
    assert!(matches!(outcome, Err(Failure::Other(Error::Cancelled))));
    assert!(!data.contains(&1));
    // Two contours in one plane are compared.
    let beside = [square(0.5, 2.5, 1.0), square(4.5, 6.5, 1.0)];
    let placed = place(&beside, &parallel, PLANAR_MM).unwrap();
    let outcome = PlaneStack::new(placed, &cancelled).err();
    assert!(matches!(outcome, Some(Failure::Other(Error::Cancelled))));
    let outcome = roi(axial.to_vec()).mask(&g, &cancelled);
    assert!(matches!(outcome, Err(Error::Cancelled)));
}
