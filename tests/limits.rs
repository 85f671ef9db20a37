//! Hosts under limits: forked processes, little memory, no threads, no descriptors, full quotas, small stacks, alarms. Each
//! call ends in success or in a status of its own, and nothing is written to standard output or standard error.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::host::{Host, Link, host};
use support::{bundle, onnxruntime, run, tiny_bundle};

fn build(source: &str, out: &Path) -> PathBuf {
    Host {
        compiler: "gcc",
        standard: "gnu11",
        source: host(source),
        link: Link::Dynamic,
        flags: &[],
    }
    .build(out)
}

#[test]
fn forked_processes_leave_at_once_and_never_disturb_their_parent() {
    let out = tempfile::tempdir().unwrap();
    let fork = build("fork.c", out.path());
    for bundle in [tiny_bundle(), bundle()] {
        for threads in ["1", "2", "4"] {
            let printed = run(Command::new(&fork)
                .arg(&bundle)
                .arg(onnxruntime())
                .arg(threads));
            assert!(printed.is_empty(), "{threads} threads: {printed}");
        }
    }
}
