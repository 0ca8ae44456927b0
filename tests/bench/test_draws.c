/* What the trials of a study share: splits within a seed, and few-shot draws that grow with the shots. */
#include "bench/builder.h"
#include "helpers.h"

#include <criterion/criterion.h>
#include <string.h>

enum { COUNT = 400, OTHERS = 60 };
static const int shots[] = {5, 10, 20, 50};
enum { SHOTS = sizeof shots / sizeof *shots };

static settings s;

static dataset *phantom(void)
{
    dataset *set;
    settings_defaults(&s);
    s.others = OTHERS;
    cr_assert_eq(dataset_open("phantom:covid", 16, COUNT, 1, &set), OK, "%s", err_message());
    return set;
}

static draw drawn(const dataset *set, int seed, int n)
{
    draw d;
    cr_assert_eq(draw_open(&s, set, seed, (label_budget){n, s.labelled.values[0]}, &d), OK, "%s",
                 err_message());
    return d;
}

static bool same(const samples *a, const samples *b)
{
    return a->n == b->n && memcmp(a->index, b->index, (size_t)a->n * sizeof *a->index) == 0;
}

static int count_class(const dataset *set, const samples *list, int label)
{
    int n = 0;
    for (int i = 0; i < list->n; i++) n += dataset_class(set, list->index[i]) == label;
    return n;
}

static bool has(const samples *list, int sample)
{
    for (int i = 0; i < list->n; i++)
        if (list->index[i] == sample) return true;
    return false;
}

Test(draws, more_shots_add_images_of_the_few_shot_class_and_change_nothing_else)
{
    dataset *set = phantom();
    for (int seed = 0; seed < 3; seed++) {
        draw most = drawn(set, seed, shots[SHOTS - 1]);
        for (int k = 0; k < SHOTS; k++) {
            draw d = drawn(set, seed, shots[k]);
            cr_expect(same(&d.split.train, &most.split.train) && same(&d.split.test, &most.split.test));
            for (int label = 0; label < set->n_labels; label++)
                cr_expect_eq(count_class(set, &d.labelled, label), label == d.few ? shots[k] : OTHERS);
            cr_expect_arr_eq(d.labelled.index, most.labelled.index, (size_t)d.labelled.n * sizeof(int));
            cr_expect_eq(d.labelled.n + d.hidden.n, d.split.train.n);
            for (int i = 0; i < d.labelled.n; i++)
                cr_expect(has(&d.split.train, d.labelled.index[i]) &&
                          !has(&d.split.test, d.labelled.index[i]));
            draw_close(&d);
        }
        draw_close(&most);
    }
    dataset_close(set);
}

Test(draws, a_seed_gives_the_same_draw_again_and_another_seed_another)
{
    dataset *set = phantom();
    draw a = drawn(set, 0, 10), again = drawn(set, 0, 10), other = drawn(set, 1, 10);
    cr_expect(same(&a.labelled, &again.labelled) && same(&a.split.test, &again.split.test));
    cr_expect_not(same(&a.split.test, &other.split.test));
    cr_expect_not(same(&a.labelled, &other.labelled));
    draw_close(&a);
    draw_close(&again);
    draw_close(&other);
    dataset_close(set);
}

Test(draws, without_a_few_shot_class_a_share_of_the_training_patients_is_labelled)
{
    dataset *set = phantom();
    cr_assert_eq(settings_assign(&s, "data.few_shot_class="), OK, "%s", err_message());
    cr_assert_eq(settings_assign(&s, "data.labelled=0.25"), OK, "%s", err_message());
    draw d = drawn(set, 0, 0), again = drawn(set, 0, 9), other = drawn(set, 1, 0);
    cr_expect_eq(d.few, -1);
    cr_expect_eq(d.labelled.n + d.hidden.n, d.split.train.n);
    cr_expect_float_eq((double)d.labelled.n / d.split.train.n, 0.25, 0.06);
    cr_expect(same(&d.labelled, &again.labelled), "shots say nothing");
    cr_expect_not(same(&d.labelled, &other.labelled));
    for (int i = 0; i < d.labelled.n; i++) cr_expect_not(has(&d.split.test, d.labelled.index[i]));
    for (int label = 0; label < set->n_labels; label++) cr_expect_gt(count_class(set, &d.labelled, label), 0);
    draw_close(&d);
    draw_close(&again);
    draw_close(&other);
    dataset_close(set);
}

Test(draws, several_labels_an_image_have_shares_and_no_shots)
{
    dataset *set;
    draw d;
    settings_defaults(&s);
    cr_assert_eq(dataset_open("phantom:chexpert", 16, COUNT, 1, &set), OK, "%s", err_message());
    cr_expect_eq(draw_open(&s, set, 0, (label_budget){5, 1}, &d), ERR_CONFIG);
    cr_expect(message_has("has not exactly one label; leave the key empty"));
    cr_assert_eq(settings_assign(&s, "data.few_shot_class="), OK, "%s", err_message());
    d = drawn(set, 0, 0);
    cr_expect_eq(d.labelled.n, d.split.train.n, "all, by default");
    cr_expect_eq(d.hidden.n, 0);
    draw_close(&d);
    dataset_close(set);
}
