/* Training report generators. */
#include "downstream/report_internal.h"

#include <math.h>

err report_training_compile(report_generator *g)
{
    if (g->adam) return OK;
    if (!g->training) TRY(net_compile(g->n, &g->loss, 1, "R/", &g->training));
    step_profile(g->training, g->profile);
    return optimizer_open(g->n, "R/",
                          (optimizer_opts){.kind = OPTIMIZER_ADAM,
                                           .learning_rate = g->o.learning_rate,
                                           .beta1 = 0.9F,
                                           .beta2 = 0.999F,
                                           .epsilon = 1e-8F,
                                           .weight_decay = g->o.weight_decay,
                                           .clip_norm = g->o.clip_norm},
                          &g->adam);
}

err report_generator_update(report_generator *g, uint64_t t, float *loss)
{
    TRY(report_training_compile(g));
    optimizer_set_rate(g->adam, cosine_decay(g->o.learning_rate, t, (uint64_t)g->o.steps));
    TRY(step_run(g->training, t));
    TRY(optimizer_apply(g->adam));
    return step_loss(g->training, loss);
}

static err train(report_generator *g, const report_source *real, const report_source *synthetic, int n_real,
                 report_generator_progress progress, void *context)
{
    for (int t = 0; t < g->o.steps; t++) {
        float loss = 0;
        if (n_real > 0) report_source_draw(real, g, "report_generator/real", (uint64_t)t, 0, n_real);
        if (n_real < g->o.batch)
            report_source_draw(synthetic, g, "report_generator/synthetic", (uint64_t)t, n_real,
                               g->o.batch - n_real);
        TRY(report_batch_upload(g));
        err error = report_generator_update(g, (uint64_t)t, &loss);
        if (error != OK)
            return err_context(error, "%s update %d, seed %llu", g->o.model, t + 1,
                               (unsigned long long)g->o.seed);
        if (progress) TRY(progress(context, t + 1, loss));
    }
    return OK;
}

err report_generator_train(report_generator *g, const report_pairs *real, const report_pairs *synthetic,
                           report_generator_progress progress, void *context)
{
    int n_real = (int)lroundf((float)g->o.batch * (1.0F - g->o.synthetic_share));
    report_source a = {0}, b = {0};
    if ((n_real > 0 && !real) || (n_real < g->o.batch && !synthetic))
        return err_set(ERR_CONFIG, "report generator option synthetic_share is %g, and there is no %s set",
                       (double)g->o.synthetic_share, n_real > 0 && !real ? "real" : "synthetic");
    err error = n_real > 0 ? report_source_open(real, &g->o, &a) : OK;
    if (error == OK && n_real < g->o.batch) error = report_source_open(synthetic, &g->o, &b);
    if (error == OK) error = train(g, &a, &b, n_real, progress, context);
    report_source_close(&a);
    report_source_close(&b);
    return error;
}
