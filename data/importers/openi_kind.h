/* The labels of Open-i's reports, by their MeSH terms. Private to data/importers/. */
#ifndef DATA_IMPORTERS_OPENI_KIND_H
#define DATA_IMPORTERS_OPENI_KIND_H

#include "data/importers/walk.h"

/* Declares them: torchxrayvision's 18, and No Finding. */
err openi_declare(walk *w);

/* A row has a term of n bytes. "normal" is No Finding. */
err openi_take_term(walk *w, walk_row *row, const char *term, size_t n);

#endif
