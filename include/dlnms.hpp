/*
 * dlnms.hpp - C++17 over dlnms.h: RAII and exceptions, header only, nothing of its own to link.
 *
 * RESEARCH USE ONLY. Not a medical device; not for diagnosis or treatment decisions.
 *
 * Every call that fails throws dlnms::Error with the status and the library's message. Objects own their handles, can
 * be moved, not copied. What the C manual says of threads holds here: a Scorer may be shared by all threads.
 *
 *     dlnms::Runtime runtime;                                  // DLNMS_ONNXRUNTIME, or beside the library
 *     dlnms::Scorer scorer(runtime, "bundle");
 *     dlnms::Study study({"ct-folder", "pet-folder"});
 *     dlnms::Result result = scorer.score(study.case_at({-42.3, -14.6, -122.1}));
 *     std::cout << result.scores().n1 << '\n' << result.json() << '\n';
 */

#ifndef DLNMS_HPP
#define DLNMS_HPP

#include "dlnms.h"
#include "dlnms_case.hpp"

#include <array>
#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace dlnms {

/// A call that failed: its status (a DLNMS_E_ constant) and, as what(), a message that names what is at fault.
class Error : public std::runtime_error {
public:
    Error(dlnms_status status, const std::string& message) : std::runtime_error(message), status_(status) {}
    dlnms_status status() const noexcept { return status_; }

private:
    dlnms_status status_;
};

namespace detail {

template <class Handle, void (*Free)(Handle*)>
struct Deleter {
    void operator()(Handle* handle) const noexcept { Free(handle); }
};

template <class Handle, void (*Free)(Handle*)>
using Owner = std::unique_ptr<Handle, Deleter<Handle, Free>>;

using ErrorOwner = Owner<dlnms_error, dlnms_error_free>;

/// Turn a status into an exception, freeing the error.
inline void check(dlnms_status status, dlnms_error* error) {
    const ErrorOwner owner(error);
    if (status == DLNMS_OK) return;
    throw Error(status, error ? dlnms_error_message(error) : dlnms_status_string(status));
}

/// Call a C function whose last parameter is dlnms_error **.
template <class F, class... Args>
void call(F function, Args... args) {
    dlnms_error* error = nullptr;
    const dlnms_status status = function(args..., &error); // a statement of its own: it writes what check() reads
    check(status, error);
}

/// Call a constructor of the C API: last parameters are the handle and the error.
template <class Handle, class F, class... Args>
Handle* make(F function, Args... args) {
    Handle* handle = nullptr;
    call(function, args..., &handle);
    return handle;
}

/// Read a text by the capacity-in, needed-out rule.
template <class F, class Handle>
std::string text(F function, const Handle* handle) {
    size_t needed = 0;
    call(function, handle, static_cast<char*>(nullptr), size_t{0}, &needed);
    std::string out(needed, '\0');
    call(function, handle, out.data(), out.size(), &needed);
    out.resize(needed - 1); // without the NUL
    return out;
}

/// The header and the library must speak the same binary interface.
inline void require_same_abi() {
    if (dlnms_abi_version() != DLNMS_ABI_VERSION)
        throw Error(DLNMS_E_UNSUPPORTED, "dlnms.h has ABI version " + std::to_string(DLNMS_ABI_VERSION) +
                                             ", the library " + std::to_string(dlnms_abi_version()));
}

} // namespace detail

/// SUVbw factor of each slice.
inline std::vector<double> suv_factors(const dlnms_pet_info& info) {
    size_t needed = 0;
    detail::call(dlnms_pet_info_suv_factors, &info, static_cast<double*>(nullptr), size_t{0}, &needed);
    std::vector<double> factors(needed);
    detail::call(dlnms_pet_info_suv_factors, &info, factors.data(), factors.size(), &needed);
    return factors;
}

/// Hears of long calls: phase, fraction done; returns false to cancel. An exception cancels too and is rethrown by the
/// call.
using Progress = std::function<bool(uint32_t phase, float fraction)>;

namespace detail {

/// A std::function behind the C callback, for the length of a call.
class ProgressAdapter {
public:
    explicit ProgressAdapter(const Progress& progress) : progress_(progress) {
        dlnms_progress_init(&raw_, sizeof raw_);
        raw_.callback = &ProgressAdapter::report;
        raw_.user_data = this;
    }
    ProgressAdapter(const ProgressAdapter&) = delete;
    ProgressAdapter& operator=(const ProgressAdapter&) = delete;

    const dlnms_progress* raw() const { return progress_ ? &raw_ : nullptr; }
    void rethrow() const {
        if (thrown_) std::rethrow_exception(thrown_);
    }

private:
    static int32_t report(uint32_t phase, float fraction, void* self) {
        auto* me = static_cast<ProgressAdapter*>(self); // called by one thread at a time
        if (me->thrown_) return 1;                      // the first exception is the one that goes on
        try {
            return me->progress_(phase, fraction) ? 0 : 1;
        } catch (...) {
            me->thrown_ = std::current_exception(); // no exception may cross the C boundary
            return 1;
        }
    }

    const Progress& progress_;
    dlnms_progress raw_;
    std::exception_ptr thrown_;
};

} // namespace detail

/// Cancels calls that were given it; trigger() from any thread.
class CancelToken {
public:
    CancelToken() : handle_(detail::make<dlnms_cancel>(dlnms_cancel_new)) {}
    void trigger() const { dlnms_cancel_trigger(handle_.get()); }
    const dlnms_cancel* get() const { return handle_.get(); }

private:
    detail::Owner<dlnms_cancel, dlnms_cancel_free> handle_;
};

/// The process's ONNX Runtime.
class Runtime {
public:
    /// `library` is libonnxruntime.so or its folder; empty: DLNMS_ONNXRUNTIME, else beside the dlnms library. `expected_sha256`, if
    /// not empty, is the digest that its file must have; `hardened`: see dlnms_runtime_options.
    explicit Runtime(const std::string& library = {}, const std::string& expected_sha256 = {}, bool hardened = false) {
        detail::require_same_abi();
        dlnms_runtime_options options;
        dlnms_runtime_options_init(&options, sizeof options);
        options.library_path = library.empty() ? nullptr : library.c_str();
        options.expected_sha256 = expected_sha256.empty() ? nullptr : expected_sha256.c_str();
        options.hardened = hardened ? 1 : 0;
        handle_.reset(detail::make<dlnms_runtime>(dlnms_runtime_new, static_cast<const dlnms_runtime_options*>(&options)));
    }
    std::string version() const { return dlnms_runtime_version(handle_.get()); }
    std::string path() const { return dlnms_runtime_path(handle_.get()); }
    const dlnms_runtime* get() const { return handle_.get(); }

private:
    detail::Owner<dlnms_runtime, dlnms_runtime_free> handle_;
};

/// One head of the network.
struct Head {
    std::string name;
    float score;
};

/// What a quality check found.
struct Finding {
    uint32_t code;     ///< DLNMS_QC_
    uint32_t severity; ///< DLNMS_SEVERITY_
    std::string message;
};

/// Scores of one case.
class Result {
public:
    explicit Result(dlnms_result* handle) : handle_(handle) {}
    dlnms_scores scores() const {
        dlnms_scores out;
        dlnms_scores_init(&out, sizeof out);
        detail::call(dlnms_result_scores, get(), &out);
        return out;
    }
    std::vector<Head> heads() const {
        std::vector<Head> out;
        for (size_t i = 0; i < dlnms_result_head_count(get()); ++i) {
            const char* name = nullptr;
            float score = 0;
            detail::call(dlnms_result_head, get(), i, &name, &score);
            out.push_back({name, score});
        }
        return out;
    }
    std::vector<Finding> findings() const {
        std::vector<Finding> out;
        for (size_t i = 0; i < dlnms_result_finding_count(get()); ++i) {
            const char* message = nullptr;
            uint32_t code = 0, severity = 0;
            detail::call(dlnms_result_finding, get(), i, &code, &severity, &message);
            out.push_back({code, severity, message});
        }
        return out;
    }
    /// If Case::with_lesion() asked for it.
    dlnms_lesion lesion() const {
        dlnms_lesion out;
        dlnms_lesion_init(&out, sizeof out);
        detail::call(dlnms_result_lesion, get(), &out);
        return out;
    }
    /// If Case::with_references() asked for it; `which` is a DLNMS_REFERENCE_ constant.
    dlnms_reference reference(uint32_t which) const {
        dlnms_reference out;
        dlnms_reference_init(&out, sizeof out);
        detail::call(dlnms_result_reference, get(), which, &out);
        return out;
    }
    /// A DICOM object of it, DLNMS_OBJECT_, as the bytes of a file. Options may be NULL: the defaults.
    std::vector<uint8_t> write(uint32_t kind, const dlnms_write_options* options = nullptr) const {
        return taken<std::vector<uint8_t>>(dlnms_result_write, kind, options);
    }
    /// A page of it for people, DLNMS_PAGE_, as the bytes of a file. Case::with_pictures() puts pictures on it. Options may be NULL:
    /// the defaults.
    std::string page(uint32_t kind = DLNMS_PAGE_HTML, const dlnms_page_options* options = nullptr) const {
        return taken<std::string>(dlnms_result_page, kind, options);
    }
    /// SHA-256 of the manifest of the bundle that computed it.
    std::string manifest_sha256() const { return dlnms_result_manifest_sha256(get()); }
    std::string json() const { return detail::text(dlnms_result_json, get()); }
    const dlnms_result* get() const { return handle_.get(); }

private:
    /// The bytes that a function of the result hands to its sink.
    template <class Bytes, class Options>
    Bytes taken(dlnms_status (*make)(const dlnms_result*, uint32_t, const Options*, const dlnms_sink*, dlnms_error**), uint32_t kind,
                const Options* options) const {
        Bytes out;
        std::exception_ptr failure;
        std::pair<Bytes*, std::exception_ptr*> target{&out, &failure};
        dlnms_sink sink;
        dlnms_sink_init(&sink, sizeof sink);
        sink.user_data = &target;
        sink.callback = [](const char*, const uint8_t* bytes, size_t size, void* data) -> int32_t {
            const auto& to = *static_cast<decltype(target)*>(data);
            try {
                to.first->assign(bytes, bytes + size);
                return 0;
            } catch (...) {
                *to.second = std::current_exception();
                return 1;
            }
        };
        dlnms_error* error = nullptr;
        const auto status = make(get(), kind, options, &sink, &error);
        detail::ErrorOwner guard(error);
        if (failure) std::rethrow_exception(failure);
        detail::check(status, guard.release());
        return out;
    }

    detail::Owner<dlnms_result, dlnms_result_free> handle_;
};

/// What is done about findings of the quality checks: the defaults or strict(), and changes by code.
class QualityPolicy {
public:
    /// Different patients are refused, everything else is a warning.
    QualityPolicy() { dlnms_quality_policy_init(&raw_, sizeof raw_); }
    /// The defaults with other actions (DLNMS_ACTION_) for some codes (DLNMS_QC_).
    QualityPolicy(std::initializer_list<std::pair<uint32_t, uint32_t>> changes) : QualityPolicy() {
        for (const auto& change : changes) set(change.first, change.second);
    }
    /// See dlnms_quality_policy_init_strict().
    static QualityPolicy strict() {
        QualityPolicy policy;
        dlnms_quality_policy_init_strict(&policy.raw_, sizeof policy.raw_);
        return policy;
    }
    /// Change the action for a code.
    QualityPolicy& set(uint32_t code, uint32_t action) {
        constexpr size_t codes = sizeof raw_.actions / sizeof raw_.actions[0];
        if (code >= codes) throw Error(DLNMS_E_INVALID_ARGUMENT, "quality: no such check");
        raw_.actions[code] = action;
        return *this;
    }
    /// The C struct; valid while this object is.
    const dlnms_quality_policy& raw() const { return raw_; }

private:
    dlnms_quality_policy raw_;
};

/// Options of a scorer.
struct ScorerOptions {
    uint32_t threads = 0;                ///< 0: min(4, cores)
    std::vector<dlnms_provider_options> providers = {}; ///< see provider_options(); empty: AUTO; one alone is strict
    int32_t device = 0;                  ///< index of the GPU that AUTO uses; 0 where providers are listed
    std::string cache_dir = {};          ///< keeps what providers make of the model; empty: nothing
    QualityPolicy quality = {};          ///< what is done about findings
    uint32_t precision = 0;              ///< DLNMS_PRECISION_; 0: FP16 on a GPU where the bundle has it, else FP32
    bool spin = false;                   ///< threads spin instead of sleeping: faster, at the price of the cores
    uint32_t prepare_timeout_ms = 0;     ///< how long prepare() may take; 0: as long as it takes
    std::string expected_manifest_sha256 = {}; ///< the bundle must have this manifest, hexadecimal; empty: any
    std::string bundle_key = {};         ///< public key of minisign whose signature the bundle must have; empty: none is looked for
};

/// Returns default options of a provider (a DLNMS_PROVIDER_ constant), for ScorerOptions::providers.
inline dlnms_provider_options provider_options(uint32_t provider) {
    dlnms_provider_options out;
    dlnms_provider_options_init(&out, sizeof out);
    out.provider = provider;
    return out;
}

/// The two input tensors of a case.
struct Planes {
    std::vector<float> pet, ct;
};

/// A bundle with a runtime. Share it among threads.
class Scorer {
public:
    Scorer(const Runtime& runtime, const std::string& bundle, const ScorerOptions& options = {}) {
        dlnms_scorer_options raw;
        dlnms_scorer_options_init(&raw, sizeof raw);
        raw.bundle_dir = bundle.c_str();
        raw.threads = options.threads;
        raw.device = options.device;
        raw.cache_dir = options.cache_dir.empty() ? nullptr : options.cache_dir.c_str();
        raw.precision = options.precision;
        raw.spin = options.spin ? 1 : 0;
        raw.prepare_timeout_ms = options.prepare_timeout_ms;
        raw.expected_manifest_sha256 = options.expected_manifest_sha256.empty() ? nullptr : options.expected_manifest_sha256.c_str();
        raw.bundle_key = options.bundle_key.empty() ? nullptr : options.bundle_key.c_str();
        std::vector<const dlnms_provider_options*> providers;
        for (const auto& provider : options.providers) providers.push_back(&provider);
        raw.n_providers = static_cast<uint32_t>(providers.size());
        raw.providers = providers.empty() ? nullptr : providers.data();
        raw.quality = &options.quality.raw();
        handle_.reset(detail::make<dlnms_scorer>(dlnms_scorer_new, runtime.get(), static_cast<const dlnms_scorer_options*>(&raw)));
    }
    /// Build, warm up and self-test now rather than in the first score().
    void prepare(const Progress& progress = {}, const CancelToken* cancel = nullptr) const {
        detail::ProgressAdapter adapter(progress);
        dlnms_error* error = nullptr;
        const auto status = dlnms_scorer_prepare(get(), adapter.raw(), cancel ? cancel->get() : nullptr, &error);
        detail::ErrorOwner guard(error);
        adapter.rethrow();
        detail::check(status, guard.release());
    }
    Result score(const Case& c, const CancelToken* cancel = nullptr) const {
        const dlnms_case raw = c.raw();
        return Result(detail::make<dlnms_result>(dlnms_scorer_score, get(), &raw, cancel ? cancel->get() : nullptr));
    }
    /// One outcome for each case, in order: a result, or the error that score() would have thrown.
    std::vector<std::variant<Result, Error>> score_batch(const std::vector<Case>& cases, const CancelToken* cancel = nullptr) const {
        std::vector<dlnms_case> raw;
        for (const auto& c : cases) raw.push_back(c.raw());
        std::vector<const dlnms_case*> pointers;
        for (const auto& c : raw) pointers.push_back(&c);
        std::vector<dlnms_result*> results(cases.size());
        std::vector<dlnms_error*> errors(cases.size());
        detail::call(dlnms_scorer_score_batch, get(), static_cast<const dlnms_case* const*>(pointers.data()), cases.size(),
                     cancel ? cancel->get() : nullptr, results.data(), errors.data());
        std::vector<detail::Owner<dlnms_result, dlnms_result_free>> owned(results.begin(), results.end());
        std::vector<detail::ErrorOwner> reasons(errors.begin(), errors.end());
        std::vector<std::variant<Result, Error>> out;
        for (size_t i = 0; i < cases.size(); ++i) {
            if (owned[i]) out.emplace_back(Result(owned[i].release()));
            else out.emplace_back(Error(dlnms_error_status(reasons[i].get()), dlnms_error_message(reasons[i].get())));
        }
        return out;
    }
    Planes planes(const Case& c) const {
        const dlnms_case raw = c.raw();
        size_t needed = 0;
        float* none = nullptr;
        detail::call(dlnms_scorer_planes, get(), &raw, none, none, size_t{0}, &needed);
        Planes out{std::vector<float>(needed), std::vector<float>(needed)};
        detail::call(dlnms_scorer_planes, get(), &raw, out.pet.data(), out.ct.data(), needed, &needed);
        return out;
    }
    std::string info_json() const { return detail::text(dlnms_scorer_info_json, get()); }
    const dlnms_scorer* get() const { return handle_.get(); }

private:
    detail::Owner<dlnms_scorer, dlnms_scorer_free> handle_;
};

/// Gets log lines: DLNMS_LOG_ level, target, message. Called from any thread. An exception is kept for
/// take_log_exception() and for the next set_logger().
using LogFunction = std::function<void(uint32_t level, std::string_view target, std::string_view message)>;

namespace detail {

/// The first exception that a LogFunction threw and that nobody has taken yet.
class LogException {
public:
    static LogException& instance() {
        static LogException* const kept = new LogException; // a log line may come while the process ends
        return *kept;
    }
    void keep(std::exception_ptr thrown) noexcept {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!thrown_) thrown_ = std::move(thrown);
    }
    std::exception_ptr take() {
        const std::lock_guard<std::mutex> lock(mutex_);
        return std::exchange(thrown_, nullptr);
    }

private:
    std::mutex mutex_;
    std::exception_ptr thrown_;
};

/// Report what a callback threw that has no caller to go on to.
inline void log_exception(const char* where) noexcept {
    try {
        std::string text = std::string(where) + " threw an exception";
        try {
            throw;
        } catch (const std::exception& e) {
            text += std::string(": ") + e.what();
        } catch (...) {
        }
        dlnms_logger_write(DLNMS_LOG_ERROR, text.c_str(), nullptr);
    } catch (...) {
        dlnms_logger_write(DLNMS_LOG_ERROR, "a callback threw an exception, and there is no memory to say which", nullptr);
    }
}

} // namespace detail

/// The first exception that a LogFunction threw since this was asked last; null if none did.
inline std::exception_ptr take_log_exception() { return detail::LogException::instance().take(); }

/// Send the process's log lines to `log`; an empty function makes the library silent. Rethrows, when that is done, what the
/// function before threw and nobody took.
inline void set_logger(uint32_t level, LogFunction log) {
    if (log) {
        auto owned = std::make_unique<LogFunction>(std::move(log));
        dlnms_logger raw;
        dlnms_logger_init(&raw, sizeof raw);
        raw.level = level;
        raw.user_data = owned.get();
        raw.callback = [](uint32_t l, const char* target, const char* message, void* data) {
            try {
                (*static_cast<LogFunction*>(data))(l, target, message);
            } catch (...) { // no exception may cross the C boundary
                detail::LogException::instance().keep(std::current_exception());
            }
        };
        raw.drop = [](void* data) { delete static_cast<LogFunction*>(data); };
        detail::call(dlnms_logger_set, static_cast<const dlnms_logger*>(&raw));
        (void)owned.release(); // the library drops it when it is replaced
    } else {
        detail::call(dlnms_logger_set, static_cast<const dlnms_logger*>(nullptr));
    }
    if (const auto thrown = take_log_exception()) std::rethrow_exception(thrown);
}

} // namespace dlnms

#include "dlnms_queue.hpp"
#include "dlnms_explanation.hpp"
#include "dlnms_study.hpp"

#endif // DLNMS_HPP
