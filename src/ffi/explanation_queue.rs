//! Section "explanations": without waiting.

use super::case::{HostCase, dlnms_case};
use super::error_object::{dlnms_error, dlnms_status};
use super::explain_options::{dlnms_explain_options, explain_options};
use super::explanation::{ExplanationObject, dlnms_explanation};
use super::guard::{guard, guard_new};
use super::handle;
use super::queue::{Job, Outcome, completion, dlnms_completion, dlnms_job, dlnms_queue, submit};
use crate::scorer::Scorer;
use std::sync::Arc;

/// Submits a case to be scored and explained, and returns at once. dlnms_job_progress() says how far it is; its outcome is for
/// dlnms_job_explanation().
///
/// # Safety
/// - `queue`: the queue.
/// - `c`: a case as for dlnms_queue_submit().
/// - `options`: an initialised struct, read during the call; NULL: the defaults.
/// - `done`: an initialised struct whose callback is called when the job is done; may be NULL.
/// - `out`: receives the job; free it with dlnms_job_free().
///
/// # Errors
/// Those of dlnms_queue_submit(); DLNMS_E_INVALID_ARGUMENT with the field of `options` at fault.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_queue_submit_explain(
    queue: *const dlnms_queue,
    c: *const dlnms_case,
    options: *const dlnms_explain_options,
    done: *const dlnms_completion,
    out: *mut *mut dlnms_job,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    guard(err, || {
        // SAFETY: handed on from the caller.
        let done = unsafe { completion(done) }?;
        // SAFETY: handed on from the caller.
        let options = unsafe { explain_options(options) }?;
        let explain = move |job: &Job, scorer: &Scorer, host: &HostCase<'_>| {
            let mut tell = |fraction| {
                job.set_progress(fraction);
                true
            };
            let explained = ExplanationObject::new(scorer, host, &options, &mut tell, &job.cancel);
            explained.map(|e| Outcome::Explained(Box::new(e)))
        };
        // SAFETY: handed on from the caller.
        unsafe { submit(queue, c, done, out, explain) }
    })
}

/// Moves the outcome of a finished job of dlnms_queue_submit_explain() to the caller: the explanation, or the error that
/// dlnms_scorer_explain() would have given. It can be called once for each job.
///
/// # Safety
/// - `job`: the job.
/// - `out`: receives the explanation; free it with dlnms_explanation_free().
///
/// # Errors
/// DLNMS_E_INVALID_ARGUMENT if the job is not done, its outcome was taken before, or it is a result; those of the job.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlnms_job_explanation(
    job: *const dlnms_job,
    out: *mut *mut dlnms_explanation,
    err: *mut *mut dlnms_error,
) -> dlnms_status {
    let make = || {
        let job = handle::get::<Arc<Job>>(job)?;
        let explanation = job.take(|outcome| match outcome {
            Outcome::Explained(explanation) => Ok(*explanation),
            other => Err(other),
        })?;
        Ok(explanation)
    };
    // SAFETY: handed on from the caller.
    unsafe { guard_new(out, err, make) }
}
