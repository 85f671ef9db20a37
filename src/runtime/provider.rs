//! Which execution provider may run the model, and the truth about which one does.

use crate::bundle::Precision;
use crate::error::{Error, Result};
use serde::Serialize;
use std::path::PathBuf;

/// An execution provider of ONNX Runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u32)]
pub enum Provider {
    /// ONNX Runtime's own CPU kernels.
    Cpu = 1,
    /// NVIDIA CUDA.
    Cuda = 2,
    /// NVIDIA TensorRT (libnvinfer).
    TensorRt = 3,
    /// NVIDIA TensorRT for RTX, a plugin provider.
    #[serde(rename = "tensorrt-rtx")]
    TensorRtRtx = 4,
    /// Intel OpenVINO, a plugin provider.
    #[serde(rename = "openvino")]
    OpenVino = 5,
}

impl Provider {
    /// All there are.
    pub const ALL: [Provider; 5] = [
        Provider::Cpu,
        Provider::Cuda,
        Provider::TensorRt,
        Provider::TensorRtRtx,
        Provider::OpenVino,
    ];

    /// The walk of AUTO, fastest first.
    pub const AUTO: [Provider; 4] = [
        Provider::TensorRt,
        Provider::TensorRtRtx,
        Provider::Cuda,
        Provider::Cpu,
    ];

    /// The provider with this number in the C ABI.
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|p| *p as u32 == code)
    }

    /// Name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Provider::Cpu => "cpu",
            Provider::Cuda => "cuda",
            Provider::TensorRt => "tensorrt",
            Provider::TensorRtRtx => "tensorrt-rtx",
            Provider::OpenVino => "openvino",
        }
    }

    /// The provider with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }

    /// Whether it runs on an NVIDIA GPU.
    pub fn is_gpu(self) -> bool {
        matches!(
            self,
            Provider::Cuda | Provider::TensorRt | Provider::TensorRtRtx
        )
    }
}

/// Whose code computes the network's backbones on the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum Kernels {
    /// ONNX Runtime's, on any processor.
    OnnxRuntime = 1,
    /// This library's, on processors with AVX2 and FMA or more.
    Dlnms = 2,
}

impl Kernels {
    /// All there are.
    pub const ALL: [Kernels; 2] = [Kernels::OnnxRuntime, Kernels::Dlnms];

    /// The kernels with this number in the C ABI.
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|k| *k as u32 == code)
    }

    /// Name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Kernels::OnnxRuntime => "onnxruntime",
            Kernels::Dlnms => "dlnms",
        }
    }
}

/// Instructions that this library's kernels use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum InstructionSet {
    /// Those of any processor. Slow, and never chosen by itself.
    Scalar = 1,
    /// AVX2 and FMA.
    Avx2 = 2,
    /// AVX-512 Foundation.
    Avx512 = 3,
    /// AVX-512 Foundation and AVX512-BF16.
    Avx512Bf16 = 4,
}

impl InstructionSet {
    /// All there are.
    pub const ALL: [InstructionSet; 4] = [
        InstructionSet::Scalar,
        InstructionSet::Avx2,
        InstructionSet::Avx512,
        InstructionSet::Avx512Bf16,
    ];

    /// Returns the instruction set with this number in the C ABI.
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|s| *s as u32 == code)
    }

    /// Returns the name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            InstructionSet::Scalar => "scalar",
            InstructionSet::Avx2 => "avx2",
            InstructionSet::Avx512 => "avx512",
            InstructionSet::Avx512Bf16 => "avx512bf16",
        }
    }
}

/// Beyond this an engine gains nothing more from sharing its weights.
const MAX_ENGINE_BATCH: usize = 256;

/// A provider of a policy, and how it is to be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderConfig {
    /// Which.
    pub provider: Provider,
    /// Arithmetic; `None`: on a GPU FP16 where the bundle has it and the self-test passes, else FP32.
    pub precision: Option<Precision>,
    /// Index of the device.
    pub device: i32,
    /// Threads of ONNX Runtime's pool; `None`: those of the scorer.
    pub threads: Option<usize>,
    /// Folder of its cache; `None`: that of the scorer.
    pub cache: Option<PathBuf>,
    /// Library of a plugin provider or its folder; `None`: its environment variable, else beside this library, else
    /// beside ONNX Runtime.
    pub plugin: Option<PathBuf>,
    /// Bytes of GPU memory for activations; CUDA alone has such a limit.
    pub memory_limit: Option<u64>,
    /// Bytes of GPU memory that a TensorRT build may use.
    pub workspace: Option<u64>,
    /// Record the kernels of a run once and replay them.
    pub cuda_graph: bool,
    /// Build a second engine for runs of exactly so many cases, with weights of its own; `None`: none, and a run has one case
    /// on a GPU and up to eight on the CPU.
    pub batch: Option<usize>,
    /// Whose kernels compute on the CPU; `None`: this library's where the processor and the model allow and the self-test
    /// passes, else ONNX Runtime's.
    pub kernels: Option<Kernels>,
    /// Instructions of [`Kernels::Dlnms`], which are then named in `kernels`; `None`: the fastest that the processor has and
    /// with which the self-test passes.
    pub instruction_set: Option<InstructionSet>,
}

impl ProviderConfig {
    /// With nothing said but which.
    pub fn new(provider: Provider) -> Self {
        Self {
            provider,
            precision: None,
            device: 0,
            threads: None,
            cache: None,
            plugin: None,
            memory_limit: None,
            workspace: None,
            cuda_graph: false,
            batch: None,
            kernels: None,
            instruction_set: None,
        }
    }

    /// [`Error::InvalidArgument`] for what this provider cannot do.
    pub fn validate(&self) -> Result<()> {
        let gpu = self.provider.is_gpu();
        for (set, can, field) in [
            (
                self.memory_limit.is_some(),
                self.provider == Provider::Cuda,
                "memory limit",
            ),
            (
                self.workspace.is_some(),
                matches!(self.provider, Provider::TensorRt | Provider::TensorRtRtx),
                "workspace",
            ),
            (self.cuda_graph, gpu, "CUDA graph"),
            (
                self.kernels.is_some(),
                self.provider == Provider::Cpu,
                "kernels",
            ),
        ] {
            if set && !can {
                return Err(Error::invalid(
                    field,
                    format!("{} has none", self.provider.name()),
                ));
            }
        }
        if self.instruction_set.is_some() && self.kernels != Some(Kernels::Dlnms) {
            return Err(Error::invalid(
                "instruction set",
                "only the kernels of dlnms have one, and they are not named",
            ));
        }
        if let Some(n) = self.batch
            && !(2..=MAX_ENGINE_BATCH).contains(&n)
        {
            return Err(Error::invalid(
                "batch",
                format!("{n}, allowed 2 to {MAX_ENGINE_BATCH}"),
            ));
        }
        if self.device < 0 {
            return Err(Error::invalid(
                "device",
                format!("{} is negative", self.device),
            ));
        }
        Ok(())
    }
}

/// Ordered list of providers that may be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// In order of preference.
    pub entries: Vec<ProviderConfig>,
}

impl Policy {
    /// TensorRT, TensorRT for RTX, CUDA, CPU: the first that works.
    pub fn auto() -> Self {
        Self::new(&Provider::AUTO)
    }

    /// These, in this order.
    pub fn new(providers: &[Provider]) -> Self {
        Self {
            entries: providers.iter().copied().map(ProviderConfig::new).collect(),
        }
    }

    /// One provider and no other: it runs, or the call fails.
    pub fn strict(provider: Provider) -> Self {
        Self::new(&[provider])
    }
}

/// A provider of the policy that was not used, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SkippedProvider {
    /// Name of the provider.
    pub provider: &'static str,
    /// Arithmetic that was tried.
    pub precision: Precision,
    /// The reason in words.
    pub reason: String,
}

/// Where ONNX Runtime placed the graph, read from ONNX Runtime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Placement {
    /// ONNX Runtime's name of the provider, for example `CPUExecutionProvider`.
    pub provider: String,
    /// Nodes it runs, after graph optimisation.
    pub nodes: usize,
}
