//! The four backbones of the network, computed by kernels of this library on processors with AVX-512, as one operator of
//! ONNX Runtime's graph: three quarters of the time of its own kernels in single precision, less than half of it in BF16.
//!
//! Each backbone is computed by one thread from image to features. Nothing waits for another thread between layers, and
//! what a layer leaves is still in that core's cache when the next wants it. So four threads are as many as one case can
//! use; several cases share the reading of the last stage's weights.

mod onnx;
mod operator;

use super::failures::failed;
use super::interrupt::Interrupt;
use crate::bundle::{Bundle, Model, Precision};
use crate::cpu_kernels::layers::{LAYERS, Packed};
use crate::cpu_kernels::resnet::Backbone;
use crate::cpu_kernels::tile::{Arithmetic, Bf16, Fp32};
use crate::error::{Error, Result};
use operator::Backbones;
use ort::operator::OperatorDomain;
use std::collections::TryReserveError;
use std::io::{BufReader, Read};
use std::sync::mpsc::{channel, sync_channel};

/// A model whose backbones are computed here.
pub(super) struct Taken {
    /// The rest of its graph.
    pub model: Vec<u8>,
    /// What computes the node in their place.
    pub operators: OperatorDomain,
}

/// Whether this processor has what the kernels of a precision need.
pub fn supported(precision: Precision) -> bool {
    match precision {
        Precision::Fp32 => Fp32::supported(),
        Precision::Bf16 => Bf16::supported(),
        Precision::Fp16 => false,
    }
}

/// Read a model, comparing it with the manifest's digest as it goes by, and take its backbones over.
pub(super) fn take(
    bundle: &Bundle,
    model: &Model,
    threads: usize,
    interrupt: &Interrupt,
) -> Result<Taken> {
    if !supported(model.precision) {
        return Err(Error::ProviderUnavailable(match model.precision {
            Precision::Fp32 => "this processor has no AVX-512 instructions".into(),
            Precision::Bf16 => "this processor has no AVX512-BF16 instructions".into(),
            Precision::Fp16 => "they have no FP16".into(),
        }));
    }
    match model.precision {
        Precision::Bf16 => take_as::<Bf16>(bundle, model, threads, interrupt),
        _ => take_as::<Fp32>(bundle, model, threads, interrupt),
    }
}

fn take_as<A: Arithmetic + Send + Sync + 'static>(
    bundle: &Bundle,
    model: &Model,
    threads: usize,
    interrupt: &Interrupt,
) -> Result<Taken> {
    let file = bundle.open_model(model)?;
    let mut file = BufReader::with_capacity(1 << 16, file);
    let (taken, found) = std::thread::scope(|scope| {
        // While one thread reads and hashes, another lays the weights out.
        let (pieces, unpacked) = sync_channel::<onnx::Piece>(1);
        let (packed, spare) = channel();
        let pack = move || {
            let mut found = Vec::new();
            for piece in unpacked {
                store::<A>(&mut found, &piece)?;
                let _ = packed.send(piece.raw);
            }
            Ok(found)
        };
        let worker = std::thread::Builder::new().name("dlnms-weights".into());
        let worker = (threads > 1).then(|| worker.spawn_scoped(scope, pack));
        let Some(Ok(worker)) = worker else {
            // The host or the system allows no second thread: this one does both.
            let mut found = Vec::new();
            let mut no_memory = None;
            let taken = onnx::take(&mut file, model.bytes, &mut |piece| {
                interrupt.check().map_err(|e| e.to_string())?;
                if let Err(e) = store::<A>(&mut found, &piece) {
                    let why = e.to_string();
                    no_memory = Some(e);
                    return Err(why);
                }
                Ok(piece.raw)
            });
            return (taken, no_memory.map_or(Ok(found), Err));
        };
        let taken = onnx::take(&mut file, model.bytes, &mut |piece| {
            interrupt.check().map_err(|e| e.to_string())?;
            pieces.send(piece).map_err(|e| e.to_string())?;
            Ok(spare.try_recv().unwrap_or_default())
        });
        drop(pieces);
        match worker.join() {
            Ok(found) => (taken, found),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    });
    interrupt.check()?;
    let foreign = |why: String| Error::ProviderUnavailable(format!("{}: {why}", model.file));
    let no_memory = |e: TryReserveError| Error::ProviderUnavailable(e.to_string());
    let found = found.map_err(no_memory)?;
    let taken = taken.map_err(foreign)?;
    bundle.compare(model, &taken.digest)?;
    let whole = |layers: [Packed; LAYERS.len()]| Backbone::<A>::new(layers.into());
    let backbones: Option<Vec<_>> = found.into_iter().map(whole).collect();
    let backbones = backbones.filter(|b| b.len() == taken.backbones);
    let backbones = backbones.ok_or_else(|| foreign("a backbone lacks a weight".into()))?;
    let operator = Backbones::new(backbones, threads);
    let operators = OperatorDomain::new(onnx::DOMAIN).and_then(|domain| domain.add(operator));
    Ok(Taken {
        model: taken.model,
        operators: operators.map_err(failed("register the backbones"))?,
    })
}

/// Take a model of so many bytes apart and keep nothing.
pub(super) fn take_apart(model: &mut dyn Read, bytes: u64) -> Result<(), String> {
    onnx::take(model, bytes, &mut |piece| Ok(piece.raw)).map(drop)
}

/// Lay a piece of the weights out behind those before.
fn store<A: Arithmetic>(
    found: &mut Vec<[Packed; LAYERS.len()]>,
    piece: &onnx::Piece,
) -> Result<(), TryReserveError> {
    if found.len() <= piece.backbone {
        found.resize_with(piece.backbone + 1, Default::default);
    }
    let layer = &LAYERS[piece.layer];
    let Packed { weights, bias } = &mut found[piece.backbone][piece.layer];
    let values = piece.raw.as_chunks().0;
    match piece.bias {
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
