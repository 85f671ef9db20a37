//! Any bytes as a bundle's manifest.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = dlnms::bundle::Manifest::parse(data);
});
