// A queue used as hosts use it: results as from score(), full, cancelled, called back, freed with work in it.
//   queue BUNDLE ONNXRUNTIME

#include <dlnms.hpp>

#include "expect.hpp"

#include <atomic>
#include <cmath>
#include <cstdio>
#include <thread>

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    constexpr uint64_t n = 140;
    std::vector<float> voxels(n * n * n);
    for (size_t i = 0; i < voxels.size(); ++i) voxels[i] = static_cast<float>(i % 251) * 0.02f;
    const auto volume = dlnms::packed_volume(voxels.data(), {n, n, n});
    const auto case_at = [&](double x) { return dlnms::Case(volume, volume, dlnms::roi_point({x, 70, 70})); };

    dlnms::Runtime runtime(argv[2]);
    dlnms::ScorerOptions options;
    options.providers = {dlnms::provider_options(DLNMS_PROVIDER_CPU)};
    options.providers[0].threads = 1;
    options.providers[0].precision = DLNMS_PRECISION_FP32;
    options.providers[0].kernels = 99;
    expect_status(DLNMS_E_INVALID_ARGUMENT, "kernels that are none", [&] { dlnms::Scorer(runtime, argv[1], options); });
    options.providers[0].kernels = DLNMS_KERNELS_ONNXRUNTIME;
    options.providers[0].instruction_set = DLNMS_INSTRUCTIONS_AVX2;
    expect_status(DLNMS_E_INVALID_ARGUMENT, "instructions of other kernels", [&] { dlnms::Scorer(runtime, argv[1], options); });
    options.providers[0].instruction_set = 99;
    expect_status(DLNMS_E_INVALID_ARGUMENT, "instructions that are none", [&] { dlnms::Scorer(runtime, argv[1], options); });
    options.providers[0].instruction_set = 0;
    auto scorer = std::make_unique<dlnms::Scorer>(runtime, argv[1], options);
    scorer->prepare();
    std::vector<float> truth;
    for (int i = 0; i < 12; ++i) {
        const auto scores = scorer->score(case_at(60 + i)).scores();
        expect(scores.precision == DLNMS_PRECISION_FP32, "precision of a result");
        expect(scores.kernels == DLNMS_KERNELS_ONNXRUNTIME, "kernels of a result");
        expect(scores.instruction_set == 0, "instructions of kernels that are not of dlnms");
        truth.push_back(scores.n1);
    }

    {   // The same bits, whoever scores; told once each, from other threads; cases of the host's stack may go.
        dlnms::Queue queue(*scorer, 64, 3);
        std::atomic<int> told{0};
        std::atomic<bool> foreign{true};
        const auto me = std::this_thread::get_id();
        std::vector<dlnms::Job> jobs;
        for (int i = 0; i < 12; ++i)
            jobs.push_back(queue.submit(case_at(60 + i), [&] {
                foreign = foreign && std::this_thread::get_id() != me;
                ++told;
            }));
        for (int i = 0; i < 12; ++i) {
            expect(jobs[i].result().scores().n1 == truth[i], "a queued score has the bits of a direct one");
            expect(jobs[i].done(), "done after its result");
            expect_status(DLNMS_E_INVALID_ARGUMENT, "a result is taken once", [&] { jobs[i].result(); });
        }
        for (int i = 0; i < 500 && told < 12; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        expect(told == 12 && foreign, "told of every job, by the queue");
        expect(queue.waiting() == 0, "nothing waits");
    }

    {   // Bad cases: refused when submitted, or an outcome like any other; full; cancelled; not done in time.
        dlnms::Queue queue(*scorer, 2, 1);
        auto broken = volume;
        broken.spacing[1] = -1;
        expect_status(DLNMS_E_VOLUME_GEOMETRY, "a broken volume", [&] { queue.submit(dlnms::Case(broken, volume, dlnms::roi_point({0, 0, 0}))); });
        const auto outside = queue.submit(case_at(1e6));
        expect_status(DLNMS_E_ROI_OUTSIDE, "outside", [&] { outside.result(); });

        std::atomic<bool> go{false};
        std::atomic<bool> held{false};
        const auto first = queue.submit(case_at(60), [&] { // its callback keeps the one thread
            held = true;
            while (!go) std::this_thread::yield();
        });
        while (!held) std::this_thread::yield();
        expect(first.done(), "done when it is told");
        const auto second = queue.submit(case_at(61));
        const auto third = queue.submit(case_at(62));
        expect(second.state() == DLNMS_JOB_WAITING && queue.waiting() == 2, "two wait");
        expect_status(DLNMS_E_QUEUE_FULL, "a full queue", [&] { queue.submit(case_at(63)); });
        expect(!second.wait_for(std::chrono::milliseconds(20)), "not done in time");
        expect_status(DLNMS_E_INVALID_ARGUMENT, "no result yet", [&] {
            dlnms::detail::make<dlnms_result>(dlnms_job_result, second.get());
        });
        third.cancel();
        go = true;
        expect(second.result().scores().n1 == truth[1], "the one before goes on");
        expect_status(DLNMS_E_CANCELLED, "cancelled", [&] { third.result(); });
    }

    {   // Freed with work in it: every job has an outcome when that returns, and the scorer may go first.
        std::atomic<int> told{0};
        std::vector<dlnms::Job> jobs;
        auto queue = std::make_unique<dlnms::Queue>(*scorer, 64, 2);
        for (int i = 0; i < 12; ++i) jobs.push_back(queue->submit(case_at(60 + i), [&] { ++told; }));
        jobs.erase(jobs.begin() + 6, jobs.end()); // the others are freed while they wait
        scorer.reset();
        queue.reset();
        expect(told == 12, "told of every job");
        int scored = 0, cancelled = 0;
        for (int i = 0; i < 6; ++i) {
            expect(jobs[i].done(), "done when the queue is freed");
            try {
                expect(jobs[i].result().scores().n1 == truth[i], "its bits");
                ++scored;
            } catch (const dlnms::Error& e) {
                expect(e.status() == DLNMS_E_CANCELLED, "cancelled with the queue");
                ++cancelled;
            }
        }
        expect(scored + cancelled == 6 && cancelled > 0, "those that waited are cancelled");
    }
    expect(dlnms_live_objects() == 1, "nothing but the runtime is left");
    std::printf("live %zu\n", dlnms_live_objects());
    return failures ? 1 : 0;
}
