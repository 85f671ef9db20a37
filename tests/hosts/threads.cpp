// Eight host threads share one scorer: the same scores as one thread, and memory that does not grow.
//
//     threads BUNDLE ONNXRUNTIME CASES [NETWORK_THREADS]
//
// Also built with ThreadSanitizer for the host's side of every handle, callback and string.

#include "dlnms.hpp"

#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <unistd.h>

namespace {

constexpr int kThreads = 8, kKinds = 16, kSide = 48;

size_t resident_bytes() {
    long pages = 0, resident = 0;
    if (FILE* file = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
        std::fclose(file);
    }
    return static_cast<size_t>(resident) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

struct Voxels {
    std::vector<int16_t> ct;
    std::vector<float> pet;
    Voxels() : ct(kSide * kSide * kSide), pet(ct.size()) {
        for (size_t i = 0; i < ct.size(); ++i) {
            ct[i] = static_cast<int16_t>(-900 + static_cast<int>((i * 2654435761u) % 1100));
            pet[i] = static_cast<float>((i * 40503u) % 997) / 90.0f;
        }
    }
};

dlnms::Case make_case(const Voxels& v, int kind) {
    auto ct = dlnms::packed_volume(v.ct.data(), {kSide, kSide, kSide});
    auto pet = dlnms::packed_volume(v.pet.data(), {kSide, kSide, kSide});
    for (int a = 0; a < 3; ++a) {
        ct.spacing[a] = pet.spacing[a] = 4.0;
        ct.origin[a] = pet.origin[a] = -2.0 * (kSide - 1);
    }
    return {ct, pet, dlnms::roi_point({double(kind % 4) * 6 - 9, double(kind / 4) * 5 - 8, double(kind) - 8})};
}

struct Bits {
    uint32_t n1, n2;
    bool operator!=(const Bits& o) const { return n1 != o.n1 || n2 != o.n2; }
};

Bits bits(const dlnms::Result& result) {
    const auto s = result.scores();
    Bits out;
    std::memcpy(&out.n1, &s.n1, 4);
    std::memcpy(&out.n2, &s.n2, 4);
    return out;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 4 || argc > 5) return 2;
    const auto network_threads = static_cast<uint32_t>(argc > 4 ? std::atoi(argv[4]) : 0);
    const int cases = std::atoi(argv[3]);
    try {
        std::atomic<int> lines{0};
        dlnms::set_logger(DLNMS_LOG_DEBUG, [&](uint32_t, std::string_view, std::string_view) { ++lines; });
        {
            const dlnms::Runtime runtime(argv[2]);
            const dlnms::Scorer scorer(runtime, argv[1], {network_threads, {dlnms::provider_options(DLNMS_PROVIDER_CPU)}});
            const Voxels voxels;
            std::vector<Bits> truth;
            for (int kind = 0; kind < kKinds; ++kind) truth.push_back(bits(scorer.score(make_case(voxels, kind))));

            std::atomic<int> next{0}, wrong{0};
            std::atomic<size_t> warm{0};
            std::vector<std::thread> threads;
            for (int t = 0; t < kThreads; ++t) {
                threads.emplace_back([&] {
                    for (int i; (i = next++) < cases;) {
                        const auto result = scorer.score(make_case(voxels, i % kKinds));
                        if (bits(result) != truth[i % kKinds] || result.json().size() < 100) ++wrong;
                        if (i == cases / 4) warm = resident_bytes();
                    }
                });
            }
            for (auto& thread : threads) thread.join();
            const double grown = (double(resident_bytes()) - double(warm.load())) / (1 << 20);
            std::printf("%d cases on %d threads, %d wrong, RSS grew %.2f MiB after warm-up, %d log lines\n", cases, kThreads,
                        wrong.load(), grown, lines.load());
            if (wrong != 0 || (warm != 0 && grown > 4.0)) return 1;
        }
        dlnms::set_logger(DLNMS_LOG_WARN, {});
        if (lines == 0 || dlnms_live_objects() != 0) return 1;
        // Messages reach C++ whole, also when the compiler evaluates arguments from right to left.
        try {
            dlnms::Runtime nowhere("/nonexistent/place");
            return 1;
        } catch (const dlnms::Error& error) {
            return std::strstr(error.what(), "searched") ? 0 : 1;
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
