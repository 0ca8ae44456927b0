/* One sheet of what a generator made. */
#ifndef BENCH_SHEET_H
#define BENCH_SHEET_H

#include "data/dataset.h"

/* PNG: a row of images for each class, up to 12; of images with other than one label, all in their order. */
err sheet_png(const dataset *set, const char *path);

/* SVG: each of the first images (a few of each class) beside its labels and its report, the pictures
 * embedded. */
err sheet_svg(const dataset *set, const char *path);

#endif
