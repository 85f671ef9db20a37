//! Building hosts in C and C++ against `target/dist`.

use super::{dist, root, run, tool};
use std::path::{Path, PathBuf};
use std::process::Command;

pub const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];
/// System libraries of a static link with the archive that cargo makes here; README.md says the same.
pub const SYSTEM_LIBRARIES: &str = "-lstdc++ -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc";

/// Returns the system libraries of a static link with the archive in `target/dist`, from its dlnms.pc.
pub fn system_libraries() -> Vec<String> {
    let file = dist().join("lib/pkgconfig/dlnms.pc");
    let text = std::fs::read_to_string(file).unwrap();
    let line = text.lines().find_map(|l| l.strip_prefix("Libs.private:"));
    line.unwrap()
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

#[derive(Clone, Copy, PartialEq)]
pub enum Link {
    Dynamic,
    Static,
}

pub struct Host<'a> {
    pub compiler: &'a str,
    pub standard: &'a str,
    pub source: PathBuf,
    pub link: Link,
    pub flags: &'a [&'a str],
}

impl Host<'_> {
    pub fn build(&self, out: &Path) -> PathBuf {
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
            Link::Static => c.arg(lib.join("libdlnms.a")).args(system_libraries()),
        };
        run(&mut c);
        program
    }
}

pub fn example(name: &str) -> PathBuf {
    root().join("cpp-example").join(name)
}

pub fn host(name: &str) -> PathBuf {
    root().join("tests/hosts").join(name)
}

pub fn c_compilers() -> Vec<(&'static str, &'static str)> {
    let mut found = vec![("gcc", "g++")];
    if tool("clang") && tool("clang++") {
        found.push(("clang", "clang++"));
    }
    found
}
