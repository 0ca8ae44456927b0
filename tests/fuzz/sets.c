/* Packed sets of which one file is fuzzed. */
#include "data/dataset.h"
#include "data/split_file.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

enum { IMAGES = 4, SIZE = 2, LABELS = 2 };

/* A set of four images in the folder of that name. */
static void put_set(const char *name)
{
    static const uint8_t images[IMAGES * SIZE * SIZE];
    static const float labels[IMAGES * LABELS] = {1, 0, 0, 1, 1, 0, 0, 1};
    static const char *const names[LABELS] = {"A", "B"};
    char path[PATH_BYTES];
    dataset *set;
    fuzz_must(dataset_from_arrays(images, labels, IMAGES, SIZE, LABELS, names, "fuzz", &set));
    fuzz_must(dataset_save(set, fuzz_path(name, path)));
    dataset_close(set);
}

static void open_set(const char *name)
{
    dataset *set;
    char path[PATH_BYTES];
    if (dataset_open_packed(fuzz_path(name, path), &set) == OK) dataset_close(set);
}

void fuzz_packed(const uint8_t *bytes, size_t n)
{
    static bool made;
    if (!made) put_set("packed");
    made = true;
    fuzz_put("packed/samples.csv", bytes, n);
    open_set("packed");
}

void fuzz_packed_labels(const uint8_t *bytes, size_t n)
{
    static bool made;
    if (!made) put_set("packed_labels");
    made = true;
    fuzz_put("packed_labels/labels.csv", bytes, n);
    open_set("packed_labels");
}

void fuzz_split(const uint8_t *bytes, size_t n)
{
    static bool made;
    char path[PATH_BYTES];
    int sides[3];
    if (!made) put_set("split");
    made = true;
    fuzz_put("split/samples.csv", bytes, n);
    (void)split_write(fuzz_path("split", path), 0.2, 0.3, n, n % 2 == 0, sides);
}
