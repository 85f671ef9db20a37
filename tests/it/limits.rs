//! Hosts under limits: forked processes, little memory, no threads, no descriptors, full quotas, small stacks, alarms. Each
//! call ends in success or in a status of its own, and nothing is written to standard output or standard error.

use crate::support::host::{Host, Link, host};
use crate::support::{bundle, dist, onnxruntime, run, skip, tiny_bundle};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::Command;

fn build(source: &str, out: &Path) -> PathBuf {
    Host {
        compiler: "gcc",
        standard: "gnu11",
        source: host(source),
        link: Link::Dynamic,
        flags: &[],
    }
    .build(out)
}

#[test]
fn forked_processes_leave_at_once_and_never_disturb_their_parent() {
    let out = tempfile::tempdir().unwrap();
    let fork = build("fork.c", out.path());
    for bundle in [tiny_bundle(), bundle()] {
        for threads in ["1", "2", "4"] {
            let printed = run(Command::new(&fork)
                .arg(&bundle)
                .arg(onnxruntime())
                .arg(threads)
                .arg(tempfile::tempdir_in(&out).unwrap().path().join("audit")));
            assert!(printed.is_empty(), "{threads} threads: {printed}");
        }
    }
}

/// Exit codes of tests/hosts/limits.c.
const SUCCEEDED: i32 = 0;
const REFUSED: i32 = 50;

/// A folder that anybody may read, with the host, the libraries, a bundle, a study and a volume.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::rename(build("limits.c", folder.path()), at("limits")).unwrap();
        std::fs::create_dir(at("bundle")).unwrap();
        for file in tiny_bundle().read_dir().unwrap().flatten() {
            std::fs::copy(file.path(), at("bundle").join(file.file_name())).unwrap();
        }
        let library = onnxruntime().join("libonnxruntime.so");
        std::fs::copy(library, at("libonnxruntime.so")).unwrap();
        let ours = format!("libdlnms.so.{}", dlnms::ABI_VERSION);
        std::fs::copy(dist().join("lib").join(&ours), at(&ours)).unwrap();
        run(Command::new(dist().join("bin/dlnms"))
            .arg("phantom")
            .arg("--out")
            .arg(at("study")));
        std::fs::rename(at("study/tumour_mask.nii.gz"), at("mask.nii.gz")).unwrap();
        run(Command::new("chmod")
            .args(["-R", "a+rX"])
            .arg(folder.path()));
        Self { folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The host with a limit; `within` is where it finds the folder.
    fn arguments(&self, limit: &str, value: u64, within: &Path) -> Vec<PathBuf> {
        let mut all = vec![PathBuf::from(limit), value.to_string().into()];
        let names = ["bundle", "libonnxruntime.so", "study", "mask.nii.gz"];
        all.extend(names.map(|name| within.join(name)));
        // A folder of each user's own: a cache is used only there.
        all.push(within.join("cache"));
        all
    }

    fn command(&self, limit: &str, value: u64) -> Command {
        let mut command = Command::new(self.at("limits"));
        command
            .args(self.arguments(limit, value, self.folder.path()))
            .env("LD_LIBRARY_PATH", self.folder.path());
        command
    }

    /// Runs the host and returns its exit code; it must have ended by itself and written nothing.
    fn run(command: &mut Command) -> i32 {
        let output = command.env_remove("RUST_BACKTRACE").output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let signal = output.status.signal();
        assert!(
            said.is_empty() && signal.is_none(),
            "{command:?}: {signal:?}: {said}"
        );
        let code = output.status.code().unwrap();
        assert!(
            [SUCCEEDED, REFUSED].contains(&code),
            "{command:?}: exit code {code}"
        );
        code
    }
}

#[test]
fn hosts_under_limits_get_a_result_or_a_status_and_everything_when_the_limit_is_gone() {
    let place = Place::new();
    let code = |limit, value| Place::run(&mut place.command(limit, value));
    assert_eq!(code("none", 0), SUCCEEDED);
    // The stated minimum of a calling thread's stack.
    assert_eq!(code("stack", 128), SUCCEEDED);
    // Reads and waits that end early because a signal came go on.
    for microseconds in [1000, 200] {
        assert_eq!(code("alarm", microseconds), SUCCEEDED);
    }
    // No file can be written, a file of a cache among them.
    assert_eq!(code("file-size", 0), SUCCEEDED);
    assert_eq!(code("descriptors", 3), REFUSED);
    for descriptors in [4, 5, 6, 7, 8, 10, 12, 16] {
        code("descriptors", descriptors);
    }
    assert_eq!(code("descriptors", 24), SUCCEEDED);
    assert_eq!(code("memory", 40), REFUSED);
    for mebibytes in (45..600).step_by(25) {
        code("memory", mebibytes);
    }
    assert_eq!(code("memory", 4000), SUCCEEDED);
}

/// A limit on processes counts all of a user, and root has none: so somebody else runs the host.
#[test]
fn hosts_that_get_no_threads_score_without_or_say_so() {
    const NOBODY: u32 = 65534;
    if run(Command::new("id").arg("-u")).trim() != "0" {
        return skip("a limit on processes", "needs root to become somebody else");
    }
    let place = Place::new();
    let cache = place.at("cache");
    std::fs::create_dir(&cache).unwrap();
    std::fs::set_permissions(&cache, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::os::unix::fs::chown(&cache, Some(NOBODY), Some(NOBODY)).unwrap();
    for processes in [0, 1, 2, 3, 4, 5, 6, 8] {
        let mut command = place.command("processes", processes);
        Place::run(command.uid(NOBODY).gid(NOBODY));
    }
}

/// Without a reserve the process ends at the first small allocation that fails.
#[test]
fn a_host_whose_memory_is_used_up_to_the_last_byte_gets_statuses_and_its_score_later() {
    let place = Place::new();
    let exhausted = build("exhausted.c", place.folder.path());
    for bundle in [tiny_bundle(), bundle()] {
        let printed = run(Command::new(&exhausted)
            .arg(bundle)
            .arg(place.at("libonnxruntime.so"))
            .arg(place.at("study"))
            .arg(place.at("mask.nii.gz")));
        assert!(printed.is_empty(), "{printed}");
    }
}

/// Files that a program needs to start, as the loader lists them.
fn loaded_files(program: &Path, libraries: &Path) -> Vec<PathBuf> {
    let listed = run(Command::new("ldd")
        .arg(program)
        .env("LD_LIBRARY_PATH", libraries));
    let words = listed.split_whitespace();
    words
        .filter(|w| w.starts_with('/'))
        .map(PathBuf::from)
        .collect()
}

#[test]
fn a_host_in_a_root_of_its_own_without_proc_and_sys_scores() {
    if run(Command::new("id").arg("-u")).trim() != "0" {
        return skip("chroot", "needs root");
    }
    let place = Place::new();
    let own = place.folder.path();
    let mut needed = loaded_files(&place.at("limits"), own);
    needed.extend(loaded_files(&place.at("libonnxruntime.so"), own));
    for file in needed.iter().filter(|f| !f.starts_with(own)) {
        let copy = own.join(file.strip_prefix("/").unwrap());
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        std::fs::copy(file, copy).unwrap();
    }
    let mut command = Command::new("chroot");
    command
        .arg(own)
        .arg("/limits")
        .args(place.arguments("none", 0, Path::new("/")))
        .env("LD_LIBRARY_PATH", "/");
    assert!(!own.join("proc").exists() && !own.join("sys").exists());
    assert_eq!(Place::run(&mut command), SUCCEEDED);
}
