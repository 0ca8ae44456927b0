/* The importers, each in the file of its name. Private to data/importers/. */
#ifndef DATA_IMPORTERS_KINDS_H
#define DATA_IMPORTERS_KINDS_H

#include "base/err.h"

struct walk;

err folder_walk(struct walk *w);
err manifest_walk(struct walk *w);
err nih_walk(struct walk *w);
err chexpert_walk(struct walk *w);
err mimic_walk(struct walk *w);
err openi_xml_walk(struct walk *w);
err openi_kaggle_walk(struct walk *w);
err cohen_walk(struct walk *w); /* cohen.c, with the next two */
err figure1_walk(struct walk *w);
err actualmed_walk(struct walk *w);
err covidx_walk(struct walk *w);
err padchest_walk(struct walk *w);
err rsna_walk(struct walk *w);
err r2gen_walk(struct walk *w);

#endif
