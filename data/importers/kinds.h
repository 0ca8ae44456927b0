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

#endif
