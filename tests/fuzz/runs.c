/* What a run reads back from its folder. */
#include "bench/results.h"
#include "bench/store.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <string.h>

static store artifacts;
static hash key;

/* Makes an artifact of a trial, whose key is the same at every call. */
static void put_trial(const char *folder)
{
    char path[PATH_BYTES], work[PATH_BYTES];
    static const char content[] = "[trial]\n";
    bool taken;
    manifest m = {.seconds = 1};
    key = hash_bytes("fuzz", 4);
    fuzz_must(store_open(fuzz_path(folder, path), &artifacts));
    fuzz_must(store_lock(&artifacts, &key, &taken));
    fuzz_must(store_begin(&artifacts, artifact_kind_names[KIND_TRIAL], &key, false, work));
    fuzz_must(path_join(path, work, "score.ini"));
    fuzz_must(file_write(path, content, strlen(content)));
    fuzz_must(store_finish(&artifacts, artifact_kind_names[KIND_TRIAL], &key, &m));
}

static void put_in_trial(const char *folder, const char *file, const void *bytes, size_t n)
{
    char name[PATH_BYTES];
    (void)snprintf(name, sizeof name, "%s/artifacts/%s-%s/%s", folder, artifact_kind_names[KIND_TRIAL],
                   key.hex, file);
    fuzz_put(name, bytes, n);
}

/* The hash that a manifest must end with is put there, or nothing behind it would ever be reached. */
void fuzz_store(const uint8_t *bytes, size_t n)
{
    static bool made;
    if (!made) {
        put_trial("store");
        store_close(&artifacts);
    }
    made = true;
    char folder[PATH_BYTES];
    text t = {0};
    manifest m;
    hash own = hash_bytes(bytes, n);
    text_bytes(&t, bytes, n);
    text_printf(&t, "\n[manifest]\nhash = %s\n", own.hex);
    fuzz_must(text_check(&t));
    put_in_trial("store", "manifest.ini", t.data, t.length);
    text_close(&t);
    fuzz_must(path_join(artifacts.folder, fuzz_path("store", folder), "artifacts"));
    (void)store_manifest(&artifacts, artifact_kind_names[KIND_TRIAL], &key, &m);
    (void)store_verify(&artifacts, artifact_kind_names[KIND_TRIAL], &key);
}

void fuzz_score(const uint8_t *bytes, size_t n)
{
    static bool made;
    static settings s;
    static study experiment;
    char folder[PATH_BYTES];
    results r;
    if (!made) {
        settings_defaults(&s);
        fuzz_must(study_open(&s, &experiment));
        put_trial("score");
        store_close(&artifacts);
    }
    made = true;
    artifact trial = {.kind = KIND_TRIAL, .key = key};
    plan p = {.items = &trial, .n = 1};
    fuzz_must(path_join(artifacts.folder, fuzz_path("score", folder), "artifacts"));
    put_in_trial("score", "score.ini", bytes, n);
    (void)results_collect(&experiment, &p, &artifacts, &r);
    results_close(&r);
}

void fuzz_results(const uint8_t *bytes, size_t n)
{
    results r;
    if (results_read(fuzz_file(bytes, n), n % 2 ? TASK_CLASSES : TASK_LABELS, &r) == OK) results_close(&r);
}
