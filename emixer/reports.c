/* Reports as what the decoder learns from. */
#include "emixer/internal.h"

#include <math.h>
#include <string.h>

/* The words of one sentence, its end behind them if there is room: a sentence of W words or more is cut, and
 * has none. Returns how many ids that makes. */
static int encode_sentence(const emixer_opts *o, const int *words, int count, float *ids, float *previous)
{
    int used = count < o->words ? count + 1 : o->words;
    for (int i = 0; i < o->words; i++) {
        ids[i] = i >= used ? -1.0F : i < count ? (float)words[i] : TOKEN_END;
        previous[i] = i >= used ? -1.0F : i > 0 ? ids[i - 1] : TOKEN_BEGIN;
    }
    return used;
}

void report_encode_target(const emixer_opts *o, const vocabulary *v, const char *cleaned, float *ids,
                          float *previous, float *bags, float *stops)
{
    int words[(MOST_SENTENCES + 1) * MOST_WORDS], counts[MOST_SENTENCES + 1];
    /* One more than is kept: the last one kept is not the report's last if there is another. */
    int n = report_encode_sentences(v, cleaned, o->sentences + 1, o->words, words, counts);
    memset(bags, 0, (size_t)o->sentences * (size_t)o->vocabulary * sizeof *bags);
    for (int s = 0; s < o->sentences; s++) {
        int at = s * o->words, used = 0;
        stops[s] = s < n ? (float)(s == n - 1) : NAN;
        if (s < n) used = encode_sentence(o, words + at, counts[s], ids + at, previous + at);
        for (int i = used; i < o->words; i++) ids[at + i] = previous[at + i] = -1;
        for (int i = 0; i < used && s + 1 < o->sentences && s + 1 < n; i++)
            bags[(s + 1) * o->vocabulary + (int)ids[at + i]]++;
    }
}
