/* The labeller against the phantom, which knows what it wrote about. Its words were not used to make the
 * rules. */
#include "data/phantom/phantom.h"
#include "downstream/labeller.h"

#include <criterion/criterion.h>

typedef struct counts {
    int hits, false_alarms, misses;
} counts;

static double f1(counts c)
{
    return 2.0 * c.hits / (2.0 * c.hits + c.false_alarms + c.misses);
}

/* What the phantom doubts is there: a doubt counts as a finding. */
static void compare(phantom_cohort cohort, uint32_t reports, counts of[PHANTOM_FINDINGS])
{
    labeller *l;
    cr_assert_eq(labeller_open(NULL, &l), OK);
    cr_assert_eq(labeller_labels(l), PHANTOM_FINDINGS);
    for (uint32_t i = 0; i < reports; i++) {
        phantom_study s;
        mention read[PHANTOM_FINDINGS];
        cr_assert_eq(phantom_make(cohort, 77, i, 64, NULL, &s), OK);
        cr_assert_eq(labeller_read(l, s.report, read), OK);
        for (int f = 0; f < PHANTOM_FINDINGS; f++) {
            int there = s.findings[f], found = read[labeller_find(l, phantom_finding_names[f])] >= DOUBTED;
            of[f].hits += there && found;
            of[f].false_alarms += !there && found;
            of[f].misses += there && !found;
        }
    }
    labeller_close(l);
}

/* Micro-F1 of 0.95 or more, and `each` or more for every label that the cohort has. */
static void expect_f1(phantom_cohort cohort, double each, int labels)
{
    counts of[PHANTOM_FINDINGS] = {{0}}, all = {0};
    compare(cohort, 2500, of);
    int seen = 0;
    for (int f = 0; f < PHANTOM_FINDINGS; f++) {
        all.hits += of[f].hits;
        all.false_alarms += of[f].false_alarms;
        all.misses += of[f].misses;
        if (of[f].hits + of[f].misses + of[f].false_alarms == 0) continue;
        seen++;
        cr_expect_geq(f1(of[f]), each, "%s: F1 %.4f, %d hits, %d false alarms, %d misses",
                      phantom_finding_names[f], f1(of[f]), of[f].hits, of[f].false_alarms, of[f].misses);
    }
    cr_expect_eq(seen, labels, "%d labels occur", seen);
    cr_expect_geq(f1(all), 0.95, "micro-F1 %.4f", f1(all));
}

Test(labeller_phantom, chexpert_cohort)
{
    expect_f1(PHANTOM_CHEXPERT, 0.95, PHANTOM_FINDINGS - 1); /* nobody has COVID-19 */
}

/* "COVID-19 pneumonia" mentions Pneumonia, a label that this cohort keeps apart. */
Test(labeller_phantom, covid_cohort)
{
    expect_f1(PHANTOM_COVID, 0.88, 8);
}
