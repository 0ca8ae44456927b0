#define _GNU_SOURCE /* memfd_create */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const fuzz_target fuzz_targets[] = {
#define TARGET(name, reads) {#name, reads, fuzz_##name},
#include "tests/fuzz/targets.def"
};
const int fuzz_target_count = (int)(sizeof fuzz_targets / sizeof *fuzz_targets);

const fuzz_target *fuzz_find(const char *name)
{
    for (int i = 0; i < fuzz_target_count; i++)
        if (strcmp(fuzz_targets[i].name, name) == 0) return &fuzz_targets[i];
    return NULL;
}

void fuzz_must(err error)
{
    if (error == OK) return;
    (void)fprintf(stderr, "fuzz: %s\n", err_message());
    abort();
}

static void must(int result, const char *what)
{
    if (result >= 0) return;
    perror(what);
    abort();
}

static void put_bytes(int file, const uint8_t *bytes, size_t n)
{
    must(ftruncate(file, 0), "fuzz: ftruncate");
    for (size_t done = 0; done < n;) {
        ssize_t written = pwrite(file, bytes + done, n - done, (off_t)done);
        must((int)(written > 0 ? 0 : -1), "fuzz: pwrite");
        done += (size_t)written;
    }
}

const char *fuzz_file(const uint8_t *bytes, size_t n)
{
    static int file = -1;
    static char path[64];
    if (file < 0) {
        file = memfd_create("fuzz", MFD_CLOEXEC);
        must(file, "fuzz: memfd_create");
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    put_bytes(file, bytes, n);
    return path;
}

static char folder[64];

static void forget(void)
{
    (void)folder_remove(folder);
}

const char *fuzz_path(const char *name, char out[PATH_BYTES])
{
    if (!folder[0]) {
        (void)snprintf(folder, sizeof folder, "%s/bench-fuzz-XXXXXX",
                       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        must(mkdtemp(folder) ? 0 : -1, "fuzz: mkdtemp");
        (void)atexit(forget);
    }
    fuzz_must(path_join(out, folder, "%s", name));
    return out;
}

void fuzz_put(const char *name, const void *bytes, size_t n)
{
    char path[PATH_BYTES], above[PATH_BYTES];
    (void)fuzz_path(name, path);
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) {
        memcpy(above, path, sizeof above);
        *strrchr(above, '/') = '\0';
        fuzz_must(folder_make(above));
        file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    }
    must(file, path);
    put_bytes(file, bytes, n);
    (void)close(file);
}

void fuzz_put_text(const char *name, const char *content)
{
    fuzz_put(name, content, strlen(content));
}
