#include "bench/privacy.h"

#include "base/private.h"

#include <stddef.h>
#include <string.h>

const char privacy_help[] = "show images and reports of a set that is marked private";

void privacy_watch(const char *source)
{
    static const char *const on_disk[] = {"packed:", "folder:", "openi:"};
    const char *path = source;
    for (size_t i = 0; i < sizeof on_disk / sizeof *on_disk && source; i++)
        if (strncmp(source, on_disk[i], strlen(on_disk[i])) == 0) path = source + strlen(on_disk[i]);
    if (path && *path && private_is(path)) private_begin();
}

void privacy_watch_settings(const settings *s)
{
    privacy_watch(s->source);
    privacy_watch(s->texts);
    privacy_watch(s->weights);
}

void privacy_watch_study(const study *x)
{
    privacy_watch_settings(&x->s);
    for (int a = 0; a < x->n_arms; a++) {
        char source[ARM_SOURCE_BYTES];
        if (!x->arms[a].folder[0]) continue;
        for (int seed = 0; seed < x->s.seeds.n; seed++)
            for (int i = 0; i < study_budgets(x); i++) {
                arm_source(&x->arms[a], x->s.seeds.values[seed], study_budget(x, i).shots, source);
                privacy_watch(source);
            }
    }
}

bool privacy_shown(bool include_private)
{
    return include_private || !private_begun();
}

err privacy_allow(bool include_private, const char *what)
{
    if (privacy_shown(include_private)) return OK;
    return err_set(
        ERR_USAGE,
        "%s: the data are marked private; --include-private shows their images and reports all the same",
        what);
}
