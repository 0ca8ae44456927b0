#include "bench/plan.h"

#include "bench/costs.h"
#include "bench/fingerprint.h"
#include "bench/guards.h"
#include "bench/provenance.h"
#include "bench/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const artifact_kind_names[KIND_COUNT] = {"dataset", "twins",     "guard", "generator",
                                                     "teacher", "synthetic", "trial"};

/* Which settings an artifact depends on, beside those of its inputs: some of [data], and all of a section
 * that is about nothing else, so that no new option is forgotten. Of lists of which an artifact has one item,
 * that item is hashed instead (add). */
static const int packing_options[] = {OPTION_OF_source, OPTION_OF_size};
static const int packed_options[] = {OPTION_OF_uncertain};
static const int phantom_options[] = {OPTION_OF_count, OPTION_OF_data_seed};
static const int split_options[] = {OPTION_OF_few_shot_class, OPTION_OF_others, OPTION_OF_validation,
                                    OPTION_OF_test};
static const int side_options[] = {OPTION_OF_validation, OPTION_OF_test};
static const int reading_options[] = {OPTION_OF_texts, OPTION_OF_report_rules};
static const int generator_options[] = {OPTION_OF_unlabelled, OPTION_OF_device, OPTION_OF_texts,
                                        OPTION_OF_report_rules, OPTION_OF_minimum_count};
static const int report_options[] = {OPTION_OF_report_rules, OPTION_OF_minimum_count};
static const int task_options[] = {OPTION_OF_task};
static const int device_options[] = {OPTION_OF_device};
static const int pseudo_options[] = {OPTION_OF_pseudo_confidence};
static const int filter_options[] = {OPTION_OF_filter_confidence, OPTION_OF_filter_distance};

#define ADD_LINES(t, s, list) add_lines(t, s, list, sizeof(list) / sizeof *(list))

static void add_lines(text *t, const settings *s, const int *list, size_t n)
{
    for (size_t i = 0; i < n; i++) settings_line(s, list[i], t);
}

static void add_section(text *t, const settings *s, const char *section)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        if (strcmp(options[i].section, section) == 0 && i != OPTION_OF_model && i != OPTION_OF_report_model)
            settings_line(s, i, t);
}

static void add_generator_lines(text *t, const settings *s)
{
    ADD_LINES(t, s, generator_options);
    add_section(t, s, "emixer");
    if (s->choose_every > 0) add_section(t, s, "downstream"); /* the judge's */
}

static void add_synthetic_lines(text *t, const settings *s)
{
    add_section(t, s, "synthetic");
    ADD_LINES(t, s, task_options);
    ADD_LINES(t, s, device_options);
}

static void add_teacher_lines(text *t, const settings *s)
{
    ADD_LINES(t, s, split_options);
    ADD_LINES(t, s, task_options);
    add_section(t, s, "downstream");
    ADD_LINES(t, s, device_options);
}

static void add_report_lines(text *t, const settings *s)
{
    ADD_LINES(t, s, split_options);
    ADD_LINES(t, s, task_options);
    ADD_LINES(t, s, report_options);
    add_section(t, s, "report_generation");
    ADD_LINES(t, s, device_options);
}

/* Of the second set of an arm, apart from what its inputs depend on. */
static void add_second_lines(text *t, const settings *s, arm_images images, bool filtered)
{
    ADD_LINES(t, s, split_options);
    ADD_LINES(t, s, task_options);
    if (images == IMAGES_EMIXER || images == IMAGES_SHUFFLED) add_generator_lines(t, s);
    if (images == IMAGES_EMIXER || images == IMAGES_SHUFFLED) add_synthetic_lines(t, s);
    if (images == IMAGES_PSEUDO) ADD_LINES(t, s, pseudo_options);
    if (filtered) ADD_LINES(t, s, filter_options);
    if (images == IMAGES_PSEUDO || filtered) add_teacher_lines(t, s);
}

/* True if a generator learns words from data.texts. */
static bool reads_texts(const study *s)
{
    return s->s.emixer_pairs > 0 && study_needs_generator(s);
}

/* `images` and `filtered` as of the artifact, of a trial as of its arm. */
static void add_settings(text *t, const study *s, artifact_kind kind, arm_images images, bool filtered)
{
    bool folder = images == IMAGES_FOLDER || images == IMAGES_PACKED;
    const char *source = s->s.source;
    if (kind == KIND_DATASET || kind == KIND_TWINS) ADD_LINES(t, &s->s, packing_options);
    if (kind == KIND_DATASET && strncmp(source, "phantom", 7) == 0) ADD_LINES(t, &s->s, phantom_options);
    if (kind == KIND_DATASET && strncmp(source, "packed:", 7) == 0) ADD_LINES(t, &s->s, packed_options);
    if (kind == KIND_GUARD) ADD_LINES(t, &s->s, side_options);
    if (kind == KIND_GUARD && images == IMAGES_NONE && reads_texts(s)) ADD_LINES(t, &s->s, reading_options);
    if (kind == KIND_GENERATOR) ADD_LINES(t, &s->s, split_options);
    if (kind == KIND_GENERATOR) add_generator_lines(t, &s->s);
    if (kind == KIND_TEACHER) add_teacher_lines(t, &s->s);
    if (kind == KIND_TRIAL) (s->task == TASK_REPORTS ? add_report_lines : add_teacher_lines)(t, &s->s);
    if (kind == KIND_SYNTHETIC && folder && !filtered)
        ADD_LINES(t, &s->s, packing_options);
    else if (kind == KIND_SYNTHETIC || kind == KIND_TRIAL)
        add_second_lines(t, &s->s, images, filtered);
}

/* The hashes of such texts that were made already: thousands of trials depend on a few. */
struct plan_settings {
    bool known[KIND_COUNT][IMAGES_COUNT][2];
    hash of[KIND_COUNT][IMAGES_COUNT][2];
};

static err settings_hash(plan *p, const study *s, const artifact *a, hash *out)
{
    bool trial = a->kind == KIND_TRIAL;
    arm_images images = trial ? arm_images_of(&s->arms[a->arm]) : a->images;
    bool filtered = trial ? s->arms[a->arm].parts[ROLE_FILTER] != NULL : a->filtered;
    hash *made = &p->settings->of[a->kind][images][filtered];
    bool *known = &p->settings->known[a->kind][images][filtered];
    if (!*known) {
        text t = {0};
        add_settings(&t, s, a->kind, images, filtered);
        err error = text_check(&t);
        if (error == OK) *made = hash_bytes(t.data, t.length);
        text_close(&t);
        TRY(error);
        *known = true;
    }
    *out = *made;
    return OK;
}

/* Of the lists that are not seeds, shots, arms and ratios. */
static void items_of(const study *s, const artifact *a, char *out, size_t bytes)
{
    (void)snprintf(out, bytes, "labelled %.9g model %s", a->labelled,
                   a->model < 0 ? "" : study_models(s)->values[a->model]);
}

static err add(plan *p, const study *s, artifact a, const char *own)
{
    if (p->n == p->capacity) {
        int capacity = p->capacity ? 2 * p->capacity : 64;
        artifact *items = realloc(p->items, (size_t)capacity * sizeof *items);
        if (!items) return err_set(ERR_SYSTEM, "out of memory for a plan of %d artifacts", p->n);
        p->items = items;
        p->capacity = capacity;
    }
    TRY(settings_hash(p, s, &a, &a.settings));
    const char *inputs[ARTIFACT_INPUTS];
    for (int i = 0; i < ARTIFACT_INPUTS; i++)
        inputs[i] = a.inputs[i] >= 0 ? p->items[a.inputs[i]].key.hex : "";
    char threads[16], items[TEXT_ITEM_BYTES + 40];
    items_of(s, &a, items, sizeof items);
    (void)snprintf(threads, sizeof threads, "%d", p->threads);
    /* Whatever the number of threads, their bytes are the same. */
    bool exact = a.kind == KIND_DATASET || a.kind == KIND_TWINS;
    a.key = hash_texts(artifact_kind_names[a.kind], version_code, a.settings.hex, own, items, inputs[0],
                       inputs[1], inputs[2], exact ? "" : threads, (const char *)NULL);
    p->items[p->n++] = a;
    return OK;
}

static err add_dataset(plan *p, const study *s)
{
    artifact a = {.kind = KIND_DATASET,
                  .inputs = {-1, -1, -1},
                  .after = -1,
                  .model = -1,
                  .arm = -1,
                  .cost = cost_of_dataset(&s->s)};
    hash source;
    TRY(fingerprint(s->s.source, &source));
    (void)snprintf(a.label, sizeof a.label, "images of %.100s", s->s.source);
    return add(p, s, a, source.hex);
}

/* ---- guards ---- */

static err add_twins(plan *p, const study *s)
{
    artifact a = {.kind = KIND_TWINS, .inputs = {0, -1, -1}, .after = -1, .model = -1, .arm = -1};
    char own[32];
    (void)snprintf(own, sizeof own, "agreement %.9g", guard_agreement(&s->s));
    a.cost = cost_of_twins(&s->s);
    (void)snprintf(a.label, sizeof a.label, "images that are alike");
    return add(p, s, a, own);
}

/* Of one seed; the draw of shots is within the training split. */
static err add_split_guard(plan *p, const study *s, int seed, int *out)
{
    artifact a = {
        .kind = KIND_GUARD, .inputs = {0, 1, -1}, .after = -1, .model = -1, .seed = seed, .arm = -1};
    char own[160], seen_path[PATH_BYTES];
    hash seen = {""};
    if (s->s.weights[0]) TRY(provenance_beside(s->s.weights, seen_path));
    if (s->s.weights[0] && path_exists(seen_path)) TRY(fingerprint_file(seen_path, &seen));
    (void)snprintf(own, sizeof own, "seed %d texts %s weights %s", seed, reads_texts(s) ? p->texts.hex : "",
                   seen.hex);
    a.cost = cost_of_dataset(&s->s) / 100;
    (void)snprintf(a.label, sizeof a.label, "split of seed %d", seed);
    *out = p->n;
    return add(p, s, a, own);
}

/* ---- what the trials of one seed and budget of labels share ---- */

typedef struct group {
    const study *s;
    int seed, shots;
    double labelled;
    int generator, teacher, emixer; /* emixer: all images of the generator; -1: not needed yet */
    int split_guard;
    int second[TEXT_LIST_ITEMS]; /* by arm; -1: none */
    int guard[TEXT_LIST_ITEMS];  /* by arm: of its second set, or of the split */
} group;

static artifact group_artifact(const group *g, artifact_kind kind)
{
    return (artifact){.kind = kind,
                      .inputs = {0, -1, -1},
                      .after = g->split_guard,
                      .seed = g->seed,
                      .shots = g->shots,
                      .labelled = g->labelled,
                      .model = -1,
                      .arm = -1};
}

/* "generator, 10 shots, seed 0"; "generator, 5% labelled, seed 0" */
static void label_group(artifact *a, const char *what)
{
    char labels[32] = "";
    if (a->shots > 0)
        (void)snprintf(labels, sizeof labels, ", %d shots", a->shots);
    else if (a->labelled < 1)
        (void)snprintf(labels, sizeof labels, ", %.4g%% labelled", 100 * a->labelled);
    (void)snprintf(a->label, sizeof a->label, "%.110s%s, seed %d", what, labels, a->seed);
}

static err add_generator(plan *p, group *g)
{
    if (g->generator >= 0) return OK;
    char own[256];
    bool judged = g->s->s.choose_every > 0;
    artifact a = group_artifact(g, KIND_GENERATOR);
    (void)snprintf(own, sizeof own, "seed %d shots %d texts %s judge %.40s %s", g->seed, g->shots,
                   p->texts.hex, judged ? g->s->s.model.values[0] : "", judged ? p->weights.hex : "");
    a.cost = cost_of_generator(&g->s->s);
    label_group(&a, "generator");
    g->generator = p->n;
    return add(p, g->s, a, own);
}

static err add_teacher(plan *p, group *g)
{
    if (g->teacher >= 0) return OK;
    char own[128];
    artifact a = group_artifact(g, KIND_TEACHER);
    a.model = 0;
    (void)snprintf(own, sizeof own, "seed %d shots %d weights %s", g->seed, g->shots, p->weights.hex);
    a.cost = cost_of_training(&g->s->s, study_models(g->s)->values[0]);
    label_group(&a, "teacher");
    g->teacher = p->n;
    return add(p, g->s, a, own);
}

struct plan_folder {
    char path[PATH_BYTES];
    hash files;
    int set; /* the artifact of its images */
};

/* What is known of a folder of an arm; looks at it the first time. */
static err find_folder(plan *p, const char *path, struct plan_folder **out)
{
    for (int i = 0; i < p->n_folders; i++)
        if (strcmp(p->folders[i].path, path) == 0) {
            *out = &p->folders[i];
            return OK;
        }
    struct plan_folder *larger = realloc(p->folders, (size_t)(p->n_folders + 1) * sizeof *larger);
    if (!larger) return err_set(ERR_SYSTEM, "out of memory for %d folders", p->n_folders + 1);
    p->folders = larger;
    *out = &larger[p->n_folders];
    **out = (struct plan_folder){.set = -1};
    (void)snprintf((*out)->path, sizeof(*out)->path, "%s", path);
    TRY(fingerprint(path, &(*out)->files));
    p->n_folders++;
    return OK;
}

static const char *const second_names[] = {[IMAGES_EMIXER] = "synthetic images",
                                           [IMAGES_DUPLICATE] = "duplicates",
                                           [IMAGES_SHUFFLED] = "shuffled labels",
                                           [IMAGES_PSEUDO] = "pseudo-labels",
                                           [IMAGES_ORACLE] = "oracle's images"};

/* The images of a folder are one artifact, whichever seeds use it. */
static err add_folder(plan *p, const group *g, int which, int *out)
{
    char source[PATH_BYTES];
    struct plan_folder *f = NULL;
    artifact a = group_artifact(g, KIND_SYNTHETIC);
    arm_source(&g->s->arms[which], g->seed, g->shots, source);
    TRY(find_folder(p, source, &f));
    *out = f->set;
    if (f->set >= 0) return OK;
    a.arm = which;
    a.images = arm_images_of(&g->s->arms[which]);
    a.cost = cost_of_dataset(&g->s->s);
    (void)snprintf(a.label, sizeof a.label, "images of %.120s", source);
    *out = f->set = p->n;
    a.labelled = 1;
    return add(p, g->s, a, f->files.hex);
}

/* Adds a second set made of `source` (a generator or a set; -1: the data set alone). */
static err add_set(plan *p, group *g, arm_images images, int source, bool filtered, int *out)
{
    const settings *s = &g->s->s;
    bool taught = images == IMAGES_PSEUDO || filtered;
    char own[64];
    artifact a = group_artifact(g, KIND_SYNTHETIC);
    if (taught) TRY(add_teacher(p, g));
    a.inputs[1] = source;
    a.inputs[2] = taught ? g->teacher : -1;
    a.images = images;
    a.filtered = filtered;
    (void)snprintf(own, sizeof own, "images %d seed %d shots %d", (int)images, g->seed, g->shots);
    a.cost = taught ? cost_of_predicting(s) : images == IMAGES_EMIXER ? cost_of_synthetic(s) : 1;
    label_group(&a, filtered ? "filtered images" : second_names[images]);
    *out = p->n;
    return add(p, g->s, a, own);
}

static err add_emixer(plan *p, group *g)
{
    if (g->emixer >= 0) return OK;
    TRY(add_generator(p, g));
    return add_set(p, g, IMAGES_EMIXER, g->generator, false, &g->emixer);
}

static err add_unfiltered(plan *p, group *g, int which, int *out)
{
    arm_images images = arm_images_of(&g->s->arms[which]);
    if (images == IMAGES_FOLDER || images == IMAGES_PACKED) return add_folder(p, g, which, out);
    if (arm_generates(&g->s->arms[which])) TRY(add_emixer(p, g));
    *out = g->emixer;
    if (images == IMAGES_EMIXER) return OK;
    return add_set(p, g, images, images == IMAGES_SHUFFLED ? g->emixer : -1, false, out);
}

/* The guard of a generator's images on the split of this seed. */
static err add_set_guard(plan *p, const group *g, int set, int which, int *out)
{
    const settings *s = &g->s->s;
    const artifact *made = &p->items[set];
    artifact a = group_artifact(g, KIND_GUARD);
    char own[64], name[160];
    a.inputs[1] = set;
    a.arm = which;
    a.images = made->images;
    (void)snprintf(own, sizeof own, "seed %d agreement %.9g", g->seed, guard_agreement(s));
    a.cost = cost_of_set_guard(s);
    if (a.images == IMAGES_EMIXER)
        (void)snprintf(a.label, sizeof a.label, "%s", made->label);
    else
        (void)snprintf(name, sizeof name, "%.110s", made->label), label_group(&a, name);
    *out = p->n;
    return add(p, g->s, a, own);
}

/* Guards the unfiltered second set of an arm, if a generator made it: by an earlier guard, if there is one.
 */
static err guard_second(plan *p, group *g, int set, int which)
{
    arm_images from = p->items[set].images;
    bool made = from == IMAGES_EMIXER || from == IMAGES_FOLDER || from == IMAGES_PACKED;
    if (from == IMAGES_SHUFFLED) return guard_second(p, g, p->items[set].inputs[1], which);
    if (!made) return OK;
    for (int i = 0; i < which; i++) {
        int other = g->guard[i];
        if (other != g->split_guard && p->items[other].inputs[1] == set) {
            g->guard[which] = other;
            return OK;
        }
    }
    return add_set_guard(p, g, set, which, &g->guard[which]);
}

/* The second set of an arm: an earlier arm's, if it is the same. */
static err add_second(plan *p, group *g, int which)
{
    const arm *arms = g->s->arms;
    int *out = &g->second[which];
    *out = -1;
    g->guard[which] = g->split_guard;
    if (!arms[which].parts[ROLE_SYNTHETIC]) return OK;
    for (int i = 0; i < which && *out < 0; i++)
        if (arm_same_images(&arms[i], &arms[which])) {
            *out = g->second[i];
            g->guard[which] = g->guard[i];
        }
    if (*out >= 0) return OK;
    TRY(add_unfiltered(p, g, which, out));
    TRY(guard_second(p, g, *out, which));
    if (!arms[which].parts[ROLE_FILTER]) return OK;
    return add_set(p, g, arm_images_of(&arms[which]), *out, true, out);
}

/* ---- trials ---- */

static err add_trial(plan *p, const group *g, int model, int which, double ratio)
{
    const settings *s = &g->s->s;
    const arm *own_arm = &g->s->arms[which];
    const texts *models = study_models(g->s);
    artifact a = group_artifact(g, KIND_TRIAL);
    char own[ARM_NAME_BYTES + 128], name[ARM_NAME_BYTES + MODEL_NAME_BYTES + 16] = "";
    size_t length = 0;
    (void)snprintf(own, sizeof own, "arm %s ratio %.9g seed %d shots %d weights %s", own_arm->name, ratio,
                   a.seed, a.shots, p->weights.hex);
    a.model = model;
    a.arm = which;
    a.ratio = ratio;
    a.inputs[1] = g->second[which];
    a.after = g->guard[which];
    bool reports = g->s->task == TASK_REPORTS;
    a.cost = reports ? cost_of_learning_reports(s) : cost_of_training(s, models->values[model]);
    if (models->n > 1) length = (size_t)snprintf(name, sizeof name, "%.40s, ", models->values[model]);
    (void)snprintf(name + length, sizeof name - length, arm_mixes(own_arm) ? "%s %.3g" : "%s", own_arm->name,
                   ratio);
    label_group(&a, name);
    return add(p, g->s, a, own);
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

static err add_group(plan *p, const study *s, int seed, label_budget budget, int split_guard)
{
    group g = {.s = s, .seed = seed, .generator = -1, .teacher = -1, .emixer = -1};
    g.split_guard = split_guard;
    g.shots = budget.shots;
    g.labelled = budget.labelled;
    for (int a = 0; a < s->n_arms; a++) TRY(add_second(p, &g, a));
    for (int m = 0; m < study_models(s)->n; m++)
        for (int a = 0; a < s->n_arms; a++)
            for (int r = 0; r < arm_ratio_count(s, a); r++) TRY(add_trial(p, &g, m, a, arm_ratio(s, a, r)));
    return OK;
}

err plan_open(const study *s, int threads, plan *out)
{
    *out = (plan){.threads = threads, .settings = calloc(1, sizeof *out->settings)};
    if (!out->settings) return err_set(ERR_SYSTEM, "out of memory for a plan");
    err error = s->s.weights[0] ? fingerprint_file(s->s.weights, &out->weights) : OK;
    if (error == OK && s->s.emixer_pairs > 0 && s->s.texts[0]) error = fingerprint(s->s.texts, &out->texts);
    if (error == OK) error = add_dataset(out, s);
    if (error == OK) error = add_twins(out, s);
    for (int i = 0; i < s->s.seeds.n && error == OK; i++) {
        int guard = -1;
        error = add_split_guard(out, s, s->s.seeds.values[i], &guard);
        for (int j = 0; j < study_budgets(s) && error == OK; j++)
            error = add_group(out, s, s->s.seeds.values[i], study_budget(s, j), guard);
    }
    if (error != OK) plan_close(out);
    return error;
}

void plan_close(plan *p)
{
    free(p->items);
    free(p->folders);
    free(p->settings);
    *p = (plan){0};
}
