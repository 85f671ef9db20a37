//! The threads that the library makes: no more than `threads` allows, and what happens when the system refuses one.
#![allow(unsafe_code)] // a function of a preloaded library

use crate::own_process::{self, pass, test_name};
use crate::small_case::{small_case, voxels};
use crate::support::{bundle, onnxruntime, run};
use dlnms::Error;
use dlnms::runtime::Runtime;
use dlnms::runtime::provider::{Policy, Provider};
use dlnms::scorer::{CancelToken, Queue, Scorer, ScorerOptions};
use std::process::Command;

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
    let test = test_name!(
        a_thread_that_the_system_refuses_costs_time_or_is_a_status_that_can_be_tried_again
    );
    let [printed, errors] = pass(own_process::command(test).env("LD_PRELOAD", &library));
    assert_eq!(errors, "", "nothing is written to stderr");
    println!("{printed}");
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
    assert_eq!(here.skipped_providers.len(), there.skipped_providers.len());

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
    let test = test_name!(threads_caps_prepare_single_calls_batches_and_reference_regions);
    if !own_process::body_runs_here(test) {
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
