/* R2Gen's annotation.json for IU X-ray and MIMIC-CXR (Chen et al., EMNLP 2020): reports and their images, no
 * labels: these are read out of the reports. */
#include "data/importers/json_objects.h"
#include "data/importers/kinds.h"
#include "data/importers/walk.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const folders[] = {"images/", ""};

typedef struct r2gen {
    walk *w;
    char path[PATH_BYTES];
} r2gen;

static err no_member(const r2gen *r, int line, const char *name)
{
    return err_set(ERR_DATA, "%s:%d: an entry without \"%s\"", r->path, line, name);
}

/* Who is in an image: subject_id where it is given (MIMIC-CXR), else what stands before "_IM" in the id
 * (CXR2384_IM-0942: two studies of Open-i are never of one patient). */
static void name_patient(const cJSON *entry, const char *id, char out[256])
{
    const cJSON *subject = cJSON_GetObjectItemCaseSensitive(entry, "subject_id");
    const char *im = strstr(id, "_IM");
    if (cJSON_IsNumber(subject))
        (void)snprintf(out, 256, "%.0f", subject->valuedouble);
    else if (cJSON_IsString(subject))
        (void)snprintf(out, 256, "%.250s", subject->valuestring);
    else
        (void)snprintf(out, 256, "%.*s", im && im - id < 250 ? (int)(im - id) : 250, id);
}

static err take_images(r2gen *r, const char *id, const cJSON *paths, walk_row *row)
{
    int n = cJSON_GetArraySize(paths);
    for (int k = 0; k < n; k++) {
        char name[512], file[PATH_BYTES];
        const char *path = cJSON_GetStringValue(cJSON_GetArrayItem(paths, k));
        if (!path) return no_member(r, row->line, "image_path");
        (void)snprintf(name, sizeof name, n > 1 ? "%.480s/%d" : "%.480s", id, k);
        TRY(walk_locate(r->w, folders, 2, path, file));
        row->id = name;
        row->file = file;
        TRY(walk_image(r->w, row));
    }
    return OK;
}

static err take_entry(void *context, int line, const cJSON *entry)
{
    r2gen *r = context;
    walk_row row;
    char patient[256];
    const char *id = json_text(entry, "id"), *report = json_text(entry, "report"),
               *split = json_text(entry, "split");
    const cJSON *paths = cJSON_GetObjectItemCaseSensitive(entry, "image_path");
    if (!id) return no_member(r, line, "id");
    if (!report) return no_member(r, line, "report");
    if (!split) return no_member(r, line, "split");
    if (!cJSON_IsArray(paths)) return no_member(r, line, "image_path");
    walk_row_begin(&row, r->path, line, NAN);
    name_patient(entry, id, patient);
    row.patient = patient;
    row.split = split;
    row.report = report;
    return take_images(r, id, paths, &row);
}

err r2gen_walk(walk *w)
{
    const char *name = *walk_named_file(w) ? walk_named_file(w) : "annotation.json";
    r2gen r = {.w = w};
    TRY(walk_path(w, name, r.path));
    return json_objects(r.path, take_entry, &r);
}
