/* Arms: what a classifier is trained on, written as parts joined by '+'. */
#ifndef BENCH_ARMS_H
#define BENCH_ARMS_H

#include "bench/options.h"

/* What a part contributes. An arm has at most one part of each role, and at least one source of images. */
typedef enum arm_role {
    ROLE_REAL,      /* the real training images */
    ROLE_TRANSFORM, /* what is done to every image */
    ROLE_SYNTHETIC, /* a second set of images, mixed into the batches */
    ROLE_COUNT
} arm_role;

typedef struct arm_part {
    const char *name;
    arm_role role;
    const char *help;
} arm_part;

/* The grammar: one line a part, in the canonical order of an arm's name. */
extern const arm_part arm_parts[];
extern const int arm_part_count;

enum { ARM_NAME_BYTES = 96 };

typedef struct arm {
    char name[ARM_NAME_BYTES];         /* canonical: parts in the table's order */
    const arm_part *parts[ROLE_COUNT]; /* by role; NULL = absent */
} arm;

/* Reads "real+classic". ERR_CONFIG starting with `place` for an unknown part (with a list of those that
 * exist), two parts of one role, or no source of images. */
err arm_parse(const char *name, const char *place, arm *out);

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

/* The default contrasts: each arm against `real`, and each arm with synthetic images against the same arm
 * without them; no pair twice. At most `room` into out; returns their number. */
int contrasts_default(const arm *arms, int n, contrast *out, int room);

/* The grammar as help text. */
void arms_help(text *out);

#endif
