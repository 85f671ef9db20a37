//! Files that cannot be read, or never end: named, and not waited for.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use support::shared;

/// A FIFO that nobody writes to.
fn pipe(path: &Path) -> PathBuf {
    support::run(Command::new("mkfifo").arg(path));
    path.to_path_buf()
}

#[test]
fn pipes_devices_and_broken_disks_are_named_and_not_waited_for() {
    let out = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let link = |to: &str, name: &str| {
        std::os::unix::fs::symlink(to, out.path().join(name)).unwrap();
        out.path().join(name)
    };
    // The first page of a process cannot be read: an I/O error in the middle of an open file, even for root.
    let broken = link("/proc/self/mem", "broken.dcm");
    let message = |e: dlnms::Error| e.to_string();
    let found = message(support::inspect(std::slice::from_ref(&broken)).unwrap_err());
    assert!(found.contains("broken.dcm"), "{found}");
    pipe(&out.path().join("pipe.dcm"));
    link("/dev/zero", "zero.dcm");
    let found = message(support::inspect(&[out.path().to_path_buf()]).unwrap_err());
    assert!(!found.contains("zero.dcm"), "a device is no file: {found}");
    for name in ["p.nii", "p.nii.gz", "p.nrrd"] {
        let found = message(dlnms::files::read(&pipe(&out.path().join(name))).unwrap_err());
        assert!(found.contains("it is not a file"), "{found}");
        let zero = link("/dev/zero", &format!("zero{}", &name[1..]));
        let found = message(dlnms::files::read(&zero).unwrap_err());
        assert!(found.contains("it is not a file"), "{found}");
    }
    let header = out.path().join("d.nhdr");
    std::fs::write(&header, "NRRD0004\ntype: short\ndata file: p.nii\n\n").unwrap();
    let found = message(dlnms::files::read(&header).unwrap_err());
    assert!(found.contains("data file: it is not a file"), "{found}");
    pipe(&out.path().join("manifest.json"));
    let found = message(dlnms::bundle::Bundle::open(out.path()).err().unwrap());
    assert!(found.contains("it is not a file"), "{found}");
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn files_without_permission_are_named() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let Some(data) = shared("data/petct/a_paired/acrin042/pet_ac") else {
        return;
    };
    let out = tempfile::tempdir().unwrap();
    let allow = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap()
    };
    allow(out.path(), 0o755);
    let study = out.path().join("study");
    std::fs::create_dir_all(study.join("locked")).unwrap();
    for (n, file) in data.read_dir().unwrap().flatten().take(3).enumerate() {
        let copy = study.join(format!("{n}.dcm"));
        std::fs::copy(file.path(), &copy).unwrap();
        allow(&copy, if n == 1 { 0o000 } else { 0o644 });
    }
    allow(&study.join("locked"), 0o000);
    // Root may read everything, so the program runs as somebody else; from where that somebody may run it.
    let program = out.path().join("dlnms");
    std::fs::copy(env!("CARGO_BIN_EXE_dlnms"), &program).unwrap();
    let mut command = Command::new(program);
    command.arg("inspect").arg(&study).arg("--json");
    let root = support::run(Command::new("id").arg("-u")).trim() == "0";
    if root {
        command.uid(65534).gid(65534);
    }
    let output = command.output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| {
        panic!("{e}: {}", String::from_utf8_lossy(&output.stderr));
    });
    let text = json["warnings"].to_string();
    assert!(
        text.contains("1.dcm") && text.contains("permission denied"),
        "{json:#}"
    );
    assert!(
        text.contains("the folder locked cannot be read"),
        "{json:#}"
    );
    assert!(!text.contains(study.to_str().unwrap()), "{text}");
    let mut all = Command::new(env!("CARGO_BIN_EXE_dlnms"));
    let missing = all.args(["inspect", "/nowhere/Doe^Jane"]).output().unwrap();
    assert!(!String::from_utf8_lossy(&missing.stderr).contains("/nowhere"));
    allow(&study.join("locked"), 0o755);
}
