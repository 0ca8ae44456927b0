/* A model: its net, its steps and optimizers, and what is measured of them. */
#include "emixer/internal.h"
#include "nn/backend.h" /* OP_COUNT */

#include <stdlib.h>
#include <string.h>

/* Two forward passes of the generator alone: one renews the running statistics, one makes images. */
static err record_sampling(emixer *e)
{
    const emixer_opts *o = &e->o;
    nn_shape_t labels = nn_shape(2, o->batch, o->n_labels), z = nn_shape(2, o->batch, o->latent);
    e->in.statistics_labels = nn_input(e->n, "statistics labels", labels);
    e->in.labels = nn_input(e->n, "labels", labels);
    e->in.z = nn_input(e->n, "z", z);
    nn_t any = generator(e->n, o, nn_random(e->n, "statistics/z", z, DISTRIBUTION_NORMAL),
                         e->in.statistics_labels, GENERATOR_STATISTICS);
    e->images = generator(e->n, o, e->in.z, e->in.labels, GENERATOR_SAMPLING);
    TRY(net_compile(e->n, &any, 1, NULL, &e->statistics));
    return net_compile(e->n, &e->images, 1, NULL, &e->sampling);
}

static err open_optimizer(emixer *e, int player, const char *scope, float rate, float ema_decay)
{
    optimizer_opts o = {.kind = OPTIMIZER_ADAM,
                        .learning_rate = rate,
                        .beta1 = e->o.beta1,
                        .beta2 = e->o.beta2,
                        .epsilon = 1e-6F, /* StudioGAN's */
                        .ema_decay = ema_decay};
    if (player == PLAYER_WRITER) { /* no game, but a language model: Adam as Kingma & Ba have it, clipped */
        o.beta1 = 0.9F;
        o.beta2 = 0.999F;
        o.clip_norm = 5;
    }
    return optimizer_open(e->n, scope, o, &e->optimizers[player]);
}

static err open_optimizers(emixer *e)
{
    const emixer_opts *o = &e->o;
    TRY(open_optimizer(e, PLAYER_GENERATOR, "G/", o->generator_rate, o->ema_decay));
    TRY(open_optimizer(e, PLAYER_DISCRIMINATOR, "D/", o->discriminator_rate, 0));
    return has_writer(o) ? open_optimizer(e, PLAYER_WRITER, "R/", o->writer_rate, 0) : OK;
}

static err open_model(nn_device device, emixer *e)
{
    TRY(net_open(device, e->o.seed, &e->n));
    (void)nn_state(e->n, LABEL_POOL_NAME, nn_shape(2, (int)LABEL_POOL, e->o.n_labels), (init_opts){0});
    if (e->o.lecam_weight > 0) (void)nn_state(e->n, AVERAGES_NAME, nn_shape(1, 2), (init_opts){0});
    TRY(record_players(e));
    TRY(record_sampling(e));
    if (has_writer(&e->o)) TRY(record_encoding(e));
    TRY(choice_record(e));
    TRY(players_set_constants(e));
    return open_optimizers(e);
}

err emixer_open(nn_device device, const emixer_opts *o, emixer **out)
{
    *out = NULL;
    TRY(options_check(o));
    emixer *e = calloc(1, sizeof *e);
    if (!e) return err_set(ERR_SYSTEM, "out of memory for a generator");
    e->o = *o;
    err error = open_model(device, e);
    if (error != OK) {
        emixer_close(e);
        return error;
    }
    *out = e;
    return OK;
}

void emixer_close(emixer *e)
{
    if (!e) return;
    writing_close(e->writing);
    for (int i = 0; i < PLAYERS; i++) optimizer_close(e->optimizers[i]);
    net_close(e->n);
    vocabulary_close(e->words);
    string_store_close(&e->label_strings);
    free(e->label_names);
    free(e);
}

/* ---- saving ---- */

/* G first, so that a file of the image half begins with what makes images. */
static int list_optimizers(const emixer *e, optimizer *out[PLAYERS])
{
    int n = 0;
    out[n++] = e->optimizers[PLAYER_GENERATOR];
    out[n++] = e->optimizers[PLAYER_DISCRIMINATOR];
    if (e->optimizers[PLAYER_WRITER]) out[n++] = e->optimizers[PLAYER_WRITER];
    return n;
}

err emixer_save(emixer *e, const char *path)
{
    options_metadata metadata;
    optimizer *list[PLAYERS];
    int n = list_optimizers(e, list);
    if (e->o.lecam_weight > 0) TRY(net_set_parameter(e->n, AVERAGES_NAME, e->averages));
    err error = options_write(e, &metadata);
    if (error == OK) error = net_save(e->n, path, list, n, metadata.pairs);
    options_metadata_close(&metadata);
    return error;
}

err emixer_load(emixer *e, const char *path)
{
    optimizer *list[PLAYERS];
    int n = list_optimizers(e, list), done;
    TRY(options_compare(e, path, &done));
    TRY(net_load(e->n, path, list, n));
    if (e->o.lecam_weight > 0) TRY(net_get_parameter(e->n, AVERAGES_NAME, e->averages));
    e->updates = done;
    return OK;
}

const vocabulary *emixer_vocabulary(const emixer *e)
{
    return e->words;
}

const char *emixer_label_name(const emixer *e, int label)
{
    return e->label_names && label >= 0 && label < e->o.n_labels ? e->label_names[label] : NULL;
}

err take_label_names(emixer *e, const char *const *names)
{
    string_store strings = {0};
    const char **list = calloc((size_t)e->o.n_labels, sizeof *list);
    err error = list ? OK : err_set(ERR_SYSTEM, "out of memory for %d labels", e->o.n_labels);
    for (int k = 0; k < e->o.n_labels && error == OK; k++) {
        list[k] = string_keep(&strings, names[k], strlen(names[k]));
        if (!list[k]) error = err_set(ERR_SYSTEM, "out of memory for %d labels", e->o.n_labels);
    }
    if (error != OK) {
        free(list);
        string_store_close(&strings);
        return error;
    }
    free(e->label_names);
    string_store_close(&e->label_strings);
    e->label_names = list;
    e->label_strings = strings;
    return OK;
}

err take_vocabulary(emixer *e, const vocabulary *words)
{
    text csv = {0};
    vocabulary *copy = NULL;
    vocabulary_write(words, &csv);
    err error = text_check(&csv);
    if (error == OK) error = vocabulary_parse("vocabulary", csv.data, csv.length, &copy);
    text_close(&csv);
    if (error != OK) return error;
    vocabulary_close(e->words);
    e->words = copy;
    return OK;
}

/* ---- updates ---- */

int turns(const emixer *e, int player)
{
    const int times[PLAYERS] = {[PLAYER_DISCRIMINATOR] = e->o.discriminator_steps,
                                [PLAYER_GENERATOR] = 1,
                                [PLAYER_WRITER] = e->o.writer_steps};
    return e->steps[player] ? times[player] : 0;
}

err update_player(emixer *e, int player, uint64_t t, float *loss)
{
    uint64_t writer_updates = (uint64_t)e->o.steps * (uint64_t)e->o.writer_steps;
    if (player == PLAYER_WRITER && e->o.writer_decay)
        optimizer_set_rate(e->optimizers[player], cosine_decay(e->o.writer_rate, t, writer_updates));
    TRY(step_run(e->steps[player], t));
    TRY(optimizer_apply(e->optimizers[player]));
    return step_loss(e->steps[player], loss);
}

err emixer_update(emixer *e, uint64_t t, emixer_losses *losses)
{
    uint64_t times = (uint64_t)turns(e, PLAYER_DISCRIMINATOR), writes = (uint64_t)turns(e, PLAYER_WRITER);
    *losses = (emixer_losses){0};
    for (uint64_t i = t * times; i < (t + 1) * times; i++)
        TRY(update_player(e, PLAYER_DISCRIMINATOR, i, &losses->discriminator));
    for (uint64_t i = t * writes; i < (t + 1) * writes; i++)
        TRY(update_player(e, PLAYER_WRITER, i, &losses->writer));
    return update_player(e, PLAYER_GENERATOR, t, &losses->generator);
}

/* ---- measuring ---- */

double emixer_step_flops(const emixer *e)
{
    double flops = 0;
    for (int i = 0; i < PLAYERS; i++)
        if (turns(e, i) > 0) flops += turns(e, i) * step_flops(e->steps[i]);
    return flops;
}

size_t emixer_bytes(const emixer *e)
{
    size_t most = 0;
    for (int i = 0; i < PLAYERS; i++)
        if (e->steps[i] && step_bytes(e->steps[i]) > most) most = step_bytes(e->steps[i]);
    return most;
}

size_t emixer_trained_count(const emixer *e)
{
    return net_trained_count(e->n);
}

void emixer_profile(emixer *e, bool on)
{
    for (int i = 0; i < PLAYERS; i++)
        if (e->steps[i]) step_profile(e->steps[i], on);
}

void emixer_convolutions(const emixer *e, convolution_visitor visit, void *context)
{
    for (int i = 0; i < PLAYERS; i++)
        for (int turn = 0; turn < turns(e, i); turn++) step_convolutions(e->steps[i], visit, context);
}

void emixer_times(const emixer *e, op_time *out)
{
    for (int op = 0; op < OP_COUNT; op++) out[op] = (op_time){0, 0};
    for (int i = 0; i < PLAYERS; i++) {
        const op_time *own = e->steps[i] ? step_times(e->steps[i]) : NULL;
        for (int op = 0; own && op < OP_COUNT; op++) {
            out[op].forward_s += own[op].forward_s;
            out[op].backward_s += own[op].backward_s;
        }
    }
}
