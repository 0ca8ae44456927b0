/* Weights as torchvision names them, in .safetensors. */
#include "base/text.h"
#include "downstream/internal.h"
#include "nn/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The architecture's name of a parameter: what follows the training scope. */
static const char *own_name(const char *full)
{
    return strchr(full, '/') + 1;
}

static bool in_head(const classifier *c, const char *name)
{
    const char *head = architecture_find(c->o.model)->head;
    size_t length = strlen(head);
    return strncmp(name, head, length) == 0 && name[length] == '.';
}

/* ---- saving ---- */

static err fetch(net *n, safetensors_entry *entries, float **values)
{
    for (int i = 0; i < net_parameter_count(n); i++) {
        const char *full = net_parameter_name(n, i);
        nn_shape_t shape = net_parameter_shape(n, i);
        values[i] = malloc(nn_count(&shape) * sizeof *values[i]);
        if (!values[i]) return err_set(ERR_SYSTEM, "out of memory for weights");
        TRY(net_get_parameter(n, full, values[i]));
        entries[i] = (safetensors_entry){.name = own_name(full), .shape = shape, .data = values[i]};
    }
    return OK;
}

/* All tensors; close with tensors_close. */
typedef struct tensors {
    safetensors_entry *entries;
    float **values;
    int n;
} tensors;

static void tensors_close(tensors *t)
{
    for (int i = 0; t->values && i < t->n; i++) free(t->values[i]);
    free(t->values);
    free(t->entries);
}

static err tensors_open(net *n, tensors *out)
{
    int count = net_parameter_count(n);
    *out = (tensors){calloc((size_t)count, sizeof *out->entries), calloc((size_t)count, sizeof *out->values),
                     count};
    err error = out->entries && out->values ? fetch(n, out->entries, out->values)
                                            : err_set(ERR_SYSTEM, "out of memory for weights");
    if (error != OK) tensors_close(out);
    return error;
}

err classifier_save(classifier *c, const char *path)
{
    tensors t;
    /* "format" is what PyTorch's own readers look for. */
    const char *const metadata[] = {"format", "pt", "model", c->o.model, NULL};
    TRY(tensors_open(c->n, &t));
    err error = safetensors_write(path, t.entries, t.n, metadata);
    tensors_close(&t);
    return error;
}

err weights_hash(net *n, const char *model, hash *out)
{
    tensors t;
    text list = {0};
    TRY(tensors_open(n, &t));
    text_printf(&list, "%s\n", model);
    for (int i = 0; i < t.n; i++) {
        const safetensors_entry *e = &t.entries[i];
        hash values = hash_bytes(e->data, nn_count(&e->shape) * sizeof(float));
        text_printf(&list, "%s %s\n", e->name, values.hex);
    }
    err error = text_check(&list);
    if (error == OK) *out = hash_bytes(list.data, list.length);
    text_close(&list);
    tensors_close(&t);
    return error;
}

err classifier_hash(classifier *c, hash *out)
{
    return weights_hash(c->n, c->o.model, out);
}

/* ---- loading ---- */

static bool same_shape(const nn_shape_t *a, const nn_shape_t *b)
{
    return a->rank == b->rank && memcmp(a->d, b->d, (size_t)a->rank * sizeof a->d[0]) == 0;
}

/* (O,3,k,k) in the file for (O,1,k,k) of the model: only a first convolution has one input channel. */
static bool summable(const nn_shape_t *found, const nn_shape_t *wanted)
{
    nn_shape_t summed = *found;
    summed.d[1] = 1;
    return found->rank == 4 && found->d[1] == 3 && same_shape(&summed, wanted);
}

typedef struct shape_text {
    char text[64];
} shape_text;

static shape_text describe(const nn_shape_t *shape)
{
    shape_text t = {"("};
    size_t used = 1;
    for (int i = 0; i < shape->rank; i++)
        used += (size_t)snprintf(t.text + used, sizeof t.text - used, "%s%d", i ? "," : "", shape->d[i]);
    (void)snprintf(t.text + used, sizeof t.text - used, ")");
    return t;
}

static err check_tensor(const classifier *c, const safetensors *f, const char *path, int i)
{
    const char *name = own_name(net_parameter_name(c->n, i));
    nn_shape_t found, wanted = net_parameter_shape(c->n, i);
    const float *values;
    TRY(safetensors_read(f, name, &found, &values));
    if (same_shape(&found, &wanted) || summable(&found, &wanted)) return OK;
    return err_set(ERR_DATA, "%s: tensor %s is %s, and the model's is %s%s", path, name,
                   describe(&found).text, describe(&wanted).text,
                   in_head(c, name) ? "; fresh_head would let it be" : "");
}

static bool is_ignored(const char *name)
{
    static const char end[] = ".num_batches_tracked";
    size_t length = strlen(name), tail = sizeof end - 1;
    return length > tail && strcmp(name + length - tail, end) == 0;
}

static bool has_parameter(const classifier *c, const char *name)
{
    for (int i = 0; i < net_parameter_count(c->n); i++)
        if (strcmp(own_name(net_parameter_name(c->n, i)), name) == 0) return true;
    return false;
}

static bool is_wanted(const classifier *c, int i, bool fresh_head)
{
    return !fresh_head || !in_head(c, own_name(net_parameter_name(c->n, i)));
}

/* Before anything is changed. */
static err check_file(const classifier *c, const safetensors *f, const char *path, bool fresh_head)
{
    for (int i = 0; i < net_parameter_count(c->n); i++)
        if (is_wanted(c, i, fresh_head)) TRY(check_tensor(c, f, path, i));
    for (int i = 0; i < safetensors_count(f); i++) {
        const char *name = safetensors_name(f, i);
        if (is_ignored(name) || has_parameter(c, name) || (fresh_head && in_head(c, name))) continue;
        return err_set(ERR_DATA, "%s: tensor %s is not one of the model's", path, name);
    }
    return OK;
}

/* (O,3,A) -> (O,1,A), A = k*k */
static err set_summed(classifier *c, const char *full, const nn_shape_t *found, const float *values)
{
    size_t out = (size_t)found->d[0], area = (size_t)found->d[2] * (size_t)found->d[3];
    float *sum = malloc(out * area * sizeof *sum);
    if (!sum) return err_set(ERR_SYSTEM, "out of memory for weights");
    for (size_t o = 0; o < out; o++)
        for (size_t i = 0; i < area; i++) {
            const float *v = values + o * 3 * area + i;
            sum[o * area + i] = v[0] + v[area] + v[2 * area];
        }
    err error = net_set_parameter(c->n, full, sum);
    free(sum);
    return error;
}

static err set_all(classifier *c, const safetensors *f, bool fresh_head)
{
    for (int i = 0; i < net_parameter_count(c->n); i++) {
        const char *full = net_parameter_name(c->n, i);
        nn_shape_t found, wanted = net_parameter_shape(c->n, i);
        const float *values;
        if (!is_wanted(c, i, fresh_head)) continue;
        TRY(safetensors_read(f, own_name(full), &found, &values));
        TRY(same_shape(&found, &wanted) ? net_set_parameter(c->n, full, values)
                                        : set_summed(c, full, &found, values));
    }
    return OK;
}

err classifier_load(classifier *c, const char *path, bool fresh_head)
{
    safetensors *f;
    TRY(safetensors_open(path, &f));
    err error = check_file(c, f, path, fresh_head);
    if (error == OK) error = set_all(c, f, fresh_head);
    safetensors_close(f);
    return error == OK ? OK : err_context(error, "weights for %s", c->o.model);
}
