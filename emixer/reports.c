/* Reports as what the decoder learns from. */
#include "emixer/internal.h"

#include <math.h>
#include <string.h>

/* A sentence of `count` words (W), its end behind them if there is room for it; -1 behind that. No words:
 * there is no sentence. Adds what it has to `bag` (V). `previous` and `bag` may be NULL. */
static void encode_sentence(const emixer_opts *o, const int *words, int count, float *ids, float *previous,
                            float *bag)
{
    int used = count == 0 ? 0 : count < o->words ? count + 1 : o->words;
    for (int i = 0; i < o->words; i++) {
        int id = i < count ? words[i] : TOKEN_END;
        ids[i] = i < used ? (float)id : -1.0F;
        if (previous) previous[i] = i >= used ? -1.0F : i == 0 ? (float)TOKEN_BEGIN : ids[i - 1];
        if (i < used && bag) bag[id]++;
    }
}

void report_encode_target(const emixer_opts *o, const vocabulary *v, const char *cleaned, float *ids,
                          float *previous, float *bags, float *stops)
{
    int words[(MOST_SENTENCES + 1) * MOST_WORDS], counts[MOST_SENTENCES + 1];
    /* One sentence more than is kept: the last that is kept is the report's last if there is no other. */
    int n = report_encode_sentences(v, cleaned, o->sentences + 1, o->words, words, counts);
    memset(bags, 0, (size_t)o->sentences * (size_t)o->vocabulary * sizeof *bags);
    for (int s = 0; s < o->sentences; s++) {
        int at = s * o->words;
        float *bag = s + 1 < o->sentences ? bags + (s + 1) * o->vocabulary : NULL;
        encode_sentence(o, words + at, counts[s], ids + at, previous + at, bag);
        stops[s] = s < n ? (float)(s + 1 == n) : NAN;
    }
}

void report_encode_ids(const emixer_opts *o, const int *words, const int *counts, float *ids)
{
    for (int s = 0; s < o->sentences; s++)
        encode_sentence(o, words + s * o->words, counts[s], ids + s * o->words, NULL, NULL);
}
