//! ONNX Runtime's session for one model on one provider: its options, and the cache it may come from.

use super::Runtime;
use super::cache::{self, Cache, CacheOutcome};
use super::plugin;
use super::provider::Provider;
use crate::bundle::{Bundle, Model};
use crate::error::{Error, Result};
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use std::path::Path;

/// One attempt to build a session.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub runtime: Runtime,
    pub bundle: &'a Bundle,
    pub model: &'a Model,
    pub provider: Provider,
    pub device: i32,
    pub plugin: Option<&'a Path>,
    pub threads: usize,
}

impl Request<'_> {
    /// ONNX Runtime's session, from the cache where there is one.
    pub fn load(&self, dir: Option<&Path>) -> Result<(ort::session::Session, CacheOutcome)> {
        let loading = || failed("load the model");
        let file = self.bundle.path(&self.model.file);
        let Some(dir) = dir.filter(|_| self.provider == Provider::Cpu) else {
            let mut builder = self.options()?;
            let session = builder.commit_from_file(file).map_err(loading())?;
            return Ok((session, CacheOutcome::Off));
        };
        let cache = Cache::for_cpu(dir, self.model, self.runtime.version());
        let cached = |path: &Path| {
            let builder = self.options()?;
            // The graph was optimised when it was kept.
            let level = GraphOptimizationLevel::Disable;
            let mut builder = set(builder.with_optimization_level(level))?;
            builder.commit_from_file(path).map_err(loading())
        };
        let reason = match cache.find() {
            Ok(path) => match cached(&path) {
                Ok(session) => return Ok((session, CacheOutcome::Hit)),
                Err(e) => e.to_string(),
            },
            Err(reason) => reason,
        };
        self.bundle.verify(self.model)?;
        let made = cache.make(|folder| self.keep(&file, folder).map_err(|e| e.to_string()));
        match made.and_then(|path| cached(&path).map_err(|e| e.to_string())) {
            Ok(session) => Ok((session, CacheOutcome::Miss { reason })),
            Err(reason) => {
                log::warn!(target: "dlnms::runtime", "the cache cannot be used: {reason}");
                let mut builder = self.options()?;
                let session = builder.commit_from_file(file).map_err(loading())?;
                Ok((session, CacheOutcome::Unusable { reason }))
            }
        }
    }

    /// Optimise the model for this processor and write it into a folder.
    fn keep(&self, model: &Path, folder: &Path) -> Result<()> {
        let mut builder = self.options()?;
        builder = set(builder.with_optimized_model_path(folder.join(cache::MODEL_FILE)))?;
        for (key, value) in [
            (
                "session.optimized_model_external_initializers_file_name",
                cache::WEIGHTS_FILE,
            ),
            (
                "session.optimized_model_external_initializers_min_size_in_bytes",
                "1024",
            ),
        ] {
            builder = set(builder.with_config_entry(key, value))?;
        }
        builder
            .commit_from_file(model)
            .map_err(failed("optimise the model"))?;
        // A model whose tensors are all small has nothing to put there.
        let weights = folder.join(cache::WEIGHTS_FILE);
        let touched = std::fs::File::options()
            .create(true)
            .append(true)
            .open(weights);
        touched.map(|_| ()).map_err(|e| Error::Runtime {
            doing: "optimise the model",
            why: e.kind().to_string(),
        })
    }

    fn options(&self) -> Result<SessionBuilder> {
        let mut builder = options(self.runtime, self.provider, self.threads)?;
        let unusable = |why| Error::Runtime {
            doing: "use the provider",
            why,
        };
        let devices =
            plugin::devices(self.runtime, self.provider, self.plugin).map_err(unusable)?;
        if let Some(dispatch) = self.provider.dispatch(self.device) {
            builder = builder
                .with_execution_providers([dispatch])
                .map_err(failed("use the provider"))?;
        } else if let Some(devices) = devices {
            let n = devices.len();
            let mut devices = devices.into_iter().skip(self.device as usize);
            let beyond = || unusable(format!("device {}, it lists {n}", self.device));
            let device = devices.next().ok_or_else(beyond)?;
            builder = builder
                .with_devices([device], None)
                .map_err(failed("use the provider"))?;
        }
        if self.provider != Provider::Cpu {
            builder = set(builder.with_disable_cpu_fallback())?;
        }
        Ok(builder)
    }
}

/// Blame an action for an error of ONNX Runtime.
pub(super) fn failed<R>(doing: &'static str) -> impl Fn(ort::Error<R>) -> Error {
    move |e| Error::Runtime {
        doing,
        why: e.message().to_owned(),
    }
}

impl Runtime {
    /// A session on the CPU with the options of this library and nothing else of it: the baseline of the benches.
    #[doc(hidden)]
    pub fn bare_session(
        self,
        model: &std::path::Path,
        threads: usize,
    ) -> Result<ort::session::Session> {
        let mut builder = options(self, Provider::Cpu, threads)?;
        builder
            .commit_from_file(model)
            .map_err(failed("load the model"))
    }
}

fn set(builder: ort::session::builder::BuilderResult) -> Result<SessionBuilder> {
    builder.map_err(failed("set session options"))
}

/// Session options: fixed shapes but for the batch on the CPU, explicit threads, no spinning, no provider that was not asked for.
fn options(runtime: Runtime, provider: Provider, threads: usize) -> Result<SessionBuilder> {
    let mut builder = ort::session::Session::builder(runtime.environment())
        .map_err(failed("set session options"))?;
    builder = set(builder.with_no_environment_execution_providers())?;
    builder = set(builder.with_optimization_level(GraphOptimizationLevel::All))?;
    builder = set(builder.with_intra_threads(threads))?;
    builder = set(builder.with_inter_threads(1))?;
    builder = set(builder.with_intra_op_spinning(false))?;
    builder = set(builder.with_inter_op_spinning(false))?;
    if provider != Provider::Cpu {
        builder = set(builder.with_dimension_override("batch", 1))?;
    }
    builder = set(builder.with_log_level(ort::logging::LogLevel::Warning))?;
    builder = set(builder.with_config_entry("session.record_ep_graph_assignment_info", "1"))?;
    Ok(builder)
}
