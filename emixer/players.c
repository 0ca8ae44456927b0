/* What each of the three players minimises. */
#include "emixer/internal.h"
#include "nn/sequence.h"

#include <math.h>
#include <stdio.h>

enum {
    TERMS = 10,      /* of a loss */
    MOST_AT_ONCE = 8 /* of nn_weighted_sum */
};

/* The generator sees the rotation loss at a fifth of the discriminator's weight, as in SS-GAN (0.2 and 1). */
static const float generator_rotation_share = 0.2F;

/* A loss in the making. */
typedef struct sum {
    nn_t terms[TERMS];
    float weights[TERMS];
    int n;
} sum;

static void add_term(sum *s, float weight, nn_t term)
{
    s->terms[s->n] = term;
    s->weights[s->n++] = weight;
}

static nn_t total(net *n, const sum *s)
{
    int first = s->n < MOST_AT_ONCE ? s->n : MOST_AT_ONCE;
    nn_t all = nn_weighted_sum(n, s->terms, s->weights, first);
    for (int i = first; i < s->n; i++)
        all = nn_weighted_sum(n, (nn_t[]){all, s->terms[i]}, (float[]){1, s->weights[i]}, 2);
    return all;
}

static nn_t noise(net *n, const emixer_opts *o, int rows, const char *purpose)
{
    return nn_random(n, purpose, nn_shape(2, rows, o->latent), DISTRIBUTION_NORMAL);
}

static nn_t augmented(net *n, bool on, nn_t images, const char *purpose, diff_augment_opts how)
{
    if (!on) return images;
    nn_t draws = nn_random(n, purpose, nn_shape(2, nn_shape_of(n, images).d[0], 6), DISTRIBUTION_UNIFORM);
    return nn_diff_augment(n, images, draws, how);
}

static const diff_augment_opts all_augmentations = {true, true, true, true};
/* A report describes the whole image: nothing is cut out of those that are to be described. */
static const diff_augment_opts whole_image = {.brightness = true, .contrast = true, .translation = true};

static nn_t images_input(const emixer *e, const char *name, int rows)
{
    return nn_input(e->n, name, nn_shape(4, rows, 1, e->o.resolution, e->o.resolution));
}

static nn_t label_input(const emixer *e, const char *name)
{
    return nn_input(e->n, name, nn_shape(2, e->o.batch, e->o.n_labels));
}

static nn_t report_input(const emixer *e, const char *name)
{
    return nn_input(e->n, name, nn_shape(2, e->o.pairs, e->o.sentences * e->o.words));
}

int unlabelled_rows(const emixer_opts *o)
{
    return (int)lroundf(o->unlabelled_share * (float)o->batch);
}

/* The labels that fakes are judged under: if some real images have none, so must some fakes, or D would know
 * them by that. */
static nn_t judged_input(const emixer *e, const char *name, nn_t labels)
{
    return unlabelled_rows(&e->o) > 0 ? label_input(e, name) : labels;
}

/* -E relu(..)^2 as the engine's hinge of a square; the sign is in the weight. */
static nn_t minus_mean_square(net *n, nn_t a, nn_t b)
{
    nn_t above = nn_activation(n, nn_weighted_sum(n, (nn_t[]){a, b}, (float[]){1, -1}, 2), ACT_RELU);
    return nn_hinge(n, nn_multiply(n, above, above), HINGE_GENERATOR);
}

/* E relu(D(x) - average of fakes)^2 + E relu(average of reals - D(G(z)))^2 (Tseng et al., CVPR 2021, with the
 * hinges that StudioGAN has). */
static void add_lecam(emixer *e, sum *loss, nn_t real, nn_t fake)
{
    nn_shape_t shape = nn_shape(2, e->o.batch, 1);
    if (e->o.lecam_weight <= 0) return;
    e->in.discriminator.real_average = nn_input(e->n, "average of real logits", shape);
    e->in.discriminator.fake_average = nn_input(e->n, "average of fake logits", shape);
    add_term(loss, -e->o.lecam_weight, minus_mean_square(e->n, real, e->in.discriminator.fake_average));
    add_term(loss, -e->o.lecam_weight, minus_mean_square(e->n, e->in.discriminator.real_average, fake));
}

bool players_read(const emixer_opts *o)
{
    return o->pairs > 0 && (o->report_weight > 0 || o->joint_weight > 0);
}

static bool shares_knowledge(const emixer_opts *o)
{
    return o->joint_shared && fits_reports(o);
}

/* A report (P,S*W) or (P,S*W,V) and its image, as the joint discriminator knows that. labels: of P images or
 * more. */
static pair known_pair(emixer *e, nn_t image, nn_t report, nn_t labels)
{
    const emixer_opts *o = &e->o;
    bool shared = shares_knowledge(o);
    pair known = {.image = image, .labels = nn_slice(e->n, labels, 0, o->pairs)};
    if (o->report_weight > 0 || !shared) known.report = report_reader(e->n, o, "D", report);
    known.words = shared ? report_reader(e->n, o, "R", report) : known.report;
    return known;
}

static image_code code_of_first(emixer *e, nn_t images)
{
    return encoder(e->n, &e->o, nn_slice(e->n, images, 0, e->o.pairs), false);
}

/* The first P images as the joint discriminator knows them. features: of all, by D. */
static nn_t known_image(emixer *e, nn_t images, nn_t features)
{
    return shares_knowledge(&e->o) ? code_of_first(e, images).embedding
                                   : nn_slice(e->n, features, 0, e->o.pairs);
}

/* The first P of fake images with the reports that R writes of them. features: of the images, by D. fixed: no
 * gradient goes through the words. */
static pair written_pair(emixer *e, nn_t images, nn_t features, nn_t labels, const char *purpose, bool fixed)
{
    image_code code = code_of_first(e, images);
    nn_t report = decoder_write(e->n, &e->o, code, purpose);
    if (fixed) report = nn_detach(e->n, report);
    nn_t image = shares_knowledge(&e->o) ? code.embedding : nn_slice(e->n, features, 0, e->o.pairs);
    return known_pair(e, image, report, labels);
}

bool has_label_reports(const emixer_opts *o)
{
    return o->pairs > 0 && o->joint_weight > 0 && o->joint_real_reports;
}

static void add_reading(emixer *e, sum *loss, nn_t features, nn_t fake)
{
    const emixer_opts *o = &e->o;
    net *n = e->n;
    if (!players_read(o)) return;
    e->in.discriminator.reports = report_input(e, "reports");
    nn_t image = known_image(e, e->in.discriminator.real, features);
    pair real = known_pair(e, image, e->in.discriminator.reports, e->in.discriminator.real_labels);
    nn_t fake_labels = e->in.discriminator.fake_labels;
    pair made[MOST_KINDS] = {written_pair(e, fake, nn_slice(n, features, o->batch, o->batch), fake_labels,
                                          "discriminator/report", false)};
    int kinds = 1;
    if (has_label_reports(o)) {
        e->in.discriminator.label_reports = report_input(e, "reports of fake labels");
        made[kinds++] = known_pair(e, made[0].image, e->in.discriminator.label_reports, fake_labels);
    }
    if (o->report_weight > 0) add_term(loss, o->report_weight, report_hinge(n, o, real, made[0]));
    if (o->joint_weight > 0) add_term(loss, o->joint_weight, joint_hinge(n, o, real, made, kinds));
}

/* One pass judges real images, fakes, and (if on) turned real images: rows 0..B, B..2B, 2B.. of one batch. */
static nn_t record_discriminator(emixer *e)
{
    const emixer_opts *o = &e->o;
    net *n = e->n;
    int b = o->batch, r = rotation_batch(o);
    nn_t real = e->in.discriminator.real = images_input(e, "real", b);
    nn_t real_labels = e->in.discriminator.real_labels = label_input(e, "real labels");
    nn_t fake_labels = e->in.discriminator.fake_labels = label_input(e, "fake labels");
    nn_t judged = e->in.discriminator.judged = judged_input(e, "judged labels", fake_labels);
    nn_t fake = generator(n, o, noise(n, o, b, "discriminator/z"), fake_labels, GENERATOR_TRAINING);
    nn_t x = nn_concat(n, (nn_t[]){real, fake}, 2, 0);
    nn_t y = nn_concat(n, (nn_t[]){real_labels, judged}, 2, 0);
    x = augmented(n, o->augment, x, "discriminator/augment", all_augmentations);
    if (r > 0) {
        e->in.discriminator.rotation = images_input(e, "rotation", r);
        x = nn_concat(n, (nn_t[]){x, nn_rotate(n, e->in.discriminator.rotation)}, 2, 0);
    }
    nn_t h = discriminator_features(n, o, x);
    nn_t both = r > 0 ? nn_slice(n, h, 0, 2 * b) : h;
    nn_t logits = discriminator_logits(n, both, y);
    sum loss = {0};
    e->judged.real = nn_slice(n, logits, 0, b);
    e->judged.fake = nn_slice(n, logits, b, b);
    add_term(&loss, 1, nn_hinge(n, e->judged.real, HINGE_REAL));
    add_term(&loss, 1, nn_hinge(n, e->judged.fake, HINGE_FAKE));
    if (r > 0) add_term(&loss, o->rotation_weight, rotation_loss(n, o, nn_slice(n, h, 2 * b, r)));
    add_lecam(e, &loss, e->judged.real, e->judged.fake);
    add_reading(e, &loss, both, fake);
    return total(n, &loss);
}

/* The labels must be seen in the image by an encoder that has learned them from real ones (Odena et al., ICML
 * 2017, with a classifier that is not D). It sees the image moved and shaded, as in its own training. */
static void add_labels(emixer *e, sum *loss, nn_t fake)
{
    const emixer_opts *o = &e->o;
    if (o->label_weight <= 0) return;
    nn_t seen = augmented(e->n, o->augment, fake, "generator/seen", whole_image);
    nn_t logits = encoder_labels(e->n, o, encoder(e->n, o, seen, false).embedding);
    add_term(loss, o->label_weight, nn_binary_cross_entropy(e->n, logits, e->in.generator.labels));
}

/* features: of fakes, by D. */
static void add_joint(emixer *e, sum *loss, nn_t fake, nn_t features)
{
    const emixer_opts *o = &e->o;
    nn_t labels = e->in.generator.labels;
    pair made;
    if (o->pairs == 0 || o->joint_weight <= 0) return;
    if (has_label_reports(o)) {
        e->in.generator.label_reports = report_input(e, "reports of generator labels");
        nn_t image = known_image(e, fake, features);
        made = known_pair(e, image, e->in.generator.label_reports, labels);
    } else {
        made = written_pair(e, fake, features, labels, "generator/report", !o->joint_words);
    }
    add_term(loss, o->joint_weight,
             nn_hinge(e->n, joint_logits(e->n, o, made.image, made.words), HINGE_GENERATOR));
}

static nn_t record_generator(emixer *e)
{
    const emixer_opts *o = &e->o;
    net *n = e->n;
    int b = o->batch, r = rotation_batch(o);
    nn_t labels = e->in.generator.labels = label_input(e, "generator labels");
    nn_t judged = e->in.generator.judged = judged_input(e, "generator judged labels", labels);
    nn_t fake = generator(n, o, noise(n, o, b, "generator/z"), labels, GENERATOR_TRAINING);
    nn_t x = augmented(n, o->augment, fake, "generator/augment", all_augmentations);
    if (r > 0) x = nn_concat(n, (nn_t[]){x, nn_rotate(n, nn_slice(n, fake, 0, r))}, 2, 0);
    nn_t h = discriminator_features(n, o, x);
    nn_t own = r > 0 ? nn_slice(n, h, 0, b) : h;
    sum loss = {0};
    add_term(&loss, 1, nn_hinge(n, discriminator_logits(n, own, judged), HINGE_GENERATOR));
    if (r > 0)
        add_term(&loss, generator_rotation_share * o->rotation_weight,
                 rotation_loss(n, o, nn_slice(n, h, b, r)));
    add_labels(e, &loss, fake);
    add_joint(e, &loss, fake, own);
    return total(n, &loss);
}

bool is_judged(const emixer_opts *o)
{
    return players_read(o) && o->judgement_weight > 0;
}

/* R is judged on fake images, as D sees them. */
static void add_judgement(emixer *e, sum *loss)
{
    const emixer_opts *o = &e->o;
    net *n = e->n;
    if (!is_judged(o)) return;
    nn_t labels = e->in.writer.fake_labels = nn_input(n, "writer labels", nn_shape(2, o->pairs, o->n_labels));
    nn_t fake = generator(n, o, noise(n, o, o->pairs, "writer/z"), labels, GENERATOR_TRAINING);
    nn_t x = augmented(n, o->augment, fake, "writer/augment", all_augmentations);
    pair made = written_pair(e, fake, discriminator_features(n, o, x), labels, "writer/report", false);
    made.image = nn_detach(n, made.image); /* words are to fit the image, not the encoder the words */
    if (o->report_weight > 0)
        add_term(loss, o->judgement_weight * o->report_weight,
                 nn_hinge(n, report_logits(n, o, made.report, made.labels), HINGE_GENERATOR));
    if (o->joint_weight > 0)
        add_term(loss, o->judgement_weight * o->joint_weight,
                 nn_hinge(n, joint_logits(n, o, made.image, made.words), HINGE_GENERATOR));
}

/* Inputs have no scope: `whose` keeps those of two targets apart. */
static nn_t target_input(const emixer *e, const char *whose, const char *part, nn_shape_t shape)
{
    char name[NN_NAME_BYTES];
    (void)snprintf(name, sizeof name, "%s %s", whose, part);
    return nn_input(e->n, name, shape);
}

static report_target target_inputs(const emixer *e, const char *whose)
{
    const emixer_opts *o = &e->o;
    nn_shape_t ids = nn_shape(2, o->pairs, o->sentences * o->words);
    return (report_target){
        .ids = target_input(e, whose, "ids", ids),
        .previous = target_input(e, whose, "previous", ids),
        .bags = target_input(e, whose, "bags", nn_shape(3, o->pairs, o->sentences, o->vocabulary)),
        .stops = target_input(e, whose, "stops", nn_shape(2, o->pairs, o->sentences))};
}

static void add_teaching(net *n, const emixer_opts *o, sum *loss, float weight, image_code code,
                         report_target target)
{
    decoder_losses l = decoder_teach(n, o, code, target);
    add_term(loss, weight, l.words);
    add_term(loss, weight, l.stops);
}

bool fits_reports(const emixer_opts *o)
{
    return o->matching_weight > 0 || o->reading_weight > 0;
}

/* What tells whether a report is an image's. embedding: of the first P images. */
static void add_fitting(emixer *e, sum *loss, nn_t embedding)
{
    const emixer_opts *o = &e->o;
    net *n = e->n;
    if (!fits_reports(o)) return;
    nn_t read = report_reader(n, o, "R", e->in.writer.target.ids);
    if (o->matching_weight > 0) add_term(loss, o->matching_weight, matching_loss(n, o, embedding, read));
    if (o->reading_weight > 0)
        add_term(loss, o->reading_weight,
                 nn_binary_cross_entropy(n, report_labels(n, o, read),
                                         nn_slice(n, e->in.writer.labels, 0, o->pairs)));
}

/* Reports of images, and of none. code: of all B images. */
static void add_writing(emixer *e, sum *loss, image_code code)
{
    const emixer_opts *o = &e->o;
    net *n = e->n;
    if (o->pairs == 0) return;
    e->in.writer.target = target_inputs(e, "written");
    code = (image_code){.grid = nn_slice(n, code.grid, 0, o->pairs),
                        .embedding = nn_slice(n, code.embedding, 0, o->pairs)};
    add_teaching(n, o, loss, 1, code, e->in.writer.target);
    add_fitting(e, loss, code.embedding);
    if (o->denoising_weight > 0) {
        e->in.writer.corrupted = report_input(e, "corrupted");
        e->in.writer.kept = nn_input(n, "kept", nn_shape(2, o->pairs, o->embedding));
        e->in.writer.restored = target_inputs(e, "restored");
        add_teaching(n, o, loss, o->denoising_weight,
                     denoising_code(n, o, e->in.writer.corrupted, e->in.writer.kept), e->in.writer.restored);
    }
    add_judgement(e, loss);
}

static nn_t record_writer(emixer *e)
{
    const emixer_opts *o = &e->o;
    net *n = e->n;
    sum loss = {0};
    e->in.writer.images = images_input(e, "writer images", o->batch);
    e->in.writer.labels = label_input(e, "writer labels of images");
    nn_t x = augmented(n, o->augment, e->in.writer.images, "writer/seen", whole_image);
    image_code code = encoder(n, o, x, true);
    add_term(&loss, 1, nn_binary_cross_entropy(n, encoder_labels(n, o, code.embedding), e->in.writer.labels));
    add_writing(e, &loss, code);
    return total(n, &loss);
}

bool has_writer(const emixer_opts *o)
{
    return o->pairs > 0 || o->label_weight > 0;
}

/* All is recorded before the first is compiled: players use each other's parameters. */
err record_players(emixer *e)
{
    nn_t discriminating[3] = {record_discriminator(e)};
    nn_t generating = record_generator(e), writing = {0};
    if (has_writer(&e->o)) writing = record_writer(e);
    discriminating[1] = e->judged.real;
    discriminating[2] = e->judged.fake;
    TRY(net_compile(e->n, discriminating, e->o.lecam_weight > 0 ? 3 : 1, "D/",
                    &e->steps[PLAYER_DISCRIMINATOR]));
    TRY(net_compile(e->n, &generating, 1, "G/", &e->steps[PLAYER_GENERATOR]));
    return has_writer(&e->o) ? net_compile(e->n, &writing, 1, "R/", &e->steps[PLAYER_WRITER]) : OK;
}

err players_set_constants(emixer *e)
{
    TRY(rotation_set_targets(e->n, &e->o));
    return e->o.pairs > 0 && e->o.matching_weight > 0 ? matching_set_targets(e->n, &e->o) : OK;
}
