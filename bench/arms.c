#include "bench/arms.h"

#include <stdio.h>
#include <string.h>

const arm_part arm_parts[] = {
    {"real", ROLE_REAL, "the real training images: the few shots and the other classes"},
    {"classic", ROLE_TRANSFORM,
     "classical augmentation (rotation, shift, zoom, brightness, contrast, noise)"},
    {"emixer", ROLE_SYNTHETIC, "images made by an EMIXER that saw the same training images"},
};
const int arm_part_count = (int)(sizeof arm_parts / sizeof arm_parts[0]);

static const char *const role_names[ROLE_COUNT] = {"real", "transform", "synthetic"};

static const arm_part *find_part(const char *name, size_t length)
{
    for (int i = 0; i < arm_part_count; i++)
        if (strlen(arm_parts[i].name) == length && strncmp(arm_parts[i].name, name, length) == 0)
            return &arm_parts[i];
    return NULL;
}

static err unknown_part(const char *name, const char *part, size_t length, const char *place)
{
    text known = {0};
    for (int i = 0; i < arm_part_count; i++) text_printf(&known, "%s%s", i ? ", " : "", arm_parts[i].name);
    err error = err_set(ERR_CONFIG, "%s: arm %.80s: there is no part \"%.*s\"; there are %s", place, name,
                        (int)length, part, known.data ? known.data : "");
    text_close(&known);
    return error;
}

static void canonical_name(arm *a)
{
    a->name[0] = '\0';
    for (int i = 0; i < arm_part_count; i++) {
        if (a->parts[arm_parts[i].role] != &arm_parts[i]) continue;
        size_t used = strlen(a->name);
        (void)snprintf(a->name + used, sizeof a->name - used, "%s%s", used ? "+" : "", arm_parts[i].name);
    }
}

err arm_parse(const char *name, const char *place, arm *out)
{
    *out = (arm){0};
    const char *next = name;
    for (;;) {
        size_t length = strcspn(next, "+");
        const arm_part *part = find_part(next, length);
        if (!part) return unknown_part(name, next, length, place);
        if (out->parts[part->role])
            return err_set(ERR_CONFIG, "%s: arm %.80s: %s and %s are both its %s part; one is allowed", place,
                           name, out->parts[part->role]->name, part->name, role_names[part->role]);
        out->parts[part->role] = part;
        if (next[length] == '\0') break;
        next += length + 1;
    }
    if (!out->parts[ROLE_REAL] && !out->parts[ROLE_SYNTHETIC])
        return err_set(ERR_CONFIG, "%s: arm %.80s has no images: add real or a synthetic part", place, name);
    canonical_name(out);
    return OK;
}

bool arm_mixes(const arm *a)
{
    return a->parts[ROLE_REAL] && a->parts[ROLE_SYNTHETIC];
}

double arm_only_ratio(const arm *a)
{
    return a->parts[ROLE_REAL] ? 0 : 1;
}

int arm_find(const arm *arms, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(arms[i].name, name) == 0) return i;
    return -1;
}

/* One side of a contrast, by any order of its parts. */
static err find_side(const char *name, const arm *arms, int n, const char *place, int *out)
{
    arm side;
    TRY(arm_parse(name, place, &side));
    *out = arm_find(arms, n, side.name);
    if (*out < 0)
        return err_set(ERR_CONFIG, "%s: the contrast's arm %s is not in experiment.arms", place, side.name);
    return OK;
}

err contrast_parse(const char *spelled, const arm *arms, int n, const char *place, contrast *out)
{
    char left[TEXT_ITEM_BYTES], right[TEXT_ITEM_BYTES], surplus;
    _Static_assert(TEXT_ITEM_BYTES == 192, "the widths below");
    if (sscanf(spelled, " %191s - %191s %c", left, right, &surplus) != 2)
        return err_set(ERR_CONFIG,
                       "%s: contrast \"%.80s\": write ARM - BASELINE, with blanks around the minus", place,
                       spelled);
    TRY(find_side(left, arms, n, place, &out->arm));
    TRY(find_side(right, arms, n, place, &out->baseline));
    if (out->arm == out->baseline)
        return err_set(ERR_CONFIG, "%s: contrast \"%.80s\" compares an arm with itself", place, spelled);
    return OK;
}

static int add_contrast(contrast *out, int count, int room, int a, int baseline)
{
    if (a == baseline || baseline < 0) return count;
    for (int i = 0; i < count; i++)
        if (out[i].arm == a && out[i].baseline == baseline) return count;
    if (count < room) out[count++] = (contrast){a, baseline};
    return count;
}

/* Index of the arm like `a`, but without its synthetic part. */
static int without_synthetic(const arm *arms, int n, const arm *a)
{
    if (!arm_mixes(a)) return -1;
    arm rest = *a;
    rest.parts[ROLE_SYNTHETIC] = NULL;
    canonical_name(&rest);
    return arm_find(arms, n, rest.name);
}

int contrasts_default(const arm *arms, int n, contrast *out, int room)
{
    int count = 0, real = arm_find(arms, n, "real");
    for (int i = 0; i < n; i++) {
        count = add_contrast(out, count, room, i, real);
        count = add_contrast(out, count, room, i, without_synthetic(arms, n, &arms[i]));
    }
    return count;
}

void arms_help(text *out)
{
    text_printf(out, "An arm is written as parts joined by '+': at most one of each role, at least one of\n"
                     "the roles real and synthetic.\n\n");
    for (int i = 0; i < arm_part_count; i++)
        text_printf(out, "  %-10s %-10s %s\n", arm_parts[i].name, role_names[arm_parts[i].role],
                    arm_parts[i].help);
    text_printf(out,
                "\nArms that mix real and synthetic images are run once for each of experiment.ratios.\n");
}
