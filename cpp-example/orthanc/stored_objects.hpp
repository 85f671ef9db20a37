// The DICOM objects of a result in Orthanc's store: all of a run, or none.
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "library.hpp"
#include "orthanc.hpp"

#include <string>
#include <vector>

namespace dlnms_orthanc {

class StoredObjects {
public:
    explicit StoredObjects(std::string study) : study_(std::move(study)) {}

    // Makes an object of the result and stores it. `output` is a word of Dlnms.Outputs. An object that Orthanc has already, which it
    // recognises by its UID, is not stored again. Throws Failure, and std::runtime_error if the study is gone or Orthanc refuses.
    void store(const Library& library, const dlnms_result* result, const std::string& output, bool allow_not_trained);
    // Throws std::runtime_error if the images were deleted, so that the objects would be all that is left of the study.
    void require_images() const;
    // Deletes what was new in Orthanc.
    void remove();
    // Sends the objects to a server of the plugin DICOMweb; throws std::runtime_error.
    void send(const std::string& server) const;

    size_t count() const { return objects_.size(); }
    // [{"Kind": "SR", "Instance": ID, "New": true}, ...]
    orthanc::Json json() const;

private:
    struct Object {
        std::string kind;
        std::string instance; // identifier of Orthanc
        bool is_new;
    };

    std::string study_;
    std::vector<Object> objects_;
};

} // namespace dlnms_orthanc
