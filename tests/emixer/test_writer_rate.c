/* How often, and at which rate, the encoder and the decoder are updated. */
#include "tiny.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { VALUES = 64 };
static const char parameter[] = "R/decoder/stop.weight"; /* (1,E) */

/* R learns from real pairs and texts alone: nothing that G or D do reaches it. */
static emixer_opts alone(const tiny_pairs *p)
{
    emixer_opts o = tiny_pair_options(p->words);
    o.judgement_weight = 0;
    return o;
}

static void train(const emixer_opts *o, const tiny_pairs *p, float *values)
{
    emixer *e = tiny_open(&be_ref, *o);
    ASSERT_OK(emixer_train(e, &p->data, NULL, 0, NULL, NULL));
    ASSERT_OK(net_get_parameter(e->n, parameter, values));
    emixer_close(e);
}

Test(writer_rate, two_updates_a_step_are_those_of_two_steps)
{
    tiny_pairs p;
    float once[VALUES], twice[VALUES];
    tiny_pairs_open(&p);
    emixer_opts o = alone(&p);
    for (int decay = 0; decay < 2; decay++) {
        o.writer_decay = decay == 1;
        o.steps = 4;
        o.writer_steps = 1;
        train(&o, &p, once);
        o.steps = 2;
        o.writer_steps = 2;
        train(&o, &p, twice);
        cr_expect_eq(memcmp(once, twice, (size_t)o.embedding * sizeof *once), 0, "decay %d", decay);
    }
    tiny_pairs_close(&p);
}

/* Of two updates the first has the full rate, and the second half of it: the cosine of a quarter turn is 0.
 */
Test(writer_rate, decays_as_a_cosine)
{
    tiny_pairs p;
    float first[VALUES], constant[VALUES], decayed[VALUES];
    tiny_pairs_open(&p);
    emixer_opts o = alone(&p);
    o.writer_rate = 0.1F; /* so that differences have digits */
    o.steps = 1;
    train(&o, &p, first);
    o.steps = 2;
    train(&o, &p, constant);
    o.writer_decay = true;
    train(&o, &p, decayed);
    for (int i = 0; i < o.embedding; i++) {
        cr_expect_gt(fabsf(constant[i] - first[i]), 1e-3F);
        cr_expect_float_eq(decayed[i] - first[i], 0.5F * (constant[i] - first[i]), 1e-6F);
    }
    tiny_pairs_close(&p);
}

/* What was done at the rates of a longer training is no part of a shorter one. */
Test(writer_rate, a_decayed_training_keeps_its_length)
{
    char path[] = "/tmp/bench-test-emixer-XXXXXX";
    tiny_pairs p;
    int file = mkstemp(path);
    cr_assert_geq(file, 0);
    (void)close(file);
    tiny_pairs_open(&p);
    emixer_opts o = alone(&p);
    o.writer_decay = true;
    o.steps = 2;
    emixer *e = tiny_open(&be_ref, o);
    ASSERT_OK(emixer_save(e, path));
    ASSERT_OK(emixer_load(e, path));
    emixer_close(e);
    o.steps = 3;
    e = tiny_open(&be_ref, o);
    cr_expect_eq(emixer_load(e, path), ERR_DATA);
    cr_expect_not_null(strstr(err_message(), "steps"), "%s", err_message());
    emixer_close(e);
    cr_assert_eq(remove(path), 0);
    tiny_pairs_close(&p);
}
