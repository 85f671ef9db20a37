//! ONNX Runtime's session for one model on one provider: its options, and the cache it may come from.

use super::backbones;
use super::batch_size::BatchSize;
use super::cache::{Cache, CacheOutcome};
use super::failures::failed;
use super::file_limit;
use super::model_file::ModelInMemory;
use super::pool::Pool;
use super::pooled::Pooled;
use super::session_config::SessionConfig;
use crate::bundle::{Graph, Model, Precision};
use crate::error::{Error, Result};
use crate::runtime::provider::{InstructionSet, Provider, ProviderConfig};
use crate::runtime::{Runtime, plugin};
use ort::ep;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use std::path::Path;

/// One attempt to build a session.
#[derive(Clone, Copy)]
pub(super) struct ModelLoader<'a> {
    pub config: &'a SessionConfig<'a>,
    pub entry: &'a ProviderConfig,
    pub model: &'a Model,
    /// Of this library's kernels; `None` for ONNX Runtime's.
    pub instruction_set: Option<InstructionSet>,
    pub cases: BatchSize,
}

/// A session of ONNX Runtime, as it was loaded.
pub(super) struct LoadedSession {
    pub session: ort::session::Session,
    /// What the cache did.
    pub cache: CacheOutcome,
    /// The pooled features that are outputs beside the scores. Only sessions on the CPU have them: a GPU's engines are built
    /// for the graph as it is, and make a full run in the time that the CPU takes for the heads.
    pub pooled: Option<Pooled>,
}

impl ModelLoader<'_> {
    /// Builds ONNX Runtime's session; a provider finds its engines in the cache where there is one.
    pub fn load(&self) -> Result<LoadedSession> {
        if let Some(instruction_set) = self.instruction_set {
            return self.load_with_backbones(instruction_set);
        }
        if self.model.precision == Precision::Bf16 {
            let why = "there is no BF16 for it but by the kernels of dlnms on the CPU".to_owned();
            return Err(Error::ProviderUnavailable(why));
        }
        // A provider that is not there fails here, before its model is read and a folder made for it.
        let builder = self.options(None)?;
        let (builder, outcome) = match (self.entry.provider, self.cache_dir()) {
            (_, None) | (Provider::Cuda | Provider::OpenVino, _) => (builder, CacheOutcome::Off),
            (Provider::Cpu, _) => (builder, CacheOutcome::Unneeded),
            // TensorRT keeps its engines itself, in a folder for this model, provider, card and driver.
            (Provider::TensorRt | Provider::TensorRtRtx, Some(dir)) => {
                let version = self.config.runtime.version();
                let digest = self.config.bundle.digest_of(self.graph()?);
                let what = (self.model.precision, digest, self.cases);
                match Cache::new(dir, what, self.entry, version).folder() {
                    Ok((folder, outcome)) => (self.options(Some(&folder))?, outcome),
                    Err(reason) => (builder, unusable(reason)),
                }
            }
        };
        let (model, pooled) = self.read()?;
        let session = file_limit::without_signal(|| self.commit(builder, model))?;
        Ok(LoadedSession {
            session,
            cache: outcome,
            pooled,
        })
    }

    /// Reads graph and weights, once: what was verified is what is used, with the pooled features as outputs on the CPU.
    fn read(&self) -> Result<(ModelInMemory, Option<Pooled>)> {
        let config = self.config;
        let mut model = ModelInMemory::read(config.bundle, self.graph()?, config.interrupt)?;
        let pooled = match (self.entry.provider, self.model.precision) {
            (Provider::Cpu, Precision::Fp32 | Precision::Bf16) => {
                model.with_pooled_outputs(&config.bundle.manifest)
            }
            _ => None,
        };
        Ok((model, pooled))
    }

    /// The graph for these kernels.
    pub fn graph(&self) -> Result<&Graph> {
        let Model {
            graph,
            kernel_graph,
            precision,
            ..
        } = self.model;
        let (graph, kernels) = match self.instruction_set {
            Some(_) => (kernel_graph, "the kernels of dlnms"),
            None => (graph, "ONNX Runtime's kernels"),
        };
        graph.as_ref().ok_or_else(|| {
            let precision = precision.name();
            Error::ProviderUnavailable(format!(
                "the bundle has no graph in {precision} for {kernels}"
            ))
        })
    }

    /// The CPU with this library's kernels. Their weights are laid out as the file is read.
    fn load_with_backbones(&self, instruction_set: InstructionSet) -> Result<LoadedSession> {
        let SessionConfig {
            bundle, interrupt, ..
        } = *self.config;
        let operators = backbones::load(
            bundle,
            self.model,
            instruction_set,
            self.threads(),
            interrupt,
        )?;
        let builder = set(self.options(None)?.with_operators(operators))?;
        let (model, pooled) = self.read()?;
        Ok(LoadedSession {
            session: self.commit(builder, model)?,
            cache: match self.cache_dir() {
                Some(_) => CacheOutcome::Unneeded,
                None => CacheOutcome::Off,
            },
            pooled,
        })
    }

    fn cache_dir(&self) -> Option<&Path> {
        self.entry.cache.as_deref().or(self.config.cache)
    }

    /// Build the session; the configuration's interrupt reaches it.
    fn commit(
        &self,
        mut builder: SessionBuilder,
        model: ModelInMemory,
    ) -> Result<ort::session::Session> {
        self.config.interrupt.watch(&builder)?;
        (self.config.building)();
        model.commit(&mut builder)
    }

    fn threads(&self) -> usize {
        self.entry.threads.unwrap_or(self.config.threads)
    }

    fn options(&self, engines: Option<&Path>) -> Result<SessionBuilder> {
        let ProviderConfig {
            provider, device, ..
        } = *self.entry;
        let mut builder = options(self.config.runtime, self.threads(), self.config.spin)?;
        if let BatchSize::Exactly(n) = self.cases {
            builder = set(builder.with_dimension_override("batch", n as i64))?;
        }
        if let Some(dispatch) = dispatch(self.entry, engines) {
            builder = builder
                .with_execution_providers([dispatch.error_on_failure()])
                .map_err(failed("use the provider"))?;
        }
        let unusable = |why| Error::Runtime {
            doing: "use the provider",
            why,
        };
        let devices = plugin::devices(self.config.runtime, provider, self.entry.plugin.as_deref());
        if let Some(devices) = devices.map_err(unusable)? {
            let n = devices.len();
            let mut devices = devices.into_iter().skip(device as usize);
            let beyond = || unusable(format!("device {device}, it lists {n}"));
            let device = devices.next().ok_or_else(beyond)?;
            let options = plugin::options(self.entry, engines);
            builder = builder
                .with_devices([device], Some(options.as_slice()).filter(|o| !o.is_empty()))
                .map_err(failed("use the provider"))?;
        }
        if provider != Provider::Cpu {
            builder = set(builder.with_disable_cpu_fallback())?;
        }
        Ok(builder)
    }
}

/// The outcome of a cache that is not used, which the log says too.
fn unusable(reason: String) -> CacheOutcome {
    log::warn!(target: "dlnms::runtime", "the cache cannot be used: {reason}");
    CacheOutcome::Unusable { reason }
}

/// What to append to a session for a provider that ONNX Runtime loads itself.
fn dispatch(
    entry: &ProviderConfig,
    engines: Option<&Path>,
) -> Option<ep::ExecutionProviderDispatch> {
    match entry.provider {
        Provider::Cuda => {
            // TF32 has ten bits of mantissa: what is called FP32 here is that.
            let mut cuda = ep::CUDA::default()
                .with_device_id(entry.device)
                .with_tf32(false)
                .with_cuda_graph(entry.cuda_graph);
            if let Some(bytes) = entry.memory_limit {
                cuda = cuda.with_memory_limit(bytes as usize);
            }
            Some(cuda.build())
        }
        Provider::TensorRt => {
            let mut tensorrt = ep::TensorRT::default()
                .with_device_id(entry.device)
                .with_cuda_graph(entry.cuda_graph);
            if let Some(bytes) = entry.workspace {
                tensorrt = tensorrt.with_max_workspace_size(bytes as usize);
            }
            if let Some(folder) = engines {
                tensorrt = tensorrt
                    .with_engine_cache(true)
                    .with_engine_cache_path(folder.display())
                    .with_timing_cache(true)
                    .with_timing_cache_path(folder.display());
            }
            Some(tensorrt.build())
        }
        Provider::Cpu | Provider::TensorRtRtx | Provider::OpenVino => None,
    }
}

impl Runtime {
    /// A session on the CPU with the options of this library and nothing else of it: the baseline of the benches.
    #[doc(hidden)]
    pub fn bare_session(
        self,
        model: &std::path::Path,
        threads: usize,
        spin: bool,
    ) -> Result<ort::session::Session> {
        let mut builder = options(self, threads, spin)?;
        builder
            .commit_from_file(model)
            .map_err(failed("load the model"))
    }
}

fn set(builder: ort::session::builder::BuilderResult) -> Result<SessionBuilder> {
    builder.map_err(failed("set session options"))
}

/// Session options: explicit threads, no provider that was not asked for.
fn options(runtime: Runtime, threads: usize, spin: bool) -> Result<SessionBuilder> {
    let mut builder = ort::session::Session::builder(runtime.environment())
        .map_err(failed("set session options"))?;
    builder = set(builder.with_no_environment_execution_providers())?;
    builder = set(builder.with_optimization_level(GraphOptimizationLevel::All))?;
    builder = set(builder.with_intra_threads(threads))?;
    builder = set(builder.with_thread_manager(Pool::new(threads)?))?;
    builder = set(builder.with_inter_threads(1))?;
    builder = set(builder.with_intra_op_spinning(spin))?;
    builder = set(builder.with_inter_op_spinning(false))?;
    builder = set(builder.with_log_level(ort::logging::LogLevel::Warning))?;
    builder = set(builder.with_config_entry("session.record_ep_graph_assignment_info", "1"))?;
    Ok(builder)
}
