/* The options: defaults, ranges, and their place in a checkpoint. */
#include "data/table.h"
#include "emixer/internal.h"
#include "nn/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For 32x32 images and half a minute on two cores: at an equal budget, many cheap updates (8 channels, batch
 * 16) made better images than fewer of 16 channels or batch 32, and the discriminator at twice the
 * generator's rate (Heusel et al., NeurIPS 2017) better ones than at the same. The average spans about a
 * hundred updates. */
const emixer_opts emixer_defaults = {
    .resolution = 32,
    .width = 8,
    .latent = 64,
    .batch = 16,
    .steps = 1500,
    .discriminator_steps = 1,
    .generator_rate = 1e-3F,
    .discriminator_rate = 2e-3F,
    .beta1 = 0.0F,
    .beta2 = 0.9F,
    .ema_decay = 0.99F,
    .rotation_weight = 0.5F,
    .augment = true,
    .balanced = true,
    .pairs = 0,
    .vocabulary = SPECIAL_TOKENS,
    .sentences = 8,
    .words = 16,
    .embedding = 128,
    .writer_steps = 1,
    .writer_rate = 1e-3F,
    .writer_decay = false,
    .label_weight = 0,
    .report_weight = 0.2F,
    .joint_weight = 0.5F,
    .joint_shared = false,
    .joint_words = true,
    .joint_real_reports = false,
    .judgement_weight = 0.02F,
    .matching_weight = 0.2F,
    .reading_weight = 0,
    .denoising_weight = 0.2F,
};

typedef enum option_type { OPTION_INTEGER, OPTION_REAL, OPTION_TRUTH, OPTION_SEED } option_type;

typedef struct option {
    const char *name;
    size_t offset;
    option_type type;
    double low, high; /* both allowed; of integers and reals */
} option;

#define FIELD(name) #name, offsetof(emixer_opts, name)
static const option option_table[] = {
    {FIELD(resolution), OPTION_INTEGER, 16, 256},
    {FIELD(n_labels), OPTION_INTEGER, 1, 1024},
    {FIELD(width), OPTION_INTEGER, 1, 1024},
    {FIELD(latent), OPTION_INTEGER, 1, 4096},
    {FIELD(batch), OPTION_INTEGER, 4, 4096},
    {FIELD(steps), OPTION_INTEGER, 1, 100000000},
    {FIELD(discriminator_steps), OPTION_INTEGER, 1, 100},
    {FIELD(generator_rate), OPTION_REAL, 1e-9, 10},
    {FIELD(discriminator_rate), OPTION_REAL, 1e-9, 10},
    {FIELD(beta1), OPTION_REAL, 0, 0.9999},
    {FIELD(beta2), OPTION_REAL, 0, 0.99999},
    {FIELD(ema_decay), OPTION_REAL, 0, 0.999999},
    {FIELD(rotation_weight), OPTION_REAL, 0, 100},
    {FIELD(augment), OPTION_TRUTH, 0, 0},
    {FIELD(balanced), OPTION_TRUTH, 0, 0},
    {FIELD(unlabelled_share), OPTION_REAL, 0, 0.9},
    {FIELD(lecam_weight), OPTION_REAL, 0, 100},
    {FIELD(attention), OPTION_TRUTH, 0, 0},
    {FIELD(choose_every), OPTION_INTEGER, 0, 100000000},
    {FIELD(pairs), OPTION_INTEGER, 0, 4096},
    {FIELD(vocabulary), OPTION_INTEGER, SPECIAL_TOKENS, 1000000},
    {FIELD(sentences), OPTION_INTEGER, 1, MOST_SENTENCES},
    {FIELD(words), OPTION_INTEGER, 2, MOST_WORDS},
    {FIELD(embedding), OPTION_INTEGER, 1, 4096},
    {FIELD(writer_steps), OPTION_INTEGER, 1, 100},
    {FIELD(writer_rate), OPTION_REAL, 1e-9, 10},
    {FIELD(writer_decay), OPTION_TRUTH, 0, 0},
    {FIELD(label_weight), OPTION_REAL, 0, 100},
    {FIELD(report_weight), OPTION_REAL, 0, 100},
    {FIELD(joint_weight), OPTION_REAL, 0, 100},
    {FIELD(joint_shared), OPTION_TRUTH, 0, 0},
    {FIELD(joint_words), OPTION_TRUTH, 0, 0},
    {FIELD(joint_real_reports), OPTION_TRUTH, 0, 0},
    {FIELD(judgement_weight), OPTION_REAL, 0, 100},
    {FIELD(matching_weight), OPTION_REAL, 0, 100},
    {FIELD(reading_weight), OPTION_REAL, 0, 100},
    {FIELD(denoising_weight), OPTION_REAL, 0, 100},
    {FIELD(seed), OPTION_SEED, 0, 0},
};
enum { OPTIONS = sizeof option_table / sizeof option_table[0] };
_Static_assert(2 * (OPTIONS + 3) < METADATA_PAIRS, "room for every option, the step, the names and the NULL");

static const void *field_of(const emixer_opts *o, const option *x)
{
    return (const char *)o + x->offset;
}

static bool in_range(const emixer_opts *o, const option *x)
{
    double value = x->low;
    if (x->type == OPTION_INTEGER) value = *(const int *)field_of(o, x);
    if (x->type == OPTION_REAL) value = (double)*(const float *)field_of(o, x);
    /* A float nearest to a decimal bound may lie just outside it. */
    double slack = x->type == OPTION_REAL ? 1e-6 : 0;
    return value >= x->low * (1 - slack) && value <= x->high * (1 + slack);
}

err options_check(const emixer_opts *o)
{
    for (int i = 0; i < OPTIONS; i++)
        if (!in_range(o, &option_table[i]))
            return err_set(ERR_CONFIG, "emixer option %s must be from %g to %g", option_table[i].name,
                           option_table[i].low, option_table[i].high);
    if (o->resolution & (o->resolution - 1))
        return err_set(ERR_CONFIG, "emixer option resolution must be a power of two, not %d", o->resolution);
    int labelled = o->batch - unlabelled_rows(o);
    if (labelled < 1)
        return err_set(ERR_CONFIG, "emixer option unlabelled_share leaves no labelled image in a batch");
    if (o->pairs == 1 || o->pairs > labelled)
        return err_set(ERR_CONFIG, "emixer option pairs must be 0, or 2 to the %d labelled images of a batch",
                       labelled);
    return OK;
}

/* The shortest spelling that reads back as the same float. */
static void spell_real(float value, char out[METADATA_VALUE_BYTES])
{
    for (int digits = 1; digits <= 9; digits++) {
        (void)snprintf(out, METADATA_VALUE_BYTES, "%.*g", digits, (double)value);
        if (strtof(out, NULL) == value) return;
    }
}

static void spell(const emixer_opts *o, const option *x, char out[METADATA_VALUE_BYTES])
{
    const void *field = field_of(o, x);
    switch (x->type) {
    case OPTION_INTEGER:
        (void)snprintf(out, METADATA_VALUE_BYTES, "%d", *(const int *)field);
        break;
    case OPTION_REAL:
        spell_real(*(const float *)field, out);
        break;
    case OPTION_TRUTH:
        (void)snprintf(out, METADATA_VALUE_BYTES, "%s", *(const bool *)field ? "yes" : "no");
        break;
    case OPTION_SEED:
        (void)snprintf(out, METADATA_VALUE_BYTES, "%llu", (unsigned long long)*(const uint64_t *)field);
        break;
    }
}

static void add_pair(options_metadata *m, const char *key, const char *value)
{
    m->pairs[m->n++] = key;
    m->pairs[m->n++] = value;
    m->pairs[m->n] = NULL;
}

err options_write(const emixer *e, options_metadata *out)
{
    *out = (options_metadata){0};
    for (int i = 0; i < OPTIONS; i++) {
        spell(&e->o, &option_table[i], out->values[i]);
        add_pair(out, option_table[i].name, out->values[i]);
    }
    (void)snprintf(out->values[OPTIONS], METADATA_VALUE_BYTES, "%d", e->updates);
    add_pair(out, "step", out->values[OPTIONS]);
    if (e->label_names) {
        text_printf(&out->labels, "label\n");
        for (int k = 0; k < e->o.n_labels; k++) {
            text_csv_field(&out->labels, e->label_names[k]);
            text_printf(&out->labels, "\n");
        }
        TRY(text_check(&out->labels));
        add_pair(out, LABELS_KEY, out->labels.data);
    }
    if (e->words) {
        vocabulary_write(e->words, &out->words);
        TRY(text_check(&out->words));
        add_pair(out, WORDS_KEY, out->words.data);
    }
    return OK;
}

void options_metadata_close(options_metadata *m)
{
    text_close(&m->labels);
    text_close(&m->words);
}

/* Training can go on for longer, unless all that was done depends on its length. */
static bool may_differ(const emixer_opts *o, const option *x)
{
    return x->offset == offsetof(emixer_opts, steps) && !o->writer_decay;
}

static err compare(const emixer_opts *o, const safetensors *f, const char *path, int *updates)
{
    for (int i = 0; i < OPTIONS; i++) {
        char wanted[METADATA_VALUE_BYTES];
        const char *found = safetensors_metadata(f, option_table[i].name);
        if (!found) return err_set(ERR_DATA, "%s: no setting %s in its metadata", path, option_table[i].name);
        if (may_differ(o, &option_table[i])) continue;
        spell(o, &option_table[i], wanted);
        if (strcmp(found, wanted) != 0)
            return err_set(ERR_DATA, "%s: made with %s = %s, but %s is asked for", path, option_table[i].name,
                           found, wanted);
    }
    char *end = NULL;
    const char *done = safetensors_metadata(f, "step");
    long value = done ? strtol(done, &end, 10) : -1;
    if (!done || *end || value < 0 || value > 100000000)
        return err_set(ERR_DATA, "%s: no number of steps in its metadata", path);
    *updates = (int)value;
    return OK;
}

static err read_labels(emixer *e, const char *path, const char *csv)
{
    table t;
    TRY(table_parse(path, csv, strlen(csv), &t));
    err error = OK;
    const char **names = calloc((size_t)e->o.n_labels, sizeof *names);
    if (!names) error = err_set(ERR_SYSTEM, "out of memory for %d labels", e->o.n_labels);
    if (error == OK && (t.rows != e->o.n_labels || table_column(&t, "label") != 0))
        error = err_set(ERR_DATA, "%s: the metadata's labels must be a column `label` of %d rows", path,
                        e->o.n_labels);
    for (int k = 0; k < e->o.n_labels && error == OK; k++) names[k] = table_cell(&t, k, 0);
    if (error == OK) error = take_label_names(e, names);
    free(names);
    table_close(&t);
    return error;
}

/* Models that were saved before training have neither labels nor words. */
static err read_names(emixer *e, const safetensors *f, const char *path)
{
    const char *labels = safetensors_metadata(f, LABELS_KEY), *words = safetensors_metadata(f, WORDS_KEY);
    if (labels) TRY(read_labels(e, path, labels));
    if (!words || e->o.pairs == 0) return OK;
    vocabulary *v;
    TRY(vocabulary_parse(path, words, strlen(words), &v));
    err error = vocabulary_size(v) == e->o.vocabulary
                    ? take_vocabulary(e, v)
                    : err_set(ERR_DATA, "%s: has %d words, and its settings say %d", path, vocabulary_size(v),
                              e->o.vocabulary);
    vocabulary_close(v);
    return error;
}

err options_compare(emixer *e, const char *path, int *updates)
{
    safetensors *f;
    TRY(safetensors_open(path, &f));
    err error = compare(&e->o, f, path, updates);
    if (error == OK) error = read_names(e, f, path);
    safetensors_close(f);
    return error;
}

static bool parse(const char *value, const option *x, emixer_opts *o)
{
    char *end = NULL;
    void *field = (char *)o + x->offset;
    switch (x->type) {
    case OPTION_INTEGER:
        *(int *)field = (int)strtol(value, &end, 10);
        break;
    case OPTION_REAL:
        *(float *)field = strtof(value, &end);
        break;
    case OPTION_TRUTH:
        *(bool *)field = strcmp(value, "yes") == 0;
        return *(bool *)field || strcmp(value, "no") == 0;
    case OPTION_SEED:
        *(uint64_t *)field = strtoull(value, &end, 10);
        break;
    }
    return end != value && *end == '\0';
}

err emixer_read_options(const char *path, emixer_opts *out)
{
    safetensors *f;
    *out = emixer_defaults;
    TRY(safetensors_open(path, &f));
    err error = OK;
    for (int i = 0; i < OPTIONS && error == OK; i++) {
        const char *value = safetensors_metadata(f, option_table[i].name);
        if (!value || !parse(value, &option_table[i], out))
            error = err_set(ERR_DATA, "%s: has no setting %s; is it a saved generator?", path,
                            option_table[i].name);
    }
    safetensors_close(f);
    if (error == OK && options_check(out) != OK) error = err_context(ERR_DATA, "%s", path);
    return error;
}
