//! Section "scorer": its options.

use super::provider::{dlnms_provider_options, entry, precision, provider};
use super::quality::dlnms_quality_policy;
use super::strings;
use super::structs::{self, versioned};
use crate::error::{Error, Result};
use crate::runtime::provider::{Policy, Provider};
use std::ffi::c_char;

/// How a scorer works; fill with dlnms_scorer_options_init().
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_scorer_options {
    /// Set by dlnms_scorer_options_init().
    pub struct_size: u32,
    /// Threads of a call, the calling one among them: of the network, of a batch's planes and of reference regions; 0 is
    /// min(4, cores). They sleep when idle; see spin.
    pub threads: u32,
    /// Folder of the model bundle. Required.
    pub bundle_dir: *const c_char,
    /// Providers in order of preference, DLNMS_PROVIDER_ constants. One alone is strict: it runs or the call fails.
    pub providers: [u32; 8],
    /// How many of `providers` count; 0 is AUTO: TensorRT, TensorRT for RTX, CUDA, CPU, the first that works.
    pub n_providers: u32,
    /// Index of the GPU.
    pub device: i32,
    /// What is done about findings of the quality checks; NULL for the defaults. Copied.
    pub quality: *const dlnms_quality_policy,
    /// Folder where providers keep what they made of the model, for a faster next start; made if it is not there; may be
    /// shared by processes. NULL keeps nothing. DLNMS_KERNELS_DLNMS need none: they start about as fast without. Copied.
    pub cache_dir: *const c_char,
    /// Library of a plugin provider (TensorRT for RTX, OpenVINO) or its folder; NULL: DLNMS_TENSORRT_RTX or DLNMS_OPENVINO
    /// in the environment, else beside this library, else beside ONNX Runtime. Copied.
    pub plugin_path: *const c_char,
    /// Providers with options of their own, in order, instead of `providers`: an array of `n_entries` pointers. NULL: those
    /// above. Copied.
    pub entries: *const *const dlnms_provider_options,
    /// How many pointers `entries` has, 1 to 16.
    pub n_entries: u32,
    /// How long dlnms_scorer_prepare() may take, milliseconds; 0: as long as it takes.
    pub prepare_timeout_ms: u32,
    /// DLNMS_PRECISION_ of every provider whose entry does not say; 0: FP16 on a GPU where the bundle has it and the
    /// self-test passes, else FP32.
    pub precision: u32,
    /// Not 0: the pool's threads spin between the operators of a run, and some milliseconds after it, instead of sleeping:
    /// some hundredths faster on the CPU, a tenth with ONNX Runtime's kernels, at the price of the cores for whoever else wants them.
    pub spin: u32,
    /// SHA-256 of the bundle's manifest.json, 64 hexadecimal digits, as a result's JSON and `dlnms info` show it: the bundle
    /// must be this one to the last byte of every file. NULL: any. Copied.
    pub expected_manifest_sha256: *const c_char,
}

versioned!(dlnms_scorer_options, 56, { struct_size, threads, bundle_dir, providers, n_providers, device, quality, cache_dir, plugin_path, entries, n_entries, prepare_timeout_ms, precision, spin, expected_manifest_sha256 } reserved {  });

/// Write defaults (AUTO, default threads) into `options`; `struct_size` is sizeof(dlnms_scorer_options) as the
/// caller sees it. Any thread.
///
/// # Safety
/// `options` is NULL or has `struct_size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_scorer_options_init(
    options: *mut dlnms_scorer_options,
    struct_size: u32,
) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init_zero(options, struct_size) };
}

/// More entries than this are a mistake.
const MAX_ENTRIES: u32 = 16;

/// The policy of a scorer's options.
///
/// # Safety
/// `raw` came from the caller, whose promises hold for its pointers.
pub(super) unsafe fn policy(raw: &dlnms_scorer_options) -> Result<Policy> {
    let mut policy = match raw.entries.is_null() {
        true => plain(raw)?,
        false => {
            if !(1..=MAX_ENTRIES).contains(&raw.n_entries) || raw.n_providers != 0 {
                return Err(Error::invalid(
                    "dlnms_scorer_options.n_entries",
                    format!(
                        "{}, allowed 1 to {MAX_ENTRIES} and no providers",
                        raw.n_entries
                    ),
                ));
            }
            // SAFETY: so many pointers by the caller's promise.
            let entries =
                (0..raw.n_entries as usize).map(|n| unsafe { entry(*raw.entries.add(n)) });
            Policy {
                entries: entries.collect::<Result<_>>()?,
            }
        }
    };
    let all = precision("dlnms_scorer_options.precision", raw.precision)?;
    for entry in &mut policy.entries {
        entry.precision = entry.precision.or(all);
        if entry.plugin.is_none() {
            // SAFETY: handed on from the caller.
            entry.plugin =
                unsafe { strings::optional(raw.plugin_path, "plugin_path") }?.map(Into::into);
        }
    }
    Ok(policy)
}

/// `providers` and `device`.
fn plain(raw: &dlnms_scorer_options) -> Result<Policy> {
    let n = raw.n_providers as usize;
    let Some(codes) = raw.providers.get(..n) else {
        return Err(Error::invalid(
            "dlnms_scorer_options.n_providers",
            format!("{n} is above {}", raw.providers.len()),
        ));
    };
    if raw.device < 0 {
        return Err(Error::invalid(
            "dlnms_scorer_options.device",
            format!("{} is negative", raw.device),
        ));
    }
    let known = |code: &u32| provider("dlnms_scorer_options.providers", *code);
    let providers = codes.iter().map(known).collect::<Result<Vec<_>>>()?;
    let mut policy = match providers.is_empty() {
        true => Policy::auto(),
        false => Policy::new(&providers),
    };
    for entry in &mut policy.entries {
        // The device is that of the GPU; the CPU is one.
        entry.device = if entry.provider == Provider::Cpu {
            0
        } else {
            raw.device
        };
    }
    Ok(policy)
}
