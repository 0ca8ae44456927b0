/* Cohen's COVID-19 image data collection (Cohen et al. 2020), and the two collections that followed its
 * table: Figure1 and Actualmed. */
#include "data/importers/kinds.h"
#include "data/importers/walk.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Where the three differ. */
typedef struct edition {
    const char *file, *folder; /* the columns; NULL: there is none */
    const char *notes;
    bool
        named_by_patient; /* the image is patientid.jpg or .png, a patient's second one has a letter behind */
} edition;

typedef struct cohen {
    walk *w;
    const edition *e;
    int file, folder, patient, finding, view, modality, sex, age, notes;
} cohen;

/* Findings nobody has made yet. */
static bool is_open(const char *finding)
{
    return !*finding || strcasecmp(finding, "todo") == 0 || strcasecmp(finding, "Unknown") == 0;
}

/* "Pneumonia/Viral/COVID-19", earlier "COVID-19, ARDS": each part is a label. */
static err take_finding(cohen *c, walk_row *row, const char *finding)
{
    char name[WALK_LABEL_BYTES];
    for (const char *at = finding; *at;) {
        at += strspn(at, " /,");
        size_t n = strcspn(at, "/,"), kept = n;
        while (kept > 0 && at[kept - 1] == ' ') kept--;
        if (kept >= sizeof name)
            return err_set(ERR_DATA, "%s:%d: finding \"%.60s...\" is too long", row->table, row->line,
                           finding);
        (void)snprintf(name, sizeof name, "%.*s", (int)kept, at);
        if (kept > 0) TRY(walk_set_label(c->w, row, name, 1));
        at += n;
    }
    return OK;
}

/* COVID-00003 of COVID-00003b. */
static void without_letter(const char *patient, char out[128])
{
    size_t n = strlen(patient);
    bool letter = n > 1 && islower((unsigned char)patient[n - 1]) && isdigit((unsigned char)patient[n - 2]);
    (void)snprintf(out, 128, "%.*s", (int)(n - letter), patient);
}

static err name_file(cohen *c, const csv_rows *r, char out[PATH_BYTES])
{
    static const char *const images[] = {"images/"}, *const endings[] = {".jpg", ".png", ".jpeg"};
    const char *folder = csv_rows_cell(r, c->folder);
    char name[PATH_BYTES];
    if (!c->e->named_by_patient) {
        int n = snprintf(out, PATH_BYTES, "%s/%s", *folder ? folder : "images", csv_rows_cell(r, c->file));
        return n >= 0 && n < PATH_BYTES
                   ? OK
                   : err_set(ERR_DATA, "%s:%d: the path is too long", csv_rows_path(r), csv_rows_line(r));
    }
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(name, sizeof name, "%.200s%s", csv_rows_cell(r, c->patient), endings[i]);
        TRY(walk_locate(c->w, images, 1, name, out));
        if (walk_has(c->w, out)) break;
    }
    return OK;
}

static err take_row(void *context, csv_rows *r)
{
    cohen *c = context;
    walk_row row;
    char file[PATH_BYTES], patient[128];
    const char *modality = csv_rows_cell(r, c->modality), *finding = csv_rows_cell(r, c->finding);
    if (*modality && strcasecmp(modality, "X-ray") != 0) {
        walk_leave_out(c->w, LEFT_MODALITY);
        return OK;
    }
    if (is_open(finding)) {
        walk_leave_out(c->w, LEFT_UNLABELLED);
        return OK;
    }
    walk_row_begin(&row, csv_rows_path(r), csv_rows_line(r), 0);
    TRY(take_finding(c, &row, finding));
    TRY(name_file(c, r, file));
    row.file = file;
    row.id = csv_rows_cell(r, c->e->named_by_patient ? c->patient : c->file);
    row.patient = csv_rows_cell(r, c->patient);
    if (c->e->named_by_patient) {
        without_letter(row.patient, patient);
        row.patient = patient;
    }
    row.view = csv_rows_cell(r, c->view);
    row.sex = walk_sex(csv_rows_cell(r, c->sex));
    row.age = walk_age(csv_rows_cell(r, c->age));
    row.report = csv_rows_cell(r, c->notes);
    return walk_image(c->w, &row);
}

static err find_columns(cohen *c, const csv_rows *r)
{
    TRY(csv_rows_need(r, "patientid", &c->patient));
    TRY(csv_rows_need(r, "finding", &c->finding));
    TRY(csv_rows_need(r, "view", &c->view));
    c->file = -1;
    if (c->e->file) TRY(csv_rows_need(r, c->e->file, &c->file));
    c->folder = c->e->folder ? csv_rows_column(r, c->e->folder) : -1;
    c->modality = csv_rows_column(r, "modality");
    c->sex = csv_rows_column(r, "sex");
    c->age = csv_rows_column(r, "age");
    c->notes = csv_rows_column(r, c->e->notes);
    return OK;
}

static err walk_edition(walk *w, const edition *e)
{
    static const char *const tables[] = {"metadata.csv"};
    cohen c = {.w = w, .e = e};
    csv_rows *rows;
    walk_views_known(w);
    TRY(walk_table(w, tables, 1, &rows));
    err error = find_columns(&c, rows);
    if (error == OK) return walk_rows(rows, take_row, &c);
    csv_rows_close(rows);
    return error;
}

err cohen_walk(walk *w)
{
    return walk_edition(w, &(edition){.file = "filename", .folder = "folder", .notes = "clinical notes"});
}

err figure1_walk(walk *w)
{
    return walk_edition(w, &(edition){.notes = "notes", .named_by_patient = true});
}

err actualmed_walk(walk *w)
{
    return walk_edition(w, &(edition){.file = "imagename", .notes = "notes"});
}
