/* What a generator learns from, as the settings say it, and the generator itself: for `bench run` and `bench
 * train`. */
#ifndef BENCH_LESSONS_H
#define BENCH_LESSONS_H

#include "bench/draws.h"
#include "emixer/emixer.h"

/* Images, reports and words for one training. Close also after a failure. */
typedef struct lesson {
    emixer_data data;                           /* what emixer_train takes */
    struct report_texts *reports, *other_texts; /* private, as all that follows */
    vocabulary *words;
    const char **unpaired;
} lesson;

/* The labelled images with their reports, the hidden ones unless data.unlabelled is none, and, if the
 * settings ask for reports (emixer.pairs), the texts of data.texts and the words of both. Reports of other
 * samples are not kept. `set` and `d` must outlive it. ERR_CONFIG if data.texts are the data themselves;
 * others as the sources report. */
err lesson_open(const settings *s, const dataset *set, const draw *d, lesson *out);
void lesson_close(lesson *l);

/* The cleaned reports of a set and of data.texts, whole, for comparing them; report_texts_close both. */
struct report_texts;
err lesson_texts(const settings *s, const dataset *set, struct report_texts *own,
                 struct report_texts *others);

/* The model that the settings describe, for such a lesson. */
emixer_opts lesson_options(const settings *s, const lesson *l, int seed);

/* Opens a model on the device, and with the precision, of the settings. */
err lesson_model(const settings *s, const emixer_opts *o, emixer **out);

/* "greedy", "sample", "sample:N" (candidates), "beam" or "beam:N" of synthetic.writing. ERR_USAGE starting
 * with `place`. */
err writing_named(const char *place, const char *name, emixer_writing *out);

#endif
