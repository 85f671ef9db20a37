//! Any bytes as a bundle's manifest. What one is accepted with can be relied on: a reader of weights does no arithmetic that
//! overflows and leaves no file.
#![no_main]

use dlnms::bundle::Manifest;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(manifest) = Manifest::parse(data) else {
        return;
    };
    for file in &manifest.files {
        let mut end = 0;
        for tensor in file.tensors.iter().flatten() {
            assert!(end <= tensor.offset && tensor.offset.is_multiple_of(64));
            end = tensor.end();
            let values: u64 = tensor.shape.iter().product();
            assert!(values > 0 && tensor.bytes.is_multiple_of(values));
        }
        assert!(end <= file.bytes);
    }
    for model in &manifest.models {
        let graphs = [&model.graph, &model.kernel_graph];
        for graph in graphs.into_iter().flatten() {
            assert!(manifest.file(&graph.file).is_some());
            assert!(graph.weights.iter().all(|name| manifest.file(name).is_some()));
        }
    }
    let again = serde_json::to_vec(&manifest).unwrap();
    Manifest::parse(&again).unwrap();
});
