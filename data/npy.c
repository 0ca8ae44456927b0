#include "data/npy.h"

#include "base/file_writer.h"
#include "base/files.h"
#include "base/text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Layout (NEP 1): "\x93NUMPY", major, minor, header length (2 bytes, little endian), then the header, a
 * Python dictionary
 * {'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), } padded with blanks to a multiple of 64 and
 * ended by '\n'. */
static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
enum { PREAMBLE = 10, HEADER_BYTES = 128 };

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "data are mapped as they are: little endian");

typedef struct cursor {
    const char *at, *end;
} cursor;

static void skip_blanks(cursor *c)
{
    while (c->at < c->end && isspace((unsigned char)*c->at)) c->at++;
}

static bool take(cursor *c, const char *token)
{
    size_t n = strlen(token);
    skip_blanks(c);
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, token, n) != 0) return false;
    c->at += n;
    return true;
}

/* A Python string of at most 31 characters without escapes. */
static bool take_string(cursor *c, char out[32])
{
    skip_blanks(c);
    if (c->at >= c->end || (*c->at != '\'' && *c->at != '"')) return false;
    char quote = *c->at++;
    size_t n = 0;
    while (c->at < c->end && *c->at != quote && n < 31) out[n++] = *c->at++;
    out[n] = '\0';
    if (c->at >= c->end || *c->at != quote) return false;
    c->at++;
    return true;
}

static bool take_number(cursor *c, int64_t *out)
{
    skip_blanks(c);
    int64_t value = 0;
    const char *start = c->at;
    for (; c->at < c->end && isdigit((unsigned char)*c->at); c->at++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *c->at - '0', &value))
            return false; /* gcc and clang built-ins: C11 has no checked arithmetic */
    *out = value;
    return c->at > start;
}

/* "(2, 3)", "(2,)" or "()". */
static err take_shape(cursor *c, const char *path, npy *out)
{
    const int limit = (int)(sizeof out->shape / sizeof *out->shape);
    if (!take(c, "(")) return err_set(ERR_DATA, "%s: the .npy header has no tuple as its shape", path);
    for (out->rank = 0; !take(c, ")");) {
        int64_t side;
        if (out->rank == limit)
            return err_set(ERR_DATA, "%s: the array has more than %d dimensions", path, limit);
        if (!take_number(c, &side))
            return err_set(ERR_DATA, "%s: the shape in the .npy header is not a tuple of sizes", path);
        out->shape[out->rank++] = side;
        if (take(c, ",")) continue;
        if (!take(c, ")")) return err_set(ERR_DATA, "%s: the shape in the .npy header does not end", path);
        break;
    }
    if (out->rank == 0) return err_set(ERR_DATA, "%s: is a single number, not an array", path);
    return OK;
}

static err take_type(cursor *c, const char *path, npy *out)
{
    char type[32];
    if (!take_string(c, type)) return err_set(ERR_DATA, "%s: the .npy header has no type", path);
    if (strcmp(type, "|u1") == 0)
        out->type = 'u';
    else if (strcmp(type, "<f4") == 0)
        out->type = 'f';
    else
        return err_set(ERR_DATA, "%s: has type %s; save it as numpy.uint8 (|u1) or numpy.float32 (<f4)", path,
                       type);
    return OK;
}

static err take_order(cursor *c, const char *path)
{
    if (take(c, "False")) return OK;
    if (take(c, "True"))
        return err_set(ERR_DATA, "%s: is in Fortran order; save numpy.ascontiguousarray of it", path);
    return err_set(ERR_DATA, "%s: the .npy header has no fortran_order", path);
}

static err parse_header(cursor c, const char *path, npy *out)
{
    enum { DESCR = 1, ORDER = 2, SHAPE = 4 };
    int seen = 0;
    bool more = take(&c, "{"), closed = false;
    while (more && !(closed = take(&c, "}"))) {
        char key[32];
        int which;
        if (!take_string(&c, key) || !take(&c, ":")) break;
        if (strcmp(key, "descr") == 0) {
            TRY(take_type(&c, path, out));
            which = DESCR;
        } else if (strcmp(key, "fortran_order") == 0) {
            TRY(take_order(&c, path));
            which = ORDER;
        } else if (strcmp(key, "shape") == 0) {
            TRY(take_shape(&c, path, out));
            which = SHAPE;
        } else {
            return err_set(ERR_DATA, "%s: the .npy header has the unknown key '%s'", path, key);
        }
        if (seen & which) return err_set(ERR_DATA, "%s: the .npy header has '%s' twice", path, key);
        seen |= which;
        if (!take(&c, ",")) {
            closed = take(&c, "}");
            break;
        }
    }
    skip_blanks(&c);
    if (seen != (DESCR | ORDER | SHAPE) || !closed || c.at != c.end)
        return err_set(ERR_DATA, "%s: the .npy header is damaged", path);
    return OK;
}

static err check_length(const char *path, const npy *array, size_t bytes)
{
    uint64_t wanted = array->type == 'f' ? sizeof(float) : 1;
    bool overflow = false;
    for (int d = 0; d < array->rank; d++) /* a gcc and clang built-in, as above */
        overflow |= __builtin_mul_overflow(wanted, (uint64_t)array->shape[d], &wanted);
    if (overflow) return err_set(ERR_DATA, "%s: the shape in the .npy header overflows", path);
    if (wanted > bytes)
        return err_set(ERR_DATA, "%s: is truncated: %llu bytes of data are announced and %zu are there", path,
                       (unsigned long long)wanted, bytes);
    if (wanted < bytes)
        return err_set(ERR_DATA, "%s: has %zu bytes of data where %llu are announced", path, bytes,
                       (unsigned long long)wanted);
    return OK;
}

static err parse(const char *path, const unsigned char *bytes, size_t n, npy *out)
{
    if (n < PREAMBLE || memcmp(bytes, magic, sizeof magic) != 0)
        return err_set(ERR_DATA, "%s: is not a .npy file", path);
    if (bytes[6] != 1 || bytes[7] != 0)
        return err_set(ERR_DATA, "%s: is .npy version %d.%d; only 1.0, which numpy.save writes, is read",
                       path, bytes[6], bytes[7]);
    size_t header = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    if (n - PREAMBLE < header) return err_set(ERR_DATA, "%s: is truncated within its header", path);
    const char *start = (const char *)bytes + PREAMBLE;
    TRY(parse_header((cursor){start, start + header}, path, out));
    out->data = start + header;
    if (out->type == 'f' && (PREAMBLE + header) % sizeof(float) != 0)
        return err_set(ERR_DATA, "%s: the data start at byte %zu, which is not aligned for float32", path,
                       PREAMBLE + header);
    return check_length(path, out, n - PREAMBLE - header);
}

err npy_open(const char *path, npy *out)
{
    *out = (npy){0};
    TRY(file_map(path, &out->map, &out->map_bytes));
    err error = parse(path, out->map, out->map_bytes, out);
    if (error != OK) npy_close(out);
    return error;
}

void npy_close(npy *array)
{
    if (!array) return;
    file_unmap(array->map, array->map_bytes);
    *array = (npy){0};
}

/* Of 128 bytes with the preamble, whatever the number of rows, so that it can be written over. */
static err write_header(char type, int rank, const int64_t *shape, text *out)
{
    text header = {0};
    text_printf(&header, "{'descr': '%s', 'fortran_order': False, 'shape': (", type == 'f' ? "<f4" : "|u1");
    for (int d = 0; d < rank; d++) text_printf(&header, d ? ", %lld" : "%lld", (long long)shape[d]);
    text_printf(&header, rank == 1 ? ",), }" : "), }");
    while (PREAMBLE + header.length + 1 < HEADER_BYTES && !header.failed) text_bytes(&header, " ", 1);
    text_bytes(&header, "\n", 1);
    unsigned char preamble[PREAMBLE];
    memcpy(preamble, magic, sizeof magic);
    preamble[6] = 1;
    preamble[7] = 0;
    preamble[8] = (unsigned char)(header.length & 0xFF);
    preamble[9] = (unsigned char)(header.length >> 8);
    text_bytes(out, preamble, sizeof preamble);
    if (header.data) text_bytes(out, header.data, header.length);
    out->failed |= header.failed;
    text_close(&header);
    TRY(text_check(out));
    return out->length == HEADER_BYTES ? OK
                                       : err_set(ERR_INTERNAL, "a .npy header of %zu bytes", out->length);
}

struct npy_writer {
    file_writer *file;
    char type;
    int rank;
    int64_t shape[4];
    size_t row_bytes;
};

/* The header as the shape is now, appended or written over the first one. */
static err put_header(npy_writer *w, bool over)
{
    text header = {0};
    err error = write_header(w->type, w->rank, w->shape, &header);
    if (error == OK)
        error = over ? file_writer_patch(w->file, 0, header.data, header.length)
                     : file_writer_add(w->file, header.data, header.length);
    text_close(&header);
    return error;
}

err npy_writer_open(const char *path, char type, int rank, const int64_t *shape, npy_writer **out)
{
    *out = NULL;
    size_t bytes = type == 'f' ? sizeof(float) : 1;
    if ((type != 'u' && type != 'f') || rank < 1 || rank > 4)
        return err_set(ERR_INTERNAL, "%s: .npy type '%c', rank %d", path, type, rank);
    for (int d = 1; d < rank; d++)
        if (shape[d] < 0 || __builtin_mul_overflow(bytes, (size_t)shape[d], &bytes))
            return err_set(ERR_INTERNAL, "%s: the shape to write overflows", path);
    npy_writer *w = calloc(1, sizeof *w);
    if (!w) return err_set(ERR_SYSTEM, "%s: out of memory", path);
    *w = (npy_writer){.type = type, .rank = rank, .row_bytes = bytes};
    for (int d = 1; d < rank; d++) w->shape[d] = shape[d];
    err error = file_writer_open(path, &w->file);
    if (error == OK) error = put_header(w, false);
    if (error == OK)
        *out = w;
    else
        npy_writer_close(w);
    return error;
}

err npy_writer_add(npy_writer *w, const void *rows, int64_t n)
{
    size_t bytes;
    if (n < 0 || __builtin_mul_overflow(w->row_bytes, (size_t)n, &bytes))
        return err_set(ERR_INTERNAL, "%lld rows of %zu bytes overflow", (long long)n, w->row_bytes);
    TRY(file_writer_add(w->file, rows, bytes));
    w->shape[0] += n;
    return OK;
}

err npy_writer_finish(npy_writer *w)
{
    TRY(put_header(w, true));
    return file_writer_finish(w->file);
}

void npy_writer_close(npy_writer *w)
{
    if (!w) return;
    file_writer_close(w->file);
    free(w);
}

err npy_write(const char *path, char type, int rank, const int64_t *shape, const void *data)
{
    npy_writer *w;
    TRY(npy_writer_open(path, type, rank, shape, &w));
    err error = npy_writer_add(w, data, shape[0]);
    if (error == OK) error = npy_writer_finish(w);
    npy_writer_close(w);
    return error;
}
