/* Open-i / Indiana University chest X-rays as published: XML reports and PNG images (Demner-Fushman et al.,
 * JAMIA 2016). */
#include "data/importers/kinds.h"
#include "data/importers/openi_kind.h"
#include "data/key_map.h"
#include "data/openi.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The reports do not tell which image is frontal. Who had a look: Kaggle's edition; torchxrayvision, out of
 * the DICOM files, and by a map of all images. */
static const struct {
    const char *table, *image, *view;
} view_tables[] = {{"indiana_projections.csv", "filename", "projection"},
                   {"nlmcxr_tsne_pa.csv", "imageid", "tsne-view"},
                   {"nlmcxr_dicom_metadata.csv", "imageid", "View Position"}};
enum { VIEW_TABLES = sizeof view_tables / sizeof *view_tables };

static const char *const views[] = {"PA", "AP", "Frontal", "Lateral"};
enum { VIEWS = sizeof views / sizeof *views };

static const char *const folders[] = {"", "images/", "NLMCXR_png/", "png/", "images/images_normalized/"};
enum { FOLDERS = sizeof folders / sizeof *folders };

typedef struct openi_xml {
    walk *w;
    key_map views; /* by image: index into views */
    int image, view;
    bool automatic_only;
    text report;
} openi_xml;

/* What all editions call an image: "1_IM-0001-4001" of CXR1_1_IM-0001-4001 and 1_IM-0001-4001.dcm.png. */
static void image_key(const char *name, char out[64])
{
    const char *at = strstr(name, "_IM-"), *from = at ? at : name;
    while (from > name && isdigit((unsigned char)from[-1])) from--;
    (void)snprintf(out, 64, "%.*s", (int)strcspn(from, "."), from);
}

static err take_view(void *context, csv_rows *r)
{
    openi_xml *o = context;
    char key[64];
    bool added;
    image_key(csv_rows_cell(r, o->image), key);
    for (int v = 0; v < VIEWS; v++)
        if (strcasecmp(csv_rows_cell(r, o->view), views[v]) == 0)
            return key_map_add(&o->views, key, v, &added);
    return OK; /* unknown */
}

static err read_views(openi_xml *o)
{
    for (int i = 0; i < VIEW_TABLES; i++) {
        csv_rows *rows;
        TRY(walk_find_table(o->w, &view_tables[i].table, 1, &rows));
        if (!rows) continue;
        err error = csv_rows_need(rows, view_tables[i].image, &o->image);
        if (error == OK) error = csv_rows_need(rows, view_tables[i].view, &o->view);
        if (error != OK) {
            csv_rows_close(rows);
            return error;
        }
        TRY(walk_rows(rows, take_view, o));
        walk_views_known(o->w);
    }
    return OK;
}

/* By the terms of both, unless only the automatic ones are asked for. A report that nobody indexed says
 * nothing. */
static err take_terms(const openi_xml *o, const openi_report *r, walk_row *row)
{
    bool indexed = r->n_automatic > 0;
    for (int i = 0; i < r->n_major; i++) indexed = indexed || strcasecmp(r->major[i], "No Indexing") != 0;
    for (int k = 0; k < WALK_LABELS && !indexed; k++) row->labels[k] = NAN;
    for (int i = 0; i < r->n_automatic; i++)
        TRY(openi_take_term(o->w, row, r->automatic[i], strlen(r->automatic[i])));
    for (int i = 0; i < r->n_major; i++) {
        const char *term = r->major[i];
        if (!o->automatic_only || strcasecmp(term, "normal") == 0)
            TRY(openi_take_term(o->w, row, term, strlen(term)));
    }
    return OK;
}

static err take_report(openi_xml *o, const openi_report *r)
{
    walk_row row;
    char key[64], name[512], file[PATH_BYTES];
    walk_row_begin(&row, r->file, 0, 0);
    TRY(take_terms(o, r, &row));
    TRY(walk_report(o->w, r->findings, r->impression, &o->report));
    row.patient = r->id;
    row.report = o->report.data;
    for (int i = 0; i < r->n_images; i++) {
        int64_t view;
        image_key(r->images[i], key);
        row.id = r->images[i];
        row.view = key_map_find(&o->views, key, &view) ? views[view] : "";
        (void)snprintf(name, sizeof name, "%s.png", r->images[i]);
        TRY(walk_locate(o->w, folders, FOLDERS, name, file));
        row.file = file;
        TRY(walk_image(o->w, &row));
    }
    return OK;
}

static err take_all(openi_xml *o)
{
    openi *set;
    const char *variant = walk_variant(o->w);
    o->automatic_only = strcmp(variant, "automatic") == 0;
    if (*variant && !o->automatic_only)
        return err_set(ERR_USAGE, "--variant %.60s: openi has only \"automatic\": no labels by hand",
                       variant);
    TRY(read_views(o));
    TRY(openi_open(walk_folder(o->w), &set));
    err error = OK;
    for (int i = 0; i < set->n && error == OK; i++) error = take_report(o, &set->reports[i]);
    openi_close(set);
    return error;
}

err openi_xml_walk(walk *w)
{
    openi_xml o = {.w = w};
    TRY(openi_declare(w));
    err error = take_all(&o);
    key_map_close(&o.views);
    text_close(&o.report);
    return error;
}
