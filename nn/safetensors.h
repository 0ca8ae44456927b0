/* The safetensors format (github huggingface/safetensors): 8 bytes of little-endian header length, a JSON
 * header, then the tensors' bytes. Written and read here for F32; files with tensors of other types open, and
 * those tensors are refused by name when they are read. */
#ifndef NN_SAFETENSORS_H
#define NN_SAFETENSORS_H

#include "nn/net.h"

typedef struct safetensors safetensors;

/* Maps a file and checks its header and every tensor's range. ERR_NO_INPUT; ERR_DATA naming file and tensor.
 */
err safetensors_open(const char *path, safetensors **out);
void safetensors_close(safetensors *f);

int safetensors_count(const safetensors *f);
const char *safetensors_name(const safetensors *f, int i); /* in the header's order; owned by f */

/* A tensor by name: its shape (a scalar is (1)) and its values, owned by f. ERR_DATA if it is not there or
 * not F32. */
err safetensors_read(const safetensors *f, const char *name, nn_shape_t *shape, const float **data);

/* A value of the metadata, or NULL. Owned by f. */
const char *safetensors_metadata(const safetensors *f, const char *key);

typedef struct safetensors_entry {
    const char *name;
    nn_shape_t shape;
    const float *data; /* nn_count(&shape) values */
} safetensors_entry;

/* Writes the file atomically. metadata: pairs key, value, ended by NULL; may be NULL. */
err safetensors_write(const char *path, const safetensors_entry *entries, int n, const char *const *metadata);

#endif
