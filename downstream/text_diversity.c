#include "downstream/ngrams.h"
#include "downstream/text_metrics.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* The different (order+1)-grams of the texts; `met` (table size + 1) is scratch, all false. */
static long long count_distinct(const ngrams *texts, int n, int order, bool *met)
{
    long long distinct = 0;
    for (int i = 0; i < n; i++)
        for (int at = 0; at < texts[i].count[order]; at++) {
            bool *seen = &met[texts[i].sorted[order][at]]; /* an n-gram's number is of one order only */
            distinct += !*seen;
            *seen = true;
        }
    return distinct;
}

static err measure(const ngram_table *table, const ngrams *texts, int n, text_diversity *out)
{
    bool *met = calloc((size_t)ngram_table_size(table) + 1, sizeof *met);
    if (!met) return err_set(ERR_SYSTEM, "out of memory for %u n-grams", (unsigned)ngram_table_size(table));
    for (int order = 0; order < NGRAM_ORDERS; order++) {
        long long all = 0;
        for (int i = 0; i < n; i++) all += texts[i].count[order];
        if (all) out->distinct[order] = (double)count_distinct(texts, n, order, met) / (double)all;
        if (order == 0 && n) out->mean_tokens = (double)all / n;
    }
    free(met);
    return OK;
}

err metric_diversity(const char *const *texts, int n, text_diversity *out)
{
    int opened = 0;
    ngram_table *table;
    *out = (text_diversity){{NAN, NAN, NAN, NAN}, NAN};
    TRY(ngram_table_open(&table));
    ngrams *all = malloc(((size_t)n + 1) * sizeof *all);
    err error = all ? OK : err_set(ERR_SYSTEM, "out of memory for %d texts", n);
    for (; opened < n && error == OK; opened++) error = ngrams_open(table, texts[opened], &all[opened]);
    if (error == OK) error = measure(table, all, n, out);
    for (int i = 0; i < opened; i++) ngrams_close(&all[i]);
    free(all);
    ngram_table_close(table);
    return error;
}
