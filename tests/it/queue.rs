//! The queue, from C++: see tests/hosts/queue.cpp; and waiting where nobody can wait, from the C functions.
#![allow(unsafe_code)] // calls of the C ABI

use crate::support;
use crate::support::host::{Host, Link};
use crate::support::watchdog::Watchdog;
use crate::support::{bundle, onnxruntime, root, run};
use dlnms::error::status::*;
use dlnms::ffi::*;
use std::ffi::{CString, c_void};
use std::mem::zeroed;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicUsize, Ordering};
use std::time::Duration;

#[test]
fn a_host_scores_without_waiting() {
    let out = tempfile::tempdir().unwrap();
    let host = |flags| Host {
        compiler: "g++",
        standard: "c++17",
        source: root().join("tests/hosts/queue.cpp"),
        link: Link::Static,
        flags,
    };
    let program = host(&[]).build(out.path());
    println!(
        "{}",
        run(Command::new(program).arg(bundle()).arg(onnxruntime()))
    );
    // Again under AddressSanitizer: jobs, closures and voxels that outlive one another.
    let program = host(&["-fsanitize=address"]).build(out.path());
    run(Command::new(program)
        .arg(bundle())
        .arg(onnxruntime())
        // ONNX Runtime keeps its environment for ever; the objects of this library are counted by the host.
        .env("ASAN_OPTIONS", "detect_leaks=0"));
}

const SIDE: usize = 40;

/// A scorer of the tiny bundle and a case for it, as a C host has them.
struct CHost {
    runtime: *mut dlnms_runtime,
    scorer: *mut dlnms_scorer,
    voxels: Vec<i16>,
}

impl CHost {
    fn new() -> Self {
        let c = |path: std::path::PathBuf| CString::new(path.as_os_str().as_bytes()).unwrap();
        let (library, bundle) = (c(onnxruntime()), c(support::tiny_bundle()));
        let (mut runtime, mut scorer) = (null_mut(), null_mut());
        // SAFETY: structs are initialised by their own functions, pointers are valid for the calls.
        unsafe {
            let mut at: dlnms_runtime_options = zeroed();
            dlnms_runtime_options_init(&mut at, size_of_val(&at) as u32);
            at.library_path = library.as_ptr();
            assert_eq!(dlnms_runtime_new(&at, &mut runtime, null_mut()), DLNMS_OK);
            let mut options: dlnms_scorer_options = zeroed();
            dlnms_scorer_options_init(&mut options, size_of_val(&options) as u32);
            options.bundle_dir = bundle.as_ptr();
            let mut cpu: dlnms_provider_options = zeroed();
            dlnms_provider_options_init(&mut cpu, size_of_val(&cpu) as u32);
            cpu.provider = DLNMS_PROVIDER_CPU;
            let providers: [*const dlnms_provider_options; 1] = [&cpu];
            (options.n_providers, options.providers) = (1, providers.as_ptr());
            let made = dlnms_scorer_new(runtime, &options, &mut scorer, null_mut());
            assert_eq!(made, DLNMS_OK);
        }
        Self {
            runtime,
            scorer,
            voxels: vec![0; SIDE * SIDE * SIDE],
        }
    }

    fn queue(&self, workers: u32) -> *mut dlnms_queue {
        let mut queue = null_mut();
        // SAFETY: as above.
        unsafe {
            let mut options: dlnms_queue_options = zeroed();
            dlnms_queue_options_init(&mut options, size_of_val(&options) as u32);
            options.workers = workers;
            let made = dlnms_queue_new(self.scorer, &options, &mut queue, null_mut());
            assert_eq!(made, DLNMS_OK);
        }
        queue
    }

    /// Submits a case; `told` is called when it is done.
    fn submit(
        &self,
        queue: *const dlnms_queue,
        told: Option<Told>,
        data: &Shared,
    ) -> *mut dlnms_job {
        let mut job = null_mut();
        // SAFETY: as above; the voxels outlive the job.
        unsafe {
            let mut volume: dlnms_volume = zeroed();
            dlnms_volume_init(&mut volume, size_of_val(&volume) as u32);
            volume.dtype = DLNMS_DTYPE_I16;
            volume.data = self.voxels.as_ptr().cast();
            volume.dims = [SIDE as u64; 3];
            volume.spacing = [5.0; 3];
            let mut roi: dlnms_roi = zeroed();
            dlnms_roi_init(&mut roi, size_of_val(&roi) as u32);
            roi.point = [100.0; 3];
            let mut case: dlnms_case = zeroed();
            dlnms_case_init(&mut case, size_of_val(&case) as u32);
            (case.ct, case.pet, case.roi) = (&volume, &volume, &roi);
            let mut done: dlnms_completion = zeroed();
            dlnms_completion_init(&mut done, size_of_val(&done) as u32);
            done.callback = told;
            done.user_data = std::ptr::from_ref(data).cast_mut().cast();
            let done = told.map_or(null(), |_| &raw const done);
            let status = dlnms_queue_submit(queue, &case, done, &mut job, null_mut());
            assert_eq!(status, DLNMS_OK);
        }
        job
    }
}

impl Drop for CHost {
    fn drop(&mut self) {
        dlnms_scorer_free(self.scorer);
        dlnms_runtime_free(self.runtime);
    }
}

type Told = unsafe extern "C" fn(*mut dlnms_job, *mut c_void);

/// What a test and its callbacks share.
#[derive(Default)]
struct Shared {
    queue: AtomicPtr<dlnms_queue>,
    job: AtomicPtr<dlnms_job>,
    go: AtomicUsize,
    told: AtomicUsize,
    of_itself: AtomicI32,
    of_another: AtomicI32,
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let _watchdog = Watchdog::new(what);
    while !done() {
        std::thread::sleep(Duration::from_millis(2));
    }
}

unsafe extern "C" fn waits_for_its_own_queue(job: *mut dlnms_job, data: *mut c_void) {
    // SAFETY: the test's struct, which outlives the queue.
    let shared = unsafe { &*data.cast::<Shared>() };
    until("the other job is submitted", || {
        shared.go.load(Ordering::Acquire) > 0
    });
    let other = shared.job.load(Ordering::Acquire);
    // SAFETY: handles; no error object is wanted.
    let (itself, another) = unsafe {
        (
            dlnms_job_wait(job, u32::MAX, null_mut()),
            dlnms_job_wait(other, u32::MAX, null_mut()),
        )
    };
    shared.of_itself.store(itself, Ordering::Release);
    shared.of_another.store(another, Ordering::Release);
    dlnms_queue_free(shared.queue.load(Ordering::Acquire));
    shared.told.fetch_add(1, Ordering::AcqRel);
}

unsafe extern "C" fn counts(_: *mut dlnms_job, data: *mut c_void) {
    // SAFETY: as above.
    unsafe { &*data.cast::<Shared>() }
        .told
        .fetch_add(1, Ordering::AcqRel);
}

#[test]
fn a_callback_that_waits_for_its_own_queue_is_busy_and_may_free_it() {
    let host = CHost::new();
    let shared = Shared::default();
    let queue = host.queue(1);
    shared.queue.store(queue, Ordering::Release);
    let first = host.submit(queue, Some(waits_for_its_own_queue), &shared);
    let second = host.submit(queue, Some(counts), &shared);
    shared.job.store(second, Ordering::Release);
    shared.go.store(1, Ordering::Release);
    until("both jobs are done", || {
        shared.told.load(Ordering::Acquire) == 2
    });
    assert_eq!(
        shared.of_itself.load(Ordering::Acquire),
        DLNMS_OK,
        "it is done"
    );
    assert_eq!(shared.of_another.load(Ordering::Acquire), DLNMS_E_BUSY);
    // The one that waited was cancelled when its queue was freed, and has an outcome.
    let mut result = null_mut();
    // SAFETY: handles and a place for the result.
    unsafe {
        assert_eq!(dlnms_job_wait(second, u32::MAX, null_mut()), DLNMS_OK);
        let outcome = dlnms_job_result(second, &mut result, null_mut());
        assert_eq!(outcome, DLNMS_E_CANCELLED);
    }
    assert_eq!(dlnms_queue_waiting(queue), 0, "a dead handle");
    dlnms_job_free(first);
    dlnms_job_free(second);
}

/// The queue's thread waits for prepare, prepare for its callback: that must not wait for the queue.
unsafe extern "C" fn frees_the_queue(phase: u32, _: f32, data: *mut c_void) -> i32 {
    // SAFETY: as above.
    let shared = unsafe { &*data.cast::<Shared>() };
    let job = shared.job.load(Ordering::Acquire);
    if phase == DLNMS_PHASE_SELF_TEST && shared.go.swap(1, Ordering::AcqRel) == 0 {
        until("the job runs", || dlnms_job_poll(job) == DLNMS_JOB_RUNNING);
        // SAFETY: a handle; no error object is wanted.
        let waited = unsafe { dlnms_job_wait(job, u32::MAX, null_mut()) };
        shared.of_another.store(waited, Ordering::Release);
        dlnms_queue_free(shared.queue.load(Ordering::Acquire));
    }
    0
}

#[test]
fn prepares_callback_does_not_wait_for_jobs_that_wait_for_prepare() {
    let host = CHost::new();
    let shared = Shared::default();
    let queue = host.queue(1);
    shared.queue.store(queue, Ordering::Release);
    // SAFETY: structs are initialised by their own functions, pointers are valid for the calls.
    unsafe {
        let mut progress: dlnms_progress = zeroed();
        dlnms_progress_init(&mut progress, size_of_val(&progress) as u32);
        progress.callback = Some(submits_then_frees);
        let both = (&host, &shared);
        progress.user_data = std::ptr::from_ref(&both).cast_mut().cast();
        let prepared = dlnms_scorer_prepare(host.scorer, &progress, null(), null_mut());
        assert_eq!(prepared, DLNMS_OK);
    }
    assert_eq!(shared.of_another.load(Ordering::Acquire), DLNMS_E_BUSY);
    until("the job is done", || {
        shared.told.load(Ordering::Acquire) == 1
    });
    let job = shared.job.load(Ordering::Acquire);
    let mut result = null_mut();
    // SAFETY: a handle and a place for the result.
    unsafe { assert_eq!(dlnms_job_result(job, &mut result, null_mut()), DLNMS_OK) };
    dlnms_result_free(result);
    dlnms_job_free(job);
}

/// Submits a job once prepare is under way, so that the job waits for prepare.
unsafe extern "C" fn submits_then_frees(phase: u32, fraction: f32, data: *mut c_void) -> i32 {
    // SAFETY: the pair of the test above, which outlives prepare.
    let (host, shared) = unsafe { &*data.cast::<(&CHost, &Shared)>() };
    if phase == DLNMS_PHASE_LOAD && shared.job.load(Ordering::Acquire).is_null() {
        let queue = shared.queue.load(Ordering::Acquire);
        let job = host.submit(queue, Some(counts), shared);
        shared.job.store(job, Ordering::Release);
    }
    // SAFETY: handed on.
    unsafe {
        frees_the_queue(
            phase,
            fraction,
            std::ptr::from_ref(*shared).cast_mut().cast(),
        )
    }
}
