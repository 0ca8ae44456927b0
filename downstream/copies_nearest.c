/* The training images nearest to others, by features and by pixels. */
#include "data/images.h"
#include "downstream/copies.h"
#include "downstream/neighbours.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* From the k smallest squared distances, rising. */
static nearest_training nearest_of(const double *squared, const int *index)
{
    double sum = 0.0;
    for (int i = 1; i < COPY_NEIGHBOURS; i++) sum += sqrt(squared[i]);
    double mean = sum / (COPY_NEIGHBOURS - 1), distance = sqrt(squared[0]);
    return (nearest_training){index[0], distance, mean > 0.0 ? distance / mean : 1.0};
}

typedef struct neighbour_lists {
    int n, *index;   /* (n,COPY_NEIGHBOURS) */
    double *squared; /* rising in each row */
} neighbour_lists;

static void lists_close(neighbour_lists *l)
{
    free(l->index);
    free(l->squared);
}

static err lists_open(int n, int m, neighbour_lists *out)
{
    size_t count = ((size_t)n + 1) * COPY_NEIGHBOURS;
    if (m < COPY_NEIGHBOURS)
        return err_set(ERR_DATA, "%d training images: copies are looked for among at least %d", m,
                       COPY_NEIGHBOURS);
    *out = (neighbour_lists){n, malloc(count * sizeof(int)), malloc(count * sizeof(double))};
    if (out->index && out->squared) return OK;
    lists_close(out);
    return err_set(ERR_SYSTEM, "out of memory for the neighbours of %d images", n);
}

static void lists_give(const neighbour_lists *l, nearest_training *out)
{
    for (int i = 0; i < l->n; i++)
        out[i] = nearest_of(l->squared + (size_t)i * COPY_NEIGHBOURS, l->index + (size_t)i * COPY_NEIGHBOURS);
}

err copies_by_features(const float *features, int n, const float *training, int m, int d,
                       nearest_training *out)
{
    neighbour_lists l = {0};
    TRY(lists_open(n, m, &l));
    err error = nearest_neighbours(features, n, training, m, d, COPY_NEIGHBOURS, false, l.index, l.squared);
    if (error == OK) lists_give(&l, out);
    lists_close(&l);
    return error;
}

/* ---- pixels ---- */

enum {
    SMALL = 32,
    WINDOW = 28,
    SHIFTS = SMALL - WINDOW + 1, /* places of a window along one axis */
    COARSE = WINDOW / 2,
    VALUES = COARSE * COARSE,
    VIEWS = 2 * SHIFTS * SHIFTS,
    MIDDLE = SHIFTS * SHIFTS / 2 /* the unmirrored view of the window in the middle */
};

/* One image of the set at SMALL x SMALL; `pixels` (H*W) is scratch. */
static err shrink(const dataset *set, int sample, float *pixels, uint8_t *out)
{
    size_t count = (size_t)set->height * (size_t)set->width;
    const uint8_t *from = set->images + (size_t)sample * count;
    for (size_t i = 0; i < count; i++) pixels[i] = (float)from[i];
    gray_image image = {.width = set->width, .height = set->height, .pixels = pixels};
    return image_square(&image, SMALL, out);
}

/* *out (which->n,SMALL,SMALL), owned by the caller. */
static err shrink_all(const dataset *set, const samples *which, uint8_t **out)
{
    size_t count = (size_t)which->n * SMALL * SMALL;
    float *pixels = malloc((size_t)set->height * (size_t)set->width * sizeof *pixels);
    *out = malloc(count + 1);
    err error = pixels && *out ? OK : err_set(ERR_SYSTEM, "out of memory for %d small images", which->n);
    for (int i = 0; i < which->n && error == OK; i++)
        error = shrink(set, which->index[i], pixels, *out + (size_t)i * SMALL * SMALL);
    free(pixels);
    return error;
}

/* Subtracts the mean and scales to length 1; a constant view becomes 0. */
static void standardise(float *values)
{
    double sum = 0.0, squares = 0.0;
    for (int i = 0; i < VALUES; i++) sum += (double)values[i];
    for (int i = 0; i < VALUES; i++) {
        values[i] = (float)((double)values[i] - sum / VALUES);
        squares += (double)values[i] * (double)values[i];
    }
    double scale = squares > 0.0 ? 1.0 / sqrt(squares) : 0.0;
    for (int i = 0; i < VALUES; i++) values[i] = (float)(scale * (double)values[i]);
}

/* View number `view` of a small image: mirrored or not, a window's place, averaged over 2x2 pixels. */
static void look(const uint8_t *image, int view, float *values)
{
    int mirrored = view / (SHIFTS * SHIFTS), y = view / SHIFTS % SHIFTS, x = view % SHIFTS;
    for (int r = 0; r < COARSE; r++)
        for (int c = 0; c < COARSE; c++) {
            int sum = 0;
            for (int p = 0; p < 4; p++) {
                int row = y + 2 * r + p / 2, column = x + 2 * c + p % 2;
                sum += image[row * SMALL + (mirrored ? SMALL - 1 - column : column)];
            }
            values[r * COARSE + c] = (float)sum;
        }
    standardise(values);
}

/* values (n,VALUES) */
static void look_at_all(const uint8_t *images, int n, int view, float *values)
{
#pragma omp parallel for schedule(static)
    for (int i = 0; i < n; i++) look(images + (size_t)i * SMALL * SMALL, view, values + (size_t)i * VALUES);
}

/* As nearest_take, for a value that may belong to an index that is in the list already. */
static void take_better(nearest r, double squared, int index)
{
    for (int i = 0; i < r.k; i++) {
        if (r.index[i] != index) continue;
        if (squared >= r.squared[i]) return;
        for (int j = i; j + 1 < r.k; j++) {
            r.index[j] = r.index[j + 1];
            r.squared[j] = r.squared[j + 1];
        }
        r.index[r.k - 1] = -1;
        r.squared[r.k - 1] = DBL_MAX;
        break;
    }
    nearest_take(r, squared, index);
}

/* One view of the images against the training images' middle views. */
typedef struct comparison {
    const neighbour_lists *lists;
    float *views, *middles; /* (n,VALUES), (m,VALUES) */
} comparison;

/* Where values of length 1 in float leave 1 - |r| to rounding, it is 0. */
static double squared_distance(double r)
{
    double squared = 2.0 - 2.0 * fabs(r);
    return squared < 1e-6 ? 0.0 : squared;
}

static void compare_tile(void *context, const tile *t)
{
    const comparison *c = context;
    tile_products(t, c->views, c->middles, VALUES, NULL);
    for (int row = 0; row < t->rows; row++) {
        size_t first = (size_t)(t->row + row) * COPY_NEIGHBOURS;
        nearest list = {c->lists->squared + first, c->lists->index + first, COPY_NEIGHBOURS};
        for (int i = 0; i < t->columns; i++) {
            double squared = squared_distance(t->values[(size_t)row * (size_t)t->columns + (size_t)i]);
            if (squared < list.squared[COPY_NEIGHBOURS - 1]) take_better(list, squared, t->column + i);
        }
    }
}

static void begin_lists(const neighbour_lists *l)
{
    for (int i = 0; i < l->n; i++) {
        size_t first = (size_t)i * COPY_NEIGHBOURS;
        nearest_begin((nearest){l->squared + first, l->index + first, COPY_NEIGHBOURS});
    }
}

static err compare_views(const uint8_t *images, int n, const uint8_t *training, int m,
                         const neighbour_lists *lists)
{
    comparison c = {lists, malloc(((size_t)n + 1) * VALUES * sizeof(float)),
                    malloc((size_t)m * VALUES * sizeof(float))};
    err error = c.views && c.middles ? OK : err_set(ERR_SYSTEM, "out of memory for %d small images", n);
    begin_lists(lists);
    if (error == OK) look_at_all(training, m, MIDDLE, c.middles);
    for (int view = 0; view < VIEWS && error == OK; view++) {
        look_at_all(images, n, view, c.views);
        error = tiles_visit(n, m, compare_tile, &c);
    }
    free(c.views);
    free(c.middles);
    return error;
}

err copies_by_pixels(const dataset *set, const samples *which, const dataset *training_set,
                     const samples *training, nearest_training *out)
{
    neighbour_lists l = {0};
    uint8_t *images = NULL, *others = NULL;
    TRY(lists_open(which->n, training->n, &l));
    err error = shrink_all(set, which, &images);
    if (error == OK) error = shrink_all(training_set, training, &others);
    if (error == OK) error = compare_views(images, which->n, others, training->n, &l);
    if (error == OK) lists_give(&l, out);
    free(images);
    free(others);
    lists_close(&l);
    return error;
}
