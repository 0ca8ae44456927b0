/* What `bench score` measures: one set of images against another. Private to score*.c. */
#ifndef BENCH_SCORE_H
#define BENCH_SCORE_H

#include "bench/settings.h"
#include "data/dataset.h"
#include "downstream/copies.h"
#include "downstream/set_metrics.h"
#include "downstream/text_metrics.h"

/* score.c: the command line. */
typedef struct score_request {
    const char *synthetic, *real; /* sources of data/dataset.h, or both features as .npy */
    const char *training;         /* features of training images, .npy, or NULL */
    const char *classifier;       /* weights to load, or NULL: trained on the spot */
    const char *out;              /* folder, or NULL */
    int k, splits, seed;
    settings s;
} score_request;

/* Images in random order, and what the classifier makes of them. */
typedef struct side {
    const dataset *set; /* NULL: there are features only */
    samples list;       /* of the set; without one, rows of the file */
    float *features;    /* (n,d) */
    float *probabilities,
        *truth; /* (n,labels): of the real set's labels, NaN = unknown; NULL without a set */
} side;

/* score_sides.c: all that is compared. */
typedef struct sides {
    side synthetic, held_out, training; /* training.list.n is 0 if there are no training features */
    dataset *synthetic_set, *real_set;
    int d, labels; /* features; labels of the real set, 0 without one */
    bool one_hot;  /* classes rather than labels */
    hash synthetic_hash, real_hash, classifier_hash;
    char classifier[96]; /* "densenet_small, trained in 300 updates", or "" */
} sides;

/* Opens both sources, splits the real one, trains or loads the classifier and keeps it in r->out. Close also
 * after a failure. */
err sides_open(const score_request *r, sides *out);
void sides_close(sides *s);

/* score_rows.c: a group of images: all of them, or those of one label. */
typedef struct score_row {
    const char *group; /* "all", a label's name, or "training images" */
    int n_synthetic, n_real;
    double fid;
    kid_estimate kid;
    set_overlap overlap;
    double auroc_synthetic, auroc_held_out; /* of the label against the rest; all: their mean */
    inception_score inception_synthetic, inception_held_out; /* all, of classes; else NaN */
} score_row;

/* *out: all, the training images as if they were synthetic (n 0 if there are none), then each label;
 * 2 + labels rows, owned by the caller. */
enum { ROW_ALL, ROW_TRAINING, ROW_LABELS, KID_GROUPS = 10 };
err score_rows_open(const score_request *r, const sides *s, score_row **out);

/* AUROC of the classifier's probabilities of label k for `count` images of a side, image[i] of its list
 * (NULL: the first ones, in order), against truth (count,labels), NaN = unknown. ERR_SYSTEM. */
err side_auroc(const side *x, int labels, int k, const int *image, const float *truth, int count,
               double *out);

/* Means over the labels that have a value on both sides: other labels would make the two incomparable. NaN
 * without any. */
typedef struct shared_sum {
    double synthetic, held_out;
    int n;
} shared_sum;
void shared_sum_add(shared_sum *s, double synthetic, double held_out);
void shared_sum_means(const shared_sum *s, double *synthetic, double *held_out);

/* score_copies.c: of synthetic images, in the space of features and, of sets, in the space of pixels. */
enum { COPY_SPACES = 2 };
extern const char *const copy_spaces[COPY_SPACES];
typedef struct copy_report {
    copy_verdict verdict;
    int spaces;                             /* 0 if there are too few training images */
    copy_test tests[COPY_SPACES];           /* by the relative distance */
    double distance_scores[COPY_SPACES];    /* the same score by the distance alone */
    nearest_training *nearest[COPY_SPACES]; /* (n_synthetic), owned */
} copy_report;

err copy_report_open(const sides *s, copy_report *out);
void copy_report_close(copy_report *c);
/* copies.csv and, if the sheet is wanted, copies.png. */
err copy_report_write(const sides *s, const copy_report *c, bool sheet, const char *folder);

/* score_reports.c: reports against the labels of their images, and among themselves. */
typedef struct report_scores {
    int n;                     /* images with a report */
    int compared;              /* of them, whose variety is measured: equally many of both sides */
    double micro_f1, macro_f1; /* clinical, over the labels that the labeller knows */
    double *f1;                /* (labels) NaN where unknown or undefined; owned */
    double *agreement;         /* (labels) AUROC of what the classifier sees in the images against what their
                                  reports say; NaN as f1; owned */
    double mean_agreement;     /* over the labels that have one on both sides */
    text_diversity diversity;  /* of `compared` reports */
    double verbatim;           /* share that is word for word a training image's report */
} report_scores;

/* Reports of both sides; n is 0 for both unless both have some. */
typedef struct report_pair {
    report_scores synthetic, held_out;
} report_pair;

err report_pair_open(const sides *s, report_pair *out);
void report_pair_close(report_pair *p);

/* score_print.c */
typedef struct score_all {
    const score_request *request;
    const sides *sides;
    const score_row *rows;
    const copy_report *copies;
    const report_pair *reports;
} score_all;
err score_print(const score_all *a);
err score_write(const score_all *a, const char *folder); /* score.csv */

#endif
