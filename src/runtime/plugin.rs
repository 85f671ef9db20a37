//! Plugin providers: shared libraries that are registered with ONNX Runtime while it runs, and bring devices.

use super::Runtime;
use super::own_folder::own_folder;
use super::provider::{Provider, ProviderConfig};
use crate::{environment, regular_file};
use std::collections::BTreeMap;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// What a plugin provider is called, where it is looked for.
struct Plugin {
    /// Name of its library, without what the system puts before and behind it.
    library: &'static str,
    /// ONNX Runtime's name of the provider, which its devices carry.
    provider: &'static str,
    /// Environment variable with its path or folder.
    variable: &'static str,
}

fn plugin(provider: Provider) -> Option<Plugin> {
    match provider {
        Provider::TensorRtRtx => Some(Plugin {
            library: "onnxruntime_providers_nv_tensorrt_rtx",
            provider: "NvTensorRTRTXExecutionProvider",
            variable: environment::TENSORRT_RTX,
        }),
        Provider::OpenVino => Some(Plugin {
            library: "onnxruntime_providers_openvino_plugin",
            provider: "OpenVINOExecutionProvider",
            variable: environment::OPENVINO,
        }),
        _ => None,
    }
}

/// Libraries are registered once and stay: a process has one of each.
static REGISTERED: Mutex<BTreeMap<&'static str, PathBuf>> = Mutex::new(BTreeMap::new());

/// Devices of a plugin provider, its library registered first; `None` if the provider is no plugin.
pub fn devices(
    runtime: Runtime,
    provider: Provider,
    option: Option<&Path>,
) -> Result<Option<Vec<ort::device::Device<'static>>>, String> {
    let Some(plugin) = plugin(provider) else {
        return Ok(None);
    };
    let environment = runtime.environment();
    {
        let mut registered = crate::lock::lock(&REGISTERED);
        if !registered.contains_key(plugin.provider) {
            let path = find(&plugin, runtime, option)?;
            // Its registration would load it as well, but say less when that fails.
            environment
                .register_ep_library(plugin.provider, &path)
                .map_err(|e| format!("{}: {}", path.display(), e.message()))?;
            log::info!(target: "dlnms::runtime", "plugin {} registered from {}", plugin.provider, path.display());
            registered.insert(plugin.provider, path);
        }
    }
    let found: Vec<_> = environment
        .devices()
        .filter(|d| d.ep().is_ok_and(|name| name == plugin.provider))
        .collect();
    if found.is_empty() {
        Err("its library is loaded, but it lists no device here".into())
    } else {
        Ok(Some(found))
    }
}

/// Options of a plugin's session.
pub fn options(entry: &ProviderConfig, engines: Option<&Path>) -> Vec<(String, String)> {
    let mut options = Vec::new();
    if entry.provider == Provider::TensorRtRtx {
        if entry.cuda_graph {
            options.push(("enable_cuda_graph".into(), "1".into()));
        }
        if let Some(bytes) = entry.workspace {
            options.push(("nv_max_workspace_size".into(), bytes.to_string()));
        }
        if let Some(folder) = engines {
            options.push(("nv_runtime_cache_path".into(), folder.display().to_string()));
        }
    }
    options
}

/// The option alone, else the environment variable alone, else beside this library, else beside ONNX Runtime.
fn find(plugin: &Plugin, runtime: Runtime, option: Option<&Path>) -> Result<PathBuf, String> {
    if runtime.is_hardened() && !option.is_some_and(Path::is_absolute) {
        return Err("in the hardened mode the absolute path of its library is needed".into());
    }
    let asked = option
        .map(Path::to_path_buf)
        .or_else(|| environment::read(plugin.variable).map(PathBuf::from));
    let folders = match &asked {
        Some(path) if !path.is_dir() => {
            return if path.exists() {
                library_file(path)
            } else {
                Err(format!("{} does not exist", path.display()))
            };
        }
        Some(folder) => vec![folder.clone()],
        None => {
            let runtime = runtime.path().parent().map(Path::to_path_buf);
            own_folder().into_iter().chain(runtime).collect()
        }
    };
    let file = format!("{DLL_PREFIX}{}{DLL_SUFFIX}", plugin.library);
    let candidates: Vec<PathBuf> = folders.iter().map(|f| f.join(&file)).collect();
    match candidates.iter().find(|p| p.exists()) {
        Some(path) => library_file(path),
        None => {
            let searched: Vec<_> = candidates.iter().map(|p| p.display().to_string()).collect();
            Err(format!(
                "its library was not found; searched: {} (or set {})",
                searched.join(", "),
                plugin.variable
            ))
        }
    }
}

/// The absolute path of a regular file, without links: the loader would wait for ever for the writer of a pipe.
fn library_file(path: &Path) -> Result<PathBuf, String> {
    let reason = |e| format!("{}: {}", path.display(), regular_file::io_reason(e));
    let mut file = regular_file::open(path).map_err(reason)?;
    match super::executable::foreign_machine(&mut file) {
        Some(why) => Err(format!("{}: {why}", path.display())),
        None => path.canonicalize().map_err(reason),
    }
}
