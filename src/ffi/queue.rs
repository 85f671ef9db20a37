//! Section "queue".

use super::callbacks::UserData;
use super::case::{HostCase, dlnms_case, host_case};
use super::error_object::{dlnms_error, dlnms_status};
use super::explanation::ExplanationObject;
use super::guard::{catch, guard, guard_new, guard_or};
use super::handle::{self, InUse, Object};
use super::result::{ResultObject, dlnms_result};
use super::scorer::dlnms_scorer;
use super::structs::{self, Versioned, versioned};
use crate::error::{Error, Result};
use crate::scorer::{CancelToken, Queue, QueueId, Scorer, Task};
use std::ffi::c_void;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

/// The job waits for a thread of the queue.
pub const DLNMS_JOB_WAITING: u32 = 1;
/// The case is being scored.
pub const DLNMS_JOB_RUNNING: u32 = 2;
/// The outcome is available.
pub const DLNMS_JOB_DONE: u32 = 3;

/// Scores cases with threads of its own, for hosts whose threads must not wait.
pub struct dlnms_queue {
    _private: [u8; 0],
}

/// A case that was submitted.
pub struct dlnms_job {
    _private: [u8; 0],
}

pub(super) struct QueueObject {
    queue: Queue,
    scorer: Arc<InUse<Scorer>>,
}

impl Object for QueueObject {
    type Handle = dlnms_queue;
    const NAME: &'static str = "dlnms_queue";
}

impl Drop for QueueObject {
    fn drop(&mut self) {
        // Freed by the progress callback of a prepare that the queue's own threads may wait for.
        if self.scorer.is_preparing_on_this_thread() {
            self.queue.detach();
        }
    }
}

pub(super) struct Job {
    state: Mutex<State>,
    done: Condvar,
    pub cancel: CancelToken,
    /// Bits of the fraction that is done, a float.
    progress: AtomicU32,
    queue: QueueId,
    /// Kept by the queue, not by jobs that are done.
    scorer: Weak<InUse<Scorer>>,
}

#[derive(Default)]
enum State {
    #[default]
    Waiting,
    Running,
    Done(Box<Result<Outcome>>),
    /// The host has the outcome.
    Taken,
}

/// What a job was submitted for.
pub(super) enum Outcome {
    Scored(Box<ResultObject>),
    Explained(Box<ExplanationObject>),
}

impl Job {
    fn new(queue: QueueId, scorer: &Arc<InUse<Scorer>>) -> Self {
        Self {
            state: Mutex::default(),
            done: Condvar::new(),
            cancel: CancelToken::default(),
            progress: AtomicU32::default(),
            queue,
            scorer: Arc::downgrade(scorer),
        }
    }

    /// Does the work on the case; a panic leaves the scorer unusable, as in a call of its own.
    fn run(
        &self,
        scorer: &InUse<Scorer>,
        host: &HostCase<'_>,
        work: impl FnOnce(&Self, &Scorer, &HostCase<'_>) -> Result<Outcome>,
    ) -> Result<Outcome> {
        catch(|| scorer.with(|scorer| work(self, scorer, host)))
    }

    /// Sets the fraction that is done.
    pub fn set_progress(&self, fraction: f32) {
        self.progress.store(fraction.to_bits(), Ordering::Relaxed);
    }

    /// Moves the outcome out if it is done and `pick` takes its kind.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if it is not done, was taken before, or is of another kind, which leaves it where it is;
    /// those of the job.
    pub fn take<T>(
        &self,
        pick: impl FnOnce(Outcome) -> std::result::Result<T, Outcome>,
    ) -> Result<T> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Done(outcome) => match (*outcome).map(pick) {
                Ok(Ok(taken)) => Ok(taken),
                Ok(Err(other)) => {
                    let kind = match other {
                        Outcome::Scored(_) => "a result",
                        Outcome::Explained(_) => "an explanation",
                    };
                    *state = State::Done(Box::new(Ok(other)));
                    Err(Error::invalid("job", format!("its outcome is {kind}")))
                }
                Err(e) => Err(e),
            },
            State::Taken => Err(Error::invalid("job", "its outcome was taken already")),
            unfinished => {
                *state = unfinished;
                Err(Error::invalid("job", "it is not done yet"))
            }
        }
    }

    /// Returns an error if this thread can never see the job done, for the job waits for what this thread is in.
    fn check_waiter(&self) -> Result<()> {
        if self.queue.has_this_thread() {
            return Err(Error::Busy("the job's queue"));
        }
        let scorer = self.scorer.upgrade();
        if scorer.is_some_and(|s| s.is_preparing_on_this_thread()) {
            Err(Error::Busy("the job's scorer"))
        } else {
            Ok(())
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        crate::lock::lock(&self.state)
    }
}

impl Object for Arc<Job> {
    type Handle = dlnms_job;
    const NAME: &'static str = "dlnms_job";
}

/// Options of a queue; fill with dlnms_queue_options_init().
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_queue_options {
    /// Size of the struct in bytes, set by dlnms_queue_options_init().
    pub struct_size: u32,
    /// Largest number of jobs that wait; 0 is 64.
    pub capacity: u32,
    /// Threads, each with a case; they sleep when there is none. 0 is 2: one prepares planes while the other runs the
    /// network, which has the threads of the scorer besides.
    pub workers: u32,
    /// Must be 0.
    pub reserved: u32,
}

versioned!(dlnms_queue_options, 16, { struct_size, capacity, workers } reserved { reserved });

/// Writes defaults into queue options: 64 waiting jobs and two workers.
///
/// # Safety
/// - `options`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_queue_options) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_queue_options_init(
    options: *mut dlnms_queue_options,
    struct_size: u32,
) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init_zero(options, struct_size) };
}

/// Notifies the host that a job is done; fill with dlnms_completion_init().
///
/// `callback` gets the job and `user_data`, from a thread of the queue, once, after the outcome is there and even if the
/// job was cancelled. It may take the result, free the job, submit others and free the queue; it must not throw or longjmp.
/// `drop`, if not NULL, is called exactly once with `user_data` when the library needs it no more.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dlnms_completion {
    /// Size of the struct in bytes, set by dlnms_completion_init().
    pub struct_size: u32,
    /// Must be 0.
    pub reserved: u32,
    /// The function to call. Required.
    pub callback: Option<unsafe extern "C" fn(job: *mut dlnms_job, user_data: *mut c_void)>,
    /// Passed to `callback` and `drop`; the library does not look at it.
    pub user_data: *mut c_void,
    /// Called once with `user_data` when the library no longer needs it; may be NULL.
    pub drop: Option<unsafe extern "C" fn(user_data: *mut c_void)>,
}

versioned!(dlnms_completion, 32, { struct_size, callback, user_data, drop } reserved { reserved });

/// Writes defaults into a completion: no callback.
///
/// # Safety
/// - `completion`: the struct to fill, `struct_size` writable bytes; NULL does nothing.
/// - `struct_size`: sizeof(dlnms_completion) as the caller sees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_completion_init(
    completion: *mut dlnms_completion,
    struct_size: u32,
) {
    // SAFETY: handed on from the caller.
    unsafe { structs::init_zero(completion, struct_size) };
}

pub(super) struct Completion {
    callback: unsafe extern "C" fn(*mut dlnms_job, *mut c_void),
    data: UserData,
}

/// More than these are a mistake.
const MAX_CAPACITY: u32 = 1 << 20;
const MAX_WORKERS: u32 = 256;

/// Makes a queue in front of a scorer.
///
/// # Safety
/// - `scorer`: the scorer; the queue keeps it, so it may be freed afterwards.
/// - `options`: an initialised struct, read during the call; NULL: the defaults.
/// - `out`: receives the queue; free it with dlnms_queue_free().
///
/// # Errors
/// DLNMS_E_INVALID_ARGUMENT (capacity, workers), DLNMS_E_RESOURCES (the system refuses every thread; where it refuses some, the
/// queue has fewer workers).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_queue_new(
    scorer: *const dlnms_scorer,
    options: *const dlnms_queue_options,
    out: *mut *mut dlnms_queue,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    let make = || {
        let scorer = Arc::new(handle::get::<Scorer>(scorer)?);
        let (mut capacity, mut workers) = (0, 0);
        if !options.is_null() {
            // SAFETY: handed on from the caller.
            let raw = unsafe { structs::read(options) }?;
            (capacity, workers) = (raw.capacity, raw.workers);
        }
        for (field, value, most) in [
            ("capacity", capacity, MAX_CAPACITY),
            ("workers", workers, MAX_WORKERS),
        ] {
            if value > most {
                let field = format!("dlnms_queue_options.{field}");
                return Err(Error::invalid(field, format!("{value} is above {most}")));
            }
        }
        let or = |value: u32, default| if value == 0 { default } else { value as usize };
        let queue = Queue::new(or(capacity, 64), or(workers, 2))?;
        Ok(QueueObject { queue, scorer })
    };
    // SAFETY: handed on from the caller.
    unsafe { guard_new(out, err, make) }
}

/// Submits a case and returns at once.
///
/// # Safety
/// - `queue`: the queue.
/// - `c`: a case as for dlnms_scorer_score(). Its structs and texts are copied during the call; voxels, masks and arrays are read
///   later and must stay valid and unchanged until the job is done.
/// - `done`: an initialised struct whose callback is called when the job is done; may be NULL.
/// - `out`: receives the job; free it with dlnms_job_free().
///
/// # Errors
/// DLNMS_E_QUEUE_FULL when as many jobs wait as the queue has room for; those of dlnms_scorer_score() that do not depend on
/// voxels. After an error nothing was submitted, and the drop of `done` was called if its struct was accepted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_queue_submit(
    queue: *const dlnms_queue,
    c: *const dlnms_case,
    done: *const dlnms_completion,
    out: *mut *mut dlnms_job,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    let score = |job: &Job, scorer: &Scorer, host: &HostCase<'_>| {
        let scores = scorer.score(&host.case(), &job.cancel)?;
        let object = ResultObject::new(scores, host.origin());
        Ok(Outcome::Scored(Box::new(object)))
    };
    // SAFETY: handed on from the caller.
    guard(err, || unsafe {
        submit(queue, c, completion(done)?, out, score)
    })
}

/// Submits a case for some work.
///
/// # Safety
/// As for dlnms_queue_submit().
pub(super) unsafe fn submit(
    queue: *const dlnms_queue,
    c: *const dlnms_case,
    done: Option<Completion>,
    out: *mut *mut dlnms_job,
    work: impl FnOnce(&Job, &Scorer, &HostCase<'_>) -> Result<Outcome> + Send + 'static,
) -> Result<()> {
    if out.is_null() {
        return Err(Error::NullArgument("out"));
    }
    let queue = handle::get::<QueueObject>(queue)?;
    // SAFETY: what the case borrows lives until the job is done, by the caller's promise: longer than it is used.
    let host = unsafe { host_case::<'static>(c) }?;
    let scorer = queue.scorer.clone();
    queue.queue.submit(|| {
        let job = Arc::new(Job::new(queue.queue.id(), &queue.scorer));
        let number = handle::register(job.clone());
        // SAFETY: not NULL, writable by the caller's promise; before the job can be done.
        unsafe { out.write(number) };
        let cancel = job.cancel.clone();
        let number = number.addr();
        let work = move || {
            *job.state() = State::Running;
            let outcome = job.run(&scorer, &host, work);
            drop(host); // from here on the host may take its voxels back
            job.set_progress(1.0);
            *job.state() = State::Done(Box::new(outcome));
            job.done.notify_all();
            if let Some(done) = done {
                let handle = std::ptr::without_provenance_mut(number);
                // SAFETY: the host's function with the host's pointer, as the header promises.
                unsafe { (done.callback)(handle, done.data.pointer) };
            }
        };
        Ok(Task {
            cancel,
            work: Box::new(work),
        })
    })
}

/// # Safety
/// `ptr` is NULL or initialised.
pub(super) unsafe fn completion(ptr: *const dlnms_completion) -> Result<Option<Completion>> {
    if ptr.is_null() {
        return Ok(None);
    }
    // SAFETY: handed on from the caller.
    let raw = unsafe { structs::read(ptr) }?;
    let callback = raw.callback;
    let callback = callback.ok_or(Error::NullArgument("dlnms_completion.callback"))?;
    let data = UserData::new(raw.user_data, raw.drop);
    Ok(Some(Completion { callback, data }))
}

/// Returns the number of jobs that wait for a thread.
///
/// # Parameters
/// - `queue`: the queue; 0 is returned for a dead one.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_queue_waiting(queue: *const dlnms_queue) -> usize {
    guard_or(0, || {
        handle::get::<QueueObject>(queue).map_or(0, |q| q.queue.waiting())
    })
}

/// Frees a queue. Jobs that wait are cancelled, jobs that run are finished, and the call returns when every job is done and every
/// thread has ended.
///
/// In the callback of a job of the same queue, and in the progress callback of the scorer's prepare, the call cannot wait and
/// returns at once. The jobs are then done some time after that callback has returned; each job's callback says when, and until
/// then its voxels must stay valid.
///
/// # Parameters
/// - `queue`: the queue; NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_queue_free(queue: *mut dlnms_queue) {
    guard_or((), || handle::free::<QueueObject>(queue));
}

/// Returns the state of a job as a DLNMS_JOB_ constant, without waiting.
///
/// # Parameters
/// - `job`: the job; 0 is returned for a dead one.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_job_poll(job: *const dlnms_job) -> u32 {
    guard_or(0, || {
        handle::get::<Arc<Job>>(job).map_or(0, |job| match *job.state() {
            State::Waiting => DLNMS_JOB_WAITING,
            State::Running => DLNMS_JOB_RUNNING,
            State::Done(_) | State::Taken => DLNMS_JOB_DONE,
        })
    })
}

/// Returns the fraction of a job that is done, 0 to 1: of an explanation the runs of the network, of a score 0 until it is done.
///
/// # Parameters
/// - `job`: the job; 0 is returned for a dead one.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_job_progress(job: *const dlnms_job) -> f32 {
    guard_or(0.0, || {
        let job = handle::get::<Arc<Job>>(job);
        job.map_or(0.0, |job| {
            f32::from_bits(job.progress.load(Ordering::Relaxed))
        })
    })
}

/// Waits until a job is done.
///
/// # Safety
/// - `job`: the job.
/// - `timeout_ms`: longest time to wait in milliseconds; UINT32_MAX waits without limit.
///
/// # Errors
/// DLNMS_E_DEADLINE if the job is not done by then. DLNMS_E_BUSY at once for a job that is not done, in the callback of a job of
/// the same queue and in the progress callback of the scorer's prepare: the job may be waiting for that callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_job_wait(
    job: *const dlnms_job,
    timeout_ms: u32,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        let job = handle::get::<Arc<Job>>(job)?;
        let limit = (timeout_ms != u32::MAX)
            .then(|| Instant::now() + Duration::from_millis(timeout_ms.into()));
        let mut state = job.state();
        if matches!(*state, State::Waiting | State::Running) {
            job.check_waiter()?;
        }
        while matches!(*state, State::Waiting | State::Running) {
            let left = match limit {
                None => Duration::from_secs(3600),
                Some(limit) => limit.saturating_duration_since(Instant::now()),
            };
            if left.is_zero() {
                return Err(Error::Deadline);
            }
            let waited = job.done.wait_timeout(state, left);
            state = waited.map_or_else(|e| e.into_inner().0, |(state, _)| state);
        }
        Ok(())
    })
}

/// Moves the outcome of a finished job to the caller: its result, or the error that dlnms_scorer_score() would have given. It can
/// be called once for each job.
///
/// # Safety
/// - `job`: the job.
/// - `out`: receives the result; free it with dlnms_result_free().
///
/// # Errors
/// DLNMS_E_INVALID_ARGUMENT if the job is not done, its outcome was taken before, or it is an explanation; those of the job.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_job_result(
    job: *const dlnms_job,
    out: *mut *mut dlnms_result,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    let make = || {
        let job = handle::get::<Arc<Job>>(job)?;

        job.take(|outcome| match outcome {
            Outcome::Scored(result) => Ok(*result),
            other => Err(other),
        })
    };
    // SAFETY: handed on from the caller.
    unsafe { guard_new(out, err, make) }
}

/// Cancels a job. One that waits ends with DLNMS_E_CANCELLED when a thread reaches it, one that runs at its next check.
///
/// # Parameters
/// - `job`: the job; NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_job_cancel(job: *const dlnms_job) {
    guard_or((), || {
        if let Ok(job) = handle::get::<Arc<Job>>(job) {
            job.cancel.trigger();
        }
    });
}

/// Frees the handle of a job. A job that is not done continues and still needs its voxels; its outcome is discarded, and its
/// callback is called with the handle that was freed.
///
/// # Parameters
/// - `job`: the job; NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn dlnms_job_free(job: *mut dlnms_job) {
    guard_or((), || handle::free::<Arc<Job>>(job));
}

const _: () = {
    assert!(size_of::<dlnms_queue_options>() == <dlnms_queue_options as Versioned>::V1_SIZE);
    assert!(size_of::<dlnms_completion>() == <dlnms_completion as Versioned>::V1_SIZE);
};
