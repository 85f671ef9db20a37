//! The environment variables that switch telemetry off.

use std::ffi::CStr;

/// Names of the opt-out, by version of ONNX Runtime.
pub const OPT_OUT: [&CStr; 2] = [c"ORT_DISABLE_TELEMETRY", c"ORT_TELEMETRY_DISABLED"];
