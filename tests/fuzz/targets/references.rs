//! Any bytes as a graph in which references to other files than those of the tiny bundle are looked for.
#![no_main]

use dlnms::bundle::{BundleFile, ElementType, StoredTensor};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let tensor = StoredTensor {
        name: "w".into(),
        element: ElementType::Float32,
        shape: vec![6, 6],
        offset: 0,
        bytes: 144,
    };
    let file = BundleFile {
        name: "tiny.f32".into(),
        bytes: 144,
        sha256: String::new(),
        tensors: Some(vec![tensor]),
    };
    let _ = dlnms::engine::check_references(data, &[&file]);
});
