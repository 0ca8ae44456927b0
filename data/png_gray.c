/* The usual X-ray, a gray PNG of 8 or 16 bits whose rows come in order, inflated in one go by libdeflate:
 * twice as fast as libpng over zlib, which makes row after row. It only says whether it could: every other
 * file, and every one that it doubts, is libpng's, which knows what is wrong with it. (PNG 1.2, ISO/IEC
 * 15948.) */
#include "data/decode.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

enum {
    SIGNATURE_BYTES = 8,
    HEADER_BYTES = 13,   /* of an IHDR's content */
    AROUND_BYTES = 12,   /* of a chunk: length and name before the content, its checksum behind it */
    MOST_BYTES = 1 << 26 /* of rows that are held at once; libpng needs one at a time */
};

typedef struct chunk {
    const uint8_t *name, *content;
    size_t length;
} chunk;

/* What is to be decoded. */
typedef struct gray_png {
    size_t width, height, sample_bytes;
    uint8_t *packed; /* the IDATs one after another; room for the whole file; owned */
    size_t packed_bytes;
    uint8_t *rows; /* (height, 1 + width * sample_bytes), each behind its filter; owned */
} gray_png;

/* Of a row behind its filter. */
static size_t row_bytes(const gray_png *g)
{
    return g->width * g->sample_bytes;
}

static size_t number_at(const uint8_t *p)
{
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

/* The chunk at *at, which is moved behind it. */
static bool next_chunk(const uint8_t *bytes, size_t n, size_t *at, chunk *out)
{
    if (n - *at < AROUND_BYTES) return false;
    const uint8_t *p = bytes + *at;
    *out = (chunk){.name = p + 4, .content = p + 8, .length = number_at(p)};
    if (out->length > n - *at - AROUND_BYTES) return false;
    *at += AROUND_BYTES + out->length;
    return libdeflate_crc32(0, out->name, out->length + 4) == number_at(out->content + out->length);
}

static bool is_named(const chunk *c, const char *name)
{
    return memcmp(c->name, name, 4) == 0;
}

/* IHDR: width, height, bits, colour, compression, filters, interlacing. */
static bool read_header(const chunk *c, gray_png *g)
{
    if (!is_named(c, "IHDR") || c->length != HEADER_BYTES) return false;
    const uint8_t *p = c->content;
    g->width = number_at(p);
    g->height = number_at(p + 4);
    g->sample_bytes = p[8] / 8U;
    return (p[8] == 8 || p[8] == 16) && p[9] == 0 && p[10] == 0 && p[11] == 0 && p[12] == 0;
}

/* Header, then IDATs side by side, then the end; between them only what may be left out. */
static bool collect(const uint8_t *bytes, size_t n, gray_png *g)
{
    static const uint8_t signature[SIGNATURE_BYTES] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    size_t at = SIGNATURE_BYTES;
    bool begun = false, over = false;
    chunk c;
    if (n < SIGNATURE_BYTES || memcmp(bytes, signature, SIGNATURE_BYTES) != 0) return false;
    if (!next_chunk(bytes, n, &at, &c) || !read_header(&c, g)) return false;
    g->packed = malloc(n);
    while (g->packed && next_chunk(bytes, n, &at, &c)) {
        if (is_named(&c, "IEND")) return begun && c.length == 0;
        if (is_named(&c, "IDAT")) {
            if (over) return false;
            memcpy(g->packed + g->packed_bytes, c.content, c.length);
            g->packed_bytes += c.length;
            begun = true;
        } else {
            if (c.name[0] < 'a' || c.name[0] > 'z') return false;
            over = begun;
        }
    }
    return false;
}

/* All of the rows, no more and no less; libdeflate compares the checksum. */
static bool inflate_rows(gray_png *g)
{
    size_t bytes = g->height * (1 + row_bytes(g)), read = 0;
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    g->rows = malloc(bytes);
    bool whole = d && g->rows &&
                 libdeflate_zlib_decompress_ex(d, g->packed, g->packed_bytes, g->rows, bytes, &read, NULL) ==
                     LIBDEFLATE_SUCCESS &&
                 read == g->packed_bytes;
    libdeflate_free_decompressor(d);
    return whole;
}

/* ---- filters: each byte was written as its difference from what the ones before it foretell ---- */

static void add_left(uint8_t *row, size_t n, size_t step)
{
    for (size_t i = step; i < n; i++) row[i] = (uint8_t)(row[i] + row[i - step]);
}

static void add_above(uint8_t *restrict row, const uint8_t *restrict above, size_t n)
{
    for (size_t i = 0; i < n; i++) row[i] = (uint8_t)(row[i] + above[i]);
}

static void add_mean(uint8_t *row, const uint8_t *above, size_t n, size_t step)
{
    for (size_t i = 0; i < n; i++) {
        unsigned left = i < step ? 0 : row[i - step];
        row[i] = (uint8_t)(row[i] + (left + above[i]) / 2);
    }
}

/* Of left, above and the one between them, that which is nearest to left + above - between; in this order, if
 * two are. */
static void add_nearest(uint8_t *row, const uint8_t *above, size_t n, size_t step)
{
    for (size_t start = 0; start < step && start < n; start++) {
        int left = 0, between = 0;
        for (size_t i = start; i < n; i += step) {
            int up = above[i], by_left = abs(up - between), by_up = abs(left - between);
            int by_between = abs(left + up - 2 * between), nearest = left, least = by_left;
            if (by_up < least) {
                nearest = up;
                least = by_up;
            }
            if (by_between < least) nearest = between;
            between = up;
            left = (uint8_t)(row[i] + nearest);
            row[i] = (uint8_t)left;
        }
    }
}

static bool undo(int filter, uint8_t *row, const uint8_t *above, size_t n, size_t step)
{
    switch (filter) {
    case 0:
        return true;
    case 1:
        add_left(row, n, step);
        return true;
    case 2:
        add_above(row, above, n);
        return true;
    case 3:
        add_mean(row, above, n, step);
        return true;
    case 4:
        add_nearest(row, above, n, step);
        return true;
    default:
        return false;
    }
}

static bool unfilter_rows(const gray_png *g)
{
    size_t n = row_bytes(g);
    uint8_t *none = calloc(n, 1); /* what lies above the first row */
    const uint8_t *above = none;
    bool fine = none != NULL;
    for (size_t y = 0; y < g->height && fine; y++) {
        uint8_t *row = g->rows + y * (1 + n);
        fine = undo(row[0], row + 1, above, n, g->sample_bytes);
        above = row + 1;
    }
    free(none);
    return fine;
}

static bool fits(const gray_png *g, size_t file_bytes)
{
    size_t row = 1 + row_bytes(g);
    return g->width > 0 && g->height > 0 && row <= MOST_BYTES && g->height <= MOST_BYTES / row &&
           g->height * row <= file_bytes * PNG_EXPANSION;
}

bool png_decode_gray(const char *path, const char *bytes, size_t n, gray_image *out)
{
    gray_png g = {0};
    *out = (gray_image){0};
    bool fine = collect((const uint8_t *)bytes, n, &g) && fits(&g, n) && inflate_rows(&g) &&
                unfilter_rows(&g) && gray_image_open(path, g.width, g.height, g.width * g.height, out) == OK;
    for (size_t y = 0; y < g.height && fine; y++)
        png_convert_row(g.rows + y * (1 + row_bytes(&g)) + 1, out->pixels + y * g.width, (int)g.width, 1,
                        g.sample_bytes == 2);
    free(g.packed);
    free(g.rows);
    return fine;
}
