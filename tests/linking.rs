//! Headers, exports and archives: what a vendor's build meets.

mod support;

use std::path::Path;
use std::process::Command;
use support::host::{SYSTEM_LIBRARIES, WARNINGS, c_compilers};
use support::{dist, root, run};

#[test]
fn the_headers_compile_alone_and_twice_under_every_standard() {
    let out = tempfile::tempdir().unwrap();
    for (c, cpp) in c_compilers() {
        for (compiler, standard, header, suffix) in [
            (c, "c99", "dlnms.h", "c"),
            (c, "c11", "dlnms.h", "c"),
            (cpp, "c++17", "dlnms.h", "cpp"),
            (cpp, "c++20", "dlnms.h", "cpp"),
            (cpp, "c++17", "dlnms.hpp", "cpp"),
            (cpp, "c++20", "dlnms.hpp", "cpp"),
        ] {
            let source = out.path().join(format!("twice.{suffix}"));
            std::fs::write(
                &source,
                format!(
                    "#include \"{header}\"\n#include \"{header}\"\nint main(void) {{ return 0; }}\n"
                ),
            )
            .unwrap();
            run(Command::new(compiler)
                .arg(format!("-std={standard}"))
                .args(WARNINGS)
                .arg("-fsyntax-only")
                .arg("-I")
                .arg(root().join("include"))
                .arg(&source));
        }
    }
}

fn exported(file: &Path, dynamic: bool) -> Vec<String> {
    let mut nm = Command::new("nm");
    nm.args(["-g", "--defined-only"]).arg(file);
    if dynamic {
        nm.arg("-D");
    }
    let mut names: Vec<String> = run(&mut nm)
        .lines()
        .filter_map(|l| l.split_whitespace().nth(2))
        .map(|n| n.split('@').next().unwrap().to_owned())
        .collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn both_libraries_export_exactly_the_committed_list() {
    let wanted: Vec<String> = std::fs::read_to_string(root().join("tests/abi/symbols.txt"))
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    let lib = dist().join("lib");
    assert_eq!(exported(&lib.join("libdlnms.so"), true), wanted);
    assert_eq!(exported(&lib.join("libdlnms.a"), false), wanted);
    let dynamic = run(Command::new("readelf")
        .arg("-d")
        .arg(lib.join("libdlnms.so")));
    assert!(
        dynamic.contains(&format!("[libdlnms.so.{}]", dlnms::ABI_VERSION)),
        "{dynamic}"
    );
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
}

#[test]
fn the_system_libraries_of_a_static_link_are_the_documented_ones() {
    let output = Command::new(env!("CARGO"))
        .args([
            "rustc",
            "--release",
            "--locked",
            "--lib",
            "--crate-type",
            "staticlib",
            "--",
            "--print",
            "native-static-libs",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text
        .lines()
        .find_map(|l| l.split_once("native-static-libs: "))
        .unwrap_or_else(|| panic!("{text}"))
        .1;
    let sorted = |s: &str| {
        let mut v: Vec<String> = s.split_whitespace().map(str::to_owned).collect();
        v.sort();
        v.dedup();
        v
    };
    assert_eq!(sorted(line), sorted(SYSTEM_LIBRARIES), "rustc says: {line}");
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    assert!(
        readme.contains(SYSTEM_LIBRARIES),
        "README.md must name {SYSTEM_LIBRARIES}"
    );
    let cmake = std::fs::read_to_string(root().join("cpp-example/CMakeLists.txt")).unwrap();
    assert!(
        cmake.contains(&SYSTEM_LIBRARIES.replace("-l", "")),
        "CMakeLists.txt must name them too"
    );
}

#[test]
fn two_rust_archives_live_in_one_program() {
    let out = tempfile::tempdir().unwrap();
    let (other, archive) = (out.path().join("other.rs"), out.path().join("libother.a"));
    std::fs::write(&other, "#[unsafe(no_mangle)] pub extern \"C\" fn other_sum(n: u32) -> u32 { (0..n).map(|v| format!(\"{v}\").len() as u32).sum() }").unwrap();
    run(Command::new("rustc")
        .args(["--edition", "2024", "--crate-type", "staticlib", "-o"])
        .arg(&archive)
        .arg(&other));
    let main = out.path().join("main.c");
    std::fs::write(&main, "#include \"dlnms.h\"\nunsigned other_sum(unsigned);\nint main(void) { return other_sum(11) == 12 && dlnms_abi_version() == DLNMS_ABI_VERSION ? 0 : 1; }\n").unwrap();
    let program = out.path().join("both");
    run(Command::new("gcc")
        .arg("-I")
        .arg(root().join("include"))
        .arg(&main)
        .arg(&archive)
        .arg(dist().join("lib/libdlnms.a"))
        .args(SYSTEM_LIBRARIES.split(' '))
        .arg("-o")
        .arg(&program));
    run(&mut Command::new(program));
}
