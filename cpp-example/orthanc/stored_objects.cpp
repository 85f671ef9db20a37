// SPDX-License-Identifier: GPL-3.0-or-later
#include "stored_objects.hpp"

#include "page_files.hpp"
#include "study_input.hpp"

#include <map>

namespace dlnms_orthanc {

using orthanc::Json;

namespace {

uint32_t kind(const std::string& output) {
    static const std::map<std::string, uint32_t> kinds = {
        {"SR", DLNMS_OBJECT_SCORE_REPORT},
        {"SEG", DLNMS_OBJECT_SEGMENTATION},
        {"SC", DLNMS_OBJECT_PAGE_IMAGE},
        {"PDF", DLNMS_OBJECT_PAGE_DOCUMENT},
        {"MARKER", DLNMS_OBJECT_MARKER}};
    return kinds.at(output);
}

std::string written(const Library& library, const dlnms_result* result, const std::string& output, bool allow_not_trained) {
    auto options = library.initialised(library.dlnms_write_options_init);
    options.allow_not_trained = allow_not_trained ? 1 : 0;
    Picture picture;
    if (output == "SC") {
        picture = page_picture(library, result);
        options.page_rgb = picture.rgb.data();
        options.page_width = picture.width;
        options.page_height = picture.height;
    }
    std::string pdf;
    if (output == "PDF") {
        pdf = page_file(library, result, DLNMS_PAGE_PDF);
        options.page_pdf = reinterpret_cast<const uint8_t*>(pdf.data());
        options.page_pdf_size = pdf.size();
    }
    return bytes_of_sink(library, [&](const dlnms_sink* sink) {
        library.call(library.dlnms_result_write, result, kind(output), static_cast<const dlnms_write_options*>(&options), sink);
    });
}

} // namespace

void StoredObjects::store(const Library& library, const dlnms_result* result, const std::string& output, bool allow_not_trained) {
    require_images();
    const std::string bytes = written(library, result, output, allow_not_trained);
    const auto answer = orthanc::post("/instances", bytes.data(), bytes.size());
    const std::string status = answer ? answer->value("Status", "") : "";
    if (status != "Success" && status != "AlreadyStored")
        throw std::runtime_error(output + ": Orthanc does not store it" + (status.empty() ? "" : " (" + status + ")"));
    objects_.push_back({output, answer->at("ID"), status == "Success"});
    require_images(); // between the first look and now they may have been deleted
}

void StoredObjects::require_images() const {
    const auto all = orthanc::get("/studies/" + study_ + "/series");
    if (all && all->is_array())
        for (const Json& series : *all)
            if (!is_series_of_dlnms(series)) return;
    throw std::runtime_error("the study was deleted while it was scored: nothing is stored");
}

void StoredObjects::remove() {
    for (const auto& object : objects_)
        if (object.is_new) orthanc::remove("/instances/" + object.instance);
    objects_.clear();
}

void StoredObjects::send(const std::string& server) const {
    Json body = {{"Resources", Json::array()}, {"Synchronous", true}};
    for (const auto& object : objects_) body["Resources"].push_back(object.instance);
    if (!orthanc::post_to_plugins("/dicom-web/servers/" + server + "/stow", body))
        throw std::runtime_error("the results are stored, but the DICOMweb server \"" + server + "\" (Dlnms.StowTo) does not take them");
}

Json StoredObjects::json() const {
    Json out = Json::array();
    for (const auto& object : objects_) out.push_back({{"Kind", object.kind}, {"Instance", object.instance}, {"New", object.is_new}});
    return out;
}

} // namespace dlnms_orthanc
