//! Files that `dlnms score` and `dlnms explain` write: whole, or the old one stays.

use crate::support::{onnxruntime, phantom, tiny_bundle};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A study of the program's own in a folder of its own.
struct Study {
    folder: tempfile::TempDir,
}

impl Study {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        phantom(folder.path());
        std::fs::create_dir(folder.path().join("out")).unwrap();
        Self { folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command in a shell that sets a limit first. A full disk sends no signal.
    fn after(&self, limit: &str, command: &str, options: &[&str]) -> Output {
        let script = format!("trap '' XFSZ; {limit}; exec \"$0\" \"$@\"");
        Command::new("bash")
            .args(["-c", &script, env!("CARGO_BIN_EXE_dlnms"), command])
            .args([
                "study",
                "--center=-82,-12,46.5",
                "--provider",
                "cpu",
                "--bundle",
            ])
            .arg(tiny_bundle())
            .args(options)
            .env("DLNMS_ONNXRUNTIME", onnxruntime())
            .current_dir(&self.folder)
            .output()
            .unwrap()
    }
}

fn entries(folder: &Path) -> Vec<String> {
    let names = folder.read_dir().unwrap().flatten();
    let mut names: Vec<_> = names
        .map(|e| e.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_full_disk_leaves_the_file_that_was_there() {
    let study = Study::new();
    for (command, options) in [
        ("score", &["--json", "out/result"][..]),
        ("score", &["--html", "out/result"]),
        ("explain", &["--json", "out/result"]),
    ] {
        let file = study.at("out/result");
        std::fs::write(&file, "an earlier result").unwrap();
        let done = study.after("ulimit -f 2", command, options);
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(said.contains("cannot write out/result"), "{said}");
        assert!(said.contains("File too large"), "{said}");
        assert_eq!(std::fs::read(&file).unwrap(), b"an earlier result");
        // Nothing that was begun stays beside it, and nothing is begun where there was no file.
        assert_eq!(entries(&study.at("out")), ["result"]);
        std::fs::remove_file(&file).unwrap();
        assert!(
            !study
                .after("ulimit -f 2", command, options)
                .status
                .success()
        );
        assert!(entries(&study.at("out")).is_empty());
        let done = study.after("true", command, options);
        assert!(done.status.success());
        assert!(std::fs::metadata(&file).unwrap().len() > 4096);
    }
}

#[test]
fn links_lead_on_and_permissions_and_devices_stay() {
    let study = Study::new();
    let json = ["--json", "out/result"];
    // A link keeps leading to its file, which keeps its permissions.
    std::fs::write(study.at("real"), "an earlier result").unwrap();
    let mode = |mode| std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(study.at("real"), mode(0o640)).unwrap();
    symlink("../real", study.at("out/result")).unwrap();
    assert!(study.after("true", "score", &json).status.success());
    assert!(study.at("out/result").is_symlink());
    let written = std::fs::read_to_string(study.at("real")).unwrap();
    assert!(written.starts_with("{\n"), "{written}");
    let kept = std::fs::metadata(study.at("real")).unwrap().permissions();
    assert_eq!(kept.mode() & 0o777, 0o640);
    // A device is written to, and stays one.
    let done = study.after("true", "score", &["--json", "/dev/stdout"]);
    assert!(done.status.success());
    assert!(done.stdout.starts_with(b"{\n"));
    let done = study.after("true", "score", &["--json", "/dev/full"]);
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(
        said.contains("cannot write /dev/full: No space left"),
        "{said}"
    );
    assert!(!std::fs::metadata("/dev/full").unwrap().is_file());
    // A folder and a folder that does not exist.
    for (path, words) in [("out", "Is a directory"), ("none/result", "No such file")] {
        let done = study.after("true", "score", &["--json", path]);
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(said.contains(words), "{path}: {said}");
    }
    assert_eq!(entries(&study.at("out")), ["result"]);
}
