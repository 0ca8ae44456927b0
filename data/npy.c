#include "data/npy.h"

#include "base/files.h"
#include "base/text.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* Layout (NEP 1): "\x93NUMPY", major, minor, header length (2 bytes, little endian), then the header, a
 * Python dictionary
 * {'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), } padded with blanks to a multiple of 64 and
 * ended by '\n'. */
static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
enum { PREAMBLE = 10, ALIGNMENT = 64 };

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

static void write_header(text *out, char type, int rank, const int64_t *shape)
{
    text header = {0};
    text_printf(&header, "{'descr': '%s', 'fortran_order': False, 'shape': (", type == 'f' ? "<f4" : "|u1");
    for (int d = 0; d < rank; d++) text_printf(&header, d ? ", %lld" : "%lld", (long long)shape[d]);
    text_printf(&header, rank == 1 ? ",), }" : "), }");
    while ((PREAMBLE + header.length + 1) % ALIGNMENT != 0 && !header.failed) text_bytes(&header, " ", 1);
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
}

err npy_write(const char *path, char type, int rank, const int64_t *shape, const void *data)
{
    if ((type != 'u' && type != 'f') || rank < 1 || rank > 4)
        return err_set(ERR_INTERNAL, "%s: .npy type '%c', rank %d", path, type, rank);
    size_t bytes = type == 'f' ? sizeof(float) : 1;
    for (int d = 0; d < rank; d++)
        if (shape[d] < 0 || __builtin_mul_overflow(bytes, (size_t)shape[d], &bytes))
            return err_set(ERR_INTERNAL, "%s: the shape to write overflows", path);
    text file = {0};
    write_header(&file, type, rank, shape);
    text_bytes(&file, data, bytes);
    err error = text_check(&file);
    if (error == OK) error = file_write(path, file.data, file.length);
    text_close(&file);
    return error;
}
