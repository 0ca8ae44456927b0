/* Second sets of controls: which images, which labels. */
#include "bench/second_sets.h"
#include "helpers.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 200, K = 3, PIXELS = 16 * 16 };

static settings s;
static dataset *set;
static draw d;

static void setup(void)
{
    settings_defaults(&s);
    s.others = 20;
    cr_assert_eq(dataset_open("phantom:covid", 16, COUNT, 1, &set), OK, "%s", err_message());
    cr_assert_eq(draw_open(&s, set, 0, (label_budget){5, 1}, &d), OK, "%s", err_message());
    cr_assert_gt(d.hidden.n, 0);
}

static void teardown(void)
{
    draw_close(&d);
    dataset_close(set);
}

TestSuite(second_sets, .init = setup, .fini = teardown);

/* The sample of `from` that a second set's sample is a copy of, pixels included. */
static int origin(const dataset *from, const dataset *made, int i)
{
    for (int j = 0; j < from->n; j++)
        if (strcmp(from->samples[j].id, made->samples[i].id) == 0) {
            cr_expect_arr_eq(made->images + (size_t)i * PIXELS, from->images + (size_t)j * PIXELS, PIXELS);
            return j;
        }
    return -1;
}

static bool listed(const samples *list, int sample)
{
    for (int i = 0; i < list->n; i++)
        if (list->index[i] == sample) return true;
    return false;
}

Test(second_sets, duplicates_are_the_labelled_images_and_no_others)
{
    dataset *made;
    cr_assert_eq(second_duplicate(set, &d, &made), OK, "%s", err_message());
    cr_expect_eq(made->n, d.labelled.n);
    for (int i = 0; i < made->n; i++) {
        int from = origin(set, made, i);
        cr_expect(listed(&d.labelled, from));
        cr_expect_eq(dataset_class(made, i), dataset_class(set, from));
    }
    dataset_close(made);
}

/* A sample of that class that has this report in the set; -1: there is none. */
static int owner_of(const char *report, int label)
{
    for (int i = 0; i < set->n; i++)
        if (dataset_class(set, i) == label && strcmp(set->samples[i].report, report) == 0) return i;
    return -1;
}

Test(second_sets, shuffling_moves_labels_between_images_and_keeps_how_many_there_are)
{
    dataset *made, *again, *other;
    int count[2][K] = {{0}}, moved = 0, differ = 0, without = 0;
    cr_assert_eq(second_shuffled(set, 1, &made), OK, "%s", err_message());
    cr_assert_eq(second_shuffled(set, 1, &again), OK, "%s", err_message());
    cr_assert_eq(second_shuffled(set, 2, &other), OK, "%s", err_message());
    for (int i = 0; i < set->n; i++) {
        cr_expect_eq(origin(set, made, i), i);
        count[0][dataset_class(set, i)]++;
        count[1][dataset_class(made, i)]++;
        moved += dataset_class(set, i) != dataset_class(made, i);
        differ += dataset_class(other, i) != dataset_class(made, i);
        without += owner_of(made->samples[i].report, dataset_class(made, i)) < 0;
    }
    cr_expect_eq(without, 0, "a report moves with its labels");
    cr_expect_arr_eq(count[0], count[1], sizeof count[0]);
    /* Of three equal classes, 2/3 of the images get another one by chance; 0.03 is a standard error. */
    cr_expect_float_eq((double)moved / COUNT, 2.0 / 3, 0.12, "%d", moved);
    cr_expect_gt(differ, COUNT / 2);
    cr_expect_str_eq(made->content.hex, again->content.hex);
    dataset_close(made);
    dataset_close(again);
    dataset_close(other);
}

Test(second_sets, the_oracle_knows_the_hidden_images_and_looks_at_no_other_side)
{
    dataset *made;
    cr_assert_eq(second_oracle(set, &d, false, &made), OK, "%s", err_message());
    for (int i = 0; i < made->n; i++) {
        int from = origin(set, made, i);
        cr_expect(!listed(&d.split.test, from) && listed(&d.split.train, from));
        cr_expect_eq(dataset_class(made, i), dataset_class(set, from));
    }
    for (int k = 0; k < K; k++) {
        int hidden = 0, labelled = 0, found = 0;
        for (int i = 0; i < d.hidden.n; i++) hidden += dataset_class(set, d.hidden.index[i]) == k;
        for (int i = 0; i < d.labelled.n; i++) labelled += dataset_class(set, d.labelled.index[i]) == k;
        for (int i = 0; i < made->n; i++) found += dataset_class(made, i) == k;
        cr_expect_eq(found, hidden ? hidden : labelled, "class %d", k);
    }
    dataset_close(made);
}

Test(second_sets, without_hidden_images_controls_that_need_them_say_so)
{
    dataset *made;
    float none[K] = {0};
    d.hidden.n = 0;
    cr_expect_eq(second_oracle(set, &d, false, &made), ERR_CONFIG);
    cr_expect(message_has("`oracle` needs training images whose labels are hidden"));
    cr_expect_eq(second_pseudo(set, &d, false, none, 0.5, &made), ERR_CONFIG);
    cr_expect(message_has("`pseudo` needs"));
}

/* Hidden image i is given class i % 2 with probability 0.9 if i < 10, else 0.4. */
static float *opinions(void)
{
    float *p = calloc((size_t)d.hidden.n * K, sizeof *p);
    cr_assert_not_null(p);
    for (int i = 0; i < d.hidden.n; i++) {
        float sure = i < 10 ? 0.9F : 0.4F;
        for (int k = 0; k < K; k++) p[i * K + k] = k == i % 2 ? sure : (1 - sure) / (K - 1);
    }
    return p;
}

Test(second_sets, pseudo_labels_are_what_the_probabilities_say_and_not_the_truth)
{
    dataset *made;
    int third = 0, labelled = 0;
    float *p = opinions();
    cr_assert_eq(second_pseudo(set, &d, false, p, 0.5, &made), OK, "%s", err_message());
    for (int i = 0; i < made->n; i++) {
        int from = origin(set, made, i), k = dataset_class(made, i);
        if (i < 10) cr_expect_eq(from, d.hidden.index[i]);
        if (i < 10) cr_expect_eq(k, i % 2);
        third += k == 2;
        if (i >= 10) cr_expect(listed(&d.labelled, from) && k == dataset_class(set, from));
    }
    for (int i = 0; i < d.labelled.n; i++) labelled += dataset_class(set, d.labelled.index[i]) == 2;
    cr_expect_eq(third, labelled, "nothing was given the third class");
    cr_expect_eq(made->n, 10 + labelled);
    dataset_close(made);
    free(p);
}

Test(second_sets, of_several_labels_those_in_doubt_are_unknown)
{
    dataset *made;
    float *p = opinions();
    for (int k = 0; k < K; k++) p[2 * K + k] = 0.5F; /* nothing is known of the third image */
    cr_assert_eq(second_pseudo(set, &d, true, p, 0.65, &made), OK, "%s", err_message());
    cr_expect_eq(made->n, d.hidden.n - 1);
    cr_expect_str_eq(made->samples[2].id, set->samples[d.hidden.index[3]].id);
    cr_expect(made->labels[0] == 1.0F && made->labels[1] == 0.0F && made->labels[2] == 0.0F);
    const float *doubtful = made->labels + (size_t)(made->n - 1) * K; /* 0.4 and twice 0.3 */
    int last = (d.hidden.n - 1) % 2;
    cr_expect(isnan(doubtful[last]) && doubtful[1 - last] == 0.0F && doubtful[2] == 0.0F);
    dataset_close(made);
    cr_expect_eq(second_pseudo(set, &d, true, p, 0.99, &made), ERR_DIVERGED);
    cr_expect(message_has("lower controls.pseudo_confidence"));
    free(p);
}

Test(second_sets, confidence_is_of_the_class_or_of_both_sides_of_the_labels)
{
    const float p[K] = {0.5F, 0.25F, 0.75F}, one[K] = {0, 1, 0}, two[K] = {1, NAN, 0},
                none[K] = {NAN, NAN, NAN}, many[K] = {1, 1, 0};
    cr_expect_float_eq(second_confidence(one, p, K, false), 0.25, 1e-7);
    cr_expect_float_eq(second_confidence(two, p, K, true), (0.5 + 0.25) / 2, 1e-7);
    cr_expect_float_eq(second_confidence(many, p, K, true), ((0.5 + 0.25) / 2 + 0.25) / 2, 1e-7);
    cr_expect(isnan(second_confidence(none, p, K, true)));
    cr_expect(isnan(second_confidence(many, p, K, false)), "two classes are none");
}

Test(second_sets, the_filter_leaves_what_is_both_sure_and_near)
{
    dataset *made, *left;
    float p[4 * K] = {0.6F, 0.4F, 0, 0.4F, 0.6F, 0, 0.6F, 0.4F, 0, 0.7F, 0.3F, 0};
    const double distance[4] = {1, 1, 3, 2};
    const float labels[4 * K] = {1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0};
    cr_assert_eq(dataset_from_arrays(set->images, labels, 4, 16, K, set->label_names, "x", &made), OK);
    cr_assert_eq(second_filtered(made, false, p, 0.5, distance, 2, &left), OK, "%s", err_message());
    cr_expect_eq(left->n, 2);
    cr_expect_str_eq(left->samples[0].id, "x-0");
    cr_expect_str_eq(left->samples[1].id, "x-3");
    dataset_close(left);
    cr_expect_eq(second_filtered(made, false, p, 0.9, distance, 2, &left), ERR_DIVERGED);
    cr_expect(message_has("none of 4 synthetic images passes the filter"));
    dataset_close(made);
}
