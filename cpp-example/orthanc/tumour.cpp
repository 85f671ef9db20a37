// SPDX-License-Identifier: GPL-3.0-or-later
#include "tumour.hpp"

#include <cmath>

namespace dlnms_orthanc {

using orthanc::Json;

namespace {

constexpr const char* FORMS =
    "the body is {}, {\"Center\": [x, y, z]}, {\"RtStruct\": {\"Series\": ID, \"Roi\": NAME}}, "
    "{\"RtStruct\": {\"Series\": ID, \"Number\": N}} or {\"Seg\": {\"Series\": ID, \"Segment\": N}}";

[[noreturn]] void malformed(const std::string& why) { throw Refusal(400, why + "; " + FORMS); }

Center center(const Json& value) {
    if (!value.is_array() || value.size() != 3) malformed("Center needs three numbers");
    Center out;
    for (size_t axis = 0; axis < 3; ++axis) {
        if (!value[axis].is_number() || !std::isfinite(value[axis].get<double>())) malformed("Center needs three numbers");
        out.lps_mm[axis] = value[axis];
    }
    return out;
}

Contoured contoured(const Json& value, uint32_t source, const std::string& key) {
    if (!value.is_object() || value.size() != 2 || !value.contains("Series")) malformed(key + " is incomplete or holds another key");
    const Json& series = value.at("Series");
    if (!series.is_string() || !orthanc::is_identifier(series)) malformed(key + ".Series is not an identifier of Orthanc");
    Contoured out{source, series, {}, 0};
    const std::string number = source == DLNMS_ROI_SOURCE_SEG ? "Segment" : "Number";
    if (source == DLNMS_ROI_SOURCE_RTSTRUCT && value.contains("Roi") && value.at("Roi").is_string()) out.name = value.at("Roi");
    else if (value.contains(number) && value.at(number).is_number_integer()) out.number = value.at(number);
    else malformed(key + " is incomplete or holds another key");
    return out;
}

Json described(const Roi& roi) {
    Json out = tumour_to_json(roi.what);
    out["Name"] = roi.name;
    return out;
}

} // namespace

std::optional<Tumour> tumour_from_json(const Json& body) {
    if (!body.is_object() || body.size() > 1) malformed("the body is not an object with at most one key");
    if (body.empty()) return {};
    const std::string& key = body.begin().key();
    const Json& value = body.begin().value();
    if (key == "Center") return center(value);
    if (key == "RtStruct") return contoured(value, DLNMS_ROI_SOURCE_RTSTRUCT, key);
    if (key == "Seg") return contoured(value, DLNMS_ROI_SOURCE_SEG, key);
    malformed("the key is unknown");
}

Json tumour_to_json(const Tumour& tumour) {
    if (const auto* point = std::get_if<Center>(&tumour)) return {{"Center", point->lps_mm}};
    const auto& roi = std::get<Contoured>(tumour);
    if (roi.source == DLNMS_ROI_SOURCE_SEG) return {{"Seg", {{"Series", roi.series}, {"Segment", roi.number}}}};
    if (roi.name) return {{"RtStruct", {{"Series", roi.series}, {"Roi", *roi.name}}}};
    return {{"RtStruct", {{"Series", roi.series}, {"Number", roi.number}}}};
}

std::vector<Roi> rois_of(const Library& library, const dlnms_study* study, const StudyInput& input) {
    std::vector<Roi> out;
    const size_t count = library.dlnms_study_roi_count(study);
    for (size_t index = 0; index < count; ++index) {
        auto info = library.initialised(library.dlnms_roi_info_init);
        library.call(library.dlnms_study_roi, study, index, &info);
        // dlnms names a buffer by its place in the list that it was given: "buffer 17".
        const std::string file = info.file;
        const size_t place = std::stoul(file.substr(file.find_last_of(' ') + 1));
        out.push_back({index, {info.source, input.instances.at(place).series, {}, info.number}, info.name ? info.name : "",
                       info.refusal ? info.refusal : ""});
    }
    return out;
}

const Roi& meant(const std::vector<Roi>& rois, const Contoured& contoured) {
    const Roi* found = nullptr;
    for (const auto& roi : rois) {
        if (roi.what.source != contoured.source || roi.what.series != contoured.series) continue;
        if (contoured.name ? roi.name != *contoured.name : roi.what.number != contoured.number) continue;
        if (found) throw Refusal(409, "several ROIs of the series are meant by this name or number");
        found = &roi;
    }
    if (!found) throw Refusal(404, "the study has no such ROI");
    return *found;
}

std::vector<Roi> rois_in_orthanc(const Library& library, const Configuration& configuration, const std::string& study) {
    const StudyInput input = StudyInput::list(study, configuration, true);
    if (input.instances.empty()) return {};
    StudyFiles files(configuration.max_bytes);
    for (const auto& instance : input.instances) files.read(instance);
    return rois_of(library, files.scan(library, nullptr).get(), input);
}

Tumour only_roi(const Library& library, const Configuration& configuration, const std::string& study) {
    const auto rois = rois_in_orthanc(library, configuration, study);
    if (rois.size() == 1) return rois.front().what;
    Json list = Json::array();
    for (const auto& roi : rois) list.push_back(described(roi));
    throw Refusal(409, rois.empty() ? "the study has no ROI: give a Center" : "the study has several ROIs: name one", {{"Rois", list}});
}

} // namespace dlnms_orthanc
