//! `include/dlnms.h` is what the exported functions say, and the export list is what the library exports.

use crate::support;
use std::path::Path;

/// Header sections in order: banner and the files whose items it holds.
const SECTIONS: [(&str, &[&str]); 18] = [
    ("Status codes", &["src/error/status.rs"]),
    ("Library", &["src/ffi/library.rs"]),
    ("Errors", &["src/ffi/error_object.rs", "src/ffi/error.rs"]),
    ("Logging", &["src/ffi/logger.rs"]),
    ("Progress", &["src/ffi/callbacks.rs"]),
    ("Cancelling", &["src/ffi/cancel.rs"]),
    (
        "Runtime: the process's ONNX Runtime",
        &["src/ffi/runtime.rs"],
    ),
    ("Volumes", &["src/ffi/volume.rs"]),
    ("PET attributes and SUV", &["src/ffi/pet.rs"]),
    ("Quality checks", &["src/ffi/quality.rs"]),
    (
        "Cases: volumes and tumour together",
        &[
            "src/ffi/study_handle.rs",
            "src/ffi/case_context.rs",
            "src/ffi/case.rs",
        ],
    ),
    ("Providers", &["src/ffi/provider.rs"]),
    (
        "Evidence: what was measured beside the scores",
        &["src/ffi/evidence.rs"],
    ),
    ("Results", &["src/ffi/result.rs"]),
    ("Audit log", &["src/ffi/audit.rs"]),
    (
        "Scorer",
        &[
            "src/ffi/scorer_options.rs",
            "src/ffi/scorer.rs",
            "src/ffi/plane_grid.rs",
        ],
    ),
    ("Queue: scores without waiting", &["src/ffi/queue.rs"]),
    (
        "Explanations: what moved the scores, and how steady they are",
        &[
            "src/ffi/explain_options.rs",
            "src/ffi/explanation.rs",
            "src/ffi/explanation_queue.rs",
        ],
    ),
];
const READERS: [(&str, &[&str]); 5] = [
    ("Studies: DICOM folders and buffers", &["src/ffi/study.rs"]),
    (
        "Studies: what a score takes from them",
        &["src/ffi/study_case.rs"],
    ),
    (
        "Studies: headers for a host that has the voxels itself",
        &["src/ffi/study_headers.rs"],
    ),
    ("Studies: what they hold", &["src/ffi/study_list.rs"]),
    ("Volume files: NIfTI and NRRD", &["src/ffi/volume_file.rs"]),
];
const WRITERS: [(&str, &[&str]); 2] = [
    (
        "Results as DICOM objects",
        &["src/ffi/identity.rs", "src/ffi/write.rs"],
    ),
    ("Results as pages for people", &["src/ffi/page.rs"]),
];

fn section(root: &Path, banner: &str, files: &[&str]) -> String {
    let config = cbindgen::Config {
        language: cbindgen::Language::C,
        style: cbindgen::Style::Type,
        no_includes: true,
        usize_is_size_t: true,
        line_length: 110,
        documentation_style: cbindgen::DocumentationStyle::C99,
        function: cbindgen::FunctionConfig {
            args: cbindgen::Layout::Auto,
            ..Default::default()
        },
        export: cbindgen::ExportConfig {
            exclude: vec!["ALL".into()],
            ..Default::default()
        },
        ..Default::default()
    };
    let mut text = Vec::new();
    let sources = cbindgen::Builder::new().with_config(config);
    let sources = files.iter().fold(sources, |s, f| s.with_src(root.join(f)));
    sources
        .generate()
        .unwrap_or_else(|e| panic!("{files:?}: {e}"))
        .write(&mut text);
    let text = String::from_utf8(text).unwrap();
    let line = "/* ".to_string() + &"=".repeat(104) + " */";
    format!(
        "{line}\n/* {banner:104} */\n{line}\n\n{}\n\n",
        c_words(&text).trim()
    )
}

/// Rust's words in doc comments, said in C's.
fn c_words(text: &str) -> String {
    let line = |line: &str| {
        if !line.trim_start().starts_with("//") {
            return line.to_owned();
        }
        line.replace("# Safety", "Parameters:")
            .replace("# Parameters", "Parameters:")
            .replace("# Errors", "Errors:")
            .replace('`', "")
    };
    text.lines()
        .map(|l| line(l).trim_end().to_owned() + "\n")
        .collect()
}

const PREAMBLE: &str = include_str!("../abi/preamble.h");

/// Returns the header that the sources of `src/ffi` make.
pub fn generated() -> String {
    let root = support::root();
    let mut header = PREAMBLE.to_string();
    for (banner, files) in SECTIONS.into_iter().chain(READERS).chain(WRITERS) {
        header += &section(root, banner, files);
    }
    header + "#ifdef __cplusplus\n}\n#endif\n\n#endif /* DLNMS_H */\n"
}

#[test]
fn the_committed_header_is_the_generated_one() {
    let wanted = generated();
    let committed = support::committed("include/dlnms.h", &wanted);
    assert!(
        committed == wanted,
        "include/dlnms.h is stale: run `DLNMS_BLESS=1 cargo test --test it -- header:: layout::` and read the diff"
    );
}

#[test]
fn the_export_list_is_every_function_of_the_header() {
    let header = generated();
    let mut functions: Vec<&str> = header
        .lines()
        .filter(|l| !l.trim_start().starts_with("//"))
        .flat_map(|l| l.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '(')))
        .filter_map(|word| word.split_once('(').map(|(name, _)| name))
        .filter(|name| name.starts_with("dlnms_"))
        .collect();
    functions.sort_unstable();
    functions.dedup();
    let wanted = functions.join("\n") + "\n";
    let committed = support::committed("tests/abi/symbols.txt", &wanted);
    assert_eq!(committed, wanted, "tests/abi/symbols.txt is stale");
}
