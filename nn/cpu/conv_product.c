#include "nn/cpu/conv_product.h"

#include <stdlib.h>
#include <string.h>

struct conv_product {
    conv_shape s;
    stage *product;               /* dz^T (O, rows) times patches (rows, k k C) */
    size_t patch_bytes, dw_bytes; /* scratch is patches (if k > 1), the product (O,k,k,C), the stage's own */
};

bool conv_product_suits(const backend *b, const conv_shape *s)
{
    enum { SMALL = 8 * 8, MIN_CHANNELS = 64 };
    if (!b->interleaved || s->c < CPU_MIN_BLOCKED || s->o < CPU_MIN_BLOCKED) return false;
    if (s->k == 1) return s->stride == 1 && s->pad == 0;
    return s->oh * s->ow <= SMALL && s->o >= MIN_CHANNELS;
}

static err open_product(const backend *b, conv_product *p)
{
    dnnl_dim_t rows = (dnnl_dim_t)p->s.n * p->s.oh * p->s.ow, columns = (dnnl_dim_t)p->s.k * p->s.k * p->s.c;
    dnnl_dim_t out = p->s.o;
    dnnl_memory_desc_t dz, patches, dw;
    dnnl_matmul_desc_t d;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t descriptor = NULL;
    bool fine = dnnl_memory_desc_init_by_strides(&dz, 2, (dnnl_dims_t){out, rows}, dnnl_bf16,
                                                 (dnnl_dims_t){1, out}) == dnnl_success &&
                dnnl_memory_desc_init_by_tag(&patches, 2, (dnnl_dims_t){rows, columns}, dnnl_bf16, dnnl_ab) ==
                    dnnl_success &&
                dnnl_memory_desc_init_by_tag(&dw, 2, (dnnl_dims_t){out, columns}, dnnl_f32, dnnl_ab) ==
                    dnnl_success &&
                dnnl_matmul_desc_init(&d, &dz, &patches, NULL, &dw) == dnnl_success &&
                dnnl_primitive_attr_create(&attr) == dnnl_success &&
                dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user) == dnnl_success &&
                dnnl_primitive_desc_create(&descriptor, &d, attr, b->engine, NULL) == dnnl_success;
    const stage_tensor tensors[] = {{DNNL_ARG_SRC, dnnl_query_src_md, 0, dz, false},
                                    {DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, patches, false},
                                    {DNNL_ARG_DST, dnnl_query_dst_md, 0, dw, true}};
    err error = fine ? stage_open(b, descriptor, tensors, 3, &p->product)
                     : err_set(ERR_INTERNAL, "oneDNN has no product of %d x %lld by %lld", p->s.o,
                               (long long)rows, (long long)columns);
    if (descriptor) (void)dnnl_primitive_desc_destroy(descriptor);
    if (attr) (void)dnnl_primitive_attr_destroy(attr);
    return error;
}

err conv_product_open(const backend *b, const conv_shape *s, conv_product **out)
{
    *out = NULL;
    conv_product *p = calloc(1, sizeof *p);
    if (!p) return err_set(ERR_SYSTEM, "out of memory for a convolution");
    p->s = *s;
    size_t columns = (size_t)(s->k * s->k * s->c);
    if (s->k > 1) p->patch_bytes = stage_align((size_t)(s->n * s->oh * s->ow) * columns * sizeof(uint16_t));
    p->dw_bytes = stage_align((size_t)s->o * columns * sizeof(float));
    err error = open_product(b, p);
    if (error != OK) {
        conv_product_close(p);
        return error;
    }
    *out = p;
    return OK;
}

void conv_product_close(conv_product *p)
{
    if (!p) return;
    stage_close(p->product);
    free(p);
}

size_t conv_product_bytes(const conv_product *p)
{
    return p ? p->patch_bytes + p->dw_bytes + stage_bytes(p->product) : 0;
}

/* The patch (k,k,C) of one output pixel; zeros outside the image. */
static void take_patch(const conv_shape *s, const uint16_t *image, int y, int x, uint16_t *to)
{
    size_t pixel = (size_t)s->c, bytes = pixel * sizeof *to;
    for (int ky = 0; ky < s->k; ky++)
        for (int kx = 0; kx < s->k; kx++, to += pixel) {
            int row = y * s->stride + ky - s->pad, column = x * s->stride + kx - s->pad;
            if (row >= 0 && row < s->h && column >= 0 && column < s->w)
                memcpy(to, image + (size_t)(row * s->w + column) * pixel, bytes);
            else
                memset(to, 0, bytes);
        }
}

static void take_patches(const conv_shape *s, const uint16_t *x, uint16_t *patches)
{
    size_t image = (size_t)(s->h * s->w * s->c), patch = (size_t)(s->k * s->k * s->c);
#pragma omp parallel for schedule(static)
    for (int row = 0; row < s->n * s->oh * s->ow; row++) {
        int n = row / (s->oh * s->ow), at = row % (s->oh * s->ow);
        take_patch(s, x + (size_t)n * image, at / s->ow, at % s->ow, patches + (size_t)row * patch);
    }
}

/* (O,k k,C) to (O,C,k k). */
static void store_weight(const conv_shape *s, const float *from, float *dw, bool add)
{
    int taps = s->k * s->k;
#pragma omp parallel for schedule(static)
    for (int o = 0; o < s->o; o++)
        for (int c = 0; c < s->c; c++)
            for (int i = 0; i < taps; i++) {
                float *to = dw + (size_t)(o * s->c + c) * (size_t)taps + i;
                *to = (add ? *to : 0) + from[(size_t)(o * taps + i) * (size_t)s->c + (size_t)c];
            }
}

err conv_product_run(conv_product *p, const backend *b, const void *x, const void *dz, float *dw, bool add,
                     void *scratch)
{
    char *own = scratch;
    const void *patches = x;
    if (p->patch_bytes > 0) {
        take_patches(&p->s, x, (uint16_t *)scratch);
        patches = scratch;
    }
    own += p->patch_bytes;
    void *memory[] = {stage_readable(dz), stage_readable(patches), own};
    TRY(stage_run(p->product, b, memory, (bool[3]){false}, own + p->dw_bytes));
    store_weight(&p->s, (const float *)(const void *)own, dw, add);
    return OK;
}
