//! Building hosts in C and C++ against `target/dist`.

use super::{dist, root, run, tool};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

pub const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];
/// System libraries of a static link; README.md and cpp-example/CMakeLists.txt say the same.
pub const SYSTEM_LIBRARIES: &str = "-lstdc++ -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc";

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
            Link::Static => c
                .arg(lib.join("libdlnms.a"))
                .args(SYSTEM_LIBRARIES.split(' ')),
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

/// Builds the static library with the cxx bridge in the folder of the release build, where every dependency but cxx is built
/// already. Returns what cargo printed, the system libraries of a static link among it: one build serves both tests.
pub fn bridge_build() -> &'static str {
    static PRINTED: OnceLock<String> = OnceLock::new();
    PRINTED.get_or_init(|| {
        let output = Command::new(env!("CARGO"))
            .args(["rustc", "--release", "--locked", "--lib"])
            .args(["--crate-type", "staticlib", "--features", "cxx-bridge"])
            .arg("--target-dir")
            .arg(root().join("target"))
            .args(["--", "--print", "native-static-libs"])
            .current_dir(root())
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{printed}");
        printed
    })
}
