/* The geometry of one patient's chest on one film, and the drawing of what is in it. */
#ifndef DATA_PHANTOM_CHEST_H
#define DATA_PHANTOM_CHEST_H

#include "data/phantom/canvas.h"
#include "data/phantom/latents.h"

#include "base/rng.h"

/* Attenuation at 70 keV, 1/cm: mass attenuation of the NIST tables (Hubbell & Seltzer, NISTIR 5632; log-log
 * between 60 and 80 keV) times ICRU-44 density. Soft tissue 0.1930 x 1.06, lung inflated 0.1934 x 0.26,
 * cortical bone 0.262 x 1.92; trabecular bone lies between (about 1.18 g/cm^3); the metal of wires is only
 * "very dense". */
#define MU_SOFT 0.2046F
#define MU_LUNG 0.0503F
#define MU_CORTICAL 0.503F
#define MU_TRABECULAR 0.25F
#define MU_METAL 4.0F

enum { RIBS = 12 };

typedef struct chest {
    const latents *l;
    float lung_height;    /* apex to the deepest costophrenic sulcus */
    float thoracic_width; /* largest inner width, cm */
    float hilum_y, carina_y;
    float heart_width, heart_right, heart_left; /* transverse diameter, and the borders' x */
    float heart_y, heart_rise;                  /* centre, half height */
    float shift;                                /* of the mediastinum, by loss of volume */
    dome domes[2];
} chest;

void chest_build(const latents *l, chest *out);

/* The cut through a lung (0 right, 1 left) at body height y; depth 0 above and below it. */
section chest_lung(const chest *t, int side, float y);

/* All rows' cuts: rows (size). */
void chest_rows(const chest *t, const canvas *c, int size, row_sections *rows);

/* How far p is inside the lung: 1 in its middle, 0 at its surface, < 0 outside (also under the diaphragm). */
float chest_lung_margin(const chest *t, int side, vec3 p);

/* A point of the lung: lateral -1 (medial edge) .. 1 (lateral edge), height 0 (apex) .. 1 (dome), front
 * -1..1. */
vec3 chest_lung_point(const chest *t, int side, float lateral, float height, float front);

/* Side as a factor of x: right -1, left +1. */
static inline float side_sign(int side)
{
    return side == 0 ? -1.0F : 1.0F;
}

/* organs.c: heart, great vessels, hila, airways, breasts, arms, gas. */
void draw_organs(const chest *t, canvas *c);

/* vessels.c: the pulmonary vessels. */
void draw_vessels(const chest *t, canvas *c);

/* skeleton.c */
void draw_skeleton(const chest *t, canvas *c);
vec3 rib_point(const chest *t, int side, int rib, float angle); /* angle from the spine, radians */

/* findings.c: all that is present and drawn by adding solids. */
void draw_findings(const chest *t, canvas *c, int size); /* size: the canvas's, at most 1024 */

/* How much of a lung's size is left beside a pneumothorax: 1 = all. */
float lung_kept(const chest *t, int side);

/* devices.c */
void draw_devices_of(const chest *t, canvas *c);

/* exposure.c: from attenuation (inner, inner) to 8-bit pixels (size, size), inner a multiple of size. */
err expose(const latents *l, const float *attenuation, int inner, int size, uint8_t *pixels);

#endif
