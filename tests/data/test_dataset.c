#include "data/dataset.h"
#include "data/phantom/phantom.h"
#include "scratch.h"

#include <math.h>
#include <omp.h>

static const char *const names[] = {"COVID-19", "No Finding", "Pneumonia"};

static dataset *small_set(const uint8_t *images, const float *labels)
{
    dataset *set;
    ASSERT_OK(dataset_from_arrays(images, labels, 2, 2, 3, names, "made", &set));
    return set;
}

Test(dataset, unknown_sources_are_usage_errors)
{
    dataset *set;
    EXPECT_ERROR(dataset_open("nih", 32, 1, 0, &set), ERR_USAGE, "\"nih\"");
    EXPECT_ERROR(dataset_open("phantomx", 32, 1, 0, &set), ERR_USAGE, "phantomx");
    EXPECT_ERROR(dataset_open("phantom:adult", 32, 1, 0, &set), ERR_USAGE, "adult");
    EXPECT_ERROR(dataset_open("phantom", 32, 0, 0, &set), ERR_USAGE, "0 studies");
    EXPECT_ERROR(dataset_open("phantom", 0, 1, 0, &set), ERR_USAGE, "size 0");
    EXPECT_ERROR(dataset_open("phantom", 5, 1, 0, &set), ERR_USAGE, "5");
    EXPECT_ERROR(dataset_open("folder:x", 100000, 1, 0, &set), ERR_USAGE, "100000");
    cr_expect_null(set);
    dataset_close(NULL);
}

Test(dataset, arrays_are_copied_and_named)
{
    uint8_t images[8] = {0, 1, 2, 3, 252, 253, 254, 255};
    float labels[6] = {1, 0, 0, 0, NAN, 1};
    dataset *set = small_set(images, labels);
    images[0] = 77;
    cr_expect(set->n == 2 && set->height == 2 && set->width == 2 && set->n_labels == 3);
    cr_expect_eq(set->images[0], 0);
    cr_expect_str_eq(set->samples[1].id, "made-1");
    cr_expect_str_eq(set->samples[1].patient, "");
    cr_expect_str_eq(set->label_names[2], "Pneumonia");
    cr_expect(isnan(set->labels[4]));
    dataset_close(set);
}

Test(dataset, arrays_that_are_no_set)
{
    uint8_t images[8] = {0};
    float labels[6] = {1, 0, 0, 0, 0.5F, 1};
    const char *const twice[] = {"No Finding", "x", "no_finding"}, *const blank[] = {"a", "", "b"};
    dataset *set;
    EXPECT_ERROR(dataset_from_arrays(images, labels, 2, 2, 3, names, "made", &set), ERR_DATA, "made-1");
    expect_message("No Finding");
    labels[4] = 0;
    EXPECT_ERROR(dataset_from_arrays(images, labels, 2, 2, 3, twice, "made", &set), ERR_DATA, "no_finding");
    EXPECT_ERROR(dataset_from_arrays(images, labels, 2, 2, 3, blank, "made", &set), ERR_DATA, "label 2");
    EXPECT_ERROR(dataset_from_arrays(images, labels, 0, 2, 3, names, "made", &set), ERR_USAGE, "empty");
    cr_expect_null(set);
}

Test(dataset, labels_are_found_by_name)
{
    uint8_t images[8] = {0};
    float labels[6] = {0};
    dataset *set = small_set(images, labels);
    cr_expect_eq(dataset_label(set, "covid_19"), 0);
    cr_expect_eq(dataset_label(set, "COVID 19"), 0);
    cr_expect_eq(dataset_label(set, "no-finding"), 1);
    cr_expect_eq(dataset_label(set, "No_findings"), -1);
    cr_expect_eq(dataset_label(set, "COVID"), -1);
    cr_expect_eq(dataset_label(set, ""), -1);
    dataset_close(set);
}

Test(dataset, the_class_is_the_only_positive_label)
{
    uint8_t images[8] = {0};
    dataset *set = small_set(images, (const float[]){0, NAN, 1, 1, 0, 1});
    cr_expect_eq(dataset_class(set, 0), 2);
    cr_expect_eq(dataset_class(set, 1), -1);
    dataset_close(set);
    set = small_set(images, (const float[]){0, 0, 0, NAN, NAN, NAN});
    cr_expect_eq(dataset_class(set, 0), -1);
    cr_expect_eq(dataset_class(set, 1), -1);
    dataset_close(set);
}

Test(dataset, pixels_are_from_minus_one_to_one)
{
    uint8_t images[8] = {0, 0, 0, 0, 0, 51, 204, 255};
    float labels[6] = {0}, out[4];
    dataset *set = small_set(images, labels);
    dataset_pixels(set, 1, out);
    cr_expect(out[0] == -1 && out[3] == 1);
    cr_expect_float_eq(out[1], -0.6F, 1e-6F);
    cr_expect_float_eq(out[2], 0.6F, 1e-6F);
    dataset_close(set);
}

static hash hash_of(const uint8_t *images, const float *labels, const char *const *label_names,
                    const char *source)
{
    dataset *set;
    ASSERT_OK(dataset_from_arrays(images, labels, 2, 2, 3, label_names, source, &set));
    hash content = set->content;
    dataset_close(set);
    return content;
}

Test(dataset, the_hash_is_of_the_content)
{
    uint8_t images[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    float labels[6] = {1, 0, 0, 0, NAN, 1};
    const char *const other[] = {"COVID-19", "No Finding", "Edema"};
    hash first = hash_of(images, labels, names, "made");
    cr_expect_str_eq(hash_of(images, labels, names, "made").hex, first.hex);
    cr_expect_str_neq(hash_of(images, labels, other, "made").hex, first.hex);
    cr_expect_str_neq(hash_of(images, labels, names, "other").hex, first.hex, "ids differ");
    images[7]++;
    cr_expect_str_neq(hash_of(images, labels, names, "made").hex, first.hex);
    images[7]--;
    labels[4] = 0;
    cr_expect_str_neq(hash_of(images, labels, names, "made").hex, first.hex);
    labels[4] = -NAN; /* another NaN, and another zero */
    labels[1] = -0.0F;
    cr_expect_str_eq(hash_of(images, labels, names, "made").hex, first.hex);
}

Test(dataset, phantom_covid_is_one_hot_and_is_what_the_phantom_makes)
{
    enum { N = 24, SIZE = 32 };
    dataset *set;
    uint8_t pixels[SIZE * SIZE];
    phantom_study study;
    ASSERT_OK(dataset_open("phantom", SIZE, N, 5, &set));
    cr_assert(set->n == N && set->n_labels == 3 && set->width == SIZE);
    for (int k = 0; k < 3; k++) cr_expect_str_eq(set->label_names[k], names[k]);
    for (int i = 0; i < N; i++) {
        char patient[16];
        ASSERT_OK(phantom_make(PHANTOM_COVID, 5, (uint32_t)i, SIZE, pixels, &study));
        cr_expect_arr_eq(set->images + i * SIZE * SIZE, pixels, sizeof pixels);
        cr_expect_str_eq(set->samples[i].report, study.report);
        (void)snprintf(patient, sizeof patient, "p%06u", study.patient);
        cr_expect_str_eq(set->samples[i].patient, patient);
        cr_expect_str_eq(set->samples[i].source, "phantom");
        int class_index = dataset_class(set, i);
        cr_expect_eq(class_index, study.findings[PHANTOM_COVID_19]     ? 0
                                  : study.findings[PHANTOM_NO_FINDING] ? 1
                                                                       : 2);
    }
    dataset_close(set);
}

Test(dataset, phantom_chexpert_has_all_findings)
{
    enum { N = 12 };
    dataset *set;
    phantom_study study;
    ASSERT_OK(dataset_open("phantom:chexpert", 16, N, 5, &set));
    cr_assert_eq(set->n_labels, PHANTOM_FINDINGS);
    for (int i = 0; i < N; i++) {
        ASSERT_OK(phantom_make(PHANTOM_CHEXPERT, 5, (uint32_t)i, 16, NULL, &study));
        for (int k = 0; k < PHANTOM_FINDINGS; k++)
            cr_expect_eq(set->labels[i * PHANTOM_FINDINGS + k], (float)study.findings[k]);
    }
    dataset_close(set);
}

Test(dataset, phantom_is_the_same_for_any_number_of_threads)
{
    dataset *one, *many, *other;
    omp_set_num_threads(1);
    ASSERT_OK(dataset_open("phantom:covid", 16, 12, 5, &one));
    omp_set_num_threads(4);
    ASSERT_OK(dataset_open("phantom:covid", 16, 12, 5, &many));
    ASSERT_OK(dataset_open("phantom:covid", 16, 12, 6, &other));
    cr_expect_str_eq(one->content.hex, many->content.hex);
    cr_expect_str_neq(one->content.hex, other->content.hex);
    dataset_close(one);
    dataset_close(many);
    dataset_close(other);
}

Test(dataset, a_copy_with_other_reports_is_the_same_but_for_them)
{
    static const uint8_t images[] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const float labels[] = {1, 0, NAN, 0, 1, 1};
    static const char *const reports[] = {"Clear.", NULL};
    dataset *set, *copy, *back;
    static const char *const none[] = {NULL, NULL};
    ASSERT_OK(dataset_from_arrays(images, labels, 2, 2, 3, names, "made", &set));
    ASSERT_OK(dataset_with_reports(set, reports, &copy));
    ASSERT_OK(dataset_with_reports(copy, none, &back));
    cr_expect_str_eq(copy->samples[0].report, "Clear.");
    cr_expect_str_eq(copy->samples[1].report, "");
    cr_expect_str_eq(copy->samples[1].id, "made-1");
    cr_expect_arr_eq(copy->images, images, sizeof images);
    cr_expect_str_neq(copy->content.hex, set->content.hex);
    cr_expect_str_eq(back->content.hex, set->content.hex);
    dataset_close(set);
    dataset_close(copy);
    dataset_close(back);
}
