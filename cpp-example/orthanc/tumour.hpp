// Which tumour a request means, as it stands in the body of a request and in a job that Orthanc keeps.
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "study_input.hpp"

#include <array>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace dlnms_orthanc {

// {"Center": [x, y, z]}: a point, LPS mm.
struct Center {
    std::array<double, 3> lps_mm;
};

// {"RtStruct": {"Series": ID, "Roi": NAME}} or {"RtStruct": {"Series": ID, "Number": ROI_NUMBER}} or
// {"Seg": {"Series": ID, "Segment": NUMBER}}.
struct Contoured {
    uint32_t source; // a DLNMS_ROI_SOURCE_ constant
    std::string series;
    std::optional<std::string> name;
    int64_t number = 0; // if there is no name
};

using Tumour = std::variant<Center, Contoured>;

// Reads a tumour. Nothing is returned for {}: the study's only ROI. Throws Refusal 400.
std::optional<Tumour> tumour_from_json(const orthanc::Json& body);
orthanc::Json tumour_to_json(const Tumour& tumour);

// An ROI of a study in Orthanc.
struct Roi {
    size_t index; // of dlnms_study_roi()
    Contoured what;
    std::string name;
    std::string refusal; // why it has no mask; empty if it has one
};

// Lists the ROIs of a scanned study whose files are those of `input`.
std::vector<Roi> rois_of(const Library& library, const dlnms_study* study, const StudyInput& input);

// Returns the one ROI that is meant. Throws Refusal 404 if there is none, 409 if several have the name.
const Roi& meant(const std::vector<Roi>& rois, const Contoured& contoured);

// Names the ROIs of a study in Orthanc without reading an image.
std::vector<Roi> rois_in_orthanc(const Library& library, const Configuration& configuration, const std::string& study);

// Returns the only ROI of a study in Orthanc. Throws Refusal 409, which lists them, if there is none or there are several.
Tumour only_roi(const Library& library, const Configuration& configuration, const std::string& study);

} // namespace dlnms_orthanc
