// SPDX-License-Identifier: GPL-3.0-or-later
#include "routes.hpp"

#include "web.hpp"

#include <cstring>

namespace dlnms_orthanc {

using orthanc::Json;

namespace {

constexpr size_t MAX_BODY = 65536;
constexpr int MAX_INSPECTIONS = 2; // at once: each holds a study in memory

Plugin* plugin = nullptr; // callbacks of Orthanc take no pointer
std::atomic<int> inspections{0};

void header(OrthancPluginRestOutput* output, const char* key, const char* value) {
    OrthancPluginSetHttpHeader(orthanc::context, output, key, value);
}

void answer(OrthancPluginRestOutput* output, const std::string& body, const char* mime) {
    header(output, "X-Content-Type-Options", "nosniff");
    header(output, "Cache-Control", "no-store");
    OrthancPluginAnswerBuffer(orthanc::context, output, body.data(), static_cast<uint32_t>(body.size()), mime);
}

void answer(OrthancPluginRestOutput* output, const Json& body) {
    answer(output, body.dump(-1, ' ', false, Json::error_handler_t::replace), "application/json");
}

void answer_refusal(OrthancPluginRestOutput* output, uint16_t http, const std::string& message, const Json& details) {
    Json body = details.is_object() ? details : Json::object();
    body["Error"] = message;
    const std::string text = body.dump(-1, ' ', false, Json::error_handler_t::replace);
    header(output, "Content-Type", "application/json");
    header(output, "X-Content-Type-Options", "nosniff");
    OrthancPluginSendHttpStatus(orthanc::context, output, http, text.data(), static_cast<uint32_t>(text.size()));
}

using Handler = void (*)(OrthancPluginRestOutput*, const OrthancPluginHttpRequest*);

// Calls a handler for one method, and answers what it throws.
template <OrthancPluginHttpMethod METHOD, Handler HANDLER>
OrthancPluginErrorCode route(OrthancPluginRestOutput* output, const char*, const OrthancPluginHttpRequest* request) {
    if (request->method != METHOD) {
        OrthancPluginSendMethodNotAllowed(orthanc::context, output, METHOD == OrthancPluginHttpMethod_Get ? "GET" : "POST");
        return OrthancPluginErrorCode_Success;
    }
    try {
        HANDLER(output, request);
    } catch (const Refusal& refusal) {
        answer_refusal(output, refusal.http, refusal.what(), refusal.details);
    } catch (const Failure& failure) {
        answer_refusal(output, 422, failure.what(), nullptr);
    } catch (const std::exception& error) {
        answer_refusal(output, 500, error.what(), nullptr);
    }
    return OrthancPluginErrorCode_Success;
}

std::string header_of(const OrthancPluginHttpRequest* request, const char* key) {
    for (uint32_t i = 0; i < request->headersCount; ++i)
        if (std::strcmp(request->headersKeys[i], key) == 0) return request->headersValues[i];
    return {};
}

const Library& loaded_library() {
    const Library* const library = plugin->engine->library();
    if (!library) throw Refusal(503, "dlnms is not loaded: " + plugin->engine->status().message);
    return *library;
}

void post_score(OrthancPluginRestOutput* output, const OrthancPluginHttpRequest* request) {
    // A page of another site can make a browser post a form, and not this type.
    if (header_of(request, "content-type").rfind("application/json", 0) != 0)
        throw Refusal(415, "the header Content-Type: application/json is needed");
    if (request->bodySize > MAX_BODY) throw Refusal(413, "the body is larger than 64 KiB");
    const auto* const text = static_cast<const char*>(request->body);
    const Json body = request->bodySize ? Json::parse(text, text + request->bodySize, nullptr, false) : Json::object();
    if (body.is_discarded()) throw Refusal(400, "the body is not JSON");
    auto tumour = tumour_from_json(body);
    const std::string study = request->groups[0];
    const auto status = plugin->engine->status();
    StudyInput::list(study, plugin->configuration); // is it there, and is it small enough?
    if (status.state != Engine::State::ready)
        throw Refusal(503, (status.state == Engine::State::failed ? "nothing can be scored: " : "not ready yet: ") + status.message);
    if (!tumour) tumour = only_roi(loaded_library(), plugin->configuration, study);
    const std::string job = ScoreJob::submit(*plugin, study, *tumour);
    answer(output, {{"ID", job}, {"Path", "/jobs/" + job}});
}

// One of at most MAX_INSPECTIONS at a time.
class Inspection {
public:
    Inspection() {
        if (inspections.fetch_add(1) < MAX_INSPECTIONS) return;
        --inspections;
        throw Refusal(503, "other studies are being inspected: try again in a moment");
    }
    ~Inspection() { --inspections; }
};

void get_study(OrthancPluginRestOutput* output, const OrthancPluginHttpRequest* request) {
    const Library& library = loaded_library();
    const Inspection one;
    const StudyInput input = StudyInput::list(request->groups[0], plugin->configuration);
    StudyFiles files(plugin->configuration.max_bytes);
    for (const auto& instance : input.instances) files.read(instance);
    const auto study = files.scan(library, nullptr);
    Json body = {{"Study", Json::parse(library.text(library.dlnms_study_json, static_cast<const dlnms_study*>(study.get())))},
                 {"Rois", Json::array()}};
    for (const auto& roi : rois_of(library, study.get(), input)) {
        Json one_roi = {{"Tumour", tumour_to_json(roi.what)}, {"Name", roi.name}};
        if (!roi.refusal.empty()) one_roi["Refusal"] = roi.refusal;
        body["Rois"].push_back(one_roi);
    }
    answer(output, body);
}

// The result of a job of Orthanc.
std::shared_ptr<const RunResult> result_of(const std::string& job) {
    const bool plausible = job.size() == 36 && job.find_first_not_of("0123456789abcdefABCDEF-") == std::string::npos;
    const auto known = plausible ? orthanc::get("/jobs/" + job) : std::nullopt;
    if (!known || known->value("Type", "") != ScoreJob::TYPE) throw Refusal(404, "there is no such job");
    auto result = plugin->results.get(known->value("Content", Json::object()).value("Run", ""));
    if (!result) throw Refusal(404, "the job has no result, or it is not kept any more");
    return result;
}

void get_result_json(OrthancPluginRestOutput* output, const OrthancPluginHttpRequest* request) {
    answer(output, result_of(request->groups[0])->json, "application/json");
}

void get_report(OrthancPluginRestOutput* output, const OrthancPluginHttpRequest* request) {
    const auto result = result_of(request->groups[0]);
    header(output, "Content-Security-Policy",
           "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'");
    answer(output, result->html, "text/html; charset=utf-8");
}

void get_info(OrthancPluginRestOutput* output, const OrthancPluginHttpRequest*) {
    const auto status = plugin->engine->status();
    static const char* const names[] = {"starting", "ready", "failed"};
    Json body = {{"State", names[static_cast<int>(status.state)]},
                 {"Message", status.message},
                 {"AbiOfPlugin", DLNMS_ABI_VERSION},
                 {"Outputs", plugin->configuration.outputs},
                 {"Ohif", plugin->configuration.ohif},
                 {"Notice", "Research use only. Not a medical device; not for diagnosis or treatment decisions."}};
    if (const Library* const library = plugin->engine->library()) {
        body["Version"] = library->dlnms_version();
        body["AbiOfLibrary"] = library->dlnms_abi_version();
    }
    if (status.state == Engine::State::ready) body["Scorer"] = Json::parse(plugin->engine->scorer_json());
    answer(output, body);
}

void get_page(OrthancPluginRestOutput* output, const OrthancPluginHttpRequest*) {
    header(output, "Content-Security-Policy",
           "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'; "
           "form-action 'none'; frame-ancestors 'self'");
    header(output, "Referrer-Policy", "no-referrer");
    answer(output, web::APP_HTML, "text/html; charset=utf-8");
}

void get_script(OrthancPluginRestOutput* output, const OrthancPluginHttpRequest*) {
    answer(output, web::APP_JS, "text/javascript; charset=utf-8");
}

void get_style(OrthancPluginRestOutput* output, const OrthancPluginHttpRequest*) {
    answer(output, web::APP_CSS, "text/css; charset=utf-8");
}

template <OrthancPluginHttpMethod METHOD, Handler HANDLER>
void add(const char* uri) {
    OrthancPluginRegisterRestCallbackNoLock(orthanc::context, uri, route<METHOD, HANDLER>);
}

} // namespace

void register_routes(Plugin& the_plugin) {
    plugin = &the_plugin;
    add<OrthancPluginHttpMethod_Post, post_score>("/dlnms/studies/([^/]*)/score");
    add<OrthancPluginHttpMethod_Get, get_study>("/dlnms/studies/([^/]*)");
    add<OrthancPluginHttpMethod_Get, get_result_json>("/dlnms/jobs/([^/]*)/result.json");
    add<OrthancPluginHttpMethod_Get, get_report>("/dlnms/jobs/([^/]*)/report.html");
    add<OrthancPluginHttpMethod_Get, get_info>("/dlnms/info");
    add<OrthancPluginHttpMethod_Get, get_page>("/dlnms/app");
    add<OrthancPluginHttpMethod_Get, get_script>("/dlnms/app.js");
    add<OrthancPluginHttpMethod_Get, get_style>("/dlnms/app.css");
}

} // namespace dlnms_orthanc
