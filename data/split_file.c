#include "data/split_file.h"

#include "base/file_writer.h"
#include "base/files.h"
#include "base/text.h"
#include "data/build.h"
#include "data/csv_rows.h"

#include <stdlib.h>

static const char *const side_names[3] = {"train", "validation", "test"};

/* Forgets the splits that are there. */
static err clear_splits(dataset *set, bool replace)
{
    dataset_memory *memory = dataset_memory_of(set);
    for (int i = 0; i < set->n; i++) {
        if (set->samples[i].split[0] && !replace)
            return err_set(ERR_USAGE, "sample %.200s has the split \"%.60s\" already; --replace splits anew",
                           set->samples[i].id, set->samples[i].split);
        memory->samples[i].split = "";
    }
    return OK;
}

/* The side of every sample. */
static err find_sides(const dataset *set, double validation, double test, uint64_t seed,
                      unsigned char *side_of, int sides[3])
{
    splits s;
    TRY(splits_open(set, validation, test, seed, &s));
    const samples *const lists[3] = {&s.train, &s.validation, &s.test};
    for (int side = 0; side < 3; side++) {
        sides[side] = lists[side]->n;
        for (int i = 0; i < lists[side]->n; i++) side_of[lists[side]->index[i]] = (unsigned char)side;
    }
    splits_close(&s);
    return OK;
}

/* In the column that is there, or in one of its own at the end. */
static void put_split(text *line, const csv_rows *rows, int column, const char *split)
{
    csv_rows_copy_row(rows, column, split, line);
    if (column < 0) text_printf(line, ",%s", split);
    text_printf(line, "\n");
}

static err copy_rows(csv_rows *rows, const unsigned char *side_of, file_writer *out)
{
    text line = {0};
    int column = csv_rows_column(rows, "split");
    bool more = true;
    err error = OK;
    csv_rows_copy_header(rows, &line);
    text_printf(&line, column < 0 ? ",split\n" : "\n");
    for (int i = 0; error == OK; i++) {
        error = text_check(&line);
        if (error == OK) error = file_writer_add(out, line.data, line.length);
        line.length = 0;
        if (error == OK) error = csv_rows_next(rows, &more);
        if (error != OK || !more) break;
        put_split(&line, rows, column, side_names[side_of[i]]);
    }
    text_close(&line);
    return error;
}

static err rewrite(const char *folder, const unsigned char *side_of)
{
    char path[PATH_BYTES];
    csv_rows *rows;
    file_writer *out = NULL;
    TRY(path_join(path, folder, "samples.csv"));
    TRY(csv_rows_open(path, &rows));
    err error = file_writer_open(path, &out);
    if (error == OK) error = copy_rows(rows, side_of, out);
    if (error == OK) error = file_writer_finish(out);
    file_writer_close(out);
    csv_rows_close(rows);
    return error;
}

err split_write(const char *folder, double validation, double test, uint64_t seed, bool replace, int sides[3])
{
    dataset *set;
    unsigned char *side_of = NULL;
    TRY(dataset_open_packed(folder, &set));
    err error;
    TRY_GOTO(clear_splits(set, replace), done);
    side_of = calloc((size_t)set->n, 1);
    if (!side_of) {
        error = err_set(ERR_SYSTEM, "out of memory for splitting %d samples", set->n);
        goto done;
    }
    TRY_GOTO(find_sides(set, validation, test, seed, side_of, sides), done);
    TRY_GOTO(rewrite(folder, side_of), done);
done:
    free(side_of);
    dataset_close(set);
    return error;
}
