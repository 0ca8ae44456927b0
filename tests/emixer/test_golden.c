/* The first updates against PyTorch, from the same weights and draws; see tests/golden/models_make.py and
 * emixer_pairs_make.py. */
#include "../golden_rows.h"
#include "nn/safetensors.h"
#include "tiny.h"

#include <string.h>

enum { GOLDEN_STEPS = 10 };

typedef struct losses {
    float d[GOLDEN_STEPS], g[GOLDEN_STEPS], w[GOLDEN_STEPS];
} losses;

static err keep_losses(void *context, int done, const emixer_losses *last)
{
    losses *l = context;
    l->d[done - 1] = last->discriminator;
    l->g[done - 1] = last->generator;
    l->w[done - 1] = last->writer;
    return OK;
}

/* Every parameter but those that training sets by itself comes from the file, and none is left over. */
static void load_weights(net *n, const char *path)
{
    safetensors *f;
    const float *values;
    nn_shape_t shape;
    int used = 0;
    ASSERT_OK(safetensors_open(path, &f));
    for (int i = 0; i < net_parameter_count(n); i++) {
        const char *name = net_parameter_name(n, i);
        if (strstr(name, ".running_") || strcmp(name, LABEL_POOL_NAME) == 0 ||
            strcmp(name, AVERAGES_NAME) == 0)
            continue;
        nn_shape_t wanted = net_parameter_shape(n, i);
        ASSERT_OK(safetensors_read(f, name, &shape, &values));
        cr_assert_eq(nn_count(&shape), nn_count(&wanted), "%s", name);
        ASSERT_OK(net_set_parameter(n, name, values));
        used++;
    }
    cr_assert_eq(used, safetensors_count(f));
    safetensors_close(f);
}

static void compare(nn_device device)
{
    losses l;
    double want[2];
    samples labelled = tiny_labelled(), unlabelled = tiny_unlabelled();
    dataset *set = tiny_set();
    emixer *e = tiny_open_on(device, tiny_options());
    load_weights(e->n, TEST_GOLDEN "/emixer_weights.safetensors");
    ASSERT_OK(emixer_train(e, &(emixer_data){.set = set, .labelled = &labelled, .unlabelled = &unlabelled},
                           NULL, 0, keep_losses, &l));
    golden_rows rows = golden_rows_open("emixer_losses.csv", 2);
    int t = 0;
    for (; golden_rows_next(&rows, want); t++) {
        CHECK_CLOSE((double)l.d[t], want[0], 1e-4, t);
        CHECK_CLOSE((double)l.g[t], want[1], 1e-4, t);
    }
    cr_assert_eq(t, GOLDEN_STEPS);
    emixer_close(e);
    dataset_close(set);
}

static void compare_pairs(nn_device device, bool real_reports)
{
    losses l;
    double want[3];
    tiny_pairs p;
    tiny_pairs_open(&p);
    emixer_opts o = tiny_pair_options(p.words);
    o.joint_real_reports = real_reports;
    emixer *e = tiny_open_on(device, o);
    load_weights(e->n, TEST_GOLDEN "/emixer_pairs_weights.safetensors");
    ASSERT_OK(emixer_train(e, &p.data, NULL, 0, keep_losses, &l));
    golden_rows rows =
        golden_rows_open(real_reports ? "emixer_real_reports_losses.csv" : "emixer_pairs_losses.csv", 3);
    int t = 0;
    for (; golden_rows_next(&rows, want); t++) {
        CHECK_CLOSE((double)l.d[t], want[0], 1e-4, t);
        CHECK_CLOSE((double)l.w[t], want[2], 1e-4, t);
        CHECK_CLOSE((double)l.g[t], want[1], 1e-4, t);
    }
    cr_assert_eq(t, GOLDEN_STEPS);
    emixer_close(e);
    tiny_pairs_close(&p);
}

Test(golden, losses_with_reports_ref)
{
    compare_pairs(nn_on(&be_ref), false);
}

Test(golden, losses_with_real_reports_of_labels_ref)
{
    compare_pairs(nn_on(&be_ref), true);
}

Test(golden, losses_with_real_reports_of_labels_cpu)
{
    compare_pairs(nn_on(&be_cpu), true);
}

Test(golden, losses_with_reports_cpu)
{
    compare_pairs(nn_on(&be_cpu), false);
}

Test(golden, losses_of_the_first_updates_ref)
{
    compare(nn_on(&be_ref));
}

Test(golden, losses_of_the_first_updates_cpu)
{
    compare(nn_on(&be_cpu));
}

Test(golden, losses_of_the_first_updates_of_replicas)
{
    compare((nn_device){.backend = &be_ref, .replicas = 2});
    compare((nn_device){.backend = &be_cpu, .replicas = 4});
}
