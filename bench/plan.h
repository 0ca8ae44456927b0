/* The plan of a study: a graph of artifacts, each named by what it depends on.
 *
 *   dataset --+-> generator --> synthetic set --+--> trial (per arm and ratio)
 *             +-> teacher ---------^            |
 *             +-------------------------------- +
 *
 * all but the data set per seed and budget of labels (label_budget), trials also per model. A synthetic set
 * is the second set of an arm (bench/second_sets.h): of a generator, of a folder, or of real images for a
 * control. Guards (bench/guards.h) come before what they guard.
 */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include "base/hash.h"
#include "bench/settings.h"

typedef enum artifact_kind {
    KIND_DATASET,   /* the images of data.source at data.size, packed */
    KIND_TWINS,     /* pairs of its images that are alike */
    KIND_GUARD,     /* what guards found: of a split, or of a generator's images */
    KIND_GENERATOR, /* a trained EMIXER */
    KIND_TEACHER,   /* a classifier of the labelled images: labels hidden ones, and filters synthetic ones */
    KIND_SYNTHETIC, /* the second set of an arm, packed */
    KIND_TRIAL,     /* a trained model's scores */
    KIND_COUNT
} artifact_kind;

extern const char *const artifact_kind_names[KIND_COUNT];

enum { ARTIFACT_INPUTS = 3, ARTIFACT_NEEDS = ARTIFACT_INPUTS + 1 };

typedef struct artifact {
    artifact_kind kind;
    hash settings; /* of the text of the settings it depends on */
    hash key; /* hash of kind, settings, seed, shots, labelled, model, arm, ratio, the inputs' keys, code,
                 device and threads */
    int inputs[ARTIFACT_INPUTS]; /* indices of artifacts that it is made of; -1: none. The data set; a
                                    synthetic set's generator or unfiltered set, a trial's synthetic set; a
                                    synthetic set's teacher. Of a guard: the data set, and its twins or
                                    the images that it looks at */
    int after;                   /* index of the guard that comes before it, -1: none. Not part of the key */
    int seed, shots;             /* shots: 0 without a few-shot class */
    double labelled;             /* share of the training patients that keep their labels */
    int model;                   /* index of study_models; -1: it has none */
    int arm;                     /* index; of a folder's images: the first arm that has them; -1: none */
    arm_images images;           /* of synthetic sets and their guards: where they come from, */
    bool filtered;               /* and whether some were left out */
    double ratio;                /* trials only */
    double cost;                 /* estimated FLOPs */
    char label[160];             /* "generator, 10 shots, seed 0" */
} artifact;

typedef struct plan {
    artifact *items; /* inputs before what needs them; by seed, then shots or labelled, then model, then arm,
                        then ratio */
    int n, capacity;
    int threads;                 /* of each process */
    hash weights;                /* of the bytes of downstream.weights; "" without */
    hash texts;                  /* fingerprint of data.texts; "" without */
    struct plan_folder *folders; /* private: the arms' folders that were looked at */
    int n_folders;
    struct plan_settings *settings; /* private: hashes of settings */
} plan;

/* Plans a study; `threads` is the number that every process will use (its count can change the last digits of
 * a result, so it is part of the keys). ERR_NO_INPUT if the data source is not there; ERR_SYSTEM. */
err plan_open(const study *s, int threads, plan *out);
void plan_close(plan *p);

/* The indices of the artifacts that must be done before this one is made: its guard, then its inputs. Returns
 * how many there are. */
int artifact_needs(const artifact *a, int out[ARTIFACT_NEEDS]);

/* Keeps the first trials of a plan and what they need. ERR_SYSTEM. */
err plan_limit(plan *p, int trials);

/* The share of synthetic images of an arm under the i-th of its ratios; arm_ratio_count says how many there
 * are. */
int arm_ratio_count(const study *s, int arm_index);
double arm_ratio(const study *s, int arm_index, int i);

#endif
