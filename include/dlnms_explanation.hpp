/*
 * dlnms_explanation.hpp - what moved the scores, and how steady they are. Part of dlnms.hpp, which includes it.
 *
 * RESEARCH USE ONLY. Not a medical device; not for diagnosis or treatment decisions.
 *
 *     dlnms::Explanation explained = dlnms::explain(scorer, c);
 *     std::cout << explained.result().scores().n1 << ' ' << explained.contribution(DLNMS_MODALITY_PET).n1 << '\n';
 */

#ifndef DLNMS_EXPLANATION_HPP
#define DLNMS_EXPLANATION_HPP

#include "dlnms.hpp"
#include "dlnms_queue.hpp"

#include <cmath>
#include <limits>
#include <optional>

namespace dlnms {

/// Options of an explanation.
struct ExplainOptions {
    uint32_t what = DLNMS_EXPLAIN_CONTRIBUTIONS | DLNMS_EXPLAIN_STABILITY; ///< DLNMS_EXPLAIN_ bits
    uint32_t baseline = DLNMS_BASELINE_OUTSIDE;                            ///< DLNMS_BASELINE_
    uint32_t patch = 0, stride = 0;              ///< squares of occlusion maps, pixels; both 0: 28 every 14
    bool whole_planes = false;                   ///< hide squares of the whole planes, not only near the lesion
    int32_t clinical_n0 = DLNMS_TRISTATE_UNKNOWN; ///< DLNMS_TRISTATE_
    int32_t nsclc = DLNMS_TRISTATE_UNKNOWN;      ///< DLNMS_TRISTATE_
    std::optional<double> age_years = {};        ///< empty: not known

    /// The C struct.
    dlnms_explain_options raw() const {
        dlnms_explain_options out;
        dlnms_explain_options_init(&out, sizeof out);
        out.what = what;
        out.baseline = baseline;
        out.patch = patch;
        out.stride = stride;
        out.whole_planes = whole_planes ? 1 : 0;
        out.clinical_n0 = clinical_n0;
        out.nsclc = nsclc;
        out.age_years = age_years.value_or(std::numeric_limits<double>::quiet_NaN());
        return out;
    }
};

/// A map of one plane: side x side values, row by row, which live as long as the explanation.
struct OcclusionMap {
    const float* values;
    dlnms_plane_grid grid;
};

/// The scores of a case and what explains them.
class Explanation {
public:
    explicit Explanation(dlnms_explanation* handle) : handle_(handle) {}
    /// The result that is explained.
    Result result() const { return Result(detail::make<dlnms_result>(dlnms_explanation_result, get())); }
    std::string json() const { return detail::text(dlnms_explanation_json, get()); }
    /// What a plane (an index of the input tensors), or a modality as a whole, contributes to the scores.
    dlnms_contribution contribution(uint32_t modality, uint32_t plane = DLNMS_PLANE_ALL) const {
        dlnms_contribution out;
        dlnms_contribution_init(&out, sizeof out);
        detail::call(dlnms_explanation_contribution, get(), modality, plane, &out);
        return out;
    }
    /// How steady a score (DLNMS_SCORE_) is under small changes of the case.
    dlnms_stability stability(uint32_t score) const {
        dlnms_stability out;
        dlnms_stability_init(&out, sizeof out);
        detail::call(dlnms_explanation_stability, get(), score, &out);
        return out;
    }
    /// Where hiding a square of a modality's plane changes a score (DLNMS_SCORE_).
    OcclusionMap map(uint32_t modality, uint32_t plane, uint32_t score) const {
        OcclusionMap out{};
        dlnms_plane_grid_init(&out.grid, sizeof out.grid);
        detail::call(dlnms_explanation_map, get(), modality, plane, score, &out.values, &out.grid);
        return out;
    }
    const dlnms_explanation* get() const { return handle_.get(); }

private:
    detail::Owner<dlnms_explanation, dlnms_explanation_free> handle_;
};

/// Scores a case and explains the scores.
inline Explanation explain(const Scorer& scorer, const Case& c, const ExplainOptions& options = {}, const Progress& progress = {},
                           const CancelToken* cancel = nullptr) {
    const dlnms_case raw = c.raw();
    const dlnms_explain_options raw_options = options.raw();
    detail::ProgressAdapter adapter(progress);
    dlnms_error* error = nullptr;
    dlnms_explanation* out = nullptr;
    const auto status = dlnms_scorer_explain(scorer.get(), &raw, &raw_options, adapter.raw(), cancel ? cancel->get() : nullptr, &out, &error);
    detail::ErrorOwner guard(error);
    Explanation explained(out);
    adapter.rethrow();
    detail::check(status, guard.release());
    return explained;
}

/// An explanation that was submitted. Destroying one that is not done lets it go on; nobody gets its outcome then.
class ExplanationJob {
public:
    explicit ExplanationJob(dlnms_job* handle) : handle_(handle) {}
    bool done() const { return dlnms_job_poll(get()) == DLNMS_JOB_DONE; }
    float progress() const { return dlnms_job_progress(get()); } ///< 0 to 1
    void cancel() const { dlnms_job_cancel(get()); }
    /// Wait, and take the explanation, or throw what explain() would have thrown. Once.
    Explanation explanation() const {
        detail::call(dlnms_job_wait, get(), UINT32_MAX);
        return Explanation(detail::make<dlnms_explanation>(dlnms_job_explanation, get()));
    }
    const dlnms_job* get() const { return handle_.get(); }

private:
    detail::Owner<dlnms_job, dlnms_job_free> handle_;
};

/// Submit a case to a queue to be explained, and return at once. Voxels, masks and arrays of `c` must stay until the job is done.
inline ExplanationJob submit_explain(const Queue& queue, const Case& c, const ExplainOptions& options = {}) {
    const dlnms_case raw = c.raw();
    const dlnms_explain_options raw_options = options.raw();
    return ExplanationJob(detail::make<dlnms_job>(dlnms_queue_submit_explain, queue.get(), &raw, &raw_options,
                                                  static_cast<const dlnms_completion*>(nullptr)));
}

/// Where the pixels of a plane of Scorer::planes() lie in the patient.
inline dlnms_plane_grid plane_grid(const Scorer& scorer, const Case& c, uint32_t plane) {
    const dlnms_case raw = c.raw();
    dlnms_plane_grid out;
    dlnms_plane_grid_init(&out, sizeof out);
    detail::call(dlnms_scorer_plane_grid, scorer.get(), &raw, plane, &out);
    return out;
}

} // namespace dlnms

#endif // DLNMS_EXPLANATION_HPP
