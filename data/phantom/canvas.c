
#include "data/phantom/canvas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct canvas {
    int size;
    view seen;
    float pixel;
    float cos_yaw, sin_yaw, cos_roll, sin_roll;
    float plane_magnification; /* at z = 0 */
    float *layers[LAYERS];
};

static float magnification_at(const canvas *c, float z)
{
    return c->seen.source_distance / (c->seen.source_distance - fabsf(c->seen.detector_z - z));
}

err canvas_open(int size, const view *seen, canvas **out)
{
    size_t pixels = (size_t)size * (size_t)size;
    canvas *c = malloc(sizeof *c);
    float *buffer = calloc(pixels * LAYERS, sizeof *buffer);
    if (!c || !buffer) {
        free(c);
        free(buffer);
        return err_set(ERR_SYSTEM, "phantom: out of memory for a canvas of %d x %d pixels", size, size);
    }
    *c = (canvas){.size = size,
                  .seen = *seen,
                  .pixel = seen->field / (float)size,
                  .cos_yaw = cosf(seen->yaw),
                  .sin_yaw = sinf(seen->yaw),
                  .cos_roll = cosf(seen->roll),
                  .sin_roll = sinf(seen->roll)};
    c->plane_magnification = magnification_at(c, 0.0F);
    for (int l = 0; l < LAYERS; l++) c->layers[l] = buffer + pixels * (size_t)l;
    *out = c;
    return OK;
}

void canvas_close(canvas *c)
{
    if (!c) return;
    free(c->layers[0]);
    free(c);
}

float *canvas_layer(canvas *c, layer l)
{
    return c->layers[l];
}

float canvas_pixel(const canvas *c)
{
    return c->pixel;
}

void canvas_project(const canvas *c, vec3 p, float *column, float *row, float *magnification)
{
    float x = p.x * c->cos_yaw + p.z * c->sin_yaw, z = p.z * c->cos_yaw - p.x * c->sin_yaw;
    float m = magnification_at(c, z);
    float across = m * x, down = m * (p.y - c->seen.centre_y);
    float middle = 0.5F * (float)c->size - 0.5F;
    *column = (across * c->cos_roll - down * c->sin_roll + c->seen.shift_x) / c->pixel + middle;
    *row = (across * c->sin_roll + down * c->cos_roll + c->seen.shift_y) / c->pixel + middle;
    *magnification = m;
}

/* The pixels of [centre - reach, centre + reach] that are on the canvas. */
static void clip(float centre, float reach, int size, int *first, int *last)
{
    float low = ceilf(centre - reach), high = floorf(centre + reach);
    *first = low < 0.0F ? 0 : low > (float)size ? size : (int)low;
    *last = high > (float)(size - 1) ? size - 1 : high < -1.0F ? -1 : (int)high;
}

/* A projected ellipse: weight at its centre, conic a dx^2 + 2 b dx dy + d dy^2 (in pixels), reach of its box.
 */
typedef struct footprint {
    float column, row, reach_x, reach_y, a, b, d, peak;
} footprint;

/* box_variance: how many squared pixels widen each squared radius; 5/12 for the profile sqrt(1 - r^2), whose
 * variance is radius^2 / 5, against a pixel's 1/12; 2/3 for (1 - r^2)^2 (radius^2 / 8). */
static footprint project_ellipsoid(const canvas *c, ellipsoid e, float box_variance)
{
    footprint f;
    float m;
    canvas_project(c, e.centre, &f.column, &f.row, &m);
    float ct = cosf(e.tilt), st = sinf(e.tilt);
    float rx = e.radii.x * e.radii.x, ry = e.radii.y * e.radii.y, rz = e.radii.z * e.radii.z;
    float xx = rx * ct * ct + ry * st * st, yy = rx * st * st + ry * ct * ct, xy = (rx - ry) * ct * st;
    xx = xx * c->cos_yaw * c->cos_yaw + rz * c->sin_yaw * c->sin_yaw;
    xy *= c->cos_yaw;
    /* Largest chord 2 sqrt(det S / det S_xy), before the magnification, which is across the beam only. */
    f.peak = 2.0F * sqrtf(rx * ry * rz / (xx * yy - xy * xy));
    float cr = c->cos_roll, sr = c->sin_roll;
    float scale = m * m / (c->pixel * c->pixel);
    float sxx = scale * (xx * cr * cr - 2.0F * xy * cr * sr + yy * sr * sr);
    float syy = scale * (xx * sr * sr + 2.0F * xy * cr * sr + yy * cr * cr);
    float sxy = scale * ((xx - yy) * cr * sr + xy * (cr * cr - sr * sr));
    float before = sxx * syy - sxy * sxy;
    sxx += box_variance;
    syy += box_variance;
    float after = sxx * syy - sxy * sxy;
    f.peak *= sqrtf(before / after);
    f.a = syy / after;
    f.b = -sxy / after;
    f.d = sxx / after;
    f.reach_x = sqrtf(sxx);
    f.reach_y = sqrtf(syy);
    return f;
}

void canvas_ellipsoid(canvas *c, layer l, ellipsoid e, float weight)
{
    footprint f = project_ellipsoid(c, e, 5.0F / 12.0F);
    int x0, x1, y0, y1;
    clip(f.column, f.reach_x, c->size, &x0, &x1);
    clip(f.row, f.reach_y, c->size, &y0, &y1);
    float peak = f.peak * weight;
    for (int y = y0; y <= y1; y++) {
        float *restrict line = c->layers[l] + (size_t)y * (size_t)c->size;
        float dy = (float)y - f.row, cross = 2.0F * f.b * dy, rest = 1.0F - f.d * dy * dy;
        for (int x = x0; x <= x1; x++) {
            float dx = (float)x - f.column, inside = rest - (f.a * dx + cross) * dx;
            line[x] += peak * sqrtf(inside > 0.0F ? inside : 0.0F);
        }
    }
}

void canvas_merge(canvas *c, layer l, ellipsoid e)
{
    footprint f = project_ellipsoid(c, e, 5.0F / 12.0F);
    int x0, x1, y0, y1;
    clip(f.column, f.reach_x, c->size, &x0, &x1);
    clip(f.row, f.reach_y, c->size, &y0, &y1);
    for (int y = y0; y <= y1; y++) {
        float *restrict line = c->layers[l] + (size_t)y * (size_t)c->size;
        float dy = (float)y - f.row, cross = 2.0F * f.b * dy, rest = 1.0F - f.d * dy * dy;
        for (int x = x0; x <= x1; x++) {
            float dx = (float)x - f.column, inside = rest - (f.a * dx + cross) * dx;
            float chord = f.peak * sqrtf(inside > 0.0F ? inside : 0.0F);
            line[x] = line[x] > chord ? line[x] : chord;
        }
    }
}

void canvas_haze(canvas *c, layer l, ellipsoid e, float peak)
{
    footprint f = project_ellipsoid(c, e, 2.0F / 3.0F);
    int x0, x1, y0, y1;
    clip(f.column, f.reach_x, c->size, &x0, &x1);
    clip(f.row, f.reach_y, c->size, &y0, &y1);
    for (int y = y0; y <= y1; y++) {
        float *restrict line = c->layers[l] + (size_t)y * (size_t)c->size;
        float dy = (float)y - f.row, cross = 2.0F * f.b * dy, rest = 1.0F - f.d * dy * dy;
        for (int x = x0; x <= x1; x++) {
            float dx = (float)x - f.column, inside = rest - (f.a * dx + cross) * dx;
            inside = inside > 0.0F ? inside : 0.0F;
            line[x] += peak * inside * inside;
        }
    }
}

static inline float unit(float v)
{
    v = v < 1.0F ? v : 1.0F;
    return v > 0.0F ? v : 0.0F;
}

/* A projected cylinder, in pixels: its start, unit direction, length, half width, the hollow's half width,
 * the ramp at its ends, and the weights of the outer and the hollow profile. */
typedef struct strip {
    float column, row, ux, uy, length, width, hollow, ramp, outer, inner;
} strip;

/* (weight of the solid profile) sqrt(1 - t^2) - (weight of the hollow) sqrt(1 - t'^2), times ramp(s) - ramp(s
 * - length): with ramps as differences, the pieces of a chain sum to one along it. */
static void strip_row(const strip *s, float y, int x0, int x1, float *restrict line)
{
    float dy = y - s->row, iw = 1.0F / s->width, ih = 1.0F / s->hollow, ir = 1.0F / s->ramp;
    float along0 = dy * s->uy * ir + 0.5F, across0 = dy * s->ux, end = s->length * ir;
    float along1 = s->ux * ir;
    for (int x = x0; x <= x1; x++) {
        float dx = (float)x - s->column;
        float a = along0 + dx * along1;
        float t = across0 - dx * s->uy;
        float o = 1.0F - t * t * iw * iw, h = 1.0F - t * t * ih * ih;
        float profile = s->outer * sqrtf(o > 0.0F ? o : 0.0F) - s->inner * sqrtf(h > 0.0F ? h : 0.0F);
        line[x] += profile * (unit(a) - unit(a - end));
    }
}

void canvas_tube(canvas *c, layer l, tube t, float weight)
{
    strip s;
    float end_column, end_row, m, m_end;
    canvas_project(c, t.from, &s.column, &s.row, &m);
    canvas_project(c, t.to, &end_column, &end_row, &m_end);
    float dx = end_column - s.column, dy = end_row - s.row;
    s.length = sqrtf(dx * dx + dy * dy);
    /* A cylinder along the beam has no projected length to spread its mass over: give it a hundredth of a
     * pixel. */
    if (s.length < 0.01F) {
        dx = s.length = 0.01F;
        dy = 0.0F;
    }
    s.ux = dx / s.length;
    s.uy = dy / s.length;
    float ax = t.to.x - t.from.x, ay = t.to.y - t.from.y, az = t.to.z - t.from.z;
    float length = sqrtf(ax * ax + ay * ay + az * az), scale = 0.5F * (m + m_end) / c->pixel;
    float radius = t.radius * scale, hollow = radius * t.marrow;
    s.width = sqrtf(radius * radius + 1.0F / 3.0F);
    s.hollow = sqrtf(hollow * hollow + 1.0F / 3.0F);
    /* 1 / sin(angle to the beam) = true length over projected length. */
    float peak = 2.0F * weight * length * scale / s.length;
    s.outer = peak * t.radius * radius / s.width;
    s.inner = peak * t.radius * t.marrow * hollow / s.hollow;
    s.ramp = 1.0F + 0.5F * radius;
    float mx = 0.5F * (s.column + end_column), my = 0.5F * (s.row + end_row);
    float half = 0.5F * s.length + 0.5F * s.ramp;
    int x0, x1, y0, y1;
    clip(mx, half * fabsf(s.ux) + s.width * fabsf(s.uy), c->size, &x0, &x1);
    clip(my, half * fabsf(s.uy) + s.width * fabsf(s.ux), c->size, &y0, &y1);
    for (int y = y0; y <= y1; y++)
        strip_row(&s, (float)y, x0, x1, c->layers[l] + (size_t)y * (size_t)c->size);
}

void canvas_block(canvas *c, layer l, vec3 centre, float half_x, float half_y, float tilt, float depth,
                  float weight)
{
    float column, row, m;
    canvas_project(c, centre, &column, &row, &m);
    float angle = tilt + c->seen.roll, ca = cosf(angle), sa = sinf(angle);
    float hx = half_x * m / c->pixel * c->cos_yaw, hy = half_y * m / c->pixel;
    int x0, x1, y0, y1;
    clip(column, (hx + 0.5F) * fabsf(ca) + (hy + 0.5F) * fabsf(sa), c->size, &x0, &x1);
    clip(row, (hx + 0.5F) * fabsf(sa) + (hy + 0.5F) * fabsf(ca), c->size, &y0, &y1);
    for (int y = y0; y <= y1; y++) {
        float *restrict line = c->layers[l] + (size_t)y * (size_t)c->size;
        float dy = (float)y - row;
        for (int x = x0; x <= x1; x++) {
            float dx = (float)x - column, u = dx * ca + dy * sa, v = dy * ca - dx * sa;
            /* The share of a pixel's side that lies inside, exact for faces along the pixel grid. */
            float in_x = unit(u + hx + 0.5F) - unit(u - hx + 0.5F),
                  in_y = unit(v + hy + 0.5F) - unit(v - hy + 0.5F);
            line[x] += weight * depth * in_x * in_y;
        }
    }
}

/* Body-plane coordinates along an image row: x = x0 + i dx, y = y0 + i dy. */
typedef struct row_line {
    float x0, dx, y0, dy;
} row_line;

static row_line line_of(const canvas *c, int row)
{
    float middle = 0.5F * (float)c->size - 0.5F, im = 1.0F / c->plane_magnification;
    float across = -middle * c->pixel - c->seen.shift_x;
    float down = ((float)row - middle) * c->pixel - c->seen.shift_y;
    return (row_line){.x0 = (across * c->cos_roll + down * c->sin_roll) * im,
                      .dx = c->pixel * c->cos_roll * im,
                      .y0 = (down * c->cos_roll - across * c->sin_roll) * im + c->seen.centre_y,
                      .dy = -c->pixel * c->sin_roll * im};
}

float canvas_row_height(const canvas *c, int row, int side)
{
    row_line r = line_of(c, row);
    float x = side < 0 ? 0.0F : side == 0 ? -7.0F : 7.0F;
    return r.y0 + (x - r.x0) / r.dx * r.dy;
}

static inline float section_depth(section s, float x)
{
    float d = x - s.middle, lateral = d * s.inverse_lateral, medial = d * s.inverse_medial;
    float t = lateral > medial ? lateral : medial, inside = 1.0F - t * t;
    return 2.0F * s.depth * sqrtf(inside > 0.0F ? inside : 0.0F);
}

/* Aerated depth: what neither the abdomen nor fluid takes of `depth`. */
static inline float above_diaphragm(const dome *d, float x, float y, float depth)
{
    float e = x - d->x, h = y - d->y - d->curvature * e * e;
    float fluid =
        unit((y - d->fluid_level + d->fluid_rise * e * e * (1.0F / 36.0F)) * d->fluid_inverse_softness);
    float left = depth - 2.0F * d->depth_gain * sqrtf(h > 0.0F ? h : 0.0F);
    return (left > 0.0F ? left : 0.0F) * (1.0F - fluid);
}

void canvas_compose(const canvas *c, const row_sections *rows, const dome domes[2], mu_tissue mu, float *out)
{
    dome right = domes[0], left = domes[1];
    for (int y = 0; y < c->size; y++) {
        size_t at = (size_t)y * (size_t)c->size;
        const float *restrict displaced = c->layers[LAYER_DISPLACED] + at;
        const float *restrict infiltrate = c->layers[LAYER_INFILTRATE] + at;
        const float *restrict limbs = c->layers[LAYER_LIMBS] + at;
        const float *restrict extra = c->layers[LAYER_EXTRA] + at;
        float *restrict line = out + at;
        row_line r = line_of(c, y);
        row_sections s = rows[y];
        for (int x = 0; x < c->size; x++) {
            float bx = r.x0 + (float)x * r.dx, by = r.y0 + (float)x * r.dy;
            float t = (bx - s.body_middle) * s.body_inverse, inside = 1.0F - t * t;
            float body = 2.0F * s.body_depth * sqrtf(inside > 0.0F ? inside : 0.0F);
            body = body > limbs[x] ? body : limbs[x];
            float lung = above_diaphragm(&right, bx, by, section_depth(s.lung[0], bx)) +
                         above_diaphragm(&left, bx, by, section_depth(s.lung[1], bx)) - displaced[x];
            lung = lung > 0.0F ? lung : 0.0F;
            float wet = infiltrate[x] < lung ? infiltrate[x] : lung;
            float total = mu.soft * (body - lung) + mu.lung * lung + (mu.soft - mu.lung) * wet + extra[x];
            line[x] = total > 0.0F ? total : 0.0F;
        }
    }
}

void canvas_shell(canvas *c, layer l, const section *outer, const section *inner, const dome *d, float weight)
{
    for (int y = 0; y < c->size; y++) {
        if (outer[y].depth <= 0.0F) continue;
        float *restrict line = c->layers[l] + (size_t)y * (size_t)c->size;
        row_line r = line_of(c, y);
        section out = outer[y], in = inner[y];
        for (int x = 0; x < c->size; x++) {
            float bx = r.x0 + (float)x * r.dx, by = r.y0 + (float)x * r.dy;
            float shell = section_depth(out, bx) - section_depth(in, bx);
            line[x] += weight * above_diaphragm(d, bx, by, shell > 0.0F ? shell : 0.0F);
        }
    }
}
