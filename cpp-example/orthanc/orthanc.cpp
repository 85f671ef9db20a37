// SPDX-License-Identifier: GPL-3.0-or-later
#include "orthanc.hpp"

#include <cctype>
#include <stdexcept>

namespace dlnms_orthanc::orthanc {

OrthancPluginContext* context = nullptr;

void log_error(const std::string& line) { OrthancPluginLogError(context, ("dlnms: " + line).c_str()); }
void log_warning(const std::string& line) { OrthancPluginLogWarning(context, ("dlnms: " + line).c_str()); }
void log_info(const std::string& line) { OrthancPluginLogInfo(context, ("dlnms: " + line).c_str()); }

namespace {
std::optional<Json> parsed(const Bytes& bytes) {
    Json answer = Json::parse(bytes.data(), bytes.data() + bytes.size(), nullptr, false);
    if (answer.is_discarded()) return {};
    return answer;
}
} // namespace

std::optional<Json> get(const std::string& uri) {
    Bytes answer;
    if (OrthancPluginRestApiGet(context, answer.out(), uri.c_str()) != OrthancPluginErrorCode_Success) return {};
    return parsed(answer);
}

std::optional<Bytes> instance_file(const std::string& instance) {
    Bytes answer;
    if (OrthancPluginGetDicomForInstance(context, answer.out(), instance.c_str()) != OrthancPluginErrorCode_Success) return {};
    return answer;
}

std::optional<Json> post(const std::string& uri, const void* body, size_t size) {
    if (size > UINT32_MAX) return {};
    Bytes answer;
    if (OrthancPluginRestApiPost(context, answer.out(), uri.c_str(), body, static_cast<uint32_t>(size)) !=
        OrthancPluginErrorCode_Success)
        return {};
    return parsed(answer);
}

std::optional<Json> post_to_plugins(const std::string& uri, const Json& body) {
    const std::string text = body.dump();
    Bytes answer;
    if (OrthancPluginRestApiPostAfterPlugins(context, answer.out(), uri.c_str(), text.data(), static_cast<uint32_t>(text.size())) !=
        OrthancPluginErrorCode_Success)
        return {};
    return parsed(answer);
}

void remove(const std::string& uri) { OrthancPluginRestApiDelete(context, uri.c_str()); }

bool is_identifier(const std::string& text) {
    if (text.size() != 44) return false;
    for (size_t i = 0; i < text.size(); ++i) {
        const bool dash = i % 9 == 8;
        if (dash ? text[i] != '-' : !std::isxdigit(static_cast<unsigned char>(text[i]))) return false;
    }
    return true;
}

Json configuration() {
    char* const text = OrthancPluginGetConfiguration(context);
    if (!text) throw std::runtime_error("Orthanc does not give its configuration");
    Json out = Json::parse(text, nullptr, false);
    OrthancPluginFreeString(context, text);
    if (!out.is_object()) throw std::runtime_error("Orthanc's configuration is not an object");
    return out;
}

} // namespace dlnms_orthanc::orthanc
