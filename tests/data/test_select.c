/* Parts of sets, and sets with other sets' labels. */
#include "data/dataset.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { SIZE = 2, K = 2 };
static const uint8_t images[3 * SIZE * SIZE] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static const float labels[3 * K] = {1, 0, 0, 1, NAN, 1};

static dataset *three(void)
{
    static const char *const names[] = {"Lung_Lesion", "Edema"};
    dataset *set;
    cr_assert_eq(dataset_from_arrays(images, labels, 3, SIZE, K, names, "x", &set), OK);
    return set;
}

Test(select, a_part_has_the_samples_in_the_order_asked_for)
{
    dataset *set = three(), *part, *relabelled;
    int index[] = {2, 0};
    const samples which = {index, 2};
    const float other[] = {0, 1, 1, 1};
    cr_assert_eq(dataset_select(set, &which, NULL, &part), OK, "%s", err_message());
    cr_expect_eq(part->n, 2);
    cr_expect_arr_eq(part->images, images + 2 * SIZE * SIZE, SIZE * SIZE);
    cr_expect_arr_eq(part->images + SIZE * SIZE, images, SIZE * SIZE);
    cr_expect_str_eq(part->samples[0].id, "x-2");
    cr_expect(isnan(part->labels[0]) && part->labels[1] == 1 && part->labels[2] == 1 && part->labels[3] == 0);
    cr_assert_eq(dataset_select(set, &which, other, &relabelled), OK, "%s", err_message());
    cr_expect_arr_eq(relabelled->labels, other, sizeof other);
    cr_expect_str_eq(relabelled->samples[1].id, "x-0");
    dataset_close(part);
    dataset_close(relabelled);
    dataset_close(set);
}

Test(select, all_of_a_set_is_the_set)
{
    dataset *set = three(), *copy;
    cr_assert_eq(dataset_select(set, NULL, NULL, &copy), OK, "%s", err_message());
    cr_expect_str_eq(copy->content.hex, set->content.hex);
    const samples none = {NULL, 0};
    dataset_close(copy);
    cr_expect_eq(dataset_select(set, &none, NULL, &copy), ERR_USAGE);
    dataset_close(set);
}

Test(select, labels_go_to_their_names_and_a_strange_one_is_refused)
{
    static const char *const wanted[] = {"edema", "Fracture", "lung lesion"}, *const others[] = {"Edema"};
    dataset *set = three(), *other;
    cr_assert_eq(dataset_with_labels(set, wanted, 3, 0, &other), OK, "%s", err_message());
    const float expected[] = {0, 0, 1, 1, 0, 0};
    cr_expect_eq(other->n_labels, 3);
    cr_expect_arr_eq(other->labels, expected, sizeof expected);
    cr_expect(other->labels[6] == 1 && other->labels[7] == 0 && isnan(other->labels[8]));
    cr_expect_str_eq(other->label_names[1], "Fracture");
    cr_expect_arr_eq(other->images, images, sizeof images);
    dataset_close(other);
    cr_expect_eq(dataset_with_labels(set, others, 1, 0, &other), ERR_DATA);
    cr_expect(strstr(err_message(), "label \"Lung_Lesion\" is none of the data's: Edema"), "%s",
              err_message());
    dataset_close(set);
}
