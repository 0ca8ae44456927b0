/* Report generators as files. */
#include "downstream/internal.h"
#include "downstream/report_internal.h"
#include "nn/safetensors.h"

#include <string.h>

err report_generator_save(report_generator *g, const char *path)
{
    hash words = vocabulary_hash(g->v);
    const char *const metadata[] = {"format", "pt", "model", g->o.model, "vocabulary", words.hex, NULL};
    return net_save(g->n, path, NULL, 0, metadata);
}

static err check_metadata(const report_generator *g, const char *path)
{
    hash words = vocabulary_hash(g->v);
    safetensors *f;
    TRY(safetensors_open(path, &f));
    const char *model = safetensors_metadata(f, "model"), *words_of = safetensors_metadata(f, "vocabulary");
    err error = OK;
    if (!model || strcmp(model, g->o.model) != 0)
        error =
            err_set(ERR_DATA, "%s: the model is %.60s, not %s", path, model ? model : "not told", g->o.model);
    else if (!words_of || strcmp(words_of, words.hex) != 0)
        error = err_set(ERR_DATA, "%s: the vocabulary is another one; use the one it was trained with", path);
    safetensors_close(f);
    return error;
}

err report_generator_load(report_generator *g, const char *path)
{
    TRY(check_metadata(g, path));
    return net_load(g->n, path, NULL, 0);
}

err report_generator_hash(report_generator *g, hash *out)
{
    return weights_hash(g->n, g->o.model, out);
}
