/* What `bench synth` makes. */
#include "bench/synth.h"

#include "base/text.h"
#include "bench/synthetic.h"
#include "data/report_text.h"

#include <stdlib.h>
#include <string.h>

/* A loaded model and the names of its labels. */
typedef struct subject {
    emixer *model;
    emixer_opts o;
    const char **names; /* (K) owned, its texts the model's */
    bool one_hot;       /* it was trained on one class an image */
} subject;

static void subject_close(subject *x)
{
    emixer_close(x->model);
    free(x->names);
}

/* Was every label vector that it was trained on, of as many as the model keeps, a single class? */
static err find_one_hot(subject *x)
{
    enum { LOOK_AT = 2048 };
    size_t k = (size_t)x->o.n_labels;
    float *labels = malloc(LOOK_AT * k * sizeof *labels);
    if (!labels) return err_set(ERR_SYSTEM, "out of memory for labels");
    err error = emixer_draw_labels(x->model, LOOK_AT, 0, labels);
    x->one_hot = true;
    for (size_t i = 0; i < LOOK_AT && error == OK; i++) {
        int positive = 0;
        for (size_t j = 0; j < k; j++) positive += labels[i * k + j] > 0;
        x->one_hot &= positive == 1;
    }
    free(labels);
    return error;
}

static err subject_open(const synth_request *r, subject *x)
{
    TRY(emixer_read_options(r->model, &x->o));
    TRY(emixer_open(r->device, &x->o, &x->model));
    TRY(emixer_load(x->model, r->model));
    x->names = calloc((size_t)x->o.n_labels, sizeof *x->names);
    if (!x->names) return err_set(ERR_SYSTEM, "out of memory for %d labels", x->o.n_labels);
    for (int k = 0; k < x->o.n_labels; k++)
        if (!(x->names[k] = emixer_label_name(x->model, k)))
            return err_set(ERR_DATA, "%s: has no names of labels; it was not trained yet", r->model);
    return find_one_hot(x);
}

/* ---- labels ---- */

static err no_such_label(const subject *x, const char *name, size_t n)
{
    text known = {0};
    for (int k = 0; k < x->o.n_labels; k++) text_printf(&known, "%s%s", k ? ", " : "", x->names[k]);
    err error = err_set(ERR_USAGE, "--labels: there is no \"%.*s\"; the model has %s", n < 80 ? (int)n : 80,
                        name, known.data ? known.data : "none");
    text_close(&known);
    return error;
}

/* "A|B" into row (K). */
static err read_labels(const subject *x, const char *list, float *row)
{
    int positive = 0;
    memset(row, 0, (size_t)x->o.n_labels * sizeof *row);
    while (*list) {
        size_t n = strcspn(list, "|");
        int found = -1;
        for (int k = 0; k < x->o.n_labels; k++)
            if (strlen(x->names[k]) == n && strncmp(x->names[k], list, n) == 0) found = k;
        if (found < 0) return no_such_label(x, list, n);
        positive += row[found] == 0;
        row[found] = 1;
        list += n + (list[n] == '|');
    }
    if (x->one_hot && positive != 1)
        return err_set(ERR_USAGE, "--labels: this model knows images of one class each, and %d are asked for",
                       positive);
    return OK;
}

static err count_images(const synth_request *r, const subject *x, int *n)
{
    enum { USUAL = 100, MOST = 1 << 24 };
    if (r->per_class && !x->one_hot)
        return err_set(ERR_USAGE, "--per-class: this model knows images of several labels; say --count");
    bool in_turn = x->one_hot && !r->count && !r->labels;
    long long total = r->count ? r->count : USUAL;
    if (in_turn) total = (long long)x->o.n_labels * (r->per_class ? r->per_class : USUAL);
    if (total > MOST) return err_set(ERR_USAGE, "--per-class: %lld images in all are too many", total);
    *n = (int)total;
    return OK;
}

static err fill_labels(const synth_request *r, const subject *x, int n, float *labels)
{
    size_t k = (size_t)x->o.n_labels;
    if (!r->labels && (r->count || !x->one_hot))
        return emixer_draw_labels(x->model, n, (uint64_t)r->seed, labels);
    if (r->labels) {
        TRY(read_labels(x, r->labels, labels));
        for (size_t i = 1; i < (size_t)n; i++) memcpy(labels + i * k, labels, k * sizeof *labels);
        return OK;
    }
    synthetic_classes(n, x->o.n_labels, labels);
    return OK;
}

/* ---- images or reports ---- */

static err make_set(const synth_request *r, const subject *x, dataset **out)
{
    int n = 0;
    TRY(count_images(r, x, &n));
    float *labels = malloc((size_t)n * (size_t)x->o.n_labels * sizeof *labels);
    err error = labels ? fill_labels(r, x, n, labels) : err_set(ERR_SYSTEM, "out of memory for %d images", n);
    if (error == OK)
        error = synthetic_open(x->model, &x->o, x->names, labels, n, (uint64_t)r->seed, &r->how, out);
    free(labels);
    return error;
}

static err write_reports(const synth_request *r, const subject *x, dataset **out)
{
    dataset *given;
    TRY(dataset_open(r->reports_of, x->o.resolution, r->studies, (uint64_t)r->seed, &given));
    err error = synthetic_reports(x->model, &x->o, given, &r->how, out);
    dataset_close(given);
    return error;
}

err synth_make(const synth_request *r, dataset **out)
{
    subject x = {0};
    err error = subject_open(r, &x);
    if (error == OK) error = r->reports_of ? write_reports(r, &x, out) : make_set(r, &x, out);
    subject_close(&x);
    return error;
}

/* ---- reports alone ---- */

static err write_lines(const synth_request *r, const subject *x, text *reports)
{
    text file = {0};
    err error = emixer_write(x->model, NULL, r->texts, &r->how, reports);
    for (int i = 0; i < r->texts && error == OK; i++) {
        error = report_readable(reports[i].data ? reports[i].data : "", &file);
        text_printf(&file, "\n");
    }
    if (error == OK) error = text_save(&file, r->out);
    text_close(&file);
    return error;
}

err synth_texts(const synth_request *r)
{
    subject x = {0};
    text *reports = calloc((size_t)r->texts, sizeof *reports);
    err error = reports ? subject_open(r, &x) : err_set(ERR_SYSTEM, "out of memory for %d reports", r->texts);
    if (error == OK) error = synthetic_check_writer(&x.o);
    if (error == OK) error = write_lines(r, &x, reports);
    for (int i = 0; reports && i < r->texts; i++) text_close(&reports[i]);
    free(reports);
    subject_close(&x);
    return error;
}
