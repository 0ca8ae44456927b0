/* The Open-i (Indiana University) chest X-ray reports as published: a folder of N.xml files, one a study. */
#ifndef DATA_OPENI_H
#define DATA_OPENI_H

#include "base/err.h"

/* Texts have no white space at their ends and are "" where the report lacks the section. What was redacted is
 * "XXXX". Everything is owned by the set. */
typedef struct openi_report {
    const char *id; /* uId's id, such as "CXR1" */
    const char *file;
    const char *comparison, *indication, *findings, *impression; /* AbstractText by its Label */
    const char **major;                                          /* (n_major) MeSH terms given by hand */
    const char **automatic; /* (n_automatic) terms that a program found in the text */
    const char **images;    /* (n_images) parentImage's ids; the image of "X" is the file X.png */
    int n_major, n_automatic, n_images;
} openi_report;

typedef struct openi {
    int n;
    openi_report *reports; /* (n), by the number in the file's name */
    void *owner;           /* private */
} openi;

/* Reads all *.xml of a folder, or of its sub-folder "ecgen-radiology" (what the published archive unpacks
 * to). ERR_NO_INPUT if there is none. ERR_DATA naming the file, and the line where there is one, for what is
 * not well-formed XML, declares a document type, is larger than 1 MiB, is no report, or has an id that is not
 * unique or that could not be a file's name ([A-Za-z0-9._-], not opening with '.'); for a link out of the
 * folder. ERR_SYSTEM, ERR_IO. */
err openi_open(const char *folder, openi **out);
void openi_close(openi *set);

#endif
