//! `make install` into a prefix that is then moved: hosts are built from there with CMake, pkg-config and the bare
//! compiler, and what is damaged, missing or foreign is named.

use crate::support::host::{WARNINGS, example, system_libraries};
use crate::support::{self, onnxruntime, root, run, tiny_bundle};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder with what `make install` made, moved away from its prefix.
struct Installed {
    folder: tempfile::TempDir,
    prefix: PathBuf,
}

/// Returns packaging/install.py for the release build, into a prefix.
fn install(prefix: &Path) -> Command {
    let mut command = Command::new("python3");
    command.arg("-B").arg(root().join("packaging/install.py"));
    command.arg("--built").arg(support::product());
    command.arg("--prefix").arg(prefix);
    command
}

impl Installed {
    /// Installs, with ONNX Runtime beside the library if `with_runtime`, and moves the prefix.
    fn new(with_runtime: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (prefix, moved) = (
            folder.path().join("first"),
            folder.path().join("moved away"),
        );
        let mut command = install(&prefix);
        if with_runtime {
            command.arg("--onnxruntime").arg(onnxruntime());
        }
        run(&mut command);
        std::fs::rename(prefix, &moved).unwrap();
        Self {
            folder,
            prefix: moved,
        }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.prefix.join(path)
    }

    fn scratch(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Returns the flags that pkg-config gives for a package of this folder.
    fn pkg_config(&self, arguments: &[&str]) -> Vec<String> {
        let mut command = Command::new("pkg-config");
        let folder = self.at("lib/pkgconfig");
        let flags = run(command.args(arguments).env("PKG_CONFIG_PATH", folder));
        shell_words(&flags)
    }

    /// Runs the smallest host, which finds ONNX Runtime by itself.
    fn score(&self, minimal: &Path) {
        let mut command = without_environment(minimal);
        let printed = run(command
            .arg(tiny_bundle())
            .env("LD_LIBRARY_PATH", self.at("lib")));
        assert!(printed.contains("n1 0."), "{printed}");
    }
}

fn without_environment(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_remove("DLNMS_ONNXRUNTIME");
    command
}

/// Splits as a shell does; pkg-config writes a space in a path as `\ `.
fn shell_words(text: &str) -> Vec<String> {
    let marked = text.trim().replace("\\ ", "\0");
    let words = marked.split_whitespace();
    words.map(|w| w.replace('\0', " ")).collect()
}

fn cmake() -> Command {
    Command::new(std::env::var("CMAKE").unwrap_or_else(|_| "cmake".into()))
}

/// Configures cpp-example/ against an installation; the compiler's warnings are errors here, and only here.
fn configure(installed: &Installed, build: &Path, options: &[&str]) -> Output {
    let mut command = cmake();
    command.arg("-S").arg(root().join("cpp-example"));
    command.arg("-B").arg(build).args(options);
    command.arg(format!(
        "-DCMAKE_PREFIX_PATH={}",
        installed.prefix.display()
    ));
    command.env("CFLAGS", WARNINGS.join(" "));
    command.env("CXXFLAGS", WARNINGS.join(" "));
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    // CMake breaks its lines where they are long.
    let all = [output.stdout.as_slice(), &output.stderr].concat();
    let words = String::from_utf8_lossy(&all).into_owned();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn cmake_builds_and_installs_hosts_that_run_wherever_they_are_moved() {
    let installed = Installed::new(true);
    for option in ["-DDLNMS_STATIC=OFF", "-DDLNMS_STATIC=ON"] {
        let (build, first) = (installed.scratch("build"), installed.scratch("host"));
        let configured = configure(&installed, &build, &[option]);
        assert!(configured.status.success(), "{}", text(&configured));
        run(cmake().arg("--build").arg(&build));
        let printed = run(Command::new(build.join("latency"))
            .arg(tiny_bundle())
            .args(["5", "cpu", "1", "spin"])
            .env("DLNMS_ONNXRUNTIME", onnxruntime()));
        assert!(
            printed.contains("infer") && printed.contains("Research use only"),
            "{printed}"
        );
        run(cmake()
            .arg("--install")
            .arg(&build)
            .arg("--prefix")
            .arg(&first));
        // The host, and nothing else, is carried to another machine.
        let host = installed.scratch("host elsewhere");
        std::fs::rename(&first, &host).unwrap();
        let hidden = installed.scratch("hidden");
        std::fs::rename(&installed.prefix, &hidden).unwrap();
        let printed = run(without_environment(&host.join("bin/minimal")).arg(tiny_bundle()));
        assert!(printed.contains("n1 0."), "{printed}");
        std::fs::rename(hidden, &installed.prefix).unwrap();
        std::fs::remove_dir_all(host).unwrap();
        std::fs::remove_dir_all(build).unwrap();
    }
}

#[test]
fn pkg_config_and_the_bare_compiler_build_hosts() {
    let installed = Installed::new(true);
    let build = |name: &str, flags: &[String]| {
        let program = installed.scratch(name);
        run(Command::new("gcc")
            .arg("-std=c99")
            .args(WARNINGS)
            .arg(example("minimal.c"))
            .args(flags)
            .arg("-o")
            .arg(&program));
        let cpp = installed.scratch(&format!("{name}-cpp"));
        run(Command::new("g++")
            .arg("-std=c++17")
            .args(WARNINGS)
            .arg(example("cancel.cpp"))
            .args(flags)
            .arg("-pthread")
            .arg("-o")
            .arg(&cpp));
        // With the static archive ONNX Runtime is looked for beside the program; here it is named.
        let printed = run(Command::new(cpp)
            .arg(tiny_bundle())
            .arg(installed.at("lib"))
            .env("LD_LIBRARY_PATH", installed.at("lib")));
        assert!(
            printed.contains("prepared after three cancelled tries"),
            "{printed}"
        );
        program
    };
    let word = |flag: &str, path: &str| format!("{flag}{}", installed.at(path).display());
    let shared = [
        word("-I", "include"),
        word("-L", "lib"),
        "-ldlnms".to_owned(),
    ];
    installed.score(&build("bare-shared", &shared));
    let mut archive = vec![word("-I", "include"), word("", "lib/libdlnms.a")];
    archive.extend(system_libraries());
    let program = build("bare-static", &archive);
    let needed = run(Command::new("readelf").arg("-d").arg(&program));
    assert!(!needed.contains("libdlnms"), "{needed}");

    if !support::tool("pkg-config") {
        return;
    }
    let flags = installed.pkg_config(&["--cflags", "--libs", "dlnms"]);
    installed.score(&build("pkg-config-shared", &flags));
    let flags = installed.pkg_config(&["--cflags", "--libs", "dlnms-static"]);
    let program = build("pkg-config-static", &flags);
    let needed = run(Command::new("readelf").arg("-d").arg(&program));
    assert!(!needed.contains("libdlnms"), "{needed}");
    let version = installed.pkg_config(&["--modversion", "dlnms"]);
    assert_eq!(version, [env!("CARGO_PKG_VERSION")]);
    // `--static` where the shared library is not installed.
    std::fs::remove_file(installed.at("lib/libdlnms.so")).unwrap();
    let flags = installed.pkg_config(&["--static", "--cflags", "--libs", "dlnms"]);
    build("pkg-config-static-only", &flags);
}

/// Every file and link below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().unwrap().map(|e| e.unwrap().path());
    let nested = entries.map(|path| {
        if path.is_dir() && !path.is_symlink() {
            files(&path)
        } else {
            vec![path]
        }
    });
    nested.flatten().collect()
}

fn contains(haystack: &[u8], needle: &str) -> bool {
    let mut windows = haystack.windows(needle.len());
    windows.any(|window| window == needle.as_bytes())
}

#[test]
fn the_tree_names_no_folder_of_the_machine_that_built_it() {
    let installed = Installed::new(true);
    let home = std::env::var("CARGO_HOME").unwrap_or(std::env::var("HOME").unwrap() + "/.cargo");
    let first = installed.scratch("first").display().to_string();
    let own = [
        root().display().to_string(),
        home,
        first,
        "index.crates.io".into(),
    ];
    for file in files(&installed.prefix) {
        if file.is_symlink() {
            let target = file.read_link().unwrap();
            assert!(target.is_relative() && file.exists(), "{}", file.display());
            continue;
        }
        let name = file.file_name().unwrap().to_str().unwrap();
        // What Microsoft built holds folders of Microsoft's machines.
        if name.starts_with("libonnxruntime") || name == "THIRD-PARTY-NOTICES.txt" {
            continue;
        }
        let content = std::fs::read(&file).unwrap();
        for folder in &own {
            assert!(
                !contains(&content, folder),
                "{} in {}",
                folder,
                file.display()
            );
        }
    }
}

/// What follows a word on its line of a tool's output.
fn after<'a>(output: &'a str, word: &str) -> &'a str {
    let found = output
        .lines()
        .find_map(|l| l.split_once(word).map(|(_, rest)| rest));
    found.unwrap_or_else(|| panic!("no {word:?} in {output}"))
}

#[test]
fn debug_information_lies_apart_and_belongs_to_what_it_describes() {
    let installed = Installed::new(false);
    let library = format!(
        "libdlnms.so.{}.{}",
        dlnms::ABI_VERSION,
        env!("CARGO_PKG_VERSION")
    );
    for (file, source) in [
        (installed.at("lib").join(library), "src/ffi/library.rs"),
        (installed.at("bin/dlnms"), "src/bin/dlnms/main.rs"),
    ] {
        let name = file.file_name().unwrap().to_str().unwrap();
        let debug = file.with_file_name(".debug").join(format!("{name}.debug"));
        let readelf = |option: &str, file: &Path| {
            run(Command::new("readelf").args(["--wide", option]).arg(file))
        };
        let sections = readelf("--sections", &file);
        assert!(sections.contains(".gnu_debuglink"), "{sections}");
        assert!(!sections.contains(".debug_line"), "{sections}");
        assert!(!sections.contains(".symtab"), "{sections}");
        let link = readelf("--string-dump=.gnu_debuglink", &file);
        assert!(link.contains(&format!("{name}.debug")), "{link}");
        let (ours, theirs) = (readelf("--notes", &file), readelf("--notes", &debug));
        assert_eq!(after(&ours, "Build ID:"), after(&theirs, "Build ID:"));
        let lines = readelf("--debug-dump=decodedline", &debug);
        assert!(lines.contains(source.rsplit('/').next().unwrap()), "{name}");
    }
    // An address of the stripped library leads to its source.
    let library = installed.at("lib/libdlnms.so").canonicalize().unwrap();
    let symbols = run(Command::new("nm").arg("-D").arg(&library));
    let line = symbols.lines().find(|l| l.contains(" dlnms_version@"));
    let address = line.unwrap().split(' ').next().unwrap();
    let name = library.file_name().unwrap().to_str().unwrap();
    let debug = installed.at(&format!("lib/.debug/{name}.debug"));
    let place = run(Command::new("addr2line").arg("-e").arg(debug).arg(address));
    assert!(place.contains("src/ffi/library.rs:"), "{place}");
}

#[test]
fn the_programs_and_documents_are_there() {
    let installed = Installed::new(true);
    let info = run(without_environment(&installed.at("bin/dlnms")).args(["info", "--json"]));
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    let found = info["onnxruntime"]["path"].as_str().unwrap();
    let beside = installed
        .at("lib/libonnxruntime.so")
        .canonicalize()
        .unwrap();
    assert_eq!(Path::new(found), beside);
    let help = run(Command::new(installed.at("bin/dlnms-bundle"))
        .arg("--help")
        .env("PATH", python_with_numpy()));
    assert!(help.contains("seeded") && help.contains("export"), "{help}");
    let abi = std::fs::read(installed.at("share/dlnms/abi.json")).unwrap();
    assert_eq!(
        abi,
        std::fs::read(root().join("tests/abi/abi.json")).unwrap()
    );
    let documents = installed.at("share/doc/dlnms");
    let notices = std::fs::read_to_string(documents.join("THIRD-PARTY-NOTICES.txt")).unwrap();
    for word in [
        "CharLS 2.",
        "Jan de Vaan and Victor Derks",
        "OpenJPEG 2.",
        "Universite catholique de Louvain",
        "jpeg-decoder ",
        "ONNX Runtime 1.",
        "Microsoft Corporation",
        "Rust standard library",
    ] {
        assert!(notices.contains(word), "{word}");
    }
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        let ours = std::fs::read(root().join(licence)).unwrap();
        assert_eq!(std::fs::read(documents.join(licence)).unwrap(), ours);
    }
}

/// PATH with the Python of target/venv first.
fn python_with_numpy() -> std::ffi::OsString {
    let path = std::env::var_os("PATH").unwrap();
    let folders = std::env::split_paths(&path).collect::<Vec<_>>();
    let own = root().join("target/venv/bin");
    std::env::join_paths([own].into_iter().chain(folders)).unwrap()
}

/// The list of software of unknown provenance is the one of these sources, and agrees with the bill of materials.
#[test]
fn the_soup_list_and_the_bill_of_materials_are_those_of_the_sources() {
    let wanted = run(Command::new("python3")
        .arg("-B")
        .arg(root().join("packaging/sbom.py")));
    let committed = support::committed("docs/SOUP.md", &wanted);
    assert!(
        committed == wanted,
        "docs/SOUP.md is stale: run `python3 packaging/sbom.py > docs/SOUP.md`"
    );
    let installed = Installed::new(false);
    let read = |name: &str| -> serde_json::Value {
        let file = installed.at("share/doc/dlnms").join(name);
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
    };
    let (cyclonedx, spdx) = (read("dlnms.cdx.json"), read("dlnms.spdx.json"));
    let named = |list: &serde_json::Value, version: &str| -> Vec<(String, String)> {
        let text = |v: &serde_json::Value| v.as_str().unwrap().to_owned();
        let list = list.as_array().unwrap().iter();
        list.map(|c| (text(&c["name"]), text(&c[version])))
            .collect()
    };
    let components = named(&cyclonedx["components"], "version");
    // SPDX lists the library itself too, as the first package.
    assert_eq!(
        components,
        named(&spdx["packages"], "versionInfo")[1..].to_vec()
    );
    for (name, version) in &components {
        let row = match name.as_str() {
            "Rust standard library" | "LLVM libc++, libc++abi and libunwind" => {
                format!("| [{name}](")
            }
            _ => format!("| {version} | "),
        };
        let rows = wanted
            .lines()
            .filter(|l| l.starts_with(&format!("| [{name}](")));
        assert!(rows.clone().any(|l| l.contains(&row)), "{name} {version}");
    }
    for name in [
        "CharLS",
        "OpenJPEG",
        "ONNX Runtime",
        "Rust standard library",
    ] {
        assert!(components.iter().any(|(n, _)| n == name), "{name}");
    }
}

/// What is installed by the real command lands under DESTDIR and the prefix, and nowhere else.
#[test]
fn make_install_honours_destdir_prefix_and_libdir() {
    let folder = tempfile::tempdir().unwrap();
    let stage = folder.path().join("stage");
    run(Command::new("make")
        .current_dir(root())
        .args(["--no-print-directory", "--old-file=product", "install"])
        .args(["PREFIX=/opt/dlnms", "LIBDIR=lib/x86_64-linux-gnu"])
        .arg(format!("PRODUCT={}", support::product().display()))
        .arg(format!("DESTDIR={}", stage.display()))
        .env_remove("MAKEFLAGS"));
    let at = |path: &str| stage.join("opt/dlnms").join(path);
    assert!(at("lib/x86_64-linux-gnu/libdlnms.so").exists());
    assert!(!at("lib/x86_64-linux-gnu/libonnxruntime.so").exists());
    assert_eq!(files(&stage).len(), files(&at("")).len());
    let mut command = cmake();
    command
        .arg("-S")
        .arg(root().join("cpp-example"))
        .arg("-B")
        .arg(folder.path().join("build"));
    command.arg(format!("-DCMAKE_PREFIX_PATH={}", at("").display()));
    // What CMake searches follows the compiler's machine; the folder is named in case it is another one.
    let config = at("lib/x86_64-linux-gnu/cmake/dlnms");
    let said = run(command.arg(format!("-Ddlnms_DIR={}", config.display())));
    assert!(said.contains("holds no ONNX Runtime"), "{said}");
    if support::tool("pkg-config") {
        let flags = run(Command::new("pkg-config")
            .args(["--variable=includedir", "dlnms"])
            .env("PKG_CONFIG_PATH", at("lib/x86_64-linux-gnu/pkgconfig")));
        let include = Path::new(flags.trim()).canonicalize().unwrap();
        assert_eq!(include, at("include").canonicalize().unwrap());
    }
}

#[test]
fn a_prefix_without_rights_and_a_missing_build_are_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o555)).unwrap();
    let refused = |mut command: Command, words: &[&str]| {
        let output = command.output().unwrap();
        let said = text(&output);
        assert!(!output.status.success(), "{said}");
        for word in words {
            assert!(said.contains(word), "{word} in {said}");
        }
        assert!(!said.contains("Traceback"), "{said}");
    };
    let prefix = closed.join("dlnms");
    // The system lets root write everywhere, unless it gives that right up.
    let mut command = match std::fs::metadata("/proc/self").unwrap() {
        me if std::os::unix::fs::MetadataExt::uid(&me) == 0 => {
            let mut command = Command::new("setpriv");
            command.arg("--bounding-set=-dac_override,-dac_read_search");
            command.args(["--inh-caps=-all", "python3", "-B"]);
            let inner = install(&prefix);
            command.args(inner.get_args().skip(1));
            command
        }
        _ => install(&prefix),
    };
    command.env("LC_ALL", "C");
    let name = prefix.display().to_string();
    refused(command, &[&name, "Permission denied", "is not complete"]);
    assert_eq!(closed.read_dir().unwrap().count(), 0);

    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let name = file.display().to_string();
    refused(install(&file.join("dlnms")), &[&name, "Not a directory"]);

    let mut command = Command::new("python3");
    command.arg("-B").arg(root().join("packaging/install.py"));
    command.arg("--built").arg(folder.path());
    command.arg("--prefix").arg(folder.path().join("prefix"));
    refused(
        command,
        &["build.json", "make product", "Nothing was installed"],
    );
    assert!(!folder.path().join("prefix").exists());
}

#[test]
fn cmake_names_what_an_incomplete_or_foreign_installation_lacks() {
    let installed = Installed::new(false);
    let refused = |options: &[&str], words: &[&str]| {
        let build = installed.scratch("build");
        let output = configure(&installed, &build, options);
        let said = text(&output);
        assert!(!output.status.success(), "{said}");
        for word in words {
            assert!(said.contains(word), "{word} in {said}");
        }
        std::fs::remove_dir_all(build).unwrap();
    };
    let foreign = [
        "-DCMAKE_SYSTEM_NAME=Linux",
        "-DCMAKE_SYSTEM_PROCESSOR=aarch64",
    ];
    refused(
        &foreign,
        &["is for Linux on x86_64, and this project for aarch64"],
    );
    std::fs::remove_file(installed.at("lib/libdlnms.a")).unwrap();
    let lacking = [
        "The installation is incomplete",
        "lib/libdlnms.a does not exist",
    ];
    refused(&["-DDLNMS_STATIC=ON"], &lacking);
    std::fs::remove_file(installed.at("include/dlnms.h")).unwrap();
    refused(
        &[],
        &[
            "The installation is incomplete",
            "include/dlnms.h does not exist",
        ],
    );
}

/// Which versions and components a project may ask for.
#[test]
fn cmake_components_and_versions() {
    let installed = Installed::new(false);
    let project = installed.scratch("project");
    std::fs::create_dir(&project).unwrap();
    let find = |arguments: &str, bits: &str, system: &str| {
        let lists = format!(
            "cmake_minimum_required(VERSION 3.16)\nproject(p LANGUAGES NONE)\nset(CMAKE_SIZEOF_VOID_P {bits})\n\
             find_package(dlnms {arguments} REQUIRED)\n\
             foreach(t dlnms::dlnms dlnms::static)\n  if(TARGET ${{t}})\n    message(STATUS \"has ${{t}}\")\n  endif()\nendforeach()\n"
        );
        std::fs::write(project.join("CMakeLists.txt"), lists).unwrap();
        let mut command = cmake();
        command
            .arg("-S")
            .arg(&project)
            .arg("-B")
            .arg(installed.scratch("build"));
        command.arg(format!(
            "-DCMAKE_PREFIX_PATH={}",
            installed.prefix.display()
        ));
        command.arg(format!("-DCMAKE_SYSTEM_NAME={system}"));
        let output = command.output().unwrap();
        std::fs::remove_dir_all(installed.scratch("build")).unwrap();
        (output.status.success(), text(&output))
    };
    let version = env!("CARGO_PKG_VERSION");
    let minor = version.rsplit_once('.').unwrap().0;
    for (arguments, targets) in [
        ("", &["has dlnms::dlnms", "has dlnms::static"][..]),
        ("COMPONENTS shared", &["has dlnms::dlnms"]),
        ("COMPONENTS static", &["has dlnms::static"]),
        (
            "COMPONENTS shared OPTIONAL_COMPONENTS python",
            &["has dlnms::dlnms"],
        ),
        (minor, &["has dlnms::dlnms"]),
        (&format!("{version} EXACT"), &["has dlnms::dlnms"]),
    ] {
        let (found, said) = find(arguments, "8", "Linux");
        assert!(found, "{arguments}: {said}");
        for target in targets {
            assert!(said.contains(target), "{arguments}: {said}");
        }
    }
    let (_, said) = find("COMPONENTS shared", "8", "Linux");
    assert!(!said.contains("has dlnms::static"), "{said}");
    for (arguments, bits, words) in [
        ("COMPONENTS python", "8", "There is no component python"),
        ("99.0", "8", "version: 0.1.0"),
        ("0.0.9", "8", "version: 0.1.0"),
        ("", "4", "this project has 32 bit"),
    ] {
        let (found, said) = find(arguments, bits, "Linux");
        assert!(!found && said.contains(words), "{arguments}: {said}");
    }
    let (found, said) = find("", "8", "Windows");
    assert!(
        !found && said.contains("and this project for Windows"),
        "{said}"
    );
}

/// ONNX Runtime of an installation: in a private folder, gone, a link to nothing, of another machine.
#[test]
fn a_damaged_onnx_runtime_of_an_installation_is_named() {
    let installed = Installed::new(true);
    let dlnms = || {
        let output = without_environment(&installed.at("bin/dlnms"))
            .args(["info", "--json"])
            .output()
            .unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    // The private folder of a distribution's package, beside the library.
    let program = installed.scratch("minimal");
    run(Command::new("gcc")
        .arg("-std=c99")
        .arg("-I")
        .arg(installed.at("include"))
        .arg(example("minimal.c"))
        .arg(installed.at("lib/libdlnms.so"))
        .arg("-o")
        .arg(&program));
    std::fs::create_dir(installed.at("lib/dlnms")).unwrap();
    let real = installed
        .at("lib/libonnxruntime.so")
        .canonicalize()
        .unwrap();
    let private = installed.at("lib/dlnms/libonnxruntime.so");
    std::fs::rename(&real, &private).unwrap();
    installed.score(&program);
    let hidden = installed.scratch("libonnxruntime.so");
    std::fs::rename(&private, &hidden).unwrap();

    // The link that stayed.
    let link = installed.at("lib/libonnxruntime.so");
    let said = dlnms();
    let words = format!(
        "{} is not an ONNX Runtime library: it is a link to {}, which does not exist",
        link.display(),
        real.display()
    );
    assert!(said.contains(&words), "{words} in {said}");
    std::fs::remove_file(&link).unwrap();
    let said = dlnms();
    assert!(said.contains("was not found; searched: "), "{said}");
    for place in ["bin", "bin/dlnms", "lib"] {
        let place = installed.at(place).join("libonnxruntime.so");
        assert!(said.contains(&place.display().to_string()), "{said}");
    }

    let mut foreign = std::fs::read(&hidden).unwrap();
    assert_eq!(foreign[18..20], [62, 0], "x86-64");
    foreign[18..20].copy_from_slice(&[183, 0]);
    std::fs::write(&link, foreign).unwrap();
    let said = dlnms();
    let words = "it is for AArch64 (64 bit), and this process is for x86-64 (64 bit)";
    assert!(said.contains(words), "{said}");
    assert!(said.contains(&link.display().to_string()), "{said}");
}
