/* The plan of a study: a graph of artifacts, each named by what it depends on.
 *
 *   dataset --+-> generator (per seed and shots) --> synthetic set --+
 *             +------------------------------------------------------+--> trial (per arm, ratio, seed, shots)
 */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include "base/hash.h"
#include "bench/settings.h"

typedef enum artifact_kind {
    KIND_DATASET,   /* the images of data.source at data.size, packed */
    KIND_GENERATOR, /* a trained EMIXER */
    KIND_SYNTHETIC, /* its images, packed */
    KIND_TRIAL,     /* a trained classifier's scores */
    KIND_COUNT
} artifact_kind;

extern const char *const artifact_kind_names[KIND_COUNT];

typedef struct artifact {
    artifact_kind kind;
    hash settings; /* of the text of the settings it depends on */
    hash
        key; /* hash of kind, settings, seed, shots, arm, ratio, the inputs' keys, code, device and threads */
    int inputs[2];   /* indices of artifacts that come before it; -1: none */
    int seed, shots; /* shots: 0 without a few-shot class */
    int arm;         /* index; trials only */
    double ratio;    /* trials only */
    double cost;     /* estimated FLOPs */
    char label[160]; /* "generator, 10 shots, seed 0" */
} artifact;

typedef struct plan {
    artifact *items; /* inputs before what needs them; by seed, then shots, then arm, then ratio */
    int n, capacity;
    int threads;  /* of each process */
    hash weights; /* of the bytes of downstream.weights; "" without */
    hash texts;   /* fingerprint of data.texts; "" without */
} plan;

/* Plans a study; `threads` is the number that every process will use (its count can change the last digits of
 * a result, so it is part of the keys). ERR_NO_INPUT if the data source is not there; ERR_SYSTEM. */
err plan_open(const study *s, int threads, plan *out);
void plan_close(plan *p);

/* The share of synthetic images of an arm under the i-th of its ratios; arm_ratio_count says how many there
 * are. */
int arm_ratio_count(const study *s, int arm_index);
double arm_ratio(const study *s, int arm_index, int i);

#endif
