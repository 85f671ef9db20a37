// dlnms is loaded while Orthanc runs, and not linked: a library that is missing or has another ABI number is then a reason that
// the plugin names, and never one for Orthanc not to start.
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <dlnms.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace dlnms_orthanc {

// A call of dlnms that failed: its status, a DLNMS_E_ constant, and its message.
class Failure : public std::runtime_error {
public:
    Failure(dlnms_status status, const std::string& message) : std::runtime_error(message), status(status) {}
    const dlnms_status status;
};

// The functions that the plugin calls.
#define DLNMS_ORTHANC_FUNCTIONS(X) \
    X(dlnms_abi_version) X(dlnms_version) X(dlnms_status_string) X(dlnms_error_message) X(dlnms_error_free) \
    X(dlnms_logger_init) X(dlnms_logger_set) \
    X(dlnms_progress_init) X(dlnms_cancel_new) X(dlnms_cancel_trigger) X(dlnms_cancel_free) \
    X(dlnms_runtime_options_init) X(dlnms_runtime_new) X(dlnms_runtime_free) \
    X(dlnms_provider_options_init) X(dlnms_quality_policy_init) X(dlnms_quality_policy_init_strict) X(dlnms_quality_name) \
    X(dlnms_scorer_options_init) X(dlnms_scorer_new) X(dlnms_scorer_prepare) X(dlnms_scorer_info_json) X(dlnms_scorer_free) \
    X(dlnms_queue_options_init) X(dlnms_queue_new) X(dlnms_queue_submit) X(dlnms_queue_free) \
    X(dlnms_job_wait) X(dlnms_job_result) X(dlnms_job_cancel) X(dlnms_job_free) \
    X(dlnms_read_options_init) X(dlnms_study_scan_buffers) X(dlnms_study_load) X(dlnms_study_inspect) X(dlnms_study_json) \
    X(dlnms_study_roi_count) X(dlnms_study_roi) X(dlnms_roi_info_init) X(dlnms_study_roi_mask) X(dlnms_study_case) \
    X(dlnms_study_free) X(dlnms_volume_init) X(dlnms_roi_init) X(dlnms_case_init) \
    X(dlnms_scores_init) X(dlnms_result_scores) X(dlnms_result_json) X(dlnms_result_free) \
    X(dlnms_write_options_init) X(dlnms_sink_init) X(dlnms_result_write) X(dlnms_page_options_init) X(dlnms_result_page)

// The loaded library. It stays loaded until the process ends.
class Library {
public:
    // Loads the library, and throws std::runtime_error with the reason if it cannot be used.
    explicit Library(const std::string& path);

    // Calls a function whose last parameter is dlnms_error **; throws Failure.
    template <class Function, class... Arguments>
    void call(Function function, Arguments... arguments) const {
        dlnms_error* error = nullptr;
        const dlnms_status status = function(arguments..., &error);
        if (status != DLNMS_OK) fail(status, error);
    }

    // Returns the text that a function writes by the rule "capacity in, needed out".
    template <class Function, class Handle>
    std::string text(Function function, const Handle* handle) const {
        size_t needed = 0;
        call(function, handle, static_cast<char*>(nullptr), size_t{0}, &needed);
        std::string out(needed, '\0');
        call(function, handle, out.data(), out.size(), &needed);
        out.resize(needed - 1); // without the NUL
        return out;
    }

    // Returns a struct that its _init function has filled.
    template <class Struct>
    Struct initialised(void (*init)(Struct*, uint32_t)) const {
        Struct out;
        init(&out, sizeof out);
        return out;
    }

#define X(name) decltype(&::name) name = nullptr;
    DLNMS_ORTHANC_FUNCTIONS(X)
#undef X

private:
    [[noreturn]] void fail(dlnms_status status, dlnms_error* error) const;
};

// An object of dlnms with the function that frees it.
template <class Handle>
using Owned = std::unique_ptr<Handle, void (*)(Handle*)>;

// A cancel token.
class CancelToken {
public:
    explicit CancelToken(const Library& library);
    void trigger() const { library_.dlnms_cancel_trigger(handle_.get()); }
    const dlnms_cancel* get() const { return handle_.get(); }

private:
    const Library& library_;
    Owned<dlnms_cancel> handle_;
};

} // namespace dlnms_orthanc
