// The page of a result: as a file, and as what the DICOM objects of it take.
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "library.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace dlnms_orthanc {

// Returns the bytes that a function of dlnms hands to a sink; `call` gets the sink.
template <class Call>
std::string bytes_of_sink(const Library& library, Call call) {
    std::string bytes;
    auto sink = library.initialised(library.dlnms_sink_init);
    sink.user_data = &bytes;
    sink.callback = [](const char*, const uint8_t* data, size_t size, void* out) -> int32_t {
        try {
            static_cast<std::string*>(out)->assign(reinterpret_cast<const char*>(data), size);
            return 0;
        } catch (...) { // no memory: no exception may cross the C boundary
            return 1;
        }
    };
    call(static_cast<const dlnms_sink*>(&sink));
    return bytes;
}

// Makes the page of a result; `kind` is a DLNMS_PAGE_ constant. The page identifies nobody. It holds no durations: the same result
// gives the same page.
std::string page_file(const Library& library, const dlnms_result* result, uint32_t kind);

// A picture, three bytes for each pixel.
struct Picture {
    uint32_t width, height;
    std::vector<uint8_t> rgb;
};

// Makes the page of a result as a picture, 1024 pixels wide. Throws std::runtime_error if Orthanc cannot decode it.
Picture page_picture(const Library& library, const dlnms_result* result);

} // namespace dlnms_orthanc
