// The network alone, by a plain ONNX Runtime program in C++: what the plugin's `infer` is to be compared with.
//   plain_ort LIBONNXRUNTIME.so MODEL.onnx [RUNS [THREADS [SPIN [OFFSETS]]]]     prints p50 and p99 in milliseconds
//   OFFSETS: a file with the places of `cpuid` in the library, which then sees no AVX-512 (held_to_avx2.hpp)
//
// ONNX Runtime's wheels hold no C header, so the few functions that are needed are taken from the table of functions by
// their places, which never change (onnxruntime_c_api.h appends only).

#include "held_to_avx2.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <string>
#include <vector>

namespace {

using Status = void*;
struct ApiBase {
    const void* const* (*get_api)(uint32_t version);
    const char* (*version)();
};
const void* const* api;

enum Place : size_t {
    get_error_message = 2,
    create_env = 3,
    create_session = 7,
    run_session = 9,
    create_session_options = 10,
    set_graph_optimization_level = 23,
    set_intra_op_num_threads = 24,
    create_tensor_with_data = 49,
    create_cpu_memory_info = 69,
    add_free_dimension_override_by_name = 124,
    add_session_config_entry = 130,
};

template <class... Args>
void call(Place place, Args... args) {
    const Status status = reinterpret_cast<Status (*)(Args...)>(const_cast<void*>(api[place]))(args...);
    if (!status) return;
    std::fprintf(stderr, "plain_ort: %s\n", reinterpret_cast<const char* (*)(Status)>(const_cast<void*>(api[get_error_message]))(status));
    std::exit(1);
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 3) return std::fprintf(stderr, "usage: plain_ort LIBONNXRUNTIME.so MODEL.onnx [RUNS [THREADS [SPIN [OFFSETS]]]]\n"), 2;
    const int runs = argc > 3 ? std::atoi(argv[3]) : 200;
    const int threads = argc > 4 ? std::atoi(argv[4]) : 2;
    const char* spin = argc > 5 ? argv[5] : "0";
    setenv("ORT_DISABLE_TELEMETRY", "1", 1); // a program may change its own environment; a library must not
    void* library = dlopen(argv[1], RTLD_NOW);
    if (!library) return std::fprintf(stderr, "plain_ort: %s\n", dlerror()), 1;
    const bool is_held = argc > 6 && held::to_avx2(argv[1], argv[6]) > 0;
    const auto base = reinterpret_cast<const ApiBase* (*)()>(dlsym(library, "OrtGetApiBase"))();
    api = base->get_api(17);

    void *env = nullptr, *options = nullptr, *session = nullptr, *memory = nullptr;
    call(create_env, 2, "plain", &env);
    call(create_session_options, &options);
    call(set_intra_op_num_threads, options, threads);
    call(set_graph_optimization_level, options, 99);
    call(add_session_config_entry, options, "session.intra_op.allow_spinning", spin);
    call(add_free_dimension_override_by_name, options, "batch", int64_t{1});
    call(create_session, env, static_cast<const char*>(argv[2]), static_cast<const void*>(options), &session);
    call(create_cpu_memory_info, 1, 0, &memory);

    const int64_t image[] = {1, 3, 112, 112}, heads[] = {1, 6};
    std::vector<float> pet(3 * 112 * 112), ct(pet.size()), scores(6);
    for (size_t i = 0; i < pet.size(); ++i) {
        pet[i] = static_cast<float>(i % 397) * 0.01f - 0.9f;
        ct[i] = static_cast<float>(i % 211) * 0.01f - 1.2f;
    }
    const auto tensor = [&](std::vector<float>& data, const int64_t* shape, size_t rank) {
        void* value = nullptr;
        call(create_tensor_with_data, static_cast<const void*>(memory), static_cast<void*>(data.data()), data.size() * sizeof(float),
             shape, rank, 1, &value);
        return value;
    };
    const void* const inputs[] = {tensor(pet, image, 4), tensor(ct, image, 4)};
    void* output = tensor(scores, heads, 2);
    const char* const input_names[] = {"pet", "ct"};
    const char* const output_names[] = {"scores"};
    std::vector<double> ms;
    for (int i = -5; i < runs; ++i) { // five to warm up
        const auto begun = std::chrono::steady_clock::now();
        call(run_session, session, static_cast<const void*>(nullptr), &input_names[0], &inputs[0], size_t{2}, &output_names[0], size_t{1}, &output);
        if (i >= 0) ms.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count());
    }
    std::sort(ms.begin(), ms.end());
    std::printf("{\"peer\": \"onnxruntime %s, C++%s\", \"p50\": %.4f, \"p99\": %.4f, \"n1\": %.6f}\n", base->version(), is_held ? ", held to AVX2" : "", ms[ms.size() / 2],
                ms[ms.size() * 99 / 100], static_cast<double>(scores[0]));
}
