/* Importers: the fuzzed file stands in a folder that is otherwise whole. */
#include "data/images.h"
#include "data/importers/importer.h"
#include "tests/fuzz/fuzz.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void put_image(const char *name)
{
    char path[PATH_BYTES];
    static const uint8_t pixels[16];
    fuzz_put(name, "", 0); /* makes the folder */
    fuzz_must(image_write_png_unsynced(fuzz_path(name, path), pixels, 4, 4));
}

static err read_label(void *context, const char *report, float *labels)
{
    (void)context;
    labels[0] = strstr(report, "effusion") ? 1 : 0;
    return OK;
}

/* Reading tables takes less than half of what an import takes, so a set is made of one input in four only:
 * for the others the second walk finds that it cannot be. */
static bool makes_set(const uint8_t *bytes, size_t n)
{
    unsigned sum = 0;
    for (size_t i = 0; i < n; i++) sum += bytes[i];
    return sum % 4 == 0;
}

/* Imports KIND/ with everything that can be skipped skipped. */
static void import(const char *kind, const uint8_t *bytes, size_t n)
{
    static bool made;
    static const char *const label_names[] = {"Effusion"};
    char folder[PATH_BYTES], out[PATH_BYTES];
    import_options o = import_defaults;
    import_result result;
    o.kind = kind;
    o.folder = fuzz_path(kind, folder);
    if (!made) fuzz_put_text("file", "");
    made = true;
    o.out = fuzz_path(makes_set(bytes, n) ? "imported" : "file/imported", out);
    o.size = 2;
    o.views = "all";
    o.missing = o.broken = IMPORT_SKIP;
    o.labeller = read_label;
    o.labeller_names = label_names;
    o.labeller_n = 1;
    if (import_set(&o, &result) == OK) fuzz_must(folder_remove(out));
}

void fuzz_manifest(const uint8_t *bytes, size_t n)
{
    static bool made;
    if (!made) put_image("manifest/a.png");
    made = true;
    fuzz_put("manifest/manifest.csv", bytes, n);
    import("manifest", bytes, n);
}

void fuzz_r2gen(const uint8_t *bytes, size_t n)
{
    static bool made;
    if (!made) put_image("r2gen/images/a.png");
    made = true;
    fuzz_put("r2gen/annotation.json", bytes, n);
    import("r2gen", bytes, n);
}

void fuzz_covidx(const uint8_t *bytes, size_t n)
{
    static bool made;
    if (!made) {
        put_image("covidx/train/a.png");
        put_image("covidx/test/b.png");
        fuzz_put_text("covidx/test.txt", "1 b.png negative x\n");
    }
    made = true;
    fuzz_put("covidx/train.txt", bytes, n);
    import("covidx", bytes, n);
}

void fuzz_nih(const uint8_t *bytes, size_t n)
{
    static bool made;
    if (!made) {
        put_image("nih/images/a.png");
        put_image("nih/images/b.png");
        fuzz_put_text("nih/Data_Entry_2017_v2020.csv",
                      "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View "
                      "Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]\n"
                      "a.png,Hernia,0,1,57,M,PA,1,1,1,1\nb.png,No Finding,0,2,57,M,PA,1,1,1,1\n");
        fuzz_put_text("nih/test_list.txt", "b.png\n");
    }
    made = true;
    fuzz_put("nih/train_val_list.txt", bytes, n);
    import("nih", bytes, n);
}

void fuzz_padchest(const uint8_t *bytes, size_t n)
{
    static bool made;
    if (!made) put_image("padchest/0/a.png");
    made = true;
    fuzz_put("padchest/PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv", bytes, n);
    import("padchest", bytes, n);
}

void fuzz_cohen(const uint8_t *bytes, size_t n)
{
    static bool made;
    if (!made) put_image("cohen/images/a.png");
    made = true;
    fuzz_put("cohen/metadata.csv", bytes, n);
    import("cohen", bytes, n);
}

void fuzz_rsna(const uint8_t *bytes, size_t n)
{
    static bool made;
    if (!made) {
        put_image("rsna/stage_2_train_images/a.png");
        fuzz_put_text("rsna/stage_2_train_labels.csv", "patientId,x,y,width,height,Target\na,,,,,0\n");
    }
    made = true;
    fuzz_put("rsna/pneumonia-challenge-dataset-mappings_2018.json", bytes, n);
    import("rsna", bytes, n);
}

void fuzz_xml(const uint8_t *bytes, size_t n)
{
    static bool made;
    if (!made) put_image("openi/a.png");
    made = true;
    fuzz_put("openi/ecgen-radiology/1.xml", bytes, n);
    import("openi", bytes, n);
}
