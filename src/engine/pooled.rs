//! The pooled features inside a bundle's graph: which tensors its heads read, and what makes them outputs of a session.
//!
//! A graph consists of backbones, each of which sees one modality, the largest and the mean value of each of their features,
//! and small heads. A run that returns the pooled features lets the heads be evaluated for any combination of a PET with a CT
//! that were run, also of ones that were never run together.

use super::protobuf::{Fields, Value, append_bytes, append_number};
use crate::bundle::{BundleFile, Manifest};

/// The pooled features of a graph, and the heads that read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pooled {
    /// The tensors, in the order in which a run returns them.
    pub tensors: Vec<PooledTensor>,
    /// Values of each tensor for one case.
    pub width: usize,
    /// For each of the manifest's heads, the indices of the tensors that it reads, in its order.
    pub heads: Vec<Vec<usize>>,
}

/// One tensor of pooled features: batch x width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PooledTensor {
    /// Its name in the graph, for example `n1.pet.max`.
    pub name: String,
    /// The modality that its backbone sees: 0 for PET, 1 for CT.
    pub modality: usize,
}

/// Fields of ModelProto, GraphProto, NodeProto, ValueInfoProto and TypeProto (onnx.proto3).
const MODEL_GRAPH: u64 = 7;
const GRAPH_NODE: u64 = 1;
const GRAPH_OUTPUT: u64 = 12;
const NODE_INPUT: u64 = 1;
const NODE_OUTPUT: u64 = 2;
const NODE_OPERATOR: u64 = 4;
const VALUE_NAME: u64 = 1;
const VALUE_TYPE: u64 = 2;
const TYPE_TENSOR: u64 = 1;
const TENSOR_ELEMENT: u64 = 1;
const FLOAT: u64 = 1;

impl Pooled {
    /// Finds the pooled features of a serialised graph in single precision. Returns `None` for a graph that is not built as
    /// the exporter builds them: its explanations take full runs.
    pub fn find(model: &[u8], manifest: &Manifest) -> Option<Self> {
        let nodes = concatenations(model);
        let mut found = Self {
            tensors: Vec::new(),
            width: 0,
            heads: Vec::new(),
        };
        for head in &manifest.heads {
            let output = format!("{head}.features");
            let node = nodes.iter().find(|node| node.output == output.as_bytes())?;
            let inputs = node.inputs.iter().map(|name| found.index(name));
            let inputs: Vec<usize> = inputs.collect::<Option<_>>()?;
            let columns = manifest.files.iter().find_map(|f| columns(f, head))?;
            let width = columns.checked_div(inputs.len())?;
            let fits = width * inputs.len() == columns && [0, width].contains(&found.width);
            found.width = fits.then_some(width)?;
            found.heads.push(inputs);
        }
        (!found.heads.is_empty()).then_some(found)
    }

    /// Returns the index of a tensor, which is added if it is new; `None` if its name does not say what its backbone sees.
    fn index(&mut self, name: &[u8]) -> Option<usize> {
        let name = std::str::from_utf8(name).ok()?;
        if let Some(n) = self.tensors.iter().position(|t| t.name == name) {
            return Some(n);
        }
        let (backbone, _) = name.rsplit_once('.')?;
        let modality = match backbone.rsplit('.').next() {
            Some("pet") => 0,
            Some("ct") => 1,
            _ => return None,
        };
        self.tensors.push(PooledTensor {
            name: name.into(),
            modality,
        });
        Some(self.tensors.len() - 1)
    }

    /// Returns how many values a run returns for one case.
    #[must_use]
    pub fn values(&self) -> usize {
        self.tensors.len() * self.width
    }

    /// Appends the tensors to the outputs of a serialised graph. A message that stands twice is merged by whoever reads it,
    /// and the outputs of the second are added to those of the first (protobuf.dev, "Last One Wins").
    pub fn append_outputs(&self, model: &mut Vec<u8>) {
        let mut graph = Vec::new();
        for tensor in &self.tensors {
            let (mut element, mut kind, mut value) = (Vec::new(), Vec::new(), Vec::new());
            append_number(&mut element, TENSOR_ELEMENT, FLOAT);
            append_bytes(&mut kind, TYPE_TENSOR, &element);
            append_bytes(&mut value, VALUE_NAME, tensor.name.as_bytes());
            append_bytes(&mut value, VALUE_TYPE, &kind);
            append_bytes(&mut graph, GRAPH_OUTPUT, &value);
        }
        append_bytes(model, MODEL_GRAPH, &graph);
    }
}

/// Returns the columns of the first layer of a head, if a file holds its weights.
fn columns(file: &BundleFile, head: &str) -> Option<usize> {
    let name = format!("{head}.fc1.w");
    let tensor = file.tensors.iter().flatten().find(|t| t.name == name)?;
    usize::try_from(*tensor.shape.get(1)?).ok()
}

/// A node that joins tensors.
struct Concatenation<'a> {
    inputs: Vec<&'a [u8]>,
    output: &'a [u8],
}

/// Returns the nodes `Concat` of a model's graph.
fn concatenations(model: &[u8]) -> Vec<Concatenation<'_>> {
    let nested = |message, number| {
        Fields(message)
            .flatten()
            .filter_map(move |field| match field {
                (n, Value::Bytes(bytes)) if n == number => Some(bytes),
                _ => None,
            })
    };
    let nodes = nested(model, MODEL_GRAPH).flat_map(|graph| nested(graph, GRAPH_NODE));
    let joins = nodes.filter(|node| nested(node, NODE_OPERATOR).any(|name| name == b"Concat"));
    joins
        .filter_map(|node| {
            Some(Concatenation {
                inputs: nested(node, NODE_INPUT).collect(),
                output: nested(node, NODE_OUTPUT).next()?,
            })
        })
        .collect()
}
