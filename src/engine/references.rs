//! Refuses ONNX graphs that refer to other files.
//!
//! A tensor may say that its values lie in another file, by a path of the graph's own choice, and a node `EPContext` may
//! name a compiled engine. No manifest covers such a file, so none is opened: a graph is examined before ONNX Runtime
//! gets it, all of it, whatever is nested in what (onnx.proto3).

use super::protobuf::{BYTES, FIXED32, FIXED64, VARINT};

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
const EXTERNAL_DATA: u64 = 13;
const DATA_LOCATION: u64 = 14;

/// Examines a serialised ONNX model.
///
/// Initializers of the model's own graph may refer to the file `in_memory`, whose content ONNX Runtime gets from memory.
///
/// # Errors
/// What refers to another file, or that the bytes are no protocol buffers.
pub fn refuse(model: &[u8], in_memory: &str) -> Result<(), String> {
    // ONNX Runtime's own format has this at its fifth byte and would be read as such.
    if model.get(4..8) == Some(b"ORTM") {
        return Err("is in ONNX Runtime's format, not in ONNX".into());
    }
    examine(Message::Model, model, 0, in_memory)
}

fn examine(message: Message, bytes: &[u8], depth: usize, in_memory: &str) -> Result<(), String> {
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
                if depth == 1 && located(tensor, in_memory) => {}
            (_, _, Value::Bytes(inner)) => {
                if let Some(part) = part_of(message, number) {
                    examine(part, inner, depth + 1, in_memory)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether a tensor refers to that file and no other.
fn located(tensor: &[u8], in_memory: &str) -> bool {
    let mut found = 0;
    for (number, value) in Fields(tensor).flatten() {
        let (EXTERNAL_DATA, Value::Bytes(entry)) = (number, value) else {
            continue;
        };
        let text = |wanted| {
            let mut texts = Fields(entry)
                .flatten()
                .filter(|(number, _)| *number == wanted);
            match (texts.next(), texts.next()) {
                (Some((_, Value::Bytes(text))), None) => Some(text),
                _ => None,
            }
        };
        match text(1) {
            Some(b"location") if text(2) == Some(in_memory.as_bytes()) => found += 1,
            Some(b"offset" | b"length") => {}
            _ => return false,
        }
    }
    found == 1
}

fn refers(tensor: &[u8]) -> String {
    let mut name = String::new();
    for (number, value) in Fields(tensor).flatten() {
        if let (8, Value::Bytes(bytes)) = (number, value) {
            name = String::from_utf8_lossy(bytes).into_owned();
        }
    }
    format!(
        "tensor {name:?} refers to another file (external data): every tensor is to be in the file that the manifest names"
    )
}

/// The value of a field.
#[derive(Clone, Copy)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message in memory: number and value. Ends with the first error.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let (now, later) = self
            .0
            .split_at_checked(n)
            .ok_or("a field passes the end of its message")?;
        self.0 = later;
        Ok(now)
    }

    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number has more than 64 bits".into())
    }

    fn field(&mut self) -> Result<(u64, Value<'a>), String> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            VARINT => Value::Number(self.varint()?),
            BYTES => {
                let length = usize::try_from(self.varint()?).map_err(|e| e.to_string())?;
                Value::Bytes(self.take(length)?)
            }
            FIXED64 => Value::Bytes(self.take(8)?),
            FIXED32 => Value::Bytes(self.take(4)?),
            other => return Err(format!("wire type {other} is not known")),
        };
        // A tag has 32 bits; readers differ in what they make of more.
        match tag >> 3 {
            number @ 1..=0x1fff_ffff => Ok((number, value)),
            other => Err(format!("field {other} is not known")),
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}
