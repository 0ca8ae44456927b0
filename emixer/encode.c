/* What the trained encoder sees in images. */
#include "emixer/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

err record_encoding(emixer *e)
{
    const emixer_opts *o = &e->o;
    e->in.encoded = nn_input(e->n, "encoded", nn_shape(4, o->batch, 1, o->resolution, o->resolution));
    image_code code = e->seen.code = encoder(e->n, o, e->in.encoded, false);
    e->seen.labels = encoder_labels(e->n, o, code.embedding);
    return net_compile(e->n, (nn_t[]){code.embedding, code.grid, e->seen.labels}, 3, NULL, &e->encoding);
}

/* `count` images from `first` on, of which a batch holds no more; `host` has room for a batch of images, of
 * embeddings, or of labels. */
static err encode_batch(emixer *e, const uint8_t *images, int first, int count, float *host,
                        float *embeddings, float *probabilities)
{
    size_t pixels = (size_t)e->o.resolution * (size_t)e->o.resolution, rows = (size_t)count;
    size_t width = (size_t)e->o.embedding, k = (size_t)e->o.n_labels, from = (size_t)first;
    memset(host, 0, (size_t)e->o.batch * pixels * sizeof *host);
    pixels_of_bytes(images + from * pixels, rows * pixels, host);
    TRY(nn_set(e->n, e->in.encoded, host));
    TRY(step_run(e->encoding, 0));
    TRY(nn_get(e->encoding, e->seen.code.embedding, host));
    for (size_t i = 0; embeddings && i < rows * width; i++) embeddings[from * width + i] = host[i];
    TRY(nn_get(e->encoding, e->seen.labels, host));
    for (size_t i = 0; probabilities && i < rows * k; i++)
        probabilities[from * k + i] = 1 / (1 + expf(-host[i]));
    return OK;
}

err emixer_encode(emixer *e, const uint8_t *images, int n, float *embeddings, float *probabilities)
{
    if (!e->encoding)
        return err_set(ERR_USAGE,
                       "the model has no encoder: it was made with pairs = 0 and label_weight = 0");
    size_t width = (size_t)e->o.resolution * (size_t)e->o.resolution;
    if ((size_t)e->o.embedding > width) width = (size_t)e->o.embedding;
    if ((size_t)e->o.n_labels > width) width = (size_t)e->o.n_labels;
    float *host = malloc((size_t)e->o.batch * width * sizeof *host);
    if (!host) return err_set(ERR_SYSTEM, "out of memory for a batch");
    err error = OK;
    for (int first = 0; first < n && error == OK; first += e->o.batch) {
        int count = n - first < e->o.batch ? n - first : e->o.batch;
        error = encode_batch(e, images, first, count, host, embeddings, probabilities);
    }
    free(host);
    return error;
}
