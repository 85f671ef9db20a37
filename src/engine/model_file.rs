//! Reads a graph and its weights once and hands ONNX Runtime those very bytes, from memory: no path is opened a second
//! time, so nobody can change a file between its verification and its use, or while it is in use.
#![allow(unsafe_code)]

use super::failures::failed;
use super::hashing_reader::HashingReader;
use super::interrupt::Interrupt;
use super::pooled::Pooled;
use super::references;
use crate::bundle::{Bundle, BundleFile, Digest, Graph, Manifest};
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use ort::AsPointer;
use ort::session::builder::SessionBuilder;
use ort::sys::os_char;
use std::io::Read;

/// A model in memory.
pub(super) struct ModelInMemory {
    /// Serialised.
    graph: Vec<u8>,
    /// The files to which its tensors refer: name and content.
    weights: Vec<(Vec<os_char>, Vec<u8>)>,
}

/// Bytes between two checks of the token.
const PIECE: u64 = 1 << 20;

impl ModelInMemory {
    /// Reads a graph of a bundle and the files of weights that belong to it.
    ///
    /// # Errors
    /// [`Error::BundleMissing`], [`Error::BundleAltered`]; [`Error::BundleModel`] if the graph would make ONNX Runtime open
    /// another file, or takes tensors from other places than the manifest names; [`Error::Cancelled`]; [`Error::Runtime`] if
    /// there is no memory.
    pub fn read(bundle: &Bundle, graph: &Graph, interrupt: &Interrupt) -> Result<Self> {
        let listed = |name: &str| bundle.manifest.listed("models", name);
        let files = graph.weights.iter().map(|name| listed(name));
        let files: Vec<&BundleFile> = files.collect::<Result<_>>()?;
        let model = Self {
            graph: read_verified(bundle, listed(&graph.file)?, interrupt.token())?,
            weights: Vec::new(),
        };
        // Before the weights, which take most of the time.
        let checked = references::check(&model.graph, &files);
        checked.map_err(|why| Error::BundleModel {
            file: graph.file.clone(),
            why,
        })?;
        files.into_iter().try_fold(model, |mut model, file| {
            let content = read_verified(bundle, file, interrupt.token())?;
            model.weights.push((os_name(&file.name), content));
            Ok(model)
        })
    }

    /// Makes the pooled features outputs of the graph, if it is built as the exporter builds them, and returns them.
    pub fn with_pooled_outputs(&mut self, manifest: &Manifest) -> Option<Pooled> {
        let pooled = Pooled::find(&self.graph, manifest)?;
        pooled.append_outputs(&mut self.graph);
        Some(pooled)
    }

    /// Builds the session. Its memory is ONNX Runtime's own; that of the files is given back.
    pub fn commit(mut self, builder: &mut SessionBuilder) -> Result<ort::session::Session> {
        let failed = failed("load the model");
        if !self.weights.is_empty() {
            let names: Vec<_> = self.weights.iter().map(|(name, _)| name.as_ptr()).collect();
            let lengths: Vec<_> = self.weights.iter().map(|(_, c)| c.len()).collect();
            let contents = self.weights.iter_mut().map(|(_, c)| c.as_mut_ptr().cast());
            let contents: Vec<_> = contents.collect();
            // SAFETY: the options are the builder's own, borrowed exclusively; the arrays have an element for each file; the
            // names are copied; the contents are read, and copied into the graph, while the session is built
            // (onnxruntime_c_api.h), which they outlive.
            let status = unsafe {
                (ort::api().AddExternalInitializersFromMemory)(
                    builder.ptr().cast_mut(),
                    names.as_ptr(),
                    contents.as_ptr(),
                    lengths.as_ptr(),
                    names.len(),
                )
            };
            // SAFETY: the status is the call's own, taken over once.
            unsafe { ort::Error::result_from_status(status) }.map_err(&failed)?;
        }
        builder.commit_from_memory(&self.graph).map_err(&failed)
    }
}

/// Returns a name as ONNX Runtime takes names of files, with a NUL at its end: UTF-8, and UTF-16 on Windows. The manifest
/// holds no name with a control character.
fn os_name(name: &str) -> Vec<os_char> {
    #[cfg(windows)]
    let units = name.encode_utf16();
    #[cfg(unix)]
    let units = name.bytes().map(|byte| byte as os_char);
    units.chain([0]).collect()
}

/// Reads a file of a bundle whole, and compares it with the manifest.
pub(super) fn read_verified(
    bundle: &Bundle,
    file: &BundleFile,
    cancel: &CancelToken,
) -> Result<Vec<u8>> {
    let read = read(&mut bundle.open_file(file)?, file.bytes, cancel);
    cancel.check()?;
    let (content, digest) = read.map_err(|why| Error::Runtime {
        doing: "read the model",
        why: format!("{}: {why}", file.name),
    })?;
    bundle.compare(file, &digest)?;
    Ok(content)
}

/// Reads a file of so many bytes; returns its content and the digest of it.
///
/// # Errors
/// That it is shorter, cannot be read, does not fit into memory, or that the reading was interrupted, in words.
fn read(
    file: &mut dyn Read,
    bytes: u64,
    cancel: &CancelToken,
) -> Result<(Vec<u8>, Digest), String> {
    let mut content = Vec::new();
    let lacks = |_| format!("there is no memory for its {bytes} bytes");
    content.try_reserve_exact(bytes as usize).map_err(lacks)?;
    let mut input = HashingReader::new(file);
    while input.position() < bytes {
        cancel.check().map_err(|e| e.to_string())?;
        input.append(PIECE.min(bytes - input.position()), &mut content)?;
    }
    Ok((content, input.digest()))
}
