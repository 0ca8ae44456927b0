/* The table of architectures. */
#include "downstream/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const architecture architectures[] = {
    {"densenet_small", densenet_small, .head = "logits", .least = 8, .multiple = 8,
     .pixel_flops_of = densenet_small_pixel_flops},
    {"densenet121", densenet121, .head = "classifier", .least = 32, .multiple = 1, .pixel_flops = 107e3},
    {"resnet18", resnet18, .head = "fc", .least = 32, .multiple = 1, .pixel_flops = 72e3},
    {"resnet50", resnet50, .head = "fc", .least = 32, .multiple = 1, .pixel_flops = 163e3},
    {"vit_tiny", vit_tiny, .head = "heads.head", .least = 16, .multiple = 16,
     .pixel_flops_of = vit_tiny_pixel_flops},
};
enum { COUNT = sizeof architectures / sizeof *architectures };

const architecture *architecture_find(const char *name)
{
    for (int i = 0; i < COUNT; i++)
        if (strcmp(architectures[i].name, name) == 0) return &architectures[i];
    return NULL;
}

double classifier_image_flops(const classifier_opts *o)
{
    const architecture *a = architecture_find(o->model);
    double pixels = (double)o->resolution * o->resolution;
    return pixels * (a->pixel_flops_of ? a->pixel_flops_of(o) : a->pixel_flops);
}

layer_name name_of(const char *format, ...)
{
    layer_name name;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(name.text, sizeof name.text, format, arguments);
    va_end(arguments);
    if (length < 0 || length >= NN_NAME_BYTES) abort(); /* the names are our own */
    return name;
}

nn_t network(net *n, const classifier_opts *o, nn_t images, bool training, nn_t *features)
{
    const architecture *a = architecture_find(o->model);
    nn_enter(n, o->head_only ? "B" : "C");
    nn_t maps = a->maps(n, o, images, training && !o->head_only), h = nn_global_pool(n, maps, GLOBAL_AVERAGE);
    nn_leave(n);
    if (features) *features = h;
    nn_enter(n, "C");
    nn_t logits = nn_linear(n, h, (linear_opts){.name = a->head, .out = o->n_classes, .bias = true});
    nn_leave(n);
    return logits;
}
