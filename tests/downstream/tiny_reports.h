/* Report generators and pairs of noise and texts small enough that plain loops train them in a moment; the
 * same as in tests/golden/generators_make.py. */
#ifndef TESTS_DOWNSTREAM_TINY_REPORTS_H
#define TESTS_DOWNSTREAM_TINY_REPORTS_H

#include "downstream/report_internal.h"
#include "tiny.h"

enum { REPORT_MODELS = 4, TINY_BATCH = 8, TINY_LENGTH = 8, TINY_SENTENCES = 3, TINY_WORDS = 3 };
extern const char *const report_model_names[REPORT_MODELS];

report_generator_opts tiny_report_opts(const char *model);

/* The lines of tests/golden/generator_reports.txt from `first` on: of the REAL images, then of the SYNTHETIC
 * ones. Owned by the test; n up to REAL + SYNTHETIC. */
report_texts tiny_reports(int first, int n);

/* The noise images from `first` on, with labels 0, 1 and unknown in turn; image 4 has none that is known. */
dataset *tiny_report_set(int first, int n);

/* Of the words of the REAL reports. Owned by the test. */
vocabulary *tiny_vocabulary(void);

report_generator *open_tiny_report(nn_device device, report_generator_opts o);

#endif
