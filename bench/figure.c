#include "bench/figure.h"

#include "data/images.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* plots/gain.gp, embedded so that the program needs no file beside it. */
static const unsigned char gain_script[] = {
#include "generated/gain.gp.inc"
};

/* ---- gain.svg */

/* A word of gnuplot's lists; names have no blanks and no quotes. */
static void add_series(const gain_row *row, text *arms, text *baselines, text *ratios)
{
    const char *blank = arms->length ? " " : "";
    text_printf(arms, "%s%s", blank, row->arm);
    text_printf(baselines, "%s%s", blank, row->baseline);
    text_printf(ratios, "%s%.9g", blank, row->ratio);
}

static bool same_series(const gain_row *a, const gain_row *b)
{
    return strcmp(a->arm, b->arm) == 0 && strcmp(a->baseline, b->baseline) == 0 && a->ratio == b->ratio &&
           a->baseline_ratio == b->baseline_ratio;
}

static err write_script(const study *experiment, const gains *g, const char *path)
{
    text t = {0}, arms = {0}, baselines = {0}, ratios = {0}, shots = {0};
    const gain_row *last = NULL;
    for (int i = 0; i < g->n; i++) {
        const gain_row *row = &g->rows[i];
        if (row->metric != experiment->metric || (last && same_series(last, row))) continue;
        add_series(row, &arms, &baselines, &ratios);
        last = row;
    }
    for (int i = 0; i < experiment->s.shots.n; i++)
        text_printf(&shots, "%s%d", i ? " " : "", experiment->s.shots.values[i]);
    text_printf(&t,
                "experiment = \"%s\"\nmetric = \"%s\"\narms = \"%s\"\nbaselines = \"%s\"\nratios = \"%s\"\n"
                "shots = \"%s\"\n\n",
                experiment->s.name, score_infos[experiment->metric].name, arms.data ? arms.data : "",
                baselines.data ? baselines.data : "", ratios.data ? ratios.data : "",
                shots.data ? shots.data : "");
    text_bytes(&t, gain_script, sizeof gain_script);
    err error = text_check(&t);
    if (error == OK) error = file_write(path, t.data, t.length);
    text_close(&t);
    text_close(&arms);
    text_close(&baselines);
    text_close(&ratios);
    text_close(&shots);
    return error;
}

/* In the child: gnuplot in the folder `out`, its words going to out/gain.log. */
static _Noreturn void be_gnuplot(const char *out)
{
    if (chdir(out) == 0) {
        int log = open("gain.log", O_WRONLY | O_CREAT | O_TRUNC, 0666);
        if (log >= 0) {
            (void)dup2(log, STDOUT_FILENO);
            (void)dup2(log, STDERR_FILENO);
        }
        (void)execlp("gnuplot", "gnuplot", "gain.gp", (char *)NULL);
    }
    _exit(127);
}

static err run_gnuplot(const char *out)
{
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) return err_set_errno(ERR_SYSTEM, "gnuplot cannot be started");
    if (pid == 0) be_gnuplot(out);
    int status;
    while (waitpid(pid, &status, 0) != pid) continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return OK;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return err_set(ERR_UNAVAILABLE,
                       "no figure: gnuplot is not installed (Debian: gnuplot-nox); then "
                       "run  cd %s && gnuplot gain.gp",
                       out);
    return err_set(ERR_UNAVAILABLE, "no figure: gnuplot failed, see %s/gain.log", out);
}

/* Is there a point to draw? */
static bool has_gain(const study *experiment, const gains *g)
{
    for (int i = 0; i < g->n; i++)
        if (g->rows[i].metric == experiment->metric && isfinite(g->rows[i].g.percent)) return true;
    return false;
}

static err remove_old(const char *out)
{
    static const char *const names[] = {"gain.svg", "gain.png", "gain.gp"};
    char path[PATH_BYTES];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        TRY(path_join(path, out, "%s", names[i]));
        TRY(folder_remove(path));
    }
    return OK;
}

err figure_gain(const study *experiment, const gains *g, const char *out, bool *made)
{
    char path[PATH_BYTES];
    *made = false;
    TRY(remove_old(out));
    if (!has_gain(experiment, g)) return OK;
    TRY(path_join(path, out, "gain.gp"));
    TRY(write_script(experiment, g, path));
    TRY(run_gnuplot(out));
    TRY(path_join(path, out, "gain.log"));
    *made = true;
    return folder_remove(path);
}

/* ---- samples.png */

enum { SHEET_COLUMNS = 12 };

/* Copies the first images that have a label into one row of the sheet; what is missing stays black. */
static void fill_row(const dataset *set, const int *index, int n, int label, uint8_t *row)
{
    size_t pixels = (size_t)set->height * (size_t)set->width;
    int filled = 0;
    for (int i = 0; i < n && filled < SHEET_COLUMNS; i++) {
        int sample = index ? index[i] : i;
        if (set->labels[(size_t)sample * (size_t)set->n_labels + (size_t)label] != 1.0F) continue;
        memcpy(row + pixels * (size_t)filled, set->images + pixels * (size_t)sample, pixels);
        filled++;
    }
}

static int first_synthetic(const builder *b)
{
    for (int i = 0; i < b->plan->n; i++) {
        const artifact *a = &b->plan->items[i];
        bool made = a->images == IMAGES_EMIXER || a->images == IMAGES_FOLDER || a->images == IMAGES_PACKED;
        manifest m;
        if (a->kind == KIND_SYNTHETIC && made && !a->filtered &&
            store_manifest(b->store, artifact_kind_names[a->kind], &a->key, &m) == OK && !m.failed)
            return i;
    }
    return -1;
}

static err write_sheet(const dataset *set, const draw *d, const dataset *synthetic, const char *path)
{
    enum { SMALL = 64 };
    int size = set->width, rows = 2 * set->n_labels;
    size_t row_bytes = (size_t)SHEET_COLUMNS * (size_t)size * (size_t)size;
    uint8_t *images = calloc((size_t)rows, row_bytes);
    if (!images) return err_set(ERR_SYSTEM, "out of memory for the sheet of samples");
    for (int k = 0; k < set->n_labels; k++) {
        fill_row(set, d->labelled.index, d->labelled.n, k, images + row_bytes * (size_t)(2 * k));
        fill_row(synthetic, NULL, synthetic->n, k, images + row_bytes * (size_t)(2 * k + 1));
    }
    err error =
        image_write_sheet(path, images, rows * SHEET_COLUMNS, size, SHEET_COLUMNS, size < SMALL ? 2 : 1);
    free(images);
    return error;
}

err figure_samples(builder *b, const char *path, bool *made)
{
    *made = false;
    TRY(folder_remove(path)); /* of an earlier run */
    int index = first_synthetic(b);
    if (index < 0) return OK;
    const artifact *a = &b->plan->items[index];
    const dataset *set;
    dataset *synthetic;
    draw d;
    char folder[PATH_BYTES], source[PATH_BYTES + 16];
    TRY(builder_path(b, index, NULL, folder));
    (void)snprintf(source, sizeof source, "packed:%s", folder);
    TRY(dataset_open(source, b->study->s.size, 0, 0, &synthetic));
    err error = builder_draw(b, a, &set, &d);
    if (error == OK) {
        error = write_sheet(set, &d, synthetic, path);
        draw_close(&d);
    }
    dataset_close(synthetic);
    *made = error == OK;
    return error;
}
