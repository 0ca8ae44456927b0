/* `bench gc`: removes artifacts that nothing needs any more. */
#include "bench/commands.h"

#include "bench/flags.h"
#include "bench/run.h"
#include "bench/store.h"
#include "data/key_map.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILES_MOST = 32 };

typedef struct request {
    const char *words[1 + FILES_MOST]; /* OUT, then experiment files */
    int n;
    const char *preset;
    bool dry_run;
} request;

typedef struct sweep {
    store artifacts;
    key_map needed; /* by KIND-KEY */
    int kept, removed, busy;
    double bytes; /* of what was removed */
} sweep;

static err print_help(const flag *flags, int n)
{
    text t = {0};
    text_printf(&t,
                "usage: bench gc OUT [FILE.ini]... [--preset NAME] [--dry-run]\n\n"
                "Removes from OUT/artifacts what none of the experiment files needs: what other settings,\n"
                "other code or other data left. Without a file, OUT/settings.ini counts, the settings of\n"
                "the last run there. What a run is making just now stays.\n\n");
    flags_help(flags, n, &t);
    return text_print(&t);
}

/* ---- what is needed ---- */

static err need_plan(const plan *p, key_map *needed)
{
    for (int i = 0; i < p->n; i++) {
        char name[80];
        bool added;
        (void)snprintf(name, sizeof name, "%s-%s", artifact_kind_names[p->items[i].kind],
                       p->items[i].key.hex);
        TRY(key_map_add(needed, name, 1, &added));
    }
    return OK;
}

static err need_file(const char *path, const char *preset, key_map *needed)
{
    static settings s; /* large */
    static study experiment;
    plan p = {0};
    settings_defaults(&s);
    TRY(settings_load(&s, path, &preset, preset ? 1 : 0));
    TRY(study_open(&s, &experiment));
    err error = run_plan_open(&experiment, &p);
    if (error == OK) error = need_plan(&p, needed);
    plan_close(&p);
    return error == OK ? OK : err_context(error, "%.200s", path);
}

static err need_all(const request *q, key_map *needed)
{
    char path[PATH_BYTES];
    TRY(path_join(path, q->words[0], "settings.ini"));
    if (q->n == 1) return need_file(path, NULL, needed);
    for (int i = 1; i < q->n; i++) TRY(need_file(q->words[i], q->preset, needed));
    return OK;
}

/* ---- what is there ---- */

static double folder_bytes(const char *folder)
{
    double sum = 0;
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, NULL);
    for (int i = 0; i < n; i++) {
        char path[PATH_BYTES];
        struct stat status;
        if (path_join(path, folder, "%s", entries[i]->d_name) == OK && stat(path, &status) == 0 &&
            S_ISREG(status.st_mode))
            sum += (double)status.st_size;
        free(entries[i]);
    }
    if (n >= 0) free(entries);
    return sum;
}

/* "generator-KEY" or "generator-KEY.work" */
static bool read_name(const char *name, char kind[16], hash *key)
{
    int end = 0;
    if (sscanf(name, "%15[a-z]-%32[0-9a-f]%n", kind, key->hex, &end) != 2 || strlen(key->hex) != 32)
        return false;
    return name[end] == '\0' || strcmp(name + end, ".work") == 0;
}

static err sweep_one(const request *q, sweep *w, const char *name)
{
    char kind[16], whole[80], path[PATH_BYTES];
    hash key;
    int64_t unused;
    bool taken;
    if (!read_name(name, kind, &key)) return OK;
    (void)snprintf(whole, sizeof whole, "%s-%s", kind, key.hex);
    if (key_map_find(&w->needed, whole, &unused)) {
        w->kept++;
        return OK;
    }
    TRY(store_lock(&w->artifacts, &key, &taken));
    if (!taken) {
        w->busy++;
        return OK;
    }
    err error = path_join(path, w->artifacts.folder, "%s", name);
    if (error == OK) {
        w->removed++;
        w->bytes += folder_bytes(path);
        if (q->dry_run)
            (void)printf("%s\n", name);
        else
            error = store_remove(&w->artifacts, kind, &key);
    }
    store_unlock(&w->artifacts, &key);
    return error;
}

static err sweep_all(const request *q, sweep *w)
{
    struct dirent **entries;
    int n = scandir(w->artifacts.folder, &entries, NULL, alphasort);
    if (n < 0) return err_set_errno(ERR_NO_INPUT, "%s: cannot be listed", w->artifacts.folder);
    err error = OK;
    for (int i = 0; i < n; i++) {
        if (error == OK) error = sweep_one(q, w, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return error;
}

err gc_main(int argc, char **argv)
{
    request q = {0};
    sweep w = {0};
    bool help;
    char folder[PATH_BYTES];
    const flag flags[] = {
        {"--preset", "NAME", FLAG_TEXT, &q.preset, 0, 0, "use the values of [preset:NAME] of the files"},
        {"--dry-run", NULL, FLAG_SWITCH, &q.dry_run, 0, 0, "only list what would be removed"},
    };
    enum { FLAGS = sizeof flags / sizeof flags[0] };
    TRY(flags_read("gc", argc, argv, flags, FLAGS, q.words, 1 + FILES_MOST, &q.n, &help));
    if (help) return print_help(flags, FLAGS);
    if (q.n < 1) return err_set(ERR_USAGE, "bench gc OUT [FILE.ini]...; see `bench gc --help`");
    TRY(path_join(folder, q.words[0], "artifacts"));
    if (!path_exists(folder)) return err_set(ERR_NO_INPUT, "%.200s: there are no artifacts", q.words[0]);
    TRY(store_open(q.words[0], &w.artifacts));
    err error = need_all(&q, &w.needed);
    if (error == OK) error = sweep_all(&q, &w);
    if (error == OK)
        (void)printf("%d artifacts%s removed, %.1f MB; %d kept%s\n", w.removed, q.dry_run ? " would be" : "",
                     1e-6 * w.bytes, w.kept, w.busy ? "; others are being made just now" : "");
    key_map_close(&w.needed);
    store_close(&w.artifacts);
    return error;
}
