//! Results as DICOM objects through the C functions: whose they are, and what is refused.
#![allow(unsafe_code)] // calls of the C ABI

use crate::support;
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::DefaultDicomObject;
use dlnms::error::status::*;
use dlnms::ffi::*;
use std::ffi::{CStr, CString, c_char, c_void};
use std::mem::zeroed;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;
use std::ptr::{null, null_mut};

/// Initialises a struct of the ABI.
macro_rules! initialised {
    ($type:ident, $init:ident) => {{
        // SAFETY: all-zero bytes are a valid value, and the function fills a struct of this size.
        let mut value: $type = unsafe { zeroed() };
        // SAFETY: as above.
        unsafe { $init(&mut value, size_of::<$type>() as u32) };
        value
    }};
}

fn c(text: impl AsRef<std::ffi::OsStr>) -> CString {
    CString::new(text.as_ref().as_bytes()).unwrap()
}

/// Fails with the message of an error.
fn ok(status: i32, err: *mut dlnms_error) {
    // SAFETY: the message lives as long as the error.
    let text = unsafe { CStr::from_ptr(dlnms_error_message(err)) };
    assert_eq!(status, DLNMS_OK, "{text:?}");
}

/// A host with a scorer of the tiny bundle and a study.
struct Host {
    runtime: *mut dlnms_runtime,
    scorer: *mut dlnms_scorer,
    study: *mut dlnms_study,
}

impl Host {
    fn new(study: &Path) -> Self {
        let (library, bundle) = (c(support::onnxruntime()), c(support::tiny_bundle()));
        let mut host = Self {
            runtime: null_mut(),
            scorer: null_mut(),
            study: null_mut(),
        };
        let mut err = null_mut();
        let mut at = initialised!(dlnms_runtime_options, dlnms_runtime_options_init);
        at.library_path = library.as_ptr();
        let mut options = initialised!(dlnms_scorer_options, dlnms_scorer_options_init);
        options.bundle_dir = bundle.as_ptr();
        // SAFETY: structs are initialised, pointers valid for the calls.
        unsafe {
            ok(dlnms_runtime_new(&at, &mut host.runtime, &mut err), err);
            ok(
                dlnms_scorer_new(host.runtime, &options, &mut host.scorer, &mut err),
                err,
            );
            host.study = open(study);
        }
        host
    }

    /// Scores a case with its lesion.
    fn score(&self, case: &dlnms_case) -> *mut dlnms_result {
        let (mut result, mut err) = (null_mut(), null_mut());
        // SAFETY: as above.
        ok(
            unsafe { dlnms_scorer_score(self.scorer, case, null(), &mut result, &mut err) },
            err,
        );
        result
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        dlnms_study_free(self.study);
        dlnms_scorer_free(self.scorer);
        dlnms_runtime_free(self.runtime);
    }
}

/// # Safety
/// None but that the folder is read.
unsafe fn open(folder: &Path) -> *mut dlnms_study {
    let folder = c(folder);
    let paths = [folder.as_ptr()];
    let (mut study, mut err) = (null_mut(), null_mut());
    // SAFETY: one string.
    let status = unsafe {
        dlnms_study_open(
            paths.as_ptr(),
            1,
            null(),
            null(),
            null(),
            null(),
            &mut study,
            &mut err,
        )
    };
    ok(status, err);
    study
}

fn seed() -> dlnms_roi {
    let mut roi = initialised!(dlnms_roi, dlnms_roi_init);
    (roi.kind, roi.point) = (DLNMS_ROI_SEED, [-82.0, -12.0, 46.5]);
    roi
}

/// The case of a study.
fn case_of(study: *const dlnms_study, roi: &dlnms_roi) -> dlnms_case {
    let mut case = initialised!(dlnms_case, dlnms_case_init);
    let mut err = null_mut();
    // SAFETY: both are initialised.
    ok(
        unsafe { dlnms_study_case(study, roi, &mut case, &mut err) },
        err,
    );
    case.measure_lesion = 1;
    case
}

/// What a sink was given.
#[derive(Default)]
struct Taken {
    name: String,
    bytes: Vec<u8>,
    dropped: usize,
    answer: i32,
}

unsafe extern "C" fn take(
    name: *const c_char,
    bytes: *const u8,
    size: usize,
    to: *mut c_void,
) -> i32 {
    // SAFETY: name and bytes live for the call, `to` is a Taken.
    let (taken, name, bytes) = unsafe {
        (
            &mut *to.cast::<Taken>(),
            CStr::from_ptr(name),
            std::slice::from_raw_parts(bytes, size),
        )
    };
    taken.name = name.to_str().unwrap().into();
    taken.bytes = bytes.into();
    taken.answer
}

unsafe extern "C" fn dropped(to: *mut c_void) {
    // SAFETY: `to` is a Taken.
    unsafe { (*to.cast::<Taken>()).dropped += 1 };
}

/// Writes an object: what the sink got, the status and the message.
fn write_to(
    result: *const dlnms_result,
    kind: u32,
    options: &dlnms_write_options,
    answer: i32,
) -> (Taken, i32, String) {
    let mut taken = Taken {
        answer,
        ..Taken::default()
    };
    let mut sink = initialised!(dlnms_sink, dlnms_sink_init);
    sink.callback = Some(take);
    sink.drop = Some(dropped);
    sink.user_data = (&raw mut taken).cast();
    let mut err = null_mut();
    // SAFETY: everything is initialised and lives.
    let status = unsafe { dlnms_result_write(result, kind, options, &sink, &mut err) };
    // SAFETY: the message lives as long as the error.
    let text = unsafe { CStr::from_ptr(dlnms_error_message(err)) };
    let text = text.to_string_lossy().into_owned();
    dlnms_error_free(err);
    assert_eq!(taken.dropped, 1, "the sink is dropped once");
    (taken, status, text)
}

fn options() -> (dlnms_write_options, CString) {
    let time = c("20240229123456");
    let mut options = initialised!(dlnms_write_options, dlnms_write_options_init);
    options.allow_not_trained = 1;
    options.content_time = time.as_ptr();
    (options, time)
}

fn object(bytes: &[u8]) -> DefaultDicomObject {
    DefaultDicomObject::from_reader(bytes).unwrap()
}

fn text(object: &DefaultDicomObject, tag: Tag) -> String {
    object.element(tag).unwrap().to_str().unwrap().into_owned()
}

fn conforms(folder: &Path, taken: &Taken) {
    let path = folder.join(&taken.name);
    std::fs::write(&path, &taken.bytes).unwrap();
    crate::dicom_results::conforms(&path);
}

fn phantom(folder: &Path) -> std::path::PathBuf {
    let study = folder.join("study");
    let program = env!("CARGO_BIN_EXE_dlnms");
    support::run(Command::new(program).args(["phantom", "--out"]).arg(&study));
    // The structure set belongs to no score here.
    std::fs::remove_file(study.join("rtstruct.dcm")).ok();
    study
}

#[test]
fn a_result_of_a_study_is_written_for_the_studys_patient_alone() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::new(&phantom(folder.path()));
    let roi = seed();
    let case = case_of(host.study, &roi);
    let result = host.score(&case);
    let (options, _time) = options();

    for (kind, name) in [
        (DLNMS_OBJECT_SCORE_REPORT, "sr.dcm"),
        (DLNMS_OBJECT_SEGMENTATION, "seg.dcm"),
        (DLNMS_OBJECT_MARKER, "marker.dcm"),
    ] {
        let (taken, status, why) = write_to(result, kind, &options, 0);
        assert_eq!((status, taken.name.as_str()), (DLNMS_OK, name), "{why}");
        assert_eq!(
            text(&object(&taken.bytes), tags::PATIENT_ID),
            "DLNMS-PHANTOM"
        );
        let (again, ..) = write_to(result, kind, &options, 0);
        assert!(again.bytes == taken.bytes, "{name} differs the second time");
        let (refused, status, _) = write_to(result, kind, &options, 1);
        assert_eq!((status, refused.name.as_str()), (DLNMS_E_CANCELLED, name));
    }
    // Another salt, another UID; without permission, nothing.
    let salt = c("another");
    let mut salted = options;
    salted.uid_salt = salt.as_ptr();
    let uid = |options| {
        let (taken, ..) = write_to(result, DLNMS_OBJECT_SEGMENTATION, options, 0);
        text(&object(&taken.bytes), tags::SOP_INSTANCE_UID)
    };
    assert_ne!(uid(&options), uid(&salted));
    let plain = initialised!(dlnms_write_options, dlnms_write_options_init);
    let (taken, status, why) = write_to(result, DLNMS_OBJECT_SCORE_REPORT, &plain, 0);
    assert_eq!(
        (status, taken.bytes.len()),
        (DLNMS_E_NOT_TRAINED, 0),
        "{why}"
    );
    let (_, status, why) = write_to(result, 77, &options, 0);
    assert_eq!(status, DLNMS_E_INVALID_ARGUMENT, "{why}");

    // A case may not name a study whose volumes it does not have.
    // SAFETY: the folder is there.
    let other = unsafe { open(&folder.path().join("study")) };
    let mut mixed = case;
    mixed.study = other;
    let (mut none, mut err) = (null_mut(), null_mut());
    // SAFETY: as above.
    let status = unsafe { dlnms_scorer_score(host.scorer, &mixed, null(), &mut none, &mut err) };
    // SAFETY: the message lives as long as the error.
    let why = unsafe { CStr::from_ptr(dlnms_error_message(err)) }
        .to_string_lossy()
        .into_owned();
    dlnms_error_free(err);
    assert_eq!(status, DLNMS_E_INVALID_ARGUMENT, "{why}");
    assert!(why.contains("dlnms_case.study"), "{why}");
    dlnms_study_free(other);
    dlnms_result_free(result);
}

#[test]
fn a_host_with_volumes_of_its_own_says_whose_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::new(&phantom(folder.path()));
    let roi = seed();
    let mut case = case_of(host.study, &roi);
    case.study = null();
    let result = host.score(&case);
    let (mut options, _time) = options();
    let (_, status, why) = write_to(result, DLNMS_OBJECT_SCORE_REPORT, &options, 0);
    assert_eq!(status, DLNMS_E_DICOM_WRITE, "{why}");
    assert!(why.contains("nothing says whose"), "{why}");

    // SAFETY: the volumes are those of the study, which lives.
    let [n_pet, n_ct] = unsafe { [(*case.pet).dims[2], (*case.ct).dims[2]] };
    let uids = |root: &str, n: u64| -> Vec<CString> {
        (1..=n).map(|i| c(format!("{root}.{i}"))).collect()
    };
    let (pet, ct) = (uids("1.2.3.4", n_pet), uids("1.2.3.5", n_ct));
    let pointers = |uids: &[CString]| uids.iter().map(|u| u.as_ptr()).collect::<Vec<_>>();
    let (pet_uids, mut ct_uids) = (pointers(&pet), pointers(&ct));
    let mut identity = initialised!(dlnms_identity, dlnms_identity_init);
    let name = c(std::ffi::OsStr::from_bytes("Müller^Jürgen".as_bytes()));
    let texts = [
        "ISO_IR 192",
        "1.2.3",
        "1.2.3.1",
        "1.2.3.2",
        "1.2.840.10008.5.1.4.1.1.128",
        "1.2.840.10008.5.1.4.1.1.2",
        "1.2.3.9",
    ]
    .map(c);
    identity.patient_name = name.as_ptr();
    (identity.specific_character_set, identity.study_instance_uid) =
        (texts[0].as_ptr(), texts[1].as_ptr());
    (
        identity.pet_series_instance_uid,
        identity.ct_series_instance_uid,
    ) = (texts[2].as_ptr(), texts[3].as_ptr());
    (identity.pet_sop_class_uid, identity.ct_sop_class_uid) =
        (texts[4].as_ptr(), texts[5].as_ptr());
    identity.frame_of_reference_uid = texts[6].as_ptr();
    (identity.pet_sop_instance_uids, identity.n_pet) = (pet_uids.as_ptr(), n_pet);
    (identity.ct_sop_instance_uids, identity.n_ct) = (ct_uids.as_ptr(), n_ct);
    options.identity = &identity;
    for kind in [
        DLNMS_OBJECT_SCORE_REPORT,
        DLNMS_OBJECT_SEGMENTATION,
        DLNMS_OBJECT_MARKER,
    ] {
        let (taken, status, why) = write_to(result, kind, &options, 0);
        assert_eq!(status, DLNMS_OK, "{why}");
        let written = object(&taken.bytes);
        assert_eq!(text(&written, tags::PATIENT_NAME), "Müller^Jürgen");
        assert_eq!(text(&written, tags::STUDY_INSTANCE_UID), "1.2.3");
    }
    // A page is the host's own.
    let rgb = vec![200u8; 3 * 5 * 7];
    (options.page_rgb, options.page_width, options.page_height) = (rgb.as_ptr(), 5, 7);
    let pdf = b"%PDF-1.7\nnot much";
    (options.page_pdf, options.page_pdf_size) = (pdf.as_ptr(), pdf.len() as u64);
    let (taken, status, why) = write_to(result, DLNMS_OBJECT_PAGE_IMAGE, &options, 0);
    assert_eq!((status, taken.name.as_str()), (DLNMS_OK, "sc.dcm"), "{why}");
    conforms(folder.path(), &taken);
    let pixels = object(&taken.bytes)
        .element(tags::PIXEL_DATA)
        .unwrap()
        .to_bytes()
        .unwrap()
        .into_owned();
    assert_eq!(pixels[..rgb.len()], rgb);
    let (taken, status, why) = write_to(result, DLNMS_OBJECT_PAGE_DOCUMENT, &options, 0);
    assert_eq!(
        (status, taken.name.as_str()),
        (DLNMS_OK, "report.pdf.dcm"),
        "{why}"
    );
    let document = object(&taken.bytes)
        .element(tags::ENCAPSULATED_DOCUMENT)
        .unwrap()
        .to_bytes()
        .unwrap()
        .into_owned();
    assert_eq!(document[..pdf.len()], pdf[..]);
    options.page_pdf_size = 3;
    let (_, status, why) = write_to(result, DLNMS_OBJECT_PAGE_DOCUMENT, &options, 0);
    assert_eq!(status, DLNMS_E_INVALID_ARGUMENT, "{why}");

    // One image short, the same image twice, bytes that nobody can read.
    identity.n_ct -= 1;
    let refused = |identity: &dlnms_identity, wanted: i32, word: &str| {
        let mut options = options;
        options.identity = identity;
        let (taken, status, why) = write_to(result, DLNMS_OBJECT_SCORE_REPORT, &options, 0);
        assert_eq!((status, taken.bytes.len()), (wanted, 0), "{why}");
        assert!(why.contains(word), "{why}");
        assert!(!why.contains("ller"), "{why}");
    };
    refused(&identity, DLNMS_E_DICOM_WRITE, "slices");
    identity.n_ct += 1;
    ct_uids[1] = ct_uids[0];
    identity.ct_sop_instance_uids = ct_uids.as_ptr();
    refused(&identity, DLNMS_E_INVALID_ARGUMENT, "ct_sop_instance_uids");
    ct_uids[1] = ct[1].as_ptr();
    identity.ct_sop_instance_uids = ct_uids.as_ptr();
    identity.specific_character_set = null();
    refused(&identity, DLNMS_E_DICOM_WRITE, "PatientName");
    dlnms_result_free(result);

    // Without a lesion there is no group to write, but a marker.
    case.measure_lesion = 0;
    let unmeasured = host.score(&case);
    identity.specific_character_set = texts[0].as_ptr();
    options.identity = &identity;
    let (_, status, why) = write_to(unmeasured, DLNMS_OBJECT_SCORE_REPORT, &options, 0);
    assert_eq!(status, DLNMS_E_DICOM_WRITE, "{why}");
    assert!(why.contains("not measured"), "{why}");
    let (_, status, why) = write_to(unmeasured, DLNMS_OBJECT_MARKER, &options, 0);
    assert_eq!(status, DLNMS_OK, "{why}");
    dlnms_result_free(unmeasured);
}

#[test]
fn the_page_of_a_study_holds_the_warnings_of_reading_it() {
    let folder = tempfile::tempdir().unwrap();
    let study = phantom(folder.path());
    let slice = std::fs::read_dir(study.join("ct")).unwrap().next().unwrap();
    let slice = std::fs::read(slice.unwrap().path()).unwrap();
    std::fs::write(study.join("cut.dcm"), &slice[..700]).unwrap();
    let host = Host::new(&study);
    let roi = seed();
    let result = host.score(&case_of(host.study, &roi));
    let mut taken = Taken::default();
    let mut sink = initialised!(dlnms_sink, dlnms_sink_init);
    sink.callback = Some(take);
    sink.user_data = (&raw mut taken).cast();
    let mut err = null_mut();
    // SAFETY: everything is initialised and lives.
    let status = unsafe { dlnms_result_page(result, DLNMS_PAGE_HTML, null(), &sink, &mut err) };
    ok(status, err);
    let page = String::from_utf8(taken.bytes).unwrap();
    assert!(page.contains("<p>Note: CT: passed over a series of 1 slices"));
    dlnms_result_free(result);
}
