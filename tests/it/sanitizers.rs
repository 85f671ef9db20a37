//! C and C++ hosts under AddressSanitizer, UndefinedBehaviorSanitizer, ThreadSanitizer and Valgrind, and what a host sees of
//! the library beside its results: output, signal handlers and files.

use crate::support;
use crate::support::host::{Host, Link, c_compilers, example, host};
use crate::support::{bundle, onnxruntime, run, skip, tiny_bundle, tool};
use std::process::Command;

#[test]
fn every_mistake_of_a_host_is_a_clear_error_also_under_address_sanitizer() {
    let out = tempfile::tempdir().unwrap();
    for (c, _) in c_compilers() {
        for flags in [
            &[][..],
            &["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
        ] {
            let misuse = Host {
                compiler: c,
                standard: "c99",
                source: host("misuse.c"),
                link: Link::Dynamic,
                flags,
            }
            .build(out.path());
            run(Command::new(misuse)
                .arg(tiny_bundle())
                .arg(onnxruntime())
                .arg(out.path()));
        }
    }
}

#[test]
fn the_examples_are_clean_under_address_sanitizer() {
    let out = tempfile::tempdir().unwrap();
    let flags = &["-fsanitize=address"][..];
    let minimal = Host {
        compiler: "gcc",
        standard: "c99",
        source: example("minimal.c"),
        link: Link::Dynamic,
        flags,
    }
    .build(out.path());
    run(Command::new(minimal).arg(bundle()).arg(onnxruntime()));
    let cancel = Host {
        compiler: "g++",
        standard: "c++17",
        source: example("cancel.cpp"),
        link: Link::Dynamic,
        flags,
    }
    .build(out.path());
    run(Command::new(cancel).arg(bundle()).arg(onnxruntime()));
    if let Some(study) = support::shared("data/petct/a_paired/acrin042") {
        let score = Host {
            compiler: "g++",
            standard: "c++17",
            source: example("score.cpp"),
            link: Link::Dynamic,
            flags,
        }
        .build(out.path());
        run(Command::new(score)
            .arg("--center=-42.269,-14.623,-122.129")
            .arg("--bundle")
            .arg(bundle())
            .arg("--onnxruntime")
            .arg(onnxruntime())
            .arg(study.join("ct"))
            .arg(study.join("pet_ac")));
    }
}

#[test]
fn the_hosts_are_clean_under_valgrind() {
    if !tool("valgrind") {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let suppressions = format!("--suppressions={}", host("valgrind.supp").display());
    let valgrind = || {
        let mut c = Command::new("valgrind");
        c.args([
            "-q",
            "--error-exitcode=99",
            "--leak-check=full",
            "--show-leak-kinds=definite",
            "--errors-for-leak-kinds=definite",
        ])
        .arg(&suppressions);
        c
    };
    let build = |compiler, standard, source| {
        Host {
            compiler,
            standard,
            source,
            link: Link::Dynamic,
            flags: &[],
        }
        .build(out.path())
    };
    run(valgrind()
        .arg(build("gcc", "c99", host("misuse.c")))
        .arg(tiny_bundle())
        .arg(onnxruntime())
        .arg(out.path()));
    run(valgrind()
        .arg(build("gcc", "c99", example("minimal.c")))
        .arg(tiny_bundle())
        .arg(onnxruntime()));
    run(valgrind()
        .arg(build("g++", "c++17", example("cancel.cpp")))
        .arg(tiny_bundle())
        .arg(onnxruntime()));
}

#[test]
fn a_host_sees_nothing_on_stdout_stderr_or_in_its_signal_handlers() {
    let out = tempfile::tempdir().unwrap();
    let source = out.path().join("quiet.c");
    std::fs::write(&source, include_str!("../hosts/quiet.c")).unwrap();
    let quiet = Host {
        compiler: "gcc",
        standard: "gnu11",
        source,
        link: Link::Dynamic,
        flags: &[],
    }
    .build(out.path());
    // A home of its own, and nothing that would make ONNX Runtime's telemetry keep still by itself.
    let home = out.path().join("home");
    std::fs::create_dir(&home).unwrap();
    let output = Command::new(quiet)
        .arg(tiny_bundle())
        .arg(onnxruntime())
        .env_clear()
        .env("HOME", &home)
        .env("XDG_CACHE_HOME", home.join("cache"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(
        output.stdout.is_empty() && output.stderr.is_empty(),
        "{output:?}"
    );
    let left: Vec<_> = home
        .read_dir()
        .unwrap()
        .flatten()
        .map(|e| e.path())
        .collect();
    assert!(
        left.is_empty(),
        "something was written below the home folder: {left:?}"
    );
}

#[test]
fn the_host_side_has_no_data_race_under_thread_sanitizer() {
    // The C++ side alone is instrumented: Rust's locks are futexes that the tool cannot see. On the Rust side safe code
    // cannot race; what is `Send` or `Sync` by our word instead of the compiler's is listed in tests/architecture.rs.
    let out = tempfile::tempdir().unwrap();
    let source = out.path().join("probe.c");
    std::fs::write(&source, "int main(void) { return 0; }\n").unwrap();
    let probe = Command::new("gcc")
        .arg("-fsanitize=thread")
        .arg(&source)
        .arg("-o")
        .arg(out.path().join("probe"))
        .output()
        .unwrap();
    if !probe.status.success()
        || !Command::new(out.path().join("probe"))
            .status()
            .is_ok_and(|s| s.success())
    {
        return skip("ThreadSanitizer", "does not run here");
    }
    let flags = &["-fsanitize=thread"][..];
    let threads = Host {
        compiler: "g++",
        standard: "c++17",
        source: host("threads.cpp"),
        link: Link::Dynamic,
        flags,
    }
    .build(out.path());
    let suppressions = out.path().join("tsan.supp");
    std::fs::write(
        &suppressions,
        "called_from_lib:libonnxruntime.so\ncalled_from_lib:libdlnms.so.1\n",
    )
    .unwrap();
    run(Command::new(threads)
        .arg(tiny_bundle())
        .arg(onnxruntime())
        .args(["2000", "1"])
        .env(
            "TSAN_OPTIONS",
            format!(
                "halt_on_error=1:report_mutex_bugs=0:suppressions={}",
                suppressions.display()
            ),
        ));
}
