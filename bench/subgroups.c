#include "bench/subgroups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *sex_of(const sample_info *s)
{
    return s->sex;
}

static const char *view_of(const sample_info *s)
{
    return strcmp(s->view, "UNKNOWN") == 0 ? "" : s->view;
}

/* Names whose bytes are in the order of the ages. */
static const char *age_of(const sample_info *s)
{
    char *end;
    double years = strtod(s->age, &end);
    if (end == s->age || *end || !(years >= 0)) return "";
    return years < 18 ? "0-17" : years < 40 ? "18-39" : years < 65 ? "40-64" : "65+";
}

static const struct {
    const char *name;
    const char *(*value)(const sample_info *s);
} columns[] = {{"sex", sex_of}, {"view", view_of}, {"age", age_of}};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

/* The known values of a column, sorted. More than there may be counts as none: it tells something else. */
typedef struct value_list {
    const char *values[SUBGROUP_VALUES_MAX];
    int n;
} value_list;

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static value_list list_values(const dataset *set, int column)
{
    value_list list = {.n = 0};
    for (int i = 0; i < set->n; i++) {
        const char *value = columns[column].value(&set->samples[i]);
        bool known = value[0] != '\0';
        for (int j = 0; j < list.n && known; j++) known = strcmp(list.values[j], value) != 0;
        if (!known) continue;
        if (list.n == SUBGROUP_VALUES_MAX) return (value_list){.n = 0};
        list.values[list.n++] = value;
    }
    qsort(list.values, (size_t)list.n, sizeof list.values[0], by_bytes);
    if (list.n < 2) list.n = 0;
    return list;
}

static err add(const dataset *set, const samples *list, int column, const char *value, subgroups *out)
{
    subgroup *items = realloc(out->items, (size_t)(out->n + 1) * sizeof *items);
    if (!items) return err_set(ERR_SYSTEM, "out of memory for %d subgroups", out->n + 1);
    out->items = items;
    subgroup *g = &items[out->n];
    *g = (subgroup){.members.index = malloc(((size_t)list->n + 1) * sizeof *g->members.index)};
    if (!g->members.index) return err_set(ERR_SYSTEM, "out of memory for a subgroup of %d images", list->n);
    out->n++;
    (void)snprintf(g->name, sizeof g->name, "%s=%.48s", columns[column].name, value);
    for (int i = 0; i < list->n; i++)
        if (strcmp(columns[column].value(&set->samples[list->index[i]]), value) == 0)
            g->members.index[g->members.n++] = i;
    return OK;
}

err subgroups_open(const dataset *set, const samples *list, subgroups *out)
{
    err error = OK;
    *out = (subgroups){NULL, 0};
    for (int c = 0; c < COLUMNS; c++) {
        value_list known = list_values(set, c);
        for (int i = 0; i < known.n && error == OK; i++) error = add(set, list, c, known.values[i], out);
    }
    if (error != OK) subgroups_close(out);
    return error;
}

void subgroups_close(subgroups *g)
{
    for (int i = 0; i < g->n; i++) samples_close(&g->items[i].members);
    free(g->items);
    *g = (subgroups){NULL, 0};
}

err subgroups_check(const settings *s, const dataset *set)
{
    char place[128];
    settings_place(s, OPTION_OF_subgroups, place, sizeof place);
    for (int i = 0; i < s->subgroups.n; i++)
        for (int c = 0; c < COLUMNS; c++)
            if (strcmp(columns[c].name, s->subgroups.values[i]) == 0 && list_values(set, c).n == 0)
                return err_set(
                    ERR_CONFIG,
                    "%s: the images do not differ by %s, or it is not known of them: samples.csv needs a "
                    "column %s of 2 to %d values",
                    place, columns[c].name, columns[c].name, SUBGROUP_VALUES_MAX);
    return OK;
}

bool subgroup_wanted(const settings *s, const char *name)
{
    size_t length = strcspn(name, "=");
    for (int i = 0; i < s->subgroups.n; i++)
        if (strlen(s->subgroups.values[i]) == length && strncmp(s->subgroups.values[i], name, length) == 0)
            return true;
    return false;
}
