#include "data/importers/importer.h"

#include "data/build.h"
#include "data/importers/state.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SIZE_MOST = 4096 };

const import_options import_defaults = {.size = 128, .views = "frontal", .report = "both", .crop_top = -1};

const char *const import_reasons[LEFT_REASONS] = {
    [LEFT_VIEW] = "of another or of no known view",
    [LEFT_MODALITY] = "not X-rays",
    [LEFT_UNLABELLED] = "without a finding",
    [LEFT_CLASS] = "of none or of several of the classes",
    [LEFT_AGE] = "of patients too young or of unknown age",
    [LEFT_PATIENT] = "not the first of their patient",
    [LEFT_MISSING] = "missing",
    [LEFT_BROKEN] = "broken",
};

const import_kind *import_kinds(int index)
{
    return index >= 0 && index < importer_count ? &importers[index].about : NULL;
}

static err find_importer(const char *kind, const importer **out)
{
    text names = {0};
    for (int i = 0; i < importer_count; i++) {
        *out = &importers[i];
        if (strcmp(kind, (*out)->about.name) == 0) return OK;
    }
    for (int i = 0; i < importer_count; i++)
        text_printf(&names, "%s%s", i ? ", " : "", importers[i].about.name);
    err error = err_set(ERR_USAGE, "%.60s: there is no such kind of data set; there are %s", kind,
                        names.data ? names.data : "none");
    text_close(&names);
    return error;
}

static err check_options(const import_options *o)
{
    if (o->size < 1 || o->size > SIZE_MOST)
        return err_set(ERR_USAGE, "image size %d: 1 to %d is possible", o->size, SIZE_MOST);
    if (!(o->crop_top < 1)) return err_set(ERR_USAGE, "crop-top %g: must be below 1", o->crop_top);
    if (strcmp(o->report, "both") != 0 && strcmp(o->report, "findings") != 0 &&
        strcmp(o->report, "impression") != 0)
        return err_set(ERR_USAGE, "report %.60s: must be both, findings or impression", o->report);
    if (o->labels && o->classes)
        return err_set(ERR_USAGE, "--labels and --classes exclude each other: classes become the labels");
    return OK;
}

/* ---- the state ---- */

/* A folder, or a file in one. */
static err open_root(walk *w, char folder[PATH_BYTES])
{
    struct stat status;
    const char *given = w->options->folder, *slash = strrchr(given, '/');
    int n = snprintf(folder, PATH_BYTES, "%s", given);
    if (n < 0 || n >= PATH_BYTES) return err_set(ERR_USAGE, "%.60s...: the path is too long", given);
    if (stat(given, &status) == 0 && S_ISREG(status.st_mode)) {
        (void)snprintf(w->named_file, sizeof w->named_file, "%s", slash ? slash + 1 : given);
        (void)snprintf(folder, PATH_BYTES, "%.*s", slash ? (int)(slash - given) + 1 : 1, slash ? given : ".");
    }
    for (n = (int)strlen(folder); n > 1 && folder[n - 1] == '/'; n--) folder[n - 1] = '\0';
    return data_root_open(folder, "the folder of the data set", &w->root);
}

static err declare_labeller(walk *w)
{
    const import_options *o = w->options;
    if (!o->labeller) return err_set(ERR_USAGE, "labels out of reports need a labeller");
    TRY(walk_labels(w, o->labeller_names, o->labeller_n));
    w->from_reports = true;
    return OK;
}

static err state_open(walk *w, const import_options *o, char folder[PATH_BYTES])
{
    *w = (walk){.options = o};
    TRY(find_importer(o->kind, &w->importer));
    TRY(check_options(o));
    TRY(open_root(w, folder));
    TRY(view_filter_open(o->views, &w->views));
    if (o->labels && strcmp(o->labels, "xrv18") != 0) TRY(names_split("--labels", o->labels, &w->wanted));
    if (o->classes) TRY(names_split("--classes", o->classes, &w->classes));
    return o->label_reports || w->importer->unlabelled ? declare_labeller(w) : OK;
}

static void state_close(walk *w)
{
    batch_close(w->out);
    data_root_close(&w->root);
    view_filter_close(&w->views);
    names_close(&w->wanted);
    names_close(&w->classes);
    label_list_close(&w->labels);
    key_map_close(&w->ids);
    key_map_close(&w->patients);
}

/* ---- the two walks ---- */

static err nothing_left(const walk *w)
{
    text why = {0};
    for (int r = 0; r < LEFT_REASONS; r++)
        if (w->left_out[r] > 0)
            text_printf(&why, "%s %ld %s", why.length ? "," : ":", w->left_out[r], import_reasons[r]);
    err error = err_set(ERR_DATA, "%s: no image is left%s", walk_folder(w), why.data ? why.data : "");
    text_close(&why);
    return error;
}

static err judge_count(const walk *w)
{
    const view_filter *views = &w->views;
    long missing = w->left_out[LEFT_MISSING];
    if (missing > 0 && !walk_skips_missing(w))
        return err_set(ERR_NO_INPUT,
                       "%ld images are missing; the first is %s; --missing skip leaves them out", missing,
                       w->missing);
    if (!views->all && !views->frontal && !w->views_known)
        return err_set(ERR_USAGE, "--views: a data set of kind %s does not tell its views",
                       w->importer->about.name);
    if (w->accepted == 0 && missing > 0)
        return err_set(ERR_NO_INPUT, "all %ld images are missing; the first is %s", missing, w->missing);
    if (w->accepted == 0) return nothing_left(w);
    if (w->accepted > INT_MAX) return err_set(ERR_DATA, "%s: more than %d images", walk_folder(w), INT_MAX);
    return OK;
}

static err first_walk(walk *w)
{
    TRY(w->importer->walk(w));
    TRY(judge_count(w));
    label_list_settle(&w->labels);
    TRY(label_choice_make(&w->labels, w->options, &w->wanted, &w->classes, &w->choice));
    return w->choice.n > 0 ? OK : err_set(ERR_DATA, "%s: has no label", walk_folder(w));
}

static err second_walk(walk *w, import_result *result)
{
    const import_options *o = w->options;
    import_answer a = o->broken;
    batch_opts b = {.options = o,
                    .label_names = w->choice.names,
                    .n_labels = w->choice.n,
                    .crop_top = o->crop_top < 0 ? w->importer->crop_top : o->crop_top,
                    .skip_broken = a == IMPORT_SKIP || (a == IMPORT_AS_KIND && w->importer->skip_broken),
                    .total = w->accepted};
    walk_restart(w);
    TRY(batch_open(&b, &w->out));
    err error = OK;
    /* This thread walks; the others decode what it hands out as tasks. */
#pragma omp parallel
#pragma omp master
    {
        error = w->importer->walk(w);
        if (error == OK) error = batch_finish(w->out, result);
    }
    return error;
}

err import_set(const import_options *options, import_result *result)
{
    char folder[PATH_BYTES];
    *result = (import_result){0};
    walk *w = malloc(sizeof *w);
    if (!w) return err_set(ERR_SYSTEM, "out of memory for an import");
    err error = state_open(w, options, folder);
    if (error == OK) error = first_walk(w);
    if (error == OK) error = second_walk(w, result);
    if (error == OK) {
        for (int r = 0; r < LEFT_REASONS; r++) result->left_out[r] += w->left_out[r];
        result->patients = (long)w->patients.n;
        result->labels = w->choice.n;
        result->views_known = w->views_known;
        result->split_known = w->split == w->accepted;
    }
    state_close(w);
    free(w);
    return error;
}
