#include "data/importers/walk.h"

#include "data/build.h"
#include "data/importers/state.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TEXT_FILE_BYTES = 1 << 20, LINE_BYTES = 1 << 16, COUNTED_BETWEEN = 256 };

void walk_row_begin(walk_row *row, const char *table, int line, float fill)
{
    *row = (walk_row){.file = "",
                      .id = "",
                      .patient = "",
                      .split = "",
                      .view = "",
                      .report = "",
                      .sex = "",
                      .age = NAN,
                      .table = table,
                      .line = line};
    for (int k = 0; k < WALK_LABELS; k++) row->labels[k] = fill;
}

const char *walk_folder(const walk *w)
{
    return w->root.folder;
}

const char *walk_named_file(const walk *w)
{
    return w->named_file;
}

const char *walk_variant(const walk *w)
{
    return w->options->variant ? w->options->variant : "";
}

void walk_views_known(walk *w)
{
    w->views_known = true;
}

void walk_leave_out(walk *w, import_reason reason)
{
    w->left_out[reason]++;
}

bool walk_skips_missing(const walk *w)
{
    import_answer a = w->options->missing;
    return a == IMPORT_SKIP || (a == IMPORT_AS_KIND && w->importer->skip_missing);
}

void walk_restart(walk *w)
{
    key_map_close(&w->ids);
    key_map_close(&w->patients);
    w->accepted = w->split = 0;
    memset(w->left_out, 0, sizeof w->left_out);
}

/* ---- labels and reports ---- */

err walk_labels(walk *w, const char *const *names, int n)
{
    if (w->labels.declared) return OK; /* in the first walk, or by the labeller */
    for (int k = 0; k < n; k++) TRY(label_list_add(&w->labels, names[k]));
    w->labels.declared = true;
    return OK;
}

static err in_row(const walk_row *row, err error)
{
    if (error == OK || !row->table) return error;
    return row->line > 0 ? err_context(error, "%s:%d", row->table, row->line)
                         : err_context(error, "%s", row->table);
}

err walk_set_label(walk *w, walk_row *row, const char *name, float value)
{
    if (w->from_reports) return OK;
    int k = label_list_find(&w->labels, name);
    if (k < 0 && w->labels.declared)
        return in_row(row, err_set(ERR_DATA, "\"%.100s\" is none of this data set's labels", name));
    if (k < 0) {
        TRY(in_row(row, label_list_add(&w->labels, name)));
        k = w->labels.n - 1;
    }
    row->labels[k] = value;
    return OK;
}

bool walk_wants_reports(const walk *w)
{
    return w->out || (w->from_reports && w->classes.n > 0);
}

err walk_report(const walk *w, const char *findings, const char *impression, text *out)
{
    const char *wanted = w->options->report;
    out->length = 0;
    text_bytes(out, "", 0);
    if (strcmp(wanted, "impression") != 0) text_printf(out, "%s", findings);
    if (strcmp(wanted, "findings") != 0)
        text_printf(out, "%s%s", out->length > 0 && *impression ? " " : "", impression);
    return text_check(out);
}

/* ---- taking an image ---- */

/* The filters that need nothing but the row; false and counted if it does not pass. */
static bool passes(walk *w, const walk_row *row)
{
    const import_options *o = w->options;
    bool view = view_filter_passes(&w->views, view_name(row->view), w->views_known);
    bool age = o->least_age <= 0 || (double)row->age >= o->least_age; /* NaN is not */
    bool of_class = w->classes.n == 0 || label_class(&w->labels, &w->classes, row->labels) >= 0;
    if (view && age && of_class) return true;
    walk_leave_out(w, !view ? LEFT_VIEW : !age ? LEFT_AGE : LEFT_CLASS);
    return false;
}

/* Finds the file; *found is false, and counted, if it is not there. */
static err find_file(walk *w, const walk_row *row, char path[PATH_BYTES], bool *found)
{
    err error = data_root_file(&w->root, row->file, path);
    *found = error == OK;
    bool vanished = w->out && !walk_skips_missing(w); /* the first walk found it */
    if (error != ERR_NO_INPUT || vanished) return in_row(row, error);
    if (w->left_out[LEFT_MISSING]++ == 0) {
        (void)in_row(row, error);
        (void)snprintf(w->missing, sizeof w->missing, "%s", err_message());
    }
    return w->out ? batch_missing(w->out, row) : OK;
}

/* The first image of a patient counts; images without a patient are each their own. */
static err count_patient(walk *w, const walk_row *row, bool *wanted)
{
    bool added = true;
    if (row->patient[0]) TRY(key_map_add(&w->patients, row->patient, 0, &added));
    *wanted = added || !w->options->first_of_patient;
    if (!*wanted) walk_leave_out(w, LEFT_PATIENT);
    return OK;
}

static err check_id(walk *w, const walk_row *row)
{
    bool added;
    if (!row->id[0]) return in_row(row, err_set(ERR_DATA, "an image without an id"));
    TRY(key_map_add(&w->ids, row->id, 0, &added));
    return added ? OK
                 : in_row(row, err_set(ERR_DATA, "the image \"%.200s\" was there before; ids must be unique",
                                       row->id));
}

static err put_out(walk *w, const walk_row *row, const char *path)
{
    float labels[WALK_LABELS];
    int class_index = w->classes.n > 0 ? label_class(&w->labels, &w->classes, row->labels) : -1;
    for (int k = 0; k < w->choice.n; k++)
        labels[k] = class_index >= 0        ? (float)(k == class_index)
                    : w->choice.from[k] < 0 ? NAN
                                            : row->labels[w->choice.from[k]];
    return batch_add(w->out, row, labels, path);
}

static err tell_counting(const walk *w)
{
    const import_options *o = w->options;
    if (w->out || !o->progress || w->accepted % COUNTED_BETWEEN != 0) return OK;
    return o->progress(o->progress_context, w->accepted, 0);
}

err walk_image(walk *w, walk_row *row)
{
    char path[PATH_BYTES];
    bool wanted;
    if (w->from_reports && walk_wants_reports(w))
        TRY(in_row(row, w->options->labeller(w->options->labeller_context, row->report, row->labels)));
    if (!passes(w, row)) return OK;
    TRY(find_file(w, row, path, &wanted));
    if (!wanted) return OK;
    TRY(count_patient(w, row, &wanted));
    if (!wanted) return OK;
    TRY(check_id(w, row));
    w->accepted++;
    w->split += row->split[0] != '\0';
    TRY(tell_counting(w));
    return w->out ? put_out(w, row, path) : OK;
}

/* ---- files ---- */

err walk_path(walk *w, const char *relative, char out[PATH_BYTES])
{
    return data_root_file(&w->root, relative, out);
}

err walk_inspect(const walk *w, const char *path, mode_t *mode)
{
    return data_root_inspect(&w->root, path, mode);
}

bool walk_has(walk *w, const char *relative)
{
    char path[PATH_BYTES];
    return data_root_file(&w->root, relative, path) == OK;
}

err walk_locate(walk *w, const char *const *folders, int n, const char *name, char out[PATH_BYTES])
{
    for (int i = -1; i < n; i++) {
        int k = i < 0 ? w->located : i; /* first where the last one was */
        if (k >= n) continue;
        int length = snprintf(out, PATH_BYTES, "%s%s", folders[k], name);
        if (length < 0 || length >= PATH_BYTES)
            return err_set(ERR_DATA, "%.60s...: the name of a file is too long", name);
        /* What leads out of the folder is found, too: whoever takes it refuses it. */
        char path[PATH_BYTES];
        if (data_root_file(&w->root, out, path) == ERR_NO_INPUT) continue;
        w->located = k;
        return OK;
    }
    (void)snprintf(out, PATH_BYTES, "%s%s", folders[0], name);
    return OK;
}

err walk_find_table(walk *w, const char *const *names, int n, csv_rows **out)
{
    char path[PATH_BYTES], name[PATH_BYTES];
    *out = NULL;
    for (int i = 0; i < 2 * n; i++) {
        (void)snprintf(name, sizeof name, "%s%s", names[i / 2], i % 2 ? ".gz" : "");
        err error = data_root_file(&w->root, name, path);
        if (error == OK) return csv_rows_open(path, out);
        if (error != ERR_NO_INPUT) return error;
    }
    return OK;
}

err walk_table(walk *w, const char *const *names, int n, csv_rows **out)
{
    TRY(walk_find_table(w, names, n, out));
    if (*out) return OK;
    return err_set(ERR_NO_INPUT,
                   "%s: has no %s; `bench data import --help` tells what a folder of kind %s holds",
                   walk_folder(w), names[0], w->importer->about.name);
}

err walk_rows(csv_rows *rows, err (*take)(void *context, csv_rows *rows), void *context)
{
    bool more = true;
    err error = OK;
    while (error == OK && more) {
        error = csv_rows_next(rows, &more);
        if (error == OK && more) error = take(context, rows);
    }
    csv_rows_close(rows);
    return error;
}

static err take_lines(FILE *file, const char *path, err (*take)(void *, const char *, int, char *),
                      void *context)
{
    static const char white_space[] = " \t\r\n";
    char content[LINE_BYTES];
    for (int line = 1; fgets(content, sizeof content, file); line++) {
        size_t n = strlen(content);
        if (n + 1 == sizeof content && content[n - 1] != '\n')
            return err_set(ERR_DATA, "%s:%d: a line of more than %d bytes", path, line, LINE_BYTES - 2);
        while (n > 0 && strchr(white_space, content[n - 1])) content[--n] = '\0';
        if (n > 0) TRY(take(context, path, line, content));
    }
    return ferror(file) ? err_set_errno(ERR_IO, "%s: reading failed", path) : OK;
}

err walk_lines(walk *w, const char *relative,
               err (*take)(void *context, const char *table, int line, char *content), void *context)
{
    char path[PATH_BYTES];
    TRY(data_root_file(&w->root, relative, path));
    FILE *file = fopen(path, "re");
    if (!file) return err_set_errno(ERR_NO_INPUT, "%s: cannot be opened", path);
    err error = take_lines(file, path, take, context);
    (void)fclose(file);
    return error;
}

err walk_read(walk *w, const char *relative, char **bytes, size_t *n)
{
    char path[PATH_BYTES];
    *bytes = NULL;
    TRY(data_root_file(&w->root, relative, path));
    return file_read(path, TEXT_FILE_BYTES, bytes, n);
}

void walk_parent(const char *path, char out[PATH_BYTES])
{
    const char *slash = strrchr(path, '/');
    (void)snprintf(out, PATH_BYTES, "%.*s", slash ? (int)(slash - path) + 1 : 0, path);
}

/* ---- values ---- */

float walk_age(const char *age)
{
    static const float oldest = 130; /* NIH has ages of 400 */
    char *end;
    if (!isdigit((unsigned char)*age)) return NAN;
    float years = strtof(age, &end), units = 1;
    int unit = toupper((unsigned char)*end);
    if (unit == 'M') units = 12;
    if (unit == 'W') units = 365.25F / 7;
    if (unit == 'D') units = 365.25F;
    if (units > 1 || unit == 'Y') end++;
    return *end || !(years / units <= oldest) ? NAN : years / units;
}

const char *walk_sex(const char *sex)
{
    if (strcasecmp(sex, "M") == 0 || strcasecmp(sex, "Male") == 0) return "M";
    if (strcasecmp(sex, "F") == 0 || strcasecmp(sex, "Female") == 0) return "F";
    return "";
}
