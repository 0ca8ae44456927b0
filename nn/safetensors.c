#include "nn/safetensors.h"

#include "base/files.h"
#include "base/text.h"

#include <cjson/cJSON.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8, HEADER_LIMIT = 100 * 1000 * 1000 /* the reference implementation's own limit */ };

typedef struct tensor {
    const char *name; /* owned by the JSON tree */
    nn_shape_t shape;
    const char *type;
    const unsigned char *data;
    size_t bytes;
} tensor;

struct safetensors {
    char *path;
    const unsigned char *map;
    size_t map_bytes;
    cJSON *header;
    tensor *tensors;
    int n;
};

static uint64_t little_endian(const unsigned char *bytes)
{
    uint64_t value = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--) value = value << 8 | bytes[i];
    return value;
}

/* Reads a JSON number as a non-negative integer below 2^53; false if it is none. */
static bool integer_of(const cJSON *item, uint64_t *out)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) || item->valuedouble > 0x1p53) return false;
    *out = (uint64_t)item->valuedouble;
    return (double)*out == item->valuedouble;
}

static bool shape_of(const cJSON *list, nn_shape_t *shape, uint64_t *count)
{
    int rank = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : -1;
    if (rank < 0 || rank > NN_MAX_RANK) return false;
    *shape = (nn_shape_t){.rank = rank ? rank : 1, .d = {1}};
    *count = 1;
    for (int i = 0; i < rank; i++) {
        uint64_t d;
        if (!integer_of(cJSON_GetArrayItem(list, i), &d) || d > INT_MAX) return false;
        shape->d[i] = (int)d;
        if (d && *count > UINT64_MAX / 8 / d) return false;
        *count *= d;
    }
    return true;
}

static size_t type_bytes(const char *type)
{
    static const struct {
        const char *name;
        size_t bytes;
    } types[] = {{"F32", 4},  {"F64", 8}, {"I64", 8}, {"U64", 8}, {"I32", 4}, {"U32", 4}, {"F16", 2},
                 {"BF16", 2}, {"I16", 2}, {"U16", 2}, {"I8", 1},  {"U8", 1},  {"BOOL", 1}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(type, types[i].name) == 0) return types[i].bytes;
    return 0;
}

static err read_tensor(const safetensors *f, const cJSON *item, size_t data_start, tensor *out)
{
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(item, "data_offsets");
    const cJSON *type = cJSON_GetObjectItemCaseSensitive(item, "dtype");
    uint64_t first, last, count;
    size_t data_bytes = f->map_bytes - data_start;
    if (!cJSON_IsString(type) || !type_bytes(type->valuestring) ||
        !shape_of(cJSON_GetObjectItemCaseSensitive(item, "shape"), &out->shape, &count))
        return err_set(ERR_DATA, "%s: tensor %s has a type or a shape that cannot be read", f->path,
                       item->string);
    if (!cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2 ||
        !integer_of(cJSON_GetArrayItem(offsets, 0), &first) ||
        !integer_of(cJSON_GetArrayItem(offsets, 1), &last) || first > last || last > data_bytes ||
        last - first != count * type_bytes(type->valuestring))
        return err_set(ERR_DATA, "%s: tensor %s lies outside the file; is the file truncated?", f->path,
                       item->string);
    out->name = item->string;
    out->type = type->valuestring;
    out->data = f->map + data_start + first;
    out->bytes = last - first;
    if ((first + data_start) % sizeof(float) && strcmp(out->type, "F32") == 0)
        return err_set(ERR_DATA, "%s: tensor %s is not aligned to its type", f->path, item->string);
    return OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const tensor *)a)->name, ((const tensor *)b)->name);
}

/* Empty tensors come first, so that they do not part two that overlap. */
static int by_place(const void *a, const void *b)
{
    const tensor *x = a, *y = b;
    if (!x->bytes != !y->bytes) return x->bytes ? 1 : -1;
    return (x->data > y->data) - (x->data < y->data);
}

/* No name twice, and no byte in two tensors. */
static err check_distinct(safetensors *f)
{
    tensor *order = malloc(((size_t)f->n + 1) * sizeof *order);
    if (!order) return err_set(ERR_SYSTEM, "%s: out of memory", f->path);
    memcpy(order, f->tensors, (size_t)f->n * sizeof *order);
    err error = OK;
    qsort(order, (size_t)f->n, sizeof *order, by_name);
    for (int i = 1; i < f->n && error == OK; i++)
        if (strcmp(order[i - 1].name, order[i].name) == 0)
            error = err_set(ERR_DATA, "%s: tensor %s is there twice", f->path, order[i].name);
    qsort(order, (size_t)f->n, sizeof *order, by_place);
    for (int i = 1; i < f->n && error == OK; i++)
        if (order[i - 1].bytes && order[i - 1].data + order[i - 1].bytes > order[i].data)
            error = err_set(ERR_DATA, "%s: tensor %s overlaps tensor %s", f->path, order[i].name,
                            order[i - 1].name);
    free(order);
    return error;
}

/* Parses exactly `length` bytes: after the object only spaces may follow, as writers pad with them. */
static cJSON *parse_exactly(const char *json, size_t length)
{
    const char *end = json;
    cJSON *header = cJSON_ParseWithLengthOpts(json, length, &end, false);
    while (header && end < json + length && *end == ' ') end++;
    if (header && end == json + length) return header;
    cJSON_Delete(header);
    return NULL;
}

static err read_header(safetensors *f)
{
    if (f->map_bytes < LENGTH_BYTES)
        return err_set(ERR_DATA, "%s: is not a safetensors file: it has only %zu bytes", f->path,
                       f->map_bytes);
    uint64_t length = little_endian(f->map);
    if (length > HEADER_LIMIT || length > f->map_bytes - LENGTH_BYTES)
        return err_set(ERR_DATA,
                       "%s: is not a safetensors file, or it is truncated: its header claims %llu bytes",
                       f->path, (unsigned long long)length);
    f->header = parse_exactly((const char *)f->map + LENGTH_BYTES, (size_t)length);
    if (!cJSON_IsObject(f->header)) return err_set(ERR_DATA, "%s: its header is not a JSON object", f->path);
    int n = cJSON_GetArraySize(f->header);
    f->tensors = calloc((size_t)n + 1, sizeof *f->tensors);
    if (!f->tensors) return err_set(ERR_SYSTEM, "%s: out of memory", f->path);
    for (const cJSON *item = f->header->child; item; item = item->next) {
        if (strcmp(item->string, "__metadata__") == 0) continue;
        TRY(read_tensor(f, item, LENGTH_BYTES + (size_t)length, &f->tensors[f->n]));
        f->n++;
    }
    return check_distinct(f);
}

err safetensors_open(const char *path, safetensors **out)
{
    *out = NULL;
    safetensors *f = calloc(1, sizeof *f);
    if (!f) return err_set(ERR_SYSTEM, "%s: out of memory", path);
    const void *map = NULL;
    f->path = strdup(path);
    err error =
        f->path ? file_map(path, &map, &f->map_bytes) : err_set(ERR_SYSTEM, "%s: out of memory", path);
    f->map = map;
    if (error == OK) error = read_header(f);
    if (error != OK) {
        safetensors_close(f);
        return error;
    }
    *out = f;
    return OK;
}

void safetensors_close(safetensors *f)
{
    if (!f) return;
    cJSON_Delete(f->header);
    file_unmap(f->map, f->map_bytes);
    free(f->tensors);
    free(f->path);
    free(f);
}

int safetensors_count(const safetensors *f)
{
    return f->n;
}

const char *safetensors_name(const safetensors *f, int i)
{
    return f->tensors[i].name;
}

err safetensors_read(const safetensors *f, const char *name, nn_shape_t *shape, const float **data)
{
    for (int i = 0; i < f->n; i++) {
        const tensor *t = &f->tensors[i];
        if (strcmp(t->name, name) != 0) continue;
        if (strcmp(t->type, "F32") != 0)
            return err_set(ERR_DATA, "%s: tensor %s has type %s; convert it to F32", f->path, name, t->type);
        *shape = t->shape;
        *data = (const float *)(const void *)t->data;
        return OK;
    }
    return err_set(ERR_DATA, "%s: has no tensor %s", f->path, name);
}

const char *safetensors_metadata(const safetensors *f, const char *key)
{
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(f->header, "__metadata__");
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(metadata, key);
    return cJSON_IsString(value) ? value->valuestring : NULL;
}

/* Adds one tensor's entry to the header; false if memory ran out. */
static bool describe(cJSON *header, const safetensors_entry *entry, double first, double last)
{
    double offsets[2] = {first, last};
    cJSON *item = cJSON_AddObjectToObject(header, entry->name);
    cJSON *shape = cJSON_CreateIntArray(entry->shape.d, entry->shape.rank);
    return item && cJSON_AddStringToObject(item, "dtype", "F32") &&
           cJSON_AddItemToObject(item, "shape", shape) &&
           cJSON_AddItemToObject(item, "data_offsets", cJSON_CreateDoubleArray(offsets, 2));
}

static char *header_text(const safetensors_entry *entries, int n, const char *const *metadata)
{
    cJSON *header = cJSON_CreateObject();
    bool fine = header != NULL;
    if (fine && metadata) {
        cJSON *pairs = cJSON_AddObjectToObject(header, "__metadata__");
        for (; pairs && metadata[0]; metadata += 2)
            fine = fine && cJSON_AddStringToObject(pairs, metadata[0], metadata[1]);
        fine = fine && pairs;
    }
    double offset = 0;
    for (int i = 0; fine && i < n; i++) {
        double end = offset + (double)nn_count(&entries[i].shape) * sizeof(float);
        fine = describe(header, &entries[i], offset, end);
        offset = end;
    }
    char *printed = fine ? cJSON_PrintUnformatted(header) : NULL;
    cJSON_Delete(header);
    return printed;
}

err safetensors_write(const char *path, const safetensors_entry *entries, int n, const char *const *metadata)
{
    char *header = header_text(entries, n, metadata);
    if (!header) return err_set(ERR_SYSTEM, "%s: out of memory", path);
    size_t length = strlen(header);
    size_t padded = (length + 7) / 8 * 8; /* the format allows trailing spaces; tensors then start aligned */
    unsigned char prefix[LENGTH_BYTES];
    for (int i = 0; i < LENGTH_BYTES; i++) prefix[i] = (unsigned char)(padded >> (8 * i));
    text file = {0};
    text_bytes(&file, prefix, sizeof prefix);
    text_bytes(&file, header, length);
    text_bytes(&file, "        ", padded - length);
    for (int i = 0; i < n; i++)
        text_bytes(&file, entries[i].data, nn_count(&entries[i].shape) * sizeof(float));
    free(header);
    err error = text_save(&file, path);
    text_close(&file);
    return error;
}
