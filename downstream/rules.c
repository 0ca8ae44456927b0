#include "downstream/rules.h"

#include "base/files.h"
#include "data/table.h"

#include <stdlib.h>
#include <string.h>

static const size_t file_limit = (size_t)1 << 22;

static const struct {
    const char *says;
    bool of_label;
} kinds[RULE_KINDS] = {[RULE_PRESENT] = {"present", true},
                       [RULE_DOUBTFUL] = {"doubtful", true},
                       [RULE_ABSENT] = {"absent", true},
                       [RULE_NOT_MEANT] = {"not meant", true},
                       [RULE_DENIES_NEXT] = {"denies what follows", false},
                       [RULE_DENIES_LAST] = {"denies what precedes", false},
                       [RULE_DOUBTS_NEXT] = {"doubts what follows", false},
                       [RULE_DOUBTS_LAST] = {"doubts what precedes", false},
                       [RULE_IGNORES_NEXT] = {"ignores what follows", false},
                       [RULE_OR] = {"or", false},
                       [RULE_VERSUS] = {"versus", false},
                       [RULE_END] = {"ends a clause", false},
                       [RULE_VERB] = {"is a verb", false},
                       [RULE_ABBREVIATION] = {"is an abbreviation", false}};

/* A row of the table while it is read. */
typedef struct row {
    const char *path, *label, *says, *phrase;
    int line;
} row;

static err find_kind(const row *r, bool of_label, rule_kind *out)
{
    for (int k = 0; k < RULE_KINDS; k++) {
        if (strcmp(kinds[k].says, r->says) != 0) continue;
        if (kinds[k].of_label != of_label && k != RULE_NOT_MEANT)
            return err_set(ERR_DATA, "%s:%d: \"%s\" does not go with the label \"%s\"", r->path, r->line,
                           r->says, r->label);
        *out = (rule_kind)k;
        return OK;
    }
    return err_set(ERR_DATA, "%s:%d: \"%s\" is nothing that a phrase can say (\"present\", \"absent\", ...)",
                   r->path, r->line, r->says);
}

/* The label's index; a new label gets the next one. */
static err find_label(rules *rs, const row *r, int *out)
{
    if (strcmp(r->label, "*") == 0 || strcmp(r->label, "(other finding)") == 0) {
        *out = r->label[0] == '*' ? LABEL_ANY : LABEL_OTHER;
        return OK;
    }
    if (!r->label[0])
        return err_set(ERR_DATA, "%s:%d: the label is empty; \"*\" stands for all", r->path, r->line);
    for (int k = 0; k < rs->n_labels; k++)
        if (strcmp(rs->labels[k], r->label) == 0) {
            *out = k;
            return OK;
        }
    if (rs->n_labels == MOST_LABELS)
        return err_set(ERR_DATA, "%s:%d: more than %d labels", r->path, r->line, MOST_LABELS);
    const char *name = string_keep(&rs->strings, r->label, strlen(r->label));
    if (!name) return err_set(ERR_SYSTEM, "%s: out of memory", r->path);
    *out = rs->n_labels;
    rs->labels[rs->n_labels++] = name;
    return OK;
}

static err take_row(rules *rs, const row *r)
{
    rule *new = &rs->items[rs->n];
    *new = (rule){0};
    TRY(find_label(rs, r, &new->label));
    TRY(find_kind(r, new->label != LABEL_ANY, &new->kind));
    const char *phrase = string_keep(&rs->strings, r->phrase, strlen(r->phrase));
    if (!phrase) return err_set(ERR_SYSTEM, "%s: out of memory", r->path);
    rs->n++;
    err error = pattern_open(phrase, &new->pattern);
    return error == OK ? OK : err_context(error, "%s:%d", r->path, r->line);
}

static err check_new(const table *t, const int columns[3], int i, const row *r)
{
    for (int k = 0; k < i; k++)
        if (strcmp(table_cell(t, k, columns[2]), r->phrase) == 0 &&
            strcmp(table_cell(t, k, columns[0]), r->label) == 0 &&
            strcmp(table_cell(t, k, columns[1]), r->says) == 0)
            return err_set(ERR_DATA, "%s:%d: the same as line %d", r->path, r->line, t->lines[k + 1]);
    return OK;
}

static err take_table(const char *path, const table *t, rules *rs)
{
    static const char *const names[3] = {"label", "says", "phrase"};
    int columns[3];
    for (int c = 0; c < 3; c++) {
        columns[c] = table_column(t, names[c]);
        if (columns[c] < 0)
            return err_set(ERR_DATA, "%s:%d: the header has no column \"%s\"", path, t->lines[0], names[c]);
    }
    rs->items = malloc(((size_t)t->rows + 1) * sizeof *rs->items);
    if (!rs->items) return err_set(ERR_SYSTEM, "%s: out of memory for %d rules", path, t->rows);
    for (int i = 0; i < t->rows; i++) {
        const row r = {path, table_cell(t, i, columns[0]), table_cell(t, i, columns[1]),
                       table_cell(t, i, columns[2]), t->lines[i + 1]};
        TRY(check_new(t, columns, i, &r));
        TRY(take_row(rs, &r));
    }
    return rs->n_labels > 0 ? OK : err_set(ERR_DATA, "%s: has no label", path);
}

err rules_parse(const char *name, const char *bytes, size_t n, rules *out)
{
    table t;
    *out = (rules){0};
    TRY(table_parse(name, bytes, n, &t));
    err error = take_table(name, &t, out);
    table_close(&t);
    return error;
}

err rules_open(const char *path, rules *out)
{
    char *bytes;
    size_t n;
    *out = (rules){0};
    TRY(file_read(path, file_limit, &bytes, &n));
    err error = rules_parse(path, bytes, n, out);
    free(bytes);
    return error;
}

void rules_close(rules *r)
{
    for (int k = 0; k < r->n; k++) pattern_close(&r->items[k].pattern);
    free(r->items);
    string_store_close(&r->strings);
    *r = (rules){0};
}
