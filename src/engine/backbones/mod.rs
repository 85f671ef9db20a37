//! The four backbones of the network, computed by kernels of this library as one operator of ONNX Runtime's graph.
//!
//! Each backbone is computed by one thread from image to features. Nothing waits for another thread between layers, and
//! what a layer leaves is still in that core's cache when the next wants it. Threads beyond the number of backbones take
//! output channels of a layer over; several cases share the reading of the last stage's weights. Scorers of one bundle share
//! the weights.

mod operator;
mod shared;
mod weights;

use super::failures::failed;
use super::interrupt::Interrupt;
use crate::bundle::{Backbones as Table, Bundle, Model, Precision};
use crate::cpu_kernels::arithmetic::{Arithmetic, Bf16, Fp32};
use crate::cpu_kernels::layers::{LAYERS, Packed};
use crate::cpu_kernels::resnet::Backbone;
use crate::cpu_kernels::scalar::Scalar;
#[cfg(target_arch = "x86_64")]
use crate::cpu_kernels::{avx2::Avx2, avx512::Avx512, instructions::Instructions};
use crate::error::{Error, Result};
use crate::runtime::provider::InstructionSet;
use operator::{Backbones, DOMAIN, MAX_BACKBONES};
use ort::operator::OperatorDomain;
use std::collections::TryReserveError;
use std::io::BufReader;
use std::sync::mpsc::{channel, sync_channel};

/// Reads the backbones' weights, comparing them with the manifest's digest as they go by, and lays them out for the kernels.
///
/// # Errors
/// [`Error::ProviderUnavailable`] if the kernels cannot compute these backbones, on this processor or at all;
/// [`Error::BundleMissing`], [`Error::BundleAltered`], [`Error::Cancelled`].
pub(super) fn load(
    bundle: &Bundle,
    model: &Model,
    instruction_set: InstructionSet,
    threads: usize,
    interrupt: &Interrupt,
) -> Result<OperatorDomain> {
    use Precision::{Bf16 as BF16, Fp32 as FP32};
    let name = instruction_set.name();
    match (instruction_set, model.precision) {
        (InstructionSet::Scalar, FP32) => load_as(Fp32(Scalar), bundle, threads, interrupt),
        (InstructionSet::Scalar, BF16) => load_as(Bf16(Scalar), bundle, threads, interrupt),
        #[cfg(target_arch = "x86_64")]
        (InstructionSet::Avx2, FP32) => {
            let avx2 = detect::<Avx2>("AVX2 and FMA")?;
            load_as(Fp32(avx2), bundle, threads, interrupt)
        }
        #[cfg(target_arch = "x86_64")]
        (InstructionSet::Avx512, FP32) => {
            let avx512 = detect::<Avx512<false>>("AVX-512")?;
            load_as(Fp32(avx512), bundle, threads, interrupt)
        }
        #[cfg(target_arch = "x86_64")]
        (InstructionSet::Avx512Bf16, BF16) => {
            let avx512 = detect::<Avx512<true>>("AVX512-BF16")?;
            load_as(Bf16(avx512), bundle, threads, interrupt)
        }
        #[cfg(not(target_arch = "x86_64"))]
        (_, FP32 | BF16) => Err(Error::ProviderUnavailable(format!(
            "{name} are instructions of x86-64 processors"
        ))),
        (_, precision) => Err(Error::ProviderUnavailable(format!(
            "{name} has no {}",
            precision.name().to_uppercase()
        ))),
    }
}

/// Returns instructions that this processor has, or an error that names them.
#[cfg(target_arch = "x86_64")]
fn detect<I: Instructions>(name: &str) -> Result<I> {
    let lacks = || Error::ProviderUnavailable(format!("this processor has no {name} instructions"));
    I::detect().ok_or_else(lacks)
}

fn load_as<A: Arithmetic>(
    arithmetic: A,
    bundle: &Bundle,
    threads: usize,
    interrupt: &Interrupt,
) -> Result<OperatorDomain> {
    let table = bundle.manifest.backbones.as_ref();
    let table = table.ok_or_else(|| unavailable("the bundle has no backbones for them"))?;
    weights::check_layers(table).map_err(unavailable)?;
    if table.names.len() > MAX_BACKBONES {
        let found = table.names.len();
        return Err(unavailable(format!(
            "{found} backbones, at most {MAX_BACKBONES}"
        )));
    }
    let manifest = &bundle.manifest_sha256;
    let backbones = match shared::find::<A>(manifest) {
        Some(backbones) => {
            // They are in memory; that this bundle's file holds the same is still to be seen.
            read(bundle, table, interrupt, &mut |part| Ok(part.raw))?;
            backbones
        }
        None => {
            let backbones = lay_out(arithmetic, bundle, table, threads, interrupt)?;
            shared::share(manifest, backbones)
        }
    };
    let operator = Backbones::new(backbones, threads);
    let operators = OperatorDomain::new(DOMAIN).and_then(|domain| domain.add(operator));
    operators.map_err(failed("register the backbones"))
}

fn unavailable(why: impl Into<String>) -> Error {
    Error::ProviderUnavailable(why.into())
}

/// Reads the file of the weights and compares it with the manifest's digest; the sink takes each part.
fn read(
    bundle: &Bundle,
    table: &Table,
    interrupt: &Interrupt,
    sink: &mut weights::Sink<'_>,
) -> Result<()> {
    let listed = bundle
        .manifest
        .listed("backbones.weights", &table.weights)?;
    let file = bundle.open_file(listed)?;
    let mut file = BufReader::with_capacity(1 << 16, file);
    let digest = weights::read(&mut file, (table, listed), &mut |part| {
        interrupt.check().map_err(|e| e.to_string())?;
        sink(part)
    });
    interrupt.check()?;
    let digest = digest.map_err(|why| unavailable(format!("{}: {why}", listed.name)))?;
    bundle.compare(listed, &digest)
}

/// Reads the weights and lays them out for an arithmetic.
fn lay_out<A: Arithmetic>(
    arithmetic: A,
    bundle: &Bundle,
    table: &Table,
    threads: usize,
    interrupt: &Interrupt,
) -> Result<Vec<Backbone<A>>> {
    let found = std::thread::scope(|scope| {
        // While one thread reads and hashes, another lays the weights out.
        let (parts, unpacked) = sync_channel::<weights::Part>(1);
        let (packed, spare) = channel();
        let pack = move || {
            let mut found = Vec::new();
            for part in unpacked {
                store::<A>(&mut found, &part)?;
                let _ = packed.send(part.raw);
            }
            Ok(found)
        };
        let worker = std::thread::Builder::new().name("dlnms-weights".into());
        let worker = (threads > 1).then(|| worker.spawn_scoped(scope, pack));
        let Some(Ok(worker)) = worker else {
            // The host or the system allows no second thread: this one does both.
            return lay_out_here::<A>(bundle, table, interrupt);
        };
        let done = read(bundle, table, interrupt, &mut |part| {
            parts.send(part).map_err(|e| e.to_string())?;
            Ok(spare.try_recv().unwrap_or_default())
        });
        drop(parts);
        match worker.join() {
            Ok(Ok(found)) => done.map(|()| found),
            Ok(Err(no_memory)) => {
                interrupt.check()?;
                Err(lacks_memory(&no_memory))
            }
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })?;
    let whole = |layers: [Packed; LAYERS.len()]| Backbone::new(arithmetic, layers.into());
    let backbones: Option<Vec<_>> = found.into_iter().map(whole).collect();
    let backbones = backbones.filter(|b| b.len() == table.names.len());
    backbones.ok_or_else(|| unavailable("a backbone lacks a weight"))
}

/// Weights of a backbone's layers.
type Layers = [Packed; LAYERS.len()];

/// Reads the weights and lays them out in one thread.
fn lay_out_here<A: Arithmetic>(
    bundle: &Bundle,
    table: &Table,
    interrupt: &Interrupt,
) -> Result<Vec<Layers>> {
    let mut found = Vec::new();
    let mut no_memory = None;
    let done = read(bundle, table, interrupt, &mut |part| {
        if let Err(e) = store::<A>(&mut found, &part) {
            let why = e.to_string();
            no_memory = Some(e);
            return Err(why);
        }
        Ok(part.raw)
    });
    match no_memory {
        Some(e) => Err(lacks_memory(&e)),
        None => done.map(|()| found),
    }
}

fn lacks_memory(error: &TryReserveError) -> Error {
    unavailable(error.to_string())
}

/// Lays a part of the weights out behind those before.
fn store<A: Arithmetic>(
    found: &mut Vec<Layers>,
    part: &weights::Part,
) -> Result<(), TryReserveError> {
    if found.len() <= part.backbone {
        found.resize_with(part.backbone + 1, Default::default);
    }
    let layer = &LAYERS[part.layer];
    let Packed { weights, bias } = &mut found[part.backbone][part.layer];
    let values = part.raw.as_chunks().0;
    if part.bias {
        bias.extend(values.iter().map(|b| f32::from_le_bytes(*b)))
    } else {
        if weights.is_empty() {
            weights.try_reserve_exact(layer.lines::<A>())?;
        }
        layer.pack::<A>(values, weights);
    }
    Ok(())
}
