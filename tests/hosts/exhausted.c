/* Calls the library while malloc() of any size fails, and again when there is memory.
 *
 *     exhausted BUNDLE ONNXRUNTIME STUDY-FOLDER VOLUME-FILE
 *
 * Exit code 0: without memory every call succeeded or said that it lacks memory, at least one of them did, and with memory
 * the score is the one of before. Anything else is named on standard error. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "dlnms.h"

static const char *bundle, *library, *study_folder, *volume_file;
static int succeeded, refused, defects;

static int accept(const char *call, dlnms_status status, dlnms_error *error) {
    if (status == DLNMS_OK)
        ++succeeded;
    else if (status == DLNMS_E_OUT_OF_MEMORY || status == DLNMS_E_RESOURCES)
        ++refused;
    else
        ++defects;
    if (status != DLNMS_OK && (!error || !*dlnms_error_message(error))) ++defects;
    if (defects) {
        fprintf(stderr, "%s: status %d: %s\n", call, (int)status, error ? dlnms_error_message(error) : "");
        exit(1);
    }
    dlnms_error_free(error);
    return status == DLNMS_OK;
}

/* Makes a call and judges its status; what it is called with must not be looked at before it returned. */
#define CALL(name, call) (error = NULL, status = (call), accept(name, status, error))

static dlnms_runtime *runtime;
static dlnms_scorer *scorer;
static dlnms_study *study;
static dlnms_roi roi;
static dlnms_case wanted;

/* The bundle on the CPU; allocates nothing. */
static dlnms_scorer_options scorer_options(void) {
    static dlnms_provider_options cpu;
    static const dlnms_provider_options *const providers[] = {&cpu};
    dlnms_provider_options_init(&cpu, sizeof cpu);
    cpu.provider = DLNMS_PROVIDER_CPU;
    dlnms_scorer_options options;
    dlnms_scorer_options_init(&options, sizeof options);
    options.bundle_dir = bundle;
    options.providers = providers;
    options.n_providers = 1;
    return options;
}

static void open_all(void) {
    dlnms_error *error;
    dlnms_status status;
    dlnms_runtime_options where;
    dlnms_runtime_options_init(&where, sizeof where);
    where.library_path = library;
    CALL("runtime_new", dlnms_runtime_new(&where, &runtime, &error));
    const dlnms_scorer_options options = scorer_options();
    CALL("scorer_new", dlnms_scorer_new(runtime, &options, &scorer, &error));
    CALL("prepare", dlnms_scorer_prepare(scorer, NULL, NULL, &error));
    CALL("study_open", dlnms_study_open(&study_folder, 1, NULL, NULL, NULL, NULL, &study, &error));
    dlnms_roi_init(&roi, sizeof roi);
    roi.point[0] = -82;
    roi.point[1] = -12;
    roi.point[2] = 46.5;
    dlnms_case_init(&wanted, sizeof wanted);
    CALL("study_case", dlnms_study_case(study, &roi, &wanted, &error));
    wanted.measure_lesion = 1;
    wanted.measure_references = 1;
}

/* Scores the case, and stores its n1 if that succeeds. */
static void score(double *n1) {
    static char json[1 << 16];
    dlnms_error *error;
    dlnms_status status;
    dlnms_result *result = NULL;
    if (!CALL("score", dlnms_scorer_score(scorer, &wanted, NULL, &result, &error))) return;
    dlnms_scores scores;
    dlnms_scores_init(&scores, sizeof scores);
    if (CALL("result_scores", dlnms_result_scores(result, &scores, &error))) *n1 = scores.n1;
    size_t needed = 0;
    CALL("result_json", dlnms_result_json(result, json, sizeof json, &needed, &error));
    dlnms_result_free(result);
}

static void use_everything(double *n1) {
    static char json[1 << 20];
    score(n1);
    dlnms_error *error;
    dlnms_status status;
    const dlnms_case *cases[] = {&wanted, &wanted};
    dlnms_result *results[2] = {NULL, NULL};
    dlnms_error *errors[2] = {NULL, NULL};
    if (CALL("score_batch", dlnms_scorer_score_batch(scorer, cases, 2, NULL, results, errors, &error))) {
        for (int i = 0; i < 2; ++i) {
            accept("a case of a batch", results[i] ? DLNMS_OK : dlnms_error_status(errors[i]), errors[i]);
            dlnms_result_free(results[i]);
        }
    }
    dlnms_queue *queue = NULL;
    dlnms_job *job = NULL;
    if (CALL("queue_new", dlnms_queue_new(scorer, NULL, &queue, &error))) {
        if (CALL("submit", dlnms_queue_submit(queue, &wanted, NULL, &job, &error))) {
            CALL("wait", dlnms_job_wait(job, 60000, &error));
        }
    }
    dlnms_job_free(job);
    dlnms_queue_free(queue);
    size_t needed = 0;
    CALL("study_json", dlnms_study_json(study, json, sizeof json, &needed, &error));
    dlnms_study *again = NULL;
    CALL("study_open", dlnms_study_open(&study_folder, 1, NULL, NULL, NULL, NULL, &again, &error));
    dlnms_study_free(again);
    again = NULL;
    CALL("study_scan", dlnms_study_scan(&study_folder, 1, NULL, NULL, &again, &error));
    dlnms_study_free(again);
    dlnms_volume_file *file = NULL;
    CALL("volume_file_open", dlnms_volume_file_open(volume_file, NULL, NULL, &file, &error));
    dlnms_volume_file_free(file);
    dlnms_scorer *other = NULL;
    const dlnms_scorer_options options = scorer_options();
    CALL("scorer_new", dlnms_scorer_new(runtime, &options, &other, &error));
    dlnms_scorer_free(other);
    dlnms_cancel *cancel = NULL;
    CALL("cancel_new", dlnms_cancel_new(&cancel, &error));
    dlnms_cancel_free(cancel);
}

struct hoard {
    struct hoard *next;
};

/* Takes what malloc() has, down to its smallest block. */
static struct hoard *take_all(void) {
    struct hoard *all = NULL;
    for (size_t size = (size_t)64 << 20; size >= sizeof *all; size /= 2)
        for (struct hoard *more; (more = malloc(size)); all = more) more->next = all;
    return all;
}

/* The stack of the first thread grows as it is used, and a limit on address space would end the process there. */
static void grow_stack(void) {
    volatile char stack[1 << 20];
    for (size_t i = 0; i < sizeof stack; i += 4096) stack[i] = 0;
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    bundle = argv[1];
    library = argv[2];
    study_folder = argv[3];
    volume_file = argv[4];
    grow_stack();
    open_all();
    double before = -1, without = -1, after = -1;
    use_everything(&before);
    if (refused) return 3;

    struct rlimit all, none;
    getrlimit(RLIMIT_AS, &all);
    none = all;
    none.rlim_cur = 1 << 20;
    for (int turn = 0; turn < 3; ++turn) {
        setrlimit(RLIMIT_AS, &none);
        struct hoard *hoard = take_all();
        use_everything(&without);
        setrlimit(RLIMIT_AS, &all);
        while (hoard) {
            struct hoard *next = hoard->next;
            free(hoard);
            hoard = next;
        }
        if (!refused) return 4;
        refused = 0;
        use_everything(&after);
        if (refused) return 5;
        if (memcmp(&before, &after, sizeof before)) return 6;
        if (without != -1 && memcmp(&before, &without, sizeof before)) return 7;
    }
    dlnms_study_free(study);
    dlnms_scorer_free(scorer);
    dlnms_runtime_free(runtime);
    return dlnms_live_objects() ? 8 : 0;
}
