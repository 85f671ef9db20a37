//! The four backbones of the network, computed by kernels of this library on processors with AVX-512, as one operator of
//! ONNX Runtime's graph: three quarters of the time of its own kernels in single precision, less than half of it in BF16.
//!
//! Each backbone is computed by one thread from image to features. Nothing waits for another thread between layers, and
//! what a layer leaves is still in that core's cache when the next wants it. So four threads are as many as one case can
//! use; several cases share the reading of the last stage's weights.

mod operator;
mod weights;

use super::failures::failed;
use super::interrupt::Interrupt;
use crate::bundle::{Bundle, Model, Precision};
use crate::cpu_kernels::layers::{LAYERS, Packed};
use crate::cpu_kernels::resnet::Backbone;
use crate::cpu_kernels::tile::{Arithmetic, Bf16, Fp32};
use crate::error::{Error, Result};
use operator::{Backbones, DOMAIN, MAX_BACKBONES};
use ort::operator::OperatorDomain;
use std::collections::TryReserveError;
use std::io::BufReader;
use std::sync::mpsc::{channel, sync_channel};

/// Whether this processor has what the kernels of a precision need.
pub fn supported(precision: Precision) -> bool {
    match precision {
        Precision::Fp32 => Fp32::supported(),
        Precision::Bf16 => Bf16::supported(),
        Precision::Fp16 => false,
    }
}

/// Reads the backbones' weights, comparing them with the manifest's digest as they go by, and lays them out for the kernels.
///
/// # Errors
/// [`Error::ProviderUnavailable`] if the kernels cannot compute these backbones, on this processor or at all;
/// [`Error::BundleMissing`], [`Error::BundleAltered`], [`Error::Cancelled`].
pub(super) fn load(
    bundle: &Bundle,
    model: &Model,
    threads: usize,
    interrupt: &Interrupt,
) -> Result<OperatorDomain> {
    if !supported(model.precision) {
        return Err(Error::ProviderUnavailable(match model.precision {
            Precision::Fp32 => "this processor has no AVX-512 instructions".into(),
            Precision::Bf16 => "this processor has no AVX512-BF16 instructions".into(),
            Precision::Fp16 => "they have no FP16".into(),
        }));
    }
    match model.precision {
        Precision::Bf16 => load_as::<Bf16>(bundle, threads, interrupt),
        _ => load_as::<Fp32>(bundle, threads, interrupt),
    }
}

fn load_as<A: Arithmetic + Send + Sync + 'static>(
    bundle: &Bundle,
    threads: usize,
    interrupt: &Interrupt,
) -> Result<OperatorDomain> {
    let unavailable = |why: String| Error::ProviderUnavailable(why);
    let table = bundle.manifest.backbones.as_ref();
    let table = table.ok_or_else(|| unavailable("the bundle has no backbones for them".into()))?;
    weights::check_layers(table).map_err(unavailable)?;
    if table.names.len() > MAX_BACKBONES {
        let found = table.names.len();
        return Err(unavailable(format!(
            "{found} backbones, at most {MAX_BACKBONES}"
        )));
    }
    let listed = bundle
        .manifest
        .listed("backbones.weights", &table.weights)?;
    let file = bundle.open_file(listed)?;
    let mut file = BufReader::with_capacity(1 << 16, file);
    let (read, found) = std::thread::scope(|scope| {
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
            let mut found = Vec::new();
            let mut no_memory = None;
            let read = weights::read(&mut file, (table, listed), &mut |part| {
                interrupt.check().map_err(|e| e.to_string())?;
                if let Err(e) = store::<A>(&mut found, &part) {
                    let why = e.to_string();
                    no_memory = Some(e);
                    return Err(why);
                }
                Ok(part.raw)
            });
            return (read, no_memory.map_or(Ok(found), Err));
        };
        let read = weights::read(&mut file, (table, listed), &mut |part| {
            interrupt.check().map_err(|e| e.to_string())?;
            parts.send(part).map_err(|e| e.to_string())?;
            Ok(spare.try_recv().unwrap_or_default())
        });
        drop(parts);
        match worker.join() {
            Ok(found) => (read, found),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    });
    interrupt.check()?;
    let no_memory = |e: TryReserveError| unavailable(e.to_string());
    let found = found.map_err(no_memory)?;
    let read = read.map_err(|why| unavailable(format!("{}: {why}", listed.name)))?;
    bundle.compare(listed, &read)?;
    let whole = |layers: [Packed; LAYERS.len()]| Backbone::<A>::new(layers.into());
    let backbones: Option<Vec<_>> = found.into_iter().map(whole).collect();
    let backbones = backbones.filter(|b| b.len() == table.names.len());
    let backbones = backbones.ok_or_else(|| unavailable("a backbone lacks a weight".into()))?;
    let operator = Backbones::new(backbones, threads);
    let operators = OperatorDomain::new(DOMAIN).and_then(|domain| domain.add(operator));
    operators.map_err(failed("register the backbones"))
}

/// Lays a part of the weights out behind those before.
fn store<A: Arithmetic>(
    found: &mut Vec<[Packed; LAYERS.len()]>,
    part: &weights::Part,
) -> Result<(), TryReserveError> {
    if found.len() <= part.backbone {
        found.resize_with(part.backbone + 1, Default::default);
    }
    let layer = &LAYERS[part.layer];
    let Packed { weights, bias } = &mut found[part.backbone][part.layer];
    let values = part.raw.as_chunks().0;
    match part.bias {
        true => bias.extend(values.iter().map(|b| f32::from_le_bytes(*b))),
        false => {
            if weights.is_empty() {
                weights.try_reserve_exact(layer.lines::<A>())?;
            }
            layer.pack::<A>(values, weights);
        }
    }
    Ok(())
}
