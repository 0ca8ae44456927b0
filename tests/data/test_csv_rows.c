#include "data/csv_rows.h"
#include "scratch.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <zlib.h>

TestSuite(csv_rows, .init = scratch_make, .fini = scratch_drop);

static void put_gzip(const char *name, const char *content, size_t n)
{
    gzFile file = gzopen(in_scratch(name), "wb");
    cr_assert(file && gzwrite(file, content, (unsigned)n) == (int)n && gzclose(file) == Z_OK);
}

static csv_rows *opened(const char *name)
{
    csv_rows *r;
    ASSERT_OK(csv_rows_open(in_scratch(name), &r));
    return r;
}

static bool next(csv_rows *r)
{
    bool more;
    ASSERT_OK(csv_rows_next(r, &more));
    return more;
}

/* All rows as "line:cell|cell;". */
static void expect_rows(csv_rows *r, const char *wanted)
{
    char got[1024] = "";
    while (next(r)) {
        size_t n = strlen(got);
        n += (size_t)snprintf(got + n, sizeof got - n, "%d:", csv_rows_line(r));
        for (int c = 0; c < csv_rows_width(r); c++)
            n += (size_t)snprintf(got + n, sizeof got - n, "%s%s", c ? "|" : "", csv_rows_cell(r, c));
        (void)snprintf(got + n, sizeof got - n, ";");
    }
    cr_expect_str_eq(got, wanted);
    cr_expect_not(next(r)); /* and stays at the end */
    csv_rows_close(r);
}

Test(csv_rows, rows_of_every_line_ending_with_their_lines)
{
    static const struct {
        const char *content, *rows;
    } cases[] = {
        {"a,b\n1,2\n3,4\n", "2:1|2;3:3|4;"},
        {"a,b\r\n1,2\r\n\r\n3,4", "2:1|2;4:3|4;"},
        {"a,b\r1,2\r\r3,4\r", "2:1|2;4:3|4;"},
        {"\n\na,b\n\"x\ny\",\"\"\"\"\n3,\n", "4:x\ny|\";6:3|;"},
        {"\xef\xbb\xbf"
         "a,b\n 1 , 2\n",
         "2: 1 | 2;"},
        {"a,b\n\"1\r\n\",2\n3,4\n", "2:1\r\n|2;4:3|4;"},
        {"a,b\n", ""},
        {"a,b", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        csv_rows *r;
        put_text("t.csv", cases[i].content);
        put_gzip("t.csv.gz", cases[i].content, strlen(cases[i].content));
        expect_rows(opened("t.csv"), cases[i].rows);
        expect_rows(opened("t.csv.gz"), cases[i].rows);
        ASSERT_OK(csv_rows_parse("t", cases[i].content, strlen(cases[i].content), &r));
        expect_rows(r, cases[i].rows);
    }
    csv_rows_close(NULL);
}

/* 65536 bytes are read at a time: cells, quotes and line ends fall across that border. */
Test(csv_rows, reading_in_pieces_changes_nothing)
{
    enum { BORDER = 65536, BYTES = BORDER + 40 };
    static char content[BYTES + 1];
    static const char rest[] = "1,\"two\r\n\"\"lines\"\"\"\r\n3,4\r\n";
    for (size_t before = 0; before <= sizeof rest; before++) {
        memset(content, 'x', BYTES);
        memcpy(content, "a,b\r\n\"", 6);
        memcpy(content + BORDER - before - 5, "\",z\r\n", 5);
        (void)snprintf(content + BORDER - before, 41, "%s", rest);
        put_text("t.csv", content);
        csv_rows *r = opened("t.csv");
        cr_assert(next(r) && csv_rows_line(r) == 2 && strcmp(csv_rows_cell(r, 1), "z") == 0);
        expect_rows(r, "3:1|two\r\n\"lines\";5:3|4;");
    }
}

Test(csv_rows, headers_are_found_however_they_are_written)
{
    int column;
    put_text("t.csv", "Patientid, url,clinical notes,RT_PCR,\n1,2,3,4,5\n");
    csv_rows *r = opened("t.csv");
    cr_expect_eq(csv_rows_column(r, "patientid"), 0);
    cr_expect_eq(csv_rows_column(r, "url"), 1);
    cr_expect_eq(csv_rows_column(r, "clinical_notes"), 2);
    cr_expect_eq(csv_rows_column(r, "rt pcr"), 3);
    cr_expect_eq(csv_rows_column(r, "patient"), -1);
    cr_expect_eq(csv_rows_column(r, "patientids"), -1);
    ASSERT_OK(csv_rows_need(r, "URL", &column));
    cr_expect_eq(column, 1);
    EXPECT_ERROR(csv_rows_need(r, "view", &column), ERR_DATA, "t.csv:1: the header has no column \"view\"");
    cr_assert(next(r));
    cr_expect_str_eq(csv_rows_cell(r, 4), "5");
    cr_expect_str_eq(csv_rows_cell(r, -1), "");
    csv_rows_close(r);
}

static void expect_refused(const char *name, err code, const char *message)
{
    csv_rows *r;
    bool more = true;
    err got = csv_rows_open(in_scratch(name), &r);
    for (; got == OK && more;) got = csv_rows_next(r, &more);
    EXPECT_ERROR(got, code, message);
    csv_rows_close(r);
}

Test(csv_rows, damaged_gzip_files_are_refused)
{
    static char content[200000];
    size_t n, filled = 0;
    unsigned noise = 1;
    filled += (size_t)snprintf(content, sizeof content, "a\n");
    while (filled + 16 < sizeof content) {
        noise = noise * 1103515245U + 12345U;
        filled += (size_t)snprintf(content + filled, sizeof content - filled, "%u\n", noise);
    }
    put_gzip("whole.csv.gz", content, filled);
    csv_rows *r = opened("whole.csv.gz");
    while (next(r)) (void)r;
    csv_rows_close(r);
    char *bytes = bytes_of(in_scratch("whole.csv.gz"), &n);
    (void)put_bytes("cut.csv.gz", bytes, n - 9);
    expect_refused("cut.csv.gz", ERR_DATA, "truncated or damaged");
    (void)put_bytes("cut.csv.gz", bytes, n / 2);
    expect_refused("cut.csv.gz", ERR_DATA, "truncated or damaged");
    memset(bytes + n / 2, 0x55, 100);
    (void)put_bytes("bad.csv.gz", bytes, n);
    expect_refused("bad.csv.gz", ERR_DATA, "truncated or damaged");
    free(bytes);
}

Test(csv_rows, a_row_has_a_limit_and_a_file_has_none)
{
    enum { BYTES = 5 << 20 };
    char *content = malloc(BYTES);
    cr_assert_not_null(content);
    memset(content, 'x', BYTES);
    memcpy(content, "a\n1\n\"", 5);
    (void)put_bytes("t.csv", content, BYTES);
    expect_refused("t.csv", ERR_DATA, "t.csv:3: a row of more than 4194304 bytes");
    put_gzip("t.csv.gz", content, BYTES); /* small on the disk */
    expect_refused("t.csv.gz", ERR_DATA, "t.csv.gz:3: a row of more than");
    for (size_t i = 4; i < BYTES; i++) content[i] = i % 2 ? '\n' : 'x';
    (void)put_bytes("t.csv", content, BYTES);
    csv_rows *r = opened("t.csv");
    while (next(r)) cr_assert_str_eq(csv_rows_cell(r, 0), csv_rows_line(r) == 2 ? "1" : "x");
    csv_rows_close(r);
    free(content);
}

Test(csv_rows, what_is_no_file)
{
    expect_refused("none.csv", ERR_NO_INPUT, "none.csv: cannot be opened");
    ASSERT_OK(folder_make(in_scratch("folder.csv")));
    expect_refused("folder.csv", ERR_NO_INPUT, "is not a file");
    cr_assert_eq(mkfifo(in_scratch("pipe.csv"), 0600), 0);
    expect_refused("pipe.csv", ERR_NO_INPUT, "is not a file");
    put_text("empty.csv", "\n\n");
    expect_refused("empty.csv", ERR_DATA, "a header line is needed");
}
