#include "data/importers/kinds.h"

#include "data/importers/walk.h"

const importer importers[] = {
    {.about = {"folder", "a sub-folder per class",
               "DIR/CLASS/IMAGE, or DIR/train/CLASS/IMAGE beside DIR/test/CLASS/IMAGE and DIR/val/..."},
     .walk = folder_walk},
    {.about = {"manifest", "a plain CSV that names the images",
               "DIR/manifest.csv, or give the file itself. Columns: path (below its folder); and, if there,\n"
               "id, patient, split (train, val or test), view, report, sex, age, photometric (MONOCHROME1:\n"
               "inverted), and either labels (names joined by '|'; \"none\"; empty: unknown) or one column\n"
               "label:NAME a label (1, 0, -1: uncertain, empty: unknown)"},
     .walk = manifest_walk},
};
const int importer_count = (int)(sizeof importers / sizeof *importers);
