// The instances of a study that a score needs: CT, PET, structure sets and segmentations, without what this plugin has stored.
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "configuration.hpp"
#include "library.hpp"
#include "orthanc.hpp"

#include <stdexcept>
#include <string>
#include <vector>

namespace dlnms_orthanc {

// Why a request is refused, with the HTTP status that says it.
class Refusal : public std::runtime_error {
public:
    Refusal(uint16_t http, const std::string& message, orthanc::Json details = nullptr)
        : std::runtime_error(message), http(http), details(std::move(details)) {}
    const uint16_t http;
    const orthanc::Json details; // more of the answer, an object or null
};

struct StudyInput {
    struct Instance {
        std::string id;
        std::string series; // identifier of Orthanc
    };
    std::vector<Instance> instances;

    // Lists the instances of a study. With `rois_alone` they are those of structure sets and segmentations.
    // Throws Refusal: 404 if there is no such study, 413 if it is larger than the configuration allows.
    static StudyInput list(const std::string& study, const Configuration& configuration, bool rois_alone = false);
};

// Files of instances in memory, in the order of their list.
class StudyFiles {
public:
    explicit StudyFiles(uint64_t max_bytes) : max_bytes_(max_bytes) {}
    // Reads one more. Throws Refusal: 404 if it is gone, 413 beyond the limit.
    void read(const StudyInput::Instance& instance);
    size_t count() const { return files_.size(); }
    // Scans the files with dlnms, which copies them.
    Owned<dlnms_study> scan(const Library& library, const CancelToken* cancel) const;

private:
    uint64_t max_bytes_;
    uint64_t bytes_ = 0;
    std::vector<orthanc::Bytes> files_;
};

// Whether a series, as Orthanc describes it, was stored by dlnms.
bool is_series_of_dlnms(const orthanc::Json& series);

} // namespace dlnms_orthanc
