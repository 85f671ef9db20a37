/* Scores once and compares the process before and after: signal handlers, environment, threads that stay. */
#define _GNU_SOURCE
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dlnms.h"

extern char **environ;

enum { SIDE = 40 };
static int16_t voxels[SIDE * SIDE * SIDE];

static int threads(void) {
    int n = 0;
    DIR *dir = opendir("/proc/self/task");
    while (dir && readdir(dir)) ++n;
    if (dir) closedir(dir);
    return n - 2; /* . and .. */
}

static size_t environment_size(void) {
    size_t n = 0;
    for (char **e = environ; *e; ++e) n += strlen(*e) + 1;
    return n;
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    struct sigaction before[NSIG], after;
    for (int s = 1; s < NSIG; ++s) sigaction(s, NULL, &before[s]);
    const size_t environment = environment_size();
    dlnms_runtime_options where;
    dlnms_runtime_options_init(&where, sizeof where);
    where.library_path = argv[2];
    dlnms_runtime *runtime = NULL;
    dlnms_scorer_options options;
    dlnms_scorer_options_init(&options, sizeof options);
    options.bundle_dir = argv[1];
    options.threads = 1; /* the calling thread alone: whatever else runs afterwards is not the network's pool */
    dlnms_scorer *scorer = NULL;
    if (dlnms_runtime_new(&where, &runtime, NULL) || dlnms_scorer_new(runtime, &options, &scorer, NULL)) return 3;
    dlnms_volume volume;
    dlnms_volume_init(&volume, sizeof volume);
    volume.dtype = DLNMS_DTYPE_I16;
    volume.data = voxels;
    for (int a = 0; a < 3; ++a) {
        volume.dims[a] = SIDE;
        volume.spacing[a] = 5.0;
    }
    dlnms_roi roi;
    dlnms_roi_init(&roi, sizeof roi);
    for (int a = 0; a < 3; ++a) roi.point[a] = 100.0;
    dlnms_case c;
    dlnms_case_init(&c, sizeof c);
    c.ct = c.pet = &volume;
    c.roi = &roi;
    dlnms_result *result = NULL;
    if (dlnms_scorer_score(scorer, &c, NULL, &result, NULL)) return 4;
    (void)dlnms_scorer_score(NULL, &c, NULL, &result, NULL); /* an error is silent too */
    if (threads() != 1) return 5;
    for (int s = 1; s < NSIG; ++s) {
        sigaction(s, NULL, &after);
        if (after.sa_handler != before[s].sa_handler) return 6;
    }
    if (environment_size() != environment) return 7;
    dlnms_result_free(result);
    dlnms_scorer_free(scorer);
    dlnms_runtime_free(runtime);
    return dlnms_live_objects() == 0 ? 0 : 8;
}
