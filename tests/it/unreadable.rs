//! Files that cannot be read, or never end: named, and not waited for.

use crate::support;
use crate::support::shared;
use crate::support::watchdog::Watchdog;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A FIFO that nobody writes to.
fn pipe(path: &Path) -> PathBuf {
    support::run(Command::new("mkfifo").arg(path));
    path.to_path_buf()
}

#[test]
fn pipes_devices_and_broken_disks_are_named_and_not_waited_for() {
    let out = tempfile::tempdir().unwrap();
    let _watchdog = Watchdog::new("pipes, devices and broken disks");
    let link = |to: &str, name: &str| {
        std::os::unix::fs::symlink(to, out.path().join(name)).unwrap();
        out.path().join(name)
    };
    // The first page of a process cannot be read: an I/O error in the middle of an open file, even for root.
    let broken = link("/proc/self/mem", "broken.dcm");
    let message = |e: dlnms::Error| e.to_string();
    let found = message(support::inspect(std::slice::from_ref(&broken)).unwrap_err());
    assert!(found.contains("broken.dcm"), "{found}");
    let fifo = pipe(&out.path().join("pipe.dcm"));
    let found = message(support::inspect(&[fifo]).unwrap_err());
    assert!(
        found.contains("pipe.dcm is neither a file nor a folder"),
        "{found}"
    );
    link("/dev/zero", "zero.dcm");
    let found = message(support::inspect(&[out.path().to_path_buf()]).unwrap_err());
    assert!(!found.contains("zero.dcm"), "a device is no file: {found}");
    for name in ["p.nii", "p.nii.gz", "p.nrrd"] {
        let found = message(dlnms::readers::read(&pipe(&out.path().join(name))).unwrap_err());
        assert!(found.contains("it is not a file"), "{found}");
        let zero = link("/dev/zero", &format!("zero{}", &name[1..]));
        let found = message(dlnms::readers::read(&zero).unwrap_err());
        assert!(found.contains("it is not a file"), "{found}");
    }
    let header = out.path().join("d.nhdr");
    std::fs::write(&header, "NRRD0004\ntype: short\ndimension: 3\nspace: LPS\nsizes: 2 2 2\nspace directions: (1,0,0) (0,1,0) (0,0,1)\n\
         endian: little\nencoding: raw\nspace origin: (0,0,0)\ndata file: p.nii\n\n").unwrap();
    let found = message(dlnms::readers::read(&header).unwrap_err());
    assert!(found.contains("data file: it is not a file"), "{found}");
    pipe(&out.path().join("manifest.json"));
    let found = message(
        dlnms::bundle::Bundle::open(out.path(), &Default::default())
            .err()
            .unwrap(),
    );
    assert!(found.contains("it is not a file"), "{found}");
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
        text.contains("DICOM: file 2: permission denied"),
        "{json:#}"
    );
    assert!(
        text.contains("a folder inside the given one cannot be read"),
        "{json:#}"
    );
    assert!(
        !text.contains("1.dcm") && !text.contains("locked"),
        "{text}"
    );
    command.arg("--verbose-names");
    let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(text.contains("1.dcm: permission denied"), "{text}");
    assert!(text.contains("the folder locked cannot be read"), "{text}");
    assert!(!text.contains(study.to_str().unwrap()), "{text}");
    let mut all = Command::new(env!("CARGO_BIN_EXE_dlnms"));
    let missing = all.args(["inspect", "/nowhere/Doe^Jane"]).output().unwrap();
    assert!(!String::from_utf8_lossy(&missing.stderr).contains("/nowhere"));
    allow(&study.join("locked"), 0o755);
}

/// Runs the program under limits of the shell.
fn limited(limits: &str, arguments: &[&std::ffi::OsStr]) -> std::process::Output {
    let mut shell = Command::new("sh");
    let script = format!("{limits} || exit 99; exec \"$0\" \"$@\"");
    shell
        .args(["-c", &script])
        .arg(env!("CARGO_BIN_EXE_dlnms"))
        .args(arguments);
    shell.output().unwrap()
}

#[test]
fn names_of_files_inside_folders_are_said_only_where_they_are_asked_for() {
    let Some(data) = shared("data/petct/a_paired/acrin042") else {
        return;
    };
    let out = tempfile::tempdir().unwrap();
    let study = out.path().join("Doe^Jane 19500101");
    std::fs::create_dir(&study).unwrap();
    let contours = data.join("derived/rtstruct_tumour_suv4_on_ct.dcm");
    std::fs::copy(contours, study.join("Doe^Jane contours.dcm")).unwrap();
    let mut slices: Vec<PathBuf> = data
        .join("ct")
        .read_dir()
        .unwrap()
        .flatten()
        .map(|e| e.path())
        .collect();
    slices.sort();
    for (n, slice) in slices.iter().take(12).enumerate() {
        std::fs::copy(slice, study.join(format!("Doe^Jane {n:03}.dcm"))).unwrap();
    }
    // A slice that is missing, and one whose pixels break off.
    std::fs::remove_file(study.join("Doe^Jane 005.dcm")).unwrap();
    let cut = std::fs::read(&slices[20]).unwrap();
    std::fs::write(study.join("Doe^Jane cut.dcm"), &cut[..3000]).unwrap();
    let said = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dlnms"));
        let output = command
            .arg("inspect")
            .arg(&study)
            .args(arguments)
            .output()
            .unwrap();
        [output.stdout, output.stderr]
            .map(|b| String::from_utf8(b).unwrap())
            .concat()
    };
    for arguments in [&[][..], &["--json"]] {
        let text = said(arguments);
        assert!(!text.contains("Doe") && !text.contains(".dcm"), "{text}");
        // The twelfth and thirteenth of `find -L FOLDER -type f | LC_ALL=C sort`.
        assert!(
            text.contains("file 13") && text.contains("file 12"),
            "{text}"
        );
        let text = said(&[arguments, &["--verbose-names"]].concat());
        assert!(text.contains("Doe^Jane contours.dcm"), "{text}");
        assert!(!text.contains("19500101"), "a folder's name: {text}");
    }
}

#[test]
fn a_lack_of_file_descriptors_is_named_and_can_be_tried_again() {
    let Some(data) = shared("data/petct/a_paired/acrin042/ct") else {
        return;
    };
    let inspect = |limits: &str| limited(limits, &["inspect".as_ref(), data.as_os_str()]);
    // Standard streams, and one for whoever is first: the folder's own.
    let output = inspect("ulimit -n 4");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("too many open files (EMFILE)"), "{text}");
    assert!(!text.contains("none of"), "{text}");
    let output = inspect("ulimit -n 64");
    assert!(output.status.success(), "{output:?}");
}

/// Whether a run of the program ended well. A refusal says what it lacks; a signal is a defect, whatever the limit.
fn ended_well(limits: &str, arguments: &[&std::ffi::OsStr]) -> bool {
    let output = limited(limits, arguments);
    let text = String::from_utf8_lossy(&output.stderr);
    let what = format!(
        "{:?} under {limits}: {}: {text}",
        arguments[0], output.status
    );
    match output.status.code() {
        Some(0) => true,
        Some(1) => {
            let lacks = ["out of memory", "the system refused a resource"];
            assert!(lacks.iter().any(|l| text.contains(l)), "{what}");
            false
        }
        // ONNX Runtime could not be loaded, or had too little for the model.
        Some(3) if text.contains("error: ") => false,
        _ => panic!("{what}"),
    }
}

#[test]
fn little_memory_is_a_status_and_never_a_signal() {
    let Some(data) = shared("data/petct/a_paired/acrin042") else {
        return;
    };
    let bundle = support::tiny_bundle();
    let out = tempfile::tempdir().unwrap();
    let prefix = out.path().join("planes");
    let contours = data.join("derived/rtstruct_tumour_suv4_on_ct.dcm");
    let [ct, pet, compressed] =
        ["ct", "pet_ac", "../../c_ct/transfer_syntaxes_ct1_ge"].map(|f| data.join(f));
    let study = [ct.as_os_str(), pet.as_os_str()];
    let center = "--center=-42.3,-14.6,-122.1";
    let bundle = ["--bundle".as_ref(), bundle.as_os_str(), center.as_ref()];
    let mut inspect: Vec<&std::ffi::OsStr> = vec!["inspect".as_ref()];
    inspect.extend(study);
    inspect.extend([contours.as_os_str(), compressed.as_os_str()]);
    let mut planes: Vec<&std::ffi::OsStr> = vec!["planes".as_ref()];
    planes.extend([&study[..], &bundle].concat());
    planes.extend(["--out".as_ref(), prefix.as_os_str()]);
    let mut score: Vec<&std::ffi::OsStr> = vec!["score".as_ref()];
    score.extend([&study[..], &bundle].concat());
    let mut refused = 0;
    // Every few megabytes where reading and measuring lack memory, then where the network does.
    for kilobytes in (40_000..=260_000)
        .step_by(20_000)
        .chain((300_000..=700_000).step_by(100_000))
    {
        let limits = format!("ulimit -v {kilobytes}");
        if !limited(&limits, &["--version".as_ref()]).status.success() {
            continue; // not even the program itself
        }
        let ended = [&inspect, &planes, &score].map(|arguments| ended_well(&limits, arguments));
        refused += ended.iter().filter(|well| !**well).count();
    }
    println!("{refused} runs refused");
    assert!(refused > 0);
    for arguments in [&inspect, &planes, &score] {
        assert!(
            ended_well("ulimit -v 8000000", arguments),
            "{:?}",
            arguments[0]
        );
    }
}
