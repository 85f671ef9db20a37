/*
 * dlnms_queue.hpp - scores without waiting. Part of dlnms.hpp, which includes it.
 *
 * RESEARCH USE ONLY. Not a medical device; not for diagnosis or treatment decisions.
 *
 *     dlnms::Queue queue(scorer);
 *     dlnms::Job job = queue.submit(c, [] { wake_the_user_interface(); });
 *     if (job.done()) show(job.result());
 */

#ifndef DLNMS_QUEUE_HPP
#define DLNMS_QUEUE_HPP

#include "dlnms.hpp"

#include <chrono>

namespace dlnms {

/// A case that was submitted. Destroying one that is not done lets it go on; nobody gets its outcome then.
class Job {
public:
    explicit Job(dlnms_job* handle) : handle_(handle) {}
    uint32_t state() const { return dlnms_job_poll(get()); } ///< DLNMS_JOB_
    bool done() const { return state() == DLNMS_JOB_DONE; }
    void cancel() const { dlnms_job_cancel(get()); }
    /// Whether it was done in time.
    bool wait_for(std::chrono::milliseconds time) const {
        dlnms_error* error = nullptr;
        const auto status = dlnms_job_wait(get(), static_cast<uint32_t>(time.count()), &error);
        if (status != DLNMS_E_DEADLINE) detail::check(status, error);
        else dlnms_error_free(error);
        return status == DLNMS_OK;
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
    /// done; `c` itself may go. `done` is called from a thread of the queue when the outcome is there; it must not throw.
    Job submit(const Case& c, std::function<void()> done = {}) const {
        const dlnms_case raw = c.raw();
        dlnms_completion completion;
        dlnms_completion_init(&completion, sizeof completion);
        completion.callback = [](dlnms_job*, void* data) {
            try {
                (*static_cast<std::function<void()>*>(data))();
            } catch (...) { // it was told not to; an exception may not cross the C boundary
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
