/* Files of weights: names, what fits, and what is told of what does not. That num_batches_tracked is ignored
 * is seen where the golden weights load, which have it. */
#include "nn/safetensors.h"
#include "tiny.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char path[] = "/tmp/bench-test-weights-XXXXXX";

static void setup(void)
{
    int handle = mkstemp(path);
    cr_assert_geq(handle, 0);
}

static void teardown(void)
{
    cr_assert_eq(remove(path), 0);
}

TestSuite(weights, .init = setup, .fini = teardown);

/* Name and shape of every line of tests/golden/classifiers_make.py's table, as torchvision has them. */
static int compare_with_table(const safetensors *f, const char *table)
{
    char file[4096], name[128], size[64], found[64];
    int n = 0;
    (void)snprintf(file, sizeof file, "%s/%s", TEST_GOLDEN, table);
    FILE *rows = fopen(file, "r");
    cr_assert(rows);
    cr_assert_eq(fscanf(rows, "%127[^\n]", name), 1); /* the header line */
    for (; fscanf(rows, "\n%127[^,],%63[^,],%*[^\n]", name, size) == 2; n++) {
        nn_shape_t shape;
        const float *values;
        int used = 0;
        ASSERT_OK(safetensors_read(f, name, &shape, &values));
        for (int i = 0; i < shape.rank; i++)
            used += snprintf(found + used, sizeof found - (size_t)used, "%s%d", i ? "x" : "", shape.d[i]);
        cr_expect_str_eq(found, size, "%s", name);
    }
    (void)fclose(rows);
    return n;
}

/* And the file opens in Python: tests/golden/classifiers_make.py --verify. */
Test(weights, are_saved_under_the_names_of_torchvision)
{
    classifier_opts o = classifier_defaults;
    safetensors *f;
    o.model = "densenet121";
    o.n_classes = CLASSES;
    o.batch = 2;
    classifier *c = open_tiny(&be_cpu, o);
    ASSERT_OK(classifier_save(c, path));
    ASSERT_OK(safetensors_open(path, &f));
    cr_expect_eq(compare_with_table(f, "classifier_densenet121.csv"), safetensors_count(f));
    cr_expect_str_eq(safetensors_metadata(f, "format"), "pt");
    cr_expect_str_eq(safetensors_metadata(f, "model"), "densenet121");
    safetensors_close(f);
    classifier_close(c);
}

static void predict(classifier *c, const dataset *set, float *probabilities)
{
    samples which = all_of(set);
    ASSERT_OK(classifier_predict(c, set, &which, probabilities));
}

/* A gray image in three channels, and once with the sum of their weights. */
Test(weights, of_three_channels_are_summed_for_one)
{
    float one[REAL * CLASSES], three[REAL * CLASSES], untrained[REAL * CLASSES];
    dataset *set = noise_set(0, REAL);
    samples which = all_of(set);
    classifier_opts o = tiny();
    o.channels = 3;
    classifier *c = open_tiny(&be_ref, o);
    ASSERT_OK(classifier_train(c, set, &which, NULL, NULL, NULL));
    ASSERT_OK(classifier_save(c, path));
    predict(c, set, three);
    classifier_close(c);
    o.channels = 1;
    c = open_tiny(&be_ref, o);
    predict(c, set, untrained);
    ASSERT_OK(classifier_load(c, path, false));
    predict(c, set, one);
    for (int i = 0; i < REAL * CLASSES; i++) cr_expect_float_eq(one[i], three[i], 1e-5F);
    cr_expect_neq(memcmp(one, untrained, sizeof one), 0);
    classifier_close(c);
    dataset_close(set);
}

static float first_weight(classifier *c, const char *name)
{
    float values[4096];
    ASSERT_OK(net_get_parameter(c->n, name, values));
    return values[0];
}

Test(weights, of_other_classes_load_with_a_fresh_head_only)
{
    classifier_opts o = tiny();
    classifier *c = open_tiny(&be_ref, o);
    ASSERT_OK(classifier_save(c, path));
    float stem = first_weight(c, "C/stem.weight");
    classifier_close(c);
    o.n_classes = 2;
    o.seed++;
    c = open_tiny(&be_ref, o);
    float own_stem = first_weight(c, "C/stem.weight"), own_head = first_weight(c, "C/logits.weight");
    cr_assert_eq(classifier_load(c, path, false), ERR_DATA);
    cr_expect_not_null(strstr(err_message(), "tensor logits.weight is (3,12), and the model's is (2,12)"),
                       "%s", err_message());
    cr_expect_not_null(strstr(err_message(), "fresh_head"), "%s", err_message());
    cr_expect_eq(first_weight(c, "C/stem.weight"), own_stem, "a refused file changes nothing");
    ASSERT_OK(classifier_load(c, path, true));
    cr_expect_eq(first_weight(c, "C/stem.weight"), stem);
    cr_expect_eq(first_weight(c, "C/logits.weight"), own_head);
    classifier_close(c);
}

/* What is done to one tensor of a good file. */
typedef enum change { RENAME, RESHAPE, ADD } change;

static void write_changed(classifier *c, const char *name, change how)
{
    enum { MOST = 128 };
    static const float zeros[4096];
    safetensors_entry entries[MOST];
    safetensors *f;
    char good[sizeof path + 8];
    (void)snprintf(good, sizeof good, "%s.good", path);
    ASSERT_OK(classifier_save(c, good));
    ASSERT_OK(safetensors_open(good, &f));
    int n = safetensors_count(f);
    for (int i = 0; i < n; i++) {
        entries[i].name = safetensors_name(f, i);
        ASSERT_OK(safetensors_read(f, entries[i].name, &entries[i].shape, &entries[i].data));
        if (how == ADD || strcmp(entries[i].name, name) != 0) continue;
        if (how == RENAME) entries[i].name = "renamed";
        if (how == RESHAPE) entries[i].shape.d[0]++, entries[i].data = zeros;
    }
    if (how == ADD) entries[n++] = (safetensors_entry){name, nn_shape(1, 2), zeros};
    ASSERT_OK(safetensors_write(path, entries, n, NULL));
    safetensors_close(f);
    cr_assert_eq(remove(good), 0);
}

Test(weights, that_do_not_fit_are_named)
{
    static const struct {
        const char *name, *says;
        change how;
        bool fresh_head;
        err want;
    } cases[] = {
        {"stem.weight", "has no tensor stem.weight", RENAME, false, ERR_DATA},
        {"block0.layer1/norm.running_var", "has no tensor block0.layer1/norm.running_var", RENAME, false,
         ERR_DATA},
        {"stem.weight", "tensor stem.weight is (7,1,4,4), and the model's is (6,1,4,4)", RESHAPE, false,
         ERR_DATA},
        {"logits.bias", "tensor logits.bias is (4), and the model's is (3)", RESHAPE, false, ERR_DATA},
        {"logits.bias", "", RESHAPE, true, OK},
        {"logits.more", "tensor logits.more is not one of the model's", ADD, false, ERR_DATA},
        {"logits.more", "", ADD, true, OK},
        {"layer9.weight", "tensor layer9.weight is not one of the model's", ADD, true, ERR_DATA},
        {"norm.num_batches_tracked", "", ADD, false, OK},
    };
    classifier *c = open_tiny(&be_ref, tiny());
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_changed(c, cases[i].name, cases[i].how);
        err error = classifier_load(c, path, cases[i].fresh_head);
        cr_expect_eq(error, cases[i].want, "case %zu: %s", i, err_message());
        if (cases[i].want == OK) continue;
        cr_expect_not_null(strstr(err_message(), cases[i].says), "%s", err_message());
        cr_expect_not_null(strstr(err_message(), "weights for densenet_small"), "%s", err_message());
        cr_expect_not_null(strstr(err_message(), path), "%s", err_message());
    }
    classifier_close(c);
}

Test(weights, that_are_not_there_or_no_weights_are_told)
{
    classifier *c = open_tiny(&be_ref, tiny());
    cr_expect_eq(classifier_load(c, "/no/such/file", false), ERR_NO_INPUT);
    cr_expect_not_null(strstr(err_message(), "/no/such/file"), "%s", err_message());
    cr_expect_eq(classifier_load(c, path, false), ERR_DATA); /* an empty file */
    classifier_close(c);
}

static hash hash_of(classifier *c)
{
    hash h;
    ASSERT_OK(classifier_hash(c, &h));
    return h;
}

Test(weights, have_a_hash_that_files_keep)
{
    classifier_opts o = tiny();
    classifier *a = open_tiny(&be_ref, o);
    o.seed++;
    classifier *b = open_tiny(&be_ref, o);
    hash first = hash_of(a), second = hash_of(b);
    cr_expect_str_eq(hash_of(a).hex, first.hex);
    cr_expect_str_neq(first.hex, second.hex);
    ASSERT_OK(classifier_save(a, path));
    ASSERT_OK(classifier_load(b, path, false));
    cr_expect_str_eq(hash_of(b).hex, first.hex);
    classifier_close(a);
    classifier_close(b);
}
