// What callbacks throw goes on to whom it concerns: the caller, or the log. And waits of every length.
//
//     exceptions BUNDLE ONNXRUNTIME STUDY-FOLDER

#include <dlnms.hpp>

#include "expect.hpp"

#include <atomic>
#include <chrono>
#include <cmath>
#include <limits>
#include <thread>
#include <unistd.h>

namespace {

struct Mine : std::runtime_error {
    explicit Mine(int n) : std::runtime_error("mine"), number(n) {}
    int number;
};

/// Number of the Mine that `body` throws; -1 if it throws something else, 0 if nothing.
template <class F>
int thrown(F body) {
    try {
        body();
    } catch (const Mine& e) {
        return e.number;
    } catch (...) {
        return -1;
    }
    return 0;
}

struct Lines {
    std::mutex mutex;
    std::vector<std::string> lines;
    void add(std::string_view line) {
        const std::lock_guard<std::mutex> lock(mutex);
        lines.emplace_back(line);
    }
    bool has(std::string_view word) {
        const std::lock_guard<std::mutex> lock(mutex);
        for (const auto& line : lines)
            if (line.find(word) != std::string::npos) return true;
        return false;
    }
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    using namespace std::chrono_literals;
    constexpr uint64_t n = 40;
    const std::vector<int16_t> voxels(n * n * n);
    auto volume = dlnms::packed_volume(voxels.data(), {n, n, n});
    for (double& spacing : volume.spacing) spacing = 5;
    const dlnms::Case c(volume, volume, dlnms::roi_point({100, 100, 100}));

    const dlnms::Runtime runtime(argv[2]);
    const dlnms::Scorer scorer(runtime, argv[1]);

    // A progress callback: once it has thrown it is not called again, and the call throws the same.
    int calls = 0;
    expect(thrown([&] { scorer.prepare([&](uint32_t, float) -> bool { throw Mine(++calls); }); }) == 1 && calls == 1, "prepare throws what its callback threw");
    scorer.prepare(); // and can be called again
    auto study = dlnms::Study::scan({argv[3]});
    std::atomic<int> slices{0};
    const auto throws_at_third = [&](uint32_t, float) -> bool {
        if (++slices >= 3) throw Mine(slices);
        return true;
    };
    expect(thrown([&] { study.load({}, throws_at_third); }) == 3 && slices == 3, "load throws the first of its callback's exceptions");
    expect(thrown([&] { dlnms::Study whole({argv[3]}, [](uint32_t, float) -> bool { throw Mine(7); }); }) == 7, "and so does the constructor");
    study.load();

    // A job's callback has no caller: the log hears of it, and the job keeps its outcome.
    Lines lines;
    dlnms::set_logger(DLNMS_LOG_ERROR, [&](uint32_t, std::string_view target, std::string_view message) {
        lines.add(std::string(target) + " " + std::string(message));
    });
    {
        dlnms::Queue queue(scorer);
        const auto job = queue.submit(c, [] { throw std::runtime_error("the window is closed"); });
        const auto other = queue.submit(c, [] { throw 42; });
        expect(job.result().scores().n1 >= 0 && other.result().scores().n1 >= 0, "both jobs have their outcomes");
    }
    expect(lines.has("dlnms::host the callback of a job threw an exception: the window is closed"), "the log has its words");
    {
        dlnms::Queue queue(scorer);
        queue.submit(c, [] { throw std::runtime_error("f\xfc r"); }).result();
    }
    expect(lines.has("exception: f\xef\xbf\xbd r"), "words that are not UTF-8 are replaced");

    // A log callback: kept until somebody asks, or until the logger is replaced.
    const auto log_throws = [](int number) {
        return [number](uint32_t, std::string_view, std::string_view) { throw Mine(number); };
    };
    const auto log_a_line = [] { dlnms_logger_write(DLNMS_LOG_WARN, "a line", nullptr); };
    dlnms::set_logger(DLNMS_LOG_WARN, log_throws(11));
    expect(dlnms::take_log_exception() == nullptr, "nothing was logged yet");
    log_a_line();
    log_a_line();
    expect(thrown([] { std::rethrow_exception(dlnms::take_log_exception()); }) == 11, "what the log callback threw");
    expect(dlnms::take_log_exception() == nullptr, "is given once");
    log_a_line();
    expect(thrown([&] { dlnms::set_logger(DLNMS_LOG_WARN, log_throws(12)); }) == 11, "the next logger's caller hears of it");
    log_a_line();
    expect(thrown([] { dlnms::set_logger(DLNMS_LOG_WARN, {}); }) == 12, "the new logger was set all the same");
    log_a_line();
    expect(dlnms::take_log_exception() == nullptr, "silent");
    expect_status(DLNMS_E_INVALID_ARGUMENT, "level of a line", [] { dlnms::detail::call(dlnms_logger_write, 6u, "x"); });
    expect_status(DLNMS_E_NULL_ARGUMENT, "no line", [] { dlnms::detail::call(dlnms_logger_write, DLNMS_LOG_WARN, static_cast<const char*>(nullptr)); });

    {   // Waits: at once, in parts of a second, and longer than the library's own range.
        dlnms::Queue queue(scorer, 4, 1);
        std::atomic<bool> go{false}, held{false};
        const auto first = queue.submit(c, [&] {
            held = true;
            while (!go) std::this_thread::sleep_for(1ms);
        });
        while (!held) std::this_thread::sleep_for(1ms);
        const auto job = queue.submit(c);
        const double nan = std::numeric_limits<double>::quiet_NaN();
        // One of these that took its length for a large one would wait for years: the alarm ends the program.
        alarm(120);
        expect(!job.wait_for(-1ms) && !job.wait_for(0ms) && !job.wait_for(-49h * 24), "no wait");
        expect(!job.wait_for(std::chrono::milliseconds::min()) && !job.wait_for(std::chrono::hours::min()), "least durations");
        expect(!job.wait_for(std::chrono::duration<double>(nan)), "no number");
        expect(!job.wait_for(std::chrono::duration<double>(-std::numeric_limits<double>::infinity())), "minus infinity");
        expect(!job.wait_for(50ms), "not done in time");
        expect(!job.wait_for(1us), "not done so fast");
        std::thread releases([&] {
            std::this_thread::sleep_for(50ms);
            go = true;
        });
        expect(job.wait_for(std::chrono::hours::max()), "the longest wait there is");
        expect(job.wait_for(-1ms) && job.wait_for(std::chrono::milliseconds::max()) && job.wait_for(std::chrono::duration<double>::max()), "done is done");
        releases.join();
        alarm(0);
    }
    // A case keeps its mask: the struct it was made of may go.
    const std::vector<uint8_t> ones(n * n * n, 1);
    const auto masked = [&] {
        auto mask = dlnms::packed_volume(ones.data(), {n, n, n});
        for (double& spacing : mask.spacing) spacing = 5;
        return dlnms::Case(volume, volume, dlnms::roi_mask(mask));
    };
    dlnms::Case kept = masked();
    kept = dlnms::Case(kept);
    const dlnms_scores scores = scorer.score(kept).scores();
    expect(std::abs(scores.center_lps_mm[0] - 97.5) < 1e-6, "the mask's centroid");
    return failures ? 1 : 0;
}
