#include "data/importers/labels.h"

#include "data/build.h"

#include <stdlib.h>
#include <string.h>

void label_list_close(label_list *list)
{
    free(list->names);
    *list = (label_list){0};
}

int label_list_find(const label_list *list, const char *name)
{
    for (int k = 0; k < list->n; k++)
        if (label_names_equal(list->names[k], name)) return k;
    return -1;
}

err label_list_add(label_list *list, const char *name)
{
    size_t n = strlen(name);
    if (!list->names) list->names = calloc(WALK_LABELS, sizeof *list->names);
    if (!list->names) return err_set(ERR_SYSTEM, "out of memory for label names");
    if (n == 0) return err_set(ERR_DATA, "a label without a name");
    if (n >= WALK_LABEL_BYTES)
        return err_set(ERR_DATA, "the label \"%.60s...\" has more than %d bytes", name, WALK_LABEL_BYTES - 1);
    if (list->n == WALK_LABELS)
        return err_set(ERR_DATA, "the label \"%s\" would be the %dth; at most %d are possible", name,
                       WALK_LABELS + 1, WALK_LABELS);
    memcpy(list->names[list->n++], name, n + 1);
    return OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

void label_list_settle(label_list *list)
{
    if (!list->declared && list->n > 0)
        qsort(list->names, (size_t)list->n, sizeof *list->names, compare_names);
    list->declared = true;
}

err names_split(const char *flag, const char *joined, name_list *out)
{
    char name[WALK_LABEL_BYTES];
    for (const char *at = joined;; at++) {
        at += strspn(at, " ");
        size_t n = strcspn(at, ","), kept = n;
        while (kept > 0 && at[kept - 1] == ' ') kept--;
        if (kept == 0 || kept >= sizeof name)
            return err_set(ERR_USAGE, "%s %.100s: a name is %s", flag, joined, kept ? "too long" : "empty");
        memcpy(name, at, kept);
        name[kept] = '\0';
        TRY(names_add(out, name));
        at += n;
        if (!*at) return OK;
    }
}

int label_class(const label_list *list, const name_list *classes, const float *labels)
{
    int found = -1;
    for (size_t c = 0; c < classes->n; c++) {
        int k = label_list_find(list, classes->names[c]);
        if (k < 0 || labels[k] != 1) continue;
        if (found >= 0) return -1;
        found = (int)c;
    }
    return found;
}

/* torchxrayvision's common labels, in its order, so that sets can be joined or compared column by column. */
static const char *const xrv18[] = {
    "Atelectasis",  "Consolidation",
    "Infiltration", "Pneumothorax",
    "Edema",        "Emphysema",
    "Fibrosis",     "Effusion",
    "Pneumonia",    "Pleural_Thickening",
    "Cardiomegaly", "Nodule",
    "Mass",         "Hernia",
    "Lung Lesion",  "Fracture",
    "Lung Opacity", "Enlarged Cardiomediastinum",
};
enum { XRV18 = sizeof xrv18 / sizeof *xrv18 };

/* What publishers call some of them. */
static int find_alias(const label_list *list, const char *name)
{
    static const char *const aliases[][2] = {{"Effusion", "Pleural Effusion"},
                                             {"Infiltration", "Infiltrate"},
                                             {"Lung Lesion", "Lesion"},
                                             {"Lung Opacity", "Opacity"}};
    int k = label_list_find(list, name);
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases && k < 0; i++)
        if (strcmp(name, aliases[i][0]) == 0) k = label_list_find(list, aliases[i][1]);
    return k;
}

static err no_label(const char *flag, const char *name, const label_list *list)
{
    text names = {0};
    for (int k = 0; k < list->n; k++) text_printf(&names, "%s%s", k ? ", " : "", list->names[k]);
    err error = err_set(ERR_USAGE, "%s: there is no label \"%s\"; there are %s", flag, name,
                        names.data ? names.data : "none");
    text_close(&names);
    return error;
}

static err choose_names(const label_list *list, const char *flag, const name_list *names, label_choice *out)
{
    if (names->n > WALK_LABELS) return err_set(ERR_USAGE, "%s: at most %d names", flag, WALK_LABELS);
    for (size_t i = 0; i < names->n; i++) {
        int k = label_list_find(list, names->names[i]);
        if (k < 0) return no_label(flag, names->names[i], list);
        out->from[out->n] = k;
        out->names[out->n++] = names->names[i];
    }
    return OK;
}

err label_choice_make(const label_list *list, const import_options *options, const name_list *wanted,
                      const name_list *classes, label_choice *out)
{
    *out = (label_choice){0};
    if (classes->n > 0) return choose_names(list, "--classes", classes, out);
    if (options->labels && strcmp(options->labels, "xrv18") == 0) {
        for (int k = 0; k < XRV18; k++) out->from[k] = find_alias(list, out->names[k] = xrv18[k]);
        out->n = XRV18;
        return OK;
    }
    if (wanted->n > 0) return choose_names(list, "--labels", wanted, out);
    for (int k = 0; k < list->n; k++) {
        out->from[k] = k;
        out->names[k] = list->names[k];
    }
    out->n = list->n;
    return OK;
}
