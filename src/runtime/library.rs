//! Finding libonnxruntime and making sure of it before the `ort` crate touches it: `ort` panics on what it cannot use.
#![allow(unsafe_code)]

use super::own_folder::own_folder;
use crate::environment;
use crate::error::{Error, Result};
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::error::Error as _;
use std::ffi::{CStr, c_char, c_void};
use std::path::{Path, PathBuf};

/// Least ONNX Runtime API (minor version) this build is compiled for.
pub const REQUIRED_API: u32 = ort::sys::ORT_API_VERSION;

/// Returns the library's absolute path: that of the option, else of the environment variable, else of the first that is
/// found in [`places`].
///
/// # Errors
/// [`Error::RuntimeNotFound`]; [`Error::RuntimeNotALibrary`] for a link whose target does not exist.
pub fn find(option: Option<&Path>) -> Result<PathBuf> {
    let asked = option
        .map(Path::to_path_buf)
        .or_else(|| environment::read(environment::ONNXRUNTIME).map(PathBuf::from));
    let searched = match asked {
        Some(path) if path.is_dir() => in_folder(&path),
        Some(path) => vec![path],
        None => own_folder()
            .map(|own| places(&own).iter().flat_map(|p| in_folder(p)).collect())
            .unwrap_or_default(),
    };
    match searched.iter().find(|p| may_exist(p)) {
        // Absolute and free of links: the same library is the same path in every report.
        Some(path) => path
            .canonicalize()
            .map_err(|e| not_a_library(path, e.to_string())),
        None => Err(match searched.iter().find_map(|p| missing_target(p)) {
            Some((link, target)) => not_a_library(
                &link,
                format!("it is a link to {}, which does not exist", target.display()),
            ),
            None => Error::RuntimeNotFound { searched },
        }),
    }
}

/// Returns the folders where ONNX Runtime may lie without being named: beside this library or program, in the private
/// folder of a distribution's package, and in `lib` next to the `bin` of an installed program.
fn places(own: &Path) -> Vec<PathBuf> {
    let mut places = vec![own.to_path_buf(), own.join("dlnms")];
    let lib = own.parent().map(|prefix| prefix.join("lib"));
    places.extend(lib.filter(|lib| lib != own));
    places
}

/// Returns whether a file is there or cannot be looked at: the latter is an error of its own, no reason to take another one.
fn may_exist(path: &Path) -> bool {
    match path.try_exists() {
        Ok(exists) => exists,
        Err(e) => e.kind() != std::io::ErrorKind::NotADirectory,
    }
}

/// Returns a link whose target does not exist, and the target; for a chain of links, the last one.
fn missing_target(path: &Path) -> Option<(PathBuf, PathBuf)> {
    // As many links as Linux follows.
    const LINKS: usize = 40;
    let mut link = path.to_path_buf();
    for _ in 0..LINKS {
        // A relative target starts from the link's folder; an absolute one replaces it.
        let target = link.parent()?.join(link.read_link().ok()?);
        if !target.is_symlink() {
            return Some((link, target));
        }
        link = target;
    }
    None
}

/// Returns the names that the library may have in a folder, the most general one first.
#[cfg(unix)]
fn in_folder(dir: &Path) -> Vec<PathBuf> {
    let name = format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}");
    let mut paths = vec![dir.join(&name), dir.join(format!("{name}.1"))];
    let is_versioned = |p: &PathBuf| {
        let file = p.file_name().and_then(|n| n.to_str());
        file.is_some_and(|n| n.starts_with(&format!("{name}.1.")))
    };
    let entries = dir.read_dir().into_iter().flatten().flatten();
    let mut versioned: Vec<PathBuf> = entries.map(|e| e.path()).filter(is_versioned).collect();
    versioned.sort();
    paths.extend(versioned.into_iter().rev());
    paths
}

/// Returns the one name that the library has in a folder: Windows puts no version behind it.
#[cfg(windows)]
fn in_folder(dir: &Path) -> Vec<PathBuf> {
    vec![dir.join(format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}"))]
}

fn not_a_library(path: &Path, why: String) -> Error {
    Error::RuntimeNotALibrary {
        path: path.to_owned(),
        why,
    }
}

/// Returns what the system's loader says, its reason included, which Windows keeps apart.
fn loader_reason(e: &libloading::Error) -> String {
    let text = e.to_string();
    match e.source().map(ToString::to_string) {
        Some(reason) if !text.contains(&reason) => format!("{text}: {reason}"),
        _ => text,
    }
}

/// A library that is loaded and fit for use.
pub struct Probed {
    /// Its version, for example `1.32.0`.
    pub version: String,
    /// Address of a function in it.
    pub address: *const c_void,
}

/// Loads the library and asks it for its version and for the API that this build needs. It stays mapped, so that the
/// loader's answer to `ort` a moment later is the same one. `image` is the file that is loaded: `path`, or a copy of it.
///
/// # Errors
/// [`Error::RuntimeNotALibrary`], [`Error::RuntimeVersion`].
pub fn probe(path: &Path, image: &Path) -> Result<Probed> {
    // The loader opens what it is given without looking, and would wait for ever for the writer of a pipe.
    let mut file = crate::regular_file::open(image)
        .map_err(|e| not_a_library(path, crate::regular_file::io_reason(e)))?;
    if let Some(why) = super::executable::foreign_machine(&mut file) {
        return Err(not_a_library(path, why));
    }
    // SAFETY: loading a library runs its initialisers. The path is the host's own choice (option, environment or the
    // folder of this very library); there is no way to inspect a library without loading it.
    let library = unsafe { libloading::Library::new(image) }
        .map_err(|e| not_a_library(path, loader_reason(&e)))?;
    type GetApiBase = unsafe extern "C" fn() -> *const ort::sys::OrtApiBase;
    // SAFETY: the symbol's type is fixed by ONNX Runtime's public header.
    let get_base = unsafe { library.get::<GetApiBase>(b"OrtGetApiBase") }
        .map_err(|_| not_a_library(path, "it does not export OrtGetApiBase".into()))?;
    let address = *get_base as *const c_void;
    // SAFETY: as above; the function takes nothing and returns a static struct or NULL.
    let base = unsafe { get_base().as_ref() }
        .ok_or_else(|| not_a_library(path, "OrtGetApiBase returned NULL".into()))?;
    // SAFETY: a static NUL-terminated string by the header; NULL is handled.
    let version: *const c_char = unsafe { (base.GetVersionString)() };
    if version.is_null() {
        return Err(not_a_library(path, "it has no version".into()));
    }
    // SAFETY: not NULL, and static.
    let version = unsafe { CStr::from_ptr(version) }
        .to_string_lossy()
        .into_owned();
    let mut parts = version.split('.').map(|p| p.parse::<u32>().ok());
    let new_enough = matches!((parts.next().flatten(), parts.next().flatten()), (Some(1), Some(minor)) if minor >= REQUIRED_API);
    // SAFETY: GetApi returns a static struct or NULL for a version it does not have. Asked for only when it should have
    // it: older libraries print to stderr on an unknown version.
    if !new_enough || unsafe { (base.GetApi)(REQUIRED_API) }.is_null() {
        return Err(Error::RuntimeVersion {
            path: path.to_owned(),
            found: version,
            required: REQUIRED_API,
        });
    }
    std::mem::forget(library);
    Ok(Probed { version, address })
}
