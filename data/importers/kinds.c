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
    {.about =
         {"nih", "NIH ChestX-ray14",
          "Data_Entry_2017_v2020.csv (or Data_Entry_2017.csv); the images in images/, in\n"
          "images_001/images/ to images_012/images/, or beside it; train_val_list.txt and test_list.txt\n"
          "for the official split"},
     .walk = nih_walk},
    {.about =
         {"chexpert", "CheXpert",
          "train.csv, valid.csv and the folders train/ and valid/, or the folder CheXpert-v1.0-small or\n"
          "CheXpert-v1.0 that holds them; the official split has no test side: one is taken from train"},
     .walk = chexpert_walk},
    {.about =
         {"mimic", "MIMIC-CXR-JPG, with the reports of MIMIC-CXR",
          "mimic-cxr-2.0.0-metadata.csv, -chexpert.csv and -split.csv (each also as .gz) and files/; for\n"
          "reports unpack mimic-cxr-reports.zip there (files/p10/p.../s....txt, or in mimic-cxr-reports/)"},
     .walk = mimic_walk},
};
const int importer_count = (int)(sizeof importers / sizeof *importers);
