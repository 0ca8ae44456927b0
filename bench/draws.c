#include "bench/draws.h"

#include "bench/guards.h"

#include <stdio.h>

/* A sample without exactly one label, or -1. */
static int odd_sample(const dataset *set)
{
    for (int i = 0; i < set->n; i++)
        if (dataset_class(set, i) < 0) return i;
    return -1;
}

bool draw_one_hot(const dataset *set)
{
    return odd_sample(set) < 0;
}

static err check_classes(const settings *s, const dataset *set)
{
    int odd = odd_sample(set);
    if (odd < 0) return OK;
    char place[PATH_BYTES + 160];
    settings_place(s, OPTION_OF_few_shot_class, place, sizeof place);
    return err_set(
        ERR_CONFIG,
        "%s = %.80s: a few-shot draw needs one class an image, and sample %.200s of %.200s has not "
        "exactly one label; leave the key empty, and set data.labelled",
        place, s->few_shot_class, set->samples[odd].id, s->source);
}

static err find_class(const settings *s, const dataset *set, int *few)
{
    *few = dataset_label(set, s->few_shot_class);
    if (*few >= 0) return OK;
    char place[PATH_BYTES + 160];
    settings_place(s, OPTION_OF_few_shot_class, place, sizeof place);
    text names = {0};
    for (int i = 0; i < set->n_labels; i++) text_printf(&names, "%s%s", i ? ", " : "", set->label_names[i]);
    err error = err_set(ERR_CONFIG, "%s = %.80s: the data have no such class; they have %s", place,
                        s->few_shot_class, names.data ? names.data : "none");
    text_close(&names);
    return error;
}

err draw_open(const settings *s, const dataset *set, int seed, label_budget budget, draw *out)
{
    bool few_shot = s->few_shot_class[0] != '\0';
    *out = (draw){.few = -1};
    if (few_shot) TRY(check_classes(s, set));
    if (few_shot) TRY(find_class(s, set, &out->few));
    bool published = guard_allowed(s, GUARD_patients);
    TRY((published ? splits_open_published : splits_open)(set, s->validation, s->test, (uint64_t)seed,
                                                          &out->split));
    err error = few_shot ? few_shot_open(set, &out->split.train, out->few, budget.shots, s->others,
                                         (uint64_t)seed, &out->labelled, &out->hidden)
                         : labelled_share_open(set, &out->split.train, budget.labelled, (uint64_t)seed,
                                               &out->labelled, &out->hidden);
    if (error != OK) splits_close(&out->split);
    return error;
}

void draw_close(draw *d)
{
    samples_close(&d->labelled);
    samples_close(&d->hidden);
    splits_close(&d->split);
    *d = (draw){0};
}
