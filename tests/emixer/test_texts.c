/* Learning from reports that have no image, and writing without one. */
#include "tiny.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const none[TINY_IMAGES];
static const char *const text_alone[] = {"the heart is large . lungs are clear ."};

/* No image has a report. */
static emixer_data texts_only(const tiny_pairs *p)
{
    emixer_data data = p->data;
    data.reports = none;
    data.unpaired = text_alone;
    data.n_unpaired = 1;
    return data;
}

static emixer_opts text_options(const tiny_pairs *p)
{
    emixer_opts o = tiny_pair_options(p->words);
    o.joint_weight = o.matching_weight = o.report_weight = 0;
    o.denoising_weight = 1;
    o.writer_rate = 1e-2F;
    o.embedding = 16;
    o.steps = 150;
    return o;
}

Test(texts, what_has_no_image_is_learned_and_written_from_nothing)
{
    tiny_pairs p;
    text written[3] = {{0}};
    tiny_pairs_open(&p);
    emixer_data data = texts_only(&p);
    emixer *e = tiny_open(&be_cpu, text_options(&p));
    ASSERT_OK(emixer_train(e, &data, NULL, 0, NULL, NULL));
    ASSERT_OK(emixer_write(e, NULL, 3, &(emixer_writing){.kind = WRITING_GREEDY}, written));
    for (int i = 0; i < 3; i++) {
        cr_expect_str_eq(written[i].data, text_alone[0]);
        text_close(&written[i]);
    }
    emixer_close(e);
    tiny_pairs_close(&p);
}

Test(texts, a_report_discriminator_learns_from_texts)
{
    tiny_pairs p;
    tiny_pairs_open(&p);
    emixer_opts o = text_options(&p);
    o.report_weight = 0.5F;
    o.steps = 2;
    emixer_data data = texts_only(&p);
    emixer *e = tiny_open(&be_ref, o);
    ASSERT_OK(emixer_train(e, &data, NULL, 0, NULL, NULL));
    emixer_close(e);
    tiny_pairs_close(&p);
}

Test(texts, what_needs_pairs_is_refused_without)
{
    tiny_pairs p;
    tiny_pairs_open(&p);
    emixer_data data = texts_only(&p);
    emixer_opts o = text_options(&p);
    o.joint_weight = 0.1F;
    emixer *e = tiny_open(&be_ref, o);
    cr_assert_eq(emixer_train(e, &data, NULL, 0, NULL, NULL), ERR_DATA);
    cr_assert_not_null(strstr(err_message(), "joint_weight"), "%s", err_message());
    data.n_unpaired = 0;
    cr_assert_eq(emixer_train(e, &data, NULL, 0, NULL, NULL), ERR_DATA);
    cr_assert_not_null(strstr(err_message(), "pairs = 0"), "%s", err_message());
    emixer_close(e);
    tiny_pairs_close(&p);
}

Test(texts, without_denoising_nothing_is_written_from_nothing)
{
    tiny_pairs p;
    text written = {0};
    tiny_pairs_open(&p);
    emixer_opts o = tiny_pair_options(p.words);
    o.denoising_weight = 0;
    o.steps = 1;
    emixer *e = tiny_open(&be_ref, o);
    ASSERT_OK(emixer_train(e, &p.data, NULL, 0, NULL, NULL));
    cr_assert_eq(emixer_write(e, NULL, 1, &(emixer_writing){.kind = WRITING_GREEDY}, &written), ERR_USAGE);
    cr_assert_not_null(strstr(err_message(), "denoising_weight"), "%s", err_message());
    emixer_close(e);
    tiny_pairs_close(&p);
}

/* Neither what is hidden nor a report of it may change a digit. */
Test(texts, reports_of_unlabelled_images_are_not_looked_at)
{
    tiny_pairs p;
    float a[64], b[64];
    tiny_pairs_open(&p);
    emixer_opts o = tiny_pair_options(p.words);
    o.steps = 2;
    const char *other[TINY_IMAGES];
    memcpy(other, tiny_reports, sizeof other);
    for (int i = TINY_LABELLED; i < TINY_IMAGES; i++) other[i] = NULL;
    for (int run = 0; run < 2; run++) {
        emixer *e = tiny_open(&be_ref, o);
        if (run == 1) p.data.reports = other;
        ASSERT_OK(emixer_train(e, &p.data, NULL, 0, NULL, NULL));
        ASSERT_OK(net_get_parameter(e->n, "R/decoder/stop.weight", run == 0 ? a : b));
        emixer_close(e);
    }
    cr_assert_eq(memcmp(a, b, (size_t)o.embedding * sizeof *a), 0);
    tiny_pairs_close(&p);
}

Test(texts, training_with_reports_resumes_bit_for_bit)
{
    tiny_pairs p;
    tiny_pairs_open(&p);
    emixer_opts o = tiny_pair_options(p.words);
    char path[] = "/tmp/bench-test-emixer-XXXXXX";
    float straight[64], resumed[64];
    int file = mkstemp(path);
    cr_assert_geq(file, 0);
    (void)close(file);
    cr_assert_eq(remove(path), 0);
    o.steps = 4;
    emixer *e = tiny_open(&be_cpu, o);
    ASSERT_OK(emixer_train(e, &p.data, NULL, 0, NULL, NULL));
    ASSERT_OK(net_get_parameter(e->n, "R/decoder/stop.weight", straight));
    emixer_close(e);
    for (o.steps = 2; o.steps <= 4; o.steps += 2) {
        e = tiny_open(&be_cpu, o);
        ASSERT_OK(emixer_train(e, &p.data, path, 1e9, NULL, NULL));
        ASSERT_OK(net_get_parameter(e->n, "R/decoder/stop.weight", resumed));
        cr_assert_str_eq(vocabulary_token(emixer_vocabulary(e), TOKEN_UNKNOWN), "<unk>");
        emixer_close(e);
    }
    cr_assert_eq(memcmp(straight, resumed, (size_t)o.embedding * sizeof *straight), 0);
    cr_assert_eq(remove(path), 0);
    tiny_pairs_close(&p);
}
