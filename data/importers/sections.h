/* The findings and the impression in a report's text. Private to data/importers/. */
#ifndef DATA_IMPORTERS_SECTIONS_H
#define DATA_IMPORTERS_SECTIONS_H

#include "base/text.h"

/* Appends each section, its white space reduced to single blanks. A section begins with a line that opens
 * with its name in capitals and a colon ("FINDINGS:", "IMPRESSION:", "FINDINGS AND IMPRESSION:", which counts
 * as findings), and ends at the next line that opens in such a way. A report without both gives its last
 * paragraph as its findings, which is where MIMIC-CXR's reports then have them. */
void sections_find(const char *report, text *findings, text *impression);

#endif
