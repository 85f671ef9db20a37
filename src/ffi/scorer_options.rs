//! Section "scorer": its options.

use super::audit::dlnms_audit_options;
use super::provider::{dlnms_provider_options, precision, provider_config};
use super::quality::dlnms_quality_policy;
use super::strings;
use super::structs::{self, Versioned, versioned};
use crate::bundle::Pins;
use crate::error::{Error, Result};
use crate::runtime::provider::Policy;
use std::ffi::c_char;

/// Options of a scorer; fill with dlnms_scorer_options_init().
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_scorer_options {
    /// Size of the struct in bytes, set by dlnms_scorer_options_init().
    pub struct_size: u32,
    /// Threads of a call, the calling one included: for the network, the input tensors of a batch and the reference
    /// regions; 0 is min(4, cores). They sleep when idle; see `spin`.
    pub threads: u32,
    /// Folder of the model bundle. Required.
    pub bundle_dir: *const c_char,
    /// Providers in order of preference: an array of `n_providers` pointers to initialised structs. The first that works
    /// is used; one alone is strict: it runs or the call fails. NULL: AUTO. Copied.
    pub providers: *const *const dlnms_provider_options,
    /// Number of pointers in `providers`, at most 16; 0 with NULL: AUTO, which is TensorRT, TensorRT for RTX, CUDA, CPU.
    pub n_providers: u32,
    /// Index of the GPU that AUTO uses. Must be 0 where `providers` is not NULL: each of them has a device of its own.
    pub device: i32,
    /// What happens on findings of the quality checks; NULL: the default policy. Copied.
    pub quality: *const dlnms_quality_policy,
    /// Folder where providers store what they built from the model, for a faster next start. It is created if it does not
    /// exist, and processes may share it. NULL: nothing is stored. DLNMS_KERNELS_DLNMS need none: they start about as fast without. Copied.
    pub cache_dir: *const c_char,
    /// Library of a plugin provider (TensorRT for RTX, OpenVINO) or its folder; NULL: DLNMS_TENSORRT_RTX or DLNMS_OPENVINO
    /// in the environment, else beside this library, else beside ONNX Runtime. Copied.
    pub plugin_path: *const c_char,
    /// Longest time of dlnms_scorer_prepare() in milliseconds, after which it fails with DLNMS_E_DEADLINE; 0: no limit.
    pub prepare_timeout_ms: u32,
    /// DLNMS_PRECISION_ of every provider that does not state its own; 0: FP16 on a GPU where the bundle has it and the
    /// self-test passes, else FP32.
    pub precision: u32,
    /// Not 0: the pool's threads spin between the operators of a run, and for some milliseconds after it, instead of
    /// sleeping. A run becomes some hundredths faster, a tenth with ONNX Runtime's kernels, and the cores are busy for
    /// longer.
    pub spin: u32,
    /// Must be 0.
    pub reserved: u32,
    /// SHA-256 of the bundle's manifest.json, 64 hexadecimal digits, as a result's JSON and `dlnms info` show it: the bundle
    /// must be this one to the last byte of every file. NULL: any. Copied.
    pub expected_manifest_sha256: *const c_char,
    /// Public key in minisign's format, as the line of the key or as the whole text of its file: the bundle must hold this key's
    /// signature of its manifest, in `manifest.json.minisig`. NULL: none is looked for. Copied.
    pub bundle_key: *const c_char,
    /// Audit log to which a line is added for each case; NULL: none. Copied.
    pub audit: *const dlnms_audit_options,
}

versioned!(dlnms_scorer_options, 96, { struct_size, threads, bundle_dir, providers, n_providers, device, quality, cache_dir, plugin_path, prepare_timeout_ms, precision, spin, expected_manifest_sha256, bundle_key, audit } reserved { reserved });

/// Writes defaults into scorer options: AUTO, default threads, default quality policy, no cache. Set `bundle_dir` afterwards.
///
/// # Safety
/// - `options`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_scorer_options) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_scorer_options_init(
    options: *mut dlnms_scorer_options,
    struct_size: u32,
) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init_zero(options, struct_size) };
}

/// More providers than this are a mistake.
const MAX_PROVIDERS: u32 = 16;

/// Returns the provider policy of a scorer's options.
///
/// # Errors
/// [`Error::InvalidArgument`] with the field at fault; those of a provider's options.
///
/// # Safety
/// `raw` came from the caller, whose promises hold for its pointers.
pub(super) unsafe fn policy(raw: &dlnms_scorer_options) -> Result<Policy> {
    let mut policy = if raw.providers.is_null() {
        auto(raw)?
    } else {
        // SAFETY: handed on from the caller.
        unsafe { listed(raw) }?
    };
    let precision = precision("dlnms_scorer_options.precision", raw.precision)?;
    // SAFETY: handed on from the caller.
    let plugin = unsafe { strings::optional(raw.plugin_path, "plugin_path") }?;
    for entry in &mut policy.entries {
        entry.precision = entry.precision.or(precision);
        entry.plugin = entry.plugin.take().or(plugin.map(Into::into));
    }
    Ok(policy)
}

/// Returns what the bundle must be.
///
/// # Errors
/// [`Error::NotUtf8`].
///
/// # Safety
/// As for [`policy`].
pub(super) unsafe fn pins(raw: &dlnms_scorer_options) -> Result<Pins> {
    let digest = raw.expected_manifest_sha256;
    // SAFETY: handed on from the caller.
    let manifest_sha256 = unsafe { strings::optional(digest, "expected_manifest_sha256") }?;
    // SAFETY: handed on from the caller.
    let key = unsafe { strings::optional(raw.bundle_key, "bundle_key") }?;
    Ok(Pins {
        manifest_sha256: manifest_sha256.map(str::to_owned),
        key: key.map(str::to_owned),
    })
}

/// Returns the policy of a host that names no provider.
fn auto(raw: &dlnms_scorer_options) -> Result<Policy> {
    if raw.n_providers != 0 {
        return Err(Error::NullArgument("dlnms_scorer_options.providers"));
    }
    if raw.device < 0 {
        return Err(Error::invalid(
            "dlnms_scorer_options.device",
            format!("{} is negative", raw.device),
        ));
    }
    let mut policy = Policy::auto();
    // `device` is the index of a GPU; there is one CPU.
    for entry in policy.entries.iter_mut().filter(|e| e.provider.is_gpu()) {
        entry.device = raw.device;
    }
    Ok(policy)
}

/// Returns the policy of a host that lists its providers.
///
/// # Safety
/// As for [`policy`]; `raw.providers` is not NULL.
unsafe fn listed(raw: &dlnms_scorer_options) -> Result<Policy> {
    if !(1..=MAX_PROVIDERS).contains(&raw.n_providers) {
        return Err(Error::invalid(
            "dlnms_scorer_options.n_providers",
            format!("{}, allowed 1 to {MAX_PROVIDERS}", raw.n_providers),
        ));
    }
    if raw.device != 0 {
        return Err(Error::invalid(
            "dlnms_scorer_options.device",
            format!(
                "{}: each of the listed providers has a device of its own",
                raw.device
            ),
        ));
    }
    // SAFETY: so many pointers by the caller's promise.
    let configs =
        (0..raw.n_providers as usize).map(|n| unsafe { provider_config(*raw.providers.add(n)) });
    Ok(Policy {
        entries: configs.collect::<Result<_>>()?,
    })
}

const _: () = {
    let wide = cfg!(target_pointer_width = "64");
    assert!(
        !wide || size_of::<dlnms_scorer_options>() == <dlnms_scorer_options as Versioned>::V1_SIZE
    );
};
