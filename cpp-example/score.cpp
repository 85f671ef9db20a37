// A C++17 host that has no DICOM reader: reads a study through the library and scores a tumour.
//
//     score --bundle DIR --center X,Y,Z [--onnxruntime PATH] [--json FILE] [--raw] PATH...
//
// PATH are DICOM files or folders of CT and PET. --raw copies the voxels out first and scores them as a host's own
// volumes, without the study: the scores are the same to the bit. Research use only.

#include "dlnms.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <unistd.h>

namespace {

struct Arguments {
    std::string bundle, onnxruntime, json;
    dlnms::Point center{};
    bool has_center = false, raw = false;
    std::vector<std::string> paths;
};

int usage(std::ostream& out, int code) {
    out << "usage: score --bundle DIR --center X,Y,Z [--onnxruntime PATH] [--json FILE] [--raw] PATH...\n"
           "\n"
           "Scores a tumour of a PET/CT study. PATH are DICOM files or folders with the CT and the PET.\n"
           "  --bundle DIR        model bundle\n"
           "  --center X,Y,Z      centre of the tumour, LPS millimetres; write --center=-42.3,-14.6,-122.1\n"
           "  --onnxruntime PATH  libonnxruntime.so or its folder (default: DLNMS_ONNXRUNTIME)\n"
           "  --json FILE         write the whole result with its provenance\n"
           "  --raw               score the voxels as a host's own volumes\n"
           "Exit codes: 0 scored, 1 refused or failed, 2 wrong usage. Research use only.\n";
    return code;
}

bool parse_point(const std::string& text, dlnms::Point& point) {
    std::istringstream in(text);
    char comma = 0, comma2 = 0;
    return static_cast<bool>(in >> point[0] >> comma >> point[1] >> comma2 >> point[2]) && comma == ',' && comma2 == ',' &&
           in.peek() == EOF;
}

bool parse(int argc, char** argv, Arguments& out) {
    for (int i = 1; i < argc; ++i) {
        std::string name = argv[i], value;
        if (name.rfind("--", 0) != 0) {
            out.paths.push_back(name);
            continue;
        }
        if (name == "--raw") {
            out.raw = true;
            continue;
        }
        if (const auto equals = name.find('='); equals != std::string::npos) {
            value = name.substr(equals + 1);
            name.resize(equals);
        } else if (++i < argc) {
            value = argv[i];
        } else {
            return false;
        }
        if (name == "--bundle") out.bundle = value;
        else if (name == "--onnxruntime") out.onnxruntime = value;
        else if (name == "--json") out.json = value;
        else if (name == "--center") {
            if (!parse_point(value, out.center)) return false;
            out.has_center = true;
        } else return false;
    }
    return !out.bundle.empty() && out.has_center && !out.paths.empty();
}

/// One line that is rewritten on a terminal, silence elsewhere.
bool show_progress(uint32_t phase, float fraction) {
    static const bool terminal = isatty(STDERR_FILENO) != 0;
    static const char* const names[] = {"", "building the network", "warming up", "self-test", "ready", "decoding DICOM"};
    if (terminal && phase < sizeof names / sizeof names[0]) {
        std::fprintf(stderr, "\r\033[K%s %3.0f %%", names[phase], 100.0 * fraction);
        if (phase == DLNMS_PHASE_READY || fraction >= 1.0f) std::fprintf(stderr, "\r\033[K");
    }
    return true;
}

/// Voxels in memory of the host's own, with the description that goes with them.
struct HostVolume {
    explicit HostVolume(const dlnms_volume& from) : description(from) {
        const size_t bytes = static_cast<size_t>(from.strides[2]) * from.dims[2];
        voxels.assign(static_cast<const char*>(from.data), static_cast<const char*>(from.data) + bytes);
        slopes.assign(from.slice_slopes, from.slice_slopes + from.dims[2]);
        if (from.slice_offsets) offsets.assign(from.slice_offsets, from.slice_offsets + from.dims[2]);
        description.data = voxels.data();
        description.slice_slopes = slopes.data();
        description.slice_offsets = offsets.empty() ? nullptr : offsets.data();
    }
    std::vector<char> voxels;
    std::vector<double> slopes, offsets;
    dlnms_volume description;
};

const char* provider(uint32_t code) {
    switch (code) {
    case DLNMS_PROVIDER_CPU: return "cpu";
    case DLNMS_PROVIDER_CUDA: return "cuda";
    case DLNMS_PROVIDER_TENSORRT: return "tensorrt";
    case DLNMS_PROVIDER_TENSORRT_RTX: return "tensorrt-rtx";
    default: return "unknown";
    }
}

const char* risk(uint32_t group) {
    switch (group) {
    case DLNMS_RISK_HIGH: return "high";
    case DLNMS_RISK_LOW: return "low";
    default: return "none";
    }
}

void print(const dlnms::Result& result) {
    const dlnms_scores s = result.scores();
    std::cout << "RESEARCH USE ONLY. Not for diagnosis.\n";
    if (s.flags & DLNMS_FLAG_NOT_TRAINED) std::cout << "NOT TRAINED: the scores mean nothing about a patient.\n";
    std::cout << std::setprecision(9) << "n1 " << s.n1 << " (" << risk(s.risk_n1) << ", cut-off " << s.cutoff_n1 << ")\n"
              << "n2 " << s.n2 << " (" << risk(s.risk_n2) << ", cut-off " << s.cutoff_n2 << ")\n"
              << "combined risk " << risk(s.risk_combined) << '\n';
    for (const auto& head : result.heads()) std::cout << "head " << head.name << ' ' << head.score << '\n';
    std::cout << std::fixed << std::setprecision(3) << "provider " << provider(s.provider) << '\n'
              << "ms: preprocess " << s.preprocess_ns / 1e6 << ", evidence " << s.evidence_ns / 1e6 << ", infer "
              << s.infer_ns / 1e6 << ", total " << s.total_ns / 1e6 << '\n';
}

} // namespace

int main(int argc, char** argv) {
    if (argc == 2 && (!std::strcmp(argv[1], "--help") || !std::strcmp(argv[1], "-h"))) return usage(std::cout, 0);
    Arguments arguments;
    if (!parse(argc, argv, arguments)) return usage(std::cerr, 2);
    try {
        const dlnms::Runtime runtime(arguments.onnxruntime);
        const dlnms::Scorer scorer(runtime, arguments.bundle);
        scorer.prepare(show_progress);
        const dlnms::Study study(arguments.paths, show_progress);
        for (const auto& warning : study.warnings()) std::cerr << "warning: " << warning << '\n';
        const auto score = [&] {
            if (!arguments.raw) return scorer.score(study.case_at(arguments.center));
            const HostVolume ct(study.ct()), pet(study.pet());
            return scorer.score({ct.description, pet.description, study.pet_info(), dlnms::roi_point(arguments.center)});
        };
        const dlnms::Result result = score();
        print(result);
        if (!arguments.json.empty()) {
            std::ofstream file(arguments.json);
            file << result.json() << '\n';
            file.close();
            if (!file) throw std::runtime_error("cannot write " + arguments.json);
        }
        return EXIT_SUCCESS;
    } catch (const dlnms::Error& error) {
        std::cerr << "error " << error.status() << ": " << error.what() << '\n';
    } catch (const std::exception& error) {
        std::cerr << "error: " << error.what() << '\n';
    }
    return EXIT_FAILURE;
}
