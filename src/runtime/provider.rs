//! Which execution provider may run the model, and the truth about which one does.

use ort::ep::{self, ExecutionProviderDispatch};
use serde::Serialize;

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
    TensorRtRtx = 4,
}

impl Provider {
    /// All, fastest first: the walk of AUTO.
    pub const AUTO: [Provider; 4] = [
        Provider::TensorRt,
        Provider::TensorRtRtx,
        Provider::Cuda,
        Provider::Cpu,
    ];

    /// The provider with this number in the C ABI.
    pub fn from_code(code: u32) -> Option<Self> {
        Self::AUTO.into_iter().find(|p| *p as u32 == code)
    }

    /// Name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Provider::Cpu => "cpu",
            Provider::Cuda => "cuda",
            Provider::TensorRt => "tensorrt",
            Provider::TensorRtRtx => "tensorrt-rtx",
        }
    }

    /// The provider with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::AUTO.into_iter().find(|p| p.name() == name)
    }

    /// What to append to a session, failing rather than falling back; `None` for the CPU, which is always there.
    pub(super) fn dispatch(self, device: i32) -> Result<Option<ExecutionProviderDispatch>, String> {
        Ok(match self {
            Provider::Cpu => None,
            Provider::Cuda => Some(
                ep::CUDA::default()
                    .with_device_id(device)
                    .build()
                    .error_on_failure(),
            ),
            Provider::TensorRt => Some(
                ep::TensorRT::default()
                    .with_device_id(device)
                    .build()
                    .error_on_failure(),
            ),
            Provider::TensorRtRtx => {
                return Err("plugin providers are not part of this version of dlnms".into());
            }
        })
    }
}

/// Ordered list of providers that may be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// In order of preference.
    pub providers: Vec<Provider>,
    /// Index of the GPU.
    pub device: i32,
}

impl Policy {
    /// TensorRT, TensorRT for RTX, CUDA, CPU: the first that works.
    pub fn auto() -> Self {
        Self {
            providers: Provider::AUTO.to_vec(),
            device: 0,
        }
    }

    /// One provider and no other: it runs, or the call fails.
    pub fn strict(provider: Provider) -> Self {
        Self {
            providers: vec![provider],
            device: 0,
        }
    }

    /// Whether only one provider is allowed.
    pub fn is_strict(&self) -> bool {
        self.providers.len() == 1
    }
}

/// A provider of the policy that was not used, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PassedOver {
    /// Name of the provider.
    pub provider: &'static str,
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
