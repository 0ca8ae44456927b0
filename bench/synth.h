/* What `bench synth` is asked for, and doing it. Private to synth*.c. */
#ifndef BENCH_SYNTH_H
#define BENCH_SYNTH_H

#include "data/dataset.h"
#include "emixer/emixer.h"

/* synth.c: the command line. */
typedef struct synth_request {
    const char *model, *out, *sheet; /* sheet: NULL, or ends in .png or .svg */
    const char *labels;              /* "A|B" or NULL */
    const char *reports_of;          /* a source of data/dataset.h, or NULL */
    int per_class, count, texts;     /* 0: not asked for */
    int studies, seed;
    bool png, include_private, quiet;
    emixer_writing how;
    nn_device device;
} synth_request;

/* synth_make.c: loads the model and makes the set; ERR_USAGE for what this model cannot do. */
err synth_make(const synth_request *r, dataset **out);

/* synth_make.c: writes r->texts reports of no image to the file r->out, one a line. */
err synth_texts(const synth_request *r);

/* synth_write.c: the set, PNGs and sheet. ERR_CANNOT_CREATE if r->out is there already. */
err synth_write(const synth_request *r, const dataset *made);

#endif
