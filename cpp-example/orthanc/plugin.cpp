// The entry points that Orthanc calls.
// SPDX-License-Identifier: GPL-3.0-or-later
#include "auto_score.hpp"
#include "routes.hpp"
#include "web.hpp"

namespace {

using namespace dlnms_orthanc;

std::unique_ptr<Plugin> plugin;
std::unique_ptr<AutoScorer> auto_scorer;

OrthancPluginErrorCode changed(OrthancPluginChangeType type, OrthancPluginResourceType, const char* resource) {
    if (type == OrthancPluginChangeType_StableStudy) auto_scorer->stable(resource);
    return OrthancPluginErrorCode_Success;
}

// Orthanc starts in any case: what is wrong stands in the log, at /dlnms/info and on the page.
void start() {
    plugin = std::make_unique<Plugin>();
    try {
        plugin->configuration = Configuration::read(orthanc::configuration());
        if (plugin->configuration.auto_score != AutoScore::off) auto_scorer = std::make_unique<AutoScorer>(*plugin);
        plugin->engine = std::make_unique<Engine>(plugin->configuration);
    } catch (const std::exception& error) {
        plugin->engine = std::make_unique<Engine>(error.what());
    }
    register_routes(*plugin);
    OrthancPluginRegisterJobsUnserializer(orthanc::context, [](const char* type, const char* serialized) -> OrthancPluginJob* {
        return std::string(type) == ScoreJob::TYPE ? ScoreJob::restore(*plugin, serialized) : nullptr;
    });
    if (auto_scorer) OrthancPluginRegisterOnChangeCallback(orthanc::context, changed);
    OrthancPluginExtendOrthancExplorer(orthanc::context, web::EXPLORER_JS);
    OrthancPluginSetRootUri(orthanc::context, "/dlnms/app");
}

} // namespace

extern "C" {

ORTHANC_PLUGINS_API int32_t OrthancPluginInitialize(OrthancPluginContext* context) {
    orthanc::context = context;
    if (OrthancPluginCheckVersion(context) == 0) {
        orthanc::log_error("this Orthanc is older than the one that the plugin was built for: the plugin does nothing");
        return 0;
    }
    OrthancPluginSetDescription(context, "DLNMS scores of PET/CT studies. Research use only.");
    start();
    return 0;
}

ORTHANC_PLUGINS_API void OrthancPluginFinalize() {
    auto_scorer.reset();
    plugin.reset();
}

ORTHANC_PLUGINS_API const char* OrthancPluginGetName() { return "dlnms"; }

ORTHANC_PLUGINS_API const char* OrthancPluginGetVersion() { return DLNMS_ORTHANC_VERSION; }

} // extern "C"
