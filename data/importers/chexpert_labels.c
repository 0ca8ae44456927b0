#include "data/importers/chexpert_labels.h"

#include <math.h>
#include <stdlib.h>

enum { NO_FINDING = 0, SUPPORT_DEVICES = 13 };

const char *const chexpert_labels[CHEXPERT_LABELS] = {"No Finding",       "Enlarged Cardiomediastinum",
                                                      "Cardiomegaly",     "Lung Opacity",
                                                      "Lung Lesion",      "Edema",
                                                      "Consolidation",    "Pneumonia",
                                                      "Atelectasis",      "Pneumothorax",
                                                      "Pleural Effusion", "Pleural Other",
                                                      "Fracture",         "Support Devices"};

err chexpert_columns(const csv_rows *r, int columns[CHEXPERT_LABELS])
{
    for (int k = 0; k < CHEXPERT_LABELS; k++) TRY(csv_rows_need(r, chexpert_labels[k], &columns[k]));
    return OK;
}

static err read_value(const csv_rows *r, int k, const char *cell, float *out)
{
    char *end;
    *out = NAN;
    if (!*cell) return OK;
    *out = strtof(cell, &end);
    if (end != cell && !*end && (*out == 0 || *out == 1 || *out == -1)) return OK;
    return err_set(ERR_DATA, "%s:%d: label \"%s\" is \"%.60s\"; it must be 1, 0, -1 or empty",
                   csv_rows_path(r), csv_rows_line(r), chexpert_labels[k], cell);
}

err chexpert_read(const csv_rows *r, const int columns[CHEXPERT_LABELS], float out[CHEXPERT_LABELS])
{
    bool some = false;
    for (int k = 0; k < CHEXPERT_LABELS; k++) {
        TRY(read_value(r, k, csv_rows_cell(r, columns[k]), &out[k]));
        some = some || (out[k] == 1 && k != NO_FINDING && k != SUPPORT_DEVICES);
    }
    for (int k = 0; k < CHEXPERT_LABELS && out[NO_FINDING] == 1; k++)
        if (isnan(out[k]) && k != SUPPORT_DEVICES) out[k] = 0;
    if (some && isnan(out[NO_FINDING])) out[NO_FINDING] = 0;
    return OK;
}
