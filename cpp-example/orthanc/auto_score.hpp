// Scores a study when it is complete in Orthanc, if the configuration asks for it.
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "score_job.hpp"

#include <condition_variable>
#include <deque>
#include <regex.h>

namespace dlnms_orthanc {

// A thread with a list of studies that became stable. A study is scored if exactly one of its ROIs has the wanted source and a name
// that RoiPattern matches. A study that dlnms has stored results in, after everything else arrived, is not scored again: storing
// them made it stable once more.
class AutoScorer {
public:
    // Throws std::runtime_error if RoiPattern is not a regular expression.
    explicit AutoScorer(Plugin& plugin);
    ~AutoScorer();

    // Takes note of a study. Orthanc calls this while it must not be asked anything, so nothing else is done.
    void stable(const std::string& study);

private:
    void run();
    void score(const std::string& study);
    bool matches(const Roi& roi) const;

    Plugin& plugin_;
    regex_t pattern_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::string> studies_;
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace dlnms_orthanc
