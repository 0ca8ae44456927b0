#include "bench/guards.h"

#include "bench/inifile.h"
#include "bench/scores.h"
#include "data/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const guard_info guard_infos[GUARD_COUNT] = {
#define GUARD_INFO(name, help) {#name, help},
    GUARDS(GUARD_INFO)
#undef GUARD_INFO
};

int guard_find(const char *name)
{
    for (int i = 0; i < GUARD_COUNT; i++)
        if (strcmp(guard_infos[i].name, name) == 0) return i;
    return -1;
}

bool guard_allowed(const settings *s, int guard)
{
    for (int i = 0; i < s->allow.n; i++)
        if (strcmp(s->allow.values[i], guard_infos[guard].name) == 0) return true;
    return false;
}

void guards_help(text *out)
{
    text_printf(out, "A run fails, and nothing is trained, where a guard is broken:\n\n");
    for (int i = 0; i < GUARD_COUNT; i++)
        text_printf(out, "  %-16s %s\n", guard_infos[i].name, guard_infos[i].help);
    text_printf(
        out, "\nOUT/guards/NAME.csv lists the samples. `--allow NAME` (or run.allow) goes on; results.csv\n"
             "and gains.csv say so in their column `allowed`.\n");
}

void guard_names(unsigned guards, char out[GUARD_NAMES_BYTES])
{
    int used = 0;
    out[0] = '\0';
    for (int i = 0; i < GUARD_COUNT; i++)
        if (guards >> i & 1)
            used += snprintf(out + used, (size_t)(GUARD_NAMES_BYTES - used), "%s%s", used ? "|" : "",
                             guard_infos[i].name);
}

unsigned guards_named(const char *names)
{
    unsigned guards = 0;
    for (const char *next = names; *next;) {
        size_t length = strcspn(next, "|");
        for (unsigned i = 0; i < GUARD_COUNT; i++)
            if (strlen(guard_infos[i].name) == length && strncmp(guard_infos[i].name, next, length) == 0)
                guards |= 1U << i;
        next += length + (next[length] == '|');
    }
    return guards;
}

double guard_agreement(const settings *s)
{
    static const double of_films = 0.9, of_the_phantom = 0.99;
    if (s->guard_agreement > 0) return s->guard_agreement;
    return strncmp(s->source, "phantom", strlen("phantom")) == 0 ? of_the_phantom : of_films;
}

/* ---- findings ---- */

void guard_add(guard_findings *f, int guard, const guard_sample *pair, const char *detail)
{
    const char *const cells[] = {pair->sample, pair->side, pair->other, pair->other_side, detail};
    enum { CELLS = sizeof cells / sizeof cells[0] };
    f->violations[guard]++;
    for (int i = 0; i < CELLS; i++) {
        text_csv_field(&f->rows[guard], cells[i]);
        text_printf(&f->rows[guard], i + 1 < CELLS ? "," : "\n");
    }
}

void guard_findings_close(guard_findings *f)
{
    for (int i = 0; i < GUARD_COUNT; i++) text_close(&f->rows[i]);
}

static err save_rows(const guard_findings *f, int guard, const char *work)
{
    char path[PATH_BYTES];
    if (!f->violations[guard]) return OK;
    TRY(path_join(path, work, "%s.csv", guard_infos[guard].name));
    return text_save(&f->rows[guard], path);
}

err guard_findings_save(const guard_findings *f, const char *work)
{
    char path[PATH_BYTES];
    text t = {0};
    text_printf(&t, "[violations]\n");
    for (int i = 0; i < GUARD_COUNT; i++) text_printf(&t, "%s = %d\n", guard_infos[i].name, f->violations[i]);
    text_printf(&t, "\n[messages]\n");
    for (int i = 0; i < GUARD_COUNT; i++)
        if (f->violations[i]) text_printf(&t, "%s = %s\n", guard_infos[i].name, f->messages[i]);
    err error = path_join(path, work, "guard.ini");
    if (error == OK) error = text_save(&t, path);
    text_close(&t);
    for (int i = 0; i < GUARD_COUNT && error == OK; i++) error = save_rows(f, i, work);
    return error;
}

static err read_findings(const ini_file *file, guard_findings *f)
{
    for (int i = 0; i < GUARD_COUNT; i++) {
        const char *count = ini_file_value(file, "violations", guard_infos[i].name);
        const char *message = ini_file_value(file, "messages", guard_infos[i].name);
        if (!count) return err_set(ERR_DATA, "%s: there is no %s", file->path, guard_infos[i].name);
        f->violations[i] = (int)strtol(count, NULL, 10);
        (void)snprintf(f->messages[i], sizeof f->messages[i], "%s", message ? message : "");
    }
    return OK;
}

err guard_findings_read(const char *folder, guard_findings *f)
{
    char path[PATH_BYTES];
    ini_file file;
    TRY(path_join(path, folder, "guard.ini"));
    err error = ini_file_open(path, &file);
    if (error == OK) error = read_findings(&file, f);
    ini_file_close(&file);
    return error;
}

err guard_build(builder *b, const artifact *a, const char *work)
{
    guard_findings f = {0};
    err error = (a->images == IMAGES_NONE ? guard_split : guard_synthetic)(b, a, &f);
    if (error == OK) error = guard_findings_save(&f, work);
    guard_findings_close(&f);
    return error;
}

/* ---- what a run makes of them ---- */

/* The findings of a finished guard; *there is false if it is not finished, or what it guards failed. */
static err read_artifact(const plan *p, const store *s, int index, guard_findings *f, bool *there)
{
    const artifact *a = &p->items[index];
    const char *kind = artifact_kind_names[a->kind];
    char folder[PATH_BYTES];
    manifest m;
    *there = a->kind == KIND_GUARD && store_has(s, kind, &a->key);
    if (!*there) return OK;
    TRY(store_manifest(s, kind, &a->key, &m));
    *there = !m.failed;
    if (!*there) return OK;
    TRY(store_path(s, kind, &a->key, NULL, folder));
    return guard_findings_read(folder, f);
}

static err broken(const artifact *a, int guard, const guard_findings *f)
{
    return err_set(ERR_GUARD, "guard %s: %s: %s; `--allow %s` goes on", guard_infos[guard].name, a->label,
                   f->messages[guard], guard_infos[guard].name);
}

err guard_judge(const study *experiment, const plan *p, const store *s, int index)
{
    guard_findings f = {0};
    bool there;
    TRY(read_artifact(p, s, index, &f, &there));
    for (int i = 0; i < GUARD_COUNT && there; i++)
        if (f.violations[i] && !guard_allowed(&experiment->s, i)) return broken(&p->items[index], i, &f);
    return OK;
}

/* Appends the rows that an artifact has of a guard, each behind where that is. */
static err gather_rows(const plan *p, const store *s, int index, int guard, text *out)
{
    const artifact *a = &p->items[index];
    char path[PATH_BYTES], name[64], *bytes;
    size_t n;
    (void)snprintf(name, sizeof name, "%s.csv", guard_infos[guard].name);
    TRY(store_path(s, artifact_kind_names[a->kind], &a->key, name, path));
    TRY(file_read(path, (size_t)1 << 30, &bytes, &n));
    for (const char *line = bytes; *line;) {
        size_t length = strcspn(line, "\n");
        text_csv_field(out, a->label);
        text_printf(out, ",%.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
    free(bytes);
    return text_check(out);
}

static err write_list(const char *out, int guard, const text *rows)
{
    char folder[PATH_BYTES], path[PATH_BYTES];
    TRY(path_join(folder, out, "guards"));
    TRY(path_join(path, folder, "%s.csv", guard_infos[guard].name));
    if (rows->length == 0) return folder_remove(path); /* of an earlier run */
    text t = {0};
    text_printf(&t, "where,sample,side,other,other_side,detail\n");
    text_bytes(&t, rows->data, rows->length);
    err error = folder_make(folder);
    if (error == OK) error = text_save(&t, path);
    text_close(&t);
    return error;
}

typedef struct collection {
    text rows[GUARD_COUNT];
    int first[GUARD_COUNT]; /* artifact that broke it first; -1 */
    int places[GUARD_COUNT];
    char messages[GUARD_COUNT][400];
} collection;

static err collect_one(const plan *p, const store *s, int index, collection *c, unsigned *found)
{
    guard_findings f = {0};
    bool there;
    TRY(read_artifact(p, s, index, &f, &there));
    for (int i = 0; i < GUARD_COUNT && there; i++) {
        if (!f.violations[i]) continue;
        *found |= 1U << i;
        if (c->places[i]++ == 0) {
            c->first[i] = index;
            memcpy(c->messages[i], f.messages[i], sizeof c->messages[i]);
        }
        TRY(gather_rows(p, s, index, i, &c->rows[i]));
    }
    return OK;
}

static void tell_allowed(const plan *p, const collection *c, int guard)
{
    (void)fprintf(stderr, "bench: guard %s is broken, and allowed: %s: %s", guard_infos[guard].name,
                  p->items[c->first[guard]].label, c->messages[guard]);
    if (c->places[guard] > 1) (void)fprintf(stderr, "; and %d more places", c->places[guard] - 1);
    (void)fprintf(stderr, "\n");
}

static err conclude(const study *experiment, const plan *p, const char *out, const collection *c)
{
    for (int i = 0; i < GUARD_COUNT; i++)
        if (i != GUARD_selection) TRY(write_list(out, i, &c->rows[i]));
    for (int i = 0; i < GUARD_COUNT; i++) {
        if (c->places[i] == 0) continue;
        const char *name = guard_infos[i].name;
        if (!guard_allowed(&experiment->s, i))
            return err_set(ERR_GUARD, "guard %s: %s: %s; %s/guards/%s.csv lists them, `--allow %s` goes on",
                           name, p->items[c->first[i]].label, c->messages[i], out, name, name);
        if (!experiment->s.quiet) tell_allowed(p, c, i);
    }
    return OK;
}

err guards_collect(const study *experiment, const plan *p, const store *s, const char *out, unsigned *found)
{
    collection c = {0};
    err error = OK;
    for (int i = 0; i < p->n && error == OK; i++) {
        int after = p->items[i].after;
        found[i] = after >= 0 ? found[after] : 0;
        if (p->items[i].kind == KIND_GUARD) error = collect_one(p, s, i, &c, &found[i]);
    }
    if (error == OK) error = conclude(experiment, p, out, &c);
    for (int i = 0; i < GUARD_COUNT; i++) text_close(&c.rows[i]);
    return error;
}

/* ---- selection ---- */

static err open_metrics(const char *out, char path[PATH_BYTES], table *t, bool *there)
{
    enum { LIMIT = 1 << 26 };
    TRY(path_join(path, out, "guards/metrics.csv"));
    *there = path_exists(path);
    if (!*there) return OK;
    TRY(table_open(path, LIMIT, t));
    if (table_column(t, "split") == 0 && table_column(t, "metric") == 1) return OK;
    table_close(t);
    return err_set(ERR_DATA, "%s: must have the columns split and metric", path);
}

/* The metric that a split was first judged by, or NULL. */
static const char *first_metric(const table *t, bool there, const char *split)
{
    for (int row = 0; there && row < t->rows; row++)
        if (strcmp(table_cell(t, row, 0), split) == 0) return table_cell(t, row, 1);
    return NULL;
}

static bool is_split_guard(const artifact *a)
{
    return a->kind == KIND_GUARD && a->images == IMAGES_NONE;
}

err guard_selection_check(const study *experiment, const plan *p, const char *out, bool *changed)
{
    char path[PATH_BYTES];
    table t;
    bool there;
    err error = OK;
    const char *name = score_infos[experiment->metric].name;
    *changed = false;
    TRY(open_metrics(out, path, &t, &there));
    for (int i = 0; i < p->n && there && !*changed; i++) {
        const char *first =
            is_split_guard(&p->items[i]) ? first_metric(&t, there, p->items[i].key.hex) : NULL;
        *changed = first && strcmp(first, name) != 0;
        if (*changed && !guard_allowed(&experiment->s, GUARD_selection))
            error = err_set(ERR_GUARD,
                            "guard selection: %s: its test images were judged by %s before, and now by %s "
                            "(%s); gains.csv has every metric; `--allow selection` goes on",
                            p->items[i].label, first, name, path);
    }
    if (there) table_close(&t);
    return error;
}

err guard_selection_note(const study *experiment, const plan *p, const char *out)
{
    char path[PATH_BYTES], folder[PATH_BYTES];
    table t;
    bool there, more = false;
    text all = {0};
    TRY(open_metrics(out, path, &t, &there));
    text_printf(&all, "split,metric\n");
    for (int row = 0; there && row < t.rows; row++)
        text_printf(&all, "%s,%s\n", table_cell(&t, row, 0), table_cell(&t, row, 1));
    for (int i = 0; i < p->n; i++) {
        if (!is_split_guard(&p->items[i]) || first_metric(&t, there, p->items[i].key.hex)) continue;
        text_printf(&all, "%s,%s\n", p->items[i].key.hex, score_infos[experiment->metric].name);
        more = true;
    }
    if (there) table_close(&t);
    err error = OK;
    if (more) error = path_join(folder, out, "guards");
    if (error == OK && more) error = folder_make(folder);
    if (error == OK && more) error = text_save(&all, path);
    text_close(&all);
    return error;
}
