// SPDX-License-Identifier: GPL-3.0-or-later
#include "configuration.hpp"

#include <algorithm>
#include <functional>
#include <set>
#include <stdexcept>

namespace dlnms_orthanc {

using orthanc::Json;

namespace {

[[noreturn]] void refuse(const std::string& key, const std::string& why) {
    throw std::runtime_error("configuration, Dlnms." + key + ": " + why);
}

std::string text(const std::string& key, const Json& value) {
    if (!value.is_string()) refuse(key, "a text is needed");
    return value.get<std::string>();
}

bool boolean(const std::string& key, const Json& value) {
    if (!value.is_boolean()) refuse(key, "true or false is needed");
    return value.get<bool>();
}

uint64_t number(const std::string& key, const Json& value, uint64_t first, uint64_t last) {
    if (!value.is_number_unsigned() || value.get<uint64_t>() < first || value.get<uint64_t>() > last)
        refuse(key, "a whole number from " + std::to_string(first) + " to " + std::to_string(last) + " is needed");
    return value.get<uint64_t>();
}

std::vector<std::string> texts(const std::string& key, const Json& value, const std::set<std::string>& allowed) {
    if (!value.is_array()) refuse(key, "a list of texts is needed");
    std::vector<std::string> out;
    for (const Json& one : value) {
        out.push_back(text(key, one));
        if (!allowed.count(out.back())) refuse(key, "\"" + out.back() + "\" is not known");
        if (std::count(out.begin(), out.end(), out.back()) > 1) refuse(key, "\"" + out.back() + "\" stands twice");
    }
    return out;
}

AutoScore auto_score(const Json& value) {
    const std::string name = text("AutoScore", value);
    if (name == "off") return AutoScore::off;
    if (name == "rtstruct") return AutoScore::rtstruct;
    if (name == "seg") return AutoScore::seg;
    refuse("AutoScore", "\"off\", \"rtstruct\" or \"seg\" is needed");
}

void read_quality(Configuration& out, const Json& value) {
    if (value == "strict") {
        out.strict_quality = true;
        return;
    }
    if (!value.is_object()) refuse("QualityPolicy", "\"strict\", or an object of checks and actions, is needed");
    for (const auto& [check, action] : value.items()) {
        const std::string name = text("QualityPolicy." + check, action);
        if (name != "ignore" && name != "warn" && name != "refuse")
            refuse("QualityPolicy." + check, "\"ignore\", \"warn\" or \"refuse\" is needed");
        out.quality[check] = name;
    }
}

using Reader = std::function<void(Configuration&, const Json&)>;

const std::map<std::string, Reader>& readers() {
    static const std::map<std::string, Reader> all = {
        {"Library", [](auto& c, auto& v) { c.library = text("Library", v); }},
        {"Bundle", [](auto& c, auto& v) { c.bundle = text("Bundle", v); }},
        {"OnnxRuntime", [](auto& c, auto& v) { c.onnxruntime = text("OnnxRuntime", v); }},
        {"Providers",
         [](auto& c, auto& v) { c.providers = texts("Providers", v, {"cpu", "cuda", "tensorrt", "tensorrt_rtx", "openvino"}); }},
        {"Threads", [](auto& c, auto& v) { c.threads = static_cast<uint32_t>(number("Threads", v, 0, 256)); }},
        {"Workers", [](auto& c, auto& v) { c.workers = static_cast<uint32_t>(number("Workers", v, 1, 64)); }},
        {"Cache", [](auto& c, auto& v) { c.cache = text("Cache", v); }},
        {"AcceptResearchUse", [](auto&, auto& v) { boolean("AcceptResearchUse", v); }},
        {"StoreNotTrained", [](auto& c, auto& v) { c.store_not_trained = boolean("StoreNotTrained", v); }},
        {"Outputs", [](auto& c, auto& v) { c.outputs = texts("Outputs", v, {"SR", "SEG", "SC", "PDF", "MARKER"}); }},
        {"AutoScore", [](auto& c, auto& v) { c.auto_score = auto_score(v); }},
        {"RoiPattern", [](auto& c, auto& v) { c.roi_pattern = text("RoiPattern", v); }},
        {"QualityPolicy", [](auto& c, auto& v) { read_quality(c, v); }},
        {"MaxInstances", [](auto& c, auto& v) { c.max_instances = number("MaxInstances", v, 1, 1000000); }},
        {"MaxBytes", [](auto& c, auto& v) { c.max_bytes = number("MaxBytes", v, 1, uint64_t{1} << 40); }},
        {"MaxJobs", [](auto& c, auto& v) { c.max_jobs = number("MaxJobs", v, 1, 4096); }},
        {"StowTo", [](auto& c, auto& v) { c.stow_to = text("StowTo", v); }},
        {"Ohif", [](auto& c, auto& v) { c.ohif = text("Ohif", v); }},
    };
    return all;
}

} // namespace

Configuration Configuration::read(const Json& orthanc) {
    const auto section = orthanc.find("Dlnms");
    if (section == orthanc.end()) throw std::runtime_error("configuration: there is no section \"Dlnms\"");
    if (!section->is_object()) throw std::runtime_error("configuration, Dlnms: an object is needed");
    std::string unknown;
    for (const auto& [key, value] : section->items())
        if (!readers().count(key)) unknown += (unknown.empty() ? "" : ", ") + key;
    if (!unknown.empty()) throw std::runtime_error("configuration, Dlnms: unknown keys: " + unknown);
    Configuration out;
    for (const auto& [key, value] : section->items()) readers().at(key)(out, value);
    if (!section->value("AcceptResearchUse", false))
        refuse("AcceptResearchUse", "true is needed: dlnms is for research, and not a medical device");
    if (out.bundle.empty()) refuse("Bundle", "the folder of a model bundle is needed");
    return out;
}

} // namespace dlnms_orthanc
