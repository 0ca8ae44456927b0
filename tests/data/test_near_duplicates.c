#include "data/near_duplicates.h"

#include "base/rng.h"
#include "data/images.h"
#include "scratch.h"

#include <math.h>

/* Clouds, and what has been done to some of them. The phantom would not do: all its images show one anatomy.
 */
enum { SIDE = 64, ORIGINALS = 40, PIXELS = SIDE * SIDE };

static dataset *originals;

static dataset *set_of(const uint8_t *images, int n, int size)
{
    dataset *set;
    static const char *const names[] = {"x"};
    float labels[ORIGINALS] = {0};
    ASSERT_OK(dataset_from_arrays(images, labels, n, size, 1, names, "made", &set));
    return set;
}

/* Random grays on grids of 6, 12, 24 and 48 points across, enlarged and added up, finer ones weaker. */
static void draw_cloud(rng *r, uint8_t *out)
{
    float sums[PIXELS] = {0};
    for (int points = 6; points <= 48; points *= 2) {
        float grid[48 * 48];
        uint8_t enlarged[PIXELS];
        for (int p = 0; p < points * points; p++) grid[p] = (float)rng_between(r, 0, 255);
        ASSERT_OK(image_square(&(gray_image){points, points, grid}, SIDE, enlarged));
        for (int p = 0; p < PIXELS; p++) sums[p] += (float)enlarged[p] * 3 / (float)points;
    }
    for (int p = 0; p < PIXELS; p++) out[p] = (uint8_t)fminf(sums[p], 255);
}

static void setup(void)
{
    rng r = rng_open(1, "clouds", 0);
    uint8_t *images = malloc(ORIGINALS * PIXELS);
    cr_assert_not_null(images);
    scratch_make();
    for (int i = 0; i < ORIGINALS; i++) draw_cloud(&r, images + (size_t)i * PIXELS);
    originals = set_of(images, ORIGINALS, SIDE);
    free(images);
}

static void teardown(void)
{
    dataset_close(originals);
    scratch_drop();
}

TestSuite(near_duplicates, .init = setup, .fini = teardown);

static const uint8_t *original(int i)
{
    return originals->images + (size_t)i * PIXELS;
}

/* The part of an image that begins at (top, left) and has `side` pixels, enlarged again. */
static void cut(int i, int top, int left, int side, uint8_t *out)
{
    gray_image part = {side, side, malloc((size_t)(side * side) * sizeof(float))};
    cr_assert_not_null(part.pixels);
    for (int p = 0; p < side * side; p++)
        part.pixels[p] = (float)original(i)[(top + p / side) * SIDE + left + p % side];
    ASSERT_OK(image_square(&part, SIDE, out));
    free(part.pixels);
}

/* Darker, of less contrast and with a little noise, as after another scan and compression. */
static void rescan(int i, uint8_t *out)
{
    unsigned state = 1;
    for (int p = 0; p < PIXELS; p++) {
        state = state * 1664525U + 1013904223U;
        out[p] = (uint8_t)(10 + 0.7 * original(i)[p] + (double)(state >> 24) / 64);
    }
}

static near_duplicates search(const dataset *a, const dataset *b, bool cuts)
{
    near_duplicates found;
    near_options o = {.cuts = cuts, .least = least_agreement};
    ASSERT_OK(near_duplicates_find(a, b, &o, &found));
    return found;
}

Test(near_duplicates, different_images_are_not_alike)
{
    near_duplicates found = search(originals, NULL, true);
    cr_expect_eq(found.n, 0);
    near_duplicates_close(&found);
}

Test(near_duplicates, rescanned_and_shrunk_images_are_found_in_another_set)
{
    enum { SMALL = 48, COPIES = 3 };
    uint8_t images[COPIES][SMALL * SMALL], large[PIXELS];
    for (int i = 0; i < COPIES; i++) {
        gray_image image = {SIDE, SIDE, malloc(PIXELS * sizeof(float))};
        cr_assert_not_null(image.pixels);
        rescan(7 * i, large);
        for (int p = 0; p < PIXELS; p++) image.pixels[p] = (float)large[p];
        ASSERT_OK(image_square(&image, SMALL, images[i]));
        free(image.pixels);
    }
    dataset *copies = set_of(images[0], COPIES, SMALL);
    near_duplicates found = search(originals, copies, false);
    cr_assert_eq(found.n, COPIES);
    for (int i = 0; i < COPIES; i++) {
        cr_expect(found.pairs[i].a == 7 * i && found.pairs[i].b == i);
        cr_expect(found.pairs[i].agreement <= 1 + 1e-6 && found.pairs[i].share > 0.9);
    }
    near_duplicates_close(&found);
    dataset_close(copies);
}

Test(near_duplicates, cuts_are_found_either_way_and_only_if_asked_for)
{
    static const struct {
        int top, left, side;
    } cuts[] = {{0, 0, 50}, {10, 14, 44}, {13, 3, 48}, {20, 20, 40}};
    enum { CUTS = sizeof cuts / sizeof *cuts };
    uint8_t images[CUTS][PIXELS];
    for (int i = 0; i < CUTS; i++) cut(5 * i, cuts[i].top, cuts[i].left, cuts[i].side, images[i]);
    dataset *copies = set_of(images[0], CUTS, SIDE);
    near_duplicates found = search(originals, copies, true), turned = search(copies, originals, true),
                    whole = search(originals, copies, false);
    cr_assert(found.n == CUTS && turned.n == CUTS, "%d, %d", found.n, turned.n);
    cr_expect_lt(whole.n, CUTS);
    for (int i = 0; i < CUTS; i++) {
        double share = pow((double)cuts[i].side / SIDE, 2);
        cr_expect(found.pairs[i].a == 5 * i && found.pairs[i].b == i);
        cr_expect_float_eq(found.pairs[i].share, share, 0.05);
        cr_expect(turned.pairs[i].a == i && turned.pairs[i].b == 5 * i);
        cr_expect_eq(turned.pairs[i].agreement, found.pairs[i].agreement);
    }
    near_duplicates_close(&found);
    near_duplicates_close(&turned);
    near_duplicates_close(&whole);
    dataset_close(copies);
}

Test(near_duplicates, flat_images_and_tiny_ones_are_like_nothing)
{
    uint8_t flat[2][PIXELS], dots[3] = {1, 1, 200};
    memset(flat, 128, sizeof flat);
    dataset *set = set_of(flat[0], 2, SIDE), *tiny = set_of(dots, 3, 1);
    near_duplicates found = search(set, NULL, true), other = search(tiny, set, true);
    cr_expect(found.n == 0 && other.n == 0);
    near_duplicates_close(&found);
    near_duplicates_close(&other);
    dataset_close(set);
    dataset_close(tiny);
}

static err stop_half_way(void *context, long done, long total)
{
    long *last = context;
    cr_expect(done <= total && total == ORIGINALS);
    *last = done;
    return done > total / 2 ? err_set(ERR_INTERRUPTED, "enough") : OK;
}

Test(near_duplicates, progress_is_told_and_can_stop)
{
    near_duplicates found;
    long last = 0;
    near_options o = {.least = 0.5, .progress = stop_half_way, .context = &last};
    cr_expect_eq(near_duplicates_find(originals, NULL, &o, &found), ERR_INTERRUPTED);
    cr_expect_gt(last, 0);
    cr_expect_eq(found.n, 0);
}
