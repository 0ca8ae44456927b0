/* How often intervals and verdicts are wrong, by simulated experiments: what docs/statistics.md says. The
 * tables are printed with --verbose; STATISTICS_REPETITIONS=N in the environment simulates N experiments
 * instead of a few hundred. */
#include "base/rng.h"
#include "bench/bootstrap.h"
#include "bench/gains.h"
#include "bench/power.h"

#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* How scores scatter over seeds, with mean 0 and variance 1 (but for the steps). */
typedef enum scatter { NORMAL, SKEWED, HEAVY, STEPS, SCATTERS } scatter;
static const char *const scatter_names[SCATTERS] = {"normal", "skewed", "heavy tails", "in steps"};

static double draw(scatter s, rng *random)
{
    double z = rng_normal(random);
    if (s == SKEWED) return -log(1.0 - rng_uniform(random)) - 1.0;
    if (s == STEPS) return round(z); /* as the recall of a class with few test images */
    if (s == NORMAL) return z;
    double a = rng_normal(random), b = rng_normal(random), c = rng_normal(random);
    return z / sqrt((a * a + b * b + c * c) / 3.0) / sqrt(3.0); /* Student's t of 3 degrees */
}

static int repetitions(int few)
{
    const char *asked = getenv("STATISTICS_REPETITIONS");
    return asked ? atoi(asked) : few;
}

/* Above this many of n events of probability p there is one such count in a thousand. */
static double most(int n, double p)
{
    return n * p + 3.1 * sqrt(n * p * (1.0 - p)) + 0.5;
}

static const int seed_counts[] = {3, 5, 8, 10, 20};
enum { SEED_COUNTS = sizeof seed_counts / sizeof seed_counts[0], PAIRS_MAX = 20 };

/* ---- intervals of the relative gain */

enum { FIELLER, FIXED, BCA, INTERVALS };

/* Scores around 0.6 with a standard deviation of 0.04, half of whose variance the arm and its baseline share,
 * and a relative gain of 10% in truth. Counts the intervals that have it in them. */
static void count_covering(scatter s, int n, int rounds, int covering[INTERVALS])
{
    resamples draws = {0};
    rng random = rng_open(1, scatter_names[s], (uint64_t)n);
    cr_assert_eq(resamples_draw(&draws, n), OK);
    for (int round = 0; round < rounds; round++) {
        double x[PAIRS_MAX], y[PAIRS_MAX], low, high;
        for (int i = 0; i < n; i++) {
            double shared = draw(s, &random);
            y[i] = 0.60 + 0.04 * sqrt(0.5) * (shared + draw(s, &random));
            x[i] = 0.66 + 0.04 * sqrt(0.5) * (shared + draw(s, &random));
        }
        gain g = gain_of(x, y, n);
        cr_assert_eq(bootstrap_percent(&draws, x, y, &low, &high), OK);
        covering[FIELLER] += g.percent_low <= 10.0 && g.percent_high >= 10.0;
        covering[FIXED] += 100.0 * g.low / g.mean_y <= 10.0 && 100.0 * g.high / g.mean_y >= 10.0;
        covering[BCA] += low <= 10.0 && high >= 10.0;
    }
    resamples_close(&draws);
}

Test(calibration, fiellers_interval_covers_with_few_seeds_and_the_bootstraps_does_not)
{
    int rounds = repetitions(150);
    cr_log_info(
        "%d simulated contrasts a line: percent of 95%% intervals with the true relative gain in them\n",
        rounds);
    cr_log_info("%-12s %5s %8s %14s %6s\n", "scores", "seeds", "Fieller", "fixed baseline", "BCa");
    for (scatter s = 0; s < SCATTERS; s++)
        for (int k = 0; k < SEED_COUNTS; k++) {
            int covering[INTERVALS] = {0}, n = seed_counts[k];
            count_covering(s, n, rounds, covering);
            cr_log_info("%-12s %5d %8.1f %14.1f %6.1f\n", scatter_names[s], n,
                        100.0 * covering[FIELLER] / rounds, 100.0 * covering[FIXED] / rounds,
                        100.0 * covering[BCA] / rounds);
            cr_expect_leq(rounds - covering[FIELLER], most(rounds, 0.06), "%s, %d seeds", scatter_names[s],
                          n);
            if (n == 3)
                cr_expect_leq(covering[BCA], most(rounds, 0.85), "%s: it covers as it should?",
                              scatter_names[s]);
        }
}

/* ---- verdicts */

enum { CONTRASTS = 5, ARMS = CONTRASTS + 1 };

static study experiment;

/* Five arms against one baseline. */
static void setup(void)
{
    static settings s;
    settings_defaults(&s);
    cr_assert_eq(settings_assign(&s, "experiment.arms=real, real+emixer"), OK);
    cr_assert_eq(settings_assign(&s, "experiment.ratios=0.1, 0.2, 0.3, 0.4, 0.5"), OK);
    cr_assert_eq(settings_assign(&s, "experiment.contrasts=real+emixer - real"), OK);
    cr_assert_eq(study_open(&s, &experiment), OK, "%s", err_message());
}

TestSuite(calibration, .init = setup);

/* One experiment of n seeds: what the seed shares is added to scores that differ by chance alone, and
 * `planted` standard deviations of a difference to those of the first arm. */
static gains simulate(scatter s, int n, double planted, rng *random)
{
    static trial_row rows[ARMS * PAIRS_MAX];
    results r = {.rows = rows, .n = ARMS * n};
    gains g;
    experiment.s.seeds.n = n;
    for (int i = 0; i < n; i++) {
        double shared = draw(s, random);
        experiment.s.seeds.values[i] = i;
        for (int a = 0; a < ARMS; a++) {
            trial_row *row = &rows[ARMS * i + a];
            *row = (trial_row){.shots = experiment.s.shots.values[0], .seed = i, .done = true};
            row->labelled = 1;
            (void)snprintf(row->model, sizeof row->model, "densenet_small");
            row->ratio = a == 0 ? 0.0 : experiment.s.ratios.values[a - 1];
            (void)snprintf(row->arm, sizeof row->arm, "%s", a == 0 ? "real" : "real+emixer");
            for (int j = 0; j < SCORE_COUNT; j++) row->values.values[j] = NAN;
            double score = shared + draw(s, random) + (a == 1 ? planted * sqrt(2.0) : 0.0);
            row->values.values[experiment.metric] = 0.6 + 0.04 * score;
        }
    }
    cr_assert_eq(gains_open(&experiment, &r, &g), OK, "%s", err_message());
    return g;
}

/* What the rules say of one experiment: ours; the largest |t| against Student's quantile, corrected by Holm,
 * whose first step decides whether anything is rejected; and any t interval or any BCa interval without 0. */
enum { OURS, STUDENT, ANY_T, ANY_BCA, RULES };

static void judge(const gains *g, int n, int wrong[RULES])
{
    bool said[RULES] = {false};
    for (int i = 0; i < g->n; i++) {
        const gain_row *row = &g->rows[i];
        if (row->metric != experiment.metric) continue;
        double t = fabs(row->g.gain) * sqrt(n) / row->g.deviation; /* infinite where all differences agree */
        said[OURS] |= row->holm_p <= VERDICT_LEVEL;
        said[STUDENT] |= t >= student_t_quantile(1.0 - 0.5 * VERDICT_LEVEL / CONTRASTS, n - 1);
        said[ANY_T] |= row->g.low > 0.0 || row->g.high < 0.0;
        said[ANY_BCA] |= row->bca_low > 0.0 || row->bca_high < 0.0;
    }
    for (int i = 0; i < RULES; i++) wrong[i] += said[i];
}

Test(calibration, without_effects_one_experiment_in_twenty_at_most_has_any_verdict)
{
    int rounds = repetitions(200), lines = 0, uncorrected = 0;
    cr_log_info("%d simulated experiments a line, five contrasts, no effect: percent with any gain or harm\n",
                rounds);
    cr_log_info("%-12s %5s %14s %14s %10s %8s\n", "scores", "seeds", "sign flip+Holm", "Student's+Holm",
                "any t", "any BCa");
    for (scatter s = 0; s < SCATTERS; s++)
        for (int k = 0; k < SEED_COUNTS - 1; k++) { /* 20 seeds have a million flips */
            int wrong[RULES] = {0}, n = seed_counts[k];
            rng random = rng_open(2, scatter_names[s], (uint64_t)n);
            for (int i = 0; i < rounds; i++) {
                gains g = simulate(s, n, 0.0, &random);
                judge(&g, n, wrong);
                gains_close(&g);
            }
            cr_log_info("%-12s %5d %14.1f %14.1f %10.1f %8.1f\n", scatter_names[s], n,
                        100.0 * wrong[OURS] / rounds, 100.0 * wrong[STUDENT] / rounds,
                        100.0 * wrong[ANY_T] / rounds, 100.0 * wrong[ANY_BCA] / rounds);
            cr_expect_leq(wrong[OURS], most(rounds, VERDICT_LEVEL), "%s, %d seeds", scatter_names[s], n);
            uncorrected += wrong[ANY_T];
            lines++;
        }
    cr_expect_gt(uncorrected, 2 * most(lines * rounds, VERDICT_LEVEL),
                 "a rule that does not correct is worse");
}

Test(calibration, planted_gains_are_found_at_the_stated_power_and_nothing_else_is)
{
    int rounds = repetitions(200);
    cr_log_info("%d simulated experiments a line, one of five arms has the detectable gain\n", rounds);
    cr_log_info("%-12s %5s %20s %7s %12s\n", "scores", "seeds", "gain, deviations", "found", "false alarms");
    for (int k = 2; k < SEED_COUNTS - 1; k++) {
        int found = 0, false_alarms = 0, n = seed_counts[k];
        double effect = power_detectable(n, CONTRASTS);
        rng random = rng_open(3, "planted", (uint64_t)n);
        for (int i = 0; i < rounds; i++) {
            gains g = simulate(NORMAL, n, effect, &random);
            bool alarm = false;
            for (int j = 0; j < g.n; j++) {
                if (g.rows[j].metric != experiment.metric) continue;
                gain_verdict v = gain_verdict_of(&g.rows[j]);
                if (g.rows[j].ratio < 0.15)
                    found += v == VERDICT_GAIN;
                else
                    alarm |= v == VERDICT_GAIN || v == VERDICT_HARM;
            }
            false_alarms += alarm;
            gains_close(&g);
        }
        cr_log_info("%-12s %5d %20.3f %7.1f %12.1f\n", scatter_names[NORMAL], n, effect,
                    100.0 * found / rounds, 100.0 * false_alarms / rounds);
        cr_expect_leq(rounds - found, most(rounds, 1.0 - VERDICT_POWER + 0.02), "%d seeds", n);
        cr_expect_leq(false_alarms, most(rounds, VERDICT_LEVEL), "%d seeds", n);
    }
}
