/* results.csv: one row a trial. */
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

#include "bench/plan.h"
#include "bench/scores.h"
#include "bench/store.h"

enum { TRAIN_IMAGES_BYTES = 512 };

typedef struct trial_row {
    char arm[ARM_NAME_BYTES];
    int shots, seed, steps, threads;
    double labelled; /* share of the training patients that keep their labels; 1 with a few-shot class */
    char model[MODEL_NAME_BYTES];
    double ratio;     /* share of synthetic images in a batch */
    unsigned allowed; /* guards that are broken by what it depends on (bench/guards.h): bit 1 << index */
    bool done;        /* else it failed, as message tells, and its scores are NaN */
    char message[MANIFEST_MESSAGE_BYTES];
    scores values;
    char train_images[TRAIN_IMAGES_BYTES]; /* labelled training images by class: "COVID-19:10|No Finding:300"
                                            */
    double seconds;
    char data_hash[33], settings_hash[33], code_hash[33];
} trial_row;

typedef struct results {
    char experiment[128];
    task_kind task; /* whose scores the rows have */
    trial_row *rows;
    int n;
} results;

/* Reads the finished trials of a plan, in its order. ERR_DATA naming a damaged artifact. */
err results_collect(const study *experiment, const plan *p, const store *s, results *out);

/* Columns: experiment, arm, shots, ratio, seed, status ("done" or "failed"), the task's scores in their order
 * (9 digits, empty where undefined), train_images, labelled, model, steps, threads, seconds, data_hash,
 * settings_hash, code_hash, allowed (broken guards, "a|b"; a file that is read may lack it), message. Only
 * `seconds` differs when the same trials are run again. */
err results_write(const results *r, const char *path);

/* Of trials of that task. Without columns labelled and model, as earlier builds wrote them, these are 0 and
 * "". ERR_NO_INPUT; ERR_DATA naming file, line and column. */
err results_read(const char *path, task_kind task, results *out);

/* Marks rows of the plan's trials by what guards found (plan's n). */
void results_allow(results *r, const plan *p, const unsigned *found);

void results_close(results *r);

#endif
