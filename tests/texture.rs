//! Texture features against the reference values of the Image Biomarker Standardisation Initiative.

use dlnms::evidence::texture::{
    DirectionalMerge, Feature, GrayLevels, SliceMerge, intensity_features, level_features,
};
use std::collections::BTreeMap;

mod support;

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
    assert_eq!((compared, value.len()), (346, 346));
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
    for name in ["ih_skew", "cm_joint_max_3D_comb", "cm_corr_3D_comb", "ngt_contrast_3D"] {
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
