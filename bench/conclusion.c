#include "bench/conclusion.h"

#include "base/private.h"
#include "base/text.h"
#include "bench/fingerprint.h"
#include "bench/inifile.h"
#include "bench/plot.h"
#include "bench/privacy.h"
#include "bench/version.h"

#include <stdio.h>
#include <string.h>

static const char NOTE[] = "conclusion.ini";

/* All files of a run that are made of its artifacts alone, but for those in guards/, which every run writes.
 */
static const char *const files[] = {
    "results.csv",        "label_scores.csv", "gains.csv",   "label_gains.csv", "subgroup_scores.csv",
    "subgroup_gains.csv", "losses.csv",       "samples.csv", "samples.png",     "gain.gp",
    "gain.svg",           "gain.png",         SUMMARY_FILE};
enum { FILES = sizeof files / sizeof files[0] };

err conclusion_hash(const study *experiment, const plan *p, const store *s, const unsigned *found, hash *out)
{
    text t = {0};
    err error = OK;
    text_printf(&t, "%s %s %d %d %d\n", version_code, plot_hash().hex, p->threads, private_begun(),
                privacy_shown(experiment->s.include_private));
    settings_file(&experiment->s, &t);
    for (int i = 0; i < p->n && error == OK; i++) {
        const artifact *a = &p->items[i];
        hash content;
        error = store_manifest_hash(s, artifact_kind_names[a->kind], &a->key, &content);
        if (error == OK) text_printf(&t, "%s %s %u\n", a->key.hex, content.hex, found[i]);
    }
    if (error == OK) error = text_check(&t);
    if (error == OK) *out = hash_bytes(t.data, t.length);
    text_close(&t);
    return error;
}

/* "" for a file that is not there: there was nothing to draw. */
static err hash_output(const char *folder, const char *name, hash *out)
{
    char path[PATH_BYTES];
    *out = (hash){""};
    TRY(path_join(path, folder, "%s", name));
    return path_exists(path) ? fingerprint_file(path, out) : OK;
}

static err compare(const char *folder, const ini_file *note, const hash *made_of, bool *same)
{
    const char *of = ini_file_value(note, "conclusion", "made_of");
    *same = of && strcmp(of, made_of->hex) == 0;
    for (int i = 0; i < FILES && *same; i++) {
        hash content;
        const char *noted = ini_file_value(note, "files", files[i]);
        TRY(hash_output(folder, files[i], &content));
        *same = noted && strcmp(noted, content.hex) == 0;
    }
    return OK;
}

err conclusion_check(const char *folder, const hash *made_of, bool *same)
{
    char path[PATH_BYTES];
    *same = false;
    TRY(path_join(path, folder, "%s", NOTE));
    if (!path_exists(path)) return OK;
    ini_file note;
    err error = ini_file_open(path, &note);
    if (error == OK)
        error = compare(folder, &note, made_of, same);
    else if (error != ERR_SYSTEM)
        error = OK; /* a damaged note says nothing */
    ini_file_close(&note);
    return error;
}

err conclusion_note(const char *folder, const hash *made_of)
{
    char path[PATH_BYTES];
    text t = {0};
    TRY(path_join(path, folder, "%s", NOTE));
    text_printf(&t, "[conclusion]\nmade_of = %s\n\n[files]\n", made_of->hex);
    err error = OK;
    for (int i = 0; i < FILES && error == OK; i++) {
        hash content;
        error = hash_output(folder, files[i], &content);
        if (error == OK) text_printf(&t, "%s = %s\n", files[i], content.hex);
    }
    if (error == OK) error = text_save(&t, path);
    text_close(&t);
    return error;
}
