#include "made_set.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

TestSuite(splits, .init = scratch_make, .fini = scratch_drop);

enum { SIDES = 3, MANY = 2000 };

static const samples *side_of(const splits *s, int side)
{
    return side == 0 ? &s->train : side == 1 ? &s->validation : &s->test;
}

/* Every sample on exactly one side, every list in order, and no patient on two sides. */
static void expect_partition(const dataset *set, const splits *s)
{
    static int side_of_sample[MANY];
    for (int i = 0; i < set->n; i++) side_of_sample[i] = -1;
    for (int side = 0; side < SIDES; side++) {
        const samples *list = side_of(s, side);
        for (int i = 0; i < list->n; i++) {
            cr_assert(i == 0 || list->index[i] > list->index[i - 1]);
            cr_assert_eq(side_of_sample[list->index[i]], -1);
            side_of_sample[list->index[i]] = side;
        }
    }
    for (int i = 0; i < set->n; i++) {
        cr_assert_neq(side_of_sample[i], -1);
        for (int j = 0; j < i; j++)
            if (set->samples[i].patient[0] && strcmp(set->samples[i].patient, set->samples[j].patient) == 0)
                cr_assert_eq(side_of_sample[i], side_of_sample[j], "patient %s is on two sides",
                             set->samples[i].patient);
    }
}

Test(splits, images_without_patients_are_stratified)
{
    static plan plans[124 + 500 + 501];
    static const int sizes[LABELS] = {124, 500, 501};
    int n = 0;
    for (int k = 0; k < LABELS; k++)
        for (int i = 0; i < sizes[k]; i++) plans[n++] = of_class(-1, k);
    dataset *set = open_plan(plans, n);
    splits s;
    ASSERT_OK(splits_open(set, 0.1, 0.25, 7, &s));
    expect_partition(set, &s);
    for (int k = 0; k < LABELS; k++) {
        static const double fractions[SIDES] = {0.65, 0.1, 0.25};
        for (int side = 0; side < SIDES; side++) {
            int got = count_class(set, side_of(&s, side), k);
            cr_expect(fabs(got - fractions[side] * sizes[k]) < 1, "class %d, side %d: %d", k, side, got);
        }
    }
    splits_close(&s);
    dataset_close(set);
}

Test(splits, patients_stay_together_and_are_stratified)
{
    static plan plans[900];
    int n = 0;
    for (int p = 0; n < 880; p++)
        for (int study = 0; study <= p % 4; study++) plans[n++] = of_class(p, p % 7 == 0 ? 0 : 1 + p % 2);
    for (int i = 0, j = n - 1; i < j; i += 3, j -= 3) { /* a patient's images need not be neighbours */
        plan swapped = plans[i];
        plans[i] = plans[j];
        plans[j] = swapped;
    }
    dataset *set = open_plan(plans, n);
    splits s;
    ASSERT_OK(splits_open(set, 0.15, 0.25, 7, &s));
    expect_partition(set, &s);
    for (int k = 0; k < LABELS; k++) {
        double all =
            count_class(set, &s.train, k) + count_class(set, &s.validation, k) + count_class(set, &s.test, k);
        double share = count_class(set, &s.test, k) / all;
        cr_expect(share > 0.15 && share < 0.35, "class %d: %g of the images are in test", k, share);
    }
    splits_close(&s);
    dataset_close(set);
}

Test(splits, the_seed_decides)
{
    static plan plans[200];
    for (int i = 0; i < 200; i++) plans[i] = of_class(i / 2, i / 2 % 3);
    dataset *set = open_plan(plans, 200);
    splits first, again, other;
    ASSERT_OK(splits_open(set, 0.1, 0.2, 7, &first));
    ASSERT_OK(splits_open(set, 0.1, 0.2, 7, &again));
    ASSERT_OK(splits_open(set, 0.1, 0.2, 8, &other));
    cr_expect(same_list(&first.train, &again.train) && same_list(&first.test, &again.test));
    cr_expect_not(same_list(&first.test, &other.test));
    splits_close(&first);
    splits_close(&again);
    splits_close(&other);
    dataset_close(set);
}

Test(splits, three_patients_reach_all_sides)
{
    static plan plans[109];
    int n = 0;
    for (int i = 0; i < 3; i++, n++) plans[n] = of_class(n, 0);
    for (int i = 0; i < 4; i++, n++) plans[n] = of_class(n, 1);
    for (int i = 0; i < 100; i++, n++) plans[n] = of_class(n, 2);
    dataset *set = open_plan(plans, n);
    for (uint64_t seed = 0; seed < 20; seed++) {
        splits s;
        ASSERT_OK(splits_open(set, 0.05, 0.1, seed, &s));
        expect_partition(set, &s);
        for (int k = 0; k < LABELS; k++)
            for (int side = 0; side < SIDES; side++)
                cr_expect(count_class(set, side_of(&s, side), k) >= 1, "seed %d, class %d, side %d",
                          (int)seed, k, side);
        splits_close(&s);
    }
    dataset_close(set);
}

Test(splits, a_patient_of_two_classes_counts_for_the_rarer)
{
    static plan plans[220];
    int n = 0;
    for (int p = 0; p < 100; p++) {
        plans[n++] = of_class(p, 1);
        if (p < 20) plans[n++] = of_class(p, 0);
        if (p >= 60) plans[n++] = of_class(p, 2);
    }
    dataset *set = open_plan(plans, n);
    splits s;
    ASSERT_OK(splits_open(set, 0.2, 0.2, 1, &s));
    expect_partition(set, &s);
    cr_expect_eq(count_class(set, &s.train, 0), 12);
    cr_expect_eq(count_class(set, &s.test, 0), 4);
    cr_expect_eq(count_class(set, &s.test, 2), 8);
    cr_expect_eq(count_class(set, &s.test, 1), 20);
    splits_close(&s);
    dataset_close(set);
}

Test(splits, sets_of_many_labels_are_stratified_by_how_many_are_positive)
{
    static plan plans[400];
    for (int i = 0; i < 400; i++)
        plans[i] =
            (plan){.patient = -1, .labels = {(float)(i % 2), i % 4 == 1 ? 1 : 0, i % 8 == 1 ? 1 : NAN}};
    dataset *set = open_plan(plans, 400);
    splits s;
    ASSERT_OK(splits_open(set, 0, 0.2, 1, &s));
    expect_partition(set, &s);
    cr_expect_eq(s.validation.n, 0);
    int positive[4] = {0};
    for (int i = 0; i < s.test.n; i++) {
        int n = 0;
        for (int k = 0; k < LABELS; k++) n += set->labels[s.test.index[i] * LABELS + k] > 0;
        positive[n]++;
    }
    cr_expect(positive[0] == 40 && positive[1] == 20 && positive[2] == 10 && positive[3] == 10, "%d %d %d %d",
              positive[0], positive[1], positive[2], positive[3]);
    splits_close(&s);
    dataset_close(set);
}

Test(splits, a_publishers_split_is_kept)
{
    static const char *const names[] = {"train", "Validate", "TEST", "val", "valid", "train"};
    static const int sides[] = {0, 1, 2, 1, 1, 0};
    static plan plans[60];
    for (int i = 0; i < 60; i++) {
        plans[i] = of_class(i, i % 3);
        plans[i].split = names[i % 6];
    }
    dataset *set = open_plan(plans, 60);
    splits s;
    ASSERT_OK(splits_open(set, 0.3, 0.5, 1, &s));
    expect_partition(set, &s);
    for (int side = 0; side < SIDES; side++)
        for (int i = 0; i < side_of(&s, side)->n; i++)
            cr_expect_eq(sides[side_of(&s, side)->index[i] % 6], side);
    splits_close(&s);
    dataset_close(set);
}

Test(splits, a_missing_validation_side_comes_out_of_the_training_side)
{
    static plan plans[100];
    for (int i = 0; i < 100; i++) {
        plans[i] = of_class(i, i % 2);
        plans[i].split = i < 60 ? "train" : "test";
    }
    dataset *set = open_plan(plans, 100);
    splits s;
    ASSERT_OK(splits_open(set, 0.2, 0.1, 1, &s));
    expect_partition(set, &s);
    cr_expect(s.train.n == 48 && s.validation.n == 12 && s.test.n == 40);
    for (int i = 0; i < s.test.n; i++) cr_expect(s.test.index[i] >= 60);
    splits_close(&s);
    ASSERT_OK(splits_open(set, 0, 0.1, 1, &s));
    cr_expect(s.train.n == 60 && s.validation.n == 0 && s.test.n == 40);
    splits_close(&s);
    dataset_close(set);
}

Test(splits, a_missing_test_side_comes_out_of_the_training_side)
{
    static plan plans[100];
    for (int i = 0; i < 100; i++) {
        plans[i] = of_class(i / 2, i / 2 % 2); /* two images of each patient */
        plans[i].split = i < 80 ? "train" : "valid";
    }
    dataset *set = open_plan(plans, 100);
    splits s;
    ASSERT_OK(splits_open(set, 0.3, 0.2, 1, &s));
    expect_partition(set, &s);
    cr_expect(s.train.n == 64 && s.validation.n == 20 && s.test.n == 16);
    for (int i = 0; i < s.validation.n; i++) cr_expect(s.validation.index[i] >= 80);
    for (int i = 0; i + 1 < s.test.n; i += 2) cr_expect_eq(s.test.index[i] / 2, s.test.index[i + 1] / 2);
    splits_close(&s);
    dataset_close(set);
}

Test(splits, a_publishers_split_that_is_incomplete_is_not_used)
{
    static plan plans[50];
    for (int i = 0; i < 50; i++) {
        plans[i] = of_class(i, i % 2);
        plans[i].split = i < 49 ? "train" : "";
    }
    dataset *set = open_plan(plans, 50);
    splits s;
    ASSERT_OK(splits_open(set, 0, 0.2, 1, &s));
    cr_expect_eq(s.test.n, 10);
    splits_close(&s);
    dataset_close(set);
}

static void expect_split_error(const plan *plans, int n, double validation, double test, err code,
                               const char *fragment)
{
    dataset *set = open_plan(plans, n);
    splits s;
    EXPECT_ERROR(splits_open(set, validation, test, 1, &s), code, fragment);
    cr_expect(!s.train.index && !s.test.index);
    splits_close(&s);
    dataset_close(set);
}

Test(splits, bad_publishers_splits)
{
    plan plans[4] = {of_class(1, 0), of_class(1, 0), of_class(2, 1), of_class(3, 1)};
    const char *const leaking[] = {"train", "test", "test", "train"}, *const odd[] = {"train", "train",
                                                                                      "test", "holdout"};
    for (int i = 0; i < 4; i++) plans[i].split = leaking[i];
    expect_split_error(plans, 4, 0, 0.2, ERR_DATA, "patient p1");
    for (int i = 0; i < 4; i++) plans[i].split = odd[i];
    expect_split_error(plans, 4, 0, 0.2, ERR_DATA, "holdout");
    for (int i = 0; i < 4; i++) plans[i].split = "train";
    expect_split_error(plans, 4, 0, 0.2, ERR_DATA, "test");
}

Test(splits, a_leaking_patient_can_stay_where_the_publisher_put_each_image)
{
    plan plans[5] = {of_class(1, 0), of_class(1, 0), of_class(2, 1), of_class(3, 1), of_class(1, 0)};
    static const char *const leaking[] = {"train", "test", "test", "train", "train"};
    static const int train[] = {0, 3, 4}, test[] = {1, 2};
    for (int i = 0; i < 5; i++) plans[i].split = leaking[i];
    dataset *set = open_plan(plans, 5);
    splits s;
    ASSERT_OK(splits_open_published(set, 0, 0.2, 1, &s));
    cr_assert(s.train.n == 3 && s.test.n == 2);
    cr_expect_arr_eq(s.train.index, train, sizeof train);
    cr_expect_arr_eq(s.test.index, test, sizeof test);
    splits_close(&s);
    dataset_close(set);
}

Test(splits, without_a_publishers_split_both_ways_are_one)
{
    static plan plans[60];
    for (int i = 0; i < 60; i++) plans[i] = of_class(i / 3, i % 2);
    plans[7].split = "test"; /* the only one: not a split of the set */
    dataset *set = open_plan(plans, 60);
    splits s, t;
    ASSERT_OK(splits_open(set, 0.1, 0.2, 1, &s));
    ASSERT_OK(splits_open_published(set, 0.1, 0.2, 1, &t));
    cr_expect(s.train.n == t.train.n && s.test.n == t.test.n);
    cr_expect_arr_eq(s.test.index, t.test.index, (size_t)s.test.n * sizeof(int));
    splits_close(&s);
    splits_close(&t);
    dataset_close(set);
}

Test(splits, bad_fractions_and_sets_too_small)
{
    static const double bad[][2] = {{-0.1, 0.2}, {0.1, 0}, {0.5, 0.5}, {NAN, 0.2}, {0.1, NAN}, {0, 1}};
    plan plans[2] = {of_class(1, 0), of_class(1, 0)};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_split_error(plans, 2, bad[i][0], bad[i][1], ERR_USAGE, "validation");
    expect_split_error(plans, 2, 0.1, 0.2, ERR_DATA, "1 patients");
}

Test(splits, one_image_a_patient)
{
    const plan plans[] = {of_class(4, 0),  of_class(-1, 0), of_class(4, 1), of_class(7, 2),
                          of_class(-1, 0), of_class(7, 2),  of_class(4, 0)};
    dataset *set = open_plan(plans, 7);
    int order[] = {6, 5, 4, 3, 2, 1}, want[] = {6, 5, 4, 1};
    samples from = {order, 6}, got;
    ASSERT_OK(samples_per_patient(set, &from, &got));
    cr_assert_eq(got.n, 4);
    for (int i = 0; i < 4; i++) cr_expect_eq(got.index[i], want[i]);
    samples_close(&got);
    dataset_close(set);
}
