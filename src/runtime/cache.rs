//! What a provider made of a model, kept for the next start: for the CPU the optimised graph with its weights laid out
//! for the processor, which ONNX Runtime maps instead of reading, reordering and copying 187 MB.
//!
//! An entry is a folder that appears whole, by rename, under a name that is a digest of everything it depends on. Its
//! files' own digests stand in `entry.json` and are compared before use; one that is damaged is made again. Of several
//! processes one makes it, under a lock that dies with it, and the others wait. TensorRT's engines lie in such folders
//! too, but TensorRT writes and checks them itself.

use super::graph::Cases;
use super::interrupt::Interrupt;
use super::provider;
use crate::bundle::{Digest, Model};
use crate::error::Result;
use crate::regular::{self, why};
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

/// What the cache did for a start.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum CacheOutcome {
    /// None was asked for.
    Off,
    /// There is nothing to keep: what runs is made of the model as fast as it could be read from a cache.
    Unneeded,
    /// The entry was there and sound.
    Hit,
    /// It was made.
    Miss {
        /// Why it was not used: absent, damaged.
        reason: String,
    },
    /// It could not be made; the model was loaded without it.
    Unusable {
        /// Why: read-only, disk full.
        reason: String,
    },
}

/// Everything an entry depends on.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Key {
    /// Layout of the entry.
    format: u32,
    model_sha256: String,
    onnxruntime: String,
    provider: String,
    precision: String,
    /// Cases of a run; 0 for any number.
    cases: usize,
    /// Processor, or graphics card and driver.
    machine: String,
}

const FORMAT: u32 = 3;
/// The graph of an entry; its weights lie beside it.
pub const MODEL_FILE: &str = "model.onnx";
/// The weights.
pub const WEIGHTS_FILE: &str = "weights.bin";
const ENTRY_FILE: &str = "entry.json";
/// What a killed process left is removed after this time: nobody builds for so long.
const STALE: Duration = Duration::from_secs(24 * 3600);

/// How often a process looks whether another has built.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

#[derive(Serialize, Deserialize)]
struct Entry {
    key: Key,
    model: Digest,
    weights: Digest,
}

/// A folder of entries.
pub struct Cache<'a> {
    dir: &'a Path,
    key: Key,
    interrupt: &'a Interrupt,
}

impl<'a> Cache<'a> {
    /// The place of one model for one provider on this machine.
    pub fn new(
        dir: &'a Path,
        (model, cases): (&Model, Cases),
        used: &provider::Entry,
        onnxruntime: &str,
        interrupt: &'a Interrupt,
    ) -> Self {
        let key = Key {
            format: FORMAT,
            model_sha256: model.sha256.clone(),
            onnxruntime: onnxruntime.into(),
            provider: used.provider.name().into(),
            precision: model.precision.name().into(),
            cases: match cases {
                Cases::UpTo(_) => 0,
                Cases::Exactly(n) => n,
            },
            machine: match used.provider.is_gpu() {
                true => format!("{} {}", graphics(), used.device),
                false => processor(),
            },
        };
        Self {
            dir,
            key,
            interrupt,
        }
    }

    /// A folder that a provider fills by itself, and whether it had filled it before.
    pub fn folder(&self) -> Result<(PathBuf, CacheOutcome), String> {
        let folder = self.entry()?;
        std::fs::create_dir_all(&folder).map_err(why)?;
        // Found out now: a provider would only complain in a log.
        check_writable(&folder).map_err(why)?;
        let filled = folder.read_dir().map_err(why)?.next().is_some();
        let outcome = match filled {
            true => CacheOutcome::Hit,
            false => CacheOutcome::Miss {
                reason: "not there yet".into(),
            },
        };
        Ok((folder, outcome))
    }

    fn entry(&self) -> Result<PathBuf, String> {
        let key = serde_json::to_vec(&self.key).map_err(|e| e.to_string())?;
        Ok(self.dir.join(Digest::of(&key).sha256))
    }

    /// The model file of a sound entry, or why there is none.
    pub fn find(&self) -> Result<PathBuf, String> {
        let entry = self.entry()?;
        if !entry.is_dir() {
            return Err("not there yet".into());
        }
        let check = || -> Result<(), String> {
            let text = regular::read(&entry.join(ENTRY_FILE)).map_err(why)?;
            let found: Entry = serde_json::from_slice(&text).map_err(|e| e.to_string())?;
            if found.key != self.key {
                return Err("it was made for something else".into());
            }
            for (name, digest) in [(MODEL_FILE, &found.model), (WEIGHTS_FILE, &found.weights)] {
                digest
                    .check(&entry.join(name))
                    .map_err(|why| format!("{name}: {why}"))?;
            }
            Ok(())
        };
        match check() {
            Ok(()) => Ok(entry.join(MODEL_FILE)),
            Err(why) => {
                let _ = std::fs::remove_dir_all(&entry);
                Err(format!("damaged, made again: {why}"))
            }
        }
    }

    /// Let `build` write model and weights into a folder, and give it its name. Returns the model file. One process
    /// builds; others wait for it and use what it made.
    pub fn make(&self, build: impl FnOnce(&Path) -> Result<(), String>) -> Result<PathBuf, String> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        std::fs::create_dir_all(self.dir).map_err(why)?;
        let _turn = self.turn()?;
        if let Ok(made) = self.find() {
            return Ok(made);
        }
        self.sweep();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let part = self
            .dir
            .join(format!(".{}-{number}.part", std::process::id()));
        let made = self.write(&part, build);
        if made.is_err() {
            let _ = std::fs::remove_dir_all(&part);
        }
        made
    }

    /// The one turn to build this entry, held while the file is open; it ends with the process, however that ends.
    fn turn(&self) -> Result<Option<File>, String> {
        let path = self.entry()?.with_extension("lock");
        let mut options = File::options();
        let Ok(file) = options.create(true).append(true).open(path) else {
            return Ok(None); // then building will say what is wrong with the folder
        };
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                // Where files cannot be locked everybody builds, and the first rename wins.
                Err(TryLockError::Error(_)) => return Ok(None),
                Err(TryLockError::WouldBlock) => {}
            }
            self.interrupt.check().map_err(|e| e.to_string())?;
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    fn write(
        &self,
        part: &Path,
        build: impl FnOnce(&Path) -> Result<(), String>,
    ) -> Result<PathBuf, String> {
        std::fs::create_dir_all(part).map_err(why)?;
        build(part)?;
        let digest = |name| Digest::of_file(&part.join(name)).map_err(|e| format!("{name}: {e}"));
        let entry = serde_json::json!({
            "key": self.key,
            "model": digest(MODEL_FILE)?,
            "weights": digest(WEIGHTS_FILE)?,
        });
        std::fs::write(part.join(ENTRY_FILE), format!("{entry:#}\n")).map_err(why)?;
        let entry = self.entry()?;
        if let Err(e) = std::fs::rename(part, &entry) {
            let _ = std::fs::remove_dir_all(part);
            // Another process was faster: its entry is as good, if it is sound.
            return self.find().map_err(|_| why(e));
        }
        Ok(entry.join(MODEL_FILE))
    }

    /// Remove what killed processes left.
    fn sweep(&self) {
        let now = SystemTime::now();
        for entry in self.dir.read_dir().into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let stale = || {
                let changed = entry.metadata().and_then(|m| m.modified()).ok()?;
                Some(now.duration_since(changed).ok()? > STALE)
            };
            if name.starts_with('.') && name.ends_with(".part") && stale() == Some(true) {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// Write a file and remove it.
fn check_writable(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!(".{}.part", std::process::id()));
    File::create(&path)?;
    std::fs::remove_file(path)
}

/// The NVIDIA driver and the cards it drives, as it lists them itself.
fn graphics() -> String {
    let driver = std::fs::read_to_string("/proc/driver/nvidia/version").unwrap_or_default();
    let cards = Path::new("/proc/driver/nvidia/gpus").read_dir();
    let information = cards.into_iter().flatten().flatten();
    let mut models: Vec<String> = information
        .filter_map(|card| std::fs::read_to_string(card.path().join("information")).ok())
        .filter_map(|text| Some(text.lines().find(|l| l.starts_with("Model:"))?.to_owned()))
        .collect();
    models.sort();
    format!("{driver}{}", models.join("; "))
}

/// What ONNX Runtime lays weights out for: the architecture and its vector instructions.
fn processor() -> String {
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut))]
    let mut name = std::env::consts::ARCH.to_owned();
    #[cfg(target_arch = "x86_64")]
    for (feature, there) in [
        ("avx", std::arch::is_x86_feature_detected!("avx")),
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ("avx512bw", std::arch::is_x86_feature_detected!("avx512bw")),
        (
            "avx512vnni",
            std::arch::is_x86_feature_detected!("avx512vnni"),
        ),
        ("avxvnni", std::arch::is_x86_feature_detected!("avxvnni")),
    ] {
        if there {
            name += " ";
            name += feature;
        }
    }
    name
}
