/* Preloaded into a process: writes the name of every environment variable that is asked for to the file GETENV_LOG. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

typedef char *(*reader)(const char *);

static void note(const char *name) {
    const reader original = (reader)dlsym(RTLD_NEXT, "getenv");
    const char *file = original("GETENV_LOG");
    const int to = file ? open(file, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
    if (to < 0 || strlen(name) > 200) return;
    char line[208];
    const size_t size = strlen(name);
    memcpy(line, name, size);
    line[size] = '\n';
    if (write(to, line, size + 1) < 0) _exit(1);
    close(to);
}

char *getenv(const char *name) {
    note(name);
    return ((reader)dlsym(RTLD_NEXT, "getenv"))(name);
}

char *secure_getenv(const char *name) {
    note(name);
    return ((reader)dlsym(RTLD_NEXT, "secure_getenv"))(name);
}
