// How long a score takes inside a C++ program: start, first score, and percentiles of every part of a warm call.
//   latency BUNDLE [CASES [PROVIDER [THREADS [HOW]...]]]
//   PROVIDER: auto cpu cuda tensorrt tensorrt-rtx openvino    HOW: spin fp32 fp16 bf16
//   HOW, kernels of the CPU: onnxruntime, or avx2 avx512 avx512bf16 scalar of dlnms
//
// Volumes are those of a scanner - CT 512 x 512 x 200 int16, PET 200 x 200 x 200 float -, their content is arithmetic.
// RESEARCH USE ONLY. Not a medical device; not for diagnosis or treatment decisions.

#include "dlnms.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// A part of the call, in milliseconds.
struct Part {
    const char* name;
    std::vector<double> ms;
};

double percentile(const std::vector<double>& sorted, double p) {
    return sorted[std::min(sorted.size() - 1, static_cast<size_t>(p * static_cast<double>(sorted.size())))];
}

uint32_t provider(const char* name) {
    const std::pair<const char*, uint32_t> known[] = {
        {"cpu", DLNMS_PROVIDER_CPU},           {"cuda", DLNMS_PROVIDER_CUDA},
        {"tensorrt", DLNMS_PROVIDER_TENSORRT}, {"tensorrt-rtx", DLNMS_PROVIDER_TENSORRT_RTX},
        {"openvino", DLNMS_PROVIDER_OPENVINO},
    };
    for (const auto& [known_name, code] : known)
        if (std::strcmp(name, known_name) == 0) return code;
    throw std::invalid_argument(std::string(name) + " is no provider");
}

/// Options of a scorer in the words of the command line.
dlnms::ScorerOptions options_for(const char* provider_name, uint32_t threads, const std::vector<std::string>& words) {
    dlnms::ScorerOptions options;
    options.threads = threads;
    const std::map<std::string, uint32_t> precisions = {
        {"fp32", DLNMS_PRECISION_FP32}, {"fp16", DLNMS_PRECISION_FP16}, {"bf16", DLNMS_PRECISION_BF16}};
    const std::map<std::string, uint32_t> instruction_sets = {{"scalar", DLNMS_INSTRUCTIONS_SCALAR},
                                                              {"avx2", DLNMS_INSTRUCTIONS_AVX2},
                                                              {"avx512", DLNMS_INSTRUCTIONS_AVX512},
                                                              {"avx512bf16", DLNMS_INSTRUCTIONS_AVX512_BF16}};
    uint32_t kernels = 0, instruction_set = 0;
    for (const auto& word : words) {
        if (word == "spin") options.spin = true;
        else if (word == "onnxruntime") kernels = DLNMS_KERNELS_ONNXRUNTIME;
        else if (const auto set = instruction_sets.find(word); set != instruction_sets.end()) {
            kernels = DLNMS_KERNELS_DLNMS;
            instruction_set = set->second;
        } else if (const auto known = precisions.find(word); known != precisions.end()) options.precision = known->second;
        else throw std::invalid_argument(word + " is none of spin fp32 fp16 bf16 onnxruntime avx2 avx512 avx512bf16 scalar");
    }
    if (std::strcmp(provider_name, "auto") == 0) {
        if (kernels != 0) throw std::invalid_argument("kernels go with the provider cpu");
    } else {
        auto entry = dlnms::provider_options(provider(provider_name));
        entry.kernels = kernels;
        entry.instruction_set = instruction_set;
        options.providers = {entry};
    }
    return options;
}

int run(const char* bundle, size_t cases, const dlnms::ScorerOptions& options) {
    const auto start = Clock::now();
    const dlnms::Runtime runtime;
    const dlnms::Scorer scorer(runtime, bundle, options);
    scorer.prepare([](uint32_t phase, float) {
        if (phase == DLNMS_PHASE_BUILD) std::fputc('.', stderr); // every 100 ms at least
        return true;
    });
    std::fputc('\n', stderr);
    const double prepared = ms_since(start);

    std::vector<int16_t> hu(512 * 512 * 200);
    for (size_t i = 0; i < hu.size(); ++i) hu[i] = static_cast<int16_t>(i % 1500) - 1000;
    std::vector<float> suv(200 * 200 * 200);
    for (size_t i = 0; i < suv.size(); ++i) suv[i] = static_cast<float>(i % 400) * 0.01f;
    auto ct = dlnms::packed_volume(hu.data(), {512, 512, 200});
    auto pet = dlnms::packed_volume(suv.data(), {200, 200, 200});
    const auto place = [](dlnms_volume& volume, double pixel, double step) {
        volume.spacing[0] = volume.spacing[1] = pixel;
        volume.spacing[2] = step;
    };
    place(ct, 0.9765625, 3.0);
    place(pet, 2.5, 3.0);

    std::vector<Part> parts = {{"call", {}},  {"preprocess", {}}, {"evidence", {}},
                               {"infer", {}}, {"finish", {}}, {"the rest", {}}};
    dlnms_scores scores{};
    for (size_t n = 0; n < cases; ++n) {
        const double x = 150 + static_cast<double>(n % 100); // another place each time: nothing is found in a cache
        const auto begun = Clock::now();
        const auto result = scorer.score(dlnms::Case(ct, pet, dlnms::roi_point({x, 250, 300})));
        const double whole = ms_since(begun);
        scores = result.scores();
        const auto ms = [](uint64_t ns) { return static_cast<double>(ns) * 1e-6; };
        const double known[] = {whole, ms(scores.preprocess_ns), ms(scores.evidence_ns), ms(scores.infer_ns),
                                ms(scores.finish_ns)};
        for (size_t part = 0; part < 5; ++part) parts[part].ms.push_back(known[part]);
        parts[5].ms.push_back(whole - known[1] - known[2] - known[3] - known[4]); // the boundary, and making the result
    }
    std::printf("Research use only. dlnms %s, ONNX Runtime %s, provider %u, precision %u, kernels %u, instructions %u, n1 %.6f\n", dlnms_version(),
                runtime.version().c_str(), scores.provider, scores.precision, scores.kernels, scores.instruction_set,
                static_cast<double>(scores.n1));
    std::printf("ready to score after %.0f ms; %zu cases, milliseconds:\n", prepared, cases);
    std::printf("%-12s %8s %8s %8s %8s %8s\n", "", "min", "p50", "p90", "p99", "max");
    for (auto& part : parts) {
        std::sort(part.ms.begin(), part.ms.end());
        std::printf("%-12s %8.3f %8.3f %8.3f %8.3f %8.3f\n", part.name, part.ms.front(), percentile(part.ms, 0.5),
                    percentile(part.ms, 0.9), percentile(part.ms, 0.99), part.ms.back());
    }
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    const long cases = argc > 2 ? std::strtol(argv[2], nullptr, 10) : 200;
    const long threads = argc > 4 ? std::strtol(argv[4], nullptr, 10) : 0;
    if (argc < 2 || cases < 1 || threads < 0) {
        std::fprintf(stderr, "usage: latency BUNDLE [CASES [PROVIDER [THREADS [HOW]...]]]\n");
        return 2;
    }
    try {
        const std::vector<std::string> words(argv + std::min(argc, 5), argv + argc);
        const auto options = options_for(argc > 3 ? argv[3] : "auto", static_cast<uint32_t>(threads), words);
        return run(argv[1], static_cast<size_t>(cases), options);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "latency: %s\n", e.what());
        return 1;
    }
}
