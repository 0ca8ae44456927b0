/* What a study is, before any pixel or word: image and report are both made from this. */
#ifndef DATA_PHANTOM_LATENTS_H
#define DATA_PHANTOM_LATENTS_H

#include "data/phantom/canvas.h"
#include "data/phantom/phantom.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum body_side { SIDE_RIGHT, SIDE_LEFT, SIDE_BOTH } body_side; /* the patient's */
typedef enum lung_zone { ZONE_UPPER, ZONE_MIDDLE, ZONE_LOWER } lung_zone;

/* Support devices, as bits of site.form. */
enum {
    DEVICE_TUBE = 1,      /* endotracheal tube */
    DEVICE_CATHETER = 2,  /* central venous catheter */
    DEVICE_PACEMAKER = 4, /* with one lead */
    DEVICE_FEEDING = 8,   /* nasogastric tube */
    DEVICE_WIRES = 16     /* sternotomy wires */
};

/* Forms of other findings. */
enum {
    COVID_BILATERAL = 1,
    COVID_PERIPHERAL = 2, /* bits; site.severity 0 = a film that looks normal */
    LESION_NODULE = 0,
    LESION_NODULES = 1,
    LESION_MASS = 2,
    ATELECTASIS_LINEAR = 0,
    ATELECTASIS_VOLUME_LOSS = 1,
    PLEURAL_THICKENING = 0,
    PLEURAL_PLAQUES = 1,
    PNEUMONIA_LOBAR = 0,
    PNEUMONIA_PATCHY = 1
};

/* One finding of one study. */
typedef struct site {
    phantom_finding finding;
    bool present;
    body_side side;
    lung_zone zone;
    float severity; /* 0 (not to be seen) .. 1 (gross) */
    int form;
    uint64_t
        stream; /* index of the random stream of its shapes: the patient's where chronic, else the study's */
} site;

/* Kept through all studies of a patient. Lengths in cm. */
typedef struct anatomy {
    float height, width, depth; /* scales of the chest, 1 = average adult */
    float fat;                  /* cm of soft tissue beyond the average */
    float bone;                 /* bone density, 1 = average */
    float heart_ratio;          /* cardiothoracic ratio on a PA film */
    float heart_tilt;           /* radians, of the long axis below horizontal */
    float mediastinum;          /* scale of the upper mediastinum's width */
    float knob;                 /* radius of the aortic arch */
    float breast;               /* radius, 0 = none to be seen */
    float rib_spacing, rib_radius, rib_slope;
    float clavicle_slope, scoliosis;
    float dome_right,
        dome_gap;       /* height of the right dome in share of the chest; how much lower the left is */
    float lung_density; /* 1 = average */
    float vessel;       /* scale of vessel radii */
} anatomy;

/* How the film was taken. */
typedef struct technique {
    view view;
    bool portable;       /* AP, supine or half upright */
    float inspiration;   /* cm that the diaphragm is lower than at rest */
    float arms;          /* how far the arms are abducted, 0..1 */
    bool gas;            /* gas in the stomach */
    bool marker;         /* a lead letter beside the shoulder */
    float collimated[4]; /* left, top, right, bottom: share of the field that the collimator blackened */
    float photons;       /* detected per mm^2 without a patient, lowered to stand also for grain of film and
                            digitiser */
    float scatter;       /* scattered to primary radiation */
    float blur;          /* mm, standard deviation of focal spot, motion and detector together */
    float window_low, window_high, toe; /* how the exposure is shown: shifts of both ends, curvature */
} technique;

typedef struct latents {
    uint64_t seed;
    uint32_t index, patient, study;
    anatomy anatomy;
    technique technique;
    site sites[PHANTOM_FINDINGS];
} latents;

/* cohort.c: draws everything about study `index`. */
void latents_draw(phantom_cohort cohort, uint64_t seed, uint32_t index, latents *l);

/* The patient of a study, its number within the patient, and nothing else: O(1) in index. */
void cohort_place(uint64_t seed, uint32_t index, uint32_t *patient, uint32_t *study);

/* technique.c: one patient's build, and one film's technique. */
anatomy anatomy_draw(uint64_t seed, uint32_t patient);
technique technique_draw(uint64_t seed, uint32_t patient, uint32_t index, double portable_chance);

/* scene.c: the attenuation mu times length of every ray, out (size, size); and the film, 8-bit pixels (size,
 * size). size 16..1024. ERR_SYSTEM when out of memory. */
err latents_attenuation(const latents *l, int size, float *out);
err latents_render(const latents *l, int size, uint8_t *pixels);

/* report.c: writes the findings section. */
void latents_report(const latents *l, char report[PHANTOM_REPORT_BYTES]);

#endif
