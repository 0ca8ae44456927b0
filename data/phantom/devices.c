/* Support devices: endotracheal tube (tip some 3-5 cm above the carina), central venous catheter (tip in the
 * superior vena cava), pacemaker with a right ventricular lead, nasogastric tube, sternotomy wires; and the
 * lead letter that marks a side. Tubes carry a radiopaque stripe. */
#include "data/phantom/chest.h"

static void draw_line(canvas *c, const vec3 *points, int n, float radius, float weight)
{
    for (int k = 0; k + 1 < n; k++)
        canvas_tube(c, LAYER_EXTRA, (tube){.from = points[k], .to = points[k + 1], .radius = radius}, weight);
}

static void draw_endotracheal(const chest *t, canvas *c, rng *r)
{
    float tip = t->carina_y - (float)rng_between(r, 2.5, 5.0), bend = (float)rng_between(r, -0.4, 0.4);
    vec3 path[] = {{bend, -12.0F, 1.5F}, {0.5F * bend, -4.0F, 1.0F}, {0.6F * t->shift, tip, 0.0F}};
    for (int k = 0; k < 2; k++)
        canvas_tube(c, LAYER_EXTRA,
                    (tube){.from = path[k], .to = path[k + 1], .radius = 0.5F, .marrow = 0.8F}, 0.12F);
    for (int k = 0; k < 3; k++) path[k].x += 0.45F;
    draw_line(c, path, 3, 0.08F, MU_METAL);
}

static void draw_catheter(const chest *t, canvas *c, rng *r)
{
    float tip = t->carina_y + (float)rng_between(r, 0.0, 3.0), x = t->shift;
    vec3 jugular[] = {{-4.5F, -9.0F, 2.0F},
                      {-3.9F, -3.0F, 2.0F},
                      {-3.0F, 1.5F, 3.0F},
                      {x - 2.1F, 4.5F, 2.0F},
                      {x - 1.9F, tip, 1.0F}};
    vec3 subclavian[] = {{-15.0F, 6.0F, 7.0F},
                         {-10.5F, 2.6F, 6.0F},
                         {-6.0F, 2.0F, 5.0F},
                         {x - 2.6F, 3.8F, 3.0F},
                         {x - 1.9F, tip, 1.0F}};
    draw_line(c, rng_uniform(r) < 0.6 ? jugular : subclavian, 5, 0.12F, 0.6F * MU_METAL);
}

static void draw_pacemaker(const chest *t, canvas *c, rng *r)
{
    float s = rng_uniform(r) < 0.85 ? 1.0F : -1.0F, y = (float)rng_between(r, 4.5, 6.5), x = t->shift;
    vec3 can = {s * 9.8F, y, 10.5F};
    canvas_block(c, LAYER_EXTRA, can, 2.3F, 1.7F, 0.15F * s, 0.7F, 2.2F);
    canvas_ellipsoid(c, LAYER_EXTRA,
                     (ellipsoid){.centre = {can.x, can.y + 1.3F, can.z}, .radii = {2.2F, 1.3F, 0.35F}}, 2.2F);
    vec3 lead[] = {{can.x - s * 1.8F, y - 1.6F, 9.0F},
                   {s * 6.0F, 1.8F, 6.0F},
                   {s * 3.0F, 2.6F, 4.0F},
                   {x - 1.2F, 4.4F, 2.5F},
                   {x - 2.1F, t->hilum_y, 1.5F},
                   {x - 1.6F, t->heart_y - 1.5F, 2.5F},
                   {x + 0.8F, t->heart_y + 2.2F, 4.0F},
                   {t->heart_left - 3.6F, t->heart_y + 0.5F * t->heart_rise, 5.0F}};
    draw_line(c, lead, 8, 0.11F, MU_METAL);
}

static void draw_feeding_tube(const chest *t, canvas *c)
{
    float dome_y = t->domes[1].y;
    vec3 path[] = {{0.4F, -12.0F, 0.0F},
                   {0.9F + t->shift, 8.0F, -3.0F},
                   {1.2F, dome_y, -2.0F},
                   {3.2F, dome_y + 3.5F, 0.0F},
                   {6.5F, dome_y + 6.0F, 2.0F}};
    draw_line(c, path, 5, 0.17F, 0.35F * MU_METAL);
}

static void draw_wires(canvas *c, rng *r)
{
    for (int k = 0; k < 6; k++) {
        float x = (float)rng_between(r, -0.25, 0.25), y = 4.5F + 2.2F * (float)k;
        vec3 loop[] = {{x - 0.75F, y - 0.2F, 9.6F},
                       {x + 0.7F, y + 0.15F, 9.6F},
                       {x + 0.4F, y + 0.5F, 9.6F},
                       {x - 0.65F, y + 0.3F, 9.6F},
                       {x - 0.75F, y - 0.2F, 9.6F}};
        draw_line(c, loop, 5, 0.055F, 2.5F * MU_METAL);
    }
}

/* "L" or "R" beside a shoulder, on the detector. */
static void draw_marker(const chest *t, canvas *c)
{
    rng r = rng_open(t->l->seed, "phantom/marker", t->l->index);
    if (!t->l->technique.marker) return;
    bool left = rng_uniform(&r) < 0.6;
    float x = (left ? 1.0F : -1.0F) * (float)rng_between(&r, 13.0, 16.5),
          y = (float)rng_between(&r, -5.5, -2.5);
    float z = t->l->technique.view.detector_z;
    vec3 l[] = {{x, y - 0.8F, z}, {x, y + 0.8F, z}, {x + 0.9F, y + 0.8F, z}};
    vec3 p[] = {{x, y + 0.8F, z},        {x, y - 0.8F, z}, {x + 0.8F, y - 0.6F, z},
                {x + 0.8F, y - 0.1F, z}, {x, y, z},        {x + 0.8F, y + 0.8F, z}};
    draw_line(c, left ? l : p, left ? 3 : 6, 0.14F, 5.0F * MU_METAL);
}

void draw_devices_of(const chest *t, canvas *c)
{
    const site *s = &t->l->sites[PHANTOM_SUPPORT_DEVICES];
    rng r = rng_open(t->l->seed, "phantom/shape/devices", s->stream);
    draw_marker(t, c);
    if (!s->present) return;
    if (s->form & DEVICE_TUBE) draw_endotracheal(t, c, &r);
    if (s->form & DEVICE_CATHETER) draw_catheter(t, c, &r);
    if (s->form & DEVICE_PACEMAKER) draw_pacemaker(t, c, &r);
    if (s->form & DEVICE_FEEDING) draw_feeding_tube(t, c);
    if (s->form & DEVICE_WIRES) draw_wires(c, &r);
}
