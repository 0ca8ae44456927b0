/* Tiny copies of Cohen's collection (old and new header), Figure1 and Actualmed; and the real Cohen
 * collection where COHEN_COLLECTION names its folder. */
#include "tree.h"

TestSuite(cohen, .init = scratch_make, .fini = scratch_drop);

/* The header of March 2020: capitals, a blank before url, an empty last column. */
static const char old_table[] =
    "Patientid,offset,sex,age,finding,survival,view,modality,date,location,filename,doi, "
    "url,license,clinical "
    "notes,other notes,\n"
    "2,0,M,65,COVID-19,Y,PA,X-ray,2020,\"Changhua, Taiwan \",a-1.jpeg,10.1,https://x.org/doi,,\"diffuse, "
    "bilateral\",,\n"
    "2,3,M,65,\"COVID-19, ARDS\",Y,AP Supine,X-ray,2020,,a-2.jpeg,10.1,https://x.org/doi,,,,\n"
    "3,,F,,SARS,,L,X-ray,2004,,b.png,,,,,,\n"
    "4,,,,No Finding,,Axial,CT,2004,,c.png,,,,,,\n"
    "5,,,40,Streptococcus,,PA,X-ray,2004,,not here.png,,,,,,\n";

static const char new_table[] =
    "patientid,offset,sex,age,finding,RT_PCR_positive,survival,intubated,intubation_present,went_icu,in_icu,"
    "needed_supplemental_O2,extubated,temperature,pO2_saturation,leukocyte_count,neutrophil_count,"
    "lymphocyte_count,view,modality,date,location,folder,filename,doi,url,license,clinical_notes,other_notes,"
    "\n"
    "2,0,M,65,Pneumonia/Viral/COVID-19,Y,Y,N,N,N,N,Y,,,,,,,PA,X-ray,\"January 22, "
    "2020\",x,images,a-1.jpeg,,,,notes,,\n"
    "6,0,F,30,Pneumonia,,,,,,,,,,,,,,AP,X-ray,2020,x,images,a-2.jpeg,,,,,,\n"
    "7,0,F,30,todo,,,,,,,,,,,,,,AP,X-ray,2020,x,images,b.png,,,,,,\n"
    "8,0,F,30,Unknown,,,,,,,,,,,,,,AP,X-ray,2020,x,images,c.png,,,,,,\n"
    "9,0,F,30,Pneumonia/Viral/COVID-19,,,,,,,,,,,,,,Axial,CT,2020,x,volumes,v.nii.gz,,,,,,\n";

static void put_images(void)
{
    tree_image("images/a-1.jpeg", 1);
    tree_image("images/a-2.jpeg", 2);
    tree_image("images/b.png", 3);
    tree_image("images/c.png", 4);
}

Test(cohen, the_old_header)
{
    put_images();
    tree_text("metadata.csv", old_table);
    import_options o = options_of("cohen");
    import_result r = expect_import(&o, "ARDS,COVID-19,SARS,Streptococcus\n"
                                        "a-1.jpeg|2||PA|M|65|0100|1|diffuse, bilateral\n"
                                        "a-2.jpeg|2||AP Supine|M|65|1100|2|\n");
    cr_expect(r.left_out[LEFT_VIEW] == 1 && r.left_out[LEFT_MODALITY] == 1 && r.left_out[LEFT_MISSING] == 1);
    cr_expect(r.patients == 1 && !r.split_known);
    o.missing = IMPORT_STOP;
    expect_refused(&o, ERR_NO_INPUT, "metadata.csv:6: ");
}

Test(cohen, the_new_header)
{
    put_images();
    tree_text("metadata.csv", new_table);
    import_options o = options_of("cohen");
    import_result r = expect_import(&o, "COVID-19,Pneumonia,Viral\n"
                                        "a-1.jpeg|2||PA|M|65|111|1|notes\n"
                                        "a-2.jpeg|6||AP|F|30|010|2|\n");
    cr_expect(r.left_out[LEFT_UNLABELLED] == 2 && r.left_out[LEFT_MODALITY] == 1);
}

Test(cohen, figure1)
{
    tree_image("images/COVID-00001.jpg", 1);
    tree_image("images/COVID-00003b.png", 2);
    tree_text("metadata.csv",
              "patientid,offset,sex,age,finding,survival,temperature,pO2 saturation,view,modality,"
              "artifacts/distortion,notes\n"
              "COVID-00001,,M,72,COVID-19,,,,PA,X-ray,,fi\xe8vre\n"
              "COVID-00003b,4,F,,No finding,,,,AP erect,X-ray,,\n"
              "COVID-00004,,F,,,,,,AP,X-ray,,\n");
    import_options o = options_of("figure1");
    import_result r = expect_import(&o, "COVID-19,No finding\n"
                                        "COVID-00001|COVID-00001||PA|M|72|10|1|fi\xc3\xa8vre\n"
                                        "COVID-00003b|COVID-00003||AP Erect|F||01|2|\n");
    cr_expect_eq(r.left_out[LEFT_UNLABELLED], 1);
    tree_text("metadata.csv", "patientid,finding,view\n../../x,COVID-19,PA\n");
    expect_refused(&o, ERR_DATA, "metadata.csv:2: ");
}

Test(cohen, actualmed)
{
    tree_image("images/CR.1.2.840.png", 1);
    tree_image("images/DX.1.2.841.png", 2);
    tree_image("images/DX.1.2.842.png", 3);
    tree_text("metadata.csv", "patientid,imagename,finding,view,modality,notes\n"
                              "CR.1.2,CR.1.2.840.png,COVID-19,PA,X-ray,\n"
                              "DX.1.2,DX.1.2.841.png,,AP,X-ray,\n"
                              "DX.1.2,DX.1.2.842.png,No finding,AP,X-ray,clear\n");
    import_options o = options_of("actualmed");
    import_result r = expect_import(&o, "COVID-19,No finding\n"
                                        "CR.1.2.840.png|CR.1.2||PA|||10|1|\n"
                                        "DX.1.2.842.png|DX.1.2||AP|||01|3|clear\n");
    cr_expect_eq(r.left_out[LEFT_UNLABELLED], 1);
}

/* The snapshot of 2020-03-28, with 119 of its images; counted by a script in Python. */
Test(cohen, the_published_collection)
{
    static const char names[] = "label\nARDS\nCOVID-19\nNo Finding\nPneumocystis\nSARS\nStreptococcus\n";
    static const int wanted[] = {4, 85, 1, 1, 11, 6};
    const char *folder = getenv("COHEN_COLLECTION");
    if (!folder) cr_skip_test("set COHEN_COLLECTION to the folder of its metadata.csv to import it here");
    import_options o = options_of("cohen");
    import_result r;
    size_t n;
    npy labels;
    o.folder = folder;
    ASSERT_OK(import_set(&o, &r));
    cr_expect(r.images == 108 && r.patients == 69 && r.reports == 102);
    cr_expect(r.left_out[LEFT_MODALITY] == 23 && r.left_out[LEFT_VIEW] == 11 &&
              r.left_out[LEFT_MISSING] == 4);
    char *csv = bytes_of(in_scratch("out/labels.csv"), &n);
    cr_assert_str_eq(csv, names);
    free(csv);
    ASSERT_OK(npy_open(in_scratch("out/labels.npy"), &labels));
    for (int k = 0; k < 6; k++) {
        int sum = 0;
        for (int i = 0; i < 108; i++) sum += ((const float *)labels.data)[6 * i + k] == 1;
        cr_expect_eq(sum, wanted[k]);
    }
    npy_close(&labels);
}
