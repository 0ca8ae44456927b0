#include "made_set.h"

TestSuite(labelled_share, .init = scratch_make, .fini = scratch_drop);

enum { PATIENTS = 40, IMAGES_EACH = 3, COUNT = PATIENTS * IMAGES_EACH + 1 };

static plan share_plans[COUNT];

/* 40 patients with 3 images each, of class 0 or 1 by turns; the last image alone is of class 2. */
static dataset *share_set(samples *all)
{
    static int everything[COUNT];
    for (int i = 0; i < COUNT; i++) {
        int patient = i % PATIENTS;
        share_plans[i] = i == COUNT - 1 ? of_class(PATIENTS, 2) : of_class(patient, patient % 2);
        everything[i] = COUNT - 1 - i; /* any order will do */
    }
    *all = (samples){everything, COUNT};
    return open_plan(share_plans, COUNT);
}

static bool has_patient(const dataset *set, const samples *list, const char *patient)
{
    for (int i = 0; i < list->n; i++)
        if (strcmp(set->samples[list->index[i]].patient, patient) == 0) return true;
    return false;
}

Test(labelled_share, patients_are_kept_whole_and_every_label_has_one)
{
    samples all, labelled, hidden;
    int times[COUNT] = {0};
    dataset *set = share_set(&all);
    for (uint64_t seed = 0; seed < 8; seed++) {
        ASSERT_OK(labelled_share_open(set, &all, 0.1, seed, &labelled, &hidden));
        /* Of 41 patients 5, and one for a class that none of them has. */
        int others = count_class(set, &labelled, 0) + count_class(set, &labelled, 1);
        cr_expect(others >= 4 * IMAGES_EACH && others <= 6 * IMAGES_EACH, "%d", others);
        cr_expect(count_class(set, &labelled, 0) > 0 && count_class(set, &labelled, 1) > 0);
        cr_expect_eq(count_class(set, &labelled, 2), 1);
        for (int i = 0; i < hidden.n; i++)
            cr_expect_not(has_patient(set, &labelled, set->samples[hidden.index[i]].patient));
        for (int i = 1; i < hidden.n; i++) cr_expect(hidden.index[i] < hidden.index[i - 1]);
        for (int i = 1; i < labelled.n; i++) cr_expect(labelled.index[i] < labelled.index[i - 1]);
        for (int i = 0; i < labelled.n; i++) times[labelled.index[i]]++;
        for (int i = 0; i < hidden.n; i++) times[hidden.index[i]]++;
        samples_close(&labelled);
        samples_close(&hidden);
    }
    for (int i = 0; i < COUNT; i++) cr_expect_eq(times[i], 8);
    dataset_close(set);
}

Test(labelled_share, a_larger_share_keeps_what_a_smaller_one_does_and_all_is_all)
{
    static const double shares[] = {0.001, 0.05, 0.1, 0.3, 0.8, 1};
    samples all, fewer, labelled, hidden;
    dataset *set = share_set(&all);
    ASSERT_OK(labelled_share_open(set, &all, shares[0], 5, &fewer, &hidden));
    samples_close(&hidden);
    for (size_t s = 1; s < sizeof shares / sizeof *shares; s++) {
        ASSERT_OK(labelled_share_open(set, &all, shares[s], 5, &labelled, &hidden));
        cr_expect_geq(labelled.n, fewer.n);
        for (int i = 0; i < fewer.n; i++)
            cr_expect(has_patient(set, &labelled, set->samples[fewer.index[i]].patient));
        samples_close(&fewer);
        samples_close(&hidden);
        fewer = labelled;
    }
    cr_expect_eq(fewer.n, COUNT);
    samples_close(&fewer);
    dataset_close(set);
}

Test(labelled_share, seeds_draw_other_patients_and_shares_must_be_shares)
{
    samples all, a, b, hidden;
    dataset *set = share_set(&all);
    ASSERT_OK(labelled_share_open(set, &all, 0.2, 1, &a, &hidden));
    samples_close(&hidden);
    ASSERT_OK(labelled_share_open(set, &all, 0.2, 2, &b, &hidden));
    samples_close(&hidden);
    int same = 0;
    for (int i = 0; i < a.n; i++) same += has_patient(set, &b, set->samples[a.index[i]].patient);
    cr_expect_lt(same, a.n);
    samples_close(&a);
    samples_close(&b);
    EXPECT_ERROR(labelled_share_open(set, &all, 0, 1, &a, &hidden), ERR_USAGE, "share 0");
    EXPECT_ERROR(labelled_share_open(set, &all, 1.5, 1, &a, &hidden), ERR_USAGE, "share 1.5");
    dataset_close(set);
}
