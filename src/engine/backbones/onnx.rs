//! A model file read once, from front to back: its digest, the backbones' weights as the kernels want them, and what is
//! left of the graph, with one node in the backbones' place.
//!
//! ONNX is protocol buffers (onnx.proto3); only what this needs of them is read here, and the rest copied. The names are
//! those that `model/dlnms_model/graph.py` gives. A graph that has other nodes or shapes under them is not taken apart;
//! one that means something else by them fails the self-test.

use super::super::protobuf::{BYTES, Input, LENGTH, VARINT, put_bytes, put_length, put_varint};
use crate::bundle::Digest;
use crate::cpu_kernels::layers::{LAYERS, OUTPUTS, part_of};
use std::io::Read;

/// Name of the operator and its domain, as ONNX Runtime gets to see them.
pub const OPERATOR: &str = "Backbones";
pub const DOMAIN: &str = "dlnms";

/// One backbone of a graph.
struct Found {
    /// First part of the names of all its nodes.
    prefix: String,
    /// The graph's input that it sees.
    input: String,
    nodes: usize,
}

/// What there is in a model file.
pub struct Taken {
    /// The graph without the backbones, but with a node for them.
    pub model: Vec<u8>,
    /// How many there are.
    pub backbones: usize,
    /// Of the whole file.
    pub digest: Digest,
}

/// A piece of a weight tensor: float32, little-endian, of some outputs; pieces come in order.
pub struct Piece {
    /// Of which backbone, in the order of the node's inputs.
    pub backbone: usize,
    /// Of which of its layers.
    pub layer: usize,
    /// Whether it is the bias.
    pub bias: bool,
    pub raw: Vec<u8>,
}

/// Takes each piece as it is read, and gives memory back for the next: fresh memory would cost more than reading.
pub type Sink<'a> = dyn FnMut(Piece) -> Result<Vec<u8>, String> + 'a;

struct Pieces<'a, 'b> {
    sink: &'a mut Sink<'b>,
    spare: Vec<u8>,
}

/// Nodes are a line or two each, and so is everything else but tensors.
const MAX_SMALL: u64 = 1 << 20;
/// onnx.TensorProto.FLOAT.
const FLOAT32: u64 = 1;

/// Take a model of so many bytes apart.
pub fn take(file: &mut dyn Read, bytes: u64, sink: &mut Sink<'_>) -> Result<Taken, String> {
    let mut input = Input::new(file);
    let spare = Vec::new();
    let mut pieces = Pieces { sink, spare };
    let mut model = Vec::new();
    let mut backbones = None;
    while let Some(tag) = input.tag(bytes)? {
        match tag {
            (7, BYTES) if backbones.is_none() => {
                let end = input.end(bytes)?;
                put_varint(&mut model, 7 << 3 | BYTES);
                let at = model.len();
                model.extend([0; LENGTH]); // of the graph, known at its end
                backbones = Some(graph(&mut input, end, &mut model, &mut pieces)?);
                let length = model.len() - at - LENGTH;
                put_length(&mut model[at..at + LENGTH], length as u64);
            }
            other => input.copy(other, bytes, MAX_SMALL, &mut model)?,
        }
    }
    let mut opset = Vec::new();
    put_bytes(&mut opset, 1, DOMAIN.as_bytes());
    put_varint(&mut opset, 2 << 3 | VARINT);
    put_varint(&mut opset, 1);
    put_bytes(&mut model, 8, &opset);
    Ok(Taken {
        model,
        backbones: backbones.ok_or("has no graph")?,
        digest: input.digest(),
    })
}

/// Nodes of one backbone in the exporter's graphs, pools and flattening included.
const NODES: usize = 2 + 1 + 19 + 16 + 8 + 4;

/// N1 and N2 have two each.
pub const MAX_BACKBONES: usize = 16;

fn graph(
    input: &mut Input<'_>,
    end: u64,
    to: &mut Vec<u8>,
    pieces: &mut Pieces<'_, '_>,
) -> Result<usize, String> {
    let (mut backbones, mut others) = (Vec::<Found>::new(), Vec::new());
    let mut nodes_end = false;
    while let Some(tag) = input.tag(end)? {
        match tag {
            (1, BYTES) if !nodes_end => {
                let bytes = input.bytes(end, MAX_SMALL)?;
                let node = Node::of(&bytes)?;
                if let Some(prefix) = node
                    .output
                    .strip_suffix(".stem")
                    .filter(|_| node.op == "Conv")
                {
                    let (prefix, input) = (prefix.to_owned(), node.input.clone());
                    backbones.push(Found {
                        prefix,
                        input,
                        nodes: 0,
                    });
                }
                let mut of = backbones.iter_mut();
                match of.find(|b| within(&b.prefix, &node.output).is_some()) {
                    Some(backbone) => backbone.nodes += 1,
                    None => put_bytes(&mut others, 1, &bytes),
                }
                if backbones.len() > MAX_BACKBONES {
                    return Err(format!("has more than {MAX_BACKBONES} backbones"));
                }
            }
            (1, BYTES) => return Err("has nodes behind its tensors".into()),
            other => {
                if !std::mem::replace(&mut nodes_end, true) {
                    put_bytes(to, 1, &node_for(&backbones)?); // nodes stand in the order of their use
                    to.append(&mut others);
                }
                match other {
                    (5, BYTES) => {
                        let end = input.end(end)?;
                        tensor(input, end, &backbones, to, pieces)?;
                    }
                    other => input.copy(other, end, MAX_SMALL, to)?,
                }
            }
        }
    }
    match nodes_end {
        true => Ok(backbones.len()),
        false => Err("has no tensors".into()),
    }
}

/// What a name is within a backbone.
fn within<'n>(prefix: &str, name: &'n str) -> Option<&'n str> {
    name.strip_prefix(prefix)?.strip_prefix('.')
}

/// The node that stands for the backbones, of so many nodes each: their inputs in, two outputs of each.
fn node_for(backbones: &[Found]) -> Result<Vec<u8>, String> {
    if backbones.is_empty() {
        return Err("has no backbones".into());
    }
    let mut node = Vec::new();
    for backbone in backbones {
        // The last stage may be written as volumes, which takes one node more.
        let Found { prefix, nodes, .. } = backbone;
        if !(NODES..=NODES + 1).contains(nodes) {
            return Err(format!(
                "{prefix} has {nodes} nodes, a ResNet-18 has {NODES}"
            ));
        }
        put_bytes(&mut node, 1, backbone.input.as_bytes());
    }
    for backbone in backbones {
        put_bytes(&mut node, 2, format!("{}.max", backbone.prefix).as_bytes());
        put_bytes(&mut node, 2, format!("{}.avg", backbone.prefix).as_bytes());
    }
    put_bytes(&mut node, 3, b"backbones");
    put_bytes(&mut node, 4, OPERATOR.as_bytes());
    put_bytes(&mut node, 7, DOMAIN.as_bytes());
    Ok(node)
}

/// First input, first output and operator of a node.
#[derive(Default)]
struct Node {
    input: String,
    output: String,
    op: String,
}

impl Node {
    fn of(mut bytes: &[u8]) -> Result<Self, String> {
        let end = bytes.len() as u64;
        let mut input = Input::new(&mut bytes);
        let mut node = Self::default();
        while let Some(tag) = input.tag(end)? {
            let field = match tag {
                (1, BYTES) if node.input.is_empty() => &mut node.input,
                (2, BYTES) if node.output.is_empty() => &mut node.output,
                (4, BYTES) => &mut node.op,
                other => {
                    input.copy(other, end, MAX_SMALL, &mut Vec::new())?;
                    continue;
                }
            };
            let text = input.bytes(end, MAX_SMALL)?;
            *field = String::from_utf8(text).map_err(|e| e.to_string())?;
        }
        Ok(node)
    }
}

/// An initializer: a backbone's goes to the sink, any other into the graph.
fn tensor(
    input: &mut Input<'_>,
    end: u64,
    backbones: &[Found],
    graph: &mut Vec<u8>,
    pieces: &mut Pieces<'_, '_>,
) -> Result<(), String> {
    let (mut dims, mut kind, mut name) = (Vec::new(), 0, String::new());
    // All but the values, which come last.
    let mut header = Vec::new();
    while let Some(tag) = input.tag(end)? {
        match tag {
            (1, VARINT) => {
                let dim = input.varint()?;
                dims.push(dim);
                put_varint(&mut header, 1 << 3 | VARINT);
                put_varint(&mut header, dim);
            }
            (2, VARINT) => {
                kind = input.varint()?;
                put_varint(&mut header, 2 << 3 | VARINT);
                put_varint(&mut header, kind);
            }
            (8, BYTES) => {
                let text = input.bytes(end, MAX_SMALL)?;
                put_bytes(&mut header, 8, &text);
                name = String::from_utf8(text).map_err(|e| e.to_string())?;
            }
            (9, BYTES) => {
                let length = input.end(end)? - input.at;
                if input.at + length != end {
                    return Err(format!("{name} has something behind its values"));
                }
                let mut places = backbones.iter().enumerate();
                let place = places.find_map(|(n, b)| Some((n, within(&b.prefix, &name)?)));
                let Some((backbone, part)) = place else {
                    put_varint(&mut header, 9 << 3 | BYTES);
                    put_varint(&mut header, length);
                    put_varint(graph, 5 << 3 | BYTES);
                    put_varint(graph, header.len() as u64 + length);
                    graph.extend_from_slice(&header);
                    return input.append(length, graph);
                };
                let unknown = || format!("{name} is not a weight of a ResNet-18");
                let (layer, bias) = part_of(part).ok_or_else(unknown)?;
                let shape = LAYERS[layer].shape(bias);
                let found: Vec<_> = dims.iter().copied().filter(|d| *d != 1).collect();
                if kind != FLOAT32 || found != shape || length != 4 * shape.iter().product::<u64>()
                {
                    return Err(format!(
                        "{name} has shape {dims:?} of type {kind}, expected {shape:?} of float32"
                    ));
                }
                let of_one = length / LAYERS[layer].outputs as u64;
                while input.at < end {
                    let mut raw = std::mem::take(&mut pieces.spare);
                    raw.clear();
                    input.append((of_one * OUTPUTS as u64).min(end - input.at), &mut raw)?;
                    pieces.spare = (pieces.sink)(Piece {
                        backbone,
                        layer,
                        bias,
                        raw,
                    })?;
                }
                return Ok(());
            }
            other => input.copy(other, end, MAX_SMALL, &mut header)?,
        }
    }
    Err(format!("{name} has no raw values"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(op: &str, input: &str, output: &str) -> Vec<u8> {
        let mut node = Vec::new();
        put_bytes(&mut node, 1, input.as_bytes());
        put_bytes(&mut node, 2, output.as_bytes());
        put_bytes(&mut node, 4, op.as_bytes());
        node
    }

    fn initializer(name: &str, dim: u64) -> Vec<u8> {
        let mut tensor = Vec::new();
        for (field, value) in [(1, dim), (2, FLOAT32)] {
            put_varint(&mut tensor, field << 3 | VARINT);
            put_varint(&mut tensor, value);
        }
        put_bytes(&mut tensor, 8, name.as_bytes());
        put_bytes(&mut tensor, 9, &vec![0x3f; dim as usize * 4]);
        tensor
    }

    /// A model of one backbone with so many nodes, its first bias, and a head.
    fn model(nodes: usize, bias: u64) -> Vec<u8> {
        let mut graph = Vec::new();
        put_bytes(&mut graph, 1, &node("Conv", "pet", "n1.pet.stem"));
        for n in 1..nodes {
            put_bytes(&mut graph, 1, &node("Relu", "x", &format!("n1.pet.{n}")));
        }
        put_bytes(&mut graph, 1, &node("Gemm", "n1.pet.max", "scores"));
        put_bytes(&mut graph, 2, b"dlnms");
        put_bytes(&mut graph, 5, &initializer("n1.pet.stem.b", bias));
        put_bytes(&mut graph, 5, &initializer("n1.fc1.b", 3));
        let mut model = Vec::new();
        put_varint(&mut model, 1 << 3 | VARINT);
        put_varint(&mut model, 8);
        put_bytes(&mut model, 7, &graph);
        model
    }

    fn try_take(mut model: &[u8]) -> Result<(Taken, Vec<Piece>), String> {
        let mut pieces = Vec::new();
        let bytes = model.len() as u64;
        let taken = take(&mut model, bytes, &mut |piece| {
            pieces.push(piece);
            Ok(Vec::new())
        })?;
        Ok((taken, pieces))
    }

    #[test]
    fn a_backbone_is_taken_out_and_the_rest_stays() {
        let model = model(NODES, 64);
        let (taken, pieces) = try_take(&model).unwrap();
        assert_eq!(taken.digest, Digest::of(&model));
        assert_eq!(taken.backbones, 1);
        let found: Vec<_> = pieces
            .iter()
            .map(|p| (p.layer, p.bias, p.raw.len()))
            .collect();
        assert_eq!(found, [(0, true, 256)]);
        let has = |text: &str| {
            taken
                .model
                .windows(text.len())
                .any(|w| w == text.as_bytes())
        };
        for kept in [
            "scores",
            "n1.fc1.b",
            "Backbones",
            "n1.pet.max",
            "n1.pet.avg",
            "pet",
        ] {
            assert!(has(kept), "{kept}");
        }
        assert!(!has("n1.pet.stem") && !has("Relu"));
    }

    #[test]
    fn what_is_not_such_a_model_is_said() {
        for (model, why) in [
            (model(NODES - 1, 64), "n1.pet has 49 nodes"),
            (model(NODES, 32), "n1.pet.stem.b has shape [32]"),
            (Vec::new(), "has no graph"),
            (b"not a model".to_vec(), ""),
        ] {
            let refused = try_take(&model).map(|_| ()).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
    }

    #[test]
    fn no_damage_is_more_than_an_error() {
        let whole = model(NODES, 64);
        for end in 0..whole.len() {
            let cut = try_take(&whole[..end]);
            assert!(cut.is_err(), "cut at {end}");
        }
        for at in 0..whole.len() {
            for flip in [1, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[at] ^= flip;
                if let Ok((taken, _)) = try_take(&changed) {
                    assert_ne!(taken.digest, Digest::of(&whole));
                }
            }
        }
    }
}
