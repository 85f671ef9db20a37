/* Uses the whole library under a limit, and again without it.
 *
 *     limits LIMIT VALUE BUNDLE ONNXRUNTIME STUDY-FOLDER VOLUME-FILE CACHE-FOLDER
 *
 * LIMIT is memory (MiB of address space), processes, descriptors, file-size (bytes), stack (KiB of the calling thread), alarm
 * (microseconds between signals) or none. Exit code: 0 every call succeeded; 50 calls ended in statuses that say why. Anything
 * else is a defect, and is named on standard error: it is the only thing ever written there. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "dlnms.h"

extern char **environ;

static const char *limit, *bundle, *library, *study_folder, *volume_file, *cache_folder;
static long value;
static int refused, defects;
static volatile int alarms;

/* A status that a limit explains; everything else is a defect. */
static int accept(const char *call, dlnms_status status, dlnms_error *error) {
    static const char *verbose = NULL;
    if (!verbose) verbose = getenv("LIMITS_VERBOSE") ? "yes" : "";
    if (status != DLNMS_OK && *verbose) fprintf(stderr, "%s: %d %s\n", call, (int)status, dlnms_error_message(error));
    switch (status) {
    case DLNMS_OK:
        break;
    case DLNMS_E_OUT_OF_MEMORY:
    case DLNMS_E_RESOURCES:
    case DLNMS_E_RUNTIME_NOT_A_LIBRARY: /* the loader had no memory or descriptor for it; it says so */
    case DLNMS_E_RUNTIME_NOT_FOUND:
    case DLNMS_E_RUNTIME:
    case DLNMS_E_PROVIDER_UNAVAILABLE:
    case DLNMS_E_BUNDLE_MISSING:
    case DLNMS_E_DICOM_READ:
    case DLNMS_E_DICOM_PIXELS:
    case DLNMS_E_DICOM_SERIES:
    case DLNMS_E_DICOM_NO_SERIES:
    case DLNMS_E_NIFTI:
        refused = 1;
        break;
    default:
        fprintf(stderr, "%s: status %d: %s\n", call, (int)status, error ? dlnms_error_message(error) : "");
        ++defects;
    }
    if (status != DLNMS_OK && !(error && *dlnms_error_message(error))) {
        fprintf(stderr, "%s: an error without a message\n", call);
        ++defects;
    }
    dlnms_error_free(error);
    return status == DLNMS_OK;
}

static void use_everything(void) {
    dlnms_error *error = NULL;
    dlnms_runtime *runtime = NULL;
    dlnms_scorer *scorer = NULL;
    dlnms_study *study = NULL;
    dlnms_volume_file *file = NULL;
    dlnms_result *result = NULL;
    dlnms_queue *queue = NULL;
    dlnms_job *job = NULL;
    dlnms_status status;

    dlnms_runtime_options where;
    dlnms_runtime_options_init(&where, sizeof where);
    where.library_path = library;
    status = dlnms_runtime_new(&where, &runtime, &error);
    int ready = accept("runtime_new", status, error);
    if (ready) {
        dlnms_scorer_options options;
        dlnms_scorer_options_init(&options, sizeof options);
        options.bundle_dir = bundle;
        options.cache_dir = cache_folder;
        options.threads = 3;
        dlnms_provider_options cpu;
        dlnms_provider_options_init(&cpu, sizeof cpu);
        cpu.provider = DLNMS_PROVIDER_CPU;
        const dlnms_provider_options *providers[] = {&cpu};
        options.providers = providers;
        options.n_providers = 1;
        error = NULL;
        status = dlnms_scorer_new(runtime, &options, &scorer, &error);
        ready = accept("scorer_new", status, error);
    }
    if (ready) {
        error = NULL;
        status = dlnms_scorer_prepare(scorer, NULL, NULL, &error);
        ready = accept("prepare", status, error);
    }
    error = NULL;
    status = dlnms_volume_file_open(volume_file, NULL, NULL, &file, &error);
    accept("volume_file_open", status, error);

    const char *paths[] = {study_folder};
    error = NULL;
    status = dlnms_study_open(paths, 1, NULL, NULL, NULL, NULL, &study, &error);
    const int loaded = accept("study_open", status, error);
    dlnms_case c;
    dlnms_roi roi;
    if (loaded) {
        dlnms_roi_init(&roi, sizeof roi);
        roi.point[0] = -82;
        roi.point[1] = -12;
        roi.point[2] = 46.5;
        dlnms_case_init(&c, sizeof c);
        error = NULL;
        status = dlnms_study_case(study, &roi, &c, &error);
        accept("study_case", status, error);
        c.measure_lesion = 1;
        c.measure_references = 1;
    }
    if (ready && loaded) {
        error = NULL;
        status = dlnms_scorer_score(scorer, &c, NULL, &result, &error);
        accept("score", status, error);
        dlnms_result_free(result);

        const dlnms_case *cases[] = {&c, &c, &c};
        dlnms_result *results[3] = {NULL, NULL, NULL};
        dlnms_error *errors[3] = {NULL, NULL, NULL};
        error = NULL;
        status = dlnms_scorer_score_batch(scorer, cases, 3, NULL, results, errors, &error);
        if (accept("score_batch", status, error)) {
            for (int i = 0; i < 3; ++i) {
                accept("a case of a batch", results[i] ? DLNMS_OK : dlnms_error_status(errors[i]), errors[i]);
                dlnms_result_free(results[i]);
            }
        }
        error = NULL;
        status = dlnms_queue_new(scorer, NULL, &queue, &error);
        if (accept("queue_new", status, error)) {
            error = NULL;
            status = dlnms_queue_submit(queue, &c, NULL, &job, &error);
            if (accept("submit", status, error)) {
                error = NULL;
                status = dlnms_job_wait(job, 60000, &error);
                accept("wait", status, error);
                error = NULL;
                result = NULL;
                status = dlnms_job_result(job, &result, &error);
                accept("job_result", status, error);
                dlnms_result_free(result);
            }
        }
    }
    dlnms_job_free(job);
    dlnms_queue_free(queue);
    dlnms_study_free(study);
    dlnms_volume_file_free(file);
    dlnms_scorer_free(scorer);
    dlnms_runtime_free(runtime);
    if (dlnms_live_objects() != 0) {
        fprintf(stderr, "%zu objects are left\n", dlnms_live_objects());
        ++defects;
    }
}

static void *on_a_thread(void *unused) {
    (void)unused;
    use_everything();
    return NULL;
}

static void use_everything_with_stack(size_t bytes) {
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    if (pthread_attr_setstacksize(&attributes, bytes) || pthread_create(&thread, &attributes, on_a_thread, NULL)) {
        fprintf(stderr, "no thread with a stack of %zu bytes\n", bytes);
        exit(2);
    }
    pthread_join(thread, NULL);
}

static void on_alarm(int signal) {
    (void)signal;
    ++alarms;
}

static void storm(long microseconds) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_alarm; /* without SA_RESTART: calls that wait end with EINTR */
    sigaction(SIGALRM, &action, NULL);
    const struct itimerval every = {{0, microseconds}, {0, microseconds}};
    setitimer(ITIMER_REAL, &every, NULL);
}

/* What a library must leave as it was. */
static struct sigaction handlers[NSIG];
static sigset_t mask;
static uint64_t environment;

static uint64_t environment_digest(void) {
    uint64_t digest = 14695981039346656037u;
    for (char **e = environ; *e; ++e)
        for (const char *s = *e; *s; ++s) digest = (digest ^ (unsigned char)*s) * 1099511628211u;
    return digest;
}

static void remember(void) {
    for (int s = 1; s < NSIG; ++s) sigaction(s, NULL, &handlers[s]);
    sigprocmask(SIG_BLOCK, NULL, &mask);
    environment = environment_digest();
}

static void compare(void) {
    for (int s = 1; s < NSIG; ++s) {
        struct sigaction now;
        if (sigaction(s, NULL, &now) == 0 && (now.sa_handler != handlers[s].sa_handler || now.sa_flags != handlers[s].sa_flags)) {
            fprintf(stderr, "signal %d has another disposition\n", s);
            ++defects;
        }
    }
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    for (int s = 1; s < NSIG; ++s) {
        if (sigismember(&now, s) != sigismember(&mask, s)) {
            fprintf(stderr, "signal %d is masked otherwise\n", s);
            ++defects;
        }
    }
    if (environment_digest() != environment) {
        fprintf(stderr, "the environment is another\n");
        ++defects;
    }
}

int main(int argc, char **argv) {
    if (argc != 8) return 2;
    limit = argv[1];
    value = atol(argv[2]);
    bundle = argv[3];
    library = argv[4];
    study_folder = argv[5];
    volume_file = argv[6];
    cache_folder = *argv[7] ? argv[7] : NULL;
    static const struct {
        const char *name;
        int resource;
        long unit;
    } resources[] = {
        {"memory", RLIMIT_AS, 1 << 20},
        {"processes", RLIMIT_NPROC, 1},
        {"descriptors", RLIMIT_NOFILE, 1},
        {"file-size", RLIMIT_FSIZE, 1},
    };
    if (!strcmp(limit, "alarm")) storm(value);
    remember();
    int known = !strcmp(limit, "alarm") || !strcmp(limit, "none");
    for (size_t i = 0; i < sizeof resources / sizeof *resources; ++i) {
        if (strcmp(limit, resources[i].name)) continue;
        known = 1;
        struct rlimit before, now;
        getrlimit(resources[i].resource, &before);
        now = before;
        now.rlim_cur = (rlim_t)value * (rlim_t)resources[i].unit;
        if (setrlimit(resources[i].resource, &now)) return 2;
        use_everything();
        setrlimit(resources[i].resource, &before);
    }
    if (!strcmp(limit, "stack")) {
        known = 1;
        use_everything_with_stack((size_t)value << 10);
    }
    if (!known) return 2;
    const int under_limit = refused;
    /* What the limit refused can be had when it is gone. */
    refused = 0;
    use_everything();
    if (refused) {
        fprintf(stderr, "refused without the limit\n");
        ++defects;
    }
    compare();
    if (!strcmp(limit, "alarm") && alarms == 0) return 2;
    return defects ? 1 : under_limit ? 50 : 0;
}
