#include "base/file_writer.h"
#include "base/text.h"
#include "bench/store.h"
#include "helpers.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[PATH_BYTES], path[PATH_BYTES];
static store s;
static hash key;

static void setup(void)
{
    make_folder(folder);
    cr_assert_eq(store_open(folder, &s), OK, "%s", err_message());
    key = hash_bytes("key", 3);
}

static void teardown(void)
{
    store_close(&s);
    forget_folder(folder);
}

TestSuite(store, .init = setup, .fini = teardown);

/* Makes a finished artifact of two files. */
static void make_artifact(const manifest *m)
{
    char work[PATH_BYTES];
    cr_assert_eq(store_begin(&s, "kind", &key, false, work), OK, "%s", err_message());
    write_text(work, "one.txt", "first", path);
    write_text(work, "two.txt", "", path);
    cr_assert_not(store_has(&s, "kind", &key), "nothing is seen before it is finished");
    cr_assert_eq(store_finish(&s, "kind", &key, m), OK, "%s", err_message());
}

static void overwrite(const char *file, long offset, const char *bytes, size_t n)
{
    cr_assert_eq(store_path(&s, "kind", &key, file, path), OK);
    FILE *f = fopen(path, "r+");
    cr_assert_not_null(f);
    cr_assert_eq(fseek(f, offset, SEEK_SET), 0);
    cr_assert_eq(fwrite(bytes, 1, n, f), n);
    cr_assert_eq(fclose(f), 0);
}

/* Replaces a part of the manifest, and its hash as well. */
static void rewrite_manifest(const char *old, const char *new)
{
    char file[PATH_BYTES];
    text t = {0};
    cr_assert_eq(store_path(&s, "kind", &key, "manifest.ini", file), OK);
    char *content = read_text("/", file), *at = strstr(content, old),
         *end = strstr(content, "\n[manifest]\n");
    cr_assert(at && end);
    text_printf(&t, "%.*s%s%.*s", (int)(at - content), content, new, (int)(end - at - (long)strlen(old)),
                at + strlen(old));
    hash own = hash_bytes(t.data, t.length);
    text_printf(&t, "\n[manifest]\nhash = %s\n", own.hex);
    cr_assert_eq(file_write(file, t.data, t.length), OK);
    text_close(&t);
    free(content);
}

Test(store, a_finished_artifact_keeps_its_files_and_its_manifest)
{
    manifest m = {.failed = true, .message = "diverged at step 3 ; see\nthere", .seconds = 1.25}, back;
    make_artifact(&m);
    cr_assert(store_has(&s, "kind", &key));
    cr_assert_eq(store_verify(&s, "kind", &key), OK, "%s", err_message());
    cr_assert_eq(store_manifest(&s, "kind", &key, &back), OK, "%s", err_message());
    cr_assert(back.failed);
    cr_assert_str_eq(back.message, "diverged at step 3 , see there");
    cr_assert_float_eq(back.seconds, 1.25, 1e-9);
    hash other = hash_bytes("other", 5);
    cr_assert_not(store_has(&s, "kind", &other));
    cr_assert_not(store_has(&s, "other", &key));
}

Test(store, every_kind_of_damage_is_noticed)
{
    static const struct {
        const char *file, *says;
        long offset;
        const char *bytes;
    } cases[] = {
        {"one.txt", "one.txt: has changed", 2, "X"},
        {"two.txt", "two.txt: has changed", 0, "X"},
        {"manifest.ini", "manifest.ini: does not match its own hash", 3, "X"},
    };
    const manifest m = {.seconds = 1};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        make_artifact(&m);
        overwrite(cases[i].file, cases[i].offset, cases[i].bytes, 1);
        cr_assert_eq(store_verify(&s, "kind", &key), ERR_DATA);
        cr_assert(message_has(cases[i].says));
        cr_assert_eq(store_remove(&s, "kind", &key), OK);
        cr_assert_not(store_has(&s, "kind", &key));
    }
    make_artifact(&m);
    cr_assert_eq(store_path(&s, "kind", &key, "one.txt", path), OK);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(store_verify(&s, "kind", &key), ERR_DATA);
    cr_assert(message_has("one.txt: is missing"));
    cr_assert_eq(store_path(&s, "kind", &key, "manifest.ini", path), OK);
    cr_assert_eq(truncate(path, 20), 0);
    cr_assert_eq(store_verify(&s, "kind", &key), ERR_DATA);
    cr_assert_eq(unlink(path), 0);
    cr_assert_not(store_has(&s, "kind", &key));
    write_text(folder, "outside.txt", "first", path); /* a manifest may name files of its artifact only */
    make_artifact(&m);
    rewrite_manifest("one.txt = ", "../../outside.txt = ");
    cr_assert_eq(store_verify(&s, "kind", &key), ERR_DATA);
    cr_assert(message_has("which is elsewhere"));
    cr_assert_eq(store_remove(&s, "kind", &key), OK);
    make_artifact(&m); /* over what is left of the old one */
    cr_assert_eq(store_verify(&s, "kind", &key), OK, "%s", err_message());
}

Test(store, what_a_power_failure_leaves_is_noticed)
{
    static const char *const torn[] = {"manifest.ini", "one.txt"};
    const manifest m = {.seconds = 1};
    file_writers_wait(false);
    for (int bytes = 0; bytes < 4; bytes += 3)
        for (size_t i = 0; i < sizeof torn / sizeof torn[0]; i++) {
            make_artifact(&m);
            cr_assert_eq(store_verify(&s, "kind", &key), OK, "%s", err_message());
            cr_assert_eq(store_path(&s, "kind", &key, torn[i], path), OK);
            cr_assert_eq(truncate(path, bytes), 0);
            cr_expect_eq(store_verify(&s, "kind", &key), ERR_DATA, "%s of %d bytes", torn[i], bytes);
            cr_assert_eq(store_remove(&s, "kind", &key), OK);
        }
    file_writers_wait(true);
}

Test(store, the_hash_of_a_manifest_is_of_all_that_the_artifact_is)
{
    manifest m = {.seconds = 1};
    hash first, same, other;
    make_artifact(&m);
    cr_assert_eq(store_manifest_hash(&s, "kind", &key, &first), OK, "%s", err_message());
    cr_assert_eq(store_remove(&s, "kind", &key), OK);
    make_artifact(&m);
    cr_assert_eq(store_manifest_hash(&s, "kind", &key, &same), OK);
    cr_expect_str_eq(first.hex, same.hex);
    cr_assert_eq(store_remove(&s, "kind", &key), OK);
    m.failed = true;
    make_artifact(&m);
    cr_assert_eq(store_manifest_hash(&s, "kind", &key, &other), OK);
    cr_expect_str_neq(first.hex, other.hex);
    cr_assert_eq(store_remove(&s, "kind", &key), OK);
    cr_expect_eq(store_manifest_hash(&s, "kind", &key, &other), ERR_NO_INPUT);
}

Test(store, an_interrupted_maker_leaves_its_checkpoint_only_to_the_one_who_resumes)
{
    char work[PATH_BYTES], again[PATH_BYTES];
    const manifest m = {0};
    cr_assert_eq(store_begin(&s, "kind", &key, true, work), OK);
    write_text(work, "checkpoint.safetensors", "half", path);
    write_text(work, "weights.part-123", "torn", path);
    cr_assert_eq(store_begin(&s, "kind", &key, true, again), OK);
    cr_assert_str_eq(work, again);
    cr_assert(path_exists(path));
    write_text(work, "weights", "all", path);
    cr_assert_eq(store_finish(&s, "kind", &key, &m), OK);
    cr_assert_eq(store_path(&s, "kind", &key, "checkpoint.safetensors", path), OK);
    cr_assert_not(path_exists(path), "what only served the making is gone");
    cr_assert_eq(store_path(&s, "kind", &key, "weights.part-123", path), OK);
    cr_assert_not(path_exists(path));
    cr_assert_eq(store_path(&s, "kind", &key, "weights", path), OK);
    cr_assert(path_exists(path));

    hash other = hash_bytes("other", 5);
    cr_assert_eq(store_begin(&s, "kind", &other, true, work), OK);
    write_text(work, "checkpoint.safetensors", "half", path);
    cr_assert_eq(store_begin(&s, "kind", &other, false, work), OK);
    cr_assert_not(path_exists(path), "who does not resume starts from nothing");
}

/* In a child, because a process never waits for its own locks. */
static bool another_process_can_lock(const hash *which)
{
    pid_t pid = fork();
    if (pid == 0) {
        store own;
        bool taken = false;
        bool fine = store_open(folder, &own) == OK && store_lock(&own, which, &taken) == OK;
        _exit(fine && taken ? 0 : 1);
    }
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status) == 0;
}

Test(store, a_lock_excludes_other_processes_from_its_key_only)
{
    bool taken;
    hash other = hash_bytes("other", 5);
    cr_assert_eq(store_lock(&s, &key, &taken), OK, "%s", err_message());
    cr_assert(taken);
    cr_assert_not(another_process_can_lock(&key));
    cr_assert(another_process_can_lock(&other));
    store_unlock(&s, &key);
    cr_assert(another_process_can_lock(&key));
    /* The child died with the lock: the system has released it. */
    cr_assert_eq(store_lock(&s, &key, &taken), OK);
    cr_assert(taken);
}

Test(store, a_store_below_a_file_cannot_be_opened)
{
    store bad;
    write_text(folder, "file", "x", path);
    cr_assert_eq(store_open(path, &bad), ERR_CANNOT_CREATE);
    cr_assert(message_has(path));
}
