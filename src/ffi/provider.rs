//! Section "providers".

use super::strings;
use super::structs::{self, Versioned, versioned};
use crate::bundle::Precision;
use crate::error::{Error, Result};
use crate::runtime::provider::{InstructionSet, Kernels, Provider, ProviderConfig};
use std::ffi::c_char;

/// The CPU; see DLNMS_KERNELS_.
pub const DLNMS_PROVIDER_CPU: u32 = 1;
/// NVIDIA CUDA.
pub const DLNMS_PROVIDER_CUDA: u32 = 2;
/// NVIDIA TensorRT.
pub const DLNMS_PROVIDER_TENSORRT: u32 = 3;
/// NVIDIA TensorRT for RTX.
pub const DLNMS_PROVIDER_TENSORRT_RTX: u32 = 4;
/// Intel OpenVINO, where its plugin lists a device. Never chosen by AUTO.
pub const DLNMS_PROVIDER_OPENVINO: u32 = 5;

/// Single precision.
pub const DLNMS_PRECISION_FP32: u32 = 1;
/// Half precision, of bundles that have such a model.
pub const DLNMS_PRECISION_FP16: u32 = 2;
/// Products of BF16 numbers, summed up in single precision, of bundles that allow it: on CPUs with AVX512-BF16, in little
/// more than half of the time, and less exact (dlnms info tells by how much). Never chosen by itself.
pub const DLNMS_PRECISION_BF16: u32 = 3;

/// ONNX Runtime's kernels for the whole network, on any processor.
pub const DLNMS_KERNELS_ONNXRUNTIME: u32 = 1;
/// This library's for the backbones: faster. See DLNMS_INSTRUCTIONS_.
pub const DLNMS_KERNELS_DLNMS: u32 = 2;

/// Those of any processor. For tests: slow, and never chosen by itself.
pub const DLNMS_INSTRUCTIONS_SCALAR: u32 = 1;
/// AVX2 and FMA of x86-64 processors. In single precision the scores have the same bits as with AVX-512.
pub const DLNMS_INSTRUCTIONS_AVX2: u32 = 2;
/// AVX-512 Foundation of x86-64 processors.
pub const DLNMS_INSTRUCTIONS_AVX512: u32 = 3;
/// AVX-512 Foundation and AVX512-BF16, for DLNMS_PRECISION_BF16 alone.
pub const DLNMS_INSTRUCTIONS_AVX512_BF16: u32 = 4;

/// One provider of dlnms_scorer_options.providers; fill with dlnms_provider_options_init(). A
/// field that is 0 or NULL, except `device`, takes the value of the scorer's options or the provider's default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_provider_options {
    /// Size of the struct in bytes, set by dlnms_provider_options_init().
    pub struct_size: u32,
    /// A DLNMS_PROVIDER_ constant. Required.
    pub provider: u32,
    /// A DLNMS_PRECISION_ constant.
    pub precision: u32,
    /// Index of the device.
    pub device: i32,
    /// Threads of ONNX Runtime's pool.
    pub threads: u32,
    /// Not 0: record the GPU's kernels once as a CUDA graph and replay it.
    pub cuda_graph: u32,
    /// Limit of the GPU memory for activations, in bytes (CUDA).
    pub memory_limit_bytes: u64,
    /// Limit of the GPU memory that a build may use, in bytes (TensorRT, TensorRT for RTX).
    pub workspace_bytes: u64,
    /// Folder of its cache; NULL: that of the scorer's options. Copied.
    pub cache_dir: *const c_char,
    /// Library of a plugin provider, or its folder; NULL: that of the scorer's options. Copied.
    pub plugin_path: *const c_char,
    /// DLNMS_KERNELS_ constant, of the CPU alone. 0: this library's where the processor and the model allow and the self-test
    /// passes, else ONNX Runtime's.
    pub kernels: u32,
    /// Number of cases, 2 to 256, of a second engine with weights of its own that is built for dlnms_scorer_score_batch() on
    /// a GPU. A smaller rest of a batch runs on the first engine. 0: no second engine; then a run has one case on a GPU and
    /// up to eight on the CPU.
    pub batch: u32,
    /// A DLNMS_INSTRUCTIONS_ constant, with DLNMS_KERNELS_DLNMS alone: a processor without them is refused. 0: the fastest that
    /// the processor has and with which the self-test passes.
    pub instruction_set: u32,
    /// Must be 0.
    pub reserved: u32,
}

versioned!(dlnms_provider_options, 72, { struct_size, provider, precision, device, threads, cuda_graph, memory_limit_bytes, workspace_bytes, cache_dir, plugin_path, kernels, batch, instruction_set } reserved { reserved });

/// Writes defaults into provider options. Set `provider` afterwards; 0 is no provider.
///
/// # Safety
/// - `options`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_provider_options) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_provider_options_init(
    options: *mut dlnms_provider_options,
    struct_size: u32,
) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init_zero(options, struct_size) };
}

/// Returns the provider that a host's struct describes.
///
/// # Safety
/// `ptr` is NULL or an initialised struct whose strings keep the header's promises.
pub(super) unsafe fn provider_config(ptr: *const dlnms_provider_options) -> Result<ProviderConfig> {
    // SAFETY: handed on from the caller.
    let raw = unsafe { structs::read(ptr) }?;
    let some = |v: u64| (v != 0).then_some(v);
    let mut config = ProviderConfig::new(constant(
        "dlnms_provider_options.provider",
        raw.provider,
        "DLNMS_PROVIDER_",
        Provider::from_code,
    )?);
    config.precision = precision("dlnms_provider_options.precision", raw.precision)?;
    config.device = raw.device;
    config.threads = some(raw.threads.into()).map(|n| n as usize);
    config.cuda_graph = raw.cuda_graph != 0;
    config.kernels = kernels("dlnms_provider_options.kernels", raw.kernels)?;
    config.instruction_set = instruction_set(raw.instruction_set)?;
    config.batch = some(raw.batch.into()).map(|n| n as usize);
    config.memory_limit = some(raw.memory_limit_bytes);
    config.workspace = some(raw.workspace_bytes);
    // SAFETY: handed on from the caller.
    config.cache = unsafe { strings::optional(raw.cache_dir, "cache_dir") }?.map(Into::into);
    // SAFETY: handed on from the caller.
    config.plugin = unsafe { strings::optional(raw.plugin_path, "plugin_path") }?.map(Into::into);
    Ok(config)
}

pub(super) fn precision(field: &str, code: u32) -> Result<Option<Precision>> {
    unless_zero(code, |code| {
        constant(field, code, "DLNMS_PRECISION_", Precision::from_code)
    })
}

fn kernels(field: &str, code: u32) -> Result<Option<Kernels>> {
    unless_zero(code, |code| {
        constant(field, code, "DLNMS_KERNELS_", Kernels::from_code)
    })
}

fn instruction_set(code: u32) -> Result<Option<InstructionSet>> {
    let field = "dlnms_provider_options.instruction_set";
    unless_zero(code, |code| {
        constant(
            field,
            code,
            "DLNMS_INSTRUCTIONS_",
            InstructionSet::from_code,
        )
    })
}

fn unless_zero<T>(code: u32, of: impl Fn(u32) -> Result<T>) -> Result<Option<T>> {
    match code {
        0 => Ok(None),
        code => of(code).map(Some),
    }
}

fn constant<T>(field: &str, code: u32, family: &str, of: fn(u32) -> Option<T>) -> Result<T> {
    let unknown = || Error::invalid(field, format!("{code} is not a {family} constant"));
    of(code).ok_or_else(unknown)
}

const _: () = {
    assert!(DLNMS_KERNELS_ONNXRUNTIME == Kernels::OnnxRuntime as u32);
    assert!(DLNMS_KERNELS_DLNMS == Kernels::Dlnms as u32);
    assert!(DLNMS_INSTRUCTIONS_SCALAR == InstructionSet::Scalar as u32);
    assert!(DLNMS_INSTRUCTIONS_AVX2 == InstructionSet::Avx2 as u32);
    assert!(DLNMS_INSTRUCTIONS_AVX512 == InstructionSet::Avx512 as u32);
    assert!(DLNMS_INSTRUCTIONS_AVX512_BF16 == InstructionSet::Avx512Bf16 as u32);
    assert!(DLNMS_PRECISION_BF16 == Precision::Bf16 as u32);
    assert!(DLNMS_PROVIDER_CPU == Provider::Cpu as u32);
    assert!(DLNMS_PROVIDER_CUDA == Provider::Cuda as u32);
    assert!(DLNMS_PROVIDER_TENSORRT == Provider::TensorRt as u32);
    assert!(DLNMS_PROVIDER_TENSORRT_RTX == Provider::TensorRtRtx as u32);
    assert!(DLNMS_PROVIDER_OPENVINO == Provider::OpenVino as u32);
    assert!(DLNMS_PRECISION_FP32 == Precision::Fp32 as u32);
    assert!(DLNMS_PRECISION_FP16 == Precision::Fp16 as u32);
    let wide = cfg!(target_pointer_width = "64");
    assert!(
        !wide
            || size_of::<dlnms_provider_options>()
                == <dlnms_provider_options as Versioned>::V1_SIZE
    );
};
