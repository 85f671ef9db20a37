//! Counts of samples by hand, and limits that are met exactly.

use super::super::tests::{Made, case, codes, found};
use super::*;
use crate::imaging::suv::PetInfo;

impl Tissue {
    /// Tissue whose highest SUV is its mean.
    pub fn with_mean(mean: f64) -> Self {
        Self { mean, max: mean }
    }
}

fn window(tissue: Option<Tissue>) -> Window {
    Window {
        seen: [100; 3],
        empty: [[0; 3]; 2],
        on_ct: [1000, 0],
        tissue,
    }
}

#[test]
fn tissue_is_more_than_50_samples_of_minus_200_to_300_hu() {
    let of = |n: usize, hu: f64, suv: f64| {
        let samples = std::iter::repeat_n((Some(hu), Some(suv)), n);
        let found = Tissue::from_samples(samples);
        found.map(|t| (t.mean, t.max))
    };
    assert_eq!(of(50, 40.0, 2.0), None);
    assert_eq!(of(51, 40.0, 2.0), Some((2.0, 2.0)));
    for (hu, is_tissue) in [
        (-200.0, true),
        (299.9, true),
        (-200.1, false),
        (300.0, false),
    ] {
        assert_eq!(of(60, hu, 1.0).is_some(), is_tissue, "{hu}");
    }
    assert_eq!(of(60, 40.0, f64::NAN), None);
    let mixed = (0..64).map(|n| (Some(0.0), Some(f64::from(n % 4))));
    let beside = [(None, Some(9.0)), (Some(0.0), None)];
    let found = Tissue::from_samples(mixed.chain(beside)).unwrap();
    assert_eq!((found.mean, found.max), (1.5, 3.0));
}

#[test]
fn a_grid_holds_the_centres_of_its_cells() {
    let thirds = [1.0 / 6.0, 0.5, 5.0 / 6.0];
    let mut wanted = Vec::new();
    for z in thirds {
        for y in thirds {
            for x in thirds {
                wanted.push([x, y, z]);
            }
        }
    }
    let found: Vec<[f64; 3]> = grid(3).collect();
    assert_eq!(found.len(), 27);
    for (found, wanted) in found.iter().zip(&wanted) {
        assert!(
            (0..3).all(|a| (found[a] - wanted[a]).abs() < 1e-12),
            "{found:?}"
        );
    }
}

#[test]
fn a_share_is_that_of_all_values_and_0_of_none() {
    let of = |values: &[f64]| share(values.iter().copied(), |v| v > 2.0);
    assert_eq!(of(&[1.0, 2.0, 3.0, 4.0, 5.0]), 0.6);
    assert_eq!(of(&[]), 0.0);
}

#[test]
fn a_plane_of_which_a_quarter_is_padding_is_none_to_speak_of_and_one_of_more_is() {
    let mut window = window(None);
    window.empty = [[25, 26, 0], [0, 25, 100]];
    let found = found(|out| window.check_padding(out));
    let said: Vec<&str> = found.iter().map(|f| f.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "26 % of the coronal CT plane is padding",
            "100 % of the sagittal PET plane is padding"
        ]
    );
    assert!(found.iter().all(|f| f.code == Code::PlanePadding));
}

/// A volume of 8 x 8 x 8 voxels that are looked at all: `n` of the first hundred have one value, the others of them another.
/// What comes after is padding.
fn hundred(n: usize, value: f32, others: f32) -> Vec<u8> {
    let values = (0..512).map(|at| match at {
        at if at < n => value,
        at if at < 100 => others,
        _ => 9999.0,
    });
    values.flat_map(|v| v.to_ne_bytes()).collect()
}

fn swapped(on_ct: [usize; 2], ct: &[u8], pet: &[u8]) -> bool {
    use crate::imaging::roi::Roi;
    use crate::imaging::{DType, IDENTITY, ImageGrid};
    let grid = ImageGrid {
        dims: [8; 3],
        origin: [0.0; 3],
        spacing: [4.0; 3],
        direction: IDENTITY,
        slice_offsets: None,
    };
    let view = |bytes, name| {
        let mut view = VolumeView::packed(bytes, DType::F32, grid, name).unwrap();
        view.padding = Some([9999.0; 2]);
        view
    };
    let case = Case::new(view(ct, "ct"), view(pet, "pet"), Roi::Point([0.0; 3]));
    let window = Window {
        on_ct,
        ..window(None)
    };
    let mut answer = None;
    let codes = codes(|out| answer = Some(window.check_modalities(&case, out)));
    assert_eq!(codes == [Code::ModalitiesSwapped], answer == Some(true));
    answer == Some(true)
}

#[test]
fn a_pet_with_5_percent_of_air_and_a_ct_with_less_than_1_percent_look_swapped() {
    let (no_air, air) = (hundred(0, 0.0, 3.0), hundred(5, -800.0, 40.0));
    assert!(swapped([1000, 0], &no_air, &air));
    assert!(!swapped([1000, 0], &no_air, &hundred(4, -800.0, 40.0)));
    assert!(!swapped([1000, 0], &hundred(1, -800.0, 3.0), &air));
    // Around the centre, 1 % of the CT may be fat, lung or air.
    assert!(swapped([1000, 10], &no_air, &air));
    assert!(!swapped([1000, 11], &no_air, &air));
    assert!(swapped([10, 0], &no_air, &air));
    assert!(!swapped([10, 1], &no_air, &air));
    // 95 % of what is taken for a CT have the values of one.
    let with = |n: usize| {
        let mut pet = hundred(5, -800.0, 40.0);
        for voxel in pet.chunks_exact_mut(4).skip(5).take(n) {
            voxel.copy_from_slice(&5000f32.to_ne_bytes());
        }
        pet
    };
    assert!(swapped([1000, 0], &no_air, &with(5)));
    assert!(!swapped([1000, 0], &no_air, &with(6)));
}

#[test]
fn suv_that_cannot_be_has_a_mean_above_50_or_a_maximum_above_1000() {
    // A body too small for samples of its own.
    let (ct, pet) = (Made::new(3, 1.0, |_| -1000.0), Made::new(3, 1.0, |_| 0.0));
    let of = |mean: f64, max: f64, info: Option<&PetInfo>| {
        let mut case = case(&ct, &pet);
        case.pet_info = info;
        let window = window(Some(Tissue { mean, max }));
        codes(|out| {
            window.check_suv(&case, &[], out);
        })
    };
    assert_eq!(of(15.0, 1000.0, None), []);
    assert_eq!(of(15.0, 1000.5, None), [Code::PetNotSuv]);
    assert_eq!(of(50.0, 50.0, None), [Code::SuvImplausible]);
    assert_eq!(of(50.5, 50.5, None), [Code::PetNotSuv]);
    // Where SUV was computed, it is the factor that is wrong.
    let activity = PetInfo {
        units: Units::Bqml,
        ..PetInfo::already_suv(3)
    };
    assert_eq!(of(50.5, 2000.0, Some(&activity)), [Code::SuvImplausible]);
    assert_eq!(of(100.0, 100.0, Some(&activity)), [Code::SuvImplausible]);
    assert_eq!(of(101.0, 101.0, Some(&activity)), [Code::SuvScale]);
    assert_eq!(of(0.1, 0.1, None), []);
    assert_eq!(of(0.099, 0.1, None), [Code::SuvImplausible]);
    assert_eq!(of(0.01, 0.1, None), [Code::SuvImplausible]);
    assert_eq!(of(0.0099, 0.1, None), [Code::SuvScale]);
}

#[test]
fn tissue_below_a_tenth_may_be_a_table_and_the_body_counts() {
    let (ct, pet) = (Made::new(13, 20.0, |_| 40.0), Made::new(13, 20.0, |_| 2.0));
    for (near, mean) in [(0.1, 0.1), (0.099, 2.0), (3.0, 3.0)] {
        let window = window(Some(Tissue::with_mean(near)));
        let found = codes(|out| {
            let tissue = window.check_suv(&case(&ct, &pet), &[], out);
            assert_eq!(tissue.unwrap().mean, mean, "{near}");
        });
        assert_eq!(found, []);
    }
}

#[test]
fn one_suv_is_1_unless_the_mean_cannot_be_one() {
    let of = |mean| Tissue::with_mean(mean).one_suv();
    assert_eq!([0.1, 1.7, 15.0].map(of), [1.0; 3]);
    assert_eq!([0.09, 15.1, 1000.0].map(of), [0.09, 15.1, 1000.0]);
}

fn spec(samples: usize) -> PreprocessSpec {
    let bundle = r#"{"frame":"LPS","center":"point_or_mask_centroid","spacing_mm":1.0,"center_index":1,
        "channels":[{"plane":"axial","rows":"+P","columns":"+L"}],"interpolation":"trilinear","output":2,
        "resize":"bilinear_align_corners","samples":2,
        "pet":{"unit":"SUVbw","outside":0.0,"mean":0.0,"std":1.0},
        "ct":{"unit":"HU","outside":-1000.0,"padding_below":-1024.0,"padding_replacement":-1000.0,"mean":0.0,"std":1.0}}"#;
    PreprocessSpec {
        samples,
        ..serde_json::from_str(bundle).unwrap()
    }
}

#[test]
fn the_planes_are_counted_as_by_hand() {
    // Voxels of 12 mm, one for each sample. HU by columns: padding up to -1, none at 0, no fat at 1, fat at 2, then tissue.
    let ct = Made::new(21, 12.0, |[i, ..]| match i {
        ..0 => -1025.0,
        0 => -1024.0,
        1 => -50.0,
        2 => -50.5,
        _ => 40.0,
    });
    // SUV is the number of the column; rows below 0 are outside.
    let pet = Made::new(21, 12.0, |[i, ..]| i as f32);
    let mut case = case(&ct, &pet);
    case.pet = pet.around([0.0, 120.0, 0.0]);
    // The network sees 18 mm on each side: one sample. The tissue is taken up to the fifth.
    let window = Window::sample(&case, [0.0; 3], &[], &spec(36));
    assert_eq!(window.seen, [9; 3]);
    // Column -1 of the axial and the coronal plane; row -1 of the axial and the sagittal one.
    assert_eq!(window.empty, [[3, 3, 0], [3, 0, 3]]);
    // 3 planes of 11 x 11. Below -50 HU: columns -5 to 0 and 2 of two planes, and the third, which lies in column 0.
    assert_eq!(window.on_ct, [363, 2 * 7 * 11 + 121]);
    // Columns 1 to 5, in 6 rows of the axial plane and 11 of the coronal one: a mean of 3.
    let tissue = window.tissue.unwrap();
    assert_eq!((tissue.mean, tissue.max), (3.0, 5.0));
    // Factors of the slices.
    let twice = Window::sample(&case, [0.0; 3], &[2.0; 21], &spec(36));
    assert_eq!(twice.tissue.unwrap().mean, 6.0);
    // 66 mm are five samples and a half.
    let wide = Window::sample(&case, [0.0; 3], &[], &spec(132));
    assert_eq!((wide.seen, wide.on_ct), ([121; 3], window.on_ct));
    // 90 mm are seven.
    let wider = Window::sample(&case, [0.0; 3], &[], &spec(180));
    assert_eq!((wider.seen, wider.on_ct[0]), ([225; 3], 675));
}
