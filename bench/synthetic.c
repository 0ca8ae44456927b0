#include "bench/synthetic.h"

#include "data/report_text.h"

#include <stdlib.h>
#include <string.h>

/* What is written is cleaned text; data sets hold reports as people write them. */
static err make_readable(text *report)
{
    text readable = {0};
    err error = report_readable(report->data ? report->data : "", &readable);
    if (error == OK) error = text_check(&readable);
    text_close(report);
    *report = readable;
    return error;
}

err synthetic_check_writer(const emixer_opts *o)
{
    if (o->pairs > 0) return OK;
    return err_set(ERR_USAGE, "the model writes no reports: it was trained with emixer.pairs = 0");
}

static err write_reports(emixer *e, const dataset *set, const emixer_writing *how, text *reports,
                         const char **lines)
{
    TRY(emixer_write(e, set->images, set->n, how, reports));
    for (int i = 0; i < set->n; i++) {
        TRY(make_readable(&reports[i]));
        lines[i] = reports[i].data;
    }
    return OK;
}

err synthetic_reports(emixer *e, const emixer_opts *o, const dataset *set, const emixer_writing *how,
                      dataset **out)
{
    *out = NULL;
    TRY(synthetic_check_writer(o));
    text *reports = calloc((size_t)set->n, sizeof *reports);
    const char **lines = calloc((size_t)set->n, sizeof *lines);
    err error = reports && lines ? write_reports(e, set, how, reports, lines)
                                 : err_set(ERR_SYSTEM, "out of memory for %d reports", set->n);
    if (error == OK) error = dataset_with_reports(set, lines, out);
    for (int i = 0; reports && i < set->n; i++) text_close(&reports[i]);
    free(reports);
    free(lines);
    return error;
}

static err make_images(emixer *e, const emixer_opts *o, const char *const *label_names, const float *labels,
                       int n, uint64_t seed, dataset **out)
{
    size_t pixels = (size_t)o->resolution * (size_t)o->resolution;
    uint8_t *images = malloc((size_t)n * pixels);
    if (!images) return err_set(ERR_SYSTEM, "out of memory for %d synthetic images", n);
    err error = emixer_synthesize(e, labels, n, seed, images);
    if (error == OK)
        error =
            dataset_from_arrays(images, labels, n, o->resolution, o->n_labels, label_names, "emixer", out);
    free(images);
    return error;
}

err synthetic_open(emixer *e, const emixer_opts *o, const char *const *label_names, const float *labels,
                   int n, uint64_t seed, const emixer_writing *how, dataset **out)
{
    dataset *images;
    TRY(make_images(e, o, label_names, labels, n, seed, &images));
    if (o->pairs == 0) {
        *out = images;
        return OK;
    }
    emixer_writing of_labels = *how;
    of_labels.labels = labels;
    err error = synthetic_reports(e, o, images, &of_labels, out);
    dataset_close(images);
    return error;
}

void synthetic_classes(int n, int k, float *labels)
{
    memset(labels, 0, (size_t)n * (size_t)k * sizeof *labels);
    for (int i = 0; i < n; i++) labels[(size_t)i * (size_t)k + (size_t)(i % k)] = 1;
}
