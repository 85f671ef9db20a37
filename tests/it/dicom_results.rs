//! Results as DICOM objects, read by programs of others: dciodvfy, DicomSRValidator, dsrdump, dcmqi and highdicom. `check.py` beside
//! this folder says what each must find.

use crate::support::{self, bundle, onnxruntime, shared, tiny_bundle};
use dicom_dictionary_std::tags;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Where and when a tumour is; a fixed time makes the objects the same each time.
const TIME: [&str; 2] = ["--content-time", "20240229123456"];
const PHANTOM: [&str; 1] = ["--seed=-82,-12,46.5"];

fn dlnms(arguments: &[&str], paths: &[&Path]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dlnms"));
    command.env("DLNMS_ONNXRUNTIME", onnxruntime());
    command.args(arguments).args(paths).output().unwrap()
}

/// Scores a study and writes objects into `out`.
fn write(bundle: &Path, study: &[&Path], out: &Path, options: &[&str]) -> Output {
    let json = out.with_extension("json");
    let mut arguments = vec!["score", "--bundle", bundle.to_str().unwrap()];
    arguments.extend([
        "--dicom",
        out.to_str().unwrap(),
        "--json",
        json.to_str().unwrap(),
    ]);
    arguments.extend(options);
    arguments.extend(TIME);
    // Behind paths `--seg` takes none of them for its file.
    let paths: Vec<&str> = study.iter().map(|p| p.to_str().unwrap()).collect();
    arguments.splice(1..1, paths);
    dlnms(&arguments, &[])
}

fn written(bundle: &Path, study: &[&Path], out: &Path, options: &[&str]) -> Value {
    let mut all = vec![
        "--allow-not-trained",
        "--marker",
        "--sr",
        "--sc",
        "--pdf",
        "--seg",
    ];
    all.extend(options);
    let done = write(bundle, study, out, &all);
    assert!(done.status.success(), "{done:?}");
    let json = std::fs::read(out.with_extension("json")).unwrap();
    serde_json::from_slice(&json).unwrap()
}

fn refused(done: &Output, words: &[&str]) {
    let text = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(!done.status.success(), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} in {text}");
    }
}

/// The Python with highdicom and dcmqi, or `None`, said loudly; and whether the programs of Debian are here.
fn tools() -> Option<PathBuf> {
    let python = support::root().join("target/dicom-tools/bin/python");
    let has = |program: &str| {
        let script = format!("command -v {program}");
        let found = Command::new("sh").args(["-c", &script]).output();
        found.is_ok_and(|o| o.status.success())
    };
    let missing = ["dciodvfy", "DicomSRValidator", "dsrdump"]
        .into_iter()
        .find(|p| !has(p));
    let why = match missing {
        Some("dciodvfy") => "apt-get install dicom3tools",
        Some("DicomSRValidator") => "apt-get install pixelmed-apps",
        Some(_) => "apt-get install dcmtk",
        None if !python.exists() => "make target/dicom-tools/.ready",
        None => return Some(python),
    };
    support::skip("validators of DICOM results", why);
    None
}

fn check(python: &Path, out: &Path, images: &[&Path], options: &[&str]) {
    let done = Command::new(python)
        .arg(support::root().join("tests/dicom_results/check.py"))
        .args(options)
        .arg(out)
        .arg(out.with_extension("json"))
        .args(images)
        .output()
        .unwrap();
    let (found, errors) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    assert!(done.status.success(), "{found}\n{errors}");
}

/// Runs dciodvfy on an object, if it is here, and fails on any error that it finds.
pub fn conforms(path: &Path) {
    if tools().is_some() {
        let done = Command::new("dciodvfy")
            .arg("-new")
            .arg(path)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&done.stderr).into_owned();
        let errors: Vec<&str> = text.lines().filter(|l| l.starts_with("Error")).collect();
        assert!(
            errors.is_empty() && !text.contains("Abort"),
            "{}: {errors:?}",
            path.display()
        );
    }
}

fn phantom(folder: &Path) -> PathBuf {
    let study = folder.join("phantom");
    let made = dlnms(&["phantom", "--out"], &[&study]);
    assert!(made.status.success(), "{made:?}");
    study
}

#[test]
fn objects_of_a_patient_are_what_the_standard_and_other_readers_want() {
    let (Some(study), Some(python)) = (shared("data/petct/a_paired/acrin042"), tools()) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("objects");
    let images = [&*study.join("pet_ac"), &*study.join("ct")];
    let seed = ["--seed=-42,-14,-121", "--threshold", "4"];
    let result = written(&bundle(), &images, &out, &seed);
    assert_eq!(result["pet_metrics"]["voxels"], 876);
    check(&python, &out, &images, &[]);
}

#[test]
fn objects_of_a_study_in_suv_by_its_contours() {
    let (Some(study), Some(python)) = (shared("data/petct/a_paired/ibsi_sts/STS_001"), tools())
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("objects");
    let images = [&*study.join("PET/dicom"), &*study.join("CT/dicom")];
    let contours = study.join("PET/rtstruct");
    let paths = [images[0], images[1], &contours];
    written(&tiny_bundle(), &paths, &out, &["--roi", "GTV_Mass_PET"]);
    check(&python, &out, &images, &["--pixelmed", "sr"]);
}

#[test]
fn names_in_japanese_chinese_and_cyrillic_are_copied_byte_for_byte() {
    let Some(python) = tools() else { return };
    let folder = tempfile::tempdir().unwrap();
    let study = phantom(folder.path());
    for language in ["japanese", "chinese", "cyrillic"] {
        let named = folder.path().join(language);
        let made = Command::new(&python)
            .arg(support::root().join("tests/dicom_results/named_study.py"))
            .args([&study, &named])
            .arg(language)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let out = folder.path().join(format!("{language}-objects"));
        written(&tiny_bundle(), &[&named], &out, &PHANTOM);
        let reports = if language == "japanese" { "sr" } else { "" };
        check(&python, &out, &[&named], &["--pixelmed", reports]);
    }
}

#[test]
fn the_same_result_gives_the_same_files_and_its_segmentation_the_same_lesion() {
    let folder = tempfile::tempdir().unwrap();
    let study = phantom(folder.path());
    let [one, two, again] = ["one", "two", "again"].map(|name| folder.path().join(name));
    let result = written(
        &tiny_bundle(),
        &[&study.join("ct"), &study.join("pet")],
        &one,
        &PHANTOM,
    );
    written(
        &tiny_bundle(),
        &[&study.join("ct"), &study.join("pet")],
        &two,
        &PHANTOM,
    );
    for name in [
        "sr.dcm",
        "seg.dcm",
        "marker.dcm",
        "sc.dcm",
        "report.pdf.dcm",
    ] {
        let [a, b] = [&one, &two].map(|folder| std::fs::read(folder.join(name)).unwrap());
        assert!(a == b, "{name} differs");
    }
    // Read back as the tumour, the segmentation gives the lesion that it was made of.
    let seg = one.join("seg.dcm");
    let tumour = ["--seg", seg.to_str().unwrap(), "--segment", "1"];
    let mut options = vec!["--allow-not-trained", "--sr"];
    options.extend(tumour);
    let done = write(
        &tiny_bundle(),
        &[&study.join("ct"), &study.join("pet")],
        &again,
        &options,
    );
    assert!(done.status.success(), "{done:?}");
    let read: Value =
        serde_json::from_slice(&std::fs::read(again.with_extension("json")).unwrap()).unwrap();
    assert_eq!(read["roi"]["kind"], "mask");
    assert_eq!(read["pet_metrics"], result["pet_metrics"]);
    let names: Vec<_> = std::fs::read_dir(&again)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names, ["sr.dcm"]);
}

#[test]
fn each_lesion_has_objects_of_its_own_the_first_by_score_first() {
    let Some(study) = shared("data/petct/a_paired/acrin042") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("objects");
    let seg = study.join("seg_pet_a/0001.dcm");
    let lesions = ["--seg", seg.to_str().unwrap(), "--lesions", "all"];
    let options = [&["--allow-not-trained"][..], &lesions].concat();
    let images = [&*study.join("pet_ac"), &*study.join("ct")];
    let done = write(&tiny_bundle(), &images, &out, &options);
    assert!(done.status.success(), "{done:?}");
    let entries = std::fs::read_dir(&out).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(
        names,
        ["sc.dcm", "seg-2.dcm", "seg.dcm", "sr-2.dcm", "sr.dcm"]
    );
    let uid = |name: &str| {
        let file = dicom_object::open_file(out.join(name)).unwrap();
        let of = |tag| file.element(tag).unwrap().to_str().unwrap().into_owned();
        (
            of(tags::SOP_INSTANCE_UID),
            of(tags::SERIES_INSTANCE_UID),
            of(tags::INSTANCE_NUMBER),
        )
    };
    let [first, second] = ["sr.dcm", "sr-2.dcm"].map(uid);
    assert_ne!(first.0, second.0);
    assert_eq!(first.1, second.1, "one series");
    assert_eq!((first.2.as_str(), second.2.as_str()), ("1", "2"));
}

#[test]
fn nothing_is_written_without_permission_identity_or_a_lesion() {
    let folder = tempfile::tempdir().unwrap();
    let study = phantom(folder.path());
    let (ct, pet) = (study.join("ct"), study.join("pet"));
    let images: [&Path; 2] = [&ct, &pet];
    let out = folder.path().join("objects");
    let allowed = |options: &[&'static str]| [&["--allow-not-trained"][..], options].concat();

    refused(
        &write(&tiny_bundle(), &images, &out, &PHANTOM),
        &["not trained on patients"],
    );
    let air = allowed(&["--center=-82,-12,46.5", "--threshold", "100000"]);
    refused(
        &write(&tiny_bundle(), &images, &out, &air),
        &["cannot be written", "no lesion to refer to"],
    );
    let time = allowed(&["--content-time", "20240230000000", "--center=-82,-12,46.5"]);
    refused(
        &dlnms(
            &[&["score", "--bundle", "x", "--dicom", "y"][..], &time].concat(),
            &[&ct],
        ),
        &["YYYYMMDDHHMMSS"],
    );
    assert!(!out.exists(), "a folder of nothing");
    assert!(
        !out.with_extension("json").exists(),
        "the result is written with its objects or not at all"
    );

    // Volumes that are not DICOM belong to nobody.
    let mask = study.join("tumour_mask.nii.gz");
    let mut arguments = vec![
        "score",
        "--ct",
        mask.to_str().unwrap(),
        "--pet",
        mask.to_str().unwrap(),
    ];
    let bundle = tiny_bundle();
    arguments.extend([
        "--bundle",
        bundle.to_str().unwrap(),
        "--center=-82,-12,46.5",
        "--allow-not-trained",
    ]);
    arguments.extend(["--dicom", out.to_str().unwrap()]);
    refused(&dlnms(&arguments, &[]), &["the PET is not DICOM"]);

    let alone = dlnms(
        &[
            "score",
            "--bundle",
            bundle.to_str().unwrap(),
            "--center=-82,-12,46.5",
            study.to_str().unwrap(),
            "--seg",
        ],
        &[],
    );
    refused(&alone, &["--seg", "--dicom"]);
}

#[test]
fn a_folder_that_cannot_be_written_and_a_full_disk_are_named_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let study = phantom(folder.path());
    let (ct, pet) = (study.join("ct"), study.join("pet"));
    let options = [&["--allow-not-trained"][..], &PHANTOM].concat();
    // A file in the place of the folder.
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    refused(
        &write(&tiny_bundle(), &[&ct, &pet], &file, &options),
        &["cannot write", "file"],
    );
    // Root may write everywhere.
    let locked = folder.path().join("locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(locked.join("probe"), "").is_err() {
        refused(
            &write(&tiny_bundle(), &[&ct, &pet], &locked, &options),
            &["cannot write", "ermission denied"],
        );
    } else {
        std::fs::remove_file(locked.join("probe")).unwrap();
        support::not_tested_here(
            "a folder without permission to write: this user may write everywhere",
        );
    }
    // More than a process may write: each file ends with an error, and what was begun is removed.
    let full = folder.path().join("full");
    let program = env!("CARGO_BIN_EXE_dlnms");
    let script = format!(
        "trap '' XFSZ; ulimit -f 20; exec {program} score --bundle {} {} {} --dicom {} --allow-not-trained {}",
        tiny_bundle().display(),
        ct.display(),
        pet.display(),
        full.display(),
        PHANTOM[0]
    );
    let done = Command::new("bash")
        .args(["-c", &script])
        .env("DLNMS_ONNXRUNTIME", onnxruntime())
        .output()
        .unwrap();
    refused(&done, &["cannot write", "sr.dcm", "arge"]);
    assert_eq!(
        std::fs::read_dir(&full).unwrap().count(),
        0,
        "{:?}",
        std::fs::read_dir(&full).unwrap().collect::<Vec<_>>()
    );
}
