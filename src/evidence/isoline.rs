//! Isolines of values on a square lattice (marching squares).
//!
//! Crates that do this draw filled polygons for maps and bring the types of maps along; a closed line is all that is needed
//! here.

use std::collections::HashMap;

/// Returns the lines along which values of a lattice are 0.5, as chains of `[column, row]` in lattice steps. A chain that is
/// closed ends where it begins. `values` are the rows of a lattice of `side` by `side`; all are finite.
pub(super) fn isolines(values: &[f32], side: usize) -> Vec<Vec<[f32; 2]>> {
    let mut links: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut points: HashMap<usize, [f32; 2]> = HashMap::new();
    for row in 0..side.saturating_sub(1) {
        for column in 0..side - 1 {
            for [a, b] in cell_segments(values, side, column, row) {
                for edge in [a, b] {
                    points
                        .entry(edge)
                        .or_insert_with(|| crossing(values, side, edge));
                }
                links.entry(a).or_default().push(b);
                links.entry(b).or_default().push(a);
            }
        }
    }
    let chains = chains(&mut links);
    let point = |edge: usize| points.get(&edge).copied().unwrap_or_default();
    chains
        .into_iter()
        .map(|chain| chain.into_iter().map(point).collect())
        .collect()
}

/// Number of the edge from a lattice point to its right neighbour, or to the one below.
fn edge(side: usize, column: usize, row: usize, down: bool) -> usize {
    2 * (row * side + column) + usize::from(down)
}

/// Where the value on an edge is 0.5, by linear interpolation.
fn crossing(values: &[f32], side: usize, edge: usize) -> [f32; 2] {
    let (at, down) = (edge / 2, edge % 2 == 1);
    let next = at + if down { side } else { 1 };
    let (a, b) = (values[at], values[next]);
    let t = (0.5 - a) / (b - a);
    let (column, row) = ((at % side) as f32, (at / side) as f32);
    if down {
        [column, row + t]
    } else {
        [column + t, row]
    }
}

/// The line segments of one cell, each between two of its edges.
fn cell_segments(values: &[f32], side: usize, column: usize, row: usize) -> Vec<[usize; 2]> {
    let at = |c: usize, r: usize| values[(row + r) * side + column + c];
    let corners = [at(0, 0), at(1, 0), at(1, 1), at(0, 1)];
    let above: [bool; 4] = corners.map(|v| v >= 0.5);
    let top = edge(side, column, row, false);
    let right = edge(side, column + 1, row, true);
    let bottom = edge(side, column, row + 1, false);
    let left = edge(side, column, row, true);
    let edges = [top, right, bottom, left];
    // An edge is crossed if its two corners differ.
    let crossed: Vec<usize> = (0..4)
        .filter(|n| above[*n] != above[(n + 1) % 4])
        .map(|n| edges[n])
        .collect();
    match crossed[..] {
        [a, b] => vec![[a, b]],
        [_, _, _, _] => {
            // A saddle: the middle says which corners hang together.
            let middle = corners.iter().sum::<f32>() / 4.0 >= 0.5;
            if middle == above[0] {
                vec![[top, right], [bottom, left]]
            } else {
                vec![[left, top], [right, bottom]]
            }
        }
        _ => Vec::new(),
    }
}

/// Takes links apart into chains: open ones first, from their ends, then the closed ones.
fn chains(links: &mut HashMap<usize, Vec<usize>>) -> Vec<Vec<usize>> {
    let mut starts: Vec<usize> = links.keys().copied().collect();
    starts.sort_unstable_by_key(|edge| (links[edge].len() != 1, *edge));
    let mut found = Vec::new();
    for start in starts {
        let mut chain = vec![start];
        let mut here = start;
        while let Some(next) = links.get_mut(&here).and_then(Vec::pop) {
            if let Some(back) = links.get_mut(&next)
                && let Some(n) = back.iter().position(|edge| *edge == here)
            {
                back.swap_remove(n);
            }
            chain.push(next);
            here = next;
        }
        if chain.len() > 1 {
            found.push(chain);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disc_has_one_closed_line_at_its_edge() {
        let side = 41;
        let value = |n: usize| {
            let (x, y) = ((n % side) as f32 - 20.0, (n / side) as f32 - 18.0);
            (10.5 - x.hypot(y)).clamp(0.0, 1.0)
        };
        let values: Vec<f32> = (0..side * side).map(value).collect();
        let lines = isolines(&values, side);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].first(), lines[0].last());
        for [x, y] in &lines[0] {
            let radius = (x - 20.0).hypot(y - 18.0);
            assert!((radius - 10.0).abs() < 0.1, "{radius}");
        }
    }

    #[test]
    fn lines_that_leave_the_lattice_are_open_and_saddles_are_joined_by_their_middle() {
        let half = [0.0, 1.0, 0.0, 1.0];
        assert_eq!(isolines(&half, 2), [vec![[0.5, 0.0], [0.5, 1.0]]]);
        let apart = [1.0, 0.0, 0.0, 0.9];
        assert_eq!(isolines(&apart, 2).len(), 2);
        let ends = |values: &[f32]| {
            let mut ends: Vec<[f32; 2]> = isolines(values, 2)[0].clone();
            ends.sort_by(|a, b| a.partial_cmp(b).unwrap());
            ends
        };
        // The middle is above 0.5: the two corners below are cut off; else the two above.
        assert_eq!(ends(&[1.0, 0.25, 0.25, 1.0]).len(), 2);
        assert!(isolines(&[0.0; 9], 3).is_empty() && isolines(&[1.0; 9], 3).is_empty());
        assert!(isolines(&[], 0).is_empty());
    }

    #[test]
    fn a_ring_has_two_lines() {
        let side = 31;
        let value = |n: usize| {
            let radius = ((n % side) as f32 - 15.0).hypot((n / side) as f32 - 15.0);
            f32::from((5.0..11.0).contains(&radius))
        };
        let values: Vec<f32> = (0..side * side).map(value).collect();
        let lines = isolines(&values, side);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.first() == line.last()));
    }
}
