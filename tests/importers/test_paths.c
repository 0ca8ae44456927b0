/* No kind reads a file outside the data set's folder, by whichever way its tables lead there. */
#include "tree.h"

#include <unistd.h>

TestSuite(paths, .init = scratch_make, .fini = scratch_drop);

#define NIH_HEADER                                                                                           \
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"            \
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]\n"
#define PADCHEST_HEADER                                                                                      \
    ",ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,PatientBirth,PatientSex_DICOM,Projection,"          \
    "MethodProjection,Pediatric,Report,MethodLabel,Labels\n"
#define R2GEN(image)                                                                                         \
    "[{\"id\": \"1\", \"report\": \"a\", \"image_path\": [\"" image "\"], \"split\": \"train\"}]"

/* A kind, its table, what it says of one image (%s), and where that image is then looked for; NULL: a name in
 * this table cannot hold a path. */
static const struct {
    const char *kind, *table, *content, *image;
} kinds[] = {
    {"manifest", "manifest.csv", "path,labels\n%s,x\n", "a.png"},
    {"nih", "Data_Entry_2017_v2020.csv", NIH_HEADER "%s,Hernia,0,1,57,M,PA,1,1,1,1\n", "images/a.png"},
    {"cohen", "metadata.csv",
     "patientid,sex,age,finding,view,modality,folder,filename,clinical_notes\n"
     "1,M,65,Pneumonia,PA,X-ray,images,%s,\n",
     "images/a.png"},
    {"padchest", "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv",
     PADCHEST_HEADER "0,%s,0,20140915,2,8,1930.0,M,PA,x,No,,Physician,['normal']\n", "0/a.png"},
    {"covidx", "train.txt", "1 %s positive cohen\n", "train/a.png"},
    {"r2gen", "annotation.json", R2GEN("%s"), "images/a.png"},
    {"rsna", "stage_2_train_labels.csv", "patientId,x,y,width,height,Target\n%s,,,,,0\n",
     "stage_2_train_images/a.png"},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static err label_nothing(void *context, const char *report, float *labels)
{
    (void)context;
    (void)report;
    labels[0] = 0;
    return OK;
}

static import_options leaving_out(const char *kind)
{
    static const char *const names[] = {"x"};
    import_options o = options_of(kind);
    o.views = "all";
    o.missing = o.broken = IMPORT_SKIP;
    o.labeller = label_nothing;
    o.labeller_names = names;
    o.labeller_n = 1;
    return o;
}

static void put_table(int k, const char *image)
{
    char content[1024];
    (void)snprintf(content, sizeof content, kinds[k].content, image);
    tree_text(kinds[k].table, content);
    if (strcmp(kinds[k].kind, "covidx") == 0) tree_text("test.txt", "");
}

/* RSNA's tables name images without their ending. */
static const char *name_in_table(int k)
{
    return strcmp(kinds[k].kind, "rsna") == 0 ? "a" : "a.png";
}

Test(paths, images_that_are_links_out_of_the_folder_are_refused)
{
    put_text("secret.png", "secret");
    for (int k = 0; k < KINDS; k++) {
        char link[PATH_BYTES];
        import_result r;
        import_options o = leaving_out(kinds[k].kind);
        (void)snprintf(link, sizeof link, "%s", in_scratch(placed(kinds[k].image)));
        put_table(k, name_in_table(k));
        tree_image(kinds[k].image, 1);
        ASSERT_OK(import_set(&o, &r)); /* the tree is right */
        ASSERT_OK(folder_remove(o.out));
        cr_assert_eq(unlink(link), 0);
        cr_assert_eq(symlink(in_scratch("secret.png"), link), 0);
        expect_refused(&o, ERR_DATA, "is a link that leaves");
        ASSERT_OK(folder_remove(in_scratch("in")));
    }
}

Test(paths, names_that_lead_out_of_the_folder_are_refused)
{
    static const char *const bad[] = {"../../../../../../etc/passwd", "/etc/passwd", "../secret.png"};
    tree_image("../secret.png", 1);
    for (int k = 0; k < KINDS; k++)
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            import_result r;
            import_options o = leaving_out(kinds[k].kind);
            tree_image(kinds[k].image, 1);
            put_table(k, bad[i]);
            err error = import_set(&o, &r);
            cr_expect(error == ERR_DATA || error == ERR_NO_INPUT, "%s, %s: %d %s", kinds[k].kind, bad[i],
                      (int)error, err_message());
            cr_expect_not(path_exists(o.out));
            ASSERT_OK(folder_remove(in_scratch("in")));
        }
}
