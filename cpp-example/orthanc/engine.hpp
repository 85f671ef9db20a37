// The scorer of the plugin, which a thread prepares while Orthanc starts.
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "configuration.hpp"
#include "library.hpp"

#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace dlnms_orthanc {

class Engine {
public:
    enum class State { starting, ready, failed };
    struct Status {
        State state;
        std::string message; // what is being done, or why it failed
    };

    // Starts the thread that loads the library, opens the bundle and prepares the scorer. Nothing that goes wrong there is thrown.
    explicit Engine(const Configuration& configuration);
    // An engine that cannot score, and why.
    explicit Engine(const std::string& reason);
    // Cancels what is being prepared, and waits for it.
    ~Engine();

    Status status() const;
    // Returns the library if it is loaded, which comes before the scorer is ready; else NULL. Lives as long as the process.
    const Library* library() const;
    // The queue of a ready engine.
    const dlnms_queue* queue() const { return queue_->get(); }
    // Description of the scorer of a ready engine, JSON.
    std::string scorer_json() const;

private:
    void prepare();
    void set(State state, const std::string& message);

    const Configuration configuration_;
    mutable std::mutex mutex_;
    Status status_;
    const Library* library_ = nullptr;
    std::optional<CancelToken> cancel_;
    bool stopping_ = false;
    std::optional<Owned<dlnms_scorer>> scorer_;
    std::optional<Owned<dlnms_queue>> queue_;
    std::thread thread_;
};

} // namespace dlnms_orthanc
