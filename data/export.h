/* Packed sets for other programs. */
#ifndef DATA_EXPORT_H
#define DATA_EXPORT_H

#include "base/err.h"

typedef enum export_format {
    /* images/000001.png and so on, and manifest.csv with the columns path, id, patient, split, view, report,
     * sex, age, and label:NAME for each label (1, 0, -1: uncertain, empty: unknown): what `bench data import
     * manifest` reads. Texts that a spreadsheet would take for a formula, opening with = + - @, a tab or a
     * carriage return, get an apostrophe before. */
    EXPORT_CSV,
    /* CLASS/000001.png, or SPLIT/CLASS/000001.png if every image has a split: torchvision's ImageFolder. One
     * label an image. */
    EXPORT_IMAGE_FOLDER,
    /* images/000001.png and annotation.json as R2Gen reads it. Every image needs a split; those without a
     * report are left out. */
    EXPORT_R2GEN
} export_format;

/* Writes the set into a new folder, which is there when it is whole, or not at all. *written counts images.
 * `progress` is told how many of how many are done, from one thread, and stops the export by an error; it may
 * be NULL. ERR_USAGE if the set is not fit for the format; ERR_DATA and others as dataset_open;
 * ERR_CANNOT_CREATE if `out` exists; ERR_IO. */
err export_set(const char *folder, export_format format, const char *out,
               err (*progress)(void *context, long done, long total), void *context, long *written);

#endif
