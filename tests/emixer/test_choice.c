/* emixer.choose_every: a judge looks, and the best generator is what a finished model makes images with. */
#include "base/files.h"
#include "tiny.h"

#include <math.h>
#include <string.h>

enum { SEEN = 4, PIXELS = TINY_SIDE * TINY_SIDE };

/* Scores by a list, and keeps the images of every look. */
typedef struct looks {
    const double *scores;
    int n;
    uint8_t images[8][SEEN * PIXELS];
} looks;

static const float wanted[SEEN * TINY_LABELS] = {1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 0};

static err score_by_list(void *context, emixer *e, double *score)
{
    looks *l = context;
    ASSERT_OK(emixer_synthesize(e, wanted, SEEN, 9, l->images[l->n]));
    *score = l->scores[l->n++];
    return OK;
}

static emixer_opts choosing(int steps)
{
    emixer_opts o = tiny_options();
    o.steps = steps;
    o.choose_every = 2;
    return o;
}

static err train_judged(emixer *e, looks *l, const char *checkpoint, emixer_progress progress)
{
    dataset *set = tiny_set();
    samples labelled = tiny_labelled();
    emixer_data data = {.set = set, .labelled = &labelled, .judge = score_by_list, .judge_context = l};
    err error = emixer_train(e, &data, checkpoint, 1e9, progress, NULL);
    dataset_close(set);
    return error;
}

static void images_of(emixer *e, uint8_t images[SEEN * PIXELS])
{
    ASSERT_OK(emixer_synthesize(e, wanted, SEEN, 9, images));
}

static void assert_images(emixer *e, const looks *l, int look)
{
    uint8_t images[SEEN * PIXELS];
    images_of(e, images);
    cr_assert_eq(memcmp(images, l->images[look], sizeof images), 0, "not the images of look %d", look);
}

static const double second_is_best[] = {5, 2, 7};

static void check_best(const backend_i *interface)
{
    looks l = {.scores = second_is_best};
    int update;
    double score;
    emixer *e = tiny_open(interface, choosing(6));
    ASSERT_OK(train_judged(e, &l, NULL, NULL));
    cr_assert_eq(l.n, 3);
    cr_assert_neq(memcmp(l.images[1], l.images[2], sizeof l.images[1]), 0);
    assert_images(e, &l, 1);
    ASSERT_OK(emixer_choice(e, &update, &score));
    cr_assert_eq(update, 4);
    cr_assert_eq(score, 2);
    emixer_close(e);
}

Test(choice, keeps_the_best_generator_on_ref)
{
    check_best(&be_ref);
}

Test(choice, keeps_the_best_generator_on_cpu)
{
    check_best(&be_cpu);
}

Test(choice, keeps_it_without_averages)
{
    looks l = {.scores = second_is_best};
    emixer_opts o = choosing(6);
    o.ema_decay = 0;
    emixer *e = tiny_open(&be_cpu, o);
    ASSERT_OK(train_judged(e, &l, NULL, NULL));
    assert_images(e, &l, 1);
    emixer_close(e);
}

/* What is not finite is no score; and looking leaves the training as it is. */
Test(choice, without_a_score_it_is_the_last_update)
{
    const double none[] = {NAN, INFINITY, NAN};
    looks l = {.scores = none};
    int update;
    double score;
    emixer_opts o = choosing(6);
    emixer *judged = tiny_open(&be_cpu, o);
    ASSERT_OK(train_judged(judged, &l, NULL, NULL));
    ASSERT_OK(emixer_choice(judged, &update, &score));
    cr_assert_eq(update, 0);
    cr_assert(isnan(score));
    o.choose_every = 0;
    emixer *alone = tiny_open(&be_cpu, o);
    ASSERT_OK(train_judged(alone, &l, NULL, NULL));
    cr_assert_eq(l.n, 3);
    assert_images(alone, &l, 2);
    assert_images(judged, &l, 2);
    emixer_close(alone);
    emixer_close(judged);
}

static err stop_at_5(void *context, int done, const emixer_losses *losses)
{
    (void)context;
    (void)losses;
    return done == 5 ? ERR_INTERRUPTED : OK;
}

Test(choice, is_resumed_bit_for_bit)
{
    char scratch[] = "/tmp/bench-test-choice-XXXXXX", checkpoint[PATH_BYTES], straight[PATH_BYTES],
         resumed[PATH_BYTES];
    cr_assert_not_null(mkdtemp(scratch));
    ASSERT_OK(path_join(checkpoint, scratch, "checkpoint.safetensors"));
    ASSERT_OK(path_join(straight, scratch, "straight.safetensors"));
    ASSERT_OK(path_join(resumed, scratch, "resumed.safetensors"));
    looks whole = {.scores = second_is_best}, parts = {.scores = second_is_best};
    emixer *e = tiny_open(&be_cpu, choosing(6));
    ASSERT_OK(train_judged(e, &whole, NULL, NULL));
    ASSERT_OK(emixer_save(e, straight));
    emixer_close(e);
    e = tiny_open(&be_cpu, choosing(6));
    cr_assert_eq(train_judged(e, &parts, checkpoint, stop_at_5), ERR_INTERRUPTED);
    emixer_close(e);
    e = tiny_open(&be_cpu, choosing(6));
    ASSERT_OK(train_judged(e, &parts, checkpoint, NULL));
    ASSERT_OK(emixer_save(e, resumed));
    assert_images(e, &whole, 1);
    emixer_close(e);
    assert_same_files(straight, resumed);
    ASSERT_OK(folder_remove(scratch));
}

Test(choice, needs_a_judge)
{
    dataset *set = tiny_set();
    samples labelled = tiny_labelled();
    emixer *e = tiny_open(&be_ref, choosing(2));
    cr_assert_eq(emixer_train(e, &(emixer_data){.set = set, .labelled = &labelled}, NULL, 0, NULL, NULL),
                 ERR_USAGE);
    emixer_close(e);
    dataset_close(set);
}
