//! Refuses ONNX graphs that refer to files which the manifest does not name, or to other places in those that it names.
//!
//! A tensor may say that its values lie in another file, by a path of the graph's own choice, and a node `EPContext` may
//! name a compiled engine. No other file is opened: a graph is examined before ONNX Runtime gets it, all of it, whatever
//! is nested in what (onnx.proto3).

use super::protobuf::{Fields, Value};
use crate::bundle::{BundleFile, ElementType, StoredTensor};

/// Messages of ONNX in which a reference may be, or below which one may be.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Training,
    Function,
    Graph,
    Node,
    Attribute,
    SparseTensor,
    Tensor,
}

/// What the number of a field means in a message.
fn part_of(message: Message, field: u64) -> Option<Message> {
    use Message::*;
    match (message, field) {
        (Model, 7) | (Training, 1 | 2) | (Attribute, 6 | 11) => Some(Graph),
        (Model, 20) => Some(Training),
        (Model, 25) => Some(Function),
        (Graph, 1) | (Function, 7) => Some(Node),
        (Node, 5) | (Function, 11) => Some(Attribute),
        (Graph, 15) | (Attribute, 22 | 23) => Some(SparseTensor),
        (Graph, 5) | (Attribute, 5 | 10) | (SparseTensor, 1 | 2) => Some(Tensor),
        _ => None,
    }
}

/// Nesting beyond which protocol buffers themselves give up.
const MAX_DEPTH: usize = 100;
/// Fields of TensorProto.
const DIMS: u64 = 1;
const DATA_TYPE: u64 = 2;
const NAME: u64 = 8;
const EXTERNAL_DATA: u64 = 13;
const DATA_LOCATION: u64 = 14;

/// Examines a serialised ONNX model. Initializers of the model's own graph may be tensors of the files `referable`, where the
/// manifest lists them; ONNX Runtime gets their content from memory.
///
/// # Errors
/// What refers to something else, or that the bytes are no protocol buffers.
pub(super) fn check(model: &[u8], referable: &[&BundleFile]) -> Result<(), String> {
    // ONNX Runtime's own format has this at its fifth byte and would be read as such.
    if model.get(4..8) == Some(b"ORTM") {
        return Err("is in ONNX Runtime's format, not in ONNX".into());
    }
    examine(Message::Model, model, 0, referable)
}

fn examine(
    message: Message,
    bytes: &[u8],
    depth: usize,
    referable: &[&BundleFile],
) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err("is nested too deep".into());
    }
    for field in Fields(bytes) {
        let (number, value) = field?;
        match (message, number, value) {
            (Message::Tensor, EXTERNAL_DATA, _) => return Err(refers(bytes)),
            (Message::Tensor, DATA_LOCATION, value) if !matches!(value, Value::Number(0)) => {
                return Err(refers(bytes));
            }
            (Message::Node, 4, Value::Bytes(b"EPContext")) => {
                return Err("has a node EPContext, which refers to a compiled engine".into());
            }
            // The graph of the model itself.
            (Message::Graph, 5, Value::Bytes(tensor))
                if depth == 1 && ExternalTensor::read(tensor)?.is_in(referable)? => {}
            (_, _, Value::Bytes(inner)) => {
                if let Some(part) = part_of(message, number) {
                    examine(part, inner, depth + 1, referable)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// A tensor of a graph whose values lie in a file.
#[derive(Default)]
struct ExternalTensor<'a> {
    name: &'a [u8],
    kind: u64,
    shape: Vec<u64>,
    /// File, offset and length, as texts; whatever stands twice or is not known is not such a reference.
    location: Option<&'a [u8]>,
    offset: Option<&'a [u8]>,
    length: Option<&'a [u8]>,
    odd: bool,
}

impl<'a> ExternalTensor<'a> {
    fn read(tensor: &'a [u8]) -> Result<Self, String> {
        let mut found = Self::default();
        for field in Fields(tensor) {
            match field? {
                (DIMS, Value::Number(dim)) => found.shape.push(dim),
                // Packed, as a writer may.
                (DIMS, Value::Bytes(packed)) => {
                    let mut packed = Fields(packed);
                    while !packed.is_empty() {
                        found.shape.push(packed.varint()?);
                    }
                }
                (DATA_TYPE, Value::Number(kind)) => found.kind = kind,
                (NAME, Value::Bytes(name)) => found.name = name,
                (EXTERNAL_DATA, Value::Bytes(entry)) => found.entry(entry),
                _ => {}
            }
        }
        Ok(found)
    }

    fn entry(&mut self, entry: &'a [u8]) {
        let text = |wanted| {
            let mut texts = Fields(entry)
                .flatten()
                .filter(|(number, _)| *number == wanted);
            match (texts.next(), texts.next()) {
                (Some((_, Value::Bytes(text))), None) => Some(text),
                _ => None,
            }
        };
        let to = match text(1) {
            Some(b"location") => &mut self.location,
            Some(b"offset") => &mut self.offset,
            Some(b"length") => &mut self.length,
            _ => return self.odd = true,
        };
        self.odd |= to.is_some() || text(2).is_none();
        *to = text(2);
    }

    /// Returns whether it is to be found there; `false` for a tensor that refers to no file or to another one.
    ///
    /// # Errors
    /// That it lies elsewhere in the file, or is another one, by the manifest.
    fn is_in(&self, referable: &[&BundleFile]) -> Result<bool, String> {
        let Some(location) = self.location.filter(|_| !self.odd) else {
            return Ok(false);
        };
        let Some(file) = referable.iter().find(|f| f.name.as_bytes() == location) else {
            return Ok(false);
        };
        let mut tensors = file.tensors.iter().flatten();
        match tensors.find(|t| t.name.as_bytes() == self.name) {
            Some(listed) if self.equals(listed) => Ok(true),
            _ => Err(format!(
                "tensor {:?} is not what the manifest lists in {:?} by this name",
                String::from_utf8_lossy(self.name),
                file.name
            )),
        }
    }

    fn equals(&self, listed: &StoredTensor) -> bool {
        let number = |text: Option<&[u8]>| {
            let text = std::str::from_utf8(text?).ok()?;
            text.parse::<u64>().ok()
        };
        // onnx.TensorProto.DataType.
        let kind = match listed.element {
            ElementType::Float32 => 1,
            ElementType::Float16 => 10,
        };
        self.kind == kind
            && self.shape == listed.shape
            && number(self.offset) == Some(listed.offset)
            && number(self.length) == Some(listed.bytes)
    }
}

fn refers(tensor: &[u8]) -> String {
    let mut name = String::new();
    for (number, value) in Fields(tensor).flatten() {
        if let (NAME, Value::Bytes(bytes)) = (number, value) {
            name = String::from_utf8_lossy(bytes).into_owned();
        }
    }
    format!(
        "tensor {name:?} refers to another file (external data), which the manifest does not name for this graph"
    )
}
