/* The safetensors reader and writer. Files made by hand here follow the format's description, not our writer.
 */
#include "base/files.h"
#include "nn/safetensors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[PATH_BYTES];
static char path[PATH_BYTES + 16];

static void make_folder(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/test_safetensors.XXXXXX");
    cr_assert(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/file", folder);
}

static void remove_folder(void)
{
    cr_expect_eq(folder_remove(folder), OK);
}

TestSuite(safetensors, .init = make_folder, .fini = remove_folder);

/* Writes 8 bytes of length, the header, and `data` bytes that count up. */
static void write_file(unsigned long long length, const char *header, size_t data)
{
    unsigned char bytes[4096] = {0};
    size_t n = strlen(header);
    cr_assert_leq(8 + n + data, sizeof bytes);
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(length >> (8 * i));
    memcpy(bytes + 8, header, n);
    for (size_t i = 0; i < data; i++) bytes[8 + n + i] = (unsigned char)i;
    cr_assert_eq(file_write(path, bytes, 8 + n + data), OK, "%s", err_message());
}

static void expect_refused(const char *header, size_t data, const char *told)
{
    char padded[1024];
    safetensors *f;
    int spaces =
        (int)(8 - strlen(header) % 8) % 8; /* so that the data is aligned: what is wrong is the rest */
    cr_assert_lt(snprintf(padded, sizeof padded, "%s%*s", header, spaces, ""), (int)sizeof padded);
    write_file(strlen(padded), padded, data);
    cr_expect_eq(safetensors_open(path, &f), ERR_DATA, "%s", header);
    cr_expect_null(f);
    cr_expect(strstr(err_message(), path) && strstr(err_message(), told), "\"%s\" does not tell of \"%s\"",
              err_message(), told);
}

#define TENSOR(shape, first, last)                                                                           \
    "{\"w\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" first "," last "]}}"

Test(safetensors, wrong_tensors_are_named)
{
    expect_refused(TENSOR("[4]", "0", "20"), 16, "tensor w"); /* past the end, and not what the shape says */
    expect_refused(TENSOR("[5]", "0", "20"), 16, "tensor w"); /* past the end */
    expect_refused(TENSOR("[4]", "4", "20"), 16, "tensor w");
    expect_refused(TENSOR("[4]", "16", "0"), 16, "tensor w"); /* backwards */
    expect_refused(TENSOR("[4]", "-16", "0"), 16, "tensor w");
    expect_refused(TENSOR("[4]", "0.5", "16.5"), 32, "tensor w");
    expect_refused(TENSOR("[4]", "0", "1e300"), 16, "tensor w");
    expect_refused(TENSOR("[3]", "0", "16"), 16, "tensor w"); /* shape and range disagree */
    expect_refused(TENSOR("[-4]", "0", "16"), 16, "tensor w");
    expect_refused(TENSOR("[2.5]", "0", "10"), 16, "tensor w");
    expect_refused(TENSOR("[4294967296,4294967296,4]", "0", "16"), 16, "tensor w"); /* overflows 64 bits */
    expect_refused(TENSOR("[2147483647,2147483647,2147483647,2147483647]", "0", "4"), 16, "tensor w");
    expect_refused(TENSOR("[1,1,1,2,2]", "0", "16"), 16, "tensor w"); /* rank 5 */
    expect_refused(TENSOR("4", "0", "16"), 16, "tensor w");
    expect_refused(TENSOR("[\"4\"]", "0", "16"), 16, "tensor w");
    expect_refused("{\"w\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0]}}", 16, "tensor w");
    expect_refused("{\"w\":{\"dtype\":\"F32\",\"shape\":[4]}}", 16, "tensor w");
    expect_refused("{\"w\":{\"dtype\":\"F33\",\"shape\":[4],\"data_offsets\":[0,16]}}", 16, "tensor w");
    expect_refused("{\"w\":{\"shape\":[4],\"data_offsets\":[0,16]}}", 16, "tensor w");
    expect_refused("{\"w\":7}", 16, "tensor w");
}

Test(safetensors, wrong_headers_are_told)
{
    expect_refused("", 0, "header");
    expect_refused("[]", 0, "header");
    expect_refused("{\"w\":", 0, "header");
    expect_refused("not JSON at all", 0, "header");
    expect_refused("{} trailing", 0, "header");
}

Test(safetensors, wrong_lengths_are_told)
{
    static const unsigned long long lengths[] = {3, 100, 99999999, 1ULL << 32, 1ULL << 63, ~0ULL};
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
        safetensors *f;
        write_file(lengths[k], "{}", 0);
        cr_expect_eq(safetensors_open(path, &f), ERR_DATA, "%llu", lengths[k]);
        cr_expect_null(f);
        cr_expect(strstr(err_message(), path), "%s", err_message());
    }
}

Test(safetensors, tensors_that_overlap_are_refused)
{
    expect_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                   "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
                   12, "tensor b overlaps tensor a");
}

Test(safetensors, a_name_that_appears_twice_is_refused)
{
    expect_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                   "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
                   8, "tensor a is there twice");
}

/* What other programs write: other types beside ours, a scalar, an empty tensor, spaces after the header. */
Test(safetensors, files_of_others_can_be_read)
{
    static const char header[] = "{\"__metadata__\":{\"format\":\"pt\"},"
                                 "\"half\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]},"
                                 "\"w\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[4,12]},"
                                 "\"scalar\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[12,16]},"
                                 "\"none\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[16,16]}}";
    char padded[sizeof header + 8];
    int spaces = (int)(8 - (sizeof header - 1) % 8);
    safetensors *f;
    nn_shape_t shape;
    const float *data;
    (void)snprintf(padded, sizeof padded, "%s%*s", header, spaces, "");
    write_file(strlen(padded), padded, 16);
    cr_assert_eq(safetensors_open(path, &f), OK, "%s", err_message());
    cr_expect_eq(safetensors_count(f), 4);
    cr_expect_str_eq(safetensors_metadata(f, "format"), "pt");
    cr_assert_eq(safetensors_read(f, "w", &shape, &data), OK, "%s", err_message());
    cr_expect(shape.rank == 2 && shape.d[0] == 2 && shape.d[1] == 1);
    const unsigned char bytes[] = {4, 5, 6, 7, 8, 9, 10, 11};
    cr_expect_arr_eq(data, bytes, sizeof bytes);
    cr_assert_eq(safetensors_read(f, "scalar", &shape, &data), OK, "%s", err_message());
    cr_expect(shape.rank == 1 && shape.d[0] == 1);
    cr_assert_eq(safetensors_read(f, "none", &shape, &data), OK, "%s", err_message());
    cr_expect_eq(nn_count(&shape), 0);
    cr_expect_eq(safetensors_read(f, "half", &shape, &data), ERR_DATA);
    cr_expect(strstr(err_message(), "half") && strstr(err_message(), "F16"), "%s", err_message());
    cr_expect_eq(safetensors_read(f, "missing", &shape, &data), ERR_DATA);
    cr_expect(strstr(err_message(), "missing"), "%s", err_message());
    safetensors_close(f);
}

Test(safetensors, what_is_written_is_read)
{
    static const float a[] = {1, -2.5F, 3e-38F, 4}, b[] = {7};
    static const char *const metadata[] = {"key", "value \"\\\n\xc3\xa9", "empty", "", NULL};
    const safetensors_entry entries[] = {{"first/a", nn_shape(2, 2, 2), a},
                                         {"b \"quoted\"", nn_shape(1, 1), b}};
    safetensors *f;
    nn_shape_t shape;
    const float *data;
    cr_assert_eq(safetensors_write(path, entries, 2, metadata), OK, "%s", err_message());
    cr_assert_eq(safetensors_open(path, &f), OK, "%s", err_message());
    cr_assert_eq(safetensors_count(f), 2);
    for (int i = 0; i < 2; i++) {
        cr_expect_str_eq(safetensors_name(f, i), entries[i].name);
        cr_assert_eq(safetensors_read(f, entries[i].name, &shape, &data), OK, "%s", err_message());
        cr_expect(shape.rank == entries[i].shape.rank && nn_count(&shape) == nn_count(&entries[i].shape));
        cr_expect_arr_eq(data, entries[i].data, nn_count(&shape) * sizeof *data);
    }
    cr_expect_str_eq(safetensors_metadata(f, "key"), metadata[1]);
    cr_expect_str_eq(safetensors_metadata(f, "empty"), "");
    safetensors_close(f);
    safetensors_close(NULL);
}

Test(safetensors, a_missing_file_is_told)
{
    safetensors *f;
    cr_expect_eq(safetensors_open(path, &f), ERR_NO_INPUT);
    cr_expect(strstr(err_message(), path), "%s", err_message());
}
