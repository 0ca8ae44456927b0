/* COVIDx (Wang, Lin, Wong 2020): lists of lines "patient file label source". The images come from other
 * collections (Cohen's, Figure1, Actualmed, RSNA and with it NIH): never train on one and test on the other.
 */
#include "data/importers/kinds.h"
#include "data/importers/walk.h"

#include "data/listing.h"

#include <stdio.h>
#include <string.h>

/* Three classes (A), or two (B). */
static const char *const labels[] = {"normal", "pneumonia", "COVID-19", "negative", "positive"};
enum { LABELS = sizeof labels / sizeof *labels, WORDS_MOST = 64 };

typedef struct covidx {
    walk *w;
    const char *split; /* "train", "val" or "test": also the folder of the images */
} covidx;

static bool is_label(const char *word)
{
    for (int k = 0; k < LABELS; k++)
        if (strcmp(word, labels[k]) == 0) return true;
    return false;
}

/* Cuts a line into words; returns how many. */
static int cut(char *content, char *words[WORDS_MOST])
{
    int n = 0;
    for (char *at = content; n < WORDS_MOST;) {
        at += strspn(at, " \t");
        if (!*at) break;
        words[n++] = at;
        at += strcspn(at, " \t");
        if (*at) *at++ = '\0';
    }
    return n;
}

static err take_image(covidx *c, walk_row *row, const char *name, const char *patient, const char *source)
{
    char in_data[16], beside[16], file[PATH_BYTES], whose[512];
    (void)snprintf(in_data, sizeof in_data, "data/%s/", c->split);
    (void)snprintf(beside, sizeof beside, "%s/", c->split);
    const char *const folders[] = {in_data, beside, ""};
    TRY(walk_locate(c->w, folders, 3, name, file));
    /* Each source numbers its patients from 1. */
    (void)snprintf(whose, sizeof whose, "%.200s%s%.200s", source, *source ? ":" : "", patient);
    row->file = file;
    row->id = name;
    row->patient = whose;
    row->split = c->split;
    return walk_image(c->w, row);
}

/* "patient file label source", without the source in the first releases. Names of files may hold blanks. */
static err take_line(void *context, const char *table, int line, char *content)
{
    covidx *c = context;
    walk_row row;
    char *words[WORDS_MOST], name[2048] = "";
    int n = cut(content, words), label = n >= 4 && is_label(words[n - 2]) ? n - 2 : n - 1;
    if (label < 2 || !is_label(words[label]))
        return err_set(ERR_DATA,
                       "%s:%d: must be \"patient file label source\", with a label of normal, pneumonia, "
                       "COVID-19, negative and positive",
                       table, line);
    for (int i = 1; i < label; i++) {
        size_t used = strlen(name);
        (void)snprintf(name + used, sizeof name - used, "%s%s", i > 1 ? " " : "", words[i]);
    }
    walk_row_begin(&row, table, line, 0);
    TRY(walk_set_label(c->w, &row, words[label], 1));
    return take_image(c, &row, name, words[0], label < n - 1 ? words[n - 1] : "");
}

static bool is_list(const char *name, const char *split, const char *variant)
{
    size_t n = strlen(split), length = strlen(name);
    if (length < n + 4 || strncmp(name, split, n) != 0 || strcmp(name + length - 4, ".txt") != 0)
        return false;
    if (length == n + 4) return !*variant; /* train.txt of the later releases */
    if (strncmp(name + n, "_COVIDx", 7) != 0) return false;
    size_t m = strlen(variant);
    return !*variant || (length - n - 7 - 4 == m && strncmp(name + n + 7, variant, m) == 0);
}

/* Finds the split's list in a folder; ERR_USAGE if there are several. */
static err find_list(walk *w, const char *folder, const char *split, char out[PATH_BYTES])
{
    name_list names = {0};
    char path[PATH_BYTES];
    TRY(path_join(path, walk_folder(w), "%s", folder));
    err error = path_exists(path) ? names_read(path, &names) : OK;
    for (size_t i = 0; i < names.n && error == OK; i++) {
        if (!is_list(names.names[i], split, walk_variant(w))) continue;
        if (out[0])
            error = err_set(ERR_USAGE, "%s: has several lists, %s and %s; choose one, such as --variant 8B",
                            walk_folder(w), out, names.names[i]);
        else
            (void)snprintf(out, PATH_BYTES, "%s%s", folder, names.names[i]);
    }
    names_close(&names);
    return error;
}

static err take_split(walk *w, const char *split, bool needed)
{
    covidx c = {.w = w, .split = split};
    char list[PATH_BYTES] = "";
    TRY(find_list(w, "", split, list));
    if (!list[0]) TRY(find_list(w, "labels/", split, list));
    if (list[0]) return walk_lines(w, list, take_line, &c);
    return needed ? err_set(ERR_NO_INPUT, "%s: has no list %s_COVIDx%s.txt or %s.txt", walk_folder(w), split,
                            *walk_variant(w) ? walk_variant(w) : "...", split)
                  : OK;
}

err covidx_walk(walk *w)
{
    TRY(take_split(w, "train", true));
    TRY(take_split(w, "val", false));
    return take_split(w, "test", true);
}
