// How a host stops the library: by a token from another thread, and by a progress callback that says no.
//
//     cancel BUNDLE [ONNXRUNTIME]
//
// Research use only.

#include "dlnms.hpp"

#include <iostream>
#include <thread>

namespace {

/// Run a call that must end as cancelled.
template <class F>
bool is_cancelled(const char* how, F&& call) {
    try {
        call();
        std::cout << how << ": was not cancelled\n";
        return false;
    } catch (const dlnms::Error& error) {
        std::cout << how << ": " << error.what() << '\n';
        return error.status() == DLNMS_E_CANCELLED;
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2 || argc > 3) {
        std::cerr << "usage: cancel BUNDLE [ONNXRUNTIME]\n";
        return 2;
    }
    try {
        const dlnms::Runtime runtime(argc > 2 ? argv[2] : "");
        const dlnms::Scorer scorer(runtime, argv[1], {0, {dlnms::provider_options(DLNMS_PROVIDER_CPU)}});
        bool good = true;

        // A token, triggered from another thread while the network is being built.
        const dlnms::CancelToken token;
        std::thread impatient;
        good &= is_cancelled("token from another thread", [&] {
            scorer.prepare(
                [&](uint32_t phase, float) {
                    if (phase == DLNMS_PHASE_LOAD) impatient = std::thread([&] { token.trigger(); });
                    // For the example alone: a fast machine would be ready before the other thread runs.
                    if (phase == DLNMS_PHASE_WARM_UP && impatient.joinable()) impatient.join();
                    return true;
                },
                &token);
        });
        if (impatient.joinable()) impatient.join();

        // A callback that has seen enough.
        good &= is_cancelled("progress callback", [&] {
            scorer.prepare([](uint32_t phase, float) { return phase != DLNMS_PHASE_SELF_TEST; });
        });

        // An exception in a callback ends the call too, and arrives here as itself.
        try {
            scorer.prepare([](uint32_t, float) -> bool { throw std::runtime_error("the host's own error"); });
            good = false;
        } catch (const std::runtime_error& error) {
            std::cout << "exception in the callback: " << error.what() << '\n';
        }

        // Nothing was lost: the same scorer prepares when it is let.
        scorer.prepare();
        std::cout << "prepared after three cancelled tries\n";
        return good ? 0 : 1;
    } catch (const std::exception& error) {
        std::cerr << "error: " << error.what() << '\n';
        return 1;
    }
}
