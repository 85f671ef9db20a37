//! The backbones' weights, read from their file once, from front to back, at the places that the manifest names.

use crate::bundle::{Backbones, BundleFile, Digest, StoredTensor};
use crate::cpu_kernels::layers::{LAYERS, Layer, OUTPUTS, part_of};
use crate::engine::hashing_reader::HashingReader;
use std::io::Read;

/// A part of a tensor: float32, little-endian, of some outputs; the parts of a tensor come in order.
pub struct Part {
    /// Of which backbone, in the order of the manifest.
    pub backbone: usize,
    /// Of which of its layers.
    pub layer: usize,
    /// Whether it is the bias.
    pub bias: bool,
    pub raw: Vec<u8>,
}

/// Takes each part as it is read, and gives memory back for the next: fresh memory would cost more than reading.
pub type Sink<'a> = dyn FnMut(Part) -> Result<Vec<u8>, String> + 'a;

/// Compares the layers of a manifest with those that the kernels compute.
///
/// # Errors
/// The first layer that differs, in words.
pub fn check_layers(table: &Backbones) -> Result<(), String> {
    let (found, known) = (table.layers.len(), LAYERS.len());
    if found != known {
        return Err(format!(
            "backbones.layers: {found}, the kernels compute {known}"
        ));
    }
    for (n, (found, known)) in table.layers.iter().zip(&LAYERS).enumerate() {
        let shape = |l: &Layer| [l.inputs, l.outputs, l.kernel, l.stride()].map(|n| n as u64);
        let of_found = [found.inputs, found.outputs, found.kernel, found.stride];
        if found.name != known.name || of_found != shape(known) {
            return Err(format!(
                "backbones.layers[{n}]: {found:?}, the kernels compute {known:?}"
            ));
        }
    }
    Ok(())
}

/// Reads the file of the backbones' weights; returns its digest.
///
/// # Errors
/// What cannot be read, or what the sink answers, in words.
pub fn read(
    file: &mut dyn Read,
    (table, listed): (&Backbones, &BundleFile),
    sink: &mut Sink<'_>,
) -> Result<Digest, String> {
    let mut input = HashingReader::new(file);
    let mut spare = Vec::new();
    let mut skip = |input: &mut HashingReader<'_>, to: u64| {
        spare.clear();
        // Padding of the file: less than a page, or nothing that anybody wrote.
        while input.position() < to {
            input.append((to - input.position()).min(1 << 16), &mut spare)?;
            spare.clear();
        }
        Ok::<(), String>(())
    };
    let mut raw = Vec::new();
    for tensor in listed.tensors.iter().flatten() {
        let (backbone, layer, bias) =
            place(table, tensor).ok_or_else(|| format!("{:?} is of no layer", tensor.name))?;
        let of_one = tensor.bytes / LAYERS[layer].outputs as u64;
        skip(&mut input, tensor.offset)?;
        while input.position() < tensor.end() {
            raw.clear();
            let left = tensor.end() - input.position();
            input.append((of_one * OUTPUTS as u64).min(left), &mut raw)?;
            raw = sink(Part {
                backbone,
                layer,
                bias,
                raw,
            })?;
        }
    }
    skip(&mut input, listed.bytes)?;
    Ok(input.digest())
}

/// Backbone and layer of a tensor, and whether it is the bias.
fn place(table: &Backbones, tensor: &StoredTensor) -> Option<(usize, usize, bool)> {
    table.names.iter().enumerate().find_map(|(backbone, name)| {
        let part = tensor.name.strip_prefix(name.as_str())?.strip_prefix('.')?;
        let (layer, bias) = part_of(part)?;
        Some((backbone, layer, bias))
    })
}
