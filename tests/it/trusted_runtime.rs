//! ONNX Runtime whose digest is pinned, and the hardened mode: each in a process of its own, for a process keeps what it loads.

use crate::own_process::body_runs_here;
use crate::own_process::test_name;
use crate::small_case::{small_case, voxels};
use crate::support;
use dlnms::error::status::*;
use dlnms::runtime::provider::{Policy, Provider};
use dlnms::runtime::{Runtime, RuntimeOptions};
use dlnms::scorer::{CancelToken, Scorer, ScorerOptions};
use std::path::Path;
use std::process::Command;

fn sha256(file: &Path) -> String {
    let sum = support::run(Command::new("sha256sum").arg(file));
    sum.split_whitespace().next().unwrap().to_owned()
}

fn score(runtime: Runtime) -> f32 {
    let options = ScorerOptions {
        policy: Policy::strict(Provider::Cpu),
        threads: 1,
        ..ScorerOptions::default()
    };
    let scorer = Scorer::new(runtime, &support::tiny_bundle(), options).unwrap();
    scorer
        .score(&small_case(&voxels()), &CancelToken::default())
        .unwrap()
        .n1
}

#[test]
fn a_pinned_runtime_is_the_file_that_was_hashed() {
    if !body_runs_here(test_name!(a_pinned_runtime_is_the_file_that_was_hashed)) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let library = dir.path().join("libonnxruntime.so");
    let real = support::onnxruntime().join("libonnxruntime.so");
    std::fs::copy(&real, &library).unwrap();
    let sound = sha256(&library);
    let with = |expected: &str, hardened| {
        Runtime::load_with(&RuntimeOptions {
            library: Some(library.clone()),
            expected_sha256: Some(expected.to_owned()),
            hardened,
        })
    };
    for none in ["", "abc", &sound[1..]] {
        let error = with(none, false).unwrap_err();
        assert_eq!(error.status(), DLNMS_E_INVALID_ARGUMENT, "{error}");
    }
    let other = "0".repeat(64);
    let error = with(&other, false).unwrap_err();
    assert_eq!(error.status(), DLNMS_E_RUNTIME_ALTERED);
    for word in ["libonnxruntime.so", &sound, &other] {
        assert!(error.to_string().contains(word), "{error}");
    }
    // Nothing of the refused file was loaded.
    let maps = || std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(!maps().contains("onnxruntime"));
    let runtime = with(&sound.to_uppercase(), false).unwrap();
    assert_eq!(runtime.sha256(), Some(sound.as_str()));
    assert_eq!(runtime.path(), library.canonicalize().unwrap());
    // What is mapped is the copy, so that the file may become anything.
    assert!(maps().contains("/memfd:onnxruntime"), "{}", maps());
    assert!(!maps().contains(library.to_str().unwrap()));
    std::fs::write(&library, "no library any more").unwrap();
    assert!((0.0..=1.0).contains(&score(runtime)));
    // What is loaded stays what it is, for every later caller.
    assert_eq!(
        with(&other, false).unwrap_err().status(),
        DLNMS_E_RUNTIME_ALTERED
    );
    let error = with(&sound, true).unwrap_err();
    assert_eq!(error.status(), DLNMS_E_RUNTIME_CONFLICT);
    assert!(error.to_string().contains("hardened"), "{error}");
}

#[test]
fn the_hardened_mode_looks_for_nothing_that_was_not_named() {
    if !body_runs_here(test_name!(
        the_hardened_mode_looks_for_nothing_that_was_not_named
    )) {
        return;
    }
    let load = |library: Option<&Path>| {
        Runtime::load_with(&RuntimeOptions {
            library: library.map(Path::to_path_buf),
            hardened: true,
            ..RuntimeOptions::default()
        })
    };
    // The variable names a sound library, which is not looked at.
    assert!(std::env::var_os("DLNMS_ONNXRUNTIME").is_some());
    for path in [None, Some(Path::new("target/onnxruntime"))] {
        let error = load(path).unwrap_err();
        assert_eq!(error.status(), DLNMS_E_INVALID_ARGUMENT, "{error}");
        assert!(error.to_string().starts_with("library_path: "), "{error}");
    }
    let library = support::onnxruntime().canonicalize().unwrap();
    let runtime = load(Some(&library)).unwrap();
    assert!(runtime.is_hardened() && runtime.sha256().is_none());
    assert!((0.0..=1.0).contains(&score(runtime)));
    let pinned = Runtime::load_with(&RuntimeOptions {
        expected_sha256: Some("0".repeat(64)),
        ..RuntimeOptions::default()
    });
    assert_eq!(pinned.unwrap_err().status(), DLNMS_E_RUNTIME_CONFLICT);
    let options = ScorerOptions {
        policy: Policy::strict(Provider::OpenVino),
        ..ScorerOptions::default()
    };
    let scorer = Scorer::new(runtime, &support::tiny_bundle(), options).unwrap();
    let error = scorer.prepare(None, &CancelToken::default()).unwrap_err();
    assert!(
        error.to_string().contains("in the hardened mode"),
        "{error}"
    );
}

/// Returns the names of the environment variables that scoring asks for, with these options before the command.
fn asked_for(shim: &Path, options: &[&str]) -> std::collections::BTreeSet<String> {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let dlnms = || Command::new(env!("CARGO_BIN_EXE_dlnms"));
    support::phantom(dir.path());
    let score = dlnms()
        .args(options)
        .arg("score")
        .arg(at("study"))
        .args(["--center=-82,-12,46.5", "--provider", "cpu", "--bundle"])
        .arg(support::tiny_bundle())
        .env("LD_PRELOAD", shim)
        .env("GETENV_LOG", at("names"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&score.stderr).into_owned();
    assert!(score.status.success(), "{said}");
    let names = std::fs::read_to_string(at("names")).unwrap();
    names.lines().map(str::to_owned).collect()
}

#[test]
fn in_the_hardened_mode_no_variable_decides_what_is_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let shim = dir.path().join("getenv.so");
    let mut compile = Command::new("gcc");
    compile
        .args(["-shared", "-fPIC", "-Wno-pedantic", "-o"])
        .arg(&shim)
        .arg(support::host::host("getenv.c"))
        .arg("-ldl");
    support::run(&mut compile);
    let library = support::onnxruntime().canonicalize().unwrap();
    let open = asked_for(&shim, &[]);
    assert!(open.contains("DLNMS_ONNXRUNTIME"), "{open:?}");
    let hardened = asked_for(
        &shim,
        &["--hardened", "--onnxruntime", library.to_str().unwrap()],
    );
    assert!(open.iter().any(|name| name.starts_with("ORT_")), "{open:?}");
    // Those of Rust's standard library are left.
    for name in &hardened {
        let rusts = ["RUST_BACKTRACE", "RUST_LIB_BACKTRACE", "RUST_MIN_STACK"];
        assert!(rusts.contains(&name.as_str()), "{hardened:?}");
    }
}

#[test]
fn a_library_that_is_swapped_while_it_is_loaded_is_never_loaded() {
    if !body_runs_here(test_name!(
        a_library_that_is_swapped_while_it_is_loaded_is_never_loaded
    )) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let real = support::onnxruntime().join("libonnxruntime.so");
    std::fs::copy(&real, at("good.so")).unwrap();
    let mut bytes = std::fs::read(&real).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(at("altered.so"), bytes).unwrap();
    let [good, altered] = ["good.so", "altered.so"].map(|name| sha256(&at(name)));
    let link_to = |name: &str| {
        let _ = std::fs::remove_file(at("new"));
        std::os::unix::fs::symlink(at(name), at("new")).unwrap();
        std::fs::rename(at("new"), at("libonnxruntime.so")).unwrap();
    };
    let load = || {
        Runtime::load_with(&RuntimeOptions {
            library: Some(at("libonnxruntime.so")),
            expected_sha256: Some(good.clone()),
            hardened: true,
        })
    };
    // One byte of the file that the link leads to.
    link_to("altered.so");
    let error = load().unwrap_err();
    assert_eq!(error.status(), DLNMS_E_RUNTIME_ALTERED);
    assert!(error.to_string().contains(&altered), "{error}");
    // The file itself changes in place, again and again, while it is copied, hashed and loaded.
    link_to("good.so");
    let stop = std::sync::atomic::AtomicBool::new(false);
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        scope.spawn(|| {
            use std::os::unix::fs::FileExt;
            let file = std::fs::File::options()
                .read(true)
                .write(true)
                .open(at("good.so"));
            let file = file.unwrap();
            let mut byte = [0];
            file.read_exact_at(&mut byte, middle as u64).unwrap();
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                byte[0] ^= 1;
                file.write_all_at(&byte, middle as u64).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        });
        let outcomes = (0..20).map(|_| load()).collect();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        outcomes
    });
    for outcome in outcomes {
        match outcome {
            Ok(runtime) => assert_eq!(runtime.sha256(), Some(good.as_str())),
            Err(error) => assert_eq!(error.status(), DLNMS_E_RUNTIME_ALTERED, "{error}"),
        }
    }
    std::fs::copy(&real, at("good.so")).unwrap();
    let runtime = load().unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(maps.contains("/memfd:onnxruntime"), "{maps}");
    for name in ["good.so", "altered.so"] {
        assert!(!maps.contains(at(name).to_str().unwrap()), "{maps}");
    }
    assert!((0.0..=1.0).contains(&score(runtime)));
    // The link is swapped afterwards: another file than the one that this process has.
    link_to("altered.so");
    assert_eq!(load().unwrap_err().status(), DLNMS_E_RUNTIME_CONFLICT);
}
