// SPDX-License-Identifier: GPL-3.0-or-later
#include "study_input.hpp"

#include <set>

namespace dlnms_orthanc {

using orthanc::Json;

namespace {

// Orthanc writes sizes as texts.
uint64_t size_of_series(const std::string& series) {
    const auto statistics = orthanc::get("/series/" + series + "/statistics");
    if (!statistics) throw Refusal(404, "a series of the study is no longer in Orthanc");
    return std::stoull(statistics->value("DicomUncompressedSize", "0"));
}

std::string too_large(const std::string& what, uint64_t limit, const std::string& key) {
    return "the study has more " + what + " than " + std::to_string(limit) + " in its CT, PET, RTSTRUCT and SEG series (Dlnms." + key + ")";
}

} // namespace

bool is_series_of_dlnms(const Json& series) {
    return series.value("MainDicomTags", Json::object()).value("Manufacturer", "") == "dlnms project";
}

StudyInput StudyInput::list(const std::string& study, const Configuration& configuration, bool rois_alone) {
    const auto all = orthanc::is_identifier(study) ? orthanc::get("/studies/" + study + "/series") : std::nullopt;
    if (!all || !all->is_array()) throw Refusal(404, "there is no such study in Orthanc");
    const std::set<std::string> modalities =
        rois_alone ? std::set<std::string>{"RTSTRUCT", "SEG"} : std::set<std::string>{"CT", "PT", "RTSTRUCT", "SEG"};
    StudyInput out;
    uint64_t bytes = 0;
    for (const Json& series : *all) {
        const std::string modality = series.value("MainDicomTags", Json::object()).value("Modality", "");
        if (!modalities.count(modality) || is_series_of_dlnms(series)) continue;
        const std::string id = series.at("ID");
        bytes += size_of_series(id);
        for (const Json& instance : series.at("Instances")) out.instances.push_back({instance.get<std::string>(), id});
        if (out.instances.size() > configuration.max_instances)
            throw Refusal(413, too_large("instances", configuration.max_instances, "MaxInstances"));
        if (bytes > configuration.max_bytes) throw Refusal(413, too_large("bytes", configuration.max_bytes, "MaxBytes"));
    }
    return out;
}

void StudyFiles::read(const StudyInput::Instance& instance) {
    auto file = orthanc::instance_file(instance.id);
    if (!file) throw Refusal(404, "an instance of the study is no longer in Orthanc: it was deleted while the study was read");
    bytes_ += file->size();
    if (bytes_ > max_bytes_) throw Refusal(413, too_large("bytes", max_bytes_, "MaxBytes"));
    files_.push_back(std::move(*file));
}

Owned<dlnms_study> StudyFiles::scan(const Library& library, const CancelToken* cancel) const {
    std::vector<const uint8_t*> buffers;
    std::vector<size_t> sizes;
    for (const auto& file : files_) {
        buffers.push_back(file.data());
        sizes.push_back(file.size());
    }
    auto options = library.initialised(library.dlnms_read_options_init);
    options.max_study_bytes = max_bytes_;
    dlnms_study* study = nullptr;
    library.call(library.dlnms_study_scan_buffers, static_cast<const uint8_t* const*>(buffers.data()),
                 static_cast<const size_t*>(sizes.data()), buffers.size(), static_cast<const dlnms_read_options*>(&options),
                 cancel ? cancel->get() : nullptr, &study);
    return Owned<dlnms_study>(study, library.dlnms_study_free);
}

} // namespace dlnms_orthanc
