//! Any bytes as a graph in which references to other files are looked for.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = dlnms::engine::check_references(data);
});
