/* Projects simple solids onto the detector: every solid adds the length of the ray inside it, times a weight.
 *
 * Body coordinates, cm: x to the patient's left (the right of the image), y down from the lung apices, z
 * towards the front. Path lengths are exact for parallel rays: ellipsoid  L(p) = L0 sqrt(1 - (p-c)' S^-1
 * (p-c)), S the upper left 2x2 block of the rotated shape matrix; cylinder   L(t) = 2 sqrt(r^2 - t^2) /
 * sin(angle to the beam), t the distance from the projected axis. The cone of the beam enters as each solid's
 * own magnification, source distance / (source distance - distance from the detector), which is why a heart
 * looks larger on an AP film. A solid smaller than a pixel is widened by the variance of a pixel's box and
 * weakened by as much, so that its mass, and the look of a study, is kept at all sizes.
 */
#ifndef DATA_PHANTOM_CANVAS_H
#define DATA_PHANTOM_CANVAS_H

#include "base/err.h"

typedef struct vec3 {
    float x, y, z;
} vec3;

typedef struct view {
    float yaw, roll;        /* radians, about the body's long axis and in the image plane */
    float source_distance;  /* cm, source to detector */
    float detector_z;       /* cm: > 0 in front of the patient (PA), < 0 behind (AP) */
    float centre_y;         /* the body height in the middle of the detector */
    float shift_x, shift_y; /* cm on the detector */
    float field;            /* cm, side of the detector */
} view;

/* What a solid's length counts as. */
typedef enum layer {
    LAYER_DISPLACED,  /* cm of organs that take the place of lung: heart, great vessels, hila */
    LAYER_INFILTRATE, /* cm of water-like tissue inside the lung: vessels, opacities; cut at the lung's own
                         length */
    LAYER_EXTRA, /* attenuation (mu times length) added to everything else: bone, gas (negative), metal */
    LAYER_LIMBS, /* cm of arms; where they overlap the trunk, the longer of both counts */
    LAYERS
} layer;

/* The horizontal cut through a lung at one height: two half ellipses that meet at `middle`. With
 * t = (x - middle) / (lateral or medial half width), its depth is 2 depth sqrt(1 - t^2). */
typedef struct section {
    float middle;                          /* x, cm, signed */
    float inverse_lateral, inverse_medial; /* signed so that t > 0 on both sides of `middle`, 1/cm */
    float depth;                           /* half depth, cm */
} section;

/* One image row's cuts. */
typedef struct row_sections {
    float body_middle, body_inverse, body_depth; /* an ellipse: middle, 1 / half width, half depth */
    section lung[2];                             /* right, left */
} row_sections;

/* A hemidiaphragm: abdomen fills 2 depth_gain sqrt(y - y0 - curvature (x - x0)^2) of the lung's depth. Fluid:
 * a share of the lung's depth rises from 0 to 1 over `softness` below the meniscus y = level - rise ((x - x0)
 * / 6 cm)^2. */
typedef struct dome {
    float x, y, curvature, depth_gain;
    float fluid_level, fluid_rise, fluid_inverse_softness;
} dome;

typedef struct canvas canvas;

/* A clear canvas of size x size pixels. ERR_SYSTEM when out of memory. Close it with canvas_close. */
err canvas_open(int size, const view *seen, canvas **out);
void canvas_close(canvas *c);
float *canvas_layer(canvas *c, layer l); /* (size, size), owned by the canvas */
float canvas_pixel(const canvas *c);     /* side of a pixel on the detector, cm */

typedef struct ellipsoid {
    vec3 centre, radii;
    float tilt; /* radians, of the first two radii in the image plane */
} ellipsoid;

/* Adds weight times path length. */
void canvas_ellipsoid(canvas *c, layer l, ellipsoid e, float weight);

/* Raises the layer to the path length where it is less: organs that merge into one outline. */
void canvas_merge(canvas *c, layer l, ellipsoid e);

/* As an ellipsoid of the same mass centre, with edges that fade: peak (1 - r^2)^2, `peak` in the layer's
 * unit. */
void canvas_haze(canvas *c, layer l, ellipsoid e, float peak);

typedef struct tube {
    vec3 from, to;
    float radius;
    float marrow; /* share of the radius that is hollow, 0..1 */
} tube;

/* A straight cylinder; chains of tubes join without gaps or beads. */
void canvas_tube(canvas *c, layer l, tube t, float weight);

/* A rectangular block, faces parallel to the image: half widths x and y, `depth` the length along the ray. */
void canvas_block(canvas *c, layer l, vec3 centre, float half_x, float half_y, float tilt, float depth,
                  float weight);

/* The body height y at the lung of this side (0 right, 1 left) or at the midline (-1), of image row `row`. */
float canvas_row_height(const canvas *c, int row, int side);

typedef struct mu_tissue {
    float soft, lung; /* 1/cm */
} mu_tissue;

/* Sums everything into the attenuation mu times length of every pixel: out (size, size).
 * rows (size). Beer-Lambert's exponent: soft (body - lung) + mu_lung lung + (soft - mu_lung) infiltrate +
 * extra. */
void canvas_compose(const canvas *c, const row_sections *rows, const dome domes[2], mu_tissue mu, float *out);

/* Adds weight times the depth of the ray in `outer` that is not in `inner`, row by row, at or above the
 * diaphragm and the fluid; sections (size) each. For a shell of air or of thickened pleura. */
void canvas_shell(canvas *c, layer l, const section *outer, const section *inner, const dome *d,
                  float weight);

/* The projection of a body point, in pixels (column, row; pixel centres at whole numbers). */
void canvas_project(const canvas *c, vec3 p, float *column, float *row, float *magnification);

#endif
