/* The fuzz targets without a fuzzer: fuzz_replay CORPUS MUTATIONS [TARGET]... runs every file of
 * CORPUS/TARGET, and MUTATIONS changed copies of them, the same ones each time. A crash, a sanitizer's report
 * or a target that takes too long ends the program with the target's name on stderr. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES_MOST = 64, BYTES_MOST = 1 << 16, SECONDS_MOST = 20 };

typedef struct corpus {
    char *bytes[FILES_MOST];
    size_t lengths[FILES_MOST];
    int n;
} corpus;

static char running[96]; /* what a signal handler may write */

static void tell(int number)
{
    (void)!write(STDERR_FILENO, running, strlen(running));
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void corpus_open(const char *folder, const char *target, corpus *c)
{
    char path[PATH_BYTES], below[PATH_BYTES];
    struct dirent **entries = NULL;
    fuzz_must(path_join(below, folder, "%s", target));
    int n = scandir(below, &entries, visible, alphasort);
    *c = (corpus){0};
    for (int i = 0; i < n; i++) {
        if (c->n < FILES_MOST) {
            fuzz_must(path_join(path, below, "%s", entries[i]->d_name));
            fuzz_must(file_read(path, BYTES_MOST, &c->bytes[c->n], &c->lengths[c->n]));
            c->n++;
        }
        free(entries[i]);
    }
    free(entries);
    if (c->n > 0) return;
    (void)fprintf(stderr, "fuzz: %s: has no corpus\n", below);
    exit(EXIT_FAILURE);
}

static void corpus_close(corpus *c)
{
    for (int i = 0; i < c->n; i++) free(c->bytes[i]);
}

static size_t below(uint64_t *state, size_t n)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U; /* Knuth's MMIX */
    return n ? (size_t)(*state >> 33) % n : 0;
}

/* One change: a bit, a byte, a run taken out, doubled, or taken from another file. */
static size_t change(uint64_t *state, const corpus *c, uint8_t *bytes, size_t n)
{
    static const char special[] = "\0\xff\n\r\"',;:=-+.0{}[]<>/\\|";
    size_t at = below(state, n), run = 1 + below(state, 8), room = BYTES_MOST - n;
    int other = (int)below(state, (size_t)c->n);
    if (run > n - at) run = n - at;
    switch (below(state, 6)) {
    case 0:
        if (n) bytes[at] ^= (uint8_t)(1U << below(state, 8));
        break;
    case 1:
        if (n) bytes[at] = (uint8_t)special[below(state, sizeof special - 1)];
        break;
    case 2:
        memmove(bytes + at, bytes + at + run, n - at - run);
        return n - run;
    case 3:
        if (run > room) break;
        memmove(bytes + at + run, bytes + at, n - at);
        return n + run;
    case 4:
        return at;
    default:
        run = below(state, c->lengths[other] + 1);
        if (run > BYTES_MOST - at) run = BYTES_MOST - at;
        memcpy(bytes + at, c->bytes[other], run);
        return at + run > n ? at + run : n;
    }
    return n;
}

static void run_one(const fuzz_target *t, const uint8_t *bytes, size_t n)
{
    uint8_t *exact = malloc(n ? n : 1); /* so that a read behind the end is seen */
    if (!exact) exit(EXIT_FAILURE);
    memcpy(exact, bytes, n);
    (void)alarm(SECONDS_MOST);
    t->run(exact, n);
    (void)alarm(0);
    free(exact);
}

static void replay(const fuzz_target *t, const char *folder, long mutations)
{
    static uint8_t bytes[BYTES_MOST];
    corpus c;
    uint64_t state = 1;
    (void)snprintf(running, sizeof running, "fuzz: in target %s\n", t->name);
    corpus_open(folder, t->name, &c);
    for (int i = 0; i < c.n; i++) run_one(t, (const uint8_t *)c.bytes[i], c.lengths[i]);
    for (long m = 0; m < mutations; m++) {
        int from = (int)below(&state, (size_t)c.n);
        size_t n = c.lengths[from];
        memcpy(bytes, c.bytes[from], n);
        for (size_t k = 1 + below(&state, 4); k > 0; k--) n = change(&state, &c, bytes, n);
        run_one(t, bytes, n);
    }
    corpus_close(&c);
}

static bool is_wanted(const char *name, int argc, char **argv)
{
    bool wanted = argc <= 3;
    for (int i = 3; i < argc; i++) wanted = wanted || strcmp(argv[i], name) == 0;
    return wanted;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        (void)fprintf(stderr, "usage: fuzz_replay CORPUS MUTATIONS [TARGET]...\n");
        return EXIT_FAILURE;
    }
    for (int i = 3; i < argc; i++)
        if (!fuzz_find(argv[i])) {
            (void)fprintf(stderr, "fuzz: there is no target %s\n", argv[i]);
            return EXIT_FAILURE;
        }
    (void)signal(SIGSEGV, tell);
    (void)signal(SIGABRT, tell);
    (void)signal(SIGALRM, tell);
    for (int i = 0; i < fuzz_target_count; i++)
        if (is_wanted(fuzz_targets[i].name, argc, argv))
            replay(&fuzz_targets[i], argv[1], strtol(argv[2], NULL, 10));
    return EXIT_SUCCESS;
}
