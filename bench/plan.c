#include "bench/plan.h"

#include "bench/fingerprint.h"
#include "bench/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const artifact_kind_names[KIND_COUNT] = {"dataset", "generator", "synthetic", "trial"};

/* Which settings an artifact depends on, beside those of its inputs: some of [data], and all of a section
 * that is about nothing else, so that no new option is forgotten. */
static const int packing_options[] = {OPTION_OF_source, OPTION_OF_size};
static const int packed_options[] = {OPTION_OF_uncertain};
static const int phantom_options[] = {OPTION_OF_count, OPTION_OF_data_seed};
static const int split_options[] = {OPTION_OF_few_shot_class, OPTION_OF_others, OPTION_OF_validation,
                                    OPTION_OF_test, OPTION_OF_labelled};
static const int generator_options[] = {OPTION_OF_unlabelled, OPTION_OF_device, OPTION_OF_texts,
                                        OPTION_OF_report_rules, OPTION_OF_minimum_count};
static const int task_options[] = {OPTION_OF_task};
static const int device_options[] = {OPTION_OF_device};

#define ADD_LINES(t, s, list) add_lines(t, s, list, sizeof(list) / sizeof *(list))

static void add_lines(text *t, const settings *s, const int *list, size_t n)
{
    for (size_t i = 0; i < n; i++) settings_line(s, list[i], t);
}

static void add_section(text *t, const settings *s, const char *section)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        if (strcmp(options[i].section, section) == 0) settings_line(s, i, t);
}

static void add_generator_lines(text *t, const settings *s)
{
    ADD_LINES(t, s, generator_options);
    add_section(t, s, "emixer");
}

static void add_synthetic_lines(text *t, const settings *s)
{
    add_section(t, s, "synthetic");
    ADD_LINES(t, s, task_options);
    ADD_LINES(t, s, device_options);
}

static err add(plan *p, artifact a, const char *own)
{
    if (p->n == p->capacity) {
        int capacity = p->capacity ? 2 * p->capacity : 64;
        artifact *items = realloc(p->items, (size_t)capacity * sizeof *items);
        if (!items) return err_set(ERR_SYSTEM, "out of memory for a plan of %d artifacts", p->n);
        p->items = items;
        p->capacity = capacity;
    }
    const char *first = a.inputs[0] >= 0 ? p->items[a.inputs[0]].key.hex : "";
    const char *second = a.inputs[1] >= 0 ? p->items[a.inputs[1]].key.hex : "";
    char threads[16];
    (void)snprintf(threads, sizeof threads, "%d", p->threads);
    /* A data set's bytes are the same for any number of threads. */
    a.key = hash_texts(artifact_kind_names[a.kind], version_code, a.settings.hex, own, first, second,
                       a.kind == KIND_DATASET ? "" : threads, (const char *)NULL);
    p->items[p->n++] = a;
    return OK;
}

/* Hashes and frees the text. */
static err settings_hash(text *t, hash *out)
{
    err error = text_check(t);
    if (error == OK) *out = hash_bytes(t->data, t->length);
    text_close(t);
    return error;
}

/* Costs only steer the progress line: FLOPs, of the parts that run below the speed of convolutions more than
 * there are. An update at width 16, batch 32, 64x64, one discriminator step has 40 GFLOP; work grows with
 * pixels, batch and the square of the width, and the discriminator's share is two thirds. */
static double generator_cost(const settings *s)
{
    double size = s->size / 64.0, width = s->emixer_width / 16.0;
    return 40e9 * size * size * width * width * (s->emixer_batch / 32.0) * (1 + 2 * s->discriminator_steps) /
           3 * s->emixer_steps;
}

/* An image takes an eighth of an update's share of one; three classes are assumed. */
static double synthetic_cost(const settings *s)
{
    return generator_cost(s) / s->emixer_steps / s->emixer_batch / 8 * s->per_class * 3;
}

/* Three forward passes an image, backward included, at three quarters of the generator's speed. */
static double trial_cost(const settings *s)
{
    classifier_opts o = settings_classifier(s, 2);
    return 3 / 0.75 * classifier_image_flops(&o) * s->classifier_batch * s->classifier_steps;
}

/* Rendering a phantom takes about as long as 20 MFLOP a pixel and 1000 studies; reading files is faster. */
static double dataset_cost(const settings *s)
{
    return 2e7 * s->size * s->size * (s->count / 1000.0);
}

static err add_dataset(plan *p, const study *s)
{
    artifact a = {.kind = KIND_DATASET, .inputs = {-1, -1}, .arm = -1, .cost = dataset_cost(&s->s)};
    hash source;
    TRY(fingerprint(s->s.source, &source));
    text t = {0};
    ADD_LINES(&t, &s->s, packing_options);
    if (strncmp(s->s.source, "phantom", strlen("phantom")) == 0) ADD_LINES(&t, &s->s, phantom_options);
    if (strncmp(s->s.source, "packed:", strlen("packed:")) == 0) ADD_LINES(&t, &s->s, packed_options);
    TRY(settings_hash(&t, &a.settings));
    (void)snprintf(a.label, sizeof a.label, "images of %.100s", s->s.source);
    return add(p, a, source.hex);
}

/* Adds the generator of one seed and its synthetic images. */
static err add_generator(plan *p, const study *s, int seed, int shots, int *synthetic)
{
    char own[128], draw[32] = "";
    (void)snprintf(own, sizeof own, "seed %d shots %d texts %s", seed, shots, p->texts.hex);
    if (shots > 0) (void)snprintf(draw, sizeof draw, ", %d shots", shots);
    artifact g = {.kind = KIND_GENERATOR, .inputs = {0, -1}, .seed = seed, .shots = shots, .arm = -1};
    artifact i = {.kind = KIND_SYNTHETIC, .inputs = {0, p->n}, .seed = seed, .shots = shots, .arm = -1};
    text t = {0};
    ADD_LINES(&t, &s->s, split_options);
    add_generator_lines(&t, &s->s);
    TRY(settings_hash(&t, &g.settings));
    add_synthetic_lines(&t, &s->s);
    TRY(settings_hash(&t, &i.settings));
    g.cost = generator_cost(&s->s);
    i.cost = synthetic_cost(&s->s);
    (void)snprintf(g.label, sizeof g.label, "generator%s, seed %d", draw, seed);
    (void)snprintf(i.label, sizeof i.label, "synthetic images%s, seed %d", draw, seed);
    TRY(add(p, g, own));
    *synthetic = p->n;
    return add(p, i, own);
}

static err add_trial(plan *p, const study *s, artifact a, int synthetic)
{
    const arm *which = &s->arms[a.arm];
    bool generated = which->parts[ROLE_SYNTHETIC] != NULL;
    char own[224], draw[32] = "", share[32] = "";
    (void)snprintf(own, sizeof own, "arm %s ratio %.9g seed %d shots %d weights %s", which->name, a.ratio,
                   a.seed, a.shots, p->weights.hex);
    a.kind = KIND_TRIAL;
    a.inputs[0] = 0;
    a.inputs[1] = generated ? synthetic : -1;
    a.cost = trial_cost(&s->s);
    text t = {0};
    ADD_LINES(&t, &s->s, split_options);
    add_section(&t, &s->s, "downstream");
    ADD_LINES(&t, &s->s, task_options);
    ADD_LINES(&t, &s->s, device_options);
    if (generated) add_generator_lines(&t, &s->s);
    if (generated) add_synthetic_lines(&t, &s->s);
    TRY(settings_hash(&t, &a.settings));
    if (arm_mixes(which)) (void)snprintf(share, sizeof share, " %.3g", a.ratio);
    if (a.shots > 0) (void)snprintf(draw, sizeof draw, ", %d shots", a.shots);
    (void)snprintf(a.label, sizeof a.label, "%s%s%s, seed %d", which->name, share, draw, a.seed);
    return add(p, a, own);
}

int arm_ratio_count(const study *s, int arm_index)
{
    return arm_mixes(&s->arms[arm_index]) ? s->s.ratios.n : 1;
}

double arm_ratio(const study *s, int arm_index, int i)
{
    const arm *a = &s->arms[arm_index];
    return arm_mixes(a) ? s->s.ratios.values[i] : arm_only_ratio(a);
}

static err add_group(plan *p, const study *s, int seed, int shots)
{
    int synthetic = -1;
    if (study_needs_generator(s)) TRY(add_generator(p, s, seed, shots, &synthetic));
    for (int a = 0; a < s->n_arms; a++)
        for (int r = 0; r < arm_ratio_count(s, a); r++) {
            artifact trial = {.seed = seed, .shots = shots, .arm = a, .ratio = arm_ratio(s, a, r)};
            TRY(add_trial(p, s, trial, synthetic));
        }
    return OK;
}

err plan_open(const study *s, int threads, plan *out)
{
    *out = (plan){.threads = threads};
    err error = s->s.weights[0] ? fingerprint_file(s->s.weights, &out->weights) : OK;
    if (error == OK && s->s.emixer_pairs > 0 && s->s.texts[0]) error = fingerprint(s->s.texts, &out->texts);
    if (error == OK) error = add_dataset(out, s);
    for (int i = 0; i < s->s.seeds.n && error == OK; i++)
        for (int j = 0; j < s->s.shots.n && error == OK; j++)
            error = add_group(out, s, s->s.seeds.values[i], s->s.shots.values[j]);
    if (error != OK) plan_close(out);
    return error;
}

void plan_close(plan *p)
{
    free(p->items);
    *p = (plan){0};
}
