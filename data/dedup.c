#include "data/dedup.h"

#include "data/build.h"

#include <stdlib.h>
#include <string.h>

/* ---- groups: each image has a parent in its group, whose root is its own ---- */

static int root_of(int *parent, int i)
{
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

/* The image that stays is the root. */
static bool stays_before(const dataset *set, int i, int j)
{
    int one = split_side(set->samples[i].split), other = split_side(set->samples[j].split);
    return one != other ? one > other : i < j;
}

int dedup_within(const dataset *set, const near_duplicates *found, bool *leave_out)
{
    int groups = 0, *parent = malloc((size_t)set->n * sizeof *parent);
    bool *grouped = calloc((size_t)set->n, sizeof *grouped);
    for (int i = 0; i < set->n && parent; i++) parent[i] = i;
    for (int p = 0; p < found->n && parent; p++) {
        int a = root_of(parent, found->pairs[p].a), b = root_of(parent, found->pairs[p].b);
        if (a != b) parent[stays_before(set, a, b) ? b : a] = stays_before(set, a, b) ? a : b;
    }
    for (int i = 0; i < set->n && parent && grouped; i++) {
        int root = root_of(parent, i);
        leave_out[i] = root != i;
        if (root == i || grouped[root]) continue;
        grouped[root] = true;
        groups++;
    }
    bool enough = parent && grouped;
    free(parent);
    free(grouped);
    return enough ? groups : -1;
}

void dedup_against(const dataset *set, const near_duplicates *found, bool *leave_out)
{
    for (int i = 0; i < set->n; i++) leave_out[i] = false;
    for (int p = 0; p < found->n; p++) leave_out[found->pairs[p].a] = true;
}

/* ---- counts ---- */

static bool labels_differ(const dataset *a, int i, const dataset *b, int j)
{
    for (int k = 0; k < a->n_labels; k++) {
        int other = a == b ? k : dataset_label(b, a->label_names[k]);
        if (other < 0) continue;
        float x = a->labels[(size_t)i * (size_t)a->n_labels + (size_t)k],
              y = b->labels[(size_t)j * (size_t)b->n_labels + (size_t)other];
        if ((x == 0 && y == 1) || (x == 1 && y == 0)) return true;
    }
    return false;
}

void dedup_count(const dataset *a, const dataset *b, const near_duplicates *found, pair_counts *out)
{
    *out = (pair_counts){.pairs = found->n};
    for (int p = 0; p < found->n; p++) {
        int i = found->pairs[p].a, j = found->pairs[p].b;
        const sample_info *x = &a->samples[i], *y = &b->samples[j];
        bool same = strcmp(x->patient, y->patient) == 0;
        out->other_labels += labels_differ(a, i, b, j);
        if (a != b) continue;
        out->one_patient += x->patient[0] && same;
        out->two_patients += x->patient[0] && y->patient[0] && !same;
        out->two_sides += split_side(x->split) >= 0 && split_side(y->split) >= 0 &&
                          split_side(x->split) != split_side(y->split);
    }
}
