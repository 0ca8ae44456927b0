#include "bench/arms.h"

#include <stdio.h>
#include <string.h>

const arm_part arm_parts[] = {
    {"real", ROLE_REAL, IMAGES_NONE, "the real training images: the few shots and the other classes"},
    {"classic", ROLE_TRANSFORM, IMAGES_NONE,
     "classical augmentation (rotation, shift, zoom, brightness, contrast, noise)"},
    {"emixer", ROLE_SYNTHETIC, IMAGES_EMIXER, "images made by an EMIXER that saw the same training images"},
    {"folder:", ROLE_SYNTHETIC, IMAGES_FOLDER,
     "images of any generator: folder:DIR, one sub-folder per class; {seed} and {shots} in DIR are filled "
     "in"},
    {"packed:", ROLE_SYNTHETIC, IMAGES_PACKED, "the same from a packed set, such as `bench synth` makes"},
    {"duplicate", ROLE_SYNTHETIC, IMAGES_DUPLICATE, "control: the real training images again; must not help"},
    {"shuffled", ROLE_SYNTHETIC, IMAGES_SHUFFLED,
     "control: EMIXER's images with their labels and reports permuted; must not help"},
    {"pseudo", ROLE_SYNTHETIC, IMAGES_PSEUDO,
     "no generator: the hidden training images, labelled by a classifier trained on the others"},
    {"oracle", ROLE_SYNTHETIC, IMAGES_ORACLE,
     "ceiling: the hidden training images with their true labels, which no generator is told"},
    {"filtered", ROLE_FILTER, IMAGES_NONE,
     "only synthetic images that such a classifier recognises, and that are as near to real ones as those"},
};
const int arm_part_count = (int)(sizeof arm_parts / sizeof arm_parts[0]);

static const char *const role_names[ROLE_COUNT] = {"real", "transform", "synthetic", "filter"};

static bool takes_folder(const arm_part *part)
{
    return part->name[strlen(part->name) - 1] == ':';
}

static const arm_part *find_part(const char *name, size_t length)
{
    for (int i = 0; i < arm_part_count; i++) {
        size_t own = strlen(arm_parts[i].name);
        if ((takes_folder(&arm_parts[i]) ? length >= own : length == own) &&
            strncmp(arm_parts[i].name, name, own) == 0)
            return &arm_parts[i];
    }
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
        (void)snprintf(a->name + used, sizeof a->name - used, "%s%s%s", used ? "+" : "", arm_parts[i].name,
                       takes_folder(&arm_parts[i]) ? a->folder : "");
    }
}

static err take_folder(const char *name, const char *folder, size_t length, const char *place, arm *out)
{
    if (length == 0 || length >= sizeof out->folder)
        return err_set(ERR_CONFIG, "%s: arm %.80s: a folder of 1 to %zu characters must follow the ':'",
                       place, name, sizeof out->folder - 1);
    memcpy(out->folder, folder, length);
    out->folder[length] = '\0';
    if (out->folder[strcspn(out->folder, " \t\"'\\")])
        return err_set(ERR_CONFIG,
                       "%s: arm %.80s: blanks, quotes and backslashes in a folder's name would "
                       "split it in tables; give it another name, or a link",
                       place, name);
    return OK;
}

static err take_part(const char *name, const char *part_name, size_t length, const char *place, arm *out)
{
    const arm_part *part = find_part(part_name, length);
    if (!part) return unknown_part(name, part_name, length, place);
    if (out->parts[part->role])
        return err_set(ERR_CONFIG, "%s: arm %.80s: %s and %s are both its %s part; one is allowed", place,
                       name, out->parts[part->role]->name, part->name, role_names[part->role]);
    out->parts[part->role] = part;
    size_t own = strlen(part->name);
    return takes_folder(part) ? take_folder(name, part_name + own, length - own, place, out) : OK;
}

/* What is filtered must be somebody's idea of an image of a class: real images and their controls are not. */
static err check_filter(const arm *a, const char *name, const char *place)
{
    arm_images from = arm_images_of(a);
    bool made = from == IMAGES_EMIXER || from == IMAGES_FOLDER || from == IMAGES_PACKED;
    if (!a->parts[ROLE_FILTER] || made) return OK;
    return err_set(ERR_CONFIG, "%s: arm %.80s: filtered is for emixer, folder:DIR or packed:DIR", place,
                   name);
}

err arm_parse(const char *name, const char *place, arm *out)
{
    *out = (arm){0};
    const char *next = name;
    for (;;) {
        size_t length = strcspn(next, "+");
        TRY(take_part(name, next, length, place, out));
        if (next[length] == '\0') break;
        next += length + 1;
    }
    TRY(check_filter(out, name, place));
    if (!out->parts[ROLE_REAL] && !out->parts[ROLE_SYNTHETIC])
        return err_set(ERR_CONFIG, "%s: arm %.80s has no images: add real or a synthetic part", place, name);
    canonical_name(out);
    return OK;
}

arm_images arm_images_of(const arm *a)
{
    return a->parts[ROLE_SYNTHETIC] ? a->parts[ROLE_SYNTHETIC]->images : IMAGES_NONE;
}

bool arm_generates(const arm *a)
{
    arm_images from = arm_images_of(a);
    return from == IMAGES_EMIXER || from == IMAGES_SHUFFLED;
}

/* A name of at most ARM_FOLDER_BYTES has at most 32 "{seed}", and a number at most 11 digits. */
void arm_source(const arm *a, int seed, int shots, char out[ARM_SOURCE_BYTES])
{
    static const char seed_word[] = "{seed}", shots_word[] = "{shots}";
    size_t used = (size_t)snprintf(out, ARM_SOURCE_BYTES, "%s", a->parts[ROLE_SYNTHETIC]->name);
    for (const char *c = a->folder; *c;) {
        bool is_seed = strncmp(c, seed_word, sizeof seed_word - 1) == 0;
        bool is_shots = strncmp(c, shots_word, sizeof shots_word - 1) == 0;
        int wrote = is_seed || is_shots
                        ? snprintf(out + used, ARM_SOURCE_BYTES - used, "%d", is_seed ? seed : shots)
                        : snprintf(out + used, ARM_SOURCE_BYTES - used, "%c", *c);
        used += (size_t)wrote;
        c += is_seed ? sizeof seed_word - 1 : is_shots ? sizeof shots_word - 1 : 1;
    }
}

bool arm_same_images(const arm *a, const arm *b)
{
    return arm_images_of(a) == arm_images_of(b) && a->parts[ROLE_FILTER] == b->parts[ROLE_FILTER] &&
           strcmp(a->folder, b->folder) == 0;
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

/* Index of the arm like `a`, but without its part of a role and all that hangs on it; -1 if it has none. */
static int without(const arm *arms, int n, const arm *a, arm_role role)
{
    if (!a->parts[role] || !arm_mixes(a)) return -1;
    arm rest = *a;
    rest.parts[role] = NULL;
    if (role == ROLE_SYNTHETIC) rest.parts[ROLE_FILTER] = NULL;
    canonical_name(&rest);
    return arm_find(arms, n, rest.name);
}

int contrasts_default(const arm *arms, int n, contrast *out, int room)
{
    int count = 0, real = arm_find(arms, n, "real");
    for (int i = 0; i < n; i++) {
        count = add_contrast(out, count, room, i, real);
        count = add_contrast(out, count, room, i, without(arms, n, &arms[i], ROLE_SYNTHETIC));
        count = add_contrast(out, count, room, i, without(arms, n, &arms[i], ROLE_FILTER));
    }
    return count;
}

void arms_help(text *out)
{
    text_printf(out, "An arm is written as parts joined by '+': at most one of each role, at least one of\n"
                     "the roles real and synthetic.\n\n");
    for (int i = 0; i < arm_part_count; i++)
        text_printf(out, "  %s%-*s %-10s %s\n", arm_parts[i].name, 10 - (int)strlen(arm_parts[i].name),
                    takes_folder(&arm_parts[i]) ? "DIR" : "", role_names[arm_parts[i].role],
                    arm_parts[i].help);
    text_printf(out,
                "\nArms that mix real and synthetic images are run once for each of experiment.ratios.\n");
}
