/* Pulmonary vessels: a tree from each hilum whose branches halve, each child 0.79 of its parent's radius
 * (Murray's law, 1926: the cubes of the radii add up) and 0.82 of its length, ending at the pleura. They give
 * the lungs their texture; the tree is the patient's, so it is the same in all studies. */
#include "data/phantom/chest.h"

#include <math.h>

enum { TRUNKS = 7, GENERATIONS = 5, STACK = 16 };

typedef struct branch {
    vec3 from, along; /* unit direction */
    float radius, length;
    int generation;
    uint64_t id; /* children: 2 id, 2 id + 1 */
} branch;

static vec3 normalised(vec3 v)
{
    float n = 1.0F / sqrtf(v.x * v.x + v.y * v.y + v.z * v.z);
    return (vec3){v.x * n, v.y * n, v.z * n};
}

/* Branch `id` of a tree has its own random words, so that a branch is the same whatever was pruned elsewhere.
 */
static float word_between(uint32_t word, float low, float high)
{
    return low + (high - low) * (float)(word >> 8) * 0x1p-24F;
}

/* Child 0 or 1: the parent's direction, turned to one side and a little off its plane. */
static branch child_of(const branch *parent, vec3 from, uint64_t key, int which)
{
    branch b = {.from = from, .radius = 0.79F * parent->radius, .id = 2 * parent->id + (uint64_t)which};
    uint32_t words[4];
    philox(key, 0, b.id, words);
    float turn = word_between(words[0], 0.12F, 0.58F) * (which ? -1.0F : 1.0F), c = cosf(turn),
          s = sinf(turn);
    b.along = normalised((vec3){parent->along.x * c - parent->along.y * s,
                                parent->along.x * s + parent->along.y * c,
                                parent->along.z + word_between(words[1], -0.45F, 0.45F)});
    b.length = parent->length * word_between(words[2], 0.7F, 0.94F);
    b.generation = parent->generation + 1;
    return b;
}

/* A lung that has collapsed away from the wall pulls its vessels with it, towards the hilum. */
static vec3 pulled(vec3 p, vec3 hilum, float kept)
{
    return (vec3){hilum.x + kept * (p.x - hilum.x), hilum.y + kept * (p.y - hilum.y),
                  hilum.z + kept * (p.z - hilum.z)};
}

static void grow(const chest *t, canvas *c, int side, branch trunk, uint64_t key)
{
    float kept = lung_kept(t, side);
    vec3 hilum = trunk.from;
    branch stack[STACK];
    int n = 0;
    stack[n++] = trunk;
    while (n > 0) {
        branch b = stack[--n];
        vec3 to = {b.from.x + b.along.x * b.length, b.from.y + b.along.y * b.length,
                   b.from.z + b.along.z * b.length};
        if (b.generation > 0 && chest_lung_margin(t, side, to) < 0.06F) continue;
        canvas_tube(
            c, LAYER_INFILTRATE,
            (tube){.from = pulled(b.from, hilum, kept), .to = pulled(to, hilum, kept), .radius = b.radius},
            1.0F);
        if (b.generation + 1 >= GENERATIONS || n + 2 > STACK) continue;
        stack[n++] = child_of(&b, to, key, 0);
        stack[n++] = child_of(&b, to, key, 1);
    }
}

void draw_vessels(const chest *t, canvas *c)
{
    /* From the lateral direction, down positive: where the lobar branches go. */
    static const float fan[TRUNKS] = {-1.25F, -0.75F, -0.2F, 0.3F, 0.75F, 1.1F, 1.4F};
    const anatomy *a = &t->l->anatomy;
    const site *edema = &t->l->sites[PHANTOM_EDEMA];
    float engorged = edema->present ? 1.0F + 0.35F * edema->severity : 1.0F;
    for (int side = 0; side < 2; side++) {
        uint64_t stream = (uint64_t)t->l->patient * 2 + (uint64_t)side;
        rng r = rng_open(t->l->seed, "phantom/trunks", stream);
        vec3 hilum = {t->shift + side_sign(side) * 3.0F * a->width, t->hilum_y + (side == 0 ? 0.7F : -0.2F),
                      -0.3F};
        for (int k = 0; k < TRUNKS; k++) {
            float angle = fan[k] + (float)rng_between(&r, -0.2, 0.2);
            float thick = (float)rng_between(&r, 0.42, 0.62) * (angle > 0.9F ? 1.25F : 1.0F);
            vec3 along = {side_sign(side) * cosf(angle), sinf(angle), (float)rng_between(&r, -0.8, 0.8)};
            branch trunk = {.from = hilum,
                            .along = normalised(along),
                            .radius = engorged * a->vessel * thick,
                            .length = (float)rng_between(&r, 2.6, 3.6),
                            .id = (stream * TRUNKS + (uint64_t)k + 1) << GENERATIONS};
            grow(t, c, side, trunk, rng_key(t->l->seed, "phantom/branches"));
        }
    }
}
