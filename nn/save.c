/* Saving and loading nets and optimizers, bit for bit. */
#include "nn/internal.h"
#include "nn/safetensors.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_BYTES = 24, MAX_OPTIMIZERS = 8, VECTORS = 3 };

/* The tensors of a checkpoint: parameters and states, then each optimizer's vectors. */
typedef struct checkpoint {
    safetensors_entry *entries;
    float **host; /* what entries[].data points to, when saving */
    char (*names)[NN_NAME_BYTES];
    int n;
    optimizer *const *optimizers;
    int n_optimizers;
} checkpoint;

static void close_checkpoint(checkpoint *c)
{
    for (int i = 0; c->host && i < c->n; i++) free(c->host[i]);
    free(c->entries);
    free(c->host);
    free(c->names);
}

static void add_entry(checkpoint *c, const char *name, nn_shape_t shape)
{
    (void)snprintf(c->names[c->n], NN_NAME_BYTES, "%s", name);
    c->entries[c->n] = (safetensors_entry){.name = c->names[c->n], .shape = shape};
    c->n++;
}

static err list_tensors(const net *n, optimizer *const *optimizers, int n_optimizers, checkpoint *c)
{
    TRY(net_recorded(n));
    if (n_optimizers > MAX_OPTIMIZERS)
        return err_set(ERR_INTERNAL, "more than %d optimizers", (int)MAX_OPTIMIZERS);
    size_t most = (size_t)n->n_parameters + VECTORS * (size_t)n_optimizers + 1;
    c->entries = calloc(most, sizeof *c->entries);
    c->host = calloc(most, sizeof *c->host);
    c->names = calloc(most, sizeof *c->names);
    c->optimizers = optimizers;
    c->n_optimizers = n_optimizers;
    if (!c->entries || !c->host || !c->names) return err_set(ERR_SYSTEM, "out of memory for a checkpoint");
    for (int i = 0; i < n->n_parameters; i++)
        add_entry(c, n->parameters[i].n->name, n->parameters[i].n->shape);
    for (int k = 0; k < n_optimizers; k++) {
        const scope_vectors *scope = optimizer_scope(optimizers[k]);
        for (const optimizer_vector *v = optimizer_vectors(optimizers[k], 0); v->name; v++) {
            char name[NN_NAME_BYTES];
            (void)snprintf(name, sizeof name, "optimizer/%.60s%s", scope->prefix, v->name);
            add_entry(c, name, nn_shape(1, (int)scope->n));
        }
    }
    return OK;
}

/* What list_tensors lists, where replica n has it; (c->n). The caller frees it. */
static err find_tensors(net *n, const checkpoint *c, float ***out)
{
    TRY(net_allocate(n));
    float **device = calloc((size_t)c->n + 1, sizeof *device);
    if (!device) return err_set(ERR_SYSTEM, "out of memory for a checkpoint");
    int found = 0;
    for (; found < n->n_parameters; found++) device[found] = n->parameters[found].value;
    for (int k = 0; k < c->n_optimizers; k++)
        for (const optimizer_vector *v = optimizer_vectors(c->optimizers[k], n->rank); v->name; v++)
            device[found++] = v->values;
    *out = device;
    return OK;
}

/* The caller's metadata and every optimizer's number of updates. */
typedef struct metadata_list {
    const char **pairs;
    char keys[MAX_OPTIMIZERS][NN_NAME_BYTES], values[MAX_OPTIMIZERS][STEPS_BYTES];
} metadata_list;

static void steps_key(const optimizer *o, char key[NN_NAME_BYTES])
{
    (void)snprintf(key, NN_NAME_BYTES, "optimizer/%.60ssteps", optimizer_scope(o)->prefix);
}

static err list_metadata(optimizer *const *optimizers, int n_optimizers, const char *const *given,
                         metadata_list *m)
{
    size_t count = 0;
    while (given && given[count]) count++;
    m->pairs = calloc(count + 2 * (size_t)n_optimizers + 1, sizeof *m->pairs);
    if (!m->pairs) return err_set(ERR_SYSTEM, "out of memory for a checkpoint");
    if (count) memcpy(m->pairs, given, count * sizeof *m->pairs);
    for (int k = 0; k < n_optimizers; k++) {
        steps_key(optimizers[k], m->keys[k]);
        (void)snprintf(m->values[k], STEPS_BYTES, "%llu", (unsigned long long)optimizer_steps(optimizers[k]));
        m->pairs[count++] = m->keys[k];
        m->pairs[count++] = m->values[k];
    }
    return OK;
}

static err fetch_all(net *n, checkpoint *c, float *const *device)
{
    for (int i = 0; i < c->n; i++) {
        c->host[i] = malloc(nn_count(&c->entries[i].shape) * sizeof(float));
        if (!c->host[i]) return err_set(ERR_SYSTEM, "out of memory for a checkpoint");
        TRY(n->i->download(n->b, &c->entries[i].shape, true, device[i], c->host[i]));
        c->entries[i].data = c->host[i];
    }
    return OK;
}

/* All replicas have the same: the first is read. */
static err fetch_one(net *n, void *context)
{
    checkpoint *c = context;
    float **device;
    TRY(find_tensors(n, c, &device));
    err error = n->rank == 0 ? fetch_all(n, c, device) : OK;
    free(device);
    return error;
}

static err restore_one(net *n, void *context)
{
    const checkpoint *c = context;
    float **device;
    TRY(find_tensors(n, c, &device));
    err error = OK;
    for (int i = 0; i < c->n && error == OK; i++)
        error = n->i->upload(n->b, &c->entries[i].shape, true, c->entries[i].data, device[i]);
    free(device);
    return error;
}

err net_save(net *n, const char *path, optimizer *const *optimizers, int n_optimizers,
             const char *const *metadata)
{
    checkpoint c = {0};
    metadata_list m = {0};
    err error = list_tensors(n, optimizers, n_optimizers, &c);
    if (error == OK) error = list_metadata(optimizers, n_optimizers, metadata, &m);
    if (error == OK) error = net_each(n, fetch_one, &c);
    if (error == OK) error = safetensors_write(path, c.entries, c.n, m.pairs);
    close_checkpoint(&c);
    free(m.pairs);
    return error;
}

static bool expected(const checkpoint *c, const char *name, int n_optimizers)
{
    if (n_optimizers == 0 && strncmp(name, "optimizer/", strlen("optimizer/")) == 0) return true;
    for (int i = 0; i < c->n; i++)
        if (strcmp(c->entries[i].name, name) == 0) return true;
    return false;
}

/* Checks everything before anything is changed, so that a failed load leaves the net as it was. */
static err check(const safetensors *f, const char *path, checkpoint *c, int n_optimizers)
{
    for (int i = 0; i < c->n; i++) {
        nn_shape_t shape, wanted = c->entries[i].shape;
        TRY(safetensors_read(f, c->entries[i].name, &shape, &c->entries[i].data));
        if (shape.rank != wanted.rank ||
            memcmp(shape.d, wanted.d, (size_t)shape.rank * sizeof shape.d[0]) != 0)
            return err_set(ERR_DATA, "%s: tensor %s has another shape than the model's", path,
                           c->entries[i].name);
    }
    for (int i = 0; i < safetensors_count(f); i++)
        if (!expected(c, safetensors_name(f, i), n_optimizers))
            return err_set(ERR_DATA, "%s: tensor %s does not belong to the model", path,
                           safetensors_name(f, i));
    return OK;
}

/* Reads every optimizer's number of updates; sets none. */
static err read_steps(const safetensors *f, const char *path, optimizer *const *optimizers, int n_optimizers,
                      uint64_t steps[MAX_OPTIMIZERS])
{
    for (int k = 0; k < n_optimizers; k++) {
        char key[NN_NAME_BYTES], *end = NULL;
        steps_key(optimizers[k], key);
        const char *value = safetensors_metadata(f, key);
        steps[k] = value ? strtoull(value, &end, 10) : 0;
        if (!value || *end || end == value) return err_set(ERR_DATA, "%s: its metadata has no %s", path, key);
    }
    return OK;
}

static err restore(net *n, const safetensors *f, const char *path, checkpoint *c,
                   optimizer *const *optimizers, int n_optimizers)
{
    TRY(check(f, path, c, n_optimizers));
    uint64_t steps[MAX_OPTIMIZERS];
    TRY(read_steps(f, path, optimizers, n_optimizers, steps));
    for (int k = 0; k < n_optimizers; k++) optimizer_set_steps(optimizers[k], steps[k]);
    return net_each(n, restore_one, c);
}

err net_load(net *n, const char *path, optimizer *const *optimizers, int n_optimizers)
{
    checkpoint c = {0};
    safetensors *f = NULL;
    err error = list_tensors(n, optimizers, n_optimizers, &c);
    if (error == OK) error = safetensors_open(path, &f);
    if (error == OK) error = restore(n, f, path, &c, optimizers, n_optimizers);
    safetensors_close(f);
    close_checkpoint(&c);
    return error;
}
