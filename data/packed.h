/* The text files of a packed set, written one way wherever they are written. Private to data/. */
#ifndef DATA_PACKED_H
#define DATA_PACKED_H

#include "base/text.h"
#include "data/dataset.h"

/* The columns of samples.csv, in the order of sample_info. */
enum {
    PACKED_ID,
    PACKED_PATIENT,
    PACKED_SPLIT,
    PACKED_VIEW,
    PACKED_SOURCE,
    PACKED_REPORT,
    PACKED_SEX,
    PACKED_AGE,
    PACKED_FIELDS
};
extern const char *const packed_fields[PACKED_FIELDS];

/* Append a header or a row, without the end of its line. */
void packed_header(text *csv);
void packed_row(text *csv, const sample_info *sample);

/* Writes labels.csv into the folder. ERR_CANNOT_CREATE, ERR_IO. */
err packed_write_labels(const char *folder, const char *const *names, int k);

#endif
