//! Damaged DICOM files: an error or a result, never a panic, a hang or memory beyond reason.

use crate::counting::{self, ThreadMark};
use crate::support;
use crate::support::watchdog::Watchdog;
use dlnms::cancel::CancelToken;
use dlnms::error::status::DLNMS_E_DICOM_READ;
use dlnms::readers::dicom::{Archive, Modality, Segmentation, rtstruct};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

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
            let _ = seg.mask(segment.number, &cancel);
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

/// What one file did at worst.
#[derive(Default)]
struct Worst {
    variants: usize,
    /// Heap of the calling thread as a share of what is fair for the file.
    heap_share: f64,
}

/// 64 truncations and 256 single-byte changes of a file's header, seeded by its place.
fn torture(sample: &Path, seed: u64, folder: &Path) -> Worst {
    let original = std::fs::read(sample).unwrap();
    let file = folder.join(format!("damaged{seed}.dcm"));
    let mut random = Random(42 + seed);
    let mut worst = Worst::default();
    let watchdog = Watchdog::new("damaged files");
    let budget = heap_budget(sample, original.len());
    let mut try_one = |bytes: &[u8], what: String| {
        std::fs::write(&file, bytes).unwrap();
        watchdog.sees(&format!("{} after {what}", sample.display()));
        let heap = ThreadMark::new();
        let outcome = std::panic::catch_unwind(|| read_every_way(&file));
        let used = heap.peak();
        assert!(outcome.is_ok(), "{}: panic after {what}", sample.display());
        let share = used as f64 / budget as f64;
        assert!(
            share <= 1.0,
            "{}: {used} bytes of heap, {budget} are fair, after {what}",
            sample.display()
        );
        worst.heap_share = worst.heap_share.max(share);
        worst.variants += 1;
    };
    for n in 0..TRUNCATIONS {
        let at = match n % 2 {
            0 => random.below(original.len().min(HEADER)),
            _ => random.below(original.len()),
        };
        try_one(&original[..at], format!("a cut at byte {at}"));
    }
    for _ in 0..CHANGES {
        let mut bytes = original.clone();
        let at = random.below(bytes.len().min(HEADER));
        bytes[at] = random.below(256) as u8;
        try_one(&bytes, format!("byte {at} became {}", bytes[at]));
    }
    worst
}

/// Four times what the file holds when it is not compressed, and a little for tables.
fn heap_budget(sample: &Path, bytes: usize) -> usize {
    let cancel = CancelToken::default();
    let archive = Archive::open(&[sample.to_path_buf()], &cancel).ok();
    let decoded = archive.and_then(|a| Some(a.image(0).ok()?.0.len() * a.image_count()));
    4 * bytes.max(decoded.unwrap_or(0)) + (1 << 20)
}

#[test]
fn truncated_and_altered_files_never_panic_hang_or_eat_memory() {
    let _turn = counting::turn();
    let Some(data) = support::shared("data/petct") else {
        return;
    };
    let out = tempfile::tempdir().unwrap();
    let samples = samples(&data);
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut all = Vec::new();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some(sample) = samples.get(n) else { break };
            all.push(torture(sample, n as u64, out.path()));
        }
        all
    };
    let all: Vec<Worst> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(worker)).collect();
        let done = threads.into_iter().flat_map(|t| t.join().unwrap());
        done.collect()
    });
    let variants: usize = all.iter().map(|w| w.variants).sum();
    let heap = all.iter().map(|w| w.heap_share).fold(0.0, f64::max);
    println!(
        "{variants} variants of {} files; at most {heap:.2} of the fair heap",
        all.len()
    );
    assert_eq!(all.len(), 93);
    assert_eq!(variants, 93 * (TRUNCATIONS + CHANGES));
}

const TRUNCATIONS: usize = 64;
const CHANGES: usize = 256;
/// Headers lie in the first bytes.
const HEADER: usize = 4096;

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
    let _watchdog = Watchdog::new("a folder with a loop and a file nested 10,000 deep");
    let error = support::inspect(&[out.path().to_path_buf()]).unwrap_err();
    assert_eq!(error.status(), DLNMS_E_DICOM_READ, "{error}");
}
