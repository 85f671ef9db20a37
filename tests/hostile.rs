//! Damaged DICOM files: an error or a result, never a panic, a hang or memory beyond reason.

mod support;

use dlnms::dicom::{Archive, Modality, Segmentation, rtstruct};
use dlnms::scorer::CancelToken;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// One file of every folder: every vendor, object and transfer syntax there is.
fn samples(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let mut here: Vec<PathBuf> = folder
            .read_dir()
            .unwrap()
            .flatten()
            .map(|e| e.path())
            .collect();
        here.sort();
        folders.extend(here.iter().filter(|p| p.is_dir()).cloned());
        let dicom = here
            .into_iter()
            .filter(|p| p.is_file() && p.metadata().is_ok_and(|m| m.len() < 1 << 20));
        let dicom = dicom.filter(|p| p.extension().is_some_and(|e| e == "dcm"));
        // Folders of transfer syntaxes hold a different one in each file.
        files.extend(
            dicom.take(if folder.to_string_lossy().contains("transfer_syntaxes") {
                99
            } else {
                1
            }),
        );
    }
    files
}

/// Everything this library does with a file, one after another; the answers do not matter here.
fn read_every_way(file: &Path) {
    let cancel = CancelToken::default();
    if let Ok(archive) = Archive::open(&[file.to_path_buf()], &cancel) {
        let _ = archive.inspect();
        for modality in [Modality::Ct, Modality::Pt] {
            let _ = archive.series(modality, None, &|_, _| true, &cancel);
        }
        for image in 0..archive.image_count().min(3) {
            let _ = archive.image(image);
        }
    }
    let _ = rtstruct::read(file);
    if let Ok(seg) = Segmentation::open(file) {
        for segment in seg.segments() {
            let _ = seg.mask(segment.number);
        }
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }
}

#[test]
fn truncated_and_altered_files_never_panic_or_hang() {
    let Some(data) = support::shared("data/petct") else {
        return;
    };
    let out = tempfile::tempdir().unwrap();
    let mut random = Random(42);
    let (mut files, mut variants, mut slowest) = (0, 0, Duration::ZERO);
    for sample in samples(&data) {
        let original = std::fs::read(&sample).unwrap();
        files += 1;
        let mut try_one = |bytes: &[u8], what: String| {
            let file = out.path().join("hostile.dcm");
            std::fs::write(&file, bytes).unwrap();
            let start = Instant::now();
            let outcome = std::panic::catch_unwind(|| read_every_way(&file));
            let took = start.elapsed();
            assert!(outcome.is_ok(), "{}: panic after {what}", sample.display());
            assert!(
                took < Duration::from_secs(10),
                "{}: {took:?} after {what}",
                sample.display()
            );
            slowest = slowest.max(took);
            variants += 1;
        };
        for n in 0..TRUNCATIONS {
            let at = if n < TRUNCATIONS / 2 {
                random.below(original.len().min(4096))
            } else {
                random.below(original.len())
            };
            try_one(&original[..at], format!("a cut at byte {at}"));
        }
        for _ in 0..CHANGES {
            let mut bytes = original.clone();
            let at = random.below(bytes.len().min(4096));
            bytes[at] = random.below(256) as u8;
            try_one(&bytes, format!("byte {at} became {}", bytes[at]));
        }
    }
    println!("{variants} variants of {files} files, slowest {slowest:?}");
    assert!(files > 30, "{files}");
}

const TRUNCATIONS: usize = 16;
const CHANGES: usize = 48;

#[test]
fn deep_nesting_and_odd_names_and_loops_are_survived() {
    let out = tempfile::tempdir().unwrap();
    let nested = out.path().join("deep.dcm");
    let mut bytes = vec![0u8; 128];
    bytes.extend(b"DICM");
    for _ in 0..10_000 {
        bytes.extend([0x08, 0x00, 0x15, 0x11]); // Referenced Series Sequence, undefined length, explicit VR
        bytes.extend(b"SQ\0\0");
        bytes.extend([0xFF; 4]);
        bytes.extend([0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF]);
    }
    std::fs::write(&nested, &bytes).unwrap();
    let odd = out.path().join("new\nline \u{202e} \u{1F600}.dcm");
    std::fs::write(&odd, b"not dicom").unwrap();
    std::os::unix::fs::symlink(out.path(), out.path().join("loop")).unwrap();
    std::os::unix::fs::symlink("nowhere", out.path().join("dangling")).unwrap();
    let start = Instant::now();
    let error = support::inspect(&[out.path().to_path_buf()]).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(2), "{error}");
}
