//! The queue, from C++: see tests/hosts/queue.cpp.

mod support;

use std::process::Command;
use support::host::{Host, Link};
use support::{bundle, onnxruntime, root, run};

#[test]
fn a_host_scores_without_waiting() {
    let out = tempfile::tempdir().unwrap();
    let host = |flags| Host {
        compiler: "g++",
        standard: "c++17",
        source: root().join("tests/hosts/queue.cpp"),
        link: Link::Static,
        flags,
    };
    let program = host(&[]).build(out.path());
    println!(
        "{}",
        run(Command::new(program).arg(bundle()).arg(onnxruntime()))
    );
    // Again under AddressSanitizer: jobs, closures and voxels that outlive one another.
    let program = host(&["-fsanitize=address"]).build(out.path());
    run(Command::new(program)
        .arg(bundle())
        .arg(onnxruntime())
        // ONNX Runtime keeps its environment for ever; the objects of this library are counted by the host.
        .env("ASAN_OPTIONS", "detect_leaks=0"));
}
