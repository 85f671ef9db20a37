//! What the integration tests share: where things are, and small readers of test data.
#![allow(dead_code)] // the smaller test programs do not use all of it

pub mod cancelling;
pub mod dicom_bytes;
pub mod host;
pub mod watchdog;

use dlnms::cancel::CancelToken;
use dlnms::readers::dicom::{Archive, Inspection, Modality, Series};
use std::path::{Path, PathBuf};

/// Repository root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn built(variable: &str, default: &str, what: &str) -> PathBuf {
    let set = std::env::var_os(variable).filter(|v| !v.is_empty());
    let path = set.map_or_else(|| root().join(default), PathBuf::from);
    assert!(
        path.exists(),
        "{what} is not at {}: run `make test`, which builds it",
        path.display()
    );
    path
}

/// The seeded bundle that `make` builds.
pub fn bundle() -> PathBuf {
    built("DLNMS_TEST_BUNDLE", "target/bundle", "the seeded bundle")
}

/// Folder of libonnxruntime.so from the pinned wheel.
pub fn onnxruntime() -> PathBuf {
    built("DLNMS_ONNXRUNTIME", "target/onnxruntime", "ONNX Runtime")
}

/// Real patient and phantom data, or `None`, said loudly.
pub fn shared(what: &str) -> Option<PathBuf> {
    let path =
        std::env::var_os("DLNMS_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    let wanted = path.join(what);
    if wanted.exists() {
        return Some(wanted);
    }
    skip(what, "the shared test data is not here");
    None
}

/// A little-endian float32 .npy tensor (3 x 112 x 112) in C order; some of the golden files are in Fortran order.
pub fn npy(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(&bytes[..6], b"\x93NUMPY");
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let text = String::from_utf8_lossy(&bytes[..header]).into_owned();
    assert!(
        text.contains("'<f4'") && text.contains("(3, 112, 112)"),
        "{}: {text}",
        path.display()
    );
    let values: Vec<f32> = bytes[header..]
        .as_chunks::<4>()
        .0
        .iter()
        .map(|b| f32::from_le_bytes(*b))
        .collect();
    if !text.contains("'fortran_order': True") {
        return values;
    }
    let (n, side) = (3, 112);
    let at = |i: usize| (i / (side * side), i / side % side, i % side);
    (0..values.len())
        .map(at)
        .map(|(c, y, x)| values[c + n * (y + side * x)])
        .collect()
}

/// Largest and mean absolute difference.
pub fn difference(a: &[f32], b: &[f32]) -> (f64, f64) {
    assert_eq!(a.len(), b.len());
    let d: Vec<f64> = a
        .iter()
        .zip(b)
        .map(|(x, y)| f64::from((x - y).abs()))
        .collect();
    (
        d.iter().copied().fold(0.0, f64::max),
        d.iter().sum::<f64>() / d.len() as f64,
    )
}

/// A runtime from the pinned wheel.
pub fn runtime() -> dlnms::runtime::Runtime {
    dlnms::runtime::Runtime::load(Some(&onnxruntime())).expect("ONNX Runtime loads")
}

/// The few-kilobyte bundle for tests that damage bundles.
pub fn tiny_bundle() -> PathBuf {
    built("DLNMS_TINY_BUNDLE", "target/tiny-bundle", "the tiny bundle")
}

/// The bundle whose first layers see what its tests say: tests/planted_bundle.py.
pub fn planted_bundle() -> PathBuf {
    built(
        "DLNMS_PLANTED_BUNDLE",
        "target/planted-bundle",
        "the planted bundle",
    )
}

/// What packaging/build.py built for an installation.
pub fn product() -> PathBuf {
    built("DLNMS_PRODUCT", "target/product", "the release build")
}

/// `target/dist`: headers, libraries and the program as they ship.
pub fn dist() -> PathBuf {
    built("DLNMS_DIST", "target/dist", "the release build")
}

/// Writes a line to the real standard error, past the test runner's capture.
pub fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "\n{line}\n");
}

/// Says on the real standard error that something was not run. Where everything is required (`.ci/run`), that is a failure.
pub fn skip(what: &str, why: &str) {
    assert!(
        std::env::var_os("DLNMS_REQUIRE_ALL").is_none(),
        "{what}: {why}, and DLNMS_REQUIRE_ALL is set"
    );
    not_run(&format!("SKIPPED: {what}: {why}"));
}

/// Says on the real standard error what this machine cannot run; nobody can require it.
pub fn not_tested_here(what: &str) {
    not_run(&format!("NOT TESTED HERE: {what}"));
}

/// Says a line at once, and leaves it for the end of `make test`.
fn not_run(line: &str) {
    use std::io::Write;
    say(&format!("*** {line} ***"));
    if let Some(list) = std::env::var_os("DLNMS_SKIPPED") {
        let list = std::fs::File::options()
            .append(true)
            .create(true)
            .open(list);
        let _ = list.and_then(|mut l| writeln!(l, "{line}"));
    }
}

/// Says what this processor cannot run.
pub fn beyond_this_processor(what: &str) {
    not_tested_here(&format!("{what}: this processor has it not"));
}

/// Returns the text of a generated file of the repository. Where `DLNMS_BLESS` is set, `wanted` is written first.
pub fn committed(path: &str, wanted: &str) -> String {
    let path = root().join(path);
    if std::env::var_os("DLNMS_BLESS").is_some() {
        std::fs::write(&path, wanted).unwrap();
    }
    std::fs::read_to_string(&path).unwrap_or_default()
}

/// Whether a tool is installed; says so loudly when it is not.
pub fn tool(name: &str) -> bool {
    let found = std::process::Command::new(name)
        .arg("--version")
        .output()
        .is_ok_and(|o| o.status.success());
    if !found {
        skip(name, "is not installed");
    }
    found
}

/// Run a command that must succeed; returns its standard output.
pub fn run(command: &mut std::process::Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{command:?}\n{}\n{out}\n{err}",
        output.status
    );
    out.into_owned()
}

/// Writes the program's own study, a thorax with a tumour at -82, -12, 46.5, into the folder `study` of a folder.
pub fn phantom(folder: &Path) {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_dlnms"));
    run(program.args(["phantom", "--out"]).arg(folder.join("study")));
}

/// Decode the series of a modality that is chosen by rule.
pub fn series(paths: &[PathBuf], modality: Modality) -> dlnms::Result<Series> {
    let cancel = CancelToken::default();
    Archive::open(paths, &cancel)?.series(modality, None, &|_, _| true, &cancel)
}

/// Series and ROIs of files and folders.
pub fn inspect(paths: &[PathBuf]) -> dlnms::Result<Inspection> {
    Ok(Archive::open(paths, &CancelToken::default())?.inspect())
}
