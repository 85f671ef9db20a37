/*
 * dlnms_queue.hpp - scores without waiting. Part of dlnms.hpp, which includes it.
 *
 * RESEARCH USE ONLY. Not a medical device; not for diagnosis or treatment decisions.
 *
 *     dlnms::Queue queue(scorer);
 *     dlnms::Job job = queue.submit(c, [] { wake_the_user_interface(); });
 *     if (job.done()) show(job.result());
 */

#include "dlnms.hpp" // before the guard, because dlnms.hpp includes this file in its place

#ifndef DLNMS_QUEUE_HPP
#define DLNMS_QUEUE_HPP

#include <algorithm>
#include <chrono>
#include <cmath>

namespace dlnms {

/// A case that was submitted. Destroying one that is not done lets it go on; nobody gets its outcome then.
class Job {
public:
    explicit Job(dlnms_job* handle) : handle_(handle) {}
    uint32_t state() const { return dlnms_job_poll(get()); } ///< DLNMS_JOB_
    bool done() const { return state() == DLNMS_JOB_DONE; }
    void cancel() const { dlnms_job_cancel(get()); }
    /// Whether it is done within `time`. Zero, a negative duration and one that is not a number do not wait; the longest
    /// duration there is waits as long as it takes.
    template <class Rep, class Period>
    bool wait_for(const std::chrono::duration<Rep, Period>& time) const {
        using Seconds = std::chrono::duration<double>; // holds every duration without overflow
        const double limit = std::chrono::duration_cast<Seconds>(time).count();
        const auto start = std::chrono::steady_clock::now();
        for (;;) {
            const double left = limit - Seconds(std::chrono::steady_clock::now() - start).count();
            const double at_once = left > 0 ? std::min(std::ceil(left * 1000), 3.6e6) : 0; // an hour at a time
            dlnms_error* error = nullptr;
            const auto status = dlnms_job_wait(get(), static_cast<uint32_t>(at_once), &error);
            const detail::ErrorOwner owner(error);
            if (status == DLNMS_OK) return true;
            if (status != DLNMS_E_DEADLINE) throw Error(status, dlnms_error_message(error));
            if (!(left * 1000 > at_once)) return false;
        }
    }
    /// Wait, and take the result, or throw what score() would have thrown. Once.
    Result result() const {
        detail::call(dlnms_job_wait, get(), UINT32_MAX);
        return Result(detail::make<dlnms_result>(dlnms_job_result, get()));
    }
    const dlnms_job* get() const { return handle_.get(); }

private:
    detail::Owner<dlnms_job, dlnms_job_free> handle_;
};

/// Threads in front of a scorer. Destroying it cancels the jobs that wait and returns when all are done.
class Queue {
public:
    /// Jobs that may wait, and threads; 0 is 64 and 2.
    explicit Queue(const Scorer& scorer, uint32_t capacity = 0, uint32_t workers = 0) {
        dlnms_queue_options options;
        dlnms_queue_options_init(&options, sizeof options);
        options.capacity = capacity;
        options.workers = workers;
        handle_.reset(detail::make<dlnms_queue>(dlnms_queue_new, scorer.get(), static_cast<const dlnms_queue_options*>(&options)));
    }
    /// Submit and return at once; throws DLNMS_E_QUEUE_FULL. Voxels, masks and arrays of `c` must stay until the job is
    /// done; `c` itself may go. `done` is called from a thread of the queue when the outcome is there; what it throws has no
    /// caller to go on to and becomes a line of the log (DLNMS_LOG_ERROR), and the job keeps its outcome.
    Job submit(const Case& c, std::function<void()> done = {}) const {
        const dlnms_case raw = c.raw();
        dlnms_completion completion;
        dlnms_completion_init(&completion, sizeof completion);
        completion.callback = [](dlnms_job*, void* data) {
            try {
                (*static_cast<std::function<void()>*>(data))();
            } catch (...) { // no exception may cross the C boundary
                detail::log_exception("the callback of a job");
            }
        };
        completion.drop = [](void* data) { delete static_cast<std::function<void()>*>(data); };
        const bool wanted = static_cast<bool>(done);
        if (wanted) completion.user_data = new std::function<void()>(std::move(done));
        // From here on the library drops it, whether it takes the job or not.
        return Job(detail::make<dlnms_job>(dlnms_queue_submit, get(), &raw,
                                           static_cast<const dlnms_completion*>(wanted ? &completion : nullptr)));
    }
    size_t waiting() const { return dlnms_queue_waiting(get()); }
    const dlnms_queue* get() const { return handle_.get(); }

private:
    detail::Owner<dlnms_queue, dlnms_queue_free> handle_;
};

} // namespace dlnms

#endif // DLNMS_QUEUE_HPP
