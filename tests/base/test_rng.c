/* Philox against the known answers of Random123; the laws of the draws by their moments. All seeds are fixed.
 * */
#include "base/rng.h"

#include "base/normal.h"

#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { BULK = 200003 }; /* above the size from which the fills are parallel, and no multiple of four */

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double uniform_law(double x)
{
    return x;
}

static double normal_law(double x)
{
    return 0.5 * erfc(-x / sqrt(2.0));
}

/* Kolmogorov-Smirnov: sqrt(n) times the largest distance between the empirical law and `law`. Sorts `values`.
 * */
static double kolmogorov_distance(float *values, size_t n, double (*law)(double))
{
    qsort(values, n, sizeof *values, by_value);
    double distance = 0.0;
    for (size_t i = 0; i < n; i++) {
        double at = law(values[i]);
        distance = fmax(distance, fmax(at - (double)i / (double)n, (double)(i + 1) / (double)n - at));
    }
    return distance * sqrt((double)n);
}

/* The three philox4x32-10 lines of tests/kat_vectors of Random123 1.14. */
Test(rng, philox_gives_the_known_answers)
{
    static const struct {
        uint64_t key, high, low;
        uint32_t want[4];
    } cases[3] = {
        {0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {0x299f31d0a4093822,
         0x0370734413198a2e,
         0x85a308d3243f6a88,
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (int c = 0; c < 3; c++) {
        uint32_t got[4];
        philox(cases[c].key, cases[c].high, cases[c].low, got);
        for (int w = 0; w < 4; w++) cr_expect_eq(got[w], cases[c].want[w], "case %d, word %d", c, w);
    }
}

Test(rng, keys_differ_by_seed_and_purpose)
{
    cr_expect_eq(rng_key(7, "split"), UINT64_C(13030115513425726140)); /* XXH3 of "split" with seed 7 */
    cr_expect_neq(rng_key(7, "split"), rng_key(8, "split"));
    cr_expect_neq(rng_key(7, "split"), rng_key(7, "draw"));
}

Test(rng, a_stream_is_the_words_of_its_blocks)
{
    rng r = rng_open(3, "stream", 5);
    for (uint64_t block = 0; block < 9; block++) {
        uint32_t words[4];
        philox(rng_key(3, "stream"), 5, block, words);
        for (int w = 0; w < 4; w++) cr_expect_eq(rng_u32(&r), words[w]);
    }
}

Test(rng, a_copy_goes_on_from_the_same_position)
{
    rng r = rng_open(3, "copy", 0);
    for (int i = 0; i < 6; i++) (void)rng_u32(&r);
    rng copy = r;
    for (int i = 0; i < 20; i++) cr_expect_eq(rng_u32(&r), rng_u32(&copy));
}

Test(rng, streams_of_other_indices_differ)
{
    rng a = rng_open(3, "index", 0), b = rng_open(3, "index", 1);
    int equal = 0;
    for (int i = 0; i < 1000; i++) equal += rng_u32(&a) == rng_u32(&b);
    cr_expect_leq(equal, 1);
}

Test(rng, uniform_draws_follow_their_law)
{
    static float values[BULK];
    rng r = rng_open(1, "uniform", 0);
    for (int i = 0; i < BULK; i++) {
        double u = rng_uniform(&r);
        cr_assert(u >= 0.0 && u < 1.0);
        values[i] = (float)u;
    }
    cr_expect_lt(kolmogorov_distance(values, BULK, uniform_law), 1.63); /* the 99% point of the law */
}

Test(rng, draws_between_stay_between)
{
    rng r = rng_open(1, "between", 0);
    double sum = 0.0;
    for (int i = 0; i < 10000; i++) {
        double x = rng_between(&r, -3.0, 5.0);
        cr_assert(x >= -3.0 && x < 5.0);
        sum += x;
    }
    cr_expect_float_eq(sum / 10000.0, 1.0, 4.0 * 8.0 / sqrt(12.0 * 10000.0));
}

Test(rng, normal_draws_follow_their_law)
{
    static float values[BULK];
    rng r = rng_open(1, "normal", 0);
    double moments[4] = {0};
    for (int i = 0; i < BULK; i++) {
        double x = rng_normal(&r);
        values[i] = (float)x;
        for (int m = 0; m < 4; m++) moments[m] += pow(x, m + 1.0) / BULK;
    }
    /* Four standard errors: the variances of x, x^2, x^3, x^4 are 1, 2, 15, 96. */
    cr_expect_float_eq(moments[0], 0.0, 4.0 * sqrt(1.0 / BULK));
    cr_expect_float_eq(moments[1], 1.0, 4.0 * sqrt(2.0 / BULK));
    cr_expect_float_eq(moments[2], 0.0, 4.0 * sqrt(15.0 / BULK));
    cr_expect_float_eq(moments[3], 3.0, 4.0 * sqrt(96.0 / BULK));
    cr_expect_lt(kolmogorov_distance(values, BULK, normal_law), 1.63);
}

Test(rng, below_is_in_range_and_even)
{
    rng r = rng_open(1, "below", 0);
    int counts[7] = {0};
    for (int i = 0; i < 70000; i++) {
        int x = rng_below(&r, 7);
        cr_assert(x >= 0 && x < 7);
        counts[x]++;
    }
    double chi_square = 0.0;
    for (int c = 0; c < 7; c++) chi_square += pow(counts[c] - 1e4, 2.0) / 1e4;
    cr_expect_lt(chi_square, 22.5); /* 99.9% point, 6 degrees */
    for (int i = 0; i < 10; i++) cr_expect_eq(rng_below(&r, 1), 0);
}

/* A bare remainder would give the lower half of 0..3*2^29-1 two thirds of the draws. */
Test(rng, below_is_unbiased_for_large_ranges)
{
    rng r = rng_open(1, "large", 0);
    const int n = 3 << 29;
    int low = 0;
    for (int i = 0; i < 40000; i++) low += rng_below(&r, n) < n / 2;
    cr_expect_float_eq(low / 40000.0, 0.5, 0.01);
}

Test(rng, shuffles_are_permutations_and_equally_likely)
{
    rng r = rng_open(1, "shuffle", 0);
    int counts[27] = {0}, reached = 0;
    for (int i = 0; i < 12000; i++) {
        int v[3] = {0, 1, 2};
        rng_shuffle(&r, v, 3);
        cr_assert_eq((1 << v[0] | 1 << v[1] | 1 << v[2]), 7);
        counts[v[0] * 9 + v[1] * 3 + v[2]]++;
    }
    for (int c = 0; c < 27; c++) {
        if (!counts[c]) continue;
        reached++;
        cr_expect_float_eq(counts[c] / 12000.0, 1.0 / 6.0, 0.017); /* five standard errors */
    }
    cr_expect_eq(reached, 6);
    rng_shuffle(&r, NULL, 0);
}

Test(rng, fills_are_the_words_of_their_blocks)
{
    static float uniform[11], normal[11];
    rng_fill_uniform(9, 4, uniform, 11);
    rng_fill_normal(9, 4, normal, 11);
    for (size_t i = 0; i < 11; i++) {
        uint32_t words[4];
        philox(9, 4, i / 4, words);
        cr_expect_eq(uniform[i], (float)words[i % 4] * 0x1p-32F);
        double u = (words[i % 4 / 2 * 2] + 1.0) * 0x1p-32, v = words[i % 4 / 2 * 2 + 1] * 0x1p-32;
        double angle = 2.0 * acos(-1.0) * v;
        double want = sqrt(-2.0 * log(u)) * (i % 2 ? sin(angle) : cos(angle));
        cr_expect_float_eq(normal[i], want, 1e-6);
    }
}

Test(rng, fills_do_not_depend_on_the_number_of_threads)
{
    static float one[BULK], many[BULK];
    void (*const fills[2])(uint64_t, uint64_t, float *, size_t) = {rng_fill_uniform, rng_fill_normal};
    for (int f = 0; f < 2; f++) {
        omp_set_num_threads(1);
        fills[f](42, 1, one, BULK);
        for (int threads = 2; threads <= 5; threads++) {
            omp_set_num_threads(threads);
            memset(many, 0, sizeof many);
            fills[f](42, 1, many, BULK);
            cr_expect_arr_eq(one, many, sizeof one);
        }
    }
}

Test(rng, a_shorter_fill_is_the_start_of_a_longer_one)
{
    float some[7], more[50];
    rng_fill_normal(42, 1, some, 7);
    rng_fill_normal(42, 1, more, 50);
    cr_expect_arr_eq(some, more, sizeof some);
}

Test(rng, a_fill_from_an_element_is_a_part_of_the_longer_one)
{
    enum { ALL = 23 };
    float all[ALL], part[ALL];
    for (int normal = 0; normal < 2; normal++) {
        (normal ? rng_fill_normal : rng_fill_uniform)(42, 1, all, ALL);
        for (size_t first = 0; first < ALL; first++)
            for (size_t n = 0; first + n <= ALL; n++) {
                (normal ? rng_fill_normal_from : rng_fill_uniform_from)(42, 1, first, part, n);
                cr_expect_arr_eq(part, all + first, n * sizeof *part, "%zu elements from %zu on", n, first);
            }
    }
}

Test(rng, fills_follow_their_laws)
{
    static float values[BULK];
    rng_fill_uniform(rng_key(1, "bulk"), 0, values, BULK);
    cr_expect_lt(kolmogorov_distance(values, BULK, uniform_law), 1.63);
    rng_fill_normal(rng_key(1, "bulk"), 1, values, BULK);
    cr_expect_lt(kolmogorov_distance(values, BULK, normal_law), 1.63);
}

/* ---- the arithmetic of normal fills ---- */

/* Words of all sizes, near both ends of the range, and around the powers of two and their halves' roots. */
static uint32_t word_of_any_size(uint32_t i)
{
    uint32_t words[4];
    philox(1, 0, i, words);
    uint32_t small = words[0] >> words[1] % 32;
    uint32_t power = 1U << words[1] % 32, near = power + (words[2] % 64 - 32);
    uint32_t root = (uint32_t)(power * sqrt(0.5)) + (words[2] % 64 - 32);
    const uint32_t kinds[] = {words[0], small, ~small, near, root};
    return kinds[words[3] % 5];
}

Test(rng, logarithms_are_those_of_libm)
{
    double worst = 0;
    for (uint32_t i = 0; i < 1000000; i++) {
        uint32_t word = word_of_any_size(i);
        double want = 32 * log(2.0) - log(word + 1.0);
        if (word >= 1U << 31) want = -log1p(-(4294967295.0 - word) * 0x1p-32); /* the difference is exact */
        double got = (double)normal_minus_log(word);
        cr_assert(got >= 0);
        if (want > 0) worst = fmax(worst, fabs(got - want) / want);
    }
    cr_expect_lt(worst, 0x1p-22);
    cr_expect_eq(normal_minus_log(UINT32_MAX), 0.0F);
}

Test(rng, directions_are_those_of_libm)
{
    double worst = 0;
    for (uint32_t i = 0; i < 1000000; i++) {
        uint32_t words[4];
        philox(2, 0, i, words);
        uint32_t v = i % 2 ? words[0] : (words[0] << 29) + (words[1] % 64 - 32); /* near the octants, too */
        double angle = 2 * acos(-1.0) * v * 0x1p-32;
        normal_pair got = normal_direction(v);
        worst = fmax(worst, fmax(fabs((double)got.cosine - cos(angle)), fabs((double)got.sine - sin(angle))));
    }
    cr_expect_lt(worst, 1.5 * 0x1p-23);
    cr_expect(normal_direction(0).cosine == 1 && normal_direction(0).sine == 0);
    cr_expect(normal_direction(1U << 30).sine == 1 && normal_direction(3U << 30).sine == -1);
    cr_expect(normal_direction(2U << 30).cosine == -1);
}

Test(rng, pairs_are_box_muller_up_to_float_rounding)
{
    for (uint32_t i = 0; i < 100000; i++) {
        uint32_t word = word_of_any_size(i), words[4];
        philox(3, 0, i, words);
        double radius = sqrt(2 * fabs(32 * log(2.0) - log(word + 1.0)));
        double angle = 2 * acos(-1.0) * words[0] * 0x1p-32;
        normal_pair got = normal_of_words(word, words[0]);
        double tolerance = radius * 0x1p-22 + 1e-9; /* the second for the rounding of this radius near 0 */
        cr_assert_float_eq(got.cosine, radius * cos(angle), tolerance, "word %u", word);
        cr_assert_float_eq(got.sine, radius * sin(angle), tolerance, "word %u", word);
    }
}

/* The checksum is that of tests/golden/rng_make.py, where numpy rounds every operation by itself: whatever
 * vectors this processor has, it gives the same bits. */
Test(rng, normal_fills_have_the_same_bits_on_every_processor)
{
    enum { COUNT = 4096 };
    static float values[COUNT];
    uint64_t sum = 0;
    rng_fill_normal(42, 7, values, COUNT);
    for (uint64_t i = 0; i < COUNT; i++) sum += (i + 1) * normal_bits_of(values[i]);
    cr_expect_eq(sum, UINT64_C(0x3FB74E94FC8204));
}

/* Counts beyond 0, 1, .. 5 standard deviations on each side are binomial: within four of their own standard
 * deviations. Beyond 5 lie 18 of the 64 million. */
Test(rng, normal_fills_have_the_right_tails_and_moments)
{
    enum { ROUNDS = 320, COUNT = ROUNDS * BULK };
    static float values[BULK];
    double beyond[2][6] = {{0}}, moments[4] = {0}, dependence = 0;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        rng_fill_normal(rng_key(1, "tails"), round, values, BULK);
        for (int i = 0; i < BULK; i++) {
            double x = (double)values[i], power = x;
            for (int m = 0; m < 4; m++, power *= x) moments[m] += power / COUNT;
            for (int s = 0; s < 6 && s < fabs(x); s++) beyond[x < 0][s]++;
            if (i % 2) dependence += x * (double)values[i - 1] / (COUNT / 2.0);
        }
    }
    for (int s = 0; s < 6; s++)
        for (int side = 0; side < 2; side++) {
            double p = normal_law(-s), deviation = sqrt(COUNT * p * (1 - p));
            cr_expect_float_eq(beyond[side][s], COUNT * p, 4 * deviation, "%d deviations, side %d", s, side);
        }
    static const double want[4] = {0, 1, 0, 3}, variance[4] = {1, 2, 15, 96}; /* of x, x^2, x^3, x^4 */
    for (int m = 0; m < 4; m++)
        cr_expect_float_eq(moments[m], want[m], 4 * sqrt(variance[m] / COUNT), "moment %d", m + 1);
    cr_expect_float_eq(dependence, 0, 4 * sqrt(2.0 / COUNT)); /* of the two of a pair */
}

/* Counters (found by search, key 0) with a word that a plain conversion would round up to 1.0F. */
Test(rng, uniform_fills_never_reach_one)
{
    static const struct {
        uint64_t index;
        int word;
    } cases[3] = {{10475606, 3}, {34290445, 2}, {50893511, 0}};
    for (int c = 0; c < 3; c++) {
        uint32_t words[4];
        float values[4];
        philox(0, cases[c].index, 0, words);
        cr_assert_eq((float)words[cases[c].word] * 0x1p-32F, 1.0F, "the case tests nothing");
        rng_fill_uniform(0, cases[c].index, values, 4);
        cr_expect_lt(values[cases[c].word], 1.0F);
        cr_expect_gt(values[cases[c].word], 0.9999999F);
    }
}
