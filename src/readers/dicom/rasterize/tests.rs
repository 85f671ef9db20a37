//! Tests of planes drawn on a grid.

use super::super::contour_nesting::Outline;
use super::*;

#[test]
fn lines_cross_polygons_where_they_do() {
    let polygon = [[0.0, 0.0], [4.0, 0.0], [4.0, 2.0], [0.0, 2.0]];
    let mut t = Vec::new();
    line_crossings(&polygon, [-1.0, 1.0], [0.5, 0.0], &mut t);
    t.sort_by(f64::total_cmp);
    assert_eq!(t, [2.0, 10.0]);
    line_crossings(&polygon, [1.0, 5.0], [0.0, -2.0], &mut t);
    t.sort_by(f64::total_cmp);
    assert_eq!(t, [1.5, 2.5]);
    line_crossings(&polygon, [1.0, 3.0], [1.0, 0.0], &mut t);
    assert!(t.is_empty());
    line_crossings(&polygon, [1.0, 1.0], [0.0, 0.0], &mut t);
    assert_eq!(t, [f64::NEG_INFINITY, f64::INFINITY]);
    for outside in [[-1.0, 1.0], [5.0, 1.0], [1.0, -1.0], [1.0, 3.0]] {
        line_crossings(&polygon, outside, [0.0, 0.0], &mut t);
        assert!(t.is_empty(), "{outside:?}");
    }
    assert_eq!(end_of_run(2, 9, |i| i < 5), 5);
    assert_eq!(end_of_run(2, 9, |_| true), 9);
}

#[test]
fn an_index_within_a_hundred_thousandth_of_a_voxel_is_its_centre() {
    assert_eq!(snap(3.000_009), 3.0);
    assert_eq!(snap(-2.000_009), -2.0);
    assert_eq!(snap(3.000_011), 3.000_011);
    assert_eq!(snap(1e-5), 1e-5);
    assert_eq!(snap(0.5), 0.5);
}

#[test]
fn an_oblique_line_crosses_a_triangle_where_it_does() {
    // The hypotenuse from 6 on the first axis to 3 on the second: at x / 6 + y / 3 = 1.
    let triangle = [[0.0, 0.0], [6.0, 0.0], [0.0, 3.0]];
    let mut t = Vec::new();
    // (2 + 2 t, 1.5 + t) meets x = 0 at -1 and the hypotenuse at 1/4.
    line_crossings(&triangle, [2.0, 1.5], [2.0, 1.0], &mut t);
    t.sort_by(f64::total_cmp);
    assert_eq!(t.len(), 2);
    assert!(
        (t[0] + 1.0).abs() < 1e-12 && (t[1] - 0.25).abs() < 1e-12,
        "{t:?}"
    );
    // (1 - t, 1 + t / 4): x = 0 at 1, the hypotenuse at (1 - t) / 6 + (1 + t / 4) / 3 = 1, which is t = -6.
    line_crossings(&triangle, [1.0, 1.0], [-1.0, 0.25], &mut t);
    t.sort_by(f64::total_cmp);
    let bottom = -4.0; // where y is 0, at x = 5
    assert!(
        (t[0] - bottom).abs() < 1e-12 && (t[1] - 1.0).abs() < 1e-12,
        "{t:?}"
    );
}

fn stack(outline: Vec<[f64; 2]>, low: f64, high: f64) -> PlaneStack {
    PlaneStack {
        planes: vec![Plane {
            position: (low + high) / 2.0,
            low,
            high,
            outlines: vec![Outline {
                points: outline,
                paint: Paint::Set,
            }],
        }],
        overlap: false,
    }
}

fn grid(dims: [usize; 3], direction: [[f64; 3]; 3]) -> ImageGrid<'static> {
    ImageGrid {
        dims,
        origin: [0.0; 3],
        spacing: [1.0; 3],
        direction,
        slice_offsets: None,
    }
}

#[test]
fn a_row_is_drawn_where_it_lies_in_the_range_of_the_plane_and_inside_its_outline() {
    // Voxel i of the row lies 0.8 i mm along the first axis of the frame and 0.6 i mm along the normal.
    let columns = [[0.8, 0.0, -0.6], [0.0, 1.0, 0.0], [0.6, 0.0, 0.8]];
    let turned = std::array::from_fn(|r| std::array::from_fn(|c| columns[c][r]));
    let frame = Frame::of_grid(&grid([20, 1, 1], turned));
    let rows = grid([20, 1, 1], crate::imaging::IDENTITY);
    let drawn = |x: [f64; 2], low: f64, high: f64| {
        let outline = vec![[x[0], -5.0], [x[1], -5.0], [x[1], 5.0], [x[0], 5.0]];
        let mut data = vec![0; 20];
        let cancel = CancelToken::default();
        let filled = fill_oblique(
            &stack(outline, low, high),
            &frame,
            &rows,
            &mut data,
            &cancel,
        );
        filled.map_err(String::from).unwrap();
        (0..20).filter(|i| data[*i] == 1).collect::<Vec<usize>>()
    };
    // 5 to 9 mm along the normal: voxels 9 to 15. 8.1 to 11.9 mm along the first axis: voxels 11 to 14.
    assert_eq!(
        drawn([-100.0, 100.0], 5.0, 9.1),
        [9, 10, 11, 12, 13, 14, 15]
    );
    assert_eq!(drawn([8.1, 11.9], 5.0, 9.1), [11, 12, 13, 14]);
    assert_eq!(drawn([0.0, 8.1], 5.0, 9.1), [9, 10]);
}

#[test]
fn rows_times_points_beyond_five_billion_are_refused() {
    let frame = Frame::of_grid(&grid([1, 1, 1], crate::imaging::IDENTITY));
    let outcome = |rows: usize, slices: usize, points: usize| {
        let grid = grid([1, rows, slices], crate::imaging::IDENTITY);
        let stack = stack(vec![[0.0; 2]; points], 0.0, 1.0);
        let cancel = CancelToken::default();
        let filled = fill_oblique(&stack, &frame, &grid, &mut [], &cancel);
        filled.map_err(String::from)
    };
    assert_eq!(outcome(50_000, 50_000, 2), Ok(()));
    for (rows, slices, points) in [(50_000, 50_001, 2), (65_536, 65_536, 4)] {
        let why = outcome(rows, slices, points).unwrap_err();
        assert!(
            why.contains(&format!("{points} points in a plane are too many")),
            "{why}"
        );
    }
}
