//! The process's one ONNX Runtime: found, checked, loaded once and kept for ever.
//!
//! The environment is never released: releasing it while the process ends is what makes hosts crash at exit.

mod executable;
pub(crate) mod library;
#[cfg(windows)]
mod module;
mod options;
mod own_folder;
#[cfg(unix)]
mod own_path;
mod pinned_file;
pub(crate) mod plugin;
pub mod provider;
mod redirect;
mod standard_error;
mod telemetry;

pub use library::REQUIRED_API;
pub use options::RuntimeOptions;

use crate::error::{Error, Result};
use crate::{allocation, process, regular_file};
use once_cell::sync::OnceCell;
use pinned_file::PinnedFile;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The loaded ONNX Runtime. Cheap to copy; every copy is the same one.
#[derive(Clone, Copy)]
pub struct Runtime(&'static Loaded);

struct Loaded {
    path: PathBuf,
    version: String,
    /// Of the file that is loaded, where the host asked for it to be hashed.
    sha256: Option<String>,
    hardened: bool,
    environment: ort::environment::Environment,
}

/// Memory that must be there to load ONNX Runtime, beside what is always spared: its image and what its start allocates,
/// which ends the process where there is none.
const HEADROOM: usize = 56 << 20;

static LOADED: OnceCell<Loaded> = OnceCell::new();

impl Runtime {
    /// Load ONNX Runtime, or return the one this process has.
    ///
    /// `path` is the library or its folder; without it `DLNMS_ONNXRUNTIME` is used, without that the folder of this
    /// library. Asking for another library than the loaded one is [`Error::RuntimeConflict`]: a process has one.
    pub fn load(path: Option<&Path>) -> Result<Self> {
        Self::load_with(&RuntimeOptions {
            library: path.map(Path::to_path_buf),
            ..RuntimeOptions::default()
        })
    }

    /// Loads ONNX Runtime as the host wants it found, or returns the one this process has if it is that.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for options that are none; [`Error::RuntimeNotFound`], [`Error::RuntimeNotALibrary`] and
    /// [`Error::RuntimeVersion`]; [`Error::RuntimeAltered`] for another digest than the expected one;
    /// [`Error::RuntimeConflict`] for another library than the loaded one, [`Error::RuntimeMode`] for one that was loaded
    /// without what is asked for now.
    pub fn load_with(options: &RuntimeOptions) -> Result<Self> {
        process::check()?;
        let expected = options.digest()?;
        if options.library.is_none()
            && !options.hardened
            && let Some(loaded) = LOADED.get()
        {
            return Self(loaded).require(expected.as_deref(), false);
        }
        let path = options.find()?;
        let loaded = LOADED.get_or_try_init(|| {
            allocation::headroom(HEADROOM, "ONNX Runtime")?;
            process::own();
            start(path.clone(), expected.as_deref(), options.hardened)
        })?;
        if loaded.path != path {
            return Err(Error::RuntimeConflict {
                loaded: loaded.path.clone(),
                asked: path,
            });
        }
        Self(loaded).require(expected.as_deref(), options.hardened)
    }

    /// Returns this runtime if it was loaded in the way that a host wants.
    fn require(self, expected: Option<&str>, hardened: bool) -> Result<Self> {
        if hardened && !self.0.hardened {
            return Err(Error::RuntimeMode("not in the hardened mode"));
        }
        match (expected, &self.0.sha256) {
            (Some(expected), Some(found)) => require_digest(&self.0.path, found, expected)?,
            (Some(_), None) => return Err(Error::RuntimeMode("its file was not hashed then")),
            (None, _) => {}
        }
        Ok(self)
    }

    /// SHA-256 of the file that was loaded, lower-case hexadecimal; `None` if no host had it pinned.
    pub fn sha256(&self) -> Option<&'static str> {
        self.0.sha256.as_deref()
    }

    /// Returns whether nothing is looked for that the host has not named.
    pub fn is_hardened(&self) -> bool {
        self.0.hardened
    }

    /// Absolute path of the library.
    pub fn path(&self) -> &'static Path {
        &self.0.path
    }

    /// Its version, for example `1.32.0`.
    pub fn version(&self) -> &'static str {
        &self.0.version
    }

    /// Devices ONNX Runtime discovered, as `provider: vendor type (id)`.
    pub fn devices(&self) -> Vec<String> {
        self.0
            .environment
            .devices()
            .map(|d| {
                let hardware = d.hardware_device();
                let text = |s: ort::Result<&str>| s.map_or_else(|_| "?".to_owned(), str::to_owned);
                format!(
                    "{}: {} {:?} ({})",
                    text(d.ep()),
                    text(hardware.vendor()),
                    hardware.ty(),
                    hardware.id()
                )
            })
            .collect()
    }

    pub(crate) fn environment(&self) -> &'static ort::environment::Environment {
        &self.0.environment
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime")
            .field("path", &self.0.path)
            .field("version", &self.0.version)
            .finish()
    }
}

/// Refuses a library of another digest.
fn require_digest(path: &Path, found: &str, expected: &str) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::RuntimeAltered {
        path: path.to_owned(),
        found: found.to_owned(),
        expected: expected.to_owned(),
    })
}

/// Returns the library, which has the digest and which nobody can change any more.
fn pinned(path: &Path, expected: &str) -> Result<PinnedFile> {
    let pinned = PinnedFile::new(path).map_err(|e| Error::RuntimeNotALibrary {
        path: path.to_owned(),
        why: regular_file::io_reason(e),
    })?;
    require_digest(path, &pinned.sha256, expected)?;
    Ok(pinned)
}

fn start(path: PathBuf, expected: Option<&str>, hardened: bool) -> Result<Loaded> {
    let pinned = expected
        .map(|expected| pinned(&path, expected))
        .transpose()?;
    let image = pinned
        .as_ref()
        .map_or_else(|| path.clone(), PinnedFile::path);
    let library::Probed { version, address } = library::probe(&path, &image)?;
    let failed = |why: String| Error::Runtime {
        doing: "start",
        why,
    };
    telemetry::switch_off(address, &version, hardened).map_err(failed)?;
    #[cfg(unix)]
    if pinned.is_some() {
        own_path::answer(address, &image, &path);
    }
    standard_error::take_over(address);
    let environment = ort::init_from(&image)
        .map_err(|e| failed(e.to_string()))?
        .with_name("dlnms")
        .with_telemetry(false)
        .with_logger(Arc::new(forward_log))
        .build()
        .map_err(|e| failed(e.to_string()))?;
    environment.set_log_level(ort::logging::LogLevel::Warning);
    log::info!(target: "dlnms::runtime", "ONNX Runtime {version} loaded from {}", path.display());
    Ok(Loaded {
        path,
        version,
        sha256: pinned.map(PinnedFile::keep),
        hardened,
        environment,
    })
}

fn forward_log(
    level: ort::logging::LogLevel,
    category: &str,
    _id: &str,
    _location: &str,
    message: &str,
) {
    use ort::logging::LogLevel;
    let level = match level {
        LogLevel::Verbose => log::Level::Trace,
        LogLevel::Info => log::Level::Info,
        LogLevel::Warning => log::Level::Warn,
        LogLevel::Error | LogLevel::Fatal => log::Level::Error,
    };
    log::log!(target: "dlnms::onnxruntime", level, "{category}: {message}");
}
