/* NumPy's .npy format, version 1.0 (numpy.org/neps/nep-0001): C order, little endian, uint8 and float32. */
#ifndef DATA_NPY_H
#define DATA_NPY_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

typedef struct npy {
    char type; /* 'u' uint8, 'f' float32 */
    int rank;  /* 1..4 */
    int64_t shape[4];
    const void *data; /* product of the shape; points into the map */
    const void *map;  /* private */
    size_t map_bytes;
} npy;

/* Maps a file. ERR_NO_INPUT; ERR_DATA naming what is wrong: magic, version, header, order, type, rank, more
 * or fewer bytes than the shape says, overflow. */
err npy_open(const char *path, npy *out);
void npy_close(npy *array);

/* Writes an array atomically. ERR_CANNOT_CREATE, ERR_IO. */
err npy_write(const char *path, char type, int rank, const int64_t *shape, const void *data);

/* The same, rows as they come: shape[0] is not looked at, the number of rows is known at the end. */
typedef struct npy_writer npy_writer;
err npy_writer_open(const char *path, char type, int rank, const int64_t *shape, npy_writer **out);
err npy_writer_add(npy_writer *w, const void *rows, int64_t n); /* n rows */
err npy_writer_finish(npy_writer *w);                           /* puts the file in its place */
void npy_writer_close(npy_writer *w);                           /* what was not finished is gone */

#endif
