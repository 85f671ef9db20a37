//! A model file read once, from front to back: its digest, the backbones' weights as the kernels want them, and what is
//! left of the graph, with one node in the backbones' place.
//!
//! ONNX is protocol buffers (onnx.proto3); only what this needs of them is read here, and the rest copied. The names are
//! those that `model/dlnms_model/graph.py` gives. A graph that has other nodes or shapes under them is not taken apart;
//! one that means something else by them fails the self-test.

use super::resnet::{LAYERS, Layer, OUTPUTS};
use sha2::{Digest as _, Sha256};
use std::io::Read;

/// Name of the operator and its domain, as ONNX Runtime gets to see them.
pub const OPERATOR: &str = "Backbones";
pub const DOMAIN: &str = "dlnms";

/// One backbone of a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// First part of the names of all its nodes.
    pub prefix: String,
    /// The graph's input that it sees.
    pub input: String,
}

/// What there is in a model file.
pub struct Taken {
    /// The graph without the backbones, but with a node for them.
    pub model: Vec<u8>,
    pub backbones: Vec<Found>,
    pub sha256: String,
}

/// A piece of a weight tensor: float32, little-endian, of some outputs; pieces come in order.
pub struct Piece {
    /// Of which backbone, in the order of [`Taken::backbones`].
    pub backbone: usize,
    /// Of which of its layers.
    pub layer: usize,
    /// Whether it is the bias.
    pub bias: bool,
    pub raw: Vec<u8>,
}

/// Takes each piece as it is read, and gives memory back for the next: fresh memory would cost more than reading.
pub type Sink<'a> = dyn FnMut(Piece) -> Result<Vec<u8>, String> + 'a;

/// Wire types of protocol buffers.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;
const FIXED32: u64 = 5;

/// Nodes are a line or two each, and so is everything else but tensors.
const MAX_SMALL: u64 = 1 << 20;
/// onnx.TensorProto.FLOAT.
const FLOAT32: u64 = 1;

/// Take a model of so many bytes apart.
pub fn take(file: &mut dyn Read, bytes: u64, sink: &mut Sink<'_>) -> Result<Taken, String> {
    let mut input = Input::new(file);
    let mut model = Vec::new();
    let mut backbones = None;
    while let Some(tag) = input.tag(bytes)? {
        match tag {
            (7, BYTES) if backbones.is_none() => {
                let end = input.end(bytes)?;
                put_varint(&mut model, 7 << 3 | BYTES);
                let at = model.len();
                model.extend([0; LENGTH]); // of the graph, known at its end
                backbones = Some(graph(&mut input, end, &mut model, sink)?);
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
        sha256: input
            .hash
            .finalize()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect(),
    })
}

/// Bytes that a length takes where it is written before it is known: a number may have leading zeros.
const LENGTH: usize = 5;

fn put_length(to: &mut [u8], length: u64) {
    for (n, byte) in to.iter_mut().enumerate() {
        let more = if n + 1 < LENGTH { 0x80 } else { 0 };
        *byte = (length >> (7 * n)) as u8 & 0x7f | more;
    }
}

/// Nodes of one backbone in the exporter's graphs, pools and flattening included.
const NODES: usize = 2 + 1 + 19 + 16 + 8 + 4;

fn graph(
    input: &mut Input<'_>,
    end: u64,
    to: &mut Vec<u8>,
    sink: &mut Sink<'_>,
) -> Result<Vec<Found>, String> {
    let (mut backbones, mut others) = (Vec::<(Found, usize)>::new(), Vec::new());
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
                    backbones.push((Found { prefix, input }, 0));
                }
                match backbones
                    .iter_mut()
                    .find(|(b, _)| within(&b.prefix, &node.output).is_some())
                {
                    Some((_, nodes)) => *nodes += 1,
                    None => put_bytes(&mut others, 1, &bytes),
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
                        tensor(input, end, &backbones, to, sink)?;
                    }
                    other => input.copy(other, end, MAX_SMALL, to)?,
                }
            }
        }
    }
    match nodes_end {
        true => Ok(backbones.into_iter().map(|(found, _)| found).collect()),
        false => Err("has no tensors".into()),
    }
}

/// What a name is within a backbone.
fn within<'n>(prefix: &str, name: &'n str) -> Option<&'n str> {
    name.strip_prefix(prefix)?.strip_prefix('.')
}

/// The node that stands for the backbones, of so many nodes each: their inputs in, two outputs of each.
fn node_for(backbones: &[(Found, usize)]) -> Result<Vec<u8>, String> {
    if backbones.is_empty() {
        return Err("has no backbones".into());
    }
    let mut node = Vec::new();
    for (backbone, nodes) in backbones {
        // The last stage may be written as volumes, which takes one node more.
        if !(NODES..=NODES + 1).contains(nodes) {
            let prefix = &backbone.prefix;
            return Err(format!(
                "{prefix} has {nodes} nodes, a ResNet-18 has {NODES}"
            ));
        }
        put_bytes(&mut node, 1, backbone.input.as_bytes());
    }
    for (backbone, _) in backbones {
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
    backbones: &[(Found, usize)],
    graph: &mut Vec<u8>,
    sink: &mut Sink<'_>,
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
                let place = places.find_map(|(n, (b, _))| Some((n, within(&b.prefix, &name)?)));
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
                    let mut raw = std::mem::take(&mut input.spare);
                    raw.clear();
                    input.append((of_one * OUTPUTS as u64).min(end - input.at), &mut raw)?;
                    input.spare = sink(Piece {
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

/// Layer and whether it is the bias, from the end of a name.
fn part_of(part: &str) -> Option<(usize, bool)> {
    let (layer, kind) = part.rsplit_once('.')?;
    let bias = match kind {
        "w" => false,
        "b" => true,
        _ => return None,
    };
    Some((LAYERS.iter().position(|l| l.name == layer)?, bias))
}

impl Layer {
    /// Of its weights or its bias, without dimensions of 1.
    fn shape(&self, bias: bool) -> Vec<u64> {
        let dims = match bias {
            true => vec![self.outputs],
            false => vec![self.outputs, self.inputs, self.kernel, self.kernel],
        };
        dims.into_iter()
            .filter(|d| *d != 1)
            .map(|d| d as u64)
            .collect()
    }
}

/// Bytes in order, hashed as they go by.
struct Input<'a> {
    file: &'a mut dyn Read,
    hash: Sha256,
    at: u64,
    /// Memory of a piece that was read before.
    spare: Vec<u8>,
}

impl<'a> Input<'a> {
    fn new(file: &'a mut dyn Read) -> Self {
        Self {
            file,
            hash: Sha256::new(),
            at: 0,
            spare: Vec::new(),
        }
    }

    fn fill(&mut self, to: &mut [u8]) -> Result<(), String> {
        self.file.read_exact(to).map_err(crate::regular::why)?;
        self.hash.update(&*to);
        self.at += to.len() as u64;
        Ok(())
    }

    /// The next field's number and wire type; `None` at the end of what it is in.
    fn tag(&mut self, end: u64) -> Result<Option<(u64, u64)>, String> {
        match self.at.cmp(&end) {
            std::cmp::Ordering::Equal => Ok(None),
            std::cmp::Ordering::Greater => Err("a field passes the end of its message".into()),
            std::cmp::Ordering::Less => {
                let tag = self.varint()?;
                Ok(Some((tag >> 3, tag & 7)))
            }
        }
    }

    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let mut byte = [0u8];
            self.fill(&mut byte)?;
            value |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number has more than 64 bits".into())
    }

    /// Where the message that begins here ends.
    fn end(&mut self, outer: u64) -> Result<u64, String> {
        let length = self.varint()?;
        let end = self.at.checked_add(length).filter(|end| *end <= outer);
        end.ok_or_else(|| "a message passes the end of what it is in".into())
    }

    fn bytes(&mut self, end: u64, limit: u64) -> Result<Vec<u8>, String> {
        let length = self.end(end)? - self.at;
        if length > limit {
            return Err(format!("a field has {length} bytes, more than {limit}"));
        }
        let mut bytes = Vec::new();
        self.append(length, &mut bytes)?;
        Ok(bytes)
    }

    /// The next bytes. Their number was compared with the file's, so there can be as much memory as there is file.
    fn append(&mut self, length: u64, to: &mut Vec<u8>) -> Result<(), String> {
        let at = to.len();
        let lacks = |_| format!("there is no memory for {length} bytes of it");
        to.try_reserve(length as usize).map_err(lacks)?;
        to.resize(at + length as usize, 0);
        self.fill(&mut to[at..])
    }

    /// Copy a field whose tag was read.
    fn copy(
        &mut self,
        (number, kind): (u64, u64),
        end: u64,
        limit: u64,
        to: &mut Vec<u8>,
    ) -> Result<(), String> {
        put_varint(to, number << 3 | kind);
        match kind {
            VARINT => {
                let value = self.varint()?;
                put_varint(to, value);
            }
            FIXED64 | FIXED32 => {
                let mut bytes = [0u8; 8];
                let bytes = &mut bytes[..if kind == FIXED64 { 8 } else { 4 }];
                self.fill(bytes)?;
                to.extend_from_slice(bytes);
            }
            BYTES => {
                let bytes = self.bytes(end, limit)?;
                put_varint(to, bytes.len() as u64);
                to.extend_from_slice(&bytes);
            }
            other => return Err(format!("wire type {other} is not known")),
        }
        Ok(())
    }
}

fn put_varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

fn put_bytes(to: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    put_varint(to, number << 3 | BYTES);
    put_varint(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
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
        assert_eq!(taken.sha256, crate::bundle::Digest::of(&model).sha256);
        assert_eq!(taken.backbones.len(), 1);
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
                    assert_ne!(taken.sha256, crate::bundle::Digest::of(&whole).sha256);
                }
            }
        }
    }
}
