/* How long calls go on after they are cancelled.
 *
 *     gcc -O1 -I include benches/cancel.c -o target/cancel -L target/release -ldlnms -lpthread
 *     LD_LIBRARY_PATH=target/release target/cancel BUNDLE ONNXRUNTIME CT PET X,Y,Z THREADS TIMES
 *
 * Every call is made once to its end. Then it is cancelled TIMES times, at moments that are evenly apart. What is printed is the time
 * from dlnms_cancel_trigger() to the return of the call: the median, the longest, and when that one was cancelled. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "dlnms.h"

static const char *bundle, *paths[2];
static uint32_t threads;
static dlnms_runtime *runtime;
static dlnms_study *study;
static dlnms_scorer *scorer;
static dlnms_case c;
static dlnms_error *error;

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void must(dlnms_status status) {
    if (status == DLNMS_OK) return;
    fprintf(stderr, "%s\n", error ? dlnms_error_message(error) : dlnms_status_string(status));
    exit(1);
}

static dlnms_scorer *new_scorer(void) {
    dlnms_provider_options cpu;
    dlnms_provider_options_init(&cpu, sizeof cpu);
    cpu.provider = DLNMS_PROVIDER_CPU;
    const dlnms_provider_options *providers[] = {&cpu};
    dlnms_scorer_options options;
    dlnms_scorer_options_init(&options, sizeof options);
    options.bundle_dir = bundle;
    options.threads = threads;
    options.providers = providers;
    options.n_providers = 1;
    dlnms_scorer *made = NULL;
    must(dlnms_scorer_new(runtime, &options, &made, &error));
    return made;
}

/* The calls. What they need is made before, and what they gave is freed after the time was taken. */
static dlnms_study *scanned;
static dlnms_scorer *unprepared;
static dlnms_result *result;
static dlnms_explanation *explanation;

static void nothing(void) {}
static void before_load(void) { must(dlnms_study_scan(paths, 2, NULL, NULL, &scanned, &error)); }
static void before_prepare(void) { unprepared = new_scorer(); }
static dlnms_status scan(dlnms_cancel *cancel) { return dlnms_study_scan(paths, 2, NULL, cancel, &scanned, NULL); }
static dlnms_status load(dlnms_cancel *cancel) { return dlnms_study_load(scanned, NULL, NULL, cancel, NULL); }
static dlnms_status prepare(dlnms_cancel *cancel) { return dlnms_scorer_prepare(unprepared, NULL, cancel, NULL); }
static dlnms_status score(dlnms_cancel *cancel) { return dlnms_scorer_score(scorer, &c, cancel, &result, NULL); }
static dlnms_status explain(dlnms_cancel *cancel) {
    dlnms_explain_options options;
    dlnms_explain_options_init(&options, sizeof options);
    options.what |= DLNMS_EXPLAIN_OCCLUSION;
    return dlnms_scorer_explain(scorer, &c, &options, NULL, cancel, &explanation, NULL);
}
static void after(void) {
    dlnms_study_free(scanned);
    dlnms_scorer_free(unprepared);
    dlnms_result_free(result);
    dlnms_explanation_free(explanation);
    scanned = NULL, unprepared = NULL, result = NULL, explanation = NULL;
}

static dlnms_cancel *token;
static double delay_ms, cancelled_at;

static void *cancel_later(void *unused) {
    (void)unused;
    const double seconds = delay_ms / 1e3;
    const struct timespec delay = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&delay, NULL);
    cancelled_at = now_ms();
    dlnms_cancel_trigger(token);
    return NULL;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const char *name, void (*before)(void), dlnms_status (*call)(dlnms_cancel *), int times) {
    before();
    double begun = now_ms();
    must(call(NULL));
    const double whole = now_ms() - begun;
    after();
    double *took = calloc((size_t)times, sizeof *took), longest = 0.0, when = 0.0;
    int cancelled = 0;
    for (int i = 0; took && i < times; ++i) {
        before();
        delay_ms = whole * (i + 0.5) / times;
        must(dlnms_cancel_new(&token, &error));
        pthread_t other;
        if (pthread_create(&other, NULL, cancel_later, NULL)) exit(1);
        const dlnms_status status = call(token);
        const double returned = now_ms();
        pthread_join(other, NULL);
        dlnms_cancel_free(token);
        after();
        if (status != DLNMS_E_CANCELLED) continue; /* it had ended before */
        took[cancelled++] = returned - cancelled_at;
        if (returned - cancelled_at > longest) longest = returned - cancelled_at, when = delay_ms;
    }
    if (took && cancelled) {
        qsort(took, (size_t)cancelled, sizeof *took, ascending);
        printf("%-8s %7.1f ms whole; cancelled %3d times; returned after %.1f ms (median), %.1f ms (longest, cancelled at %.1f ms)\n",
               name, whole, cancelled, took[cancelled / 2], longest, when);
    }
    fflush(stdout);
    free(took);
}

int main(int argc, char **argv) {
    if (argc != 8) return 2;
    bundle = argv[1];
    paths[0] = argv[3];
    paths[1] = argv[4];
    threads = (uint32_t)atoi(argv[6]);
    const int times = atoi(argv[7]);
    dlnms_runtime_options where;
    dlnms_runtime_options_init(&where, sizeof where);
    where.library_path = argv[2];
    must(dlnms_runtime_new(&where, &runtime, &error));
    must(dlnms_study_open(paths, 2, NULL, NULL, NULL, NULL, &study, &error));
    dlnms_roi roi;
    dlnms_roi_init(&roi, sizeof roi);
    roi.kind = DLNMS_ROI_SEED;
    if (sscanf(argv[5], "%lf,%lf,%lf", &roi.point[0], &roi.point[1], &roi.point[2]) != 3) return 2;
    dlnms_case_init(&c, sizeof c);
    must(dlnms_study_case(study, &roi, &c, &error));
    c.measure_lesion = c.measure_references = c.digest_input = 1;
    scorer = new_scorer();
    must(dlnms_scorer_prepare(scorer, NULL, NULL, &error));
    measure("scan", nothing, scan, times);
    measure("load", before_load, load, times);
    measure("prepare", before_prepare, prepare, times);
    measure("score", nothing, score, times);
    measure("explain", nothing, explain, times);
    dlnms_scorer_free(scorer);
    dlnms_study_free(study);
    dlnms_runtime_free(runtime);
    return 0;
}
