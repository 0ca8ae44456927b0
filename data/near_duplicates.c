/* The search. Looks of whole images are kept, sixteen images beside each other; for each image of the other
 * side the looks of all its windows are multiplied with them. Pairs whose best look agrees well are fitted,
 * and judged by their details. */
#include "data/near_duplicates.h"

#include "data/build.h"
#include "data/windows.h"

#include <limits.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

const double least_agreement = 0.86;

enum { PANEL = 16, ROWS = 4 };

/* What looks must agree before anything is fitted. Without cuts the windows are whole images, and duplicates
 * agree to 0.99 and more. With cuts no window is just right: 0.928 was the least of the 83 pairs above. */
static const float candidate_whole = 0.95F, candidate_cut = 0.925F;

/* Sides of the windows, and their steps, in units of a window's side: so near that the best one overlaps any
 * cut by nine tenths. */
static const float sides[] = {1, 0.93F, 0.86F, 0.8F, 0.74F, 0.68F, 0.62F, 0.56F};
static const float step_of_side = 0.06F;

typedef struct search {
    const dataset *larger,
        *smaller;      /* windows of the one's images are compared with whole images of the other */
    bool same, turned; /* they are one set; the larger ones are those of b */
    const near_options *o;
    window *windows; /* ROWS at a time: the last ones may be there again */
    int n_windows;
    float *panels; /* (panels of `smaller`, LOOK, PANEL) */
    long told;     /* images searched before this pass */
    near_duplicates found;
    int room;
} search;

/* What one thread works with. */
typedef struct worker {
    float *looks; /* (n_windows, LOOK) of one image */
    pixel_sums larger, smaller;
} worker;

/* ---- windows ---- */

static int steps_of(float side)
{
    return side < 1 ? (int)ceilf((1 - side) / (step_of_side * side)) + 1 : 1;
}

static err list_windows(search *s)
{
    int kinds = s->o->cuts ? (int)(sizeof sides / sizeof *sides) : 1, n = 0;
    for (int k = 0; k < kinds; k++) n += steps_of(sides[k]) * steps_of(sides[k]);
    s->n_windows = (n + ROWS - 1) / ROWS * ROWS;
    s->windows = calloc((size_t)s->n_windows, sizeof *s->windows);
    if (!s->windows) return err_set(ERR_SYSTEM, "out of memory for %d windows", n);
    window *w = s->windows;
    for (int k = 0; k < kinds; k++) {
        const float side = sides[k];
        int steps = steps_of(side);
        float step = steps > 1 ? (1 - side) / (float)(steps - 1) : 0;
        for (int i = 0; i < steps * steps; i++) {
            int row = i / steps, column = i % steps;
            *w++ = (window){(float)row * step, (float)column * step, side, side};
        }
    }
    while (w < s->windows + s->n_windows) *w++ = s->windows[0];
    return OK;
}

/* ---- looks ---- */

static const window whole = {0, 0, 1, 1};

static int panels_of(const dataset *set)
{
    return (set->n + PANEL - 1) / PANEL;
}

static err fill_panels(search *s)
{
    const dataset *set = s->smaller;
    size_t panels = (size_t)panels_of(set);
    s->panels = calloc(panels * LOOK * PANEL, sizeof *s->panels);
    pixel_sums sums;
    TRY(pixel_sums_open(set->width, &sums));
    for (int j = 0; j < set->n && s->panels; j++) {
        float look[LOOK], *panel = s->panels + (size_t)(j / PANEL) * LOOK * PANEL;
        pixel_sums_of(&sums, set, j);
        window_look(&sums, whole, look);
        for (int d = 0; d < LOOK; d++) panel[d * PANEL + j % PANEL] = look[d];
    }
    pixel_sums_close(&sums);
    return s->panels ? OK : err_set(ERR_SYSTEM, "out of memory for the looks of %d images", set->n);
}

/* The windows of an image that look most like each of a panel's images: which, and their correlations. */
static void match_panel(const search *s, const float *looks, const float *panel, float best[PANEL],
                        int which[PANEL])
{
    for (int c = 0; c < PANEL; c++) best[c] = -2;
    for (int w = 0; w < s->n_windows; w += ROWS) {
        const float *rows = looks + (size_t)w * LOOK;
        float sums[ROWS][PANEL] = {{0}};
        for (int d = 0; d < LOOK; d++)
            for (int r = 0; r < ROWS; r++)
                for (int c = 0; c < PANEL; c++)
                    sums[r][c] += rows[(size_t)r * LOOK + (size_t)d] * panel[d * PANEL + c];
        for (int r = 0; r < ROWS; r++)
            for (int c = 0; c < PANEL; c++) {
                if (!(sums[r][c] > best[c])) continue;
                best[c] = sums[r][c];
                which[c] = w + r;
            }
    }
}

/* ---- fitting ---- */

static bool fits(window w)
{
    static const float least = 0.4F, rounding = 1e-4F;
    return w.top >= 0 && w.left >= 0 && w.height >= least && w.width >= least &&
           w.top + w.height <= 1 + rounding && w.left + w.width <= 1 + rounding;
}

static double likeness(const pixel_sums *p, window w, const float look[LOOK])
{
    float here[LOOK];
    double sum = 0;
    window_look(p, w, here);
    for (int d = 0; d < LOOK; d++) sum += (double)here[d] * (double)look[d];
    return sum;
}

/* The ways to change a window: each edge or size alone, and larger or smaller around its middle. */
static window moved(window w, int way, float by)
{
    if (way == 0) w.top += by;
    if (way == 1) w.left += by;
    if (way == 2 || way == 4) w.height += by;
    if (way == 3 || way == 4) w.width += by;
    if (way == 4) w.top -= by / 2, w.left -= by / 2;
    return w;
}

/* Changes the window as long as its look comes nearer, by smaller and smaller steps. */
static window fit(const pixel_sums *p, window w, const float look[LOOK])
{
    enum { WAYS = 5 };
    static const float first = 0.03F, last = 0.003F;
    double best = likeness(p, w, look);
    for (float step = first; step > last;) {
        bool better = false;
        for (int k = 0; k < 2 * WAYS; k++) {
            window next = moved(w, k / 2, k % 2 ? -step : step);
            double here = fits(next) ? likeness(p, next, look) : -1;
            if (!(here > best)) continue;
            best = here;
            w = next;
            better = true;
        }
        if (!better) step /= 2;
    }
    return w;
}

/* ---- pairs ---- */

static err keep_pair(search *s, near_duplicate pair)
{
    err error = OK;
#pragma omp critical(near_duplicates_pairs)
    {
        if (s->found.n == s->room) {
            int room = s->room ? 2 * s->room : 256;
            near_duplicate *larger =
                s->room <= INT_MAX / 2 ? realloc(s->found.pairs, (size_t)room * sizeof *larger) : NULL;
            if (larger) {
                s->found.pairs = larger;
                s->room = room;
            }
        }
        if (s->found.n < s->room)
            s->found.pairs[s->found.n++] = pair;
        else
            error = err_set(ERR_SYSTEM, "out of memory for %d pairs of images", s->found.n);
    }
    return error;
}

/* One candidate: a window of image i of `larger`, whose sums the worker has, and image j of `smaller`. */
static err judge(search *s, worker *w, int i, int j, window start)
{
    float look[LOOK];
    pixel_sums_of(&w->smaller, s->smaller, j);
    window_look(&w->smaller, whole, look);
    window best = fit(&w->larger, start, look);
    bool swap = s->turned || (s->same && i > j);
    near_duplicate pair = {.a = swap ? j : i,
                           .b = swap ? i : j,
                           .agreement = window_agreement(&w->larger, best, &w->smaller, whole),
                           .share = (double)best.height * (double)best.width};
    return pair.agreement >= s->o->least ? keep_pair(s, pair) : OK;
}

static err search_image(search *s, worker *w, int i)
{
    float whole_look = s->o->least_look > 0 ? s->o->least_look : candidate_whole;
    float least = s->o->cuts ? candidate_cut : whole_look, best[PANEL];
    int which[PANEL];
    pixel_sums_of(&w->larger, s->larger, i);
    for (int k = 0; k < s->n_windows; k++)
        window_look(&w->larger, s->windows[k], w->looks + (size_t)k * LOOK);
    for (int p = 0; p < panels_of(s->smaller); p++) {
        match_panel(s, w->looks, s->panels + (size_t)p * LOOK * PANEL, best, which);
        for (int c = 0; c < PANEL; c++) {
            int j = p * PANEL + c;
            if (j < s->smaller->n && best[c] >= least && !(s->same && i == j))
                TRY(judge(s, w, i, j, s->windows[which[c]]));
        }
    }
    return OK;
}

/* ---- all images ---- */

static void workers_close(worker *workers, int n)
{
    for (int t = 0; t < n; t++) {
        free(workers[t].looks);
        pixel_sums_close(&workers[t].larger);
        pixel_sums_close(&workers[t].smaller);
    }
    free(workers);
}

static err workers_open(const search *s, int n, worker **out)
{
    worker *workers = calloc((size_t)n, sizeof *workers);
    err error = OK;
    if (!workers) return err_set(ERR_SYSTEM, "out of memory for %d threads", n);
    for (int t = 0; t < n && error == OK; t++) {
        workers[t].looks = malloc((size_t)s->n_windows * LOOK * sizeof(float));
        if (!workers[t].looks) error = err_set(ERR_SYSTEM, "out of memory for %d windows", s->n_windows);
        if (error == OK) error = pixel_sums_open(s->larger->width, &workers[t].larger);
        if (error == OK) error = pixel_sums_open(s->smaller->width, &workers[t].smaller);
    }
    if (error == OK)
        *out = workers;
    else
        workers_close(workers, n);
    return error;
}

static err tell(const search *s, long done)
{
    long total = s->same ? s->larger->n : (long)s->larger->n + s->smaller->n;
    return s->o->progress ? s->o->progress(s->o->context, s->told + done, total) : OK;
}

static err search_all(search *s, worker *workers)
{
    first_failure first = {.index = INT_MAX};
    int done = 0, n = s->larger->n;
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < n; i++) {
        if (failure_before(&first, i)) continue;
        err error = search_image(s, &workers[omp_get_thread_num()], i);
        int so_far;
#pragma omp atomic capture
        so_far = ++done;
        if (error == OK && omp_get_thread_num() == 0) {
            error = tell(s, so_far);
            if (error != OK) failure_note(&first, -1, error);
        } else if (error != OK) {
            failure_note(&first, i, error);
        }
    }
    TRY(failure_result(&first));
    TRY(tell(s, n)); /* that thread may have had nothing to do */
    s->told += n;
    return OK;
}

static err run_pass(search *s, const dataset *larger, const dataset *smaller, bool turned)
{
    int threads = omp_get_max_threads();
    worker *workers = NULL;
    s->larger = larger;
    s->smaller = smaller;
    s->turned = turned;
    err error = fill_panels(s);
    if (error == OK) error = workers_open(s, threads, &workers);
    if (error == OK) {
        error = search_all(s, workers);
        workers_close(workers, threads);
    }
    free(s->panels);
    s->panels = NULL;
    return error;
}

static int by_samples(const void *x, const void *y)
{
    const near_duplicate *p = x, *q = y;
    if (p->a != q->a) return p->a < q->a ? -1 : 1;
    if (p->b != q->b) return p->b < q->b ? -1 : 1;
    if (p->agreement != q->agreement) return p->agreement > q->agreement ? -1 : 1;
    return (p->share < q->share) - (p->share > q->share);
}

/* Each pair once, as it agrees best. */
static void settle(near_duplicates *d)
{
    int kept = 0;
    if (d->n > 0) qsort(d->pairs, (size_t)d->n, sizeof *d->pairs, by_samples);
    for (int i = 0; i < d->n; i++)
        if (i == 0 || d->pairs[i].a != d->pairs[i - 1].a || d->pairs[i].b != d->pairs[i - 1].b)
            d->pairs[kept++] = d->pairs[i];
    d->n = kept;
}

err near_duplicates_find(const dataset *a, const dataset *b, const near_options *o, near_duplicates *out)
{
    search s = {.o = o, .same = !b};
    err error = list_windows(&s);
    if (error == OK) error = run_pass(&s, a, b ? b : a, false);
    if (error == OK && b) error = run_pass(&s, b, a, true);
    free(s.windows);
    if (error == OK) settle(&s.found);
    *out = s.found;
    if (error != OK) near_duplicates_close(out);
    return error;
}

void near_duplicates_close(near_duplicates *d)
{
    free(d->pairs);
    *d = (near_duplicates){0};
}
