/* Writes a packed set (data/dataset.h) sample by sample, in memory that does not grow with it. The set
 * appears at its path when it is finished; until then it is PATH.part. */
#ifndef DATA_SET_WRITER_H
#define DATA_SET_WRITER_H

#include "data/dataset.h"

typedef struct set_writer set_writer;

/* For images of (size,size) and k labels. ERR_USAGE if size or k is below 1; ERR_DATA naming the label if
 * label names are empty or not unique; ERR_CANNOT_CREATE if there is something at `path` already. */
err set_writer_open(const char *path, int size, const char *const *label_names, int k, set_writer **out);

/* Appends a sample: k labels of 0, 1, -1 (uncertain) or NaN (unknown), and its pixels. ERR_IO. */
err set_writer_add(set_writer *w, const sample_info *sample, const float *labels, const uint8_t *pixels);

/* The folder that the files are made in, for others that belong to the set. Owned by the writer. */
const char *set_writer_folder(const set_writer *w);

/* Puts the set in its place. ERR_DATA if it has no sample; ERR_IO, ERR_CANNOT_CREATE. */
err set_writer_finish(set_writer *w);

/* Frees the writer; a set that was not finished is gone. NULL is fine. */
void set_writer_close(set_writer *w);

#endif
