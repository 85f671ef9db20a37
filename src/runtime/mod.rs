//! The process's one ONNX Runtime: found, checked, loaded once and kept for ever.
//!
//! The environment is never released: releasing it while the process ends is what makes hosts crash at exit.

mod elf;
pub(crate) mod library;
pub(crate) mod plugin;
pub mod provider;
mod redirect;
mod standard_error;
mod telemetry;

pub use library::{PATH_VARIABLE, REQUIRED_API};

use crate::error::{Error, Result};
use crate::{allocation, process};
use once_cell::sync::OnceCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The loaded ONNX Runtime. Cheap to copy; every copy is the same one.
#[derive(Clone, Copy)]
pub struct Runtime(&'static Loaded);

struct Loaded {
    path: PathBuf,
    version: String,
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
        process::check()?;
        if path.is_none()
            && let Some(loaded) = LOADED.get()
        {
            return Ok(Self(loaded));
        }
        let path = library::find(path)?;
        let loaded = LOADED.get_or_try_init(|| {
            allocation::headroom(HEADROOM, "ONNX Runtime")?;
            process::own();
            start(path.clone())
        })?;
        if loaded.path != path {
            return Err(Error::RuntimeConflict {
                loaded: loaded.path.clone(),
                asked: path,
            });
        }
        Ok(Self(loaded))
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

fn start(path: PathBuf) -> Result<Loaded> {
    let library::Probed { version, address } = library::probe(&path)?;
    let failed = |why: String| Error::Runtime {
        doing: "start",
        why,
    };
    telemetry::switch_off(address, &version).map_err(failed)?;
    standard_error::take_over(address);
    let environment = ort::init_from(&path)
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
