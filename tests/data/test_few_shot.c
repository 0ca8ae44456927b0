#include "made_set.h"

TestSuite(few_shot, .init = scratch_make, .fini = scratch_drop);

static plan few_plans[400];

/* Class 0: 20 patients with 3 images each; the others: 150 images without patients each; 10 of no class. */
static dataset *few_set(samples *all)
{
    static int everything[400];
    int n = 0;
    for (int i = 0; i < 60; i++) few_plans[n++] = of_class(i % 20, 0);
    for (int i = 0; i < 300; i++) few_plans[n++] = of_class(-1, 1 + i % 2);
    for (int i = 0; i < 10; i++) few_plans[n++] = (plan){.patient = -1};
    for (int i = 0; i < n; i++) everything[i] = n - 1 - i; /* any order will do */
    *all = (samples){everything, n};
    return open_plan(few_plans, n);
}

Test(few_shot, counts_and_partition)
{
    samples all, labelled, hidden;
    dataset *set = few_set(&all);
    int times[400] = {0};
    ASSERT_OK(few_shot_open(set, &all, 0, 5, 40, 3, &labelled, &hidden));
    cr_expect_eq(labelled.n, 5 + 40 + 40);
    cr_expect_eq(count_class(set, &labelled, 0), 5);
    cr_expect_eq(count_class(set, &labelled, 1), 40);
    for (int i = 0; i < labelled.n; i++) times[labelled.index[i]]++;
    for (int i = 0; i < hidden.n; i++) times[hidden.index[i]]++;
    for (int i = 0; i < set->n; i++) cr_expect_eq(times[i], 1);
    for (int i = 1; i < hidden.n; i++)
        cr_expect(hidden.index[i] < hidden.index[i - 1], "in the order of `from`");
    samples_close(&labelled);
    samples_close(&hidden);
    ASSERT_OK(few_shot_open(set, &all, 0, 0, 0, 3, &labelled, &hidden));
    cr_expect(labelled.n == 300 && hidden.n == 70, "0 of the others means all");
    samples_close(&labelled);
    samples_close(&hidden);
    dataset_close(set);
}

Test(few_shot, fewer_shots_are_a_prefix_of_more)
{
    samples all, few, more, hidden, none;
    dataset *set = few_set(&all);
    ASSERT_OK(few_shot_open(set, &all, 0, 50, 40, 3, &more, &hidden));
    for (int shots = 1; shots < 50; shots += 7) {
        ASSERT_OK(few_shot_open(set, &all, 0, shots, 40, 3, &few, &none));
        cr_expect_eq(few.n, 80 + shots);
        cr_expect_arr_eq(few.index, more.index, (size_t)few.n * sizeof *few.index);
        samples_close(&few);
        samples_close(&none);
    }
    samples_close(&more);
    samples_close(&hidden);
    dataset_close(set);
}

Test(few_shot, patients_do_not_repeat_while_they_last)
{
    samples all, labelled, hidden;
    dataset *set = few_set(&all);
    for (uint64_t seed = 0; seed < 10; seed++)
        for (int shots = 20; shots <= 60; shots += 20) {
            int images[20] = {0};
            ASSERT_OK(few_shot_open(set, &all, 0, shots, 1, seed, &labelled, &hidden));
            for (int i = labelled.n - shots; i < labelled.n; i++)
                images[few_plans[labelled.index[i]].patient]++;
            for (int p = 0; p < 20; p++) cr_expect_eq(images[p], shots / 20);
            samples_close(&labelled);
            samples_close(&hidden);
        }
    dataset_close(set);
}

Test(few_shot, the_seed_decides)
{
    samples all, a, b, c, hidden;
    dataset *set = few_set(&all);
    ASSERT_OK(few_shot_open(set, &all, 0, 10, 40, 3, &a, &hidden));
    samples_close(&hidden);
    ASSERT_OK(few_shot_open(set, &all, 0, 10, 40, 3, &b, &hidden));
    samples_close(&hidden);
    ASSERT_OK(few_shot_open(set, &all, 0, 10, 40, 4, &c, &hidden));
    cr_expect(same_list(&a, &b));
    cr_expect_not(same_list(&a, &c));
    samples_close(&a);
    samples_close(&b);
    samples_close(&c);
    samples_close(&hidden);
    dataset_close(set);
}

Test(few_shot, errors_name_class_and_numbers)
{
    samples all, labelled, hidden;
    dataset *set = few_set(&all);
    EXPECT_ERROR(few_shot_open(set, &all, 0, 61, 0, 3, &labelled, &hidden), ERR_DATA, "\"a\" has 60");
    expect_message("61");
    EXPECT_ERROR(few_shot_open(set, &all, 3, 5, 0, 3, &labelled, &hidden), ERR_USAGE, "3");
    EXPECT_ERROR(few_shot_open(set, &all, -1, 5, 0, 3, &labelled, &hidden), ERR_USAGE, "-1");
    EXPECT_ERROR(few_shot_open(set, &all, 0, -5, 0, 3, &labelled, &hidden), ERR_USAGE, "-5");
    samples none = {0};
    EXPECT_ERROR(few_shot_open(set, &none, 0, 1, 0, 3, &labelled, &hidden), ERR_DATA, "has 0");
    cr_expect(!labelled.index && !hidden.index);
    dataset_close(set);
}
