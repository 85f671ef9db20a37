// The job "DlnmsScore" of Orthanc's jobs engine: a study is read, scored, and its results are stored. Each step is short, so that
// pausing and cancelling take effect at once.
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine.hpp"
#include "results.hpp"
#include "stored_objects.hpp"
#include "tumour.hpp"

#include <atomic>
#include <future>
#include <list>

namespace dlnms_orthanc {

// What jobs share. It outlives them.
struct Plugin {
    Configuration configuration;
    std::unique_ptr<Engine> engine;
    Results results;
};

class ScoreJob {
public:
    static constexpr const char* TYPE = "DlnmsScore";

    // Returns the number of jobs of this type that Orthanc has not finished, those of before a restart included.
    static uint64_t unfinished();
    // Submits a job and returns its identifier. Throws Refusal 503 if MaxJobs jobs are not finished.
    static std::string submit(Plugin& plugin, const std::string& study, const Tumour& tumour);
    // Makes a job of what Orthanc kept of it, or returns NULL if that is malformed.
    static OrthancPluginJob* restore(Plugin& plugin, const std::string& serialized);

    ~ScoreJob();

private:
    enum class Phase { plan, read, load, score, store, stow, done };

    ScoreJob(Plugin& plugin, std::string study, Tumour tumour);
    OrthancPluginJob* create();

    // The callbacks of Orthanc.
    OrthancPluginJobStepStatus step();
    void stop(OrthancPluginJobStopReason reason);
    void reset();

    bool advance(); // true when the job is done
    void plan();
    void read();
    void start_loading();
    void load();
    void score();
    void take_result(dlnms_result* result);
    void store();
    void stow();
    // Ends what runs, and deletes what a run that is not complete has stored.
    void abandon();
    // Frees what a finished job needs no more: Orthanc keeps the job itself for its list.
    void release();

    // Writes content and serialization anew.
    void publish();
    const char* phase_name() const;
    const char* latest(const std::list<std::string>& versions) const;

    const Library& library() const { return *plugin_.engine->library(); }

    Plugin& plugin_;
    const std::string study_;
    const Tumour tumour_;
    std::string run_; // names the result, also after a restart

    Phase phase_ = Phase::plan;
    std::atomic<float> progress_{0};
    std::atomic<float> decoded_{0};
    std::string error_;
    orthanc::Json outcome_ = orthanc::Json::object(); // N1, N2, RiskGroup, NotTrained, Stored

    std::unique_ptr<CancelToken> cancel_;
    StudyInput input_;
    std::unique_ptr<StudyFiles> files_;
    std::future<void> loading_;
    std::optional<Owned<dlnms_study>> loaded_; // what the case points into
    dlnms_volume mask_;
    dlnms_roi roi_;
    std::optional<Owned<dlnms_job>> queued_;
    std::optional<Owned<dlnms_result>> result_;
    StoredObjects stored_;

    // Orthanc reads these texts from several threads without a lock of its own, and a text must outlive the call that returned it:
    // every version is kept as long as the job. A job has some twenty of them.
    mutable std::mutex texts_mutex_;
    std::list<std::string> contents_;
    std::list<std::string> serializations_;
};

} // namespace dlnms_orthanc
