// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine.hpp"

#include <chrono>

namespace dlnms_orthanc {

namespace {

void send_log_to_orthanc(const Library& library) {
    auto logger = library.initialised(library.dlnms_logger_init);
    logger.level = DLNMS_LOG_INFO;
    logger.callback = [](uint32_t level, const char* target, const char* message, void*) {
        const std::string line = std::string(target) + ": " + message;
        if (level == DLNMS_LOG_ERROR) orthanc::log_error(line);
        else if (level == DLNMS_LOG_WARN) orthanc::log_warning(line);
        else orthanc::log_info(line);
    };
    library.call(library.dlnms_logger_set, static_cast<const dlnms_logger*>(&logger));
}

dlnms_quality_policy quality_policy(const Library& library, const Configuration& configuration) {
    if (configuration.strict_quality) return library.initialised(library.dlnms_quality_policy_init_strict);
    auto policy = library.initialised(library.dlnms_quality_policy_init);
    const std::map<std::string, uint32_t> actions = {
        {"ignore", DLNMS_ACTION_IGNORE}, {"warn", DLNMS_ACTION_WARN}, {"refuse", DLNMS_ACTION_REFUSE}};
    for (const auto& [check, action] : configuration.quality) {
        bool found = false;
        for (uint32_t code = 1; code < sizeof policy.actions / sizeof policy.actions[0]; ++code) {
            const char* const name = library.dlnms_quality_name(code);
            if (!name || check != name) continue;
            policy.actions[code] = actions.at(action);
            found = true;
        }
        if (!found) throw std::runtime_error("configuration, Dlnms.QualityPolicy: there is no check \"" + check + "\"");
    }
    return policy;
}

uint32_t provider(const std::string& name) {
    if (name == "cuda") return DLNMS_PROVIDER_CUDA;
    if (name == "tensorrt") return DLNMS_PROVIDER_TENSORRT;
    if (name == "tensorrt_rtx") return DLNMS_PROVIDER_TENSORRT_RTX;
    if (name == "openvino") return DLNMS_PROVIDER_OPENVINO;
    return DLNMS_PROVIDER_CPU;
}

dlnms_scorer* new_scorer(const Library& library, const Configuration& configuration) {
    auto runtime_options = library.initialised(library.dlnms_runtime_options_init);
    runtime_options.library_path = configuration.onnxruntime.empty() ? nullptr : configuration.onnxruntime.c_str();
    dlnms_runtime* raw = nullptr;
    library.call(library.dlnms_runtime_new, static_cast<const dlnms_runtime_options*>(&runtime_options), &raw);
    const Owned<dlnms_runtime> runtime(raw, library.dlnms_runtime_free);

    std::vector<dlnms_provider_options> providers;
    for (const auto& name : configuration.providers) {
        providers.push_back(library.initialised(library.dlnms_provider_options_init));
        providers.back().provider = provider(name);
    }
    std::vector<const dlnms_provider_options*> pointers;
    for (const auto& one : providers) pointers.push_back(&one);
    const auto quality = quality_policy(library, configuration);
    auto options = library.initialised(library.dlnms_scorer_options_init);
    options.bundle_dir = configuration.bundle.c_str();
    options.threads = configuration.threads;
    options.cache_dir = configuration.cache.empty() ? nullptr : configuration.cache.c_str();
    options.providers = pointers.empty() ? nullptr : pointers.data();
    options.n_providers = static_cast<uint32_t>(pointers.size());
    options.quality = &quality;
    dlnms_scorer* scorer = nullptr;
    library.call(library.dlnms_scorer_new, static_cast<const dlnms_runtime*>(runtime.get()),
                 static_cast<const dlnms_scorer_options*>(&options), &scorer);
    return scorer;
}

} // namespace

Engine::Engine(const Configuration& configuration)
    : configuration_(configuration), status_{State::starting, "the library is being loaded"}, thread_([this] { prepare(); }) {}

Engine::Engine(const std::string& reason) : status_{State::failed, reason} { orthanc::log_error(reason); }

Engine::~Engine() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        if (cancel_) cancel_->trigger();
    }
    if (thread_.joinable()) thread_.join();
    queue_.reset();
    scorer_.reset();
    if (library_) library_->dlnms_logger_set(nullptr, nullptr); // Orthanc's log goes away with the plugin
}

Engine::Status Engine::status() const {
    const std::lock_guard lock(mutex_);
    return status_;
}

const Library* Engine::library() const {
    const std::lock_guard lock(mutex_);
    return library_;
}

std::string Engine::scorer_json() const {
    return library()->text(library()->dlnms_scorer_info_json, static_cast<const dlnms_scorer*>(scorer_->get()));
}

void Engine::set(State state, const std::string& message) {
    const std::lock_guard lock(mutex_);
    status_ = {state, message};
}

void Engine::prepare() {
    try {
        const auto* const library = new Library(configuration_.library); // for the process: dlnms stays loaded as well
        send_log_to_orthanc(*library);
        const dlnms_cancel* cancel = nullptr;
        {
            const std::lock_guard lock(mutex_);
            library_ = library;
            if (stopping_) return;
            cancel = cancel_.emplace(*library).get();
            status_.message = "the model is being prepared";
        }
        scorer_.emplace(new_scorer(*library, configuration_), library->dlnms_scorer_free);
        const dlnms_scorer* const scorer = scorer_->get();
        library->call(library->dlnms_scorer_prepare, scorer, static_cast<const dlnms_progress*>(nullptr), cancel);
        auto options = library->initialised(library->dlnms_queue_options_init);
        options.workers = configuration_.workers;
        dlnms_queue* queue = nullptr;
        library->call(library->dlnms_queue_new, scorer, static_cast<const dlnms_queue_options*>(&options), &queue);
        queue_.emplace(queue, library->dlnms_queue_free);
        set(State::ready, "ready");
        orthanc::log_warning("ready to score, with dlnms " + std::string(library->dlnms_version()));
    } catch (const std::exception& error) {
        set(State::failed, error.what());
        orthanc::log_error(std::string("nothing can be scored: ") + error.what());
    }
}

} // namespace dlnms_orthanc
