//! Hosts in C and C++: built with every compiler here, linked both ways, run, and compared to the bit.

mod support;

use dlnms::roi::Roi;
use dlnms::runtime::provider::{Policy, Provider};
use dlnms::scorer::{CancelToken, Case, Scorer, ScorerOptions};
use dlnms::volume::{DType, Geometry, IDENTITY, VolumeView};
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{bundle, dist, onnxruntime, root, run, skip, tiny_bundle, tool};

const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];
/// System libraries of a static link; README.md and cpp-example/CMakeLists.txt say the same.
const SYSTEM_LIBRARIES: &str = "-lstdc++ -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc";

#[derive(Clone, Copy, PartialEq)]
enum Link {
    Dynamic,
    Static,
}

struct Host<'a> {
    compiler: &'a str,
    standard: &'a str,
    source: PathBuf,
    link: Link,
    flags: &'a [&'a str],
}

impl Host<'_> {
    fn build(&self, out: &Path) -> PathBuf {
        let lib = dist().join("lib");
        let program = out.join(format!(
            "{}-{}-{}{}",
            self.source.file_stem().unwrap().to_str().unwrap(),
            self.compiler,
            if self.link == Link::Static {
                "static"
            } else {
                "dynamic"
            },
            self.flags.join("").replace(['=', ','], "")
        ));
        let mut c = Command::new(self.compiler);
        c.arg(format!("-std={}", self.standard))
            .args(WARNINGS)
            .args(self.flags)
            .args(["-O1", "-g"]);
        c.arg("-I")
            .arg(root().join("include"))
            .arg(&self.source)
            .arg("-o")
            .arg(&program);
        match self.link {
            Link::Dynamic => c
                .arg(lib.join("libdlnms.so"))
                .arg(format!("-Wl,-rpath,{}", lib.display()))
                .args(["-lpthread", "-lm"]),
            Link::Static => c
                .arg(lib.join("libdlnms.a"))
                .args(SYSTEM_LIBRARIES.split(' ')),
        };
        run(&mut c);
        program
    }
}

fn example(name: &str) -> PathBuf {
    root().join("cpp-example").join(name)
}

fn host(name: &str) -> PathBuf {
    root().join("tests/hosts").join(name)
}

fn c_compilers() -> Vec<(&'static str, &'static str)> {
    let mut found = vec![("gcc", "g++")];
    if tool("clang") && tool("clang++") {
        found.push(("clang", "clang++"));
    }
    found
}

/// The scores of cpp-example/minimal.c's volumes, computed in Rust.
fn minimal_scores() -> (f32, f32) {
    let ball = |side: usize, spacing: f64, v: usize| {
        let at = |n: usize| (n as f64 - (side as f64 - 1.0) / 2.0) * spacing;
        at(v % side).powi(2) + at(v / side % side).powi(2) + at(v / side / side).powi(2) < 225.0
    };
    let ct: Vec<u8> = (0..160usize.pow(3))
        .flat_map(|v| (if ball(160, 1.0, v) { 40i16 } else { -850 }).to_ne_bytes())
        .collect();
    let pet: Vec<u8> = (0..80usize.pow(3))
        .flat_map(|v| (if ball(80, 2.0, v) { 8f32 } else { 0.6 }).to_ne_bytes())
        .collect();
    let grid = |side: usize, spacing: f64| Geometry {
        dims: [side; 3],
        origin: [-(side as f64 - 1.0) / 2.0 * spacing; 3],
        spacing: [spacing; 3],
        direction: IDENTITY,
        slice_offsets: None,
    };
    let case = Case {
        ct: VolumeView::packed(&ct, DType::I16, grid(160, 1.0), "ct").unwrap(),
        pet: VolumeView::packed(&pet, DType::F32, grid(80, 2.0), "pet").unwrap(),
        pet_info: None,
        roi: Roi::Point([0.0; 3]),
    };
    let options = ScorerOptions {
        policy: Policy::strict(Provider::Cpu),
        threads: 0,
    };
    let scorer = Scorer::new(support::runtime(), &bundle(), options).unwrap();
    let scores = scorer.score(&case, &CancelToken::default()).unwrap();
    (scores.n1, scores.n2)
}

/// The number after a word at the start of a line; nine digits give back every float.
fn value(output: &str, word: &str) -> f32 {
    let line = output
        .lines()
        .find_map(|l| l.strip_prefix(word))
        .unwrap_or_else(|| panic!("no {word:?} in {output}"));
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn c_and_cpp_hosts_give_the_scores_of_rust_to_the_bit() {
    let out = tempfile::tempdir().unwrap();
    let truth = minimal_scores();
    for (c, cpp) in c_compilers() {
        for link in [Link::Dynamic, Link::Static] {
            let minimal = Host {
                compiler: c,
                standard: "c99",
                source: example("minimal.c"),
                link,
                flags: &[],
            }
            .build(out.path());
            let printed = run(Command::new(&minimal).arg(bundle()).arg(onnxruntime()));
            assert_eq!(
                (value(&printed, "n1 "), value(&printed, "n2 ")),
                truth,
                "{}",
                minimal.display()
            );
            assert!(
                printed.contains("research use only") && printed.contains("NOT TRAINED"),
                "{printed}"
            );
            let cancel = Host {
                compiler: cpp,
                standard: "c++17",
                source: example("cancel.cpp"),
                link,
                flags: &[],
            }
            .build(out.path());
            let printed = run(Command::new(cancel).arg(bundle()).arg(onnxruntime()));
            assert!(
                printed.contains("prepared after three cancelled tries"),
                "{printed}"
            );
        }
    }
}

#[test]
fn a_cpp_host_scores_the_lung_cancer_study_like_the_command_line() {
    let Some(study) = support::shared("data/petct/a_paired/acrin042") else {
        return;
    };
    let (ct, pet, center) = (
        study.join("ct"),
        study.join("pet_ac"),
        "--center=-42.269,-14.623,-122.129",
    );
    let out = tempfile::tempdir().unwrap();
    let json = out.path().join("result.json");
    run(Command::new(dist().join("bin/dlnms"))
        .arg("--onnxruntime")
        .arg(onnxruntime())
        .args(["score", center, "--bundle"])
        .arg(bundle())
        .arg("--ct")
        .arg(&ct)
        .arg("--pet")
        .arg(&pet)
        .arg("--json")
        .arg(&json));
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let truth = |head: &str| report["heads"][head].as_f64().unwrap() as f32;
    for (_, cpp) in c_compilers() {
        for link in [Link::Dynamic, Link::Static] {
            let score = Host {
                compiler: cpp,
                standard: "c++17",
                source: example("score.cpp"),
                link,
                flags: &[],
            }
            .build(out.path());
            for raw in [false, true] {
                let mut command = Command::new(&score);
                command
                    .arg(center)
                    .arg("--bundle")
                    .arg(bundle())
                    .arg("--onnxruntime")
                    .arg(onnxruntime())
                    .arg(&ct)
                    .arg(&pet);
                if raw {
                    command.arg("--raw");
                }
                let printed = run(&mut command);
                for head in ["n1", "n2", "n1_pet", "n1_ct", "n2_pet", "n2_ct"] {
                    assert_eq!(
                        value(&printed, &format!("head {head} ")),
                        truth(head),
                        "{head} of {printed}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_cmake_project_builds_and_runs() {
    let out = tempfile::tempdir().unwrap();
    let cmake = std::env::var("CMAKE").unwrap_or_else(|_| "cmake".into());
    for (folder, option) in [
        ("dynamic", "-DDLNMS_STATIC=OFF"),
        ("static", "-DDLNMS_STATIC=ON"),
    ] {
        let build = out.path().join(folder);
        run(Command::new(&cmake)
            .arg("-S")
            .arg(root().join("cpp-example"))
            .arg("-B")
            .arg(&build)
            .arg(format!("-DDLNMS_ROOT={}", dist().display()))
            .arg(option));
        run(Command::new(&cmake).arg("--build").arg(&build));
        let printed = run(Command::new(build.join("minimal"))
            .arg(tiny_bundle())
            .arg(onnxruntime()));
        assert!(value(&printed, "n1 ") > 0.0);
    }
}

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
fn eight_threads_share_one_scorer() {
    let out = tempfile::tempdir().unwrap();
    let threads = Host {
        compiler: "g++",
        standard: "c++17",
        source: host("threads.cpp"),
        link: Link::Dynamic,
        flags: &[],
    }
    .build(out.path());
    let printed = run(Command::new(threads)
        .arg(bundle())
        .arg(onnxruntime())
        .arg("2000"));
    assert!(
        printed.contains("2000 cases on 8 threads, 0 wrong"),
        "{printed}"
    );
    print!("{printed}");
}

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

#[test]
fn a_host_sees_nothing_on_stdout_stderr_or_in_its_signal_handlers() {
    let out = tempfile::tempdir().unwrap();
    let source = out.path().join("quiet.c");
    std::fs::write(&source, include_str!("hosts/quiet.c")).unwrap();
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
    // cannot race; what is `Send` or `Sync` by our word instead of the compiler's is listed by the test below.
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

#[test]
fn one_type_alone_is_sent_between_threads_by_our_own_word() {
    let mut found = Vec::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for path in folder.read_dir().unwrap().flatten().map(|e| e.path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let by_word = text
                .lines()
                .filter(|l| l.contains("unsafe impl Send") || l.contains("unsafe impl Sync"));
            found.extend(by_word.map(|l| l.trim().to_owned()));
        }
    }
    found.sort();
    // The host's user_data, of which the header says from which threads it is used.
    assert_eq!(
        found,
        [
            "unsafe impl Send for UserData {}",
            "unsafe impl Sync for UserData {}"
        ]
    );
}

#[test]
fn the_cxx_bridge_gives_the_scores_of_rust_to_the_bit() {
    let out = tempfile::tempdir().unwrap();
    let target = root().join("target/bridge");
    run(Command::new(env!("CARGO"))
        .args([
            "build",
            "--locked",
            "--quiet",
            "--lib",
            "--features",
            "cxx-bridge",
        ])
        .env("CARGO_TARGET_DIR", &target)
        .current_dir(root()));
    let include = target.join("cxxbridge");
    let program = out.path().join("bridge");
    run(Command::new("g++")
        .args(["-std=c++17", "-O1", "-I"])
        .arg(&include)
        .arg(host("bridge.cpp"))
        .arg(target.join("debug/libdlnms.a"))
        .args(SYSTEM_LIBRARIES.split(' '))
        .arg("-o")
        .arg(&program));
    let printed = run(Command::new(&program).arg(bundle()).arg(onnxruntime()));
    assert_eq!(
        (value(&printed, "n1 "), value(&printed, "n2 ")),
        minimal_scores()
    );
}
