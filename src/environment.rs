//! The environment variables that this library reads; `tests/architecture.rs` asserts that no other file reads one.

use std::ffi::OsString;

/// ONNX Runtime's library, or the folder that holds it.
pub const ONNXRUNTIME: &str = "DLNMS_ONNXRUNTIME";
/// The plugin of TensorRT for RTX, or its folder.
pub const TENSORRT_RTX: &str = "DLNMS_TENSORRT_RTX";
/// The plugin of OpenVINO, or its folder.
pub const OPENVINO: &str = "DLNMS_OPENVINO";
/// Switches ONNX Runtime's telemetry off where the library cannot: names by version of ONNX Runtime.
pub const TELEMETRY_OFF: [&str; 2] = ["ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED"];

/// Returns the value of a variable that is set and not empty.
pub(crate) fn read(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
