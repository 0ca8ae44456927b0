/* Saving and loading: bit for bit, and every way in which a file can be wrong. */
#include "base/files.h"
#include "nn/backend.h"
#include "nn/safetensors.h"
#include "tests/nn/devices.h"
#include "tests/nn/model.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TENSORS = 64, FILE_LIMIT = 1 << 24 };

static char folder[PATH_BYTES];

static void make_folder(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/test_save.XXXXXX");
    cr_assert(mkdtemp(folder));
}

static void remove_folder(void)
{
    cr_expect_eq(folder_remove(folder), OK);
}

TestSuite(save, .init = make_folder, .fini = remove_folder);
#ifdef HAVE_CUDA
TestSuite(cuda_save, .init = make_folder, .fini = remove_folder);
#endif

static const char *path_of(const char *name)
{
    static char paths[4][PATH_BYTES + 32];
    static int next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void save(model *m, const char *name)
{
    static const char *const metadata[] = {"note", "a \"test\"\n", NULL};
    cr_assert_eq(net_save(m->n, path_of(name), m->optimizers, 2, metadata), OK, "%s", err_message());
}

static void expect_same_files(const char *a, const char *b)
{
    char *first, *second;
    size_t first_bytes, second_bytes;
    cr_assert_eq(file_read(path_of(a), FILE_LIMIT, &first, &first_bytes), OK, "%s", err_message());
    cr_assert_eq(file_read(path_of(b), FILE_LIMIT, &second, &second_bytes), OK, "%s", err_message());
    cr_expect(first_bytes == second_bytes && memcmp(first, second, first_bytes) == 0, "%s and %s differ", a,
              b);
    free(first);
    free(second);
}

/* Ten steps without a stop, or five, a file, another process's net with another seed... and five more. */
TEST_ON_DEVICES(save, a_resumed_run_is_bit_identical)
{
    model whole = model_open_on(device, 21, false), resumed = model_open_on(device, 21, false);
    model_train(&whole, 0, 5);
    save(&whole, "middle");
    model_train(&whole, 5, 5);
    save(&whole, "end");
    model_train(&resumed, 77, 2); /* so that all that is loaded differs from what is there */
    cr_assert_eq(net_load(resumed.n, path_of("middle"), resumed.optimizers, 2), OK, "%s", err_message());
    save(&resumed, "middle again");
    model_train(&resumed, 5, 5);
    save(&resumed, "end again");
    expect_same_files("middle", "middle again");
    expect_same_files("end", "end again");
    model_close(&whole);
    model_close(&resumed);
}

Test(save, the_steps_of_adam_are_saved)
{
    model m = model_open(&be_ref, 21, false);
    model_train(&m, 0, 3);
    save(&m, "file");
    safetensors *f;
    cr_assert_eq(safetensors_open(path_of("file"), &f), OK, "%s", err_message());
    cr_expect_str_eq(safetensors_metadata(f, "optimizer/D/steps"), "3");
    cr_expect_str_eq(safetensors_metadata(f, "note"), "a \"test\"\n");
    cr_expect_null(safetensors_metadata(f, "other"));
    safetensors_close(f);
    model_close(&m);
}

/* The weights alone: from a file that also holds optimizers, or that holds none. */
Test(save, weights_can_be_loaded_alone)
{
    model m = model_open(&be_cpu, 21, false), other = model_open(&be_cpu, 22, false);
    size_t n;
    model_train(&m, 0, 2);
    save(&m, "with optimizers");
    cr_assert_eq(net_save(m.n, path_of("weights"), NULL, 0, NULL), OK, "%s", err_message());
    float *expected = model_parameters(&m, &n);
    for (int k = 0; k < 2; k++) {
        model_train(&other, 5, 1);
        cr_assert_eq(net_load(other.n, path_of(k ? "weights" : "with optimizers"), NULL, 0), OK, "%s",
                     err_message());
        float *loaded = model_parameters(&other, &n);
        cr_expect_eq(memcmp(loaded, expected, n * sizeof *loaded), 0);
        free(loaded);
    }
    free(expected);
    model_close(&m);
    model_close(&other);
}

/* ---- wrong files: each is told, and leaves the net as it was ---- */

static void expect_refused(model *m, const char *name, err code, const char *told)
{
    size_t n;
    float *before = model_parameters(m, &n);
    cr_expect_eq(net_load(m->n, path_of(name), m->optimizers, 2), code, "%s", told);
    cr_expect(strstr(err_message(), name) && strstr(err_message(), told), "\"%s\" does not tell of \"%s\"",
              err_message(), told);
    float *after = model_parameters(m, &n);
    cr_expect_eq(memcmp(before, after, n * sizeof *before), 0, "a failed load changed the net: %s", told);
    free(before);
    free(after);
}

/* Writes "changed": the tensors of "file", after `change` had them. */
typedef int (*changer)(safetensors_entry *entries, int n, const char **metadata);

static void rewrite(changer change)
{
    safetensors *f;
    safetensors_entry entries[TENSORS] = {{0}};
    const char *metadata[] = {"optimizer/D/steps", "3", "optimizer/G/steps", "3", NULL};
    cr_assert_eq(safetensors_open(path_of("file"), &f), OK, "%s", err_message());
    int n = safetensors_count(f);
    cr_assert_leq(n, TENSORS - 1);
    for (int i = 0; i < n; i++) {
        entries[i].name = safetensors_name(f, i);
        cr_assert_eq(safetensors_read(f, entries[i].name, &entries[i].shape, &entries[i].data), OK);
    }
    n = change(entries, n, metadata);
    cr_assert_eq(safetensors_write(path_of("changed"), entries, n, metadata), OK, "%s", err_message());
    safetensors_close(f);
}

static int change_nothing(safetensors_entry *entries, int n, const char **metadata)
{
    (void)entries;
    (void)metadata;
    return n;
}

static int drop_last(safetensors_entry *entries, int n, const char **metadata)
{
    (void)entries;
    (void)metadata;
    return n - 1;
}

static int drop_a_weight(safetensors_entry *entries, int n, const char **metadata)
{
    (void)metadata;
    for (int i = 0; i < n; i++)
        if (strcmp(entries[i].name, "D/down.weight") == 0) entries[i] = entries[n - 1];
    return n - 1;
}

static int add_one(safetensors_entry *entries, int n, const char **metadata)
{
    static const float value[2] = {1, 2};
    (void)metadata;
    entries[n] = (safetensors_entry){.name = "E/surplus", .shape = nn_shape(1, 2), .data = value};
    return n + 1;
}

static int flatten_a_weight(safetensors_entry *entries, int n, const char **metadata)
{
    (void)metadata;
    for (int i = 0; i < n; i++)
        if (strcmp(entries[i].name, "D/down.weight") == 0)
            entries[i].shape = nn_shape(1, (int)nn_count(&entries[i].shape));
    return n;
}

static int drop_steps(safetensors_entry *entries, int n, const char **metadata)
{
    (void)entries;
    metadata[0] = NULL;
    return n;
}

static int spoil_steps(safetensors_entry *entries, int n, const char **metadata)
{
    (void)entries;
    metadata[3] = "3x";
    return n;
}

static const struct {
    changer change;
    const char *told;
} changes[] = {
    {drop_last, "optimizer/G/m"},
    {drop_a_weight, "D/down.weight"},
    {add_one, "E/surplus"},
    {flatten_a_weight, "D/down.weight"},
    {drop_steps, "optimizer/D/steps"},
    {spoil_steps, "optimizer/G/steps"},
};

Test(save, a_checkpoint_of_another_model_is_refused)
{
    model m = model_open(&be_ref, 21, false), other = model_open(&be_ref, 23, false);
    model_train(&m, 0, 3);
    save(&m, "file");
    for (size_t k = 0; k < sizeof changes / sizeof *changes; k++) {
        rewrite(changes[k].change);
        expect_refused(&other, "changed", ERR_DATA, changes[k].told);
    }
    rewrite(change_nothing);
    cr_expect_eq(net_load(other.n, path_of("changed"), other.optimizers, 2), OK, "%s", err_message());
    model_close(&m);
    model_close(&other);
}

Test(save, a_truncated_or_missing_file_is_refused)
{
    model m = model_open(&be_ref, 21, false);
    char *bytes;
    size_t n;
    save(&m, "file");
    cr_assert_eq(file_read(path_of("file"), FILE_LIMIT, &bytes, &n), OK);
    const size_t lengths[] = {0, 5, 8, 100, n / 2, n - 1};
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
        cr_assert_eq(file_write(path_of("cut"), bytes, lengths[k]), OK);
        expect_refused(&m, "cut", ERR_DATA, "");
    }
    free(bytes);
    expect_refused(&m, "nowhere", ERR_NO_INPUT, "");
    model_close(&m);
}

Test(save, a_file_that_cannot_be_made_is_told)
{
    model m = model_open(&be_ref, 21, false);
    cr_expect_eq(net_save(m.n, path_of("no folder/file"), m.optimizers, 2, NULL), ERR_CANNOT_CREATE);
    cr_expect(strstr(err_message(), "no folder/file"), "%s", err_message());
    model_close(&m);
}
