//! What the documents say of the repository is so: tests that they name exist, and counts are those of the files.

use crate::support::root;
use std::path::PathBuf;

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[test]
fn every_edit_has_a_test() {
    let page = text("docs/EDITS.md");
    let named = page.split('`').filter_map(|word| word.split_once(".rs::"));
    let mut missing = Vec::new();
    for (file, test) in named {
        let below = if file.starts_with("src/") || file.starts_with("tests/") {
            PathBuf::new()
        } else {
            PathBuf::from("tests/it")
        };
        let source = root().join(below).join(format!("{file}.rs"));
        let source = std::fs::read_to_string(source).unwrap_or_default();
        if !source.contains(&format!("#[test]\nfn {test}("))
            && !source.contains(&format!("#[test]\n    fn {test}("))
        {
            missing.push(format!("{file}.rs::{test}"));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    let tables = page
        .lines()
        .filter(|l| l.starts_with("| ") && !l.ends_with("| test |"));
    let without: Vec<&str> = tables.filter(|l| !l.contains(".rs::")).collect();
    assert!(without.is_empty(), "{without:#?}");
}

#[test]
fn the_number_of_functions_is_that_of_the_list() {
    let functions = text("tests/abi/symbols.txt").lines().count();
    let words = format!("Version 1 has {functions} functions (`tests/abi/symbols.txt`)");
    assert!(text("CHANGELOG.md").contains(&words), "{words}");
}
