/* Data sets in memory: 8-bit gray images of one size, labels with unknowns, and who and where each came from.
 *
 * On disk a packed set is a folder of `images.npy` (N,H,W uint8), `labels.npy` (N,K float32, NaN = unknown)
 * and `samples.csv` (id,patient,split,view,source,report,sex,age) plus `labels.csv` (one label name a line,
 * header `label`), so that numpy.load and any spreadsheet open them (before what a spreadsheet would run as a
 * formula stands an apostrophe, see base/text.h). In samples.csv only the column id must be there; columns
 * may come in any order, and others are ignored. No file that it names is ever opened. */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include "base/err.h"
#include "base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sample_info {
    const char *id;      /* unique in the set */
    const char *patient; /* "" = unknown: then the image is its own patient */
    const char *split;   /* the publisher's split, or "" */
    const char *view;    /* "PA", "AP", ... or "UNKNOWN" */
    const char *source;  /* file it came from, or "phantom" */
    const char *report;  /* or "" */
    const char *sex;     /* "F", "M", ... or "" */
    const char *age;     /* in years, a number; or "" */
} sample_info;

/* Read-only to all but its maker. Everything is owned by the set. */
struct samples;

typedef struct dataset {
    int n, height, width, n_labels;
    const uint8_t *images;      /* (N,H,W) */
    const float *labels;        /* (N,K): 0, 1, or NaN = unknown */
    const char **label_names;   /* K */
    const sample_info *samples; /* N */
    hash content; /* of images, labels, label names and all of the samples but `source`, and sex and age,
                     which no model sees: a set has the same wherever and however it is stored */
    void *owner;  /* private */
} dataset;

/* What becomes of a label of -1, by which CheXpert's labeller and its followers say "uncertain". */
typedef enum uncertain_policy { UNCERTAIN_UNKNOWN /* NaN */, UNCERTAIN_ZERO, UNCERTAIN_ONE } uncertain_policy;

/* Opens any source at `size` x `size` pixels:
 *
 * - "phantom:covid", "phantom:chexpert": `count` studies rendered from `seed` (data/phantom/phantom.h). The
 * covid cohort has 3 labels, COVID-19, No Finding, Pneumonia, one-hot; chexpert has 15. "phantom" is
 * "phantom:covid".
 *
 * - "folder:DIR": one sub-folder per class, PNG or JPEG (by content, not by name) of any size, 8 or 16 bit,
 * gray, palette or colour; centre-cropped to a square and resized with an anti-aliasing filter. Labels are
 * one-hot; classes and files come in the order of their names' bytes, and a sample's id is "class/file".
 * Hidden files, and files beside the classes, are left out. A folder inside a class, or a link that leaves
 * DIR, is ERR_DATA.
 *
 * - "packed:DIR": a packed set; its images must already have the size. Labels may also be -1; they are
 * unknown.
 *
 * `count` and `seed` are for the phantom only. ERR_USAGE for an unknown source, a size outside 1..4096
 * (phantom: 16..1024) or a count below 1; ERR_NO_INPUT for a missing or empty folder or class; ERR_DATA
 * naming the file for a truncated or non-image file (the first in order, however many threads read), or
 * naming the sample or label for ids or label names that are not unique and for labels other than 0, 1, -1
 * and NaN. */
err dataset_open(const char *source, int size, int count, uint64_t seed, dataset **out);

/* The same with another policy. */
err dataset_open_uncertain(const char *source, int size, int count, uint64_t seed, uncertain_policy policy,
                           dataset **out);

/* A packed set at the size that it has; uncertain labels are unknown. Errors as above. */
err dataset_open_packed(const char *folder, dataset **out);

/* Wraps copies of the arrays (n,size,size), (n,k) as a set whose samples are named "<source>-<i>". ERR_DATA
 * as above, ERR_USAGE if n, size or k is below 1. */
err dataset_from_arrays(const uint8_t *images, const float *labels, int n, int size, int k,
                        const char *const *label_names, const char *source, dataset **out);

/* A copy of a set with other reports: reports[i] (NULL: none) of sample i. */
err dataset_with_reports(const dataset *set, const char *const *reports, dataset **out);

/* A copy of some samples of a set (NULL: of all), with labels (which->n,K), or the set's own if NULL.
 * ERR_USAGE if there are none; ERR_SYSTEM. */
err dataset_select(const dataset *set, const struct samples *which, const float *labels, dataset **out);

/* A copy of a set with the labels `names` (k): those of the set by their names, others `missing`. ERR_DATA
 * naming a label of the set that is none of them. */
err dataset_with_labels(const dataset *set, const char *const *names, int k, float missing, dataset **out);

void dataset_close(dataset *set);

/* Writes the set as a packed folder (each file atomically; samples.csv last, and an older one is removed
 * first, so that a save cut short does not open). ERR_CANNOT_CREATE, ERR_IO. */
err dataset_save(const dataset *set, const char *folder);

/* Index of a label by its name, ignoring case and treating '_', '-' and ' ' alike; -1 if there is none.
 * ("No_findings" and "No Finding" differ: an 's' is not forgiven.) */
int dataset_label(const dataset *set, const char *name);

/* The class of a sample in a one-hot set: the index of its only positive label, or -1. */
int dataset_class(const dataset *set, int sample);

/* n bytes as pixels in [-1,1]: v/127.5 - 1. */
void pixels_of_bytes(const uint8_t *bytes, size_t n, float *out);

/* Sample i of a set as such pixels, into out (H*W). */
void dataset_pixels(const dataset *set, int i, float *out);

/* A list of samples of a set (indices), owned by whoever holds it; free with samples_close. */
typedef struct samples {
    int *index;
    int n;
} samples;
void samples_close(samples *list);

/* Those of `from` that are the first of their patient there, in its order: independent images. ERR_SYSTEM. */
err samples_per_patient(const dataset *set, const samples *from, samples *out);

typedef struct splits {
    samples train, validation, test;
} splits;

/* Splits by patient, stratified by class (one-hot sets; else by the number of positive labels), seeded: the
 * same set, fractions and seed give the same split. Fractions are of patients. A patient is on one side only,
 * and counts for the rarest of the classes of its images. Every class with at least 3 patients (of no rarer
 * class) has one on each side whose fraction is not 0. Each list is in the set's order. A publisher's split
 * ("train", "validate"/"valid"/"val"/"validation", "test") is kept if every sample has one; of a side that
 * it lacks, `validation` or `test` of its training patients become one. ERR_USAGE unless 0 <= fractions, test
 * > 0, validation + test < 1; ERR_DATA if a side that is wanted stays empty, and for a publisher's split with
 * an unknown name or with one patient on two sides. */
err splits_open(const dataset *set, double validation, double test, uint64_t seed, splits *out);
/* The same, but a patient on two sides of a publisher's split stays on both, each image where it was put: for
 * finding that out, and for those who want it all the same. */
err splits_open_published(const dataset *set, double validation, double test, uint64_t seed, splits *out);
void splits_close(splits *s);

/* The few-shot draw from `from`: `shots` images of class `few`, and at most `most` images of each other class
 * (0: all); *hidden gets the rest, in the order of `from`; so do images of no or of several classes. Seeded.
 * The shots are the last `shots` of *labelled, behind the other classes, so that the draw for fewer shots is
 * a prefix of the draw for more. At most one image per patient for the shots while patients last. ERR_DATA
 * naming the class and both numbers if it has fewer images; ERR_USAGE for a class that is not there or
 * negative numbers. */
err few_shot_open(const dataset *set, const samples *from, int few, int shots, int most, uint64_t seed,
                  samples *labelled, samples *hidden);

/* The draw where labels are few but classes are not singled out: *labelled gets the samples of a `share` of
 * the patients of `from` (rounded up), and of the first patient in the draw's order for each label that would
 * have no positive sample otherwise; *hidden gets the rest. Both in the order of `from`. Seeded; what a
 * smaller share labels, a larger one labels, too. ERR_USAGE unless 0 < share <= 1. */
err labelled_share_open(const dataset *set, const samples *from, double share, uint64_t seed,
                        samples *labelled, samples *hidden);

#endif
