// Orthanc as the plugin uses it: its log, its REST API and its configuration.
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <orthanc/OrthancCPlugin.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace dlnms_orthanc::orthanc {

using Json = nlohmann::json;

// The context of the plugin, set by OrthancPluginInitialize().
extern OrthancPluginContext* context;

void log_error(const std::string& line);
void log_warning(const std::string& line);
void log_info(const std::string& line);

// Bytes that Orthanc allocated.
class Bytes {
public:
    Bytes() = default;
    Bytes(Bytes&& other) noexcept : buffer_(other.buffer_) { other.buffer_ = {}; }
    Bytes& operator=(Bytes&& other) noexcept {
        std::swap(buffer_, other.buffer_);
        return *this;
    }
    ~Bytes() {
        if (buffer_.data) OrthancPluginFreeMemoryBuffer(context, &buffer_);
    }
    const uint8_t* data() const { return static_cast<const uint8_t*>(buffer_.data); }
    size_t size() const { return buffer_.size; }
    std::string text() const { return std::string(static_cast<const char*>(buffer_.data), buffer_.size); }
    OrthancPluginMemoryBuffer* out() { return &buffer_; }

private:
    OrthancPluginMemoryBuffer buffer_ = {};
};

// Returns what the built-in REST API answers to a GET, or nothing if it answers with an error.
std::optional<Json> get(const std::string& uri);

// Returns the file of an instance, or nothing if Orthanc does not have it any more.
std::optional<Bytes> instance_file(const std::string& instance);

// Returns what the built-in REST API answers to a POST, or nothing if it answers with an error.
std::optional<Json> post(const std::string& uri, const void* body, size_t size);

// The same for the REST API with the routes of plugins.
std::optional<Json> post_to_plugins(const std::string& uri, const Json& body);

// Deletes a resource. One that is gone already is no error.
void remove(const std::string& uri);

// Whether a text has the form of an identifier of Orthanc: five groups of eight hexadecimal digits. Only such a text is put into
// a URI.
bool is_identifier(const std::string& text);

// Returns Orthanc's whole configuration.
Json configuration();

} // namespace dlnms_orthanc::orthanc
