//! Which execution provider may run the model, and the truth about which one does.

use ort::ep::{self, ExecutionProviderDispatch};
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

    /// What to append to a session, failing rather than falling back; `None` for the CPU, which is always there, and for
    /// plugins, which bring devices instead.
    pub(super) fn dispatch(self, device: i32) -> Option<ExecutionProviderDispatch> {
        let dispatch = match self {
            Provider::Cuda => ep::CUDA::default().with_device_id(device).build(),
            Provider::TensorRt => ep::TensorRT::default().with_device_id(device).build(),
            Provider::Cpu | Provider::TensorRtRtx | Provider::OpenVino => return None,
        };
        Some(dispatch.error_on_failure())
    }
}

/// Ordered list of providers that may be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// In order of preference.
    pub providers: Vec<Provider>,
    /// Index of the GPU.
    pub device: i32,
    /// Library of a plugin provider or its folder; `None`: its environment variable, else beside this library, else
    /// beside ONNX Runtime.
    pub plugin: Option<PathBuf>,
}

impl Policy {
    /// TensorRT, TensorRT for RTX, CUDA, CPU: the first that works.
    pub fn auto() -> Self {
        Self {
            providers: Provider::AUTO.to_vec(),
            device: 0,
            plugin: None,
        }
    }

    /// One provider and no other: it runs, or the call fails.
    pub fn strict(provider: Provider) -> Self {
        Self {
            providers: vec![provider],
            device: 0,
            plugin: None,
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
