//! Any bytes as a model file that is taken apart.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = dlnms::engine::take_apart(data);
});
