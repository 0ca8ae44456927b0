/* Fuzz targets: each takes any bytes as the file that its parser reads. Whatever they are, the parser
 * returns; sanitizers see to the rest. Under clang libFuzzer drives one target (libfuzzer.c), everywhere else
 * replay.c drives all of them over the corpus and simple mutations of it. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "base/files.h"

#include <stddef.h>
#include <stdint.h>

typedef void (*fuzz_function)(const uint8_t *bytes, size_t n);

typedef struct fuzz_target {
    const char *name, *reads;
    fuzz_function run;
} fuzz_target;

extern const fuzz_target fuzz_targets[];
extern const int fuzz_target_count;

/* By name, or NULL. */
const fuzz_target *fuzz_find(const char *name);

#define TARGET(name, reads) void fuzz_##name(const uint8_t *bytes, size_t n);
#include "tests/fuzz/targets.def"

/* The path of a file with these bytes, the same at every call. */
const char *fuzz_file(const uint8_t *bytes, size_t n);

/* The path of folder/name below a folder that is removed at the end, in memory where there is /dev/shm. */
const char *fuzz_path(const char *name, char out[PATH_BYTES]);

/* Writes such a file, making its folder. */
void fuzz_put(const char *name, const void *bytes, size_t n);
void fuzz_put_text(const char *name, const char *content);

/* Stops the program when a fixture that must work does not. */
void fuzz_must(err error);

#endif
