// The results of the last runs, for the routes that hand them out. They live in memory until the process ends.
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace dlnms_orthanc {

struct RunResult {
    std::string json; // result.json
    std::string html; // report.html
};

// Keeps the results of the last 64 runs, and forgets the oldest.
class Results {
public:
    void put(const std::string& run, RunResult result) {
        const std::lock_guard lock(mutex_);
        kept_.emplace_back(run, std::make_shared<const RunResult>(std::move(result)));
        if (kept_.size() > 64) kept_.pop_front();
    }
    // Returns NULL if the run is not known (any more).
    std::shared_ptr<const RunResult> get(const std::string& run) const {
        const std::lock_guard lock(mutex_);
        for (const auto& one : kept_)
            if (one.first == run) return one.second;
        return nullptr;
    }

private:
    mutable std::mutex mutex_;
    std::deque<std::pair<std::string, std::shared_ptr<const RunResult>>> kept_;
};

} // namespace dlnms_orthanc
