//! Tests of contours in one plane.

use super::*;

fn rectangle(x: [f64; 2], y: [f64; 2]) -> Vec<[f64; 2]> {
    vec![[x[0], y[0]], [x[1], y[0]], [x[1], y[1]], [x[0], y[1]]]
}

fn kept(points: Vec<[f64; 2]>) -> Kept {
    Kept {
        measured: Measured::new(&points),
        contour: Placed {
            number: 1,
            position: 0.0,
            points,
            exclusive_or: false,
        },
        group: 0,
        inside: Vec::new(),
    }
}

#[test]
fn two_contours_lie_to_each_other_as_they_do() {
    let a = kept(rectangle([0.0, 10.0], [0.0, 10.0]));
    assert!((a.measured.area - 100.0).abs() < 1e-9);
    for (x, y, relation) in [
        ([0.0, 10.0], [0.0, 10.0], Relation::Identical),
        ([0.0, 10.0], [0.0, 9.999], Relation::Identical),
        ([0.0, 10.0], [0.0, 9.9], Relation::Inside),
        ([2.0, 4.0], [2.0, 4.0], Relation::Inside),
        ([9.0, 10.0], [2.0, 4.0], Relation::Inside),
        ([9.0, 10.008], [2.0, 4.0], Relation::Inside),
        ([9.0, 10.02], [2.0, 4.0], Relation::Overlapping),
        ([9.5, 11.0], [2.0, 4.0], Relation::Overlapping),
        ([9.98, 11.0], [2.0, 4.0], Relation::Overlapping),
        ([9.995, 11.0], [2.0, 4.0], Relation::Apart),
        ([10.0, 11.0], [2.0, 4.0], Relation::Apart),
        ([12.0, 13.0], [2.0, 4.0], Relation::Apart),
        ([2.0, 4.0], [12.0, 14.0], Relation::Apart),
        ([-1.0, 11.0], [-1.0, 11.0], Relation::Around),
        ([-1.0, 11.0], [4.0, 6.0], Relation::Overlapping),
    ] {
        let b = kept(rectangle(x, y));
        assert_eq!(b.relation(&a), relation, "{x:?} {y:?}");
    }
    // In the notch of an L there is nothing of it, though its box is around.
    let notch = vec![
        [0.0, 0.0],
        [10.0, 0.0],
        [10.0, 2.0],
        [2.0, 2.0],
        [2.0, 10.0],
        [0.0, 10.0],
    ];
    let b = kept(rectangle([3.0, 9.0], [3.0, 9.0]));
    assert_eq!(b.relation(&kept(notch)), Relation::Apart);
    let flat = kept(rectangle([3.0, 9.0], [3.0, 3.0]));
    assert_eq!(flat.relation(&a), Relation::Apart);
}

#[test]
fn lines_are_measured() {
    assert_eq!(length(&[1.0, 3.0, 4.0, 4.5]), 2.5);
    assert_eq!(common(&[0.0, 4.0, 6.0, 9.0], &[3.0, 7.0, 8.0, 20.0]), 3.0);
    assert_eq!(common(&[0.0, 1.0], &[1.0, 2.0]), 0.0);
    let square = rectangle([1.0, 3.0], [0.0, 2.0]);
    assert_eq!(
        crossings(&square, &[-0.5, 0.0, 0.5, 1.5, 2.0, 2.5]),
        [
            vec![],
            vec![1.0, 3.0],
            vec![1.0, 3.0],
            vec![1.0, 3.0],
            vec![],
            vec![]
        ]
    );
}

#[test]
fn a_comparison_takes_the_points_lines_and_crossings_of_both_if_their_boxes_meet() {
    // 4 points, 128 lines and two crossings on each: 388.
    let a = kept(rectangle([0.0, 10.0], [0.0, 10.0]));
    assert_eq!(a.measured.cost, 388);
    for (x, y, cost) in [
        ([5.0, 15.0], [5.0, 15.0], 776),
        ([2.0, 3.0], [2.0, 3.0], 776),
        ([10.0, 15.0], [0.0, 10.0], 0),
        ([0.0, 10.0], [10.0, 15.0], 0),
        ([12.0, 15.0], [0.0, 10.0], 0),
        ([0.0, 10.0], [-9.0, -1.0], 0),
    ] {
        let b = kept(rectangle(x, y));
        assert_eq!(
            (a.compare_cost(&b), b.compare_cost(&a)),
            (cost, cost),
            "{x:?} {y:?}"
        );
    }
}

fn placed(number: usize, x: [f64; 2], y: [f64; 2]) -> Placed {
    Placed {
        number,
        position: 0.0,
        points: rectangle(x, y),
        exclusive_or: false,
    }
}

fn painted_of(contours: Vec<Placed>, mut budget: usize) -> Result<(Vec<Paint>, bool), String> {
    let (outlines, overlap) =
        outlines(contours, &mut budget, &CancelToken::default()).map_err(String::from)?;
    Ok((outlines.iter().map(|o| o.paint).collect(), overlap))
}

#[test]
fn contours_that_lie_apart_cost_one_step_each_and_others_their_comparison() {
    let apart = || {
        vec![
            placed(1, [0.0, 1.0], [0.0, 1.0]),
            placed(2, [5.0, 6.0], [0.0, 1.0]),
        ]
    };
    assert!(painted_of(apart(), 1).is_ok());
    assert_eq!(
        painted_of(apart(), 0).unwrap_err(),
        "too many contours lie in one another"
    );
    let nested = || {
        vec![
            placed(1, [0.0, 9.0], [0.0, 9.0]),
            placed(2, [5.0, 6.0], [2.0, 3.0]),
        ]
    };
    assert_eq!(
        painted_of(nested(), 777).unwrap(),
        (vec![Paint::Set, Paint::Clear], false)
    );
    assert!(painted_of(nested(), 776).is_err());
}

#[test]
fn contours_that_overlap_are_one_part_and_what_lies_in_it_is_a_hole() {
    // The largest stands alone; the next two overlap, and the last one lies where they do.
    let contours = vec![
        placed(1, [100.0, 130.0], [0.0, 30.0]),
        placed(2, [0.0, 20.0], [0.0, 20.0]),
        placed(3, [10.0, 28.0], [0.0, 20.0]),
        placed(4, [12.0, 18.0], [5.0, 15.0]),
    ];
    let (paints, overlap) = painted_of(contours, 1_000_000).unwrap();
    assert!(overlap);
    assert_eq!(paints, [Paint::Set, Paint::Set, Paint::Set, Paint::Clear]);
    // Two groups of two that a fifth contour joins, and a hole in all of them.
    let contours = vec![
        placed(1, [0.0, 20.0], [0.0, 20.0]),
        placed(2, [30.0, 49.0], [0.0, 20.0]),
        placed(3, [10.0, 40.0], [5.0, 15.0]),
        placed(4, [12.0, 18.0], [8.0, 12.0]),
        placed(5, [32.0, 38.0], [8.0, 12.0]),
    ];
    let (paints, overlap) = painted_of(contours, 1_000_000).unwrap();
    assert!(overlap);
    let [set, clear] =
        [Paint::Set, Paint::Clear].map(|p| paints.iter().filter(|q| **q == p).count());
    assert_eq!((set, clear), (3, 2));
}

#[test]
fn slanted_edges_are_crossed_where_they_are() {
    // From (1, 1) over (5, 3) to (1, 5).
    let triangle = [[1.0, 1.0], [5.0, 3.0], [1.0, 5.0]];
    let crossed = crossings(&triangle, &[1.5, 2.0, 2.5, 4.0]);
    assert_eq!(crossed, [[1.0, 2.0], [1.0, 3.0], [1.0, 4.0], [1.0, 3.0]]);
    let measured = Measured::new(&triangle);
    assert!((measured.area - 8.0).abs() < 1e-3, "{}", measured.area);
}
