/* How the sources in this folder make a dataset: dataset_begin, fill in, dataset_finish. Private to data/. */
#ifndef DATA_BUILD_H
#define DATA_BUILD_H

#include "base/strings.h"
#include "data/dataset.h"
#include "data/npy.h"

/* What dataset.owner points to: the writable side of the same arrays. */
typedef struct dataset_memory {
    uint8_t *images; /* (N,H,W), or NULL where image_file holds them */
    npy image_file;
    float *labels;            /* (N,K) */
    const char **label_names; /* K */
    sample_info *samples;     /* N */
    string_store strings;
} dataset_memory;

/* A set of zeros for n samples of (height,width) and k labels. With `mapped`, takes the open file over (also
 * on failure) and its data become the images. ERR_USAGE for sizes below 1 or too large, ERR_SYSTEM. */
err dataset_begin(int n, int height, int width, int k, npy *mapped, dataset **out);

dataset_memory *dataset_memory_of(const dataset *set);

/* Keep copies of the strings. ERR_SYSTEM. */
err dataset_set_label(dataset *set, int k, const char *name);
err dataset_set_sample(dataset *set, int i, const sample_info *info);

/* Checks what every set promises, makes all NaN labels one NaN, and hashes the content. ERR_DATA naming the
 * sample or label if ids or label names are empty or not unique, or a label is not 0, 1 or NaN. */
err dataset_finish(dataset *set);

/* Labels of -1 become what the policy says. */
void labels_decide(float *labels, size_t n, uncertain_policy policy);

/* Whether two names mean the same label: case does not count, and '_', '-' and ' ' are alike. */
bool label_names_equal(const char *a, const char *b);

/* ERR_DATA if a name is empty, or two are the same. */
err label_names_check(const char *const *names, int k);

/* The side that a split's name means, whatever its publisher's spelling; -1: none. */
enum { SPLIT_TRAIN, SPLIT_VALIDATION, SPLIT_TEST, SPLIT_SIDES };
int split_side(const char *name);

/* The sources. Each makes a finished set. */
err phantom_set_open(const char *cohort, int size, int count, uint64_t seed, dataset **out);
err folder_set_open(const char *folder, int size, dataset **out);
/* size 0: whatever size the images have */
err packed_set_open(const char *folder, int size, uncertain_policy policy, dataset **out);

/* The failure of the lowest index among those of a parallel loop: the same for any number of threads. */
typedef struct first_failure {
    int index; /* set to INT_MAX before the loop; a loop may leave out what lies above it */
    err code;
    char message[1024];
} first_failure;

/* Notes this thread's failure at `index`. Safe in a parallel loop. */
void failure_note(first_failure *f, int index, err code);
bool failure_before(first_failure *f, int index);
/* The failure as this thread's, or OK. */
err failure_result(const first_failure *f);

#endif
