//! Every way a study may come in gives the same planes: files, buffers, NIfTI, NRRD; and what an archive holds is listed
//! as independent tools list it.

use crate::support::{inspect, series, shared, tiny_bundle};
use dlnms::bundle::Manifest;
use dlnms::error::status::*;
use dlnms::imaging::Volume;
use dlnms::imaging::roi::{Delineation, Roi, Seed};
use dlnms::imaging::sampler::PreprocessSpec;
use dlnms::readers;
use dlnms::readers::dicom::{
    Archive, Modality, RoiKind, Series, SeriesChoice, Study, pet_info_from_json,
};
use dlnms::scorer::{CancelToken, InputTensors, LesionRequest};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

fn spec() -> PreprocessSpec {
    let manifest = std::fs::read(tiny_bundle().join("manifest.json")).unwrap();
    Manifest::parse(&manifest).unwrap().preprocessing
}

const TUMOUR: [f64; 3] = [-42.269, -14.623, -122.129];

fn planes(study: &Study) -> InputTensors {
    InputTensors::new(&spec(), &study.case(Roi::Point(TUMOUR)).unwrap()).unwrap()
}

fn load(archive: &Archive, choice: SeriesChoice<'_>) -> dlnms::Result<Study> {
    let cancel = CancelToken::default();
    Study::load(archive, archive, choice, &|_, _| true, &cancel)
}

/// Largest difference of two cases' tensors.
fn apart(a: &InputTensors, b: &InputTensors) -> f32 {
    let differences = [(&a.pet, &b.pet), (&a.ct, &b.ct)];
    let differences = differences
        .into_iter()
        .flat_map(|(a, b)| a.iter().zip(b.iter()).map(|(a, b)| (a - b).abs()));
    differences.fold(0.0, f32::max)
}

#[test]
fn buffers_are_read_as_files_are() {
    let Some(data) = shared("data/petct/a_paired/acrin042") else {
        return;
    };
    let folders = ["ct", "pet_ac", "pet_nac", "scout"].map(|f| data.join(f));
    let cancel = CancelToken::default();
    let from_files = load(
        &Archive::open(&folders, &cancel).unwrap(),
        SeriesChoice::default(),
    );
    let files = folders
        .iter()
        .flat_map(|f| f.read_dir().unwrap().flatten())
        .map(|e| Arc::from(std::fs::read(e.path()).unwrap()));
    let archive = Archive::from_buffers(files.collect(), &cancel).unwrap();
    let from_buffers = load(&archive, SeriesChoice::default());
    let (a, b) = (from_files.unwrap(), from_buffers.unwrap());
    assert!(a.ct.volume.data == b.ct.volume.data && a.pet.volume.data == b.pet.volume.data);
    assert_eq!(apart(&planes(&a), &planes(&b)), 0.0);
}

#[test]
fn a_series_may_be_named_but_not_made_usable() {
    let Some(data) = shared("data/petct/a_paired/acrin042") else {
        return;
    };
    let archive = Archive::open(&[data], &CancelToken::default()).unwrap();
    let series = archive.inspect().series;
    let uid = |n: usize| series[n].uid.as_str();
    let of = |ct, pet| SeriesChoice { ct, pet };
    let chosen: Vec<usize> = (0..series.len()).filter(|n| series[*n].chosen).collect();
    let study = load(&archive, of(Some(uid(chosen[0])), Some(uid(chosen[1])))).unwrap();
    assert_eq!(study.pet.uid, uid(chosen[1]));
    let nac = series.iter().position(|s| s.modality == "PT" && !s.chosen);
    let status = |choice| load(&archive, choice).unwrap_err().status();
    assert_eq!(status(of(None, Some(uid(nac.unwrap())))), DLNMS_E_SUV);
    assert_eq!(status(of(Some("1.2.3"), None)), DLNMS_E_DICOM_NO_SERIES);
}

#[test]
fn rois_are_listed_with_the_voxels_and_centroids_of_independent_tools() {
    let Some(data) = shared("data/petct") else {
        return;
    };
    let table = std::fs::read_to_string(data.join("EXPECTED_ROI.csv")).unwrap();
    let lung = inspect(&[data.join("a_ct_roi/4dlung_113")]).unwrap();
    let mut checked = 0;
    for row in table.lines().filter(|l| l.starts_with("a_ct_roi")) {
        let row: Vec<&str> = row.split(',').collect();
        let roi = lung.rois.iter().find(|r| r.name == row[1]).unwrap();
        assert_eq!(
            (roi.kind, roi.source.as_str()),
            (RoiKind::Contours, "file 100")
        );
        let number = |i: usize| row[i].parse::<f64>().unwrap();
        let voxels = roi.voxels.unwrap() as f64;
        assert!((voxels / number(4) - 1.0).abs() < 0.01, "{row:?} {voxels}");
        assert!((roi.ml.unwrap() / number(5) - 1.0).abs() < 0.01, "{row:?}");
        let center = roi.centroid_lps_mm.unwrap();
        assert!(
            (0..3).all(|a| (center[a] - number(8 + a)).abs() < 0.05),
            "{row:?}"
        );
        checked += 1;
    }
    assert_eq!((checked, lung.rois.len()), (4, 4));
    // README.md of the data: voxels of each segment.
    let segments = inspect(&[data.join("a_paired/acrin042/seg_pet_a")]).unwrap();
    let voxels: Vec<_> = segments.rois.iter().map(|r| r.voxels.unwrap()).collect();
    assert_eq!(voxels, [2548, 23730]);
    // Contours without their images make no mask, and say so.
    let alone = inspect(&[data.join("a_ct_roi/4dlung_113/rtstruct")]).unwrap();
    let roi = &alone.rois[0];
    assert!(roi.voxels.is_none() && roi.refusal.as_deref().unwrap().contains("not here"));
}

/// Physical values of a volume as single precision.
fn physical(volume: &Volume) -> Vec<u8> {
    let view = volume.view("any").unwrap();
    let [nx, ny, nz] = volume.dims;
    (0..nx * ny * nz)
        .flat_map(|v| (view.value([v % nx, v / nx % ny, v / nx / ny]) as f32).to_ne_bytes())
        .collect()
}

/// An NRRD file, gzip or raw, in the space of its choice.
fn write_nrrd(path: &Path, volume: &Volume, space: &str, gzip: bool) {
    let flip = match space {
        "RAS" => [-1.0, -1.0, 1.0],
        "left-anterior-superior" => [1.0, -1.0, 1.0],
        _ => [1.0; 3],
    };
    let vector = |v: [f64; 3]| {
        let v: [f64; 3] = std::array::from_fn(|i| v[i] * flip[i]);
        format!("({},{},{})", v[0], v[1], v[2])
    };
    let axis = |a: usize| {
        vector(std::array::from_fn(|r| {
            volume.direction[r][a] * volume.spacing[a]
        }))
    };
    let [nx, ny, nz] = volume.dims;
    let header = format!(
        "NRRD0005\n# a comment\ntype: float\ndimension: 3\nspace: {space}\nsizes: {nx} {ny} {nz}\n\
         space directions: {} {} {}\nkinds: domain domain domain\nendian: {}\nencoding: {}\nspace origin: {}\n\n",
        axis(0),
        axis(1),
        axis(2),
        if cfg!(target_endian = "big") {
            "big"
        } else {
            "little"
        },
        if gzip { "gzip" } else { "raw" },
        vector(volume.origin)
    );
    let mut file = std::fs::File::create(path).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    if gzip {
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        encoder.write_all(&physical(volume)).unwrap();
        encoder.finish().unwrap();
    } else {
        file.write_all(&physical(volume)).unwrap();
    }
}

/// What the headers of ACRIN-042's PET say, as a side-car.
const TAGS: &str = r#"{ "Units": "BQML", "DecayCorrection": "START", "CorrectedImage": ["DECY", "ATTN"],
    "PatientWeight": 91, "RadionuclideTotalDose": 588802304, "RadionuclideHalfLife": 6588,
    "RadiopharmaceuticalStartTime": "072100", "SeriesDate": "19600116", "SeriesTime": "095947",
    "AcquisitionDate": "19600116", "AcquisitionTime": "095947" }"#;

#[test]
fn research_formats_give_the_planes_of_dicom() {
    let Some(data) = shared("data/petct/a_paired/acrin042") else {
        return;
    };
    let mut dicom = Study::new(
        series(&[data.join("ct")], Modality::Ct).unwrap(),
        series(&[data.join("pet_ac")], Modality::Pt).unwrap(),
    );
    // These formats have even steps only, so the truth gets them too.
    dicom.pet.volume.slice_offsets.clear();
    dicom.ct.volume.slice_offsets.clear();
    let truth = planes(&dicom);
    let out = tempfile::tempdir().unwrap();
    for (n, (space, gzip)) in [
        ("LPS", true),
        ("RAS", false),
        ("left-anterior-superior", true),
    ]
    .into_iter()
    .enumerate()
    {
        let [ct, pet] = ["ct", "pet"].map(|m| out.path().join(format!("{m}{n}.nrrd")));
        write_nrrd(&ct, &dicom.ct.volume, space, gzip);
        write_nrrd(&pet, &dicom.pet.volume, space, gzip);
        let pet = readers::read(&pet).unwrap();
        let info = pet_info_from_json(TAGS.as_bytes(), pet.dims[2]).unwrap();
        let factor = info.suv_scale().unwrap().factors[0];
        assert!(
            (factor / 0.000_421_110_070_135_53 - 1.0).abs() < 1e-12,
            "{factor}"
        );
        let study = Study::new(
            Series::from_volume(Modality::Ct, readers::read(&ct).unwrap(), None),
            Series::from_volume(Modality::Pt, pet, Some(info)),
        );
        let off = apart(&planes(&study), &truth);
        println!("NRRD in {space}: off by {off:.1e}");
        assert!(off < 1e-5, "{space}: {off}");
    }
    // SUVbw as NIfTI, written by SimpleITK.
    let suv = readers::read(&data.join("derived/suv_pet_ac_float32.nii.gz")).unwrap();
    let study = Study::new(
        dicom.ct.clone(),
        Series::from_volume(Modality::Pt, suv, None),
    );
    let off = apart(&planes(&study), &truth);
    println!("NIfTI by SimpleITK: off by {off:.1e}");
    assert!(off < 1e-4, "{off}");
}

#[test]
fn side_cars_and_nrrd_headers_that_say_nonsense_are_refused_by_name() {
    let refused = |json: &str, word: &str| {
        let error = pet_info_from_json(json.as_bytes(), 3).map(|info| info.suv_scale().map(|_| ()));
        let error = match error {
            Ok(scale) => scale.unwrap_err(),
            Err(e) => e,
        };
        assert_eq!(error.status(), DLNMS_E_SUV, "{error}");
        assert!(error.to_string().contains(word), "{error}");
    };
    refused("[]", "JSON object");
    refused(r#"{"Wieght": 70}"#, "Wieght");
    refused(
        r#"{"AcquisitionTime": ["1", "2"]}"#,
        "2 values for 3 slices",
    );
    refused(r#"{"PatientWeight": {}}"#, "PatientWeight");
    refused(&TAGS.replace("91", "0"), "PatientWeight");
    refused(&TAGS.replace("ATTN", "DTIM"), "ATTN");
    refused(&TAGS.replace("BQML", "PROPCNTS"), "PROPCNTS");

    let out = tempfile::tempdir().unwrap();
    let good = "NRRD0004\ntype: short\ndimension: 3\nspace: LPS\nsizes: 2 2 2\n\
        space directions: (1,0,0) (0,1,0) (0,0,1)\nendian: little\nencoding: raw\nspace origin: (0,0,0)\n\n0123456789abcdef";
    let read = |text: &str| {
        let file = out.path().join("v.nrrd");
        std::fs::write(&file, text).unwrap();
        readers::read(&file)
    };
    assert_eq!(read(good).unwrap().dims, [2, 2, 2]);
    for (from, to, word) in [
        ("NRRD0004", "NRRX0004", "NRRD000"),
        ("short", "block", "block"),
        ("dimension: 3", "dimension: 4", "3-dimensional"),
        ("sizes: 2 2 2", "sizes: 2 2", "sizes"),
        ("sizes: 2 2 2", "sizes: 99999 99999 99999", "too many"),
        ("space: LPS", "space: scanner-xyz", "scanner-xyz"),
        ("raw", "bzip2", "bzip2"),
        ("endian: little", "endian: middle", "middle"),
        ("abcdef", "", "bytes of voxels"),
        (
            "encoding: raw",
            "encoding: gzip\nbyte skip: 18446744073709551615",
            "byte skip",
        ),
        ("(0,0,1)", "(0,0,x)", "x"),
        ("(0,0,1)", "(0,1,1)", "orthonormal"),
        (
            "encoding: raw",
            "encoding: raw\ndata file: ../../etc/passwd",
            "beside the header",
        ),
    ] {
        let error = read(&good.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains(word), "{to}: {error}");
    }
    assert_eq!(
        readers::read(Path::new("picture.png"))
            .unwrap_err()
            .status(),
        DLNMS_E_UNSUPPORTED
    );
}

#[test]
fn a_seed_grows_into_the_published_lesion_and_it_is_measured() {
    let Some(data) = shared("data/petct/a_paired/acrin042") else {
        return;
    };
    let study = Study::new(
        series(&[data.join("ct")], Modality::Ct).unwrap(),
        series(&[data.join("pet_ac")], Modality::Pt).unwrap(),
    );
    let mask = readers::read(&data.join("derived/roi_tumour_suv4_petgrid.nii.gz")).unwrap();
    let truth = Roi::Mask(mask.view("mask").unwrap()).center().unwrap();
    let seed = Roi::Seed(Seed {
        point: [truth[0] + 12.0, truth[1] - 9.0, truth[2] + 6.0],
        radius_mm: 60.0,
        delineation: Delineation::Fixed(4.0),
    });
    let mut case = study.case(seed).unwrap();
    let planes = InputTensors::new(&spec(), &case).unwrap();
    // The mask has the mean step of 3.27 mm throughout, the DICOM volume its two steps of 3.29.
    let off = (0..3)
        .map(|a| (planes.roi.center[a] - truth[a]).abs())
        .fold(0.0, f64::max);
    assert!(off < 0.03, "{:?} {truth:?}", planes.roi.center);

    case.lesion = Some(LesionRequest::default());
    let factors = case.pet_info.unwrap().suv_scale().unwrap().factors;
    let request = LesionRequest {
        delineation: Delineation::Fixed(4.0),
        radius_mm: 60.0,
    };
    let extent = dlnms::imaging::roi::Roi::Point(truth).extent().unwrap();
    let lesion = dlnms::evidence::lesion::measure(&case, &extent, &factors, &request).unwrap();
    assert_eq!(lesion.pet.voxels, 876); // NUMERICS 4
    assert!((lesion.pet.mtv_ml - 62.95).abs() < 0.01 && (lesion.pet.suv_max - 42.217).abs() < 1e-3);

    // Diameters of the mask on the CT grid: the same numbers from SciPy's convex hull of the voxels' corners.
    let mask = readers::read(&data.join("derived/roi_tumour_suv4_ctgrid.nii.gz")).unwrap();
    let case = study.case(Roi::Mask(mask.view("mask").unwrap())).unwrap();
    let extent = case.roi.extent().unwrap();
    let lesion = dlnms::evidence::lesion::measure(&case, &extent, &factors, &request).unwrap();
    let ct = lesion.ct.unwrap();
    assert_eq!((ct.slice, ct.outlined_by), (71, "mask"));
    assert!((ct.longest_mm - 60.931_522_9).abs() < 1e-3, "{ct:?}");
    assert!((ct.perpendicular_mm - 41.946_180_7).abs() < 1e-3, "{ct:?}");
}
