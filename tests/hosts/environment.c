/* Loads ONNX Runtime while another thread sets environment variables: nothing of them is lost, nothing is added. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dlnms.h"

extern char **environ;

enum { MOST = 20000 };
static atomic_int ended, set;

static void *set_variables(void *unused) {
    (void)unused;
    const struct timespec pause = {0, 10000};
    for (int n = 0; n < MOST && !atomic_load(&ended); ++n) {
        char name[32], value[32];
        snprintf(name, sizeof name, "HOST_%d", n);
        snprintf(value, sizeof value, "value %d", n);
        if (setenv(name, value, 1) != 0) exit(10);
        atomic_fetch_add(&set, 1);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    dlnms_runtime_options where;
    dlnms_runtime_options_init(&where, sizeof where);
    where.library_path = argv[1];
    int before = 0;
    for (char **e = environ; *e; ++e) ++before;
    pthread_t thread;
    if (pthread_create(&thread, NULL, set_variables, NULL) != 0) return 3;
    while (atomic_load(&set) < 100) { /* it is at work */
    }
    dlnms_runtime *runtime = NULL;
    if (dlnms_runtime_new(&where, &runtime, NULL) != DLNMS_OK) return 4;
    atomic_store(&ended, 1);
    if (pthread_join(thread, NULL) != 0) return 5;
    const int n = atomic_load(&set);
    for (int i = 0; i < n; ++i) {
        char name[32], value[32];
        snprintf(name, sizeof name, "HOST_%d", i);
        snprintf(value, sizeof value, "value %d", i);
        const char *found = getenv(name);
        if (found == NULL || strcmp(found, value) != 0) return 6;
    }
    int after = 0;
    for (char **e = environ; *e; ++e) ++after;
    if (after != before + n) return 7;
    if (getenv("ORT_DISABLE_TELEMETRY") || getenv("ORT_TELEMETRY_DISABLED")) return 8;
    dlnms_runtime_free(runtime);
    return 0;
}
