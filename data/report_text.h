/* Reports as report generators train on them and are scored on them: cleaned as R2Gen (Chen et al., EMNLP
 * 2020) cleans them, so that scores can be compared, and made readable again. All texts are UTF-8. */
#ifndef DATA_REPORT_TEXT_H
#define DATA_REPORT_TEXT_H

#include "base/strings.h"
#include "base/text.h"
#include "data/dataset.h"

typedef enum report_rules {
    REPORT_RULES_IU,   /* R2Gen's for IU X-ray (Open-i) */
    REPORT_RULES_MIMIC /* R2Gen's for MIMIC-CXR: line ends, and runs of '_', of blanks and of '.', first */
} report_rules;

/* Appends the cleaned report: small letters, each sentence ended by a token ".", tokens parted by one blank.
 * In order: runs of '.' shrink ("..", three times; MIMIC eight); "1. " goes; ". k. " for k 2..5 becomes
 * ". "; then " k. " becomes ". "; the ends are stripped; letters become small; sentences part at ". "; in
 * each, " ' / \ and the characters . , ? ; * ! % ^ & _ + ( ) : < = > @ [ ] { } go ("2.3 cm" becomes "23 cm";
 * '-' stays). A sentence that is left empty keeps its ".", so a report without a word is ".". The tokens are
 * exactly R2Gen's, but for the white space between them and for the few letters that have no small form of
 * one letter. ERR_DATA naming the byte for a report that is not UTF-8; ERR_SYSTEM. */
err report_clean(const char *report, report_rules rules, text *out);

/* Appends cleaned text as prose: sentences open with a capital and end in a full stop, and what is only
 * ever written in capitals ("CT", "COVID-19") is. The commas that cleaning dropped stay lost. ERR_DATA as
 * above. */
err report_readable(const char *cleaned, text *out);

/* The cleaned reports of all samples of a set, in its order. They are the references that generated reports
 * are scored against: never what is decoded from token ids, which may be cut and hold unknown words. */
typedef struct report_texts {
    int n;
    const char **cleaned; /* (n); NULL for a sample without a report */
    string_store strings; /* private */
} report_texts;

/* ERR_DATA naming the sample; ERR_SYSTEM. */
err report_texts_open(const dataset *set, report_rules rules, report_texts *out);
void report_texts_close(report_texts *t);

#endif
