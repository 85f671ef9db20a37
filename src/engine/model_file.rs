//! Reads a model's files once and hands ONNX Runtime those very bytes, from memory: no path is opened a second time, so
//! nobody can change a file between its verification and its use, or while it is in use.
#![allow(unsafe_code)]

use super::failures::failed;
use super::interrupt::Interrupt;
use super::protobuf::Input;
use super::references;
use crate::bundle::Digest;
use crate::error::Result;
use ort::AsPointer;
use ort::session::builder::SessionBuilder;
use std::ffi::CString;
use std::io::Read;

/// A model in memory.
pub(super) struct ModelInMemory {
    /// Serialised.
    graph: Vec<u8>,
    /// Content of the file to which the graph's tensors refer, empty if there is none.
    beside: Vec<u8>,
    /// Its name in the graph.
    name: &'static str,
}

/// Between two looks at the interrupt.
const PIECE: u64 = 1 << 20;

impl ModelInMemory {
    /// Takes over a serialised graph that holds all its values.
    pub fn from_graph(graph: Vec<u8>) -> Self {
        Self {
            graph,
            beside: Vec::new(),
            name: "",
        }
    }

    /// Takes over a serialised graph and the content of the file `name` beside it, in which its values lie.
    pub fn from_graph_and_file(graph: Vec<u8>, name: &'static str, beside: Vec<u8>) -> Self {
        Self {
            graph,
            beside,
            name,
        }
    }

    /// Refuses a graph that would make ONNX Runtime open another file.
    ///
    /// # Errors
    /// What refers to it, in words.
    pub fn check(&self) -> Result<(), String> {
        references::refuse(&self.graph, self.name)
    }

    /// Builds the session. Its memory is ONNX Runtime's own; that of the files is given back.
    pub fn commit(mut self, builder: &mut SessionBuilder) -> Result<ort::session::Session> {
        let failed = failed("load the model");
        if !self.beside.is_empty() {
            let name = CString::new(self.name).unwrap_or_default();
            let (name, length) = (name.as_ptr(), self.beside.len());
            let content = self.beside.as_mut_ptr().cast();
            // SAFETY: the options are the builder's own, borrowed exclusively; the name is copied; the content is read, and
            // copied into the graph, while the session is built (onnxruntime_c_api.h), which it outlives.
            let status = unsafe {
                let options = builder.ptr().cast_mut();
                (ort::api().AddExternalInitializersFromMemory)(options, &name, &content, &length, 1)
            };
            // SAFETY: the status is the call's own, taken over once.
            unsafe { ort::Error::result_from_status(status) }.map_err(&failed)?;
        }
        builder.commit_from_memory(&self.graph).map_err(&failed)
    }
}

/// Reads a file of so many bytes; returns its content and the digest of it.
///
/// # Errors
/// That it is shorter, cannot be read, does not fit into memory, or that the reading was interrupted, in words.
pub(super) fn read(
    file: &mut dyn Read,
    bytes: u64,
    interrupt: &Interrupt,
) -> Result<(Vec<u8>, Digest), String> {
    let mut content = Vec::new();
    let lacks = |_| format!("there is no memory for its {bytes} bytes");
    content.try_reserve_exact(bytes as usize).map_err(lacks)?;
    let mut input = Input::new(file);
    while input.at < bytes {
        interrupt.check().map_err(|e| e.to_string())?;
        input.append(PIECE.min(bytes - input.at), &mut content)?;
    }
    Ok((content, input.digest()))
}
