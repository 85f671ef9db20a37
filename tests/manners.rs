//! How the library behaves in somebody else's process: memory, threads, signals, files, output.
#![allow(unsafe_code)] // a function of a preloaded library

mod support;

use dlnms::Error;
use dlnms::imaging::roi::Roi;
use dlnms::imaging::{DType, IDENTITY, ImageGrid, VolumeView};
use dlnms::runtime::Runtime;
use dlnms::runtime::provider::{Policy, Provider};
use dlnms::scorer::{CancelToken, Case, Queue, Scorer, ScorerOptions};
use std::process::Command;
use support::host::{Host, Link, c_compilers, example, host};
use support::{bundle, onnxruntime, root, run, skip, tiny_bundle, tool};

#[test]
fn every_mistake_of_a_host_is_a_clear_error_also_under_address_sanitizer() {
    let out = tempfile::tempdir().unwrap();
    for (c, _) in c_compilers() {
        for flags in [
            &[][..],
            &["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
        ] {
            let misuse = Host {
                compiler: c,
                standard: "c99",
                source: host("misuse.c"),
                link: Link::Dynamic,
                flags,
            }
            .build(out.path());
            run(Command::new(misuse)
                .arg(tiny_bundle())
                .arg(onnxruntime())
                .arg(out.path()));
        }
    }
}

#[test]
fn the_examples_are_clean_under_address_sanitizer() {
    let out = tempfile::tempdir().unwrap();
    let flags = &["-fsanitize=address"][..];
    let minimal = Host {
        compiler: "gcc",
        standard: "c99",
        source: example("minimal.c"),
        link: Link::Dynamic,
        flags,
    }
    .build(out.path());
    run(Command::new(minimal).arg(bundle()).arg(onnxruntime()));
    let cancel = Host {
        compiler: "g++",
        standard: "c++17",
        source: example("cancel.cpp"),
        link: Link::Dynamic,
        flags,
    }
    .build(out.path());
    run(Command::new(cancel).arg(bundle()).arg(onnxruntime()));
    if let Some(study) = support::shared("data/petct/a_paired/acrin042") {
        let score = Host {
            compiler: "g++",
            standard: "c++17",
            source: example("score.cpp"),
            link: Link::Dynamic,
            flags,
        }
        .build(out.path());
        run(Command::new(score)
            .arg("--center=-42.269,-14.623,-122.129")
            .arg("--bundle")
            .arg(bundle())
            .arg("--onnxruntime")
            .arg(onnxruntime())
            .arg(study.join("ct"))
            .arg(study.join("pet_ac")));
    }
}

#[test]
fn the_hosts_are_clean_under_valgrind() {
    if !tool("valgrind") {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let suppressions = format!("--suppressions={}", host("valgrind.supp").display());
    let valgrind = || {
        let mut c = Command::new("valgrind");
        c.args([
            "-q",
            "--error-exitcode=99",
            "--leak-check=full",
            "--show-leak-kinds=definite",
            "--errors-for-leak-kinds=definite",
        ])
        .arg(&suppressions);
        c
    };
    let build = |compiler, standard, source| {
        Host {
            compiler,
            standard,
            source,
            link: Link::Dynamic,
            flags: &[],
        }
        .build(out.path())
    };
    run(valgrind()
        .arg(build("gcc", "c99", host("misuse.c")))
        .arg(tiny_bundle())
        .arg(onnxruntime())
        .arg(out.path()));
    run(valgrind()
        .arg(build("gcc", "c99", example("minimal.c")))
        .arg(tiny_bundle())
        .arg(onnxruntime()));
    run(valgrind()
        .arg(build("g++", "c++17", example("cancel.cpp")))
        .arg(tiny_bundle())
        .arg(onnxruntime()));
}

#[test]
fn a_host_sees_nothing_on_stdout_stderr_or_in_its_signal_handlers() {
    let out = tempfile::tempdir().unwrap();
    let source = out.path().join("quiet.c");
    std::fs::write(&source, include_str!("hosts/quiet.c")).unwrap();
    let quiet = Host {
        compiler: "gcc",
        standard: "gnu11",
        source,
        link: Link::Dynamic,
        flags: &[],
    }
    .build(out.path());
    // A home of its own, and nothing that would make ONNX Runtime's telemetry keep still by itself.
    let home = out.path().join("home");
    std::fs::create_dir(&home).unwrap();
    let output = Command::new(quiet)
        .arg(tiny_bundle())
        .arg(onnxruntime())
        .env_clear()
        .env("HOME", &home)
        .env("XDG_CACHE_HOME", home.join("cache"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(
        output.stdout.is_empty() && output.stderr.is_empty(),
        "{output:?}"
    );
    let left: Vec<_> = home
        .read_dir()
        .unwrap()
        .flatten()
        .map(|e| e.path())
        .collect();
    assert!(
        left.is_empty(),
        "something was written below the home folder: {left:?}"
    );
}

#[test]
fn the_host_side_has_no_data_race_under_thread_sanitizer() {
    // The C++ side alone is instrumented: Rust's locks are futexes that the tool cannot see. On the Rust side safe code
    // cannot race; what is `Send` or `Sync` by our word instead of the compiler's is listed by the test below.
    let out = tempfile::tempdir().unwrap();
    let source = out.path().join("probe.c");
    std::fs::write(&source, "int main(void) { return 0; }\n").unwrap();
    let probe = Command::new("gcc")
        .arg("-fsanitize=thread")
        .arg(&source)
        .arg("-o")
        .arg(out.path().join("probe"))
        .output()
        .unwrap();
    if !probe.status.success()
        || !Command::new(out.path().join("probe"))
            .status()
            .is_ok_and(|s| s.success())
    {
        return skip("ThreadSanitizer", "does not run here");
    }
    let flags = &["-fsanitize=thread"][..];
    let threads = Host {
        compiler: "g++",
        standard: "c++17",
        source: host("threads.cpp"),
        link: Link::Dynamic,
        flags,
    }
    .build(out.path());
    let suppressions = out.path().join("tsan.supp");
    std::fs::write(
        &suppressions,
        "called_from_lib:libonnxruntime.so\ncalled_from_lib:libdlnms.so.1\n",
    )
    .unwrap();
    run(Command::new(threads)
        .arg(tiny_bundle())
        .arg(onnxruntime())
        .args(["2000", "1"])
        .env(
            "TSAN_OPTIONS",
            format!(
                "halt_on_error=1:report_mutex_bugs=0:suppressions={}",
                suppressions.display()
            ),
        ));
}

#[test]
fn two_types_alone_are_sent_between_threads_by_our_own_word() {
    let mut found = Vec::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for path in folder.read_dir().unwrap().flatten().map(|e| e.path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let by_word = text
                .lines()
                .filter(|l| l.contains("unsafe impl Send") || l.contains("unsafe impl Sync"));
            found.extend(by_word.map(|l| l.trim().to_owned()));
        }
    }
    found.sort();
    // The host's user_data, of which the header says from which threads it is used; and the C structs of a study, whose
    // pointers lead into what they are stored with.
    assert_eq!(
        found,
        [
            "unsafe impl Send for LoadedStudy {}",
            "unsafe impl Send for UserData {}",
            "unsafe impl Sync for LoadedStudy {}",
            "unsafe impl Sync for UserData {}"
        ]
    );
}

/// Stands before libc's function: so many threads may still be made, all if it is negative.
const REFUSES_THREADS: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
static int left = -1;
void dlnms_test_threads_left(int n) { __atomic_store_n(&left, n, __ATOMIC_SEQ_CST); }
int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *p) {
    int now = __atomic_load_n(&left, __ATOMIC_SEQ_CST);
    if (now == 0) return EAGAIN;
    if (now > 0) __atomic_sub_fetch(&left, 1, __ATOMIC_SEQ_CST);
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = dlsym(RTLD_NEXT, "pthread_create");
    return real(t, a, f, p);
}
"#;

const SMALL: usize = 60;

fn voxels() -> Vec<u8> {
    (0..SMALL.pow(3)).map(|n| (n % 97) as u8).collect()
}

fn small_case(voxels: &[u8]) -> Case<'_> {
    let geometry = ImageGrid {
        dims: [SMALL; 3],
        origin: [-90.0; 3],
        spacing: [3.0; 3],
        direction: IDENTITY,
        slice_offsets: None,
    };
    let view = |name| VolumeView::packed(voxels, DType::U8, geometry, name).unwrap();
    Case::new(view("ct"), view("pet"), Roi::Point([0.0; 3]))
}

/// Set for a test that runs in a process of its own.
const ALONE: &str = "DLNMS_TEST_ALONE";

/// This test by name, in a process of its own.
fn alone(test: &str) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args([test, "--exact", "--nocapture", "--test-threads=1"]);
    child.env(ALONE, "1");
    child
}

/// Runs a test in a process of its own; returns what that printed.
fn run_alone(test: &str) -> String {
    let output = alone(test).output().unwrap();
    let texts = [&output.stdout, &output.stderr].map(|t| String::from_utf8_lossy(t).into_owned());
    assert!(output.status.success(), "{}\n{}", texts[0], texts[1]);
    texts[0].clone()
}

#[test]
fn a_thread_that_the_system_refuses_costs_time_or_is_a_status_that_can_be_tried_again() {
    // SAFETY: a question to the loader.
    let preloaded = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"dlnms_test_threads_left".as_ptr()) };
    if !preloaded.is_null() {
        // SAFETY: the function of the source above.
        let allow =
            unsafe { std::mem::transmute::<*mut libc::c_void, extern "C" fn(i32)>(preloaded) };
        return without_threads(&|left| allow(left));
    }
    let out = tempfile::tempdir().unwrap();
    let (source, library) = (out.path().join("refuses.c"), out.path().join("refuses.so"));
    std::fs::write(&source, REFUSES_THREADS).unwrap();
    let mut compile = Command::new("cc");
    run(compile
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source]));
    let test = "a_thread_that_the_system_refuses_costs_time_or_is_a_status_that_can_be_tried_again";
    let output = alone(test).env("LD_PRELOAD", &library).output().unwrap();
    let texts = [&output.stdout, &output.stderr].map(|t| String::from_utf8_lossy(t).into_owned());
    assert!(output.status.success(), "{}\n{}", texts[0], texts[1]);
    assert_eq!(texts[1], "", "nothing is written to stderr");
    println!("{}", texts[0]);
}

fn without_threads(allow: &dyn Fn(i32)) {
    allow(0);
    let runtime = Runtime::load(Some(&onnxruntime())).unwrap();
    let open = |threads| {
        let options = ScorerOptions {
            policy: Policy::strict(Provider::Cpu),
            threads,
            ..ScorerOptions::default()
        };
        Scorer::new(runtime, &bundle(), options).unwrap()
    };
    let voxels = voxels();
    let mut case = small_case(&voxels);
    case.references = Some(Default::default());
    let none = CancelToken::default();

    // One thread: it prepares with one of its own, and needs no pool.
    let single = open(1);
    let refused = single.prepare(None, &none).unwrap_err();
    assert!(matches!(refused, Error::Resources(_)), "{refused}");
    assert!(
        refused.to_string().contains("a thread to prepare with"),
        "{refused}"
    );
    allow(1);
    let truth = single.score(&case, &none).unwrap();

    // Four: whatever is refused while it prepares, it is prepared as it would be or can be tried again.
    let shared = open(4);
    let mut refusals = 0;
    for left in 0.. {
        allow(left);
        match shared.prepare(None, &none) {
            Err(Error::Resources(why)) => {
                println!("{left} threads: {why}");
                refusals += 1;
            }
            outcome => {
                outcome.unwrap();
                break;
            }
        }
        assert!(left < 16);
    }
    assert!(refusals >= 4, "{refusals}");
    let (here, there) = (shared.engine().unwrap(), single.engine().unwrap());
    assert_eq!(
        (here.kernels, here.precision),
        (there.kernels, there.precision)
    );
    assert_eq!(here.passed_over.len(), there.passed_over.len());

    // Prepared, it needs none: batches, planes and reference regions are computed by the thread that asks.
    allow(0);
    assert_eq!(shared.score(&case, &none).unwrap().heads, truth.heads);
    for outcome in shared.score_batch(&[case; 5], &none).unwrap() {
        assert_eq!(outcome.unwrap().heads, truth.heads);
    }
    let refused = Queue::new(4, 2).map(drop).unwrap_err();
    assert!(matches!(refused, Error::Resources(_)), "{refused}");
    allow(1);
    let queue = Queue::new(4, 2).unwrap();
    let (done, told) = std::sync::mpsc::channel();
    let task = || {
        Ok(dlnms::scorer::Task {
            cancel: none.clone(),
            work: Box::new(move || done.send(()).unwrap()),
        })
    };
    queue.submit(task).unwrap();
    told.recv_timeout(std::time::Duration::from_secs(10))
        .unwrap();
    allow(-1);
}

/// Threads of this process by name; those that the library makes begin with its own.
fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    // A thread may end while it is looked at.
    let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).ok();
    tasks
        .filter_map(name)
        .map(|n| n.trim().to_owned())
        .collect()
}

/// The most threads that the process has at once during `work`, beyond those it has before and the one that looks.
fn most_threads(work: impl FnOnce()) -> usize {
    let before = threads().len();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let look = || {
            let mut most = 0;
            while !done.load(std::sync::atomic::Ordering::Acquire) {
                most = most.max(threads().len());
            }
            most
        };
        let looks = scope.spawn(look);
        std::thread::sleep(std::time::Duration::from_millis(20));
        work();
        done.store(true, std::sync::atomic::Ordering::Release);
        looks.join().unwrap().saturating_sub(before + 1)
    })
}

#[test]
fn threads_caps_prepare_single_calls_batches_and_reference_regions() {
    if std::env::var_os(ALONE).is_none() {
        let test = "threads_caps_prepare_single_calls_batches_and_reference_regions";
        print!("{}", run_alone(test));
        return;
    }
    let runtime = Runtime::load(Some(&onnxruntime())).unwrap();
    let (voxels, none) = (voxels(), CancelToken::default());
    let mut case = small_case(&voxels);
    case.references = Some(Default::default());
    for n in [1, 2, 3] {
        let options = ScorerOptions {
            policy: Policy::strict(Provider::Cpu),
            threads: n,
            ..ScorerOptions::default()
        };
        let scorer = Scorer::new(runtime, &bundle(), options).unwrap();
        // The calling thread only waits for the one that prepares. Beside that is another for the weights or the network's pool.
        let preparing = most_threads(|| scorer.prepare(None, &none).unwrap());
        // The pool sleeps meanwhile: planes and regions come before the network.
        let one = most_threads(|| drop(scorer.score(&case, &none).unwrap()));
        let many = most_threads(|| drop(scorer.score_batch(&[case; 9], &none).unwrap()));
        println!("{n} threads: prepare made {preparing}, a call {one}, a batch {many}");
        assert!(preparing <= n.max(1), "{preparing} of {n}");
        assert!(one < n && many < n, "{one} and {many} of {n}");
    }
}

/// Lines of the library's log.
static LINES: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());

struct Listener;

impl log::Log for Listener {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {} {}", record.level(), record.target(), record.args());
        LINES.lock().unwrap().push(line);
    }
    fn flush(&self) {}
}

#[test]
fn the_log_has_one_line_for_each_case_scored_or_refused_and_nothing_is_written_without_proc() {
    let test =
        "the_log_has_one_line_for_each_case_scored_or_refused_and_nothing_is_written_without_proc";
    if std::env::var_os(ALONE).is_none() {
        run_alone(test);
        // ONNX Runtime complains of the missing /proc/cpuinfo on standard error, by itself.
        let program = std::env::current_exe().unwrap();
        let hidden = |flags: &str, command: &str| {
            let script = format!("mount -t tmpfs none /proc && {command}");
            let mut child = Command::new("unshare");
            child
                .args([flags, "sh", "-c", &script])
                .arg(&program)
                .arg(test);
            child.env(ALONE, "1").output()
        };
        let possible = |flags: &&str| hidden(flags, "true").is_ok_and(|o| o.status.success());
        let Some(flags) = ["-m", "-rm"].into_iter().find(possible) else {
            println!("*** NOT TESTED HERE: a process without /proc: it may not be made ***");
            return;
        };
        let command = "exec \"$0\" \"$1\" --exact --nocapture --test-threads=1";
        let output = hidden(flags, command).unwrap();
        let texts =
            [&output.stdout, &output.stderr].map(|t| String::from_utf8_lossy(t).into_owned());
        assert!(output.status.success(), "{}\n{}", texts[0], texts[1]);
        assert_eq!(texts[1], "", "nothing is written to stderr");
        return;
    }
    log::set_logger(&Listener).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let runtime = Runtime::load(Some(&onnxruntime())).unwrap();
    let (voxels, none) = (voxels(), CancelToken::default());
    let case = small_case(&voxels);
    let mut outside = case;
    outside.roi = Roi::Point([1e6; 3]);
    let options = ScorerOptions {
        policy: Policy::strict(Provider::Cpu),
        ..ScorerOptions::default()
    };
    let scorer = Scorer::new(runtime, &tiny_bundle(), options).unwrap();
    let lines = || -> Vec<String> {
        let all = std::mem::take(&mut *LINES.lock().unwrap());
        let of_scorer = |l: &String| l.contains("dlnms::scorer");
        all.into_iter().filter(of_scorer).collect()
    };
    scorer.score(&case, &none).unwrap();
    let scored = lines();
    assert_eq!(scored.len(), 1, "{scored:?}");
    let begins = "INFO dlnms::scorer case scored by cpu in fp32 with kernels of onnxruntime in ";
    assert!(
        scored[0].starts_with(begins) && scored[0].ends_with(" findings"),
        "{scored:?}"
    );
    scorer.score(&outside, &none).unwrap_err();
    let refused = lines();
    assert_eq!(refused.len(), 1, "{refused:?}");
    let begins = "INFO dlnms::scorer case refused: roi: the centre (1000000.00, ";
    assert!(refused[0].starts_with(begins), "{refused:?}");
    scorer.score_batch(&[case, outside, case], &none).unwrap();
    let batch = lines();
    assert_eq!(batch.len(), 3, "{batch:?}");
    assert_eq!(
        batch.iter().filter(|l| l.contains("case refused")).count(),
        1
    );
}
