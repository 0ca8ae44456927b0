#include "bench/fingerprint.h"
#include "bench/plan.h"
#include "helpers.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static settings s;
static study opened;

/* Opens a plan of the defaults with up to two assignments. */
static plan planned(const char *first, const char *second, int threads)
{
    plan p;
    settings_defaults(&s);
    cr_assert_eq(settings_assign(&s, "experiment.arms=real,real+classic,real+emixer,emixer"), OK);
    cr_assert_eq(settings_assign(&s, "experiment.seeds=0,1"), OK);
    cr_assert_eq(settings_assign(&s, "experiment.shots=5,10"), OK);
    cr_assert_eq(settings_assign(&s, "experiment.ratios=0.3,0.5"), OK);
    if (first) cr_assert_eq(settings_assign(&s, first), OK, "%s", err_message());
    if (second) cr_assert_eq(settings_assign(&s, second), OK, "%s", err_message());
    cr_assert_eq(study_open(&s, &opened), OK, "%s", err_message());
    cr_assert_eq(plan_open(&opened, threads, &p), OK, "%s", err_message());
    return p;
}

static int count(const plan *p, artifact_kind kind)
{
    int n = 0;
    for (int i = 0; i < p->n; i++) n += p->items[i].kind == kind;
    return n;
}

/* How many keys of a kind the plans share, matched by position. */
static int shared(const plan *p, const plan *q, artifact_kind kind)
{
    int n = 0;
    for (int i = 0; i < p->n; i++)
        for (int j = 0; j < q->n; j++)
            n += p->items[i].kind == kind && strcmp(p->items[i].key.hex, q->items[j].key.hex) == 0;
    return n;
}

Test(plan, arms_share_one_data_set_and_one_generator_per_seed_and_shots)
{
    plan p = planned(NULL, NULL, 2);
    cr_assert_eq(count(&p, KIND_DATASET), 1);
    cr_assert_eq(count(&p, KIND_GENERATOR), 4);
    cr_assert_eq(count(&p, KIND_SYNTHETIC), 4);
    cr_assert_eq(count(&p, KIND_TRIAL), 2 * 2 * (1 + 1 + 2 + 1)); /* only real+emixer has both ratios */
    for (int i = 0; i < p.n; i++) {
        const artifact *a = &p.items[i];
        for (int j = 0; j < i; j++) cr_assert_str_neq(a->key.hex, p.items[j].key.hex);
        for (int j = 0; j < 2; j++) cr_assert_lt(a->inputs[j], i, "an input comes before its user");
        cr_assert_gt(a->cost, 0);
        if (a->kind != KIND_TRIAL) continue;
        bool generated = opened.arms[a->arm].parts[ROLE_SYNTHETIC] != NULL;
        cr_assert_eq(a->inputs[1] >= 0, generated);
        if (!generated) continue;
        const artifact *images = &p.items[a->inputs[1]], *generator = &p.items[images->inputs[1]];
        cr_assert_eq(images->kind, KIND_SYNTHETIC);
        cr_assert_eq(generator->kind, KIND_GENERATOR);
        cr_assert(generator->seed == a->seed && generator->shots == a->shots);
    }
    plan_close(&p);
}

Test(plan, shares_of_labels_have_their_generators_and_models_share_them)
{
    plan p = planned("data.few_shot_class=", "experiment.shots=1", 2);
    plan_close(&p);
    cr_assert_eq(settings_assign(&s, "data.labelled=0.1,1"), OK);
    cr_assert_eq(settings_assign(&s, "downstream.model=densenet_small,resnet18"), OK);
    cr_assert_eq(study_open(&s, &opened), OK, "%s", err_message());
    cr_assert_eq(plan_open(&opened, 2, &p), OK, "%s", err_message());
    cr_assert_eq(count(&p, KIND_GENERATOR), 2 * 2);
    cr_assert_eq(count(&p, KIND_TRIAL), 2 * 2 * 2 * 5);
    for (int i = 0; i < p.n; i++) {
        const artifact *a = &p.items[i];
        for (int j = 0; j < i; j++) cr_assert_str_neq(a->key.hex, p.items[j].key.hex);
        if (a->kind != KIND_TRIAL || a->inputs[1] < 0) continue;
        cr_expect_float_eq(p.items[a->inputs[1]].labelled, a->labelled, 0);
    }
    /* Whoever asks for one of them only finds what the sweep made. */
    cr_assert_eq(settings_assign(&s, "data.labelled=0.1"), OK);
    cr_assert_eq(settings_assign(&s, "downstream.model=resnet18"), OK);
    static study one;
    plan q;
    cr_assert_eq(study_open(&s, &one), OK, "%s", err_message());
    cr_assert_eq(plan_open(&one, 2, &q), OK, "%s", err_message());
    cr_expect_eq(shared(&p, &q, KIND_GENERATOR), 2);
    cr_expect_eq(shared(&p, &q, KIND_TRIAL), 2 * 5);
    plan_close(&p);
    plan_close(&q);
}

Test(plan, the_same_settings_give_the_same_keys)
{
    plan p = planned(NULL, NULL, 2), q = planned(NULL, NULL, 2);
    cr_assert_eq(p.n, q.n);
    for (int i = 0; i < p.n; i++) cr_assert_str_eq(p.items[i].key.hex, q.items[i].key.hex);
    plan_close(&p);
    plan_close(&q);
}

Test(plan, keys_follow_what_an_artifact_depends_on_and_nothing_else)
{
    /* How many of 1 data set, 4 generators, 4 synthetic sets and 20 trials keep their key. */
    static const struct {
        const char *assignment;
        int datasets, generators, synthetic, trials;
    } cases[] = {
        {"experiment.name=other", 1, 4, 4, 20},
        {"experiment.metric=few_recall", 1, 4, 4, 20},
        {"experiment.task=labels", 1, 4, 0, 0},
        {"run.quiet=yes", 1, 4, 4, 20},
        {"run.jobs=7", 1, 4, 4, 20},
        {"run.out=elsewhere", 1, 4, 4, 20},
        {"run.checkpoint_seconds=1", 1, 4, 4, 20},
        {"experiment.seeds=1,2", 1, 2, 2, 10},
        {"experiment.ratios=0.5", 1, 4, 4, 16},
        {"experiment.arms=emixer,real", 1, 4, 4, 8},
        {"data.seed=2", 0, 0, 0, 0},
        {"data.count=1501", 0, 0, 0, 0},
        {"data.size=64", 0, 0, 0, 0},
        {"data.uncertain=one", 1, 4, 4, 20}, /* the phantom is never in doubt */
        {"data.test=0.2", 1, 0, 0, 0},
        {"data.others=100", 1, 0, 0, 0},
        {"data.unlabelled=none", 1, 0, 0, 8},
        {"data.validation=0.1", 1, 0, 0, 0},
        {"data.report_rules=mimic", 1, 0, 0, 8},
        {"data.minimum_count=4", 1, 0, 0, 8},
        {"emixer.width=12", 1, 0, 0, 8},
        {"emixer.pairs=8", 1, 0, 0, 8},
        {"synthetic.writing=beam:2", 1, 4, 0, 8},
        {"emixer.ema_decay=0.5", 1, 0, 0, 8},
        {"synthetic.per_class=7", 1, 4, 0, 8},
        {"downstream.growth=9", 1, 4, 4, 0},
        {"downstream.steps=9", 1, 4, 4, 0},
        {"downstream.model=densenet121", 1, 4, 4, 0},
        {"downstream.channels=3", 1, 4, 4, 0},
        {"downstream.precision=bf16", 1, 4, 4, 0},
        {"emixer.precision=bf16", 1, 0, 0, 8},
        {"run.device=ref", 1, 0, 0, 0},
    };
    plan p = planned(NULL, NULL, 2);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        plan q = planned(cases[i].assignment, NULL, 2);
        cr_expect_eq(shared(&p, &q, KIND_DATASET), cases[i].datasets, "%s", cases[i].assignment);
        cr_expect_eq(shared(&p, &q, KIND_GENERATOR), cases[i].generators, "%s", cases[i].assignment);
        cr_expect_eq(shared(&p, &q, KIND_SYNTHETIC), cases[i].synthetic, "%s", cases[i].assignment);
        cr_expect_eq(shared(&p, &q, KIND_TRIAL), cases[i].trials, "%s: %d", cases[i].assignment,
                     shared(&p, &q, KIND_TRIAL));
        plan_close(&q);
    }
    plan_close(&p);
}

Test(plan, controls_share_what_they_are_made_of)
{
    plan p =
        planned("experiment.arms=real,real+shuffled,real+emixer,real+classic+emixer,real+emixer+filtered,"
                "real+pseudo,real+oracle,real+duplicate,pseudo",
                "experiment.seeds=0", 1);
    /* Of each shots: EMIXER's images, shuffled, filtered, pseudo, oracle, duplicates. */
    cr_expect_eq(count(&p, KIND_GENERATOR), 2);
    cr_expect_eq(count(&p, KIND_TEACHER), 2);
    cr_expect_eq(count(&p, KIND_SYNTHETIC), 2 * 6);
    for (int i = 0; i < p.n; i++) {
        const artifact *a = &p.items[i], *from = a->inputs[1] >= 0 ? &p.items[a->inputs[1]] : NULL;
        bool taught = a->kind == KIND_SYNTHETIC && (a->filtered || a->images == IMAGES_PSEUDO);
        for (int j = 0; j < i; j++) cr_expect_str_neq(a->key.hex, p.items[j].key.hex);
        for (int j = 0; j < ARTIFACT_INPUTS; j++) cr_expect_lt(a->inputs[j], i);
        cr_expect_eq(a->inputs[2] >= 0, taught, "%s", a->label);
        if (taught) cr_expect_eq(p.items[a->inputs[2]].kind, KIND_TEACHER);
        if (a->kind == KIND_TRIAL && from) {
            const arm *which = &opened.arms[a->arm];
            cr_expect_eq(from->images, arm_images_of(which));
            cr_expect_eq(from->filtered, which->parts[ROLE_FILTER] != NULL);
            cr_expect(from->seed == a->seed && from->shots == a->shots);
        }
        if (a->kind == KIND_SYNTHETIC && (a->filtered || a->images == IMAGES_SHUFFLED))
            cr_expect(from->kind == KIND_SYNTHETIC && from->images == IMAGES_EMIXER && !from->filtered);
    }
    plan_close(&p);
}

Test(plan, guards_come_before_what_they_guard)
{
    plan p = planned("experiment.arms=real,real+shuffled,real+emixer,emixer,real+pseudo", NULL, 1);
    cr_expect_eq(count(&p, KIND_TWINS), 1);
    cr_expect_eq(count(&p, KIND_GUARD), 2 + 4); /* splits of two seeds, images of four generators */
    for (int i = 0; i < p.n; i++) {
        const artifact *a = &p.items[i], *guard = a->after >= 0 ? &p.items[a->after] : NULL;
        cr_expect_lt(a->after, i);
        if (!guard) {
            cr_expect(a->kind == KIND_DATASET || a->kind == KIND_TWINS ||
                      (a->kind == KIND_GUARD && a->images == IMAGES_NONE));
            continue;
        }
        cr_expect(guard->kind == KIND_GUARD && guard->seed == a->seed);
        bool generated = a->kind == KIND_TRIAL && arm_generates(&opened.arms[a->arm]);
        cr_expect_eq(guard->images == IMAGES_EMIXER, generated, "%s after %s", a->label, guard->label);
        if (generated) cr_expect_eq(guard->shots, a->shots);
    }
    plan_close(&p);
}

Test(plan, an_artifact_needs_its_guard_and_its_inputs)
{
    const artifact none = {.inputs = {-1, -1, -1}, .after = -1}, first = {.inputs = {-1, -1, -1}, .after = 0},
                   some = {.inputs = {0, -1, 7}, .after = -1}, all = {.inputs = {0, 5, 7}, .after = 2};
    int needs[ARTIFACT_NEEDS];
    cr_expect_eq(artifact_needs(&none, needs), 0);
    cr_assert_eq(artifact_needs(&first, needs), 1);
    cr_expect_eq(needs[0], 0);
    cr_assert_eq(artifact_needs(&some, needs), 2);
    cr_expect(needs[0] == 0 && needs[1] == 7);
    cr_assert_eq(artifact_needs(&all, needs), 4);
    cr_expect(needs[0] == 2 && needs[1] == 0 && needs[2] == 5 && needs[3] == 7);
}

Test(plan, a_limited_plan_has_the_first_trials_and_what_they_need)
{
    plan whole = planned(NULL, NULL, 1), p = planned(NULL, NULL, 1);
    int trials = 0;
    cr_assert_eq(plan_limit(&p, 3), OK);
    cr_expect_eq(count(&p, KIND_TRIAL), 3); /* real, real+classic, and real+emixer at one ratio */
    cr_expect_eq(count(&p, KIND_GENERATOR), 1);
    cr_expect_eq(count(&p, KIND_GUARD), 2);
    for (int i = 0; i < p.n; i++) {
        for (int j = 0; j < ARTIFACT_INPUTS; j++) cr_expect_lt(p.items[i].inputs[j], i);
        cr_expect_lt(p.items[i].after, i);
    }
    for (int i = 0; i < whole.n && trials < 3; i++) {
        if (whole.items[i].kind != KIND_TRIAL) continue;
        for (int j = 0, n = 0; j < p.n; j++)
            if (p.items[j].kind == KIND_TRIAL && n++ == trials) {
                const artifact *a = &p.items[j], *b = &whole.items[i];
                cr_expect_str_eq(a->key.hex, b->key.hex);
                for (int k = 0; k < 2; k++)
                    if (a->inputs[k] >= 0)
                        cr_expect_str_eq(p.items[a->inputs[k]].key.hex, whole.items[b->inputs[k]].key.hex);
            }
        trials++;
    }
    plan_close(&whole);
    plan_close(&p);
    p = planned("experiment.arms=emixer,real", NULL, 1);
    int n = p.n;
    cr_assert_eq(plan_limit(&p, 1000), OK);
    cr_expect_eq(p.n, n);
    plan_close(&p);
}

Test(plan, settings_of_controls_change_only_those)
{
    static const char arms[] =
        "experiment.arms=real,real+shuffled,real+emixer,real+emixer+filtered,real+pseudo";
    static const struct {
        const char *assignment;
        int teachers, synthetic, trials; /* of 4, 16 and 36 */
    } cases[] = {
        {"controls.pseudo_confidence=0.6", 4, 12, 28},
        {"controls.filter_confidence=0.6", 4, 12, 28},
        {"controls.filter_distance=0.6", 4, 12, 28},
        {"downstream.growth=9", 0, 8, 0},
        {"emixer.width=9", 4, 4, 12},
    };
    plan p = planned(arms, NULL, 2);
    cr_assert_eq(count(&p, KIND_TRIAL), 4 * (1 + 4 * 2));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        plan q = planned(arms, cases[i].assignment, 2);
        cr_expect_eq(shared(&p, &q, KIND_TEACHER), cases[i].teachers, "%s", cases[i].assignment);
        cr_expect_eq(shared(&p, &q, KIND_SYNTHETIC), cases[i].synthetic, "%s", cases[i].assignment);
        cr_expect_eq(shared(&p, &q, KIND_TRIAL), cases[i].trials, "%s: %d", cases[i].assignment,
                     shared(&p, &q, KIND_TRIAL));
        plan_close(&q);
    }
    plan_close(&p);
}

Test(plan, images_of_a_folder_are_packed_once_or_once_for_each_that_is_named_by_seed)
{
    char folder[PATH_BYTES], arms[300], part[PATH_BYTES], path[PATH_BYTES];
    make_folder(folder);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(path_join(part, folder, "%d", i), OK);
        cr_assert_eq(folder_make(part), OK);
        write_text(part, "x.png", i ? "x" : "yy", path);
    }
    (void)snprintf(arms, sizeof arms, "experiment.arms=real,real+folder:%.99s/0,real+folder:%.99s/{seed}",
                   folder, folder);
    plan p = planned(arms, NULL, 1);
    cr_expect_eq(count(&p, KIND_SYNTHETIC), 2);
    cr_expect_eq(count(&p, KIND_GENERATOR) + count(&p, KIND_TEACHER), 0);
    write_text(part, "y.png", "y", path); /* of seed 1 */
    plan q = planned(arms, NULL, 1);
    cr_expect_eq(shared(&p, &q, KIND_SYNTHETIC), 1);
    cr_expect_eq(shared(&p, &q, KIND_TRIAL), 4 + 8 + 4); /* of two seeds, two shots and two ratios */
    plan_close(&p);
    plan_close(&q);
    forget_folder(folder);
}

Test(plan, without_a_few_shot_class_there_are_no_shots)
{
    plan p;
    settings_defaults(&s);
    cr_assert_eq(settings_assign(&s, "data.few_shot_class="), OK);
    cr_assert_eq(settings_assign(&s, "data.labelled=0.1"), OK);
    cr_assert_eq(study_open(&s, &opened), OK, "%s", err_message());
    cr_assert_eq(plan_open(&opened, 1, &p), OK, "%s", err_message());
    for (int i = 1; i < p.n; i++) {
        cr_expect_eq(p.items[i].shots, 0);
        if (p.items[i].kind == KIND_GENERATOR && p.items[i].seed == 0)
            cr_expect_str_eq(p.items[i].label, "generator, 10% labelled, seed 0");
    }
    plan_close(&p);
    cr_assert_eq(settings_assign(&s, "experiment.shots=5,10"), OK);
    cr_expect_eq(study_open(&s, &opened), ERR_CONFIG);
    cr_expect(message_has("with an empty data.few_shot_class there are no shots to vary"));
}

Test(plan, generators_depend_on_the_files_of_other_texts_if_they_read)
{
    char folder[PATH_BYTES], path[PATH_BYTES], texts_of[PATH_BYTES + 32];
    make_folder(folder);
    write_text(folder, "1.xml", "x", path);
    (void)snprintf(texts_of, sizeof texts_of, "data.texts=openi:%s", folder);
    plan p = planned(texts_of, "emixer.pairs=4", 1), deaf = planned(texts_of, NULL, 1);
    write_text(folder, "2.xml", "y", path);
    plan q = planned(texts_of, "emixer.pairs=4", 1), deaf_again = planned(texts_of, NULL, 1);
    cr_expect_eq(shared(&p, &q, KIND_GENERATOR), 0);
    cr_expect_eq(shared(&p, &q, KIND_TRIAL), 8, "without synthetic images");
    cr_expect_eq(shared(&deaf, &deaf_again, KIND_GENERATOR), 4);
    plan_close(&p);
    plan_close(&q);
    plan_close(&deaf);
    plan_close(&deaf_again);
    forget_folder(folder);
}

Test(plan, threads_are_part_of_the_keys_of_what_is_computed_in_floating_point)
{
    plan p = planned(NULL, NULL, 1), q = planned(NULL, NULL, 2);
    cr_assert_eq(shared(&p, &q, KIND_DATASET), 1);
    cr_assert_eq(shared(&p, &q, KIND_GENERATOR), 0);
    cr_assert_eq(shared(&p, &q, KIND_TRIAL), 0);
    plan_close(&p);
    plan_close(&q);
}

Test(plan, without_synthetic_arms_no_generator_is_planned)
{
    plan p = planned("experiment.arms=real,real+classic", NULL, 1);
    cr_assert_eq(count(&p, KIND_GENERATOR), 0);
    cr_assert_eq(count(&p, KIND_SYNTHETIC), 0);
    cr_assert_eq(count(&p, KIND_TRIAL), 8);
    plan_close(&p);
}

Test(plan, a_changed_data_folder_changes_every_key)
{
    char folder[PATH_BYTES], class_folder[PATH_BYTES], path[PATH_BYTES], source[PATH_BYTES + 32];
    make_folder(folder);
    cr_assert_eq(path_join(class_folder, folder, "a"), OK);
    cr_assert_eq(folder_make(class_folder), OK);
    write_text(class_folder, "1.png", "x", path);
    (void)snprintf(source, sizeof source, "data.source=folder:%s", folder);
    plan p = planned(source, NULL, 1), same = planned(source, "data.count=77", 1);
    cr_assert_eq(shared(&p, &same, KIND_TRIAL), 20, "count is for the phantom only");
    write_text(class_folder, "2.png", "y", path);
    plan q = planned(source, NULL, 1);
    cr_assert_eq(shared(&p, &q, KIND_DATASET) + shared(&p, &q, KIND_TRIAL), 0);
    plan_close(&p);
    plan_close(&q);
    plan_close(&same);
    forget_folder(folder);
}

Test(plan, packed_sets_depend_on_the_policy_for_uncertain_labels)
{
    char folder[PATH_BYTES], source[PATH_BYTES + 32];
    make_folder(folder);
    (void)snprintf(source, sizeof source, "data.source=packed:%s", folder);
    plan p = planned(source, NULL, 1), same = planned(source, "data.uncertain=unknown", 1),
         q = planned(source, "data.uncertain=one", 1);
    cr_assert_eq(shared(&p, &same, KIND_DATASET), 1);
    cr_assert_eq(shared(&p, &q, KIND_DATASET) + shared(&p, &q, KIND_TRIAL), 0);
    plan_close(&p);
    plan_close(&same);
    plan_close(&q);
    forget_folder(folder);
}

Test(plan, a_missing_data_folder_is_told_before_anything_runs)
{
    plan p;
    settings_defaults(&s);
    cr_assert_eq(settings_assign(&s, "data.source=folder:/no/such/folder"), OK);
    cr_assert_eq(study_open(&s, &opened), OK);
    cr_assert_eq(plan_open(&opened, 1, &p), ERR_NO_INPUT);
    cr_assert(message_has("/no/such/folder"));
}

Test(plan, trials_depend_on_the_bytes_of_their_weights)
{
    char folder[PATH_BYTES], path[PATH_BYTES], weights[PATH_BYTES + 32];
    make_folder(folder);
    write_text(folder, "w.safetensors", "one", path);
    (void)snprintf(weights, sizeof weights, "downstream.weights=%s", path);
    plan p = planned(weights, NULL, 1), same = planned(weights, NULL, 1);
    cr_assert_eq(shared(&p, &same, KIND_TRIAL), 20);
    write_text(folder, "w.safetensors", "two", path);
    plan q = planned(weights, NULL, 1);
    cr_assert_eq(shared(&p, &q, KIND_TRIAL), 0);
    cr_assert_eq(shared(&p, &q, KIND_GENERATOR), 4);
    plan_close(&p);
    plan_close(&q);
    plan_close(&same);
    forget_folder(folder);
}

Test(plan, missing_weights_are_told_before_anything_runs)
{
    plan p;
    settings_defaults(&s);
    cr_assert_eq(settings_assign(&s, "downstream.weights=/no/such/file"), OK);
    cr_assert_eq(study_open(&s, &opened), OK);
    cr_assert_eq(plan_open(&opened, 1, &p), ERR_NO_INPUT);
    cr_assert(message_has("/no/such/file"));
}
