#include "data/npy.h"
#include "scratch.h"

#include <math.h>

TestSuite(npy, .init = scratch_make, .fini = scratch_drop);

Test(npy, reads_bytes_that_numpy_wrote)
{
    npy array;
    ASSERT_OK(npy_open(in_golden("data_u8.npy"), &array));
    cr_expect_eq(array.type, 'u');
    cr_assert_eq(array.rank, 3);
    cr_expect(array.shape[0] == 3 && array.shape[1] == 4 && array.shape[2] == 5);
    for (int i = 0; i < 60; i++) cr_expect_eq(((const uint8_t *)array.data)[i], i * 7 % 256);
    npy_close(&array);
    cr_expect_null(array.data);
}

Test(npy, reads_floats_that_numpy_wrote)
{
    npy array;
    ASSERT_OK(npy_open(in_golden("data_f32.npy"), &array));
    const float *v = array.data;
    cr_expect_eq(array.type, 'f');
    cr_assert(array.rank == 2 && array.shape[0] == 2 && array.shape[1] == 3);
    cr_expect(v[0] == 0 && v[1] == 1 && isnan(v[2]) && v[3] == 0 && signbit(v[3]) && v[4] == 0.5F &&
              v[5] == 1e30F);
    npy_close(&array);
}

Test(npy, reads_every_rank)
{
    npy array;
    ASSERT_OK(npy_open(in_golden("data_rank1.npy"), &array));
    cr_expect(array.rank == 1 && array.shape[0] == 5);
    npy_close(&array);
    ASSERT_OK(npy_open(in_golden("data_rank4.npy"), &array));
    cr_expect(array.rank == 4 && array.shape[3] == 1 && ((const float *)array.data)[23] == 23);
    npy_close(&array);
    ASSERT_OK(npy_open(in_golden("data_none.npy"), &array));
    cr_expect(array.rank == 2 && array.shape[0] == 0);
    npy_close(&array);
}

static void round_trip(char type, int rank, const int64_t *shape, const void *data, size_t bytes)
{
    npy array;
    ASSERT_OK(npy_write(in_scratch("a.npy"), type, rank, shape, data));
    ASSERT_OK(npy_open(in_scratch("a.npy"), &array));
    cr_expect_eq(array.type, type);
    cr_assert_eq(array.rank, rank);
    for (int d = 0; d < rank; d++) cr_expect_eq(array.shape[d], shape[d]);
    cr_expect_arr_eq(array.data, data, bytes);
    cr_expect_eq(((uintptr_t)array.data - (uintptr_t)array.map) % 64, 0,
                 "NEP 1 wants data at a multiple of 64");
    npy_close(&array);
}

Test(npy, what_is_written_is_read)
{
    uint8_t bytes[24];
    float floats[24];
    for (int i = 0; i < 24; i++) floats[i] = (float)i / 3, bytes[i] = (uint8_t)(i * 11);
    floats[5] = NAN;
    round_trip('u', 3, (const int64_t[]){2, 3, 4}, bytes, 24);
    round_trip('f', 2, (const int64_t[]){6, 4}, floats, sizeof floats);
    round_trip('f', 1, (const int64_t[]){24}, floats, sizeof floats);
    round_trip('u', 4, (const int64_t[]){1, 24, 1, 1}, bytes, 24);
}

Test(npy, refuses_what_it_does_not_read)
{
    static const struct {
        const char *name, *reason;
    } files[] = {{"data_bad_rank5.npy", "4 dimensions"},
                 {"data_bad_scalar.npy", "single number"},
                 {"data_bad_fortran.npy", "ascontiguousarray"},
                 {"data_bad_f64.npy", "<f8"},
                 {"data_bad_big_endian.npy", ">f4"},
                 {"data_bad_struct.npy", "no type"},
                 {"data_bad_version2.npy", "2.0"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        npy array;
        EXPECT_ERROR(npy_open(in_golden(files[i].name), &array), ERR_DATA, files[i].reason);
        expect_message(files[i].name);
        cr_expect_null(array.map);
    }
}

Test(npy, every_shorter_or_longer_file_is_an_error)
{
    size_t n;
    char *bytes = bytes_of(in_golden("data_f32.npy"), &n);
    char *longer = realloc(bytes, n + 1);
    cr_assert_not_null(longer);
    longer[n] = 0;
    for (size_t length = 0; length <= n + 1; length++) {
        npy array;
        if (length == n) continue;
        (void)put_bytes("cut.npy", longer, length);
        EXPECT_ERROR(npy_open(in_scratch("cut.npy"), &array), ERR_DATA, "cut.npy");
    }
    free(longer);
}

/* Writes a file with this dictionary and `data` bytes of data. */
static const char *with_header(const char *header, size_t data)
{
    char file[1024] = "\x93NUMPY\x01";
    size_t n = strlen(header);
    file[8] = (char)n;
    memcpy(file + 10, header, n);
    return put_bytes("h.npy", file, 10 + n + data);
}

Test(npy, header_keys_come_in_any_order)
{
    npy array;
    ASSERT_OK(npy_open(with_header("{\"shape\":(2,) , 'fortran_order':False,'descr':'|u1'}\n", 2), &array));
    cr_expect(array.rank == 1 && array.shape[0] == 2);
    npy_close(&array);
}

Test(npy, damaged_headers_are_errors)
{
    static const char *const headers[] = {
        "",
        "{}",
        "{'descr': '|u1', 'fortran_order': False}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), ",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), } x",
        "{'descr': '|u1', 'fortran_order': False 'shape': (2,), }",
        "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), 'more': 1, }",
        "{'descr': '|u1', 'fortran_order': 0, 'shape': (2,), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': 2, }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-2,), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2 1), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2",
        "{'descr': '|u1", /* ends within a string */
        "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 2), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4294967296), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (4611686018427387904,), }",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        npy array;
        EXPECT_ERROR(npy_open(with_header(headers[i], 2), &array), ERR_DATA, "h.npy");
    }
}

Test(npy, floats_off_their_alignment_are_an_error)
{
    npy array;
    const char *header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }"; /* 10 + 57 bytes */
    EXPECT_ERROR(npy_open(with_header(header, 4), &array), ERR_DATA, "aligned");
}

Test(npy, missing_and_unwritable_files)
{
    npy array;
    EXPECT_ERROR(npy_open(in_scratch("none.npy"), &array), ERR_NO_INPUT, "none.npy");
    EXPECT_ERROR(npy_open(scratch, &array), ERR_NO_INPUT, scratch);
    EXPECT_ERROR(npy_write(in_scratch("none/a.npy"), 'u', 1, (const int64_t[]){1}, "x"), ERR_CANNOT_CREATE,
                 "none/a.npy");
    npy_close(NULL);
}

Test(npy, rows_as_they_come_make_the_same_file)
{
    const int64_t shape[] = {5, 2, 3};
    float values[30];
    npy_writer *w;
    for (int i = 0; i < 30; i++) values[i] = (float)i / 7;
    ASSERT_OK(npy_write(in_scratch("whole.npy"), 'f', 3, shape, values));
    ASSERT_OK(npy_writer_open(in_scratch("rows.npy"), 'f', 3, (const int64_t[]){99, 2, 3}, &w));
    ASSERT_OK(npy_writer_add(w, values, 1));
    ASSERT_OK(npy_writer_add(w, values + 6, 4));
    cr_expect_not(path_exists(in_scratch("rows.npy")));
    ASSERT_OK(npy_writer_finish(w));
    npy_writer_close(w);
    size_t n, m;
    char *whole = bytes_of(in_scratch("whole.npy"), &n), *rows = bytes_of(in_scratch("rows.npy"), &m);
    cr_expect(n == m && memcmp(whole, rows, n) == 0);
    free(whole);
    free(rows);
    ASSERT_OK(npy_writer_open(in_scratch("left.npy"), 'u', 1, shape, &w));
    npy_writer_close(w);
    cr_expect_not(path_exists(in_scratch("left.npy")));
    npy_writer_close(NULL);
}
