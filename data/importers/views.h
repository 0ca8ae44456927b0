/* The names of views, and which are wanted. Private to data/importers/. */
#ifndef DATA_IMPORTERS_VIEWS_H
#define DATA_IMPORTERS_VIEWS_H

#include "data/listing.h"

/* One name for what publishers spell in several ways: PA, AP, AP Supine, AP Erect, L, Frontal, UNKNOWN; other
 * names stay as they are. */
const char *view_name(const char *published);

typedef struct view_filter {
    bool all, frontal;
    name_list names;
} view_filter;

/* "all", "frontal", or names joined by commas. ERR_USAGE. */
err view_filter_open(const char *wanted, view_filter *out);
void view_filter_close(view_filter *f);

/* `name` as view_name gives it. With `frontal`, unknown views pass only where no view is known (`known` is
 * false): where the others are known, an unknown one may well be lateral. */
bool view_filter_passes(const view_filter *f, const char *name, bool known);

#endif
