//! The page for people: what stands on it, where left is, and that nothing from outside becomes markup.

mod bad_input;
mod browser;
mod c_abi;
mod drawn;
mod published;
mod sheet;

use crate::support::{runtime, tiny_bundle};
use dlnms::evidence::pictures::{self, OUTSIDE, Pictures, SIDE};
use dlnms::imaging::roi::Roi;
use dlnms::imaging::{DType, IDENTITY, ImageGrid, VolumeView};
use dlnms::report::page::{Page, PageOptions};
use dlnms::scorer::{CancelToken, Case, LesionRequest, Scorer, ScorerOptions};

/// Voxels along each axis of the volumes here.
const N: usize = 100;

/// Markers of one colour: left and anterior in the axial plane through the origin, left and superior in the coronal, anterior and
/// superior in the sagittal; LPS mm.
const MARKERS: [[f64; 3]; 3] = [[30.0, -40.0, 0.0], [30.0, 0.0, 20.0], [0.0, -40.0, 20.0]];

/// A lesion around the origin, and the markers.
fn suv(p: [f64; 3]) -> f32 {
    let near = |m: &[f64; 3], mm: f64| (0..3).all(|a| (p[a] - m[a]).abs() <= mm);
    if near(&[0.0; 3], 8.0) {
        6.0
    } else if MARKERS.iter().any(|m| near(m, 5.0)) {
        3.0
    } else {
        0.5
    }
}

/// A grid of 2 mm around the origin with these axes.
fn grid(direction: [[f64; 3]; 3]) -> ImageGrid<'static> {
    let half = 2.0 * (N as f64 - 1.0) / 2.0;
    let origin = std::array::from_fn(|r| -(0..3).map(|a| direction[r][a] * half).sum::<f64>());
    ImageGrid {
        dims: [N; 3],
        origin,
        spacing: [2.0; 3],
        direction,
        slice_offsets: None,
    }
}

fn voxels(grid: &ImageGrid<'_>, value: impl Fn([f64; 3]) -> f32) -> Vec<u8> {
    let index = |n: usize| [n % N, n / N % N, n / N / N].map(|i| i as f64);
    let values = (0..N * N * N).map(|n| value(grid.index_to_lps(index(n))));
    values.flat_map(f32::to_ne_bytes).collect()
}

/// PET with the lesion and the markers, and a CT in which they are soft tissue in lung.
struct Volumes {
    grid: ImageGrid<'static>,
    pet: Vec<u8>,
    ct: Vec<u8>,
}

impl Volumes {
    fn new(direction: [[f64; 3]; 3]) -> Self {
        let grid = grid(direction);
        let hu = |p| if suv(p) > 1.0 { 40.0 } else { -800.0 };
        Self {
            grid,
            pet: voxels(&grid, suv),
            ct: voxels(&grid, hu),
        }
    }

    fn case<'a>(&'a self, roi: Roi<'a>) -> Case<'a> {
        let view = |bytes, name| VolumeView::packed(bytes, DType::F32, self.grid, name).unwrap();
        let mut case = Case::new(view(&self.ct, "ct"), view(&self.pet, "pet"), roi);
        case.lesion = Some(LesionRequest {
            radius_mm: 15.0,
            ..LesionRequest::default()
        });
        case.pictures = true;
        case
    }
}

fn sampled(volumes: &Volumes, roi: Roi<'_>) -> Pictures {
    let case = volumes.case(roi);
    pictures::sample(&case, &case.roi.extent().unwrap(), &[]).unwrap()
}

fn scorer() -> Scorer {
    Scorer::new(runtime(), &tiny_bundle(), ScorerOptions::default()).unwrap()
}

fn page(case: &Case<'_>, options: &PageOptions) -> Page {
    let scores = scorer().score(case, &CancelToken::default()).unwrap();
    Page::new(&scores, &[], options).unwrap()
}

/// Mean column and row of the samples that are `wanted`.
fn middle(samples: impl Iterator<Item = bool>) -> [f64; 2] {
    let (mut n, mut sum) = (0.0, [0.0; 2]);
    for (i, _) in samples.enumerate().filter(|(_, wanted)| *wanted) {
        n += 1.0;
        sum = [sum[0] + (i % SIDE) as f64, sum[1] + (i / SIDE) as f64];
    }
    assert!(n > 0.0, "no sample is wanted");
    sum.map(|s| s / n)
}

/// Where the markers are, samples from the centre to the right and down: left of the patient is right in the picture.
const PLACES: [[f64; 2]; 3] = [[60.0, -80.0], [60.0, -40.0], [-80.0, -40.0]];

#[test]
fn left_anterior_and_superior_are_where_radiologists_look_for_them() {
    let (s, c) = 0.2f64.sin_cos();
    let directions = [
        IDENTITY,
        [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]],
        [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]],
        [[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]],
    ];
    for direction in directions {
        let volumes = Volumes::new(direction);
        let pictures = sampled(&volumes, Roi::Point([0.0; 3]));
        for (picture, place) in pictures.planes.iter().zip(PLACES) {
            for (values, range) in [(&picture.pet, 2.0..4.0), (&picture.ct, 0.0..100.0)] {
                // The lesion, which is bright on CT too, is left out.
                let marker = |(i, v): (usize, &f32)| {
                    let from_center = [i % SIDE, i / SIDE].map(|n| (n as f64 - 160.0).abs());
                    range.contains(v) && from_center.iter().any(|d| *d > 20.0)
                };
                let [column, row] = middle(values.iter().enumerate().map(marker));
                let expected = place.map(|d| d + 160.0);
                assert!(
                    (column - expected[0]).abs() < 2.5 && (row - expected[1]).abs() < 2.5,
                    "{} {direction:?}: {column} {row}, not {expected:?}",
                    picture.plane
                );
            }
        }
    }
}

#[test]
fn the_files_of_the_page_show_what_was_sampled() {
    let volumes = Volumes::new(IDENTITY);
    let case = volumes.case(Roi::Point([0.0; 3]));
    let page = page(&case, &PageOptions::default());
    let images = page.images.as_ref().unwrap();
    for (plane, place) in images.planes.iter().zip(PLACES) {
        let decoder = png::Decoder::new(std::io::Cursor::new(&plane.png[2]));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels.len(), SIDE * SIDE, "one byte of palette a pixel");
        // SUV 3 of 10 in inverse grey, without the lesion's edge.
        let marker = |(i, v): (usize, &u8)| {
            let off = [i % SIDE, i / SIDE].map(|n| (n as f64 - 160.0).abs());
            (150..=200).contains(v) && off.iter().any(|d| *d > 20.0)
        };
        let [column, row] = middle(pixels.iter().enumerate().map(marker));
        let far = (column - 160.0 - place[0]).hypot(row - 160.0 - place[1]);
        assert!(far < 4.0, "{}: {column} {row}", plane.plane);
    }
    let letters: Vec<String> = images
        .planes
        .iter()
        .map(|p| p.letters.iter().collect())
        .collect();
    assert_eq!(
        letters,
        ["RLAP", "RLSI", "APSI"],
        "left, right, top, bottom"
    );
}

#[test]
fn the_lesion_and_the_mask_are_outlined_at_their_edges() {
    let volumes = Volumes::new(IDENTITY);
    // The lesion reaches from -7 to 7 mm, voxel centres at odd millimetres; the outline runs half way to the next.
    let pictures = sampled(&volumes, Roi::Point([0.0; 3]));
    for picture in &pictures.planes {
        assert_eq!(picture.lesion.len(), 1, "{}", picture.plane);
        assert!(picture.roi.is_empty());
        let line = &picture.lesion[0];
        assert_eq!(line.first(), line.last());
        for [x, y] in line {
            assert!((x.abs().max(y.abs()) - 8.0).abs() < 0.8, "{x} {y}");
        }
    }
    // A mask on a grid of its own: 1 mm, a block from 4 to 14 mm to the left.
    let fine = ImageGrid {
        dims: [40; 3],
        origin: [-19.5; 3],
        spacing: [1.0; 3],
        direction: IDENTITY,
        slice_offsets: None,
    };
    let inside = |n: usize| {
        let p = fine.index_to_lps([n % 40, n / 40 % 40, n / 1600].map(|i| i as f64));
        (4.0..14.0).contains(&p[0]) && p[1].abs() < 5.0 && p[2].abs() < 5.0
    };
    let mask: Vec<u8> = (0..64_000).map(|n| u8::from(inside(n)) * 255).collect();
    let mask = VolumeView::packed(&mask, DType::U8, fine, "mask").unwrap();
    let axial = &sampled(&volumes, Roi::Mask(mask)).planes[0];
    let ends = |n: usize| {
        let values = axial.roi[0].iter().map(|p| p[n]);
        let low = values.clone().fold(f32::INFINITY, f32::min);
        [low, values.fold(f32::NEG_INFINITY, f32::max)]
    };
    // Around its own centroid.
    for end in [ends(0), ends(1)] {
        assert!(
            (end[0] + 5.0).abs() < 0.6 && (end[1] - 5.0).abs() < 0.6,
            "{end:?}"
        );
    }
    let boxed = Roi::Box([-10.0, 5.0, -3.0], [10.0, -5.0, 3.0]);
    let sagittal = &sampled(&volumes, boxed).planes[2];
    let corners = vec![
        [-5.0, 3.0],
        [5.0, 3.0],
        [5.0, -3.0],
        [-5.0, -3.0],
        [-5.0, 3.0],
    ];
    assert_eq!(sagittal.roi, [corners]);
}

#[test]
fn at_the_border_of_a_volume_there_is_nothing_and_that_is_seen() {
    let volumes = Volumes::new(IDENTITY);
    let pictures = sampled(&volumes, Roi::Point([90.0, 0.0, 0.0]));
    let axial = &pictures.planes[0];
    // The volume ends 10 mm to the left of the centre.
    for (values, row) in [(&axial.ct, 10), (&axial.pet, 310)] {
        assert_eq!(
            values[row * SIDE + 179],
            if values == &axial.ct { -800.0 } else { 0.5 }
        );
        assert_eq!(values[row * SIDE + 182], OUTSIDE);
    }
}

#[test]
fn pictures_change_no_bit_of_a_score() {
    let volumes = Volumes::new(IDENTITY);
    let mut case = volumes.case(Roi::Point([0.0; 3]));
    let scorer = scorer();
    let with = scorer.score(&case, &CancelToken::default()).unwrap();
    case.pictures = false;
    let without = scorer.score(&case, &CancelToken::default()).unwrap();
    assert_eq!(with.heads, without.heads);
    assert_eq!(with.lesion, without.lesion);
    assert!(matches!(with.pictures, Some(Ok(_))) && without.pictures.is_none());
}
