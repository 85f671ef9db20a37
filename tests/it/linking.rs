//! Headers, exports and archives: what a vendor's build meets.

use crate::support::host::{SYSTEM_LIBRARIES, WARNINGS, c_compilers, system_libraries};
use crate::support::{dist, root, run};
use std::path::Path;
use std::process::Command;

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
            (cpp, "c++17", "dlnms_case.hpp", "cpp"),
            (cpp, "c++17", "dlnms_queue.hpp", "cpp"),
            (cpp, "c++17", "dlnms_explanation.hpp", "cpp"),
            (cpp, "c++17", "dlnms_study.hpp", "cpp"),
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
        .map(|l| l.split_whitespace().collect::<Vec<_>>())
        // The name of a symbol version is an absolute symbol.
        .filter(|columns| columns.get(1) != Some(&"A"))
        .filter_map(|columns| columns.get(2).copied())
        .map(|n| n.split('@').next().unwrap().to_owned())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Every function of the header.
fn committed_symbols() -> Vec<String> {
    let list = std::fs::read_to_string(root().join("tests/abi/symbols.txt")).unwrap();
    list.lines().map(str::to_owned).collect()
}

#[test]
fn both_libraries_export_exactly_the_committed_list() {
    let wanted = committed_symbols();
    let lib = dist().join("lib");
    assert_eq!(exported(&lib.join("libdlnms.so"), true), wanted);
    assert_eq!(exported(&lib.join("libdlnms.a"), false), wanted);
    // Every function has the symbol version of the ABI, so that another one can stand beside it some day.
    let symbols = run(Command::new("readelf")
        .args(["--dyn-syms", "--wide"])
        .arg(lib.join("libdlnms.so")));
    let version = format!("@@DLNMS_{}", dlnms::ABI_VERSION);
    let versioned = symbols
        .split_whitespace()
        .filter_map(|word| word.strip_suffix(&version))
        .filter(|name| !version.ends_with(name));
    let mut versioned: Vec<&str> = versioned.collect();
    versioned.sort_unstable();
    assert_eq!(versioned, wanted);
    let dynamic = run(Command::new("readelf")
        .arg("-d")
        .arg(lib.join("libdlnms.so")));
    assert!(
        dynamic.contains(&format!("[libdlnms.so.{}]", dlnms::ABI_VERSION)),
        "{dynamic}"
    );
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
}

/// A host of a library without readers: their functions are there and refuse, their structs are filled, the rest works.
const WITHOUT_READERS: &str = r#"
#include "dlnms.h"
#include <string.h>

static int dropped;

static int on_progress(uint32_t phase, float fraction, void *data) {
    (void)phase;
    (void)fraction;
    (void)data;
    return 0;
}

static void on_drop(void *data) {
    (void)data;
    ++dropped;
}

int main(void) {
    const char *paths[] = {"."};
    dlnms_progress progress;
    dlnms_progress_init(&progress, sizeof progress);
    progress.callback = on_progress;
    progress.drop = on_drop;
    const uint8_t byte = 0, *buffers[] = {&byte};
    const size_t sizes[] = {1};
    dlnms_study *study = NULL;
    dlnms_volume_file *file = NULL;
    dlnms_error *error = NULL;
    dlnms_volume volume;
    dlnms_volume_init(&volume, sizeof volume);
    dlnms_pet_info info;
    dlnms_pet_info_init(&info, sizeof info);
    dlnms_case c;
    dlnms_case_init(&c, sizeof c);
    dlnms_series series;
    dlnms_series_init(&series, sizeof series);
    dlnms_roi_info roi;
    dlnms_roi_info_init(&roi, sizeof roi);
    dlnms_series_choice choice;
    dlnms_series_choice_init(&choice, sizeof choice);
    dlnms_read_options limits;
    dlnms_read_options_init(&limits, sizeof limits);
    if (series.struct_size != sizeof series || roi.struct_size != sizeof roi || choice.struct_size != sizeof choice) return 1;
    if (limits.struct_size != sizeof limits || dlnms_study_inspect(NULL, NULL, NULL) != DLNMS_E_UNSUPPORTED) return 21;
    if (dlnms_study_scan(paths, 1, &limits, NULL, &study, &error) != DLNMS_E_UNSUPPORTED) return 2;
    if (dlnms_error_status(error) != DLNMS_E_UNSUPPORTED || !strstr(dlnms_error_message(error), "reads no files")) return 3;
    dlnms_error_free(error);
    if (dlnms_study_scan_buffers(buffers, sizes, 1, &limits, NULL, &study, NULL) != DLNMS_E_UNSUPPORTED) return 4;
    if (dlnms_study_open(paths, 1, &limits, &choice, &progress, NULL, &study, NULL) != DLNMS_E_UNSUPPORTED) return 5;
    if (dlnms_study_load(NULL, &choice, &progress, NULL, NULL) != DLNMS_E_UNSUPPORTED) return 6;
    if (dropped != 2) return 22; /* the struct was taken, so its drop was called, once each */
    if (dlnms_study_load(NULL, &choice, NULL, NULL, NULL) != DLNMS_E_UNSUPPORTED) return 23;
    if (dlnms_study_volume(NULL, DLNMS_MODALITY_CT, &volume, NULL) != DLNMS_E_UNSUPPORTED) return 7;
    if (dlnms_study_pet_info(NULL, &info, NULL) != DLNMS_E_UNSUPPORTED) return 8;
    if (dlnms_study_case(NULL, NULL, &c, NULL) != DLNMS_E_UNSUPPORTED) return 9;
    if (dlnms_study_series(NULL, 0, &series, NULL) != DLNMS_E_UNSUPPORTED) return 10;
    if (dlnms_study_roi(NULL, 0, &roi, NULL) != DLNMS_E_UNSUPPORTED) return 11;
    if (dlnms_study_roi_mask(NULL, 0, NULL, &volume, NULL) != DLNMS_E_UNSUPPORTED) return 12;
    if (dlnms_study_json(NULL, NULL, 0, NULL, NULL) != DLNMS_E_UNSUPPORTED) return 13;
    if (dlnms_volume_file_open("a.nii", &limits, NULL, &file, NULL) != DLNMS_E_UNSUPPORTED) return 14;
    if (dlnms_volume_file_volume(NULL, &volume, NULL) != DLNMS_E_UNSUPPORTED) return 15;
    if (dlnms_volume_file_pet_info(NULL, "a.json", &info, NULL) != DLNMS_E_UNSUPPORTED) return 16;
    if (dlnms_study_series_count(NULL) || dlnms_study_roi_count(NULL) || dlnms_study_warning_count(NULL)) return 17;
    if (dlnms_study_warning(NULL, 0)) return 18;
    dlnms_study_free(NULL);
    dlnms_volume_file_free(NULL);
    if (study || file || dlnms_live_objects()) return 19;
    dlnms_cancel *cancel = NULL;
    if (dlnms_cancel_new(&cancel, NULL) != DLNMS_OK) return 20;
    dlnms_cancel_free(cancel);
    return 0;
}
"#;

#[test]
fn a_build_without_readers_exports_every_function_and_refuses_theirs() {
    let target = root().join("target/without-readers");
    // Exports are compared, nothing is measured: what compiles fastest will do.
    run(Command::new(env!("CARGO"))
        .args(["rustc", "--locked", "--quiet", "--lib"])
        .args(["--crate-type", "cdylib", "--no-default-features"])
        .args(["--config", "profile.dev.opt-level=0"])
        .args(["--config", "profile.dev.package.\"*\".opt-level=0"])
        .arg("--target-dir")
        .arg(&target)
        // Code that only the readers use must be left out with them.
        .args(["--", "-D", "warnings"])
        .current_dir(root()));
    let library = target.join("debug/libdlnms.so");
    assert_eq!(exported(&library, true), committed_symbols());

    let out = tempfile::tempdir().unwrap();
    let source = out.path().join("without_readers.c");
    std::fs::write(&source, WITHOUT_READERS).unwrap();
    let library_by_soname = out
        .path()
        .join(format!("libdlnms.so.{}", dlnms::ABI_VERSION));
    std::fs::copy(&library, &library_by_soname).unwrap();
    let program = out.path().join("without_readers");
    run(Command::new("gcc")
        .arg("-std=c99")
        .args(WARNINGS)
        .arg("-I")
        .arg(root().join("include"))
        .arg(&source)
        .arg(&library_by_soname)
        .arg(format!("-Wl,-rpath,{}", out.path().display()))
        .arg("-o")
        .arg(&program));
    run(&mut Command::new(program));
}

/// The list in dlnms.pc is the compiler's own (packaging/build.py); a portable build needs none for C++.
#[test]
fn the_system_libraries_of_a_static_link_are_the_documented_ones() {
    let (listed, cpp) = (system_libraries(), ["-lstdc++", "-lgcc_s"]);
    let documented: Vec<&str> = SYSTEM_LIBRARIES.split(' ').collect();
    let without_cpp: Vec<&str> = documented
        .iter()
        .copied()
        .filter(|l| !cpp.contains(l))
        .collect();
    assert!(
        listed == documented || listed == without_cpp,
        "dlnms.pc has {listed:?}"
    );
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    assert!(
        readme.contains(SYSTEM_LIBRARIES),
        "README.md must name {SYSTEM_LIBRARIES}"
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
        .args(system_libraries())
        .arg("-o")
        .arg(&program));
    run(&mut Command::new(program));
}
