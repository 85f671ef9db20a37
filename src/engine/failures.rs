//! Failures of ONNX Runtime as errors of this library.

use crate::error::Error;

/// Message of this library's operator if memory for its activations is refused.
pub(super) const NO_MEMORY: &str = "no memory for the backbones";

/// Returns the error for an action in which ONNX Runtime failed: [`Error::Resources`] if its message says that the system
/// refused a thread, else [`Error::Runtime`].
pub(super) fn failed<R>(doing: &'static str) -> impl Fn(ort::Error<R>) -> Error {
    move |e| match e.message() {
        why if why.contains("pthread_create") => {
            Error::Resources("a thread of ONNX Runtime or of a provider".into())
        }
        why => Error::Runtime {
            doing,
            why: why.to_owned(),
        },
    }
}
