//! What ONNX Runtime says of the processor.

/// What its texts begin with. Only these are kept back: in a host that closed its standard error, the descriptor may be a
/// file's.
const BEGINNINGS: [&[u8]; 4] = [
    b"Error in cpuinfo",
    b"Warning in cpuinfo",
    b"Note in cpuinfo",
    b"Fatal error in cpuinfo",
];

/// Logs a text about the processor; returns whether it is one.
pub fn log_of_processor(text: &[u8]) -> bool {
    if !BEGINNINGS.iter().any(|b| text.starts_with(b)) {
        return false;
    }
    // ONNX Runtime is C++: nothing may unwind into it, not from a host's logger either.
    let _ = std::panic::catch_unwind(|| {
        let text = String::from_utf8_lossy(text);
        log::warn!(target: "dlnms::onnxruntime", "{}", text.trim_end());
    });
    true
}
