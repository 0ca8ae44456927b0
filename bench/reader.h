/* The reader study of `bench reader`: can people tell real from synthetic, and how good do they find both?
 *
 * The form has real and synthetic pairs of image and report in random order. The key says which is which; the
 * form carries the hash of its bytes as the study's name, and so do the answers. */
#ifndef BENCH_READER_H
#define BENCH_READER_H

#include "base/text.h"
#include "data/dataset.h"

enum { READER_QUESTIONS = 4, READER_GUESS = 3, READER_SCORES = 5 };

/* A question of the form: columns of the answers, in this order. The last asks for a guess, the others for a
 * score of 1 to READER_SCORES. */
typedef struct reader_question {
    const char *column, *name, *low, *high; /* what 1 and READER_SCORES mean */
    bool of_report;                         /* it is not asked without reports */
} reader_question;
extern const reader_question reader_questions[READER_QUESTIONS];

typedef enum reader_kind { READER_REAL, READER_SYNTHETIC } reader_kind;
extern const char *const reader_kind_names[2]; /* in key and answers */

/* ---- making */

typedef struct reader_item {
    reader_kind kind;
    int index;   /* in its set */
    text report; /* as it is shown; empty without */
} reader_item;

typedef struct reader_study {
    dataset *sets[2];   /* by reader_kind; owned */
    reader_item *items; /* in the form's order; owned */
    int n;
    bool with_reports;
} reader_study;

/* Draws `pairs` real and as many synthetic samples of two packed sets by `seed`, at most one image of a
 * patient while patients last, and mixes them. With reports only samples that have one are drawn, and the
 * reports of both kinds are cleaned and written out by the same rules (data/report_text.h). ERR_DATA if the
 * sets differ in size or have too few samples; others as dataset_open. */
err reader_study_open(const char *real, const char *synthetic, int pairs, int seed, bool with_reports,
                      reader_study *out);
void reader_study_close(reader_study *s);

/* The key as CSV: item (from 1), kind, row (in its set, from 0), id, content (hash of the set), seal. The
 * seal, a number that is in no other file, keeps the key from being found by trying. ERR_SYSTEM. */
err reader_key(const reader_study *s, int seed, text *out);

/* The form of the study that is named `study`. Nothing in it depends on which is which but pixels and words.
 * ERR_SYSTEM. */
err reader_form(const reader_study *s, const char *study, text *out);

/* ---- scoring */

enum { READER_NAME_BYTES = 64, READERS_MOST = 64 };

/* What the readers answered. */
typedef struct reader_answers {
    int items, readers;
    reader_kind *kinds;                          /* (items) */
    char names[READERS_MOST][READER_NAME_BYTES]; /* of the readers, in the order of the files */
    int *values; /* (readers, items, READER_QUESTIONS): scores from 1, guesses as
                    reader_kind; -1 where there is none */
} reader_answers;

/* Reads the key and n files of answers. ERR_DATA naming file and line for answers to another study, an
 * unknown item or answer, a reader who answered an item twice; ERR_NO_INPUT, ERR_SYSTEM. */
err reader_answers_open(const char *key, const char *const *files, int n, reader_answers *out);
void reader_answers_close(reader_answers *a);

/* The answer of a reader, or -1. */
int reader_answer(const reader_answers *a, int reader, int item, int question);

/* Appends what the answers show. ERR_SYSTEM. */
err reader_report(const reader_answers *a, text *out);

/* Difference of two means with its 95% interval: Welch's t over the values that are not NaN, with degrees of
 * freedom by Welch and Satterthwaite, rounded down. NaN where undefined. */
typedef struct reader_difference {
    double mean[2], difference, low, high; /* difference: mean[1] - mean[0] */
    int n[2];
} reader_difference;
reader_difference reader_compare(const double *values, const reader_kind *kinds, int n);

#endif
