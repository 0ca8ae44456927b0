#include "data/importers/views.h"

#include "data/build.h"
#include "data/importers/labels.h"

#include <string.h>

static const struct {
    const char *published, *name;
} views[] = {
    {"PA", "PA"},
    {"AP", "AP"},
    {"AP Supine", "AP Supine"},
    {"AP horizontal", "AP Supine"}, /* PadChest */
    {"APS", "AP Supine"},           /* Cohen's schema */
    {"AP Erect", "AP Erect"},
    {"Frontal", "Frontal"},
    {"L", "L"},
    {"Lateral", "L"},
    {"LL", "L"}, /* DICOM: left and right lateral */
    {"RL", "L"},
    {"Left Lateral", "L"},
    {"", "UNKNOWN"},
    {"UNK", "UNKNOWN"},
    {"UNKNOWN", "UNKNOWN"},
};

const char *view_name(const char *published)
{
    for (size_t i = 0; i < sizeof views / sizeof *views; i++)
        if (label_names_equal(published, views[i].published)) return views[i].name;
    return published;
}

err view_filter_open(const char *wanted, view_filter *out)
{
    *out = (view_filter){.all = strcmp(wanted, "all") == 0, .frontal = strcmp(wanted, "frontal") == 0};
    return out->all || out->frontal ? OK : names_split("--views", wanted, &out->names);
}

void view_filter_close(view_filter *f)
{
    names_close(&f->names);
}

static bool is_frontal(const char *name)
{
    return strncmp(name, "PA", 2) == 0 || strncmp(name, "AP", 2) == 0 || strcmp(name, "Frontal") == 0;
}

bool view_filter_passes(const view_filter *f, const char *name, bool known)
{
    if (f->all) return true;
    if (f->frontal) return is_frontal(name) || (!known && strcmp(name, "UNKNOWN") == 0);
    for (size_t i = 0; i < f->names.n; i++)
        if (label_names_equal(view_name(f->names.names[i]), name)) return true;
    return false;
}
