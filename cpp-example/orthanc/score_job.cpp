// SPDX-License-Identifier: GPL-3.0-or-later
#include "score_job.hpp"

#include "page_files.hpp"

#include <chrono>
#include <random>

namespace dlnms_orthanc {

using orthanc::Json;

namespace {

constexpr size_t INSTANCES_OF_A_STEP = 16;
constexpr std::chrono::milliseconds WAIT_OF_A_STEP{50};

std::string random_name() {
    std::random_device random;
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    while (out.size() < 32) out += digits[random() % 16];
    return out;
}

const char* name(uint32_t risk) {
    switch (risk) {
    case DLNMS_RISK_LOW: return "low";
    case DLNMS_RISK_HIGH: return "high";
    default: return "none";
    }
}

} // namespace

ScoreJob::ScoreJob(Plugin& plugin, std::string study, Tumour tumour)
    : plugin_(plugin), study_(std::move(study)), tumour_(std::move(tumour)), run_(random_name()), stored_(study_) {
    publish();
}

ScoreJob::~ScoreJob() { abandon(); }

OrthancPluginJob* ScoreJob::create() {
    OrthancPluginJob* const job = OrthancPluginCreateJob(
        orthanc::context, this, [](void* self) { delete static_cast<ScoreJob*>(self); }, TYPE,
        [](void* self) { return static_cast<ScoreJob*>(self)->progress_.load(); },
        [](void* self) { return static_cast<ScoreJob*>(self)->latest(static_cast<ScoreJob*>(self)->contents_); },
        [](void* self) { return static_cast<ScoreJob*>(self)->latest(static_cast<ScoreJob*>(self)->serializations_); },
        [](void* self) { return static_cast<ScoreJob*>(self)->step(); },
        [](void* self, OrthancPluginJobStopReason reason) {
            static_cast<ScoreJob*>(self)->stop(reason);
            return OrthancPluginErrorCode_Success;
        },
        [](void* self) {
            static_cast<ScoreJob*>(self)->reset();
            return OrthancPluginErrorCode_Success;
        });
    if (!job) delete this;
    return job;
}

uint64_t ScoreJob::unfinished() {
    const auto jobs = orthanc::get("/jobs?expand");
    if (!jobs || !jobs->is_array()) throw Refusal(503, "Orthanc does not list its jobs");
    uint64_t count = 0;
    for (const Json& job : *jobs) {
        const std::string state = job.value("State", "");
        count += job.value("Type", "") == TYPE && state != "Success" && state != "Failure";
    }
    return count;
}

std::string ScoreJob::submit(Plugin& plugin, const std::string& study, const Tumour& tumour) {
    static std::mutex one_at_a_time; // between counting and submitting
    const std::lock_guard lock(one_at_a_time);
    if (unfinished() >= plugin.configuration.max_jobs)
        throw Refusal(503, "as many jobs wait as Dlnms.MaxJobs allows: try again later");
    auto* const work = new ScoreJob(plugin, study, tumour);
    OrthancPluginJob* const job = work->create();
    char* const id = job ? OrthancPluginSubmitJob(orthanc::context, job, 0) : nullptr;
    if (!id) throw Refusal(503, "Orthanc takes no job");
    const std::string out = id;
    OrthancPluginFreeString(orthanc::context, id);
    return out;
}

OrthancPluginJob* ScoreJob::restore(Plugin& plugin, const std::string& serialized) {
    const Json kept = Json::parse(serialized, nullptr, false);
    if (!kept.is_object()) return nullptr;
    try {
        const auto tumour = tumour_from_json(kept.at("Tumour"));
        if (!tumour) return nullptr;
        auto work = std::unique_ptr<ScoreJob>(new ScoreJob(plugin, kept.at("Study"), *tumour));
        work->run_ = kept.at("Run");
        work->outcome_ = kept.at("Outcome");
        work->error_ = kept.at("Error");
        if (kept.at("Done").get<bool>()) {
            work->phase_ = Phase::done;
            work->progress_ = 1;
        }
        work->publish();
        return work.release()->create();
    } catch (const std::exception& error) {
        orthanc::log_error(std::string("a job that Orthanc kept cannot be restored: ") + error.what());
        return nullptr;
    }
}

// ---------------------------------------------------------------- the callbacks of Orthanc

OrthancPluginJobStepStatus ScoreJob::step() {
    try {
        const bool done = advance();
        if (done) release();
        return done ? OrthancPluginJobStepStatus_Success : OrthancPluginJobStepStatus_Continue;
    } catch (const std::exception& error) {
        error_ = error.what();
        orthanc::log_error("study " + study_ + ": " + error_);
    }
    abandon();
    publish();
    return OrthancPluginJobStepStatus_Failure;
}

void ScoreJob::stop(OrthancPluginJobStopReason reason) {
    if (reason == OrthancPluginJobStopReason_Success || reason == OrthancPluginJobStopReason_Failure) return;
    abandon(); // a paused job starts over: what is read and decoded would hold memory for nobody knows how long
    if (reason == OrthancPluginJobStopReason_Canceled) error_ = std::string("cancelled while ") + phase_name();
    outcome_ = Json::object();
    phase_ = Phase::plan;
    progress_ = 0;
    publish();
}

void ScoreJob::reset() {
    abandon();
    phase_ = Phase::plan;
    progress_ = 0;
    error_.clear();
    outcome_ = Json::object();
    publish();
}

// ---------------------------------------------------------------- the phases

bool ScoreJob::advance() {
    switch (phase_) {
    case Phase::plan: plan(); return false;
    case Phase::read: read(); return false;
    case Phase::load: load(); return false;
    case Phase::score: score(); return false;
    case Phase::store: store(); return false;
    case Phase::stow: stow(); return false;
    case Phase::done: progress_ = 1; return true;
    }
    return true;
}

void ScoreJob::plan() {
    const auto status = plugin_.engine->status();
    if (status.state == Engine::State::failed) throw std::runtime_error("nothing can be scored: " + status.message);
    if (status.state == Engine::State::starting) { // a job of before a restart
        std::this_thread::sleep_for(WAIT_OF_A_STEP);
        return;
    }
    error_.clear();
    outcome_ = Json::object();
    stored_ = StoredObjects(study_);
    cancel_ = std::make_unique<CancelToken>(library());
    input_ = StudyInput::list(study_, plugin_.configuration);
    files_ = std::make_unique<StudyFiles>(plugin_.configuration.max_bytes);
    phase_ = Phase::read;
    publish();
}

void ScoreJob::read() {
    const size_t count = input_.instances.size();
    for (size_t i = 0; i < INSTANCES_OF_A_STEP && files_->count() < count; ++i) files_->read(input_.instances[files_->count()]);
    progress_ = 0.5f * static_cast<float>(files_->count()) / static_cast<float>(std::max<size_t>(count, 1));
    if (files_->count() < count) return;
    phase_ = Phase::load;
    publish();
    start_loading();
}

void ScoreJob::start_loading() {
    decoded_ = 0;
    loading_ = std::async(std::launch::async, [this] {
        loaded_.emplace(files_->scan(library(), cancel_.get()));
        files_.reset();
        const dlnms_study* const study = loaded_->get();
        auto progress = library().initialised(library().dlnms_progress_init);
        progress.user_data = &decoded_;
        progress.callback = [](uint32_t, float fraction, void* decoded) {
            *static_cast<std::atomic<float>*>(decoded) = fraction;
            return 0;
        };
        library().call(library().dlnms_study_load, study, static_cast<const dlnms_series_choice*>(nullptr),
                       static_cast<const dlnms_progress*>(&progress), cancel_->get());
        roi_ = library().initialised(library().dlnms_roi_init);
        if (const auto* point = std::get_if<Center>(&tumour_)) {
            roi_.kind = DLNMS_ROI_POINT;
            std::copy(point->lps_mm.begin(), point->lps_mm.end(), roi_.point);
            return;
        }
        library().call(library().dlnms_study_inspect, study, cancel_->get());
        const auto rois = rois_of(library(), study, input_);
        mask_ = library().initialised(library().dlnms_volume_init);
        library().call(library().dlnms_study_roi_mask, study, meant(rois, std::get<Contoured>(tumour_)).index, cancel_->get(), &mask_);
        roi_.kind = DLNMS_ROI_MASK;
        roi_.mask = &mask_;
    });
}

void ScoreJob::load() {
    progress_ = 0.5f + 0.2f * decoded_;
    if (loading_.wait_for(WAIT_OF_A_STEP) != std::future_status::ready) return;
    loading_.get();
    phase_ = Phase::score;
    progress_ = 0.7f;
    publish();
}

void ScoreJob::score() {
    if (!queued_) {
        auto c = library().initialised(library().dlnms_case_init);
        library().call(library().dlnms_study_case, static_cast<const dlnms_study*>(loaded_->get()), static_cast<const dlnms_roi*>(&roi_), &c);
        c.measure_lesion = 1;
        c.measure_references = 1;
        c.sample_pictures = 1;
        dlnms_job* job = nullptr;
        try {
            library().call(library().dlnms_queue_submit, plugin_.engine->queue(), static_cast<const dlnms_case*>(&c),
                           static_cast<const dlnms_completion*>(nullptr), &job);
        } catch (const Failure& failure) {
            if (failure.status != DLNMS_E_QUEUE_FULL) throw;
            std::this_thread::sleep_for(WAIT_OF_A_STEP);
            return;
        }
        queued_.emplace(job, library().dlnms_job_free);
    }
    const dlnms_job* const job = queued_->get();
    if (library().dlnms_job_wait(job, WAIT_OF_A_STEP.count(), nullptr) == DLNMS_E_DEADLINE) return;
    dlnms_result* result = nullptr;
    try {
        library().call(library().dlnms_job_result, job, &result);
    } catch (...) {
        queued_.reset();
        throw;
    }
    queued_.reset();
    take_result(result);
}

void ScoreJob::take_result(dlnms_result* result) {
    result_.emplace(result, library().dlnms_result_free);
    auto scores = library().initialised(library().dlnms_scores_init);
    library().call(library().dlnms_result_scores, static_cast<const dlnms_result*>(result), &scores);
    outcome_ = {{"N1", scores.n1},
                {"N2", scores.n2},
                {"RiskGroup", name(scores.risk_combined)},
                {"NotTrained", (scores.flags & DLNMS_FLAG_NOT_TRAINED) != 0},
                {"Stored", Json::array()}};
    plugin_.results.put(run_, {library().text(library().dlnms_result_json, static_cast<const dlnms_result*>(result)),
                               page_file(library(), result, DLNMS_PAGE_HTML)});
    progress_ = 0.9f;
    phase_ = Phase::store;
    if (outcome_.at("NotTrained").get<bool>() && !plugin_.configuration.store_not_trained) {
        outcome_["NotStored"] = "the weights were not trained on patients (Dlnms.StoreNotTrained)";
        phase_ = Phase::done;
    }
    publish();
}

// One object a step. The score report refers to the segmentation: a run stores all or nothing.
void ScoreJob::store() {
    const auto& outputs = plugin_.configuration.outputs;
    if (stored_.count() < outputs.size())
        stored_.store(library(), result_->get(), outputs[stored_.count()], plugin_.configuration.store_not_trained);
    progress_ = 0.9f + 0.1f * static_cast<float>(stored_.count()) / static_cast<float>(std::max<size_t>(outputs.size(), 1));
    if (stored_.count() < outputs.size()) return;
    outcome_["Stored"] = stored_.json();
    phase_ = plugin_.configuration.stow_to.empty() || outputs.empty() ? Phase::done : Phase::stow;
    publish();
}

void ScoreJob::stow() {
    stored_.send(plugin_.configuration.stow_to);
    phase_ = Phase::done;
    publish();
}

void ScoreJob::abandon() {
    if (phase_ == Phase::store) stored_.remove();
    if (cancel_) cancel_->trigger();
    if (loading_.valid()) {
        try {
            loading_.get();
        } catch (const std::exception&) { // it was cancelled, or failed; nobody asks any more
        }
    }
    if (queued_) {
        library().dlnms_job_cancel(queued_->get());
        library().dlnms_job_wait(queued_->get(), UINT32_MAX, nullptr); // it reads the voxels until then
        queued_.reset();
    }
    release();
}

void ScoreJob::release() {
    result_.reset();
    loaded_.reset();
    files_.reset();
    cancel_.reset();
}

// ---------------------------------------------------------------- texts

const char* ScoreJob::phase_name() const {
    switch (phase_) {
    case Phase::plan: return "waiting";
    case Phase::read: return "reading";
    case Phase::load: return "decoding";
    case Phase::score: return "scoring";
    case Phase::store: return "storing";
    case Phase::stow: return "sending";
    case Phase::done: return "done";
    }
    return "";
}

void ScoreJob::publish() {
    Json content = outcome_;
    content["Phase"] = phase_name();
    content["Run"] = run_;
    content["Study"] = study_;
    content["Instances"] = input_.instances.size();
    if (!error_.empty()) content["Error"] = error_;
    const Json serialized = {{"Study", study_},     {"Tumour", tumour_to_json(tumour_)}, {"Run", run_},
                             {"Outcome", outcome_}, {"Error", error_},                   {"Done", phase_ == Phase::done}};
    const std::lock_guard lock(texts_mutex_);
    contents_.push_back(content.dump(-1, ' ', false, Json::error_handler_t::replace));
    serializations_.push_back(serialized.dump(-1, ' ', false, Json::error_handler_t::replace));
}

const char* ScoreJob::latest(const std::list<std::string>& versions) const {
    const std::lock_guard lock(texts_mutex_);
    return versions.back().c_str();
}

} // namespace dlnms_orthanc
