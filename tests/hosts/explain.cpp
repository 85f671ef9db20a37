// Explanations as hosts use them: contributions, stability, maps, in one call and through the queue; what is refused.
//   explain BUNDLE ONNXRUNTIME [TIMES]
// With TIMES the case is scored and explained so often, and the times are printed.

#include <dlnms.hpp>

#include "expect.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace {

/// The median of the time of a call, ms.
template <class Call> double median_ms(int times, Call call) {
    std::vector<double> taken;
    for (int i = 0; i < times; ++i) {
        const auto start = std::chrono::steady_clock::now();
        call();
        taken.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    }
    std::sort(taken.begin(), taken.end());
    return taken[taken.size() / 2];
}

void print_times(const dlnms::Scorer& scorer, const dlnms::Case& c, int times) {
    dlnms::ExplainOptions contributions, stability, occlusion, fine;
    contributions.what = DLNMS_EXPLAIN_CONTRIBUTIONS;
    stability.what = DLNMS_EXPLAIN_STABILITY;
    occlusion.what = fine.what = DLNMS_EXPLAIN_OCCLUSION;
    occlusion.whole_planes = fine.whole_planes = true;
    fine.patch = 16;
    fine.stride = 8;
    const double score = median_ms(times, [&] { scorer.score(c); });
    std::printf("score %.1f ms\n", score);
    const auto print = [&](const char* name, int of, const dlnms::ExplainOptions& options) {
        const double ms = median_ms(of, [&] { dlnms::explain(scorer, c, options); });
        std::printf("%s %.1f ms, %.1f x a score\n", name, ms, ms / score);
    };
    print("contributions", times, contributions);
    print("stability", times, stability);
    print("occlusion, 147 squares", std::max(1, times / 5), occlusion);
    print("occlusion, 507 squares", 1, fine);
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3 && argc != 4) return 2;
    constexpr uint64_t n = 140;
    std::vector<float> voxels(n * n * n);
    for (size_t i = 0; i < voxels.size(); ++i) voxels[i] = static_cast<float>(i % 251) * 0.02f;
    const auto volume = dlnms::packed_volume(voxels.data(), {n, n, n});
    const dlnms::Case c(volume, volume, dlnms::roi_point({70, 70, 70}));

    dlnms::Runtime runtime(argv[2]);
    dlnms::ScorerOptions options;
    options.threads = 2;
    options.providers = {dlnms::provider_options(DLNMS_PROVIDER_CPU)};
    options.providers[0].precision = DLNMS_PRECISION_FP32;
    const dlnms::Scorer scorer(runtime, argv[1], options);
    const float n1 = scorer.score(c).scores().n1;
    if (argc == 4) {
        print_times(scorer, c, std::atoi(argv[3]));
        return 0;
    }

    dlnms::ExplainOptions all;
    all.what = DLNMS_EXPLAIN_CONTRIBUTIONS | DLNMS_EXPLAIN_STABILITY | DLNMS_EXPLAIN_OCCLUSION;
    all.age_years = 60;
    all.clinical_n0 = DLNMS_TRISTATE_YES;
    float last = 0;
    const auto explained = dlnms::explain(scorer, c, all, [&](uint32_t phase, float fraction) {
        expect(phase == DLNMS_PHASE_EXPLAIN && fraction > last, "progress goes on");
        last = fraction;
        return true;
    });
    expect(last == 1, "progress ends at 1");
    expect(explained.result().scores().n1 == n1, "an explained score has the bits of a score");
    expect(scorer.score(c).scores().n1 == n1, "and so has the next");

    double sum = 0;
    for (uint32_t modality : {DLNMS_MODALITY_PET, DLNMS_MODALITY_CT})
        for (uint32_t plane = 0; plane < 3; ++plane) sum += explained.contribution(modality, plane).n1;
    const auto pet = explained.contribution(DLNMS_MODALITY_PET), ct = explained.contribution(DLNMS_MODALITY_CT);
    expect(std::fabs(pet.base_n1 + sum - n1) < 1e-5, "the planes sum to the score");
    expect(std::fabs(pet.base_n1 + pet.n1 + ct.n1 - n1) < 1e-5, "the modalities sum to the score");
    expect((pet.agree_n1 != 0) == (pet.n1 * pet.second_n1 > 0), "agreement is one of signs");
    expect_status(DLNMS_E_INVALID_ARGUMENT, "a plane that is not there", [&] { explained.contribution(DLNMS_MODALITY_PET, 3); });
    expect_status(DLNMS_E_INVALID_ARGUMENT, "a modality that is none", [&] { explained.contribution(7); });

    const auto stability = explained.stability(DLNMS_SCORE_N2);
    expect(stability.min <= stability.p5 && stability.p5 <= stability.p95 && stability.p95 <= stability.max, "percentiles are in order");
    expect(stability.changes > 0 && stability.changes + stability.omitted == 42, "42 changes, made or not");
    expect(pet.runs == 15, "eight runs for each baseline, one of them shared");
    expect_status(DLNMS_E_INVALID_ARGUMENT, "a score that is none", [&] { explained.stability(3); });

    const auto map = explained.map(DLNMS_MODALITY_CT, 2, DLNMS_SCORE_N1);
    const auto grid = dlnms::plane_grid(scorer, c, 2);
    expect(map.grid.side == 112 && grid.side == 112, "a map has the pixels of its plane");
    for (int a = 0; a < 3; ++a)
        expect(map.grid.origin[a] == grid.origin[a] && map.grid.rows[a] == grid.rows[a], "and lies where the plane lies");
    expect(grid.origin[0] == 70 && grid.origin[1] == 4 && grid.origin[2] == 4, "the sagittal plane begins 66 mm from the centre");
    expect(std::fabs(grid.spacing_mm - 131.0 / 111) < 1e-12, "spacing of pixels");
    expect(std::isfinite(map.values[56 * 112 + 56]), "the middle was hidden");
    expect_status(DLNMS_E_INVALID_ARGUMENT, "a plane that is not there", [&] { dlnms::plane_grid(scorer, c, 3); });
    for (const char* key : {"\"explanation\"", "\"second_baseline\"", "\"stability\"", "\"population\"", "\"occlusion\"", "\"scores\""})
        expect(explained.json().find(key) != std::string::npos, key);

    {   // What was not asked for, and what nobody can compute.
        dlnms::ExplainOptions none;
        none.what = 0;
        const auto bare = dlnms::explain(scorer, c, none);
        expect_status(DLNMS_E_INVALID_ARGUMENT, "no contributions", [&] { bare.contribution(DLNMS_MODALITY_PET); });
        expect_status(DLNMS_E_INVALID_ARGUMENT, "no stability", [&] { bare.stability(DLNMS_SCORE_N1); });
        expect_status(DLNMS_E_INVALID_ARGUMENT, "no maps", [&] { bare.map(DLNMS_MODALITY_PET, 0, DLNMS_SCORE_N1); });
        auto wrong = [&](const char* what, auto change) {
            dlnms::ExplainOptions changed = all;
            change(changed);
            expect_status(DLNMS_E_INVALID_ARGUMENT, what, [&] { dlnms::explain(scorer, c, changed); });
        };
        wrong("bits that are none", [](auto& o) { o.what = 64; });
        wrong("a baseline that is none", [](auto& o) { o.baseline = 9; });
        wrong("squares that do not end with the plane", [](auto& o) { o.patch = 30, o.stride = 14; });
        wrong("squares larger than the plane", [](auto& o) { o.patch = 200, o.stride = 1; });
        wrong("squares that leave gaps", [](auto& o) { o.patch = 12, o.stride = 20; });
        wrong("an age that is none", [](auto& o) { o.age_years = -1; });
        wrong("neither yes nor no", [](auto& o) { o.nsclc = 7; });
        const dlnms::CancelToken token;
        expect_status(DLNMS_E_CANCELLED, "cancelled by progress", [&] { dlnms::explain(scorer, c, all, [](uint32_t, float) { return false; }); });
        expect_status(DLNMS_E_CANCELLED, "cancelled by a token", [&] {
            dlnms::explain(scorer, c, all, [&](uint32_t, float) { return token.trigger(), true; }, &token);
        });
    }

    {   // Through the queue: the same numbers, progress, cancelling, and outcomes of one kind only.
        dlnms::Queue queue(scorer, 8, 1);
        const auto job = dlnms::submit_explain(queue, c, all);
        const auto scored = queue.submit(c);
        float before = 0;
        while (!job.done()) {
            const float now = job.progress();
            expect(now >= before, "progress of a job goes on");
            before = now;
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        expect(job.progress() == 1, "a job that is done is done whole");
        expect_status(DLNMS_E_INVALID_ARGUMENT, "an explanation is no result", [&] { dlnms::detail::make<dlnms_result>(dlnms_job_result, job.get()); });
        const auto again = job.explanation();
        expect(again.contribution(DLNMS_MODALITY_PET, 0).n1 == explained.contribution(DLNMS_MODALITY_PET, 0).n1, "a queued explanation has the same bits");
        expect(again.stability(DLNMS_SCORE_N1).sd == explained.stability(DLNMS_SCORE_N1).sd, "likewise its stability");
        expect_status(DLNMS_E_INVALID_ARGUMENT, "an explanation is taken once", [&] { job.explanation(); });
        scored.wait_for(std::chrono::hours(1));
        expect_status(DLNMS_E_INVALID_ARGUMENT, "a result is no explanation", [&] { dlnms::detail::make<dlnms_explanation>(dlnms_job_explanation, scored.get()); });
        expect(scored.result().scores().n1 == n1, "and still a result");
        const auto unwanted = dlnms::submit_explain(queue, c, all);
        unwanted.cancel();
        expect_status(DLNMS_E_CANCELLED, "cancelled", [&] { unwanted.explanation(); });
    }
    return failures ? 1 : 0;
}
