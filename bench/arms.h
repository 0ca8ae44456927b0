/* Arms: what a classifier is trained on, written as parts joined by '+'. */
#ifndef BENCH_ARMS_H
#define BENCH_ARMS_H

#include "bench/options.h"

/* What a part contributes. An arm has at most one part of each role, and at least one source of images. */
typedef enum arm_role {
    ROLE_REAL,      /* the real training images */
    ROLE_TRANSFORM, /* what is done to every image */
    ROLE_SYNTHETIC, /* a second set of images, mixed into the batches: synthetic ones, or a control's */
    ROLE_FILTER,    /* which images of the second set are left */
    ROLE_COUNT
} arm_role;

/* Where a second set comes from (bench/second_sets.h). */
typedef enum arm_images {
    IMAGES_NONE, /* the part brings none */
    IMAGES_EMIXER,
    IMAGES_FOLDER,
    IMAGES_PACKED,
    IMAGES_DUPLICATE,
    IMAGES_SHUFFLED,
    IMAGES_PSEUDO,
    IMAGES_ORACLE,
    IMAGES_COUNT
} arm_images;

typedef struct arm_part {
    const char *name; /* ends in ':' if a folder follows */
    arm_role role;
    arm_images images;
    const char *help;
} arm_part;

/* The grammar: one line a part, in the canonical order of an arm's name. */
extern const arm_part arm_parts[];
extern const int arm_part_count;

enum { ARM_NAME_BYTES = 224, ARM_FOLDER_BYTES = 192 };

typedef struct arm {
    char name[ARM_NAME_BYTES];         /* canonical: parts in the table's order */
    const arm_part *parts[ROLE_COUNT]; /* by role; NULL = absent */
    char folder[ARM_FOLDER_BYTES];     /* of folder:DIR and packed:DIR; "" */
} arm;

/* Reads "real+classic". ERR_CONFIG starting with `place` for an unknown part (with a list of those that
 * exist), two parts of one role, no source of images, a filter of nothing, or a folder whose name is empty
 * or has blanks or quotes (it becomes a word of tables and of the figure's script). A folder's name ends at
 * the next '+'. */
err arm_parse(const char *name, const char *place, arm *out);

/* Where its second set comes from; IMAGES_NONE without one. */
arm_images arm_images_of(const arm *a);

/* True if its second set is made by a generator that the run trains. */
bool arm_generates(const arm *a);

/* The source (data/dataset.h) of folder:DIR or packed:DIR, with "{seed}" and "{shots}" in DIR filled in. */
enum { ARM_SOURCE_BYTES = 1024 };
void arm_source(const arm *a, int seed, int shots, char out[ARM_SOURCE_BYTES]);

/* True if two arms have the same second set. */
bool arm_same_images(const arm *a, const arm *b);

/* True if its batches mix real and synthetic images, so that a ratio matters. */
bool arm_mixes(const arm *a);

/* Share of synthetic images where nothing is mixed: 0 or 1. */
double arm_only_ratio(const arm *a);

/* Index of the arm with this canonical name, -1 if there is none. */
int arm_find(const arm *arms, int n, const char *name);

typedef struct contrast {
    int arm, baseline; /* indices */
} contrast;

/* Reads "ARM - BASELINE"; both must be among the n arms. ERR_CONFIG starting with `place`. */
err contrast_parse(const char *spelled, const arm *arms, int n, const char *place, contrast *out);

/* The default contrasts: each arm against `real`, each arm with a second set against the same arm without it,
 * and each filtered arm against the same unfiltered one; no pair twice. At most `room` into out; returns
 * their number. */
int contrasts_default(const arm *arms, int n, contrast *out, int room);

/* The grammar as help text. */
void arms_help(text *out);

#endif
