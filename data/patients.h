/* Who is who in a set: samples grouped by patient. Private to data/. */
#ifndef DATA_PATIENTS_H
#define DATA_PATIENTS_H

#include "data/dataset.h"

typedef struct patients {
    int n;   /* numbered from 0 by first appearance in the set */
    int *of; /* set.n: the patient of a sample; each sample without one is its own */
} patients;

/* ERR_SYSTEM. */
err patients_open(const dataset *set, patients *out);
void patients_close(patients *p);

#endif
