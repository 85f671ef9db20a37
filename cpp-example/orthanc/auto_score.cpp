// SPDX-License-Identifier: GPL-3.0-or-later
#include "auto_score.hpp"

#include <algorithm>

namespace dlnms_orthanc {

using orthanc::Json;

namespace {

constexpr size_t MAX_WAITING = 1000;
constexpr std::chrono::seconds RETRY{2};

// Whether results of dlnms are the newest of a study. Dates of Orthanc are texts that sort by time.
bool results_are_newest(const std::string& study) {
    const auto all = orthanc::get("/studies/" + study + "/series");
    if (!all) return true; // deleted meanwhile
    std::string results, others;
    for (const Json& series : *all) {
        std::string& newest = is_series_of_dlnms(series) ? results : others;
        newest = std::max(newest, series.value("LastUpdate", ""));
    }
    return !results.empty() && results >= others;
}

} // namespace

AutoScorer::AutoScorer(Plugin& plugin) : plugin_(plugin) {
    if (regcomp(&pattern_, plugin.configuration.roi_pattern.c_str(), REG_EXTENDED | REG_ICASE | REG_NOSUB) != 0)
        throw std::runtime_error("configuration, Dlnms.RoiPattern: it is not an extended regular expression");
    thread_ = std::thread([this] { run(); });
}

AutoScorer::~AutoScorer() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
    regfree(&pattern_);
}

void AutoScorer::stable(const std::string& study) {
    const std::lock_guard lock(mutex_);
    if (std::find(studies_.begin(), studies_.end(), study) != studies_.end()) return;
    if (studies_.size() >= MAX_WAITING) {
        orthanc::log_error("study " + study + " is not scored by AutoScore: " + std::to_string(MAX_WAITING) + " others wait");
        return;
    }
    studies_.push_back(study);
    changed_.notify_all();
}

void AutoScorer::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        if (studies_.empty()) {
            changed_.wait(lock);
            continue;
        }
        const auto status = plugin_.engine->status();
        if (status.state == Engine::State::starting) {
            changed_.wait_for(lock, RETRY);
            continue;
        }
        const std::string study = studies_.front();
        studies_.pop_front();
        lock.unlock();
        bool later = false;
        try {
            if (status.state == Engine::State::failed) throw std::runtime_error(status.message);
            score(study);
        } catch (const Refusal& refusal) {
            later = refusal.http == 503; // too many jobs
            if (!later) orthanc::log_warning("study " + study + " is not scored by AutoScore: " + refusal.what());
        } catch (const std::exception& error) {
            orthanc::log_warning("study " + study + " is not scored by AutoScore: " + error.what());
        }
        lock.lock();
        if (later) {
            studies_.push_front(study);
            changed_.wait_for(lock, RETRY);
        }
    }
}

bool AutoScorer::matches(const Roi& roi) const {
    const uint32_t wanted = plugin_.configuration.auto_score == AutoScore::seg ? DLNMS_ROI_SOURCE_SEG : DLNMS_ROI_SOURCE_RTSTRUCT;
    return roi.what.source == wanted && regexec(&pattern_, roi.name.c_str(), 0, nullptr, 0) == 0;
}

void AutoScorer::score(const std::string& study) {
    if (results_are_newest(study)) return;
    std::vector<Roi> wanted;
    for (const auto& roi : rois_in_orthanc(*plugin_.engine->library(), plugin_.configuration, study))
        if (matches(roi)) wanted.push_back(roi);
    if (wanted.size() != 1) {
        orthanc::log_info("study " + study + ": " + std::to_string(wanted.size()) + " ROIs match, and AutoScore needs one");
        return;
    }
    ScoreJob::submit(plugin_, study, wanted.front().what);
}

} // namespace dlnms_orthanc
