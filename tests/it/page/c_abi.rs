//! The page through the C functions.
#![allow(unsafe_code)] // calls of the C ABI

use super::Volumes;
use crate::support::{onnxruntime, tiny_bundle};
use dlnms::error::status::*;
use dlnms::ffi::*;
use dlnms::imaging::IDENTITY;
use std::ffi::{CStr, CString, c_char, c_void};
use std::mem::zeroed;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{null, null_mut};

/// Files that a sink took, and whether it wants them.
#[derive(Default)]
struct Files {
    taken: Vec<(String, Vec<u8>)>,
    full: bool,
}

unsafe extern "C" fn take(
    name: *const c_char,
    bytes: *const u8,
    size: usize,
    data: *mut c_void,
) -> i32 {
    // SAFETY: the header's promises, and the test's own struct.
    let (name, bytes, files) = unsafe {
        let bytes = std::slice::from_raw_parts(bytes, size);
        (CStr::from_ptr(name), bytes, &mut *data.cast::<Files>())
    };
    files
        .taken
        .push((name.to_str().unwrap().into(), bytes.to_vec()));
    i32::from(files.full)
}

fn c(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap()
}

/// A result of the tiny bundle, as a C host has it.
struct CResult {
    runtime: *mut dlnms_runtime,
    scorer: *mut dlnms_scorer,
    result: *mut dlnms_result,
}

impl CResult {
    fn new(sample_pictures: u32) -> Self {
        let (library, bundle) = (c(&onnxruntime()), c(&tiny_bundle()));
        let (mut runtime, mut scorer, mut result) = (null_mut(), null_mut(), null_mut());
        let volumes = Volumes::new(IDENTITY);
        // SAFETY: structs are initialised by their own functions, pointers are valid for the calls.
        unsafe {
            let mut at: dlnms_runtime_options = zeroed();
            dlnms_runtime_options_init(&mut at, size_of_val(&at) as u32);
            at.library_path = library.as_ptr();
            assert_eq!(dlnms_runtime_new(&at, &mut runtime, null_mut()), DLNMS_OK);
            let mut options: dlnms_scorer_options = zeroed();
            dlnms_scorer_options_init(&mut options, size_of_val(&options) as u32);
            options.bundle_dir = bundle.as_ptr();
            let made = dlnms_scorer_new(runtime, &options, &mut scorer, null_mut());
            assert_eq!(made, DLNMS_OK);
            let volume = |voxels: &[u8]| {
                let mut volume: dlnms_volume = zeroed();
                dlnms_volume_init(&mut volume, size_of_val(&volume) as u32);
                volume.dtype = DLNMS_DTYPE_F32;
                volume.data = voxels.as_ptr().cast();
                volume.dims = [super::N as u64; 3];
                volume.spacing = volumes.grid.spacing;
                volume.origin = volumes.grid.origin;
                volume
            };
            let (ct, pet) = (volume(&volumes.ct), volume(&volumes.pet));
            let mut roi: dlnms_roi = zeroed();
            dlnms_roi_init(&mut roi, size_of_val(&roi) as u32);
            roi.point = [0.0; 3];
            let mut case: dlnms_case = zeroed();
            dlnms_case_init(&mut case, size_of_val(&case) as u32);
            (case.ct, case.pet, case.roi) = (&ct, &pet, &roi);
            (case.measure_lesion, case.radius_mm) = (1, 15.0);
            case.sample_pictures = sample_pictures;
            let scored = dlnms_scorer_score(scorer, &case, null(), &mut result, null_mut());
            assert_eq!(scored, DLNMS_OK);
        }
        Self {
            runtime,
            scorer,
            result,
        }
    }

    /// Makes a page of a kind; `edit` changes the options.
    fn page(
        &self,
        kind: u32,
        files: &mut Files,
        edit: impl FnOnce(&mut dlnms_page_options),
    ) -> (i32, String) {
        let mut error = null_mut();
        // SAFETY: as above; the sink's struct outlives the call.
        unsafe {
            let mut options: dlnms_page_options = zeroed();
            dlnms_page_options_init(&mut options, size_of_val(&options) as u32);
            edit(&mut options);
            let mut sink: dlnms_sink = zeroed();
            dlnms_sink_init(&mut sink, size_of_val(&sink) as u32);
            sink.callback = Some(take);
            sink.user_data = std::ptr::from_mut(files).cast();
            let status = dlnms_result_page(self.result, kind, &options, &sink, &mut error);
            let message = if error.is_null() {
                String::new()
            } else {
                let text = CStr::from_ptr(dlnms_error_message(error));
                text.to_str().unwrap().to_owned()
            };
            dlnms_error_free(error);
            (status, message)
        }
    }
}

impl Drop for CResult {
    fn drop(&mut self) {
        dlnms_result_free(self.result);
        dlnms_scorer_free(self.scorer);
        dlnms_runtime_free(self.runtime);
    }
}

#[test]
fn every_kind_of_page_goes_to_the_sink_once() {
    let result = CResult::new(1);
    let mut files = Files::default();
    let lesion = CString::new("<b>tumour</b>").unwrap();
    for kind in [
        DLNMS_PAGE_HTML,
        DLNMS_PAGE_PNG,
        DLNMS_PAGE_PDF,
        DLNMS_PAGE_SVG,
    ] {
        let (status, message) = result.page(kind, &mut files, |o| o.lesion = lesion.as_ptr());
        assert_eq!(status, DLNMS_OK, "{message}");
    }
    let starts = |n: usize, name: &str, bytes: &[u8]| {
        let (taken, content) = &files.taken[n];
        assert!(taken == name && content.starts_with(bytes), "{taken}");
    };
    assert_eq!(files.taken.len(), 4);
    starts(0, "report.html", b"<!DOCTYPE html>");
    starts(1, "report.png", b"\x89PNG");
    starts(2, "report.pdf", b"%PDF-");
    starts(3, "report.svg", b"<svg ");
    let html = String::from_utf8_lossy(&files.taken[0].1);
    assert!(html.contains("&lt;b&gt;tumour&lt;/b&gt;") && html.contains("data:image/png"));
    let without = CResult::new(0);
    let (status, message) = without.page(DLNMS_PAGE_SVG, &mut files, |_| ());
    assert_eq!(status, DLNMS_OK, "{message}");
    let svg = String::from_utf8_lossy(&files.taken[4].1).into_owned();
    assert!(svg.contains("No pictures") && !svg.contains("data:image/png"));
}

#[test]
fn pages_without_durations_are_those_of_every_run() {
    let mut files = Files::default();
    for result in [CResult::new(1), CResult::new(1)] {
        for kind in [DLNMS_PAGE_HTML, DLNMS_PAGE_PDF] {
            let (status, message) = result.page(kind, &mut files, |o| o.without_durations = 1);
            assert_eq!(status, DLNMS_OK, "{message}");
        }
    }
    assert!(files.taken[..2] == files.taken[2..]);
    let (status, message) = CResult::new(0).page(DLNMS_PAGE_HTML, &mut files, |_| ());
    assert_eq!(status, DLNMS_OK, "{message}");
    let says = [0, 4].map(|n| String::from_utf8_lossy(&files.taken[n].1).contains(">Time<"));
    assert_eq!(says, [false, true]);
}

#[test]
fn wrong_options_of_a_page_are_refused_by_name() {
    let result = CResult::new(0);
    let mut files = Files::default();
    let not_utf8 = c"\xff";
    type Edit<'a> = Box<dyn Fn(&mut dlnms_page_options) + 'a>;
    let edits: [(i32, &str, Edit<'_>); 4] = [
        (
            DLNMS_E_INVALID_ARGUMENT,
            "ct_window",
            Box::new(|o| o.ct_window = 7),
        ),
        (
            DLNMS_E_INVALID_ARGUMENT,
            "clinical_n0",
            Box::new(|o| o.clinical_n0 = 2),
        ),
        (
            DLNMS_E_INVALID_ARGUMENT,
            "age_years",
            Box::new(|o| o.age_years = -1.0),
        ),
        (
            DLNMS_E_UTF8,
            "lesion",
            Box::new(|o| o.lesion = not_utf8.as_ptr()),
        ),
    ];
    for (code, name, edit) in edits {
        let (status, message) = result.page(DLNMS_PAGE_SVG, &mut files, |o| edit(o));
        assert_eq!(status, code, "{name}: {message}");
        assert!(message.contains(name), "{message}");
    }
    let (status, message) = result.page(9, &mut files, |_| ());
    assert!(
        status == DLNMS_E_INVALID_ARGUMENT && message.contains("kind"),
        "{message}"
    );
    assert!(files.taken.is_empty());
    files.full = true;
    let (status, _) = result.page(DLNMS_PAGE_HTML, &mut files, |_| ());
    assert_eq!((status, files.taken.len()), (DLNMS_E_CANCELLED, 1));
}
