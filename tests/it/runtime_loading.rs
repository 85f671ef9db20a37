//! ONNX Runtime missing, too old, or something else altogether: a clear error each, and no panic from `ort`.

use crate::own_process::{body_runs_here, test_name};
use crate::support;
use crate::support::host::{Host, Link};
use dlnms::error::status::*;
use dlnms::runtime::Runtime;
use std::path::{Path, PathBuf};
use std::process::Command;

fn compile(dir: &Path, name: &str, source: &str) -> PathBuf {
    let (c, so) = (
        dir.join(format!("{name}.c")),
        dir.join(format!("lib{name}.so")),
    );
    std::fs::write(&c, source).unwrap();
    support::run(
        Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .arg(&so)
            .arg(&c),
    );
    so
}

fn fake(version: &str, api: &str) -> String {
    format!(
        "#include <stddef.h>
         typedef struct {{ const void *(*get_api)(unsigned); const char *(*version)(void); }} base_t;
         static const void *get_api(unsigned v) {{ (void)v; return {api}; }}
         static const char *version(void) {{ return {version}; }}
         static const base_t base = {{ get_api, version }};
         const base_t *OrtGetApiBase(void) {{ return &base; }}"
    )
}

/// In a process of its own, for a process keeps the runtime that it loads.
#[test]
fn what_is_not_a_usable_runtime_is_refused_by_its_fault() {
    if !body_runs_here(test_name!(
        what_is_not_a_usable_runtime_is_refused_by_its_fault
    )) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("text.so");
    std::fs::write(&text, "this is not a library").unwrap();
    // The loader would wait for a writer.
    let pipe = dir.path().join("pipe.so");
    support::run(Command::new("mkfifo").arg(&pipe));
    let cases = [
        (pipe, DLNMS_E_RUNTIME_NOT_A_LIBRARY, "it is not a file"),
        (
            PathBuf::from("/dev/zero"),
            DLNMS_E_RUNTIME_NOT_A_LIBRARY,
            "it is not a file",
        ),
        (
            dir.path().join("absent.so"),
            DLNMS_E_RUNTIME_NOT_FOUND,
            "absent.so",
        ),
        (
            dir.path().to_path_buf(),
            DLNMS_E_RUNTIME_NOT_FOUND,
            "libonnxruntime.so.1",
        ),
        (text, DLNMS_E_RUNTIME_NOT_A_LIBRARY, "text.so"),
        (
            compile(dir.path(), "other", "int unrelated;"),
            DLNMS_E_RUNTIME_NOT_A_LIBRARY,
            "OrtGetApiBase",
        ),
        (
            compile(
                dir.path(),
                "null",
                "void *OrtGetApiBase(void) { return 0; }",
            ),
            DLNMS_E_RUNTIME_NOT_A_LIBRARY,
            "NULL",
        ),
        (
            compile(dir.path(), "old", &fake("\"1.17.3\"", "NULL")),
            DLNMS_E_RUNTIME_VERSION,
            "1.17.3",
        ),
        (
            compile(dir.path(), "ancient", &fake("\"0.5\"", "NULL")),
            DLNMS_E_RUNTIME_VERSION,
            "0.5",
        ),
        (
            compile(dir.path(), "odd", &fake("\"one.two\"", "NULL")),
            DLNMS_E_RUNTIME_VERSION,
            "one.two",
        ),
        (
            compile(dir.path(), "nover", &fake("NULL", "NULL")),
            DLNMS_E_RUNTIME_NOT_A_LIBRARY,
            "no version",
        ),
        (
            compile(dir.path(), "noapi", &fake("\"1.99.0\"", "NULL")),
            DLNMS_E_RUNTIME_VERSION,
            "1.99.0",
        ),
    ];
    for (path, code, word) in cases {
        let error = Runtime::load(Some(&path))
            .err()
            .unwrap_or_else(|| panic!("{} loaded", path.display()));
        assert_eq!(error.status(), code, "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
    // After all these, the real one still loads, once; another is a conflict.
    let real = Runtime::load(Some(&support::onnxruntime())).unwrap();
    assert!(real.path().is_absolute() && real.version().starts_with("1."));
    let again = Runtime::load(None).unwrap();
    assert_eq!(again.path(), real.path());
    let other = dir.path().join("libold.so");
    let error = Runtime::load(Some(&other)).err().unwrap();
    assert_eq!(error.status(), DLNMS_E_RUNTIME_CONFLICT, "{error}");
}

/// Telemetry is off without a change of the environment: what another thread sets meanwhile is there afterwards, and
/// nothing else. `sanitizers.rs` watches that there is no telemetry.
#[test]
fn another_thread_sets_variables_while_onnx_runtime_is_loaded() {
    let out = tempfile::tempdir().unwrap();
    let environment = Host {
        compiler: "gcc",
        standard: "gnu11",
        source: support::host::host("environment.c"),
        link: Link::Dynamic,
        flags: &[],
    }
    .build(out.path());
    for _ in 0..5 {
        support::run(
            Command::new(&environment)
                .arg(support::onnxruntime())
                .env_remove("ORT_DISABLE_TELEMETRY")
                .env_remove("ORT_TELEMETRY_DISABLED"),
        );
    }
}

#[test]
fn the_environment_variable_names_a_file_or_a_folder() {
    for value in [
        support::onnxruntime(),
        support::onnxruntime()
            .join("libonnxruntime.so")
            .canonicalize()
            .unwrap(),
    ] {
        let out = support::run(
            Command::new(env!("CARGO_BIN_EXE_dlnms"))
                .args(["info", "--json"])
                .env("DLNMS_ONNXRUNTIME", &value),
        );
        let info: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert!(
            info["onnxruntime"]["path"]
                .as_str()
                .unwrap()
                .starts_with('/'),
            "{out}"
        );
        assert!(
            info["devices"][0]
                .as_str()
                .unwrap()
                .starts_with("CPUExecutionProvider"),
            "{out}"
        );
    }
}
