/* libFuzzer's entry point: the target is named by the environment variable FUZZ_TARGET. */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const fuzz_target *target;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    const char *name = getenv("FUZZ_TARGET");
    target = name ? fuzz_find(name) : NULL;
    if (target) return 0;
    (void)fprintf(stderr, "FUZZ_TARGET must name a target:\n");
    for (int i = 0; i < fuzz_target_count; i++)
        (void)fprintf(stderr, "  %-14s %s\n", fuzz_targets[i].name, fuzz_targets[i].reads);
    exit(EXIT_FAILURE);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    target->run(bytes, n);
    return 0;
}
