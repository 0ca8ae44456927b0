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
    {.about =
         {"openi", "Open-i / Indiana University, XML reports",
          "ecgen-radiology/N.xml; the PNG images beside it, or in images/ or NLMCXR_png/. Views only with\n"
          "Kaggle's indiana_projections.csv, or torchxrayvision's nlmcxr_tsne_pa.csv or\n"
          "nlmcxr_dicom_metadata.csv, beside it. --variant automatic: labels by the automatic terms alone"},
     .walk = openi_xml_walk},
    {.about = {"openi-kaggle", "Open-i / Indiana University, Kaggle's edition",
               "indiana_reports.csv, indiana_projections.csv and images/images_normalized/"},
     .walk = openi_kaggle_walk},
    {.about = {"cohen", "Cohen's COVID-19 image data collection",
               "metadata.csv (old or new header) and images/; rows without an image are left out"},
     .walk = cohen_walk,
     .skip_missing = true},
    {.about = {"figure1", "Figure1 COVID-19 chest X-rays", "metadata.csv and images/PATIENTID.jpg or .png"},
     .walk = figure1_walk},
    {.about = {"actualmed", "Actualmed COVID-19 chest X-rays",
               "metadata.csv and images/; rows without a finding (inconclusive) are left out"},
     .walk = actualmed_walk},
    {.about =
         {"covidx", "COVIDx",
          "train_COVIDx....txt and test_COVIDx....txt, here or in labels/, or train.txt and test.txt; and\n"
          "the folders data/train/ and data/test/, or train/ and test/. --variant 8B chooses among several\n"
          "lists. 8% of the height are cut off above, as COVID-Net does (--crop-top). It contains Cohen's,\n"
          "Figure1's, Actualmed's and RSNA's images, and so NIH's"},
     .walk = covidx_walk,
     .crop_top = 0.08},
    {.about =
         {"padchest", "PadChest",
          "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv (or .gz) and the images in 0/ to 54/, in\n"
          "images/, or beside it; images that are missing or broken are left out"},
     .walk = padchest_walk,
     .skip_missing = true,
     .skip_broken = true},
    {.about =
         {"rsna", "RSNA Pneumonia Detection Challenge",
          "stage_2_train_labels.csv and stage_2_train_images/, its DICOM files converted to PNG; for No\n"
          "Finding stage_2_detailed_class_info.csv, for views stage_2_train_images_dicom_headers.csv; for\n"
          "patients RSNA's pneumonia-challenge-dataset-mappings_2018.json, as the challenge's patientId is\n"
          "one for each image. All of its images are NIH's"},
     .walk = rsna_walk},
    {.about = {"r2gen", "R2Gen's annotation.json (IU X-ray, MIMIC-CXR)",
               "annotation.json and images/. Labels are read out of the reports"},
     .walk = r2gen_walk,
     .unlabelled = true},
};
const int importer_count = (int)(sizeof importers / sizeof *importers);
