/* Precision, recall, density and coverage. */
#include "downstream/neighbours.h"
#include "downstream/set_metrics.h"

#include <math.h>
#include <stdlib.h>

/* The balls around the images b_j of a set, and which images a_i of the other are inside. */
typedef struct balls {
    distances s;
    const double *around_a, *around_b; /* squared radii: of the balls around a_i, around b_j */
    int *inside;                       /* (n): balls of b that hold a_i */
    bool *holds;                       /* (n): whether a_i's ball holds any image of b */
} balls;

/* Whether a_i and b_j are nearer than a radius; `squared` is their distance to within rounding. */
static bool is_nearer(const balls *f, int i, int j, double squared, double radius)
{
    double slack = distances_slack(&f->s, i, j);
    if (squared < radius - slack) return true;
    if (squared > radius + slack) return false;
    return distances_exact(&f->s, i, j) < radius;
}

static void count_tile(void *context, const tile *t)
{
    const balls *f = context;
    distances_fill(&f->s, t);
    for (int r = 0; r < t->rows; r++) {
        int i = t->row + r;
        const double *row = t->values + (size_t)r * (size_t)t->columns;
        for (int c = 0; c < t->columns; c++) {
            int j = t->column + c;
            f->inside[i] += is_nearer(f, i, j, row[c], f->around_b[j]);
            if (!f->holds[i]) f->holds[i] = is_nearer(f, i, j, row[c], f->around_a[i]);
        }
    }
}

/* A set, and the squared distance of each image to its k-th nearest other. */
typedef struct ball_set {
    const float *features;
    int n;
    double *squared; /* (n) owned */
} ball_set;

static err ball_set_open(const float *features, int n, int d, int k, ball_set *out)
{
    size_t images = (size_t)n, width = (size_t)k;
    *out = (ball_set){features, n, malloc(images * sizeof *out->squared)};
    double *rising = malloc(images * width * sizeof *rising);
    err error = out->squared && rising
                    ? nearest_neighbours(features, n, features, n, d, k, true, NULL, rising)
                    : err_set(ERR_SYSTEM, "out of memory for the neighbours of %d images", n);
    for (size_t i = 0; i < images && error == OK; i++) out->squared[i] = rising[i * width + width - 1];
    free(rising);
    return error;
}

typedef struct overlap_counts {
    long long inside; /* images of a that are inside any ball of b */
    long long balls;  /* over images of a: balls of b that hold it */
    long long holds;  /* balls of a that hold any image of b */
} overlap_counts;

static err count_overlap(const ball_set *a, const ball_set *b, int d, overlap_counts *out)
{
    balls f = {.around_a = a->squared, .around_b = b->squared};
    f.inside = calloc((size_t)a->n, sizeof *f.inside);
    f.holds = calloc((size_t)a->n, sizeof *f.holds);
    err error = f.inside && f.holds ? distances_open(a->features, a->n, b->features, b->n, d, &f.s)
                                    : err_set(ERR_SYSTEM, "out of memory for %d images", a->n);
    if (error == OK) error = tiles_visit(a->n, b->n, count_tile, &f);
    *out = (overlap_counts){0};
    for (int i = 0; i < a->n && error == OK; i++) {
        out->inside += f.inside[i] > 0;
        out->balls += f.inside[i];
        out->holds += f.holds[i];
    }
    distances_close(&f.s);
    free(f.inside);
    free(f.holds);
    return error;
}

err metric_set_overlap(const float *real, int n_real, const float *fake, int n_fake, int d, int k,
                       set_overlap *out)
{
    *out = (set_overlap){NAN, NAN, NAN, NAN};
    if (n_real <= k || n_fake <= k || !all_finite(real, n_real, d) || !all_finite(fake, n_fake, d)) return OK;
    ball_set a = {0}, b = {0};
    overlap_counts of_fake, of_real;
    err error = ball_set_open(real, n_real, d, k, &a);
    if (error == OK) error = ball_set_open(fake, n_fake, d, k, &b);
    if (error == OK) error = count_overlap(&b, &a, d, &of_fake);
    if (error == OK) error = count_overlap(&a, &b, d, &of_real);
    if (error == OK)
        *out = (set_overlap){.precision = (double)of_fake.inside / n_fake,
                             .recall = (double)of_real.inside / n_real,
                             .density = (double)of_fake.balls / k / n_fake,
                             .coverage = (double)of_real.holds / n_real};
    free(a.squared);
    free(b.squared);
    return error;
}
