// The section "Dlnms" of Orthanc's configuration.
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "orthanc.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace dlnms_orthanc {

// Which studies are scored when they are complete in Orthanc, without anybody asking.
enum class AutoScore { off, rtstruct, seg };

struct Configuration {
    std::string library = "libdlnms.so.1";      // file name, or path, of dlnms
    std::string bundle;                         // folder of the model bundle
    std::string onnxruntime;                    // libonnxruntime.so or its folder; empty: as dlnms searches for it
    std::vector<std::string> providers;         // in order of preference; empty: AUTO
    uint32_t threads = 0;                       // of one score; 0: min(4, cores)
    uint32_t workers = 1;                       // cases that are scored at once
    std::string cache;                          // folder for what providers build; empty: none
    bool store_not_trained = false;             // store results of weights that were not trained on patients
    std::vector<std::string> outputs = {"SR", "SEG", "SC"};
    AutoScore auto_score = AutoScore::off;
    std::string roi_pattern = "gtv|tumou?r";    // extended regular expression, case ignored: the ROI that AutoScore takes
    bool strict_quality = false;
    std::map<std::string, std::string> quality; // check -> ignore, warn, refuse
    uint64_t max_instances = 4000;              // of a study, that are read
    uint64_t max_bytes = 4294967296;            // of a study, that are read
    uint64_t max_jobs = 64;                     // that are not finished
    std::string stow_to;                        // name of a server of the section DicomWeb; empty: none
    std::string ohif;                           // address of an OHIF viewer; empty: no link

    // Reads the section. Throws std::runtime_error that names the key at fault, every unknown key included.
    static Configuration read(const orthanc::Json& orthanc);
};

} // namespace dlnms_orthanc
