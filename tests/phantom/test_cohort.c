/* Who is in a cohort: determinism, patients, prevalences. */
#include "data/phantom/latents.h"
#include "data/phantom/phantom.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STUDIES = 20, SIZE = 48, PIXELS = SIZE * SIZE };

Test(phantom, the_same_in_any_order_and_on_any_number_of_threads)
{
    static uint8_t first[STUDIES][PIXELS], again[STUDIES][PIXELS];
    static phantom_study a[STUDIES], b[STUDIES];
    for (int k = 0; k < STUDIES; k++) {
        phantom_cohort cohort = k % 2 ? PHANTOM_CHEXPERT : PHANTOM_COVID;
        cr_assert_eq(phantom_make(cohort, 5, (uint32_t)k, SIZE, first[k], &a[k]), OK);
    }
    int failed = 0;
#pragma omp parallel for schedule(dynamic) num_threads(4) reduction(+ : failed)
    for (int i = 0; i < STUDIES; i++) {
        int k = STUDIES - 1 - i;
        phantom_cohort cohort = k % 2 ? PHANTOM_CHEXPERT : PHANTOM_COVID;
        failed += phantom_make(cohort, 5, (uint32_t)k, SIZE, again[k], &b[k]) != OK;
    }
    cr_assert_eq(failed, 0);
    cr_assert_eq(memcmp(first, again, sizeof first), 0);
    cr_assert_eq(memcmp(a, b, sizeof a), 0);
    cr_assert_neq(memcmp(first[0], first[2], PIXELS), 0);
    uint8_t other[PIXELS];
    cr_assert_eq(phantom_make(PHANTOM_COVID, 6, 0, SIZE, other, NULL), OK);
    cr_assert_neq(memcmp(first[0], other, PIXELS), 0);
}

Test(phantom, image_and_study_can_be_asked_for_alone)
{
    uint8_t both[PIXELS], alone[PIXELS];
    phantom_study s, t;
    cr_assert_eq(phantom_make(PHANTOM_CHEXPERT, 1, 9, SIZE, both, &s), OK);
    cr_assert_eq(phantom_make(PHANTOM_CHEXPERT, 1, 9, SIZE, alone, NULL), OK);
    cr_assert_eq(phantom_make(PHANTOM_CHEXPERT, 1, 9, SIZE, NULL, &t), OK);
    cr_assert_eq(memcmp(both, alone, PIXELS), 0);
    cr_assert_eq(memcmp(&s, &t, sizeof s), 0);
    cr_assert_gt(strlen(s.report), 20);
}

Test(phantom, bad_arguments_are_usage_errors)
{
    uint8_t pixel;
    int sizes[] = {-1, 0, 15, 1025};
    for (int k = 0; k < 4; k++)
        cr_assert_eq(phantom_make(PHANTOM_COVID, 1, 0, sizes[k], &pixel, NULL), ERR_USAGE);
    cr_assert(strstr(err_message(), "1025"), "%s", err_message());
    cr_assert_eq(phantom_make((phantom_cohort)9, 1, 0, 64, NULL, NULL), ERR_USAGE);
}

Test(phantom, smallest_and_odd_sizes_render)
{
    uint8_t pixels[131 * 131];
    int sizes[] = {16, 17, 97, 131};
    for (int k = 0; k < 4; k++) {
        cr_assert_eq(phantom_make(PHANTOM_CHEXPERT, 2, 3, sizes[k], pixels, NULL), OK);
        int low = 255, high = 0;
        for (int i = 0; i < sizes[k] * sizes[k]; i++) {
            low = pixels[i] < low ? pixels[i] : low;
            high = pixels[i] > high ? pixels[i] : high;
        }
        cr_assert_gt(high - low, 120, "size %d: gray levels %d to %d", sizes[k], low, high);
    }
}

static double correlation(const double *a, const double *b, int n)
{
    double ma = 0.0, mb = 0.0, aa = 0.0, bb = 0.0, ab = 0.0;
    for (int k = 0; k < n; k++) {
        ma += a[k] / n;
        mb += b[k] / n;
    }
    for (int k = 0; k < n; k++) {
        aa += (a[k] - ma) * (a[k] - ma);
        bb += (b[k] - mb) * (b[k] - mb);
        ab += (a[k] - ma) * (b[k] - mb);
    }
    return ab / sqrt(aa * bb);
}

static void shrink(const uint8_t *from, int size, int factor, double *to)
{
    int n = size / factor;
    for (int y = 0; y < n; y++)
        for (int x = 0; x < n; x++) {
            double sum = 0.0;
            for (int j = 0; j < factor * factor; j++)
                sum += from[(y * factor + j / factor) * size + x * factor + j % factor];
            to[y * n + x] = sum / (factor * factor);
        }
}

Test(phantom, a_study_looks_the_same_at_every_size)
{
    static uint8_t large[128 * 128], small[64 * 64];
    static double a[64 * 64], b[64 * 64];
    for (uint32_t index = 0; index < 12; index++) {
        cr_assert_eq(phantom_make(PHANTOM_CHEXPERT, 3, index, 128, large, NULL), OK);
        for (int size = 64; size >= 32; size /= 2) {
            cr_assert_eq(phantom_make(PHANTOM_CHEXPERT, 3, index, size, small, NULL), OK);
            shrink(large, 128, 128 / size, a);
            shrink(small, size, 1, b);
            double r = correlation(a, b, size * size);
            cr_assert_gt(r, 0.97, "study %u, size %d: correlation %g", index, size, r);
        }
    }
}

Test(cohort, patients_have_one_to_four_studies_in_a_row)
{
    uint32_t patient, study, last = UINT32_MAX, count = 0, sizes[5] = {0};
    for (uint32_t index = 0; index < 4000; index++) {
        cohort_place(8, index, &patient, &study);
        if (patient != last) {
            cr_assert_eq(patient, last + 1U);
            cr_assert_eq(study, 0);
            if (index) sizes[count]++;
            count = 0;
            last = patient;
        }
        cr_assert_eq(study, count);
        count++;
        cr_assert_leq(count, 4);
    }
    for (int n = 1; n <= 4; n++) cr_assert_gt(sizes[n], 20, "%u patients with %d studies", sizes[n], n);
}

Test(cohort, patients_keep_their_anatomy_and_chronic_findings)
{
    static const phantom_finding chronic[] = {PHANTOM_ENLARGED_CARDIOMEDIASTINUM, PHANTOM_CARDIOMEGALY,
                                              PHANTOM_LUNG_LESION, PHANTOM_PLEURAL_OTHER, PHANTOM_FRACTURE};
    latents before, l;
    latents_draw(PHANTOM_CHEXPERT, 4, 0, &before);
    int kept = 0, changed = 0, acute_changed = 0;
    for (uint32_t index = 1; index < 1000; index++) {
        latents_draw(PHANTOM_CHEXPERT, 4, index, &l);
        bool same = memcmp(&l.anatomy, &before.anatomy, sizeof l.anatomy) == 0;
        cr_assert_eq(same, l.patient == before.patient);
        if (same) {
            kept++;
            for (size_t k = 0; k < sizeof chronic / sizeof chronic[0]; k++)
                cr_assert_eq(l.sites[chronic[k]].present, before.sites[chronic[k]].present);
            cr_assert_neq(memcmp(&l.technique.view, &before.technique.view, sizeof l.technique.view), 0);
            acute_changed += l.sites[PHANTOM_EDEMA].present != before.sites[PHANTOM_EDEMA].present;
        }
        changed += !same;
        before = l;
    }
    cr_assert_gt(kept, 300);
    cr_assert_gt(changed, 300);
    cr_assert_gt(acute_changed, 30);
}

/* Within four standard deviations of a binomial share. Only first studies count: patients are independent. */
static void expect_share(const char *what, int hits, int n, double share)
{
    double bound = 4.0 * sqrt(share * (1.0 - share) / n), got = (double)hits / n;
    cr_assert(fabs(got - share) < bound, "%s: %.4f of %d, not %.4f +- %.4f", what, got, n, share, bound);
}

/* CheXpert's training set, positive mentions (Irvin et al. 2019, table 1), per cent. */
static const double published[] = {8.86, 4.81,  12.26, 49.39, 3.65, 26.06, 6.78,
                                   2.44, 15.63, 9.23,  40.34, 1.30, 3.87,  56.40};

Test(cohort, prevalences_are_those_of_chexpert)
{
    int hits[PHANTOM_FINDINGS] = {0}, n = 0, portable = 0;
    for (uint32_t index = 0; index < 12000; index++) {
        uint32_t patient, study;
        cohort_place(99, index, &patient, &study);
        if (study != 0) continue;
        latents l;
        latents_draw(PHANTOM_CHEXPERT, 99, index, &l);
        for (int k = 0; k < PHANTOM_FINDINGS; k++) hits[k] += l.sites[k].present;
        portable += l.technique.portable;
        n++;
    }
    for (int k = 0; k < PHANTOM_COVID_19; k++)
        expect_share(phantom_finding_names[k], hits[k], n, published[k] / 100.0);
    cr_assert_eq(hits[PHANTOM_COVID_19], 0);
    expect_share("portable", portable, n, 0.85);
}

Test(cohort, findings_co_occur_as_in_the_clinic)
{
    int edema = 0, effusion = 0, both = 0, n = 5000;
    for (uint32_t index = 0; index < (uint32_t)n; index++) {
        latents l;
        latents_draw(PHANTOM_CHEXPERT, 1, index, &l);
        bool opacity = l.sites[PHANTOM_LUNG_OPACITY].present, none = l.sites[PHANTOM_NO_FINDING].present;
        edema += l.sites[PHANTOM_EDEMA].present;
        effusion += l.sites[PHANTOM_PLEURAL_EFFUSION].present;
        both += l.sites[PHANTOM_EDEMA].present && l.sites[PHANTOM_PLEURAL_EFFUSION].present;
        for (int k = PHANTOM_LUNG_LESION; k <= PHANTOM_ATELECTASIS; k++)
            if (l.sites[k].present) cr_assert(opacity, "%s without Lung Opacity", phantom_finding_names[k]);
        for (int k = 1; k < PHANTOM_FINDINGS; k++)
            if (k != PHANTOM_SUPPORT_DEVICES && l.sites[k].present)
                cr_assert_not(none, "No Finding with %s", phantom_finding_names[k]);
    }
    double lift = (double)both * n / ((double)edema * effusion);
    cr_assert_gt(lift, 1.15, "edema and effusion together: %g times what chance gives", lift);
}

Test(cohort, covid_has_three_diagnoses_in_equal_parts)
{
    int first[3] = {0}, patients = 0, normal = 0, bilateral = 0, visible = 0, effusion[3] = {0};
    for (uint32_t index = 0; index < 8000; index++) {
        latents l;
        latents_draw(PHANTOM_COVID, 21, index, &l);
        int covid = l.sites[PHANTOM_COVID_19].present, none = l.sites[PHANTOM_NO_FINDING].present;
        int pneumonia = l.sites[PHANTOM_PNEUMONIA].present;
        cr_assert_eq(covid + none + pneumonia, 1);
        if (l.study != 0) continue;
        int class = covid ? 0 : none ? 1 : 2;
        patients++;
        first[class]++;
        effusion[class] += l.sites[PHANTOM_PLEURAL_EFFUSION].present;
        if (!covid) continue;
        normal += l.sites[PHANTOM_COVID_19].severity == 0.0F;
        visible += l.sites[PHANTOM_COVID_19].severity > 0.0F;
        bilateral += l.sites[PHANTOM_COVID_19].side == SIDE_BOTH;
    }
    for (int k = 0; k < 3; k++) cr_assert_leq(abs(first[k] - patients / 3), 2);
    expect_share("normal first films", normal, first[0], 20.0 / 64.0);
    expect_share("bilateral", bilateral, first[0], 32.0 / 44.0);
    expect_share("effusion with COVID-19", effusion[0], first[0], 0.03);
    expect_share("effusion with pneumonia", effusion[2], first[2], 0.20);
    cr_assert_eq(effusion[1], 0);
    cr_assert_gt(visible, 500);
}
