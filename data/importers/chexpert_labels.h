/* The 14 labels of CheXpert's labeller (Irvin et al., AAAI 2019), which MIMIC-CXR-JPG's tables have too: 1
 * stated, 0 denied, -1 uncertain, empty not mentioned. Private to data/importers/. */
#ifndef DATA_IMPORTERS_CHEXPERT_LABELS_H
#define DATA_IMPORTERS_CHEXPERT_LABELS_H

#include "data/importers/walk.h"

enum { CHEXPERT_LABELS = 14 };
extern const char *const chexpert_labels[CHEXPERT_LABELS]; /* in CheXpert's order */

/* The column of each label. ERR_DATA naming one that is missing. */
err chexpert_columns(const csv_rows *r, int columns[CHEXPERT_LABELS]);

/* Reads a row's labels. What is not mentioned stays unknown (NaN), but: where No Finding is 1, the other
 * labels that are not mentioned are 0; where another one is 1, a No Finding that is not mentioned is 0. Both
 * as the labeller defines No Finding, and therefore both without Support Devices. ERR_DATA naming table and
 * line for a value that is none. */
err chexpert_read(const csv_rows *r, const int columns[CHEXPERT_LABELS], float out[CHEXPERT_LABELS]);

#endif
