//! What a provider made of a model, kept for the next start: for the CPU the optimised graph with its weights laid out
//! for the processor.
//!
//! An entry is a folder that appears whole, by rename, under a name that is a digest of everything it depends on. Its
//! files' digests stand in `entry.json` with a proof that this user wrote it ([`private_folder`]); all are compared as the
//! files are read, once, into memory of this process, so that nothing that happens to them later reaches a score. An
//! entry that is damaged is made again. Every session is tested with the bundle's self-test vectors, from the cache or
//! not; that finds faults, not forgeries, for whoever forges an entry has the vectors too.
//!
//! Of several processes one makes an entry, under a lock that dies with it, and the others wait. TensorRT's engines lie in
//! such folders too, but TensorRT writes, reads and checks them itself: owner and mode alone protect them.

use super::batch_size::BatchSize;
use super::file_limit;
use super::interrupt::Interrupt;
use super::model_file::{self, ModelInMemory};
use super::private_folder::{self, Key};
use crate::bundle::{Digest, Precision};
use crate::error::Result;
use crate::regular_file::why;
use crate::runtime::provider;
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, Permissions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
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
        /// Why: read-only, disk full, a folder that other users can write.
        reason: String,
    },
}

/// Everything an entry depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// Layout of the entry.
    format: u32,
    /// Of graph and weights.
    model_sha256: String,
    onnxruntime: String,
    provider: String,
    precision: String,
    /// BatchSize of a run; 0 for any number.
    cases: usize,
    /// Processor, or graphics card and driver.
    machine: String,
}

const FORMAT: u32 = 5;
/// The graph of an entry; its weights lie beside it.
pub const MODEL_FILE: &str = "model.onnx";
/// The weights.
pub const WEIGHTS_FILE: &str = "weights.bin";
const ENTRY_FILE: &str = "entry.json";
/// What a killed process left is removed after this time: nobody builds for so long.
const STALE: Duration = Duration::from_secs(24 * 3600);

/// How often a process looks whether another has built.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A graph and a list of tensors without their values, or a few lines of text: much larger ones are none.
const MAX_GRAPH: u64 = 64 << 20;
const MAX_ENTRY: u64 = 1 << 16;

#[derive(Serialize, Deserialize)]
struct CacheManifest {
    content: Content,
    model: Digest,
    weights: Digest,
    /// Of all above.
    proof: String,
}

impl CacheManifest {
    fn proof(&self, key: &Key) -> std::result::Result<String, String> {
        let proven = serde_json::to_vec(&(&self.content, &self.model, &self.weights));
        Ok(key.proof(&proven.map_err(|e| e.to_string())?))
    }
}

/// A folder of entries.
pub struct Cache<'a> {
    dir: &'a Path,
    content: Content,
    interrupt: &'a Interrupt,
}

impl<'a> Cache<'a> {
    /// The place of one model for one provider on this machine.
    pub fn new(
        dir: &'a Path,
        (precision, model_sha256, cases): (Precision, String, BatchSize),
        used: &provider::ProviderConfig,
        onnxruntime: &str,
        interrupt: &'a Interrupt,
    ) -> Self {
        let content = Content {
            format: FORMAT,
            model_sha256,
            onnxruntime: onnxruntime.into(),
            provider: used.provider.name().into(),
            precision: precision.name().into(),
            cases: match cases {
                BatchSize::UpTo(_) => 0,
                BatchSize::Exactly(n) => n,
            },
            machine: match used.provider.is_gpu() {
                true => format!("{} {}", graphics(), used.device),
                false => processor(),
            },
        };
        Self {
            dir,
            content,
            interrupt,
        }
    }

    /// A folder that a provider fills by itself, and whether it had filled it before.
    pub fn folder(&self) -> Result<(PathBuf, CacheOutcome), String> {
        let folder = private_folder::make(self.dir)?.join(self.name()?);
        let folder = private_folder::make(&folder)?;
        // Found out now: a provider would only complain in a log.
        check_writable(&folder).map_err(why)?;
        let mut filled = false;
        for file in folder.read_dir().map_err(why)? {
            filled = true;
            let found = file
                .and_then(|f| f.path().symlink_metadata())
                .map_err(why)?;
            let owned = private_folder::owned(&found) && !found.is_symlink();
            if !owned {
                return Err("a file in it belongs to another user".into());
            }
        }
        let outcome = match filled {
            true => CacheOutcome::Hit,
            false => CacheOutcome::Miss {
                reason: "not there yet".into(),
            },
        };
        Ok((folder, outcome))
    }

    /// Name of the entry's folder.
    fn name(&self) -> Result<String, String> {
        let content = serde_json::to_vec(&self.content).map_err(|e| e.to_string())?;
        Ok(Digest::of(&content).sha256)
    }

    /// Reads a sound entry.
    ///
    /// # Errors
    /// Why there is none.
    pub fn find(&self) -> Result<ModelInMemory, Missing> {
        match self.dir.symlink_metadata() {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(Missing::Absent("not there yet".into()));
            }
            _ => {}
        }
        let dir = private_folder::check(self.dir).map_err(Missing::Unusable)?;
        self.find_in(&dir).map_err(Missing::Absent)
    }

    fn find_in(&self, dir: &Path) -> Result<ModelInMemory, String> {
        let entry = dir.join(self.name()?);
        if entry.symlink_metadata().is_err() {
            return Err("not there yet".into());
        }
        self.read(dir, &entry).map_err(|why| {
            if self.interrupt.check().is_ok() {
                private_folder::remove(&entry);
            }
            format!("damaged, made again: {why}")
        })
    }

    /// Reads and verifies an entry.
    fn read(&self, dir: &Path, entry: &Path) -> Result<ModelInMemory, String> {
        let found = entry.symlink_metadata().map_err(why)?;
        private_folder::own(&found)?;
        let text = read_small(&entry.join(ENTRY_FILE), MAX_ENTRY)?;
        let found: CacheManifest = serde_json::from_slice(&text).map_err(|e| e.to_string())?;
        if found.content != self.content {
            return Err("it was made for something else".into());
        }
        let key = Key::read(dir).map_err(|e| format!("its key: {}", why(e)))?;
        if found.proof(&key)? != found.proof {
            return Err("it does not prove that it was made here".into());
        }
        let of = |name: &'static str| move |why: String| format!("{name}: {why}");
        let graph = read_small(&entry.join(MODEL_FILE), MAX_GRAPH).map_err(of(MODEL_FILE))?;
        if Digest::of(&graph) != found.model {
            return Err(of(MODEL_FILE)("another sha256".into()));
        }
        let of = of(WEIGHTS_FILE);
        let mut file = private_folder::open(&entry.join(WEIGHTS_FILE)).map_err(|e| of(why(e)))?;
        let bytes = file.metadata().map_err(|e| of(why(e)))?.len();
        if bytes != found.weights.bytes {
            let expected = found.weights.bytes;
            return Err(of(format!("{bytes} bytes instead of {expected}")));
        }
        let (weights, digest) = model_file::read(&mut file, bytes, self.interrupt).map_err(&of)?;
        if digest != found.weights {
            return Err(of("another sha256".into()));
        }
        ModelInMemory::from_graph_and_file(graph, WEIGHTS_FILE, weights)
    }

    /// Lets `build` write model and weights into a folder, gives it its name and reads it. One process builds; others wait
    /// for it and use what it made. A limit on the size of files is an error, not a signal.
    pub fn make(
        &self,
        build: impl FnOnce(&Path) -> Result<(), String>,
    ) -> Result<ModelInMemory, String> {
        file_limit::without_signal(|| {
            let dir = private_folder::make(self.dir)?;
            let key = Key::make(&dir).map_err(why)?;
            let _turn = self.turn(&dir)?;
            if let Ok(made) = self.find_in(&dir) {
                return Ok(made);
            }
            sweep(&dir);
            static NUMBER: AtomicUsize = AtomicUsize::new(0);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let part = dir.join(format!(".{}-{number}.part", std::process::id()));
            private_folder::remove(&part);
            let made = self.write(&dir, &part, &key, build);
            private_folder::remove(&part);
            made?;
            self.find_in(&dir)
        })
    }

    /// The one turn to build this entry, held while the file is open; it ends with the process, however that ends.
    fn turn(&self, dir: &Path) -> Result<Option<File>, String> {
        let path = dir.join(self.name()?).with_extension("lock");
        let opened = File::options()
            .create(true)
            .append(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(path);
        let file = opened.map_err(|e| format!("its lock: {}", why(e)))?;
        if !file.metadata().map_err(why)?.is_file() {
            return Err("its lock is not a file".into());
        }
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
        dir: &Path,
        part: &Path,
        key: &Key,
        build: impl FnOnce(&Path) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut builder = DirBuilder::new();
        builder.mode(0o700).create(part).map_err(why)?;
        build(part)?;
        let digest = |name| {
            let of = |e| format!("{name}: {}", why(e));
            let path = part.join(name);
            std::fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(of)?;
            Digest::of_file(&path).map_err(of)
        };
        let mut entry = CacheManifest {
            content: self.content.clone(),
            model: digest(MODEL_FILE)?,
            weights: digest(WEIGHTS_FILE)?,
            proof: String::new(),
        };
        entry.proof = entry.proof(key)?;
        let text = serde_json::to_string_pretty(&entry).map_err(|e| e.to_string())?;
        let mut options = File::options();
        let file = options.write(true).create_new(true).mode(0o600);
        let file = file.open(part.join(ENTRY_FILE));
        file.and_then(|mut f| f.write_all(text.as_bytes()))
            .map_err(why)?;
        match std::fs::rename(part, dir.join(self.name()?)) {
            Ok(()) => Ok(()),
            // Another process was faster: its entry is as good, if it is sound.
            Err(e) => self.find_in(dir).map(drop).map_err(|_| why(e)),
        }
    }
}

/// Why an entry is not used.
pub enum Missing {
    /// It is not there, or was damaged; it can be made.
    Absent(String),
    /// The folder is not one to be used.
    Unusable(String),
}

fn read_small(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let file = private_folder::open(path).map_err(why)?;
    let mut content = Vec::new();
    file.take(most + 1).read_to_end(&mut content).map_err(why)?;
    match content.len() as u64 <= most {
        true => Ok(content),
        false => Err(format!("is larger than {most} bytes")),
    }
}

/// Removes what killed processes left.
fn sweep(dir: &Path) {
    let now = SystemTime::now();
    for entry in dir.read_dir().into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let stale = || {
            let changed = entry.metadata().and_then(|m| m.modified()).ok()?;
            Some(now.duration_since(changed).ok()? > STALE)
        };
        if name.starts_with('.') && name.ends_with(".part") && stale() == Some(true) {
            private_folder::remove(&entry.path());
        }
    }
}

/// Write a file and remove it.
fn check_writable(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!(".{}.part", std::process::id()));
    private_folder::remove(&path);
    File::create_new(&path)?;
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
