/* What a forked process does with objects of its parent: nothing but leave, and that at once.
 *
 *     fork BUNDLE ONNXRUNTIME THREADS LOG
 *
 * The parent has scored with THREADS threads, holds a queue and a job, and scores again afterwards. It keeps an audit log, to
 * which no forked process adds a line. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dlnms.h"

enum { SIDE = 40 };
static int16_t voxels[SIDE * SIDE * SIDE];
static dlnms_volume volume;
static dlnms_roi roi;
static dlnms_case c;
static dlnms_case_context context;
static const char *bundle, *library, *audit_log;
static uint32_t threads;
static dlnms_runtime *runtime;
static dlnms_scorer *scorer;
static dlnms_result *result;
static dlnms_error *parents_error;
static dlnms_queue *queue;
static dlnms_job *job;
static int failures;

static void check(const char *what, int good) {
    if (!good) {
        fprintf(stderr, "FAILED %s\n", what);
        ++failures;
    }
}

static void make_case(void) {
    dlnms_volume_init(&volume, sizeof volume);
    volume.dtype = DLNMS_DTYPE_I16;
    volume.data = voxels;
    for (int a = 0; a < 3; ++a) {
        volume.dims[a] = SIDE;
        volume.spacing[a] = 5.0;
    }
    dlnms_roi_init(&roi, sizeof roi);
    for (int a = 0; a < 3; ++a) roi.point[a] = 100.0;
    dlnms_case_init(&c, sizeof c);
    c.ct = c.pet = &volume;
    c.roi = &roi;
    dlnms_case_context_init(&context, sizeof context);
    context.actor = "fork.c";
    c.context = &context;
}

static dlnms_status start(void) {
    dlnms_runtime_options where;
    dlnms_runtime_options_init(&where, sizeof where);
    where.library_path = library;
    dlnms_scorer_options options;
    dlnms_scorer_options_init(&options, sizeof options);
    options.bundle_dir = bundle;
    options.threads = threads;
    dlnms_provider_options cpu;
    dlnms_provider_options_init(&cpu, sizeof cpu);
    cpu.provider = DLNMS_PROVIDER_CPU;
    const dlnms_provider_options *providers[] = {&cpu};
    options.providers = providers;
    options.n_providers = 1;
    dlnms_audit_options audit;
    dlnms_audit_options_init(&audit, sizeof audit);
    audit.path = audit_log;
    audit.salt = (const uint8_t *)"a secret of the host";
    audit.salt_size = 20;
    options.audit = &audit;
    dlnms_status status = dlnms_runtime_new(&where, &runtime, NULL);
    if (!status) status = dlnms_scorer_new(runtime, &options, &scorer, NULL);
    if (!status) status = dlnms_scorer_score(scorer, &c, NULL, &result, NULL);
    return status;
}

static void free_all(void) {
    dlnms_job_free(job);
    dlnms_queue_free(queue);
    dlnms_result_free(result);
    dlnms_scorer_free(scorer);
    dlnms_runtime_free(runtime);
    dlnms_error_free(parents_error);
}

/* Each returns the child's exit code, or does not return. */
static int leave_by_return(void) { return 0; }
static int leave_by_exit(void) {
    _exit(0);
}
static int leave_by_exec(void) {
    execl("/bin/true", "true", (char *)NULL);
    return 1;
}
static int free_and_return(void) {
    free_all();
    free_all();
    return 0;
}
static int free_a_queue(void) {
    dlnms_queue_free(queue);
    return 0;
}

/* Every call is refused by name, writes nothing but its error, and waits for nothing. */
static int call_everything(void) {
    static char sentinel;
    dlnms_error *error = NULL;
    dlnms_result *scored = (dlnms_result *)(void *)&sentinel;
    check("score", dlnms_scorer_score(scorer, &c, NULL, &scored, &error) == DLNMS_E_FORKED && scored == (dlnms_result *)(void *)&sentinel);
    check("status", dlnms_error_status(error) == DLNMS_E_FORKED);
    check("message", strstr(dlnms_error_message(error), "forked") != NULL);
    dlnms_error_free(error);
    dlnms_error_free(error);
    check("prepare", dlnms_scorer_prepare(scorer, NULL, NULL, NULL) == DLNMS_E_FORKED);
    check("submit", dlnms_queue_submit(queue, &c, NULL, &job, NULL) == DLNMS_E_FORKED);
    check("wait", dlnms_job_wait(job, UINT32_MAX, NULL) == DLNMS_E_FORKED);
    check("result", dlnms_job_result(job, &scored, NULL) == DLNMS_E_FORKED);
    check("runtime", dlnms_runtime_new(NULL, &runtime, NULL) == DLNMS_E_FORKED);
    const char *paths[] = {"."};
    dlnms_study *study = NULL;
    check("study", dlnms_study_scan(paths, 1, NULL, NULL, &study, NULL) == DLNMS_E_FORKED && !study);
    check("logger", dlnms_logger_set(NULL, NULL) == DLNMS_E_FORKED);
    check("queries", dlnms_job_poll(job) == 0 && dlnms_queue_waiting(queue) == 0 && dlnms_result_head_count(result) == 0);
    check("nothing is held", dlnms_live_objects() == 0);
    check("an error of the parent", strstr(dlnms_error_message(parents_error), "forked") != NULL);
    check("static texts", strlen(dlnms_status_string(DLNMS_E_FORKED)) > 0 && dlnms_abi_version() == DLNMS_ABI_VERSION);
    free_all();
    return failures;
}

static void child(const char *what, int (*body)(void)) {
    const pid_t pid = fork();
    if (pid == 0) {
        alarm(20); /* one that hangs is killed by it */
        exit(body());
    }
    int status = 0;
    check("waitpid", waitpid(pid, &status, 0) == pid);
    if (WIFSIGNALED(status)) fprintf(stderr, "signal %d: ", WTERMSIG(status));
    check(what, WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Forks while another thread is within the library: no lock of the parent stops a child. */
static volatile int stop;
static uint64_t scored_beside;
static void *busy(void *unused) {
    (void)unused;
    while (!stop) {
        dlnms_result *mine = NULL;
        check("a score beside forks", dlnms_scorer_score(scorer, &c, NULL, &mine, NULL) == DLNMS_OK);
        ++scored_beside;
        dlnms_result_free(mine);
    }
    return NULL;
}

/* A process that is forked before ONNX Runtime is loaded loads it by itself. */
static int load_afresh(void) {
    const int good = start() == DLNMS_OK;
    free_all();
    return !good;
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    bundle = argv[1];
    library = argv[2];
    threads = (uint32_t)atoi(argv[3]);
    audit_log = argv[4];
    make_case();
    child("a child loads ONNX Runtime that its parent has not", load_afresh);
    check("the parent starts", start() == DLNMS_OK);
    check("a queue", dlnms_queue_new(scorer, NULL, &queue, NULL) == DLNMS_OK);
    check("a job", dlnms_queue_submit(queue, &c, NULL, &job, NULL) == DLNMS_OK);
    check("an error", dlnms_scorer_score(NULL, &c, NULL, &result, &parents_error) == DLNMS_E_NULL_ARGUMENT);
    child("return from main", leave_by_return);
    child("_exit", leave_by_exit);
    child("exec", leave_by_exec);
    child("free everything and return from main", free_and_return);
    child("free a queue", free_a_queue);
    child("call everything", call_everything);
    pthread_t other;
    check("a thread", pthread_create(&other, NULL, busy, NULL) == 0);
    for (int i = 0; i < 16; ++i) child("fork beside a thread that scores", i % 2 ? call_everything : free_and_return);
    stop = 1;
    pthread_join(other, NULL);

    /* The parent never noticed. */
    check("the job", dlnms_job_wait(job, 10000, NULL) == DLNMS_OK);
    dlnms_result *again = NULL;
    check("the parent scores on", dlnms_scorer_score(scorer, &c, NULL, &again, NULL) == DLNMS_OK);
    dlnms_result_free(again);
    dlnms_audit_summary log;
    dlnms_audit_summary_init(&log, sizeof log);
    check("the audit log is sound", dlnms_audit_verify(audit_log, NULL, &log, NULL) == DLNMS_OK && log.torn == 0);
    /* The child that loaded ONNX Runtime by itself, the parent's first score, job and last score, and those of the thread. */
    check("only scores are in it", log.lines == 4 + scored_beside);
    free_all();
    check("nothing leaks in the parent", dlnms_live_objects() == 0);
    return failures != 0;
}
