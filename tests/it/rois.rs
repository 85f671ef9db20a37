//! Masks from RTSTRUCT and SEG against plastimatch's rasters and published NIfTI masks.

use crate::support;
use dicom_dictionary_std::tags;
use dlnms::cancel::CancelToken;
use dlnms::imaging::roi::Roi;
use dlnms::imaging::{ImageGrid, Volume};
use dlnms::readers;
use dlnms::readers::dicom::{Archive, Contour, Modality, Segmentation, rtstruct};
use std::path::Path;

fn grid_folder(rtstruct: &str) -> &'static str {
    match rtstruct {
        p if p.starts_with("a_ct_roi") => "a_ct_roi/4dlung_113/ct",
        p if p.starts_with("a_paired/acrin042") => "a_paired/acrin042/ct",
        p if p.contains("STS_001/CT") => "a_paired/ibsi_sts/STS_001/CT/dicom",
        p if p.contains("STS_001/PET") => "a_paired/ibsi_sts/STS_001/PET/dicom",
        p if p.contains("STS_002/CT") => "a_paired/ibsi_sts/STS_002/CT/dicom",
        p if p.contains("STS_002/PET") => "a_paired/ibsi_sts/STS_002/PET/dicom",
        p if p.contains("STS_003/CT") => "a_paired/ibsi_sts/STS_003/CT/dicom",
        p if p.contains("STS_003/PET") => "a_paired/ibsi_sts/STS_003/PET/dicom",
        p if p.contains("DRO_0_0") => "b_pet/suv_dro/DRO_0_0/PT",
        p if p.contains("ct_phantom_pat1") => "d_ibsi/ct_phantom_pat1/dicom",
        p => panic!("{p}"),
    }
}

/// The mask that contours make where each lies on a slice: the even-odd rule over all contours of a slice, ties as
/// plastimatch breaks them. Written apart from the library, for grids on which contours were drawn.
fn drawn_on_slices(contours: &[Contour], grid: &ImageGrid<'_>) -> Vec<u8> {
    let [nx, ny, nz] = grid.dims;
    let mut mask = vec![0u8; nx * ny * nz];
    for contour in contours {
        let near = |v: f64| {
            if (v - v.round()).abs() < 1e-5 {
                v.round()
            } else {
                v
            }
        };
        let index = |p: &[f64; 3]| grid.lps_to_index(*p).map(near);
        let points: Vec<[f64; 3]> = contour.points.iter().map(index).collect();
        let k = points[0][2].round() as usize;
        for j in 0..ny {
            for i in 0..nx {
                let (x, y) = (i as f64, j as f64);
                let mut inside = false;
                for (n, a) in points.iter().enumerate() {
                    let b = &points[(n + 1) % points.len()];
                    if (a[1] <= y) != (b[1] <= y) {
                        // The crossing itself belongs to what lies right of it.
                        let at = a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]);
                        inside ^= at < x;
                    }
                }
                mask[(k * ny + j) * nx + i] ^= u8::from(inside);
            }
        }
    }
    mask
}

fn ml(volume: &Volume) -> f64 {
    let set = volume.data.iter().filter(|v| **v != 0).count();
    set as f64 * volume.grid().voxel_volume_mm3() / 1000.0
}

/// Contours on the grid they were drawn on, the published masks and each other, voxel for voxel.
#[test]
fn masks_on_the_grids_of_their_contours_are_what_they_were() {
    let Some(data) = support::shared("data/petct") else {
        return;
    };
    let sts = |n: u32, m: &str| format!("a_paired/ibsi_sts/STS_00{n}/{m}");
    let mut files: Vec<(String, String, Option<String>)> = vec![
        (
            "a_ct_roi/4dlung_113/rtstruct/1-1.dcm".into(),
            "a_ct_roi/4dlung_113/ct".into(),
            None,
        ),
        (
            "a_paired/acrin042/derived/rtstruct_tumour_suv4_on_ct.dcm".into(),
            "a_paired/acrin042/ct".into(),
            None,
        ),
        (
            "d_ibsi/ct_phantom_pat1/rtstruct/DCM_RS_00060.dcm".into(),
            "d_ibsi/ct_phantom_pat1/dicom".into(),
            Some("d_ibsi/ct_phantom_pat1/nifti/mask.nii.gz".into()),
        ),
        (
            "b_pet/suv_dro/DRO_0_0/RS/RS_dro_0_0.dcm".into(),
            "b_pet/suv_dro/DRO_0_0/PT".into(),
            None,
        ),
    ];
    for n in 1..=3 {
        for m in ["CT", "PET"] {
            files.push((
                format!("{}/rtstruct/RS.dcm", sts(n, m)),
                format!("{}/dicom", sts(n, m)),
                Some(format!("a_paired/ibsi_sts/STS_00{n}/nifti/{m}_mask.nii.gz")),
            ));
        }
    }
    let mut compared = 0;
    for (file, folder, published) in files {
        let pet = folder.contains("/PET/") || folder.ends_with("PT");
        let modality = if pet { Modality::Pt } else { Modality::Ct };
        let series = support::series(&[data.join(folder)], modality).unwrap();
        let grid = series.volume.grid();
        for roi in rtstruct::read(&data.join(&file)).unwrap().rois {
            let mask = roi.mask(&grid, &CancelToken::default()).unwrap();
            assert!(!mask.contours_overlap, "{file} {}", roi.number);
            let differ = |other: &[u8]| {
                let both = mask.volume.data.iter().zip(other);
                both.filter(|(a, b)| (**a != 0) != (**b != 0)).count()
            };
            let off = differ(&drawn_on_slices(&roi.contours, &grid));
            assert_eq!(off, 0, "{file} {}", roi.number);
            compared += 1;
            if let Some(published) = &published {
                let published = readers::read(&data.join(published)).unwrap();
                let view = published.view("mask").unwrap();
                let [nx, ny, nz] = published.dims;
                let values: Vec<u8> = (0..nx * ny * nz)
                    .map(|v| u8::from(view.value([v % nx, v / nx % ny, v / nx / ny]) != 0.0))
                    .collect();
                assert_eq!(published.dims, mask.volume.dims);
                assert_eq!(differ(&values), 0, "{file}: the published mask");
            }
        }
    }
    assert_eq!(compared, 13);
}

/// The grid of every n-th slice of a volume.
fn every(volume: &Volume, n: usize, first: usize) -> Volume {
    let kept: Vec<f64> = (first..volume.dims[2])
        .step_by(n)
        .map(|k| match volume.slice_offsets.get(k) {
            Some(z) => *z,
            None => k as f64 * volume.spacing[2],
        })
        .collect();
    let mut grid = volume.clone();
    grid.origin = volume.grid().index_to_lps([0.0, 0.0, first as f64]);
    grid.spacing[2] *= n as f64;
    grid.dims[2] = kept.len();
    if !volume.slice_offsets.is_empty() {
        grid.slice_offsets = kept.iter().map(|z| z - kept[0]).collect();
    }
    grid
}

#[test]
fn contours_keep_their_volume_on_another_grid() {
    let Some(data) = support::shared("data/petct") else {
        return;
    };
    let acrin = data.join("a_paired/acrin042");
    let ct = support::series(&[acrin.join("ct")], Modality::Ct).unwrap();
    let file = acrin.join("derived/rtstruct_tumour_suv4_on_ct.dcm");
    let gtv = rtstruct::read(&file).unwrap();
    let gtv = gtv.find("GTV_SUV4").unwrap();
    let whole = ml(&gtv
        .mask(&ct.volume.grid(), &CancelToken::default())
        .unwrap()
        .volume);
    println!("ACRIN-042's GTV on every slice: {whole:.3} ml");
    for (n, first) in [(2, 0), (2, 1), (3, 0), (3, 1), (3, 2)] {
        let volume = every(&ct.volume, n, first);
        let got = ml(&gtv
            .mask(&volume.grid(), &CancelToken::default())
            .unwrap()
            .volume);
        println!("on slice {first} and every {n} after it: {got:.3} ml");
        // 58.987 ml; of every third slice the sum itself is 3.4 % off.
        let tolerance = if n == 2 { 0.003 } else { 0.04 };
        assert!((got / whole - 1.0).abs() < tolerance, "{got} of {whole}");
    }
    // The PET's slices lie up to 0.02 mm off the CT's.
    let pet = support::series(&[acrin.join("pet_ac")], Modality::Pt).unwrap();
    let on_pet = gtv
        .mask(&pet.volume.grid(), &CancelToken::default())
        .unwrap()
        .volume;
    // They outline the voxels of the PET that reach SUV 4 (NUMERICS 4).
    assert_eq!(on_pet.data.iter().filter(|v| **v != 0).count(), 876);
    // Tilted grids.
    for angle in [0.15f64, 0.6, std::f64::consts::FRAC_PI_2] {
        let (sin, cos) = angle.sin_cos();
        let tilted = ImageGrid {
            dims: [110, 110, 110],
            origin: std::array::from_fn(|r| {
                let center = [-42.3, -14.6, -122.1];
                let columns = [[1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]];
                center[r] - columns[r].iter().sum::<f64>() * 54.5
            }),
            spacing: [1.0; 3],
            direction: [[1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]],
            slice_offsets: None,
        };
        let mask = gtv.mask(&tilted, &CancelToken::default()).unwrap();
        let center = Roi::Mask(mask.volume.view("mask").unwrap())
            .center()
            .unwrap();
        println!(
            "turned by {angle:.2}: {:.3} ml, centre {center:.2?}",
            ml(&mask.volume)
        );
        // Area and centroid of the polygons themselves, by numpy: no vertex is a tie here.
        assert!((ml(&mask.volume) / 59.086 - 1.0).abs() < 0.01);
        let truth = [-42.696, -14.511, -122.084];
        assert!(
            (0..3).all(|a| (center[a] - truth[a]).abs() < 0.12),
            "{center:?}"
        );
    }
}

#[test]
fn contours_of_a_pet_are_laid_on_a_ct_of_their_frame_of_reference() {
    let Some(data) = support::shared("data/petct/a_paired/ibsi_sts") else {
        return;
    };
    for n in 1..=3 {
        let folder = data.join(format!("STS_00{n}"));
        let open = |parts: &[&str]| {
            let paths: Vec<_> = parts.iter().map(|p| folder.join(p)).collect();
            Archive::open(&paths, &CancelToken::default()).unwrap()
        };
        let on_pet = open(&["PET/dicom", "PET/rtstruct"]);
        let on_ct = open(&["CT/dicom", "PET/rtstruct"]);
        let drawn = ml(&on_pet
            .roi_mask(0, &[&on_pet], &CancelToken::default())
            .unwrap()
            .volume);
        let laid = ml(&on_ct
            .roi_mask(0, &[&on_ct], &CancelToken::default())
            .unwrap()
            .volume);
        println!("STS_00{n}: {drawn:.3} ml on the PET, {laid:.3} ml on the CT");
        assert!((laid / drawn - 1.0).abs() < 0.02);
    }
}

#[test]
fn contours_give_the_voxels_and_centroids_of_plastimatch() {
    let Some(data) = support::shared("data/petct") else {
        return;
    };
    let table = std::fs::read_to_string(data.join("EXPECTED_ROI.csv")).unwrap();
    let (mut equal, mut near) = (0, Vec::new());
    for row in table
        .lines()
        .skip(1)
        .map(|l| l.split(',').collect::<Vec<_>>())
    {
        let (file, name, voxels) = (row[0], row[1], row[4].parse::<f64>().unwrap());
        let folder = data.join(grid_folder(file));
        let modality = if folder.ends_with("PT") || file.contains("/PET/") {
            Modality::Pt
        } else {
            Modality::Ct
        };
        let series = support::series(&[folder], modality).unwrap_or_else(|e| panic!("{file}: {e}"));
        let rois = rtstruct::read(&data.join(file)).unwrap();
        let mask = rois
            .find(name)
            .unwrap()
            .mask(&series.volume.grid(), &CancelToken::default())
            .unwrap();
        let count = mask.volume.data.iter().filter(|v| **v != 0).count() as f64;
        let center = Roi::Mask(mask.volume.view("mask").unwrap())
            .center()
            .unwrap();
        let want: Vec<f64> = (8..11).map(|i| row[i].parse().unwrap()).collect();
        let off = (0..3)
            .map(|i| (center[i] - want[i]).abs())
            .fold(0.0, f64::max);
        println!("{name:14} {count} voxels, plastimatch {voxels}; centroid off by {off:.3} mm");
        if count == voxels {
            equal += 1
        } else {
            near.push((name.to_owned(), count, voxels))
        }
        // The vertices of GTV_SUV4 lie on voxel centres: every border voxel is a tie, and plastimatch's single precision
        // breaks some of them the other way.
        let tolerance = if name == "GTV_SUV4" { 0.15 } else { 0.05 };
        assert!(
            off < tolerance,
            "{file} {name}: centroid {center:?}, plastimatch {want:?}"
        );
    }
    // Voxels whose centres lie on a contour: 0.04 % and 0.4 % of the volume.
    let differ = |name: &str, ours, theirs| (name.to_owned(), ours, theirs);
    assert_eq!(
        near,
        [
            differ("LN_c40", 2238.0, 2237.0),
            differ("GTV_SUV4", 18915.0, 18848.0)
        ]
    );
    assert_eq!(equal, 11);
    let rois = rtstruct::read(&data.join("a_ct_roi/4dlung_113/rtstruct/1-1.dcm")).unwrap();
    assert!(
        rois.find("nothing")
            .unwrap_err()
            .to_string()
            .contains("Tumor_c40")
    );
}

#[test]
fn segmentations_give_the_voxels_of_their_segments() {
    let Some(data) = support::shared("data/petct") else {
        return;
    };
    let mut segments = 0;
    // Voxels by segment as the data collection counted them (README.md of the data).
    for (folder, truth) in [
        ("a_paired/acrin042/seg_pet_a", &[(1, 2548), (2, 23730)][..]),
        ("a_paired/acrin042/seg_pet_b", &[(1, 118_130)]),
        ("a_paired/acrin042/seg_ct", &[(1, 602_948), (2, 576_543)]),
        ("c_ct/legacy_converted_multiframe/seg", &[(1, 315)]),
    ] {
        let file = Path::new(&data)
            .join(folder)
            .read_dir()
            .unwrap()
            .flatten()
            .next()
            .unwrap()
            .path();
        let seg = Segmentation::open(&file).unwrap();
        assert_eq!(seg.segments().len(), truth.len(), "{folder}");
        segments += truth.len();
        for (number, voxels) in truth {
            let mask = seg.mask(*number, &CancelToken::default()).unwrap();
            let count = mask.volume.data.iter().filter(|v| **v != 0).count();
            assert_eq!(count, *voxels, "{folder} segment {number}");
            assert!(
                Roi::Mask(mask.volume.view("mask").unwrap())
                    .center()
                    .is_ok()
            );
        }
        let why = seg
            .mask(99, &CancelToken::default())
            .map(drop)
            .unwrap_err()
            .to_string();
        assert!(
            why.contains("segment 99: ") && why.contains("no segment of this number"),
            "{why}"
        );
    }
    // With the 11 of 13 above, 17 of 19 that are equal voxel for voxel (docs/BENCHMARKS.md).
    assert_eq!(segments, 6);
}

/// Joined contours in the facts of a case across the C ABI, whether the mask was handed out before or after loading.
#[test]
#[allow(unsafe_code)] // it calls what a C host calls
fn the_case_of_a_mask_of_joined_contours_says_so() {
    use dlnms::ffi::*;
    use std::ptr::{null, null_mut};
    let Some(study) = support::shared("data/petct/a_paired/acrin042") else {
        return;
    };
    let file = study.join("derived/rtstruct_tumour_suv4_on_ct.dcm");
    let mut object = dicom_object::open_file(&file).unwrap();
    let sequence =
        |o: &dicom_object::InMemDicomObject, tag| o.element(tag).unwrap().items().unwrap().to_vec();
    let mut drawn = sequence(&object, tags::ROI_CONTOUR_SEQUENCE);
    let mut contours = sequence(&drawn[0], tags::CONTOUR_SEQUENCE);
    let data = contours[10].element(tags::CONTOUR_DATA).unwrap();
    let aside = data.to_multi_float64().unwrap();
    let aside = aside
        .iter()
        .enumerate()
        .map(|(n, v)| v + f64::from(u8::from(n % 3 == 1)) * 4.0);
    let aside: Vec<String> = aside.map(|v| v.to_string()).collect();
    let put = |o: &mut dicom_object::InMemDicomObject, tag, items: Vec<_>| {
        let value = dicom_core::value::DataSetSequence::from(items);
        o.put(dicom_core::DataElement::new(tag, dicom_core::VR::SQ, value));
    };
    let mut copy = contours[10].clone();
    let value = dicom_core::PrimitiveValue::from(aside.join("\\"));
    copy.put(dicom_core::DataElement::new(
        tags::CONTOUR_DATA,
        dicom_core::VR::DS,
        value,
    ));
    contours.push(copy);
    put(&mut drawn[0], tags::CONTOUR_SEQUENCE, contours);
    put(&mut object, tags::ROI_CONTOUR_SEQUENCE, drawn);
    let folder = tempfile::tempdir().unwrap();
    let edited = folder.path().join("edited.dcm");
    object.write_to_file(&edited).unwrap();

    let paths = [study.join("ct"), study.join("pet_ac"), file, edited];
    let paths = paths.map(|p| std::ffi::CString::new(p.to_str().unwrap()).unwrap());
    let pointers = [0, 1, 2, 3].map(|n: usize| paths[n].as_ptr());
    // SAFETY: as the header of each function asks; every pointer lives to the end of the block.
    unsafe {
        let mut study = null_mut();
        let scanned =
            dlnms_study_scan(pointers.as_ptr(), 4, null(), null(), &mut study, null_mut());
        assert_eq!(scanned, 0);
        assert_eq!(dlnms_study_roi_count(study), 2);
        let (mut said, mut metadata) = (Vec::new(), Vec::new());
        for load in [true, false] {
            for n in 0..2 {
                let mut info = std::mem::zeroed::<dlnms_roi_info>();
                dlnms_roi_info_init(&mut info, size_of::<dlnms_roi_info>() as u32);
                assert_eq!(dlnms_study_roi(study, n, &mut info, null_mut()), 0);
                assert_eq!(info.has_mask, 1);
                said.push(info.contours_overlap);
                let mut mask = std::mem::zeroed::<dlnms_volume>();
                dlnms_volume_init(&mut mask, size_of::<dlnms_volume>() as u32);
                assert_eq!(
                    dlnms_study_roi_mask(study, n, null(), &mut mask, null_mut()),
                    0
                );
                if load && n == 0 {
                    assert_eq!(
                        dlnms_study_load(study, null(), null(), null(), null_mut()),
                        0
                    );
                }
                let mut roi = std::mem::zeroed::<dlnms_roi>();
                dlnms_roi_init(&mut roi, size_of::<dlnms_roi>() as u32);
                (roi.kind, roi.mask) = (DLNMS_ROI_MASK, &mask);
                let mut case = std::mem::zeroed::<dlnms_case>();
                dlnms_case_init(&mut case, size_of::<dlnms_case>() as u32);
                assert_eq!(dlnms_study_case(study, &roi, &mut case, null_mut()), 0);
                metadata.push((*case.metadata).contours_overlap == DLNMS_TRISTATE_YES);
            }
        }
        // Files are listed by their paths, so either may be the first.
        assert_eq!(said[..2], said[2..]);
        assert_eq!(said[0] + said[1], 1);
        assert_eq!(said.iter().map(|s| *s == 1).collect::<Vec<_>>(), metadata);
        dlnms_study_free(study);
    }
}
