//! Texture features against the reference values of the Image Biomarker Standardisation Initiative.

use crate::support;
use dlnms::Error;
use dlnms::evidence::texture::{
    DirectionalMerge, Feature, GrayLevels, SliceMerge, Texture, TextureRequest, intensity_features,
    level_features,
};
use dlnms::imaging::roi::{Roi, Seed};
use dlnms::imaging::{DType, IDENTITY, Volume};
use dlnms::scorer::{Case, LesionRequest, texture};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// Families of features that the library computes, by the first part of their names.
const FAMILIES: [&str; 6] = ["stat", "ih", "cm", "rlm", "szm", "ngt"];

/// Reads a volume of the digital phantom as numbers, the first axis fastest.
fn phantom(path: &std::path::Path) -> ([usize; 3], Vec<f64>) {
    let volume = dlnms::readers::read(path).unwrap();
    let view = volume.view("phantom").unwrap();
    let [nx, ny, nz] = volume.dims;
    let all = (0..nz).flat_map(|k| (0..ny).flat_map(move |j| (0..nx).map(move |i| [i, j, k])));
    (volume.dims, all.map(|v| view.value(v)).collect())
}

#[test]
fn the_digital_phantom_has_every_reference_value_within_its_tolerance() {
    let Some(folder) = support::shared("truth/ibsi") else {
        return;
    };
    let (dims, image) = phantom(&folder.join("digital_phantom.nii.gz"));
    let (mask_dims, mask) = phantom(&folder.join("digital_mask.nii.gz"));
    assert_eq!((dims, mask_dims), ([5, 4, 4], [5, 4, 4]));
    let levels = image
        .iter()
        .zip(&mask)
        .map(|(v, m)| if *m != 0.0 { *v as u16 } else { 0 });
    let levels = GrayLevels::new(dims, levels.collect()).unwrap();
    assert_eq!((levels.voxels(), levels.highest()), (74, 6));
    let inside = image.iter().zip(&mask).filter(|(_, m)| **m != 0.0);
    let intensities: Vec<f64> = inside.map(|(v, _)| *v).collect();

    let mut features = intensity_features(&intensities).unwrap();
    // Each of the six ways of merging directions once, with one of the three of slices.
    for (n, directional) in DirectionalMerge::ALL.into_iter().enumerate() {
        features.extend(level_features(&levels, directional, SliceMerge::ALL[n / 2]));
    }
    let value: BTreeMap<String, f64> = features
        .into_iter()
        .map(|f| (f.name, f.value.unwrap()))
        .collect();

    let table = std::fs::read_to_string(folder.join("ibsi_1_dig_phantom_reference.csv")).unwrap();
    let (mut compared, mut wrong) = (0, Vec::new());
    for line in table.lines().skip(1) {
        let [reference, tolerance, name] = line.split(';').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        if !FAMILIES.contains(&name.split('_').next().unwrap()) {
            continue;
        }
        compared += 1;
        let Some(ours) = value.get(name) else {
            wrong.push(format!("{name}: not computed"));
            continue;
        };
        let expected: f64 = reference.parse().unwrap();
        // A tolerance of 0 means the digits that are printed: three, or an integer.
        let last_digit = match (reference.split_once('.'), expected) {
            (Some((_, decimals)), _) => 10f64.powi(-(decimals.len() as i32)),
            (None, 0.0) => 0.0,
            (None, _) => 10f64.powf(expected.abs().log10().floor() - 2.0).max(1e-2),
        };
        let tolerance = tolerance.parse::<f64>().unwrap().max(0.501 * last_digit);
        if (ours - expected).abs() > tolerance {
            wrong.push(format!("{name}: {ours}, reference {reference}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {compared}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert_eq!((compared, value.len()), (350, 350));
}

/// Returns the features of a region by name.
fn by_name(features: Vec<Feature>) -> BTreeMap<String, Option<f64>> {
    features.into_iter().map(|f| (f.name, f.value)).collect()
}

#[test]
fn what_a_region_does_not_define_is_none() {
    let one_voxel = GrayLevels::new([1, 1, 1], vec![3]).unwrap();
    let features = level_features(
        &one_voxel,
        DirectionalMerge::VolumeMerged,
        SliceMerge::Volume,
    );
    let features = by_name(features);
    for name in [
        "ih_skew",
        "cm_joint_max_3D_comb",
        "cm_corr_3D_comb",
        "ngt_contrast_3D",
    ] {
        assert_eq!(features[name], None, "{name}");
    }
    for (name, value) in [
        ("ih_mean", 3.0),
        ("ih_mode", 3.0),
        ("ih_entropy", 0.0),
        ("ih_max_grad", 1.0),
        ("rlm_sre_3D_comb", 1.0),
        ("rlm_r_perc_3D_comb", 1.0),
        ("szm_z_perc_3D", 1.0),
    ] {
        assert_eq!(features[name], Some(value), "{name}");
    }
}

#[test]
fn a_flat_region_has_texture_but_no_correlation() {
    let flat = GrayLevels::new([3, 3, 3], vec![1; 27]).unwrap();
    let features = by_name(level_features(
        &flat,
        DirectionalMerge::VolumeMerged,
        SliceMerge::Volume,
    ));
    assert_eq!(features["cm_joint_max_3D_comb"], Some(1.0));
    assert_eq!(features["cm_corr_3D_comb"], None);
    assert_eq!(features["cm_info_corr1_3D_comb"], None);
    assert_eq!(features["ih_max_grad"], None);
    assert_eq!(features["szm_lze_3D"], Some(27.0 * 27.0));
    assert_eq!(features["ngt_busyness_3D"], None);
    assert!(features.values().flatten().all(|v| v.is_finite()));
}

/// A volume of 32-bit floats with equal steps, centred at the patient's origin.
fn volume(dims: [usize; 3], spacing: f64, value: impl Fn([f64; 3]) -> f32) -> Volume {
    let mut volume = Volume {
        data: Vec::new(),
        dtype: DType::F32,
        dims,
        origin: dims.map(|n| -spacing * (n as f64 - 1.0) / 2.0),
        spacing: [spacing; 3],
        direction: IDENTITY,
        slice_offsets: Vec::new(),
        slopes: vec![1.0; dims[2]],
        intercept: 0.0,
        padding: None,
    };
    let grid = volume.grid();
    let all = (0..dims[2])
        .flat_map(|k| (0..dims[1]).flat_map(move |j| (0..dims[0]).map(move |i| [i, j, k])));
    let values = all.map(|v| value(grid.index_to_lps(v.map(|n| n as f64))));
    volume.data = values.flat_map(f32::to_ne_bytes).collect();
    volume
}

/// A PET of 4 mm with SUV 8 in a cube of 24 mm, and a CT of 2 mm whose HU rise by 10 a millimetre along each axis.
fn cube() -> (Volume, Volume) {
    let inside = |p: [f64; 3]| p.iter().all(|v| v.abs() < 12.0);
    let pet = volume([20, 20, 20], 4.0, |p| if inside(p) { 8.0 } else { 1.0 });
    let ct = volume([40, 40, 40], 2.0, |p| (10.0 * (p[0] + p[1] + p[2])) as f32);
    (pet, ct)
}

fn measured(
    pet: &Volume,
    ct: &Volume,
    roi: Roi<'_>,
    request: &TextureRequest,
) -> Result<Texture, Error> {
    let case = Case::new(ct.view("ct")?, pet.view("pet")?, roi);
    texture(&case, &LesionRequest::default(), request)
}

#[test]
fn a_lesion_is_sampled_every_two_millimetres_of_both_images() {
    let (pet, ct) = cube();
    let seed = Roi::Seed(Seed {
        point: [1.0, 2.0, 3.0],
        radius_mm: 30.0,
        delineation: Default::default(),
    });
    let texture = measured(&pet, &ct, seed, &TextureRequest::default()).unwrap();
    // 6 voxels of 4 mm an axis: 13 points from face to face. Those on the faces weigh one half; on an edge of the cube,
    // where two faces meet, a quarter, and at the corners an eighth, which is too little.
    assert_eq!(texture.outlined_by, "pet");
    assert_eq!(texture.pet.points, 11usize.pow(3) + 6 * 11 * 11);
    assert_eq!(texture.ct.points, texture.pet.points);
    assert_eq!(
        (
            texture.pet.points_without_value,
            texture.ct.points_without_value
        ),
        (0, 0)
    );
    let [pet, ct] = [texture.pet, texture.ct].map(|t| (t.levels, by_name(t.features)));
    let close = |value: Option<f64>, expected: f64| (value.unwrap() - expected).abs() < 1e-3;
    // On the faces SUV is half-way between 8 and 1: level 10 of 0.5 SUV; inside 17.
    assert_eq!(
        (pet.0, pet.1["ih_min"], pet.1["ih_max"]),
        (17, Some(10.0), Some(17.0))
    );
    assert!(close(pet.1["stat_min"], 4.5) && close(pet.1["stat_max"], 8.0));
    let mean = (11.0f64.powi(3) * 8.0 + 6.0 * 121.0 * 4.5) / (11.0f64.powi(3) + 726.0);
    assert!(close(pet.1["stat_mean"], mean), "{:?}", pet.1["stat_mean"]);
    // HU are linear, so interpolation is exact, and symmetric around 0. Their extremes lie at (12, 10, 10).
    assert!(
        close(ct.1["stat_mean"], 0.0) && close(ct.1["stat_max"], 320.0),
        "{:?}",
        ct.1["stat_max"]
    );
    assert!(close(ct.1["stat_min"], -320.0));
    assert_eq!(
        ct.1["ih_max"],
        Some(f64::from(((1000 + 320) / 25 + 1) as u16))
    );
}

#[test]
fn a_mask_decides_by_itself_which_points_belong() {
    let (pet, ct) = cube();
    let mask = volume([40, 40, 40], 2.0, |p| {
        f32::from(p.iter().all(|v| v.abs() < 5.0))
    });
    let roi = Roi::Mask(mask.view("mask").unwrap());
    let texture = measured(&pet, &ct, roi, &TextureRequest::default()).unwrap();
    // Voxels at -5 .. 5 without the ends: 4 an axis, from -4 to 4 mm: 5 points, those on the faces with weight one half.
    assert_eq!(texture.outlined_by, "mask");
    assert_eq!(texture.pet.points, 27 + 6 * 9);
    let features = by_name(texture.pet.features);
    assert_eq!(
        (features["stat_var"], features["stat_skew"]),
        (Some(0.0), None)
    );
}

#[test]
fn points_beyond_the_ct_are_counted_and_count_nowhere() {
    let (pet, _) = cube();
    // The CT ends at x = 2 mm.
    let mut ct = volume([22, 40, 40], 2.0, |_| 30.0);
    ct.origin[0] = -41.0;
    let roi = Roi::Point([0.0; 3]);
    let texture = measured(&pet, &ct, roi, &TextureRequest::default()).unwrap();
    assert!(texture.ct.points_without_value > 0);
    assert_eq!(
        texture.ct.points + texture.ct.points_without_value,
        texture.pet.points
    );
    assert_eq!(by_name(texture.ct.features)["stat_mean"], Some(30.0));
}

#[test]
fn what_cannot_be_measured_is_refused_by_name() {
    let (pet, ct) = cube();
    let refusal =
        |request: TextureRequest, roi| measured(&pet, &ct, roi, &request).unwrap_err().to_string();
    let seed = || Roi::Point([0.0; 3]);
    let default = TextureRequest::default;
    for (request, name) in [
        (
            TextureRequest {
                spacing_mm: 0.0,
                ..default()
            },
            "texture.spacing_mm",
        ),
        (
            TextureRequest {
                spacing_mm: f64::NAN,
                ..default()
            },
            "texture.spacing_mm",
        ),
        (
            TextureRequest {
                pet_bin_suv: -1.0,
                ..default()
            },
            "texture.pet_bin_suv",
        ),
        (
            TextureRequest {
                ct_bin_hu: f64::INFINITY,
                ..default()
            },
            "texture.ct_bin_hu",
        ),
    ] {
        let text = refusal(request, seed());
        assert!(text.contains(name), "{text}");
    }
    // 3,000 HU in bins of one HU are too many levels.
    let bright = volume([40, 40, 40], 2.0, |_| 3000.0);
    let fine = TextureRequest {
        ct_bin_hu: 1.0,
        ..default()
    };
    let text = measured(&pet, &bright, seed(), &fine)
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("1025 gray levels; at most 1024: take a wider bin"),
        "{text}"
    );
    let empty = volume([40, 40, 40], 2.0, |_| 0.0);
    assert!(matches!(
        measured(
            &pet,
            &ct,
            Roi::Mask(empty.view("mask").unwrap()),
            &default()
        ),
        Err(Error::RoiEmpty)
    ));
    let organ = volume([200, 10, 10], 2.0, |_| 1.0);
    let text = refusal(default(), Roi::Mask(organ.view("mask").unwrap()));
    assert!(
        text.contains("400 x 20 x 20 mm is too large for its texture at 2 mm"),
        "{text}"
    );
}

#[test]
fn the_program_measures_a_real_lesion() {
    let Some(study) = support::shared("data/petct/a_paired/acrin042") else {
        return;
    };
    let run = |more: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_dlnms"))
            .arg("texture")
            .args(["--ct".as_ref(), study.join("ct").as_os_str()])
            .args(["--pet".as_ref(), study.join("pet_ac").as_os_str()])
            .args([
                "--seed=-42.3,-14.6,-122.1",
                "--threshold",
                "4",
                "--json",
                "-",
            ])
            .args(more)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let json = run(&[]);
    assert_eq!(json["research_use_only"], true);
    let lesion = &json["lesions"][0];
    let feature = |modality: &str, name: &str| {
        let features = lesion[modality]["features"].as_array().unwrap();
        assert_eq!(features.len(), 18 + 23 + 25 + 16 + 16 + 5);
        let feature = features.iter().find(|f| f["name"] == name).unwrap();
        feature["value"].as_f64().unwrap()
    };
    // The lesion has 62.95 ml and SUVmax 42.217 on native voxels; interpolated values do not pass the maximum.
    let ml = lesion["pet"]["points"].as_f64().unwrap() * 8.0 / 1000.0;
    assert!((ml / 62.95 - 1.0).abs() < 0.02, "{ml}");
    let highest = feature("pet", "stat_max");
    assert!((40.0..=42.217).contains(&highest), "{highest}");
    assert_eq!(lesion["pet"]["levels"], (highest / 0.5).floor() + 1.0);
    // Most of it is soft tissue.
    assert!((-50.0..80.0).contains(&feature("ct", "stat_median")));
    let coarse = &run(&["--pet-bin", "5"])["lesions"][0]["pet"]["levels"];
    assert_eq!(*coarse, (highest / 5.0).floor() + 1.0);
}
