#include "bench/options.h"
#include "bench/settings.h"
#include "downstream/classifier.h"
#include "emixer/emixer.h"
#include "helpers.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(options, every_name_and_flag_is_unique_and_in_a_known_section)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        cr_assert(option_has_section(options[i].section), "%s", options[i].section);
        cr_assert_eq(option_find(options[i].section, options[i].key), &options[i], "%s.%s",
                     options[i].section, options[i].key);
        if (options[i].flag) cr_assert_eq(option_of_flag(options[i].flag), &options[i]);
    }
}

Test(options, written_values_read_back_to_the_same_settings)
{
    static settings s, back;
    settings_defaults(&s);
    cr_assert_eq(option_set(&s, option_find("experiment", "seeds"), " 4,5 , 6", "x"), OK);
    cr_assert_eq(option_set(&s, option_find("experiment", "ratios"), "0.1,0.333333333", "x"), OK);
    cr_assert_eq(option_set(&s, option_find("experiment", "contrasts"), "emixer - real, a - b", "x"), OK);
    cr_assert_eq(option_set(&s, option_find("emixer", "augment"), "FALSE", "x"), OK);
    cr_assert_eq(s.seeds.n, 3);
    cr_assert_eq(s.seeds.values[2], 6);
    cr_assert_eq(s.ratios.n, 2);
    cr_assert_str_eq(s.contrasts.values[1], "a - b");
    cr_assert_not(s.emixer_augment);
    settings_defaults(&back);
    for (int i = 0; i < OPTION_COUNT; i++) {
        text t = {0}, again = {0};
        option_format(&s, &options[i], &t);
        cr_assert_eq(option_set(&back, &options[i], t.data ? t.data : "", "x"), OK, "%s", err_message());
        option_format(&back, &options[i], &again);
        cr_assert_str_eq(again.data ? again.data : "", t.data ? t.data : "");
        text_close(&t);
        text_close(&again);
    }
    cr_assert_eq(back.seeds.n, 3);
    cr_assert_float_eq(back.ratios.values[1], 0.333333333, 0);
}

Test(options, wrong_values_are_refused_with_type_and_range_and_change_nothing)
{
    static const struct {
        const char *section, *key, *value, *says;
    } cases[] = {
        {"emixer", "width", "abc", "FILE:7: emixer.width = abc: must be integer, 1 to 1024"},
        {"emixer", "width", "0", "must be integer, 1 to 1024"},
        {"emixer", "width", "16.5", "must be integer"},
        {"emixer", "width", "", "must be integer"},
        {"emixer", "width", "99999999999999999999", "must be integer"},
        {"emixer", "beta1", "1.5", "must be number, 0 to 0.9999"},
        {"emixer", "beta1", "nan", "must be number"},
        {"emixer", "augment", "maybe", "must be yes or no"},
        {"run", "device", "gpu", "cpu[:N]|cuda[:N]|cuda:all|ref"},
        {"run", "device", "cp", "cpu[:N]|cuda[:N]|cuda:all|ref"},
        {"run", "device", "cpu:all", "cpu[:N]|cuda[:N]|cuda:all|ref"},
        {"run", "device", "cuda:al", "cpu[:N]|cuda[:N]|cuda:all|ref"},
        {"run", "device", "", "cpu[:N]|cuda[:N]|cuda:all|ref"},
        {"run", "device", "cuda:", "cpu[:N]|cuda[:N]|cuda:all|ref"},
        {"run", "device", "cuda:1x", "cpu[:N]|cuda[:N]|cuda:all|ref"},
        {"run", "device", "cuda[:N]", "cpu[:N]|cuda[:N]|cuda:all|ref"},
        {"experiment", "task", "regression", "classes|labels"},
        {"data", "labelled", "0.1, 2", "0.001 to 1"},
        {"downstream", "model", "resnet18, resnet19", "resnet18|resnet50|vit_tiny"},
        {"experiment", "metric", "accuraty", "balanced_accuracy"},
        {"experiment", "seeds", "1,,2", "integers separated by commas"},
        {"experiment", "seeds", "1,2,", "integers separated by commas"},
        {"experiment", "seeds", "1;2", "integers separated by commas"},
        {"experiment", "ratios", "0.5, 2", "numbers separated by commas, 0.01 to 0.99"},
    };
    static settings s, before;
    settings_defaults(&s);
    before = s;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const option *o = option_find(cases[i].section, cases[i].key);
        cr_assert_eq(option_set(&s, o, cases[i].value, "FILE:7"), ERR_CONFIG, "%s", cases[i].value);
        cr_assert(message_has(cases[i].says));
        cr_assert_eq(memcmp(&s, &before, sizeof s), 0, "%s changed something", cases[i].value);
    }
}

Test(options, suggestions_find_the_near_and_ignore_the_far)
{
    char out[160];
    option_suggest("emixer", "widht", out, sizeof out);
    cr_assert_str_eq(out, " (did you mean emixer.width?)");
    option_suggest("downstream", "growht", out, sizeof out);
    cr_assert_str_eq(out, " (did you mean downstream.growth?)");
    option_suggest("emixer", "batch", out, sizeof out); /* two sections have it: the same one wins */
    cr_assert_str_eq(out, " (did you mean emixer.batch?)");
    option_suggest("data", "width", out, sizeof out);
    cr_assert_str_eq(out, " (did you mean emixer.width?)");
    option_suggest("emixer", "qqqqqqqqqq", out, sizeof out);
    cr_assert_str_eq(out, "");
    option_suggest_section("dowstream", out, sizeof out);
    cr_assert_str_eq(out, " (did you mean [downstream]?)");
}

/* Two places hold the models' defaults; they must agree. */
Test(options, defaults_are_those_of_the_models)
{
    static settings s;
    settings_defaults(&s);
    const emixer_opts *e = &emixer_defaults;
    cr_expect_eq(s.emixer_width, e->width);
    cr_expect_eq(s.emixer_latent, e->latent);
    cr_expect_eq(s.emixer_batch, e->batch);
    cr_expect_eq(s.emixer_steps, e->steps);
    cr_expect_eq(s.discriminator_steps, e->discriminator_steps);
    cr_expect_eq((float)s.generator_rate, e->generator_rate);
    cr_expect_eq((float)s.discriminator_rate, e->discriminator_rate);
    cr_expect_eq((float)s.beta1, e->beta1);
    cr_expect_eq((float)s.beta2, e->beta2);
    cr_expect_eq((float)s.ema_decay, e->ema_decay);
    cr_expect_eq((float)s.rotation_weight, e->rotation_weight);
    cr_expect_eq(s.emixer_augment, e->augment);
    cr_expect_eq(s.emixer_balanced, e->balanced);
    cr_expect_eq((float)s.unlabelled_share, e->unlabelled_share);
    cr_expect_eq((float)s.lecam_weight, e->lecam_weight);
    cr_expect_eq(s.emixer_attention, e->attention);
    cr_expect_eq(s.choose_every, e->choose_every);
    cr_expect_eq(s.emixer_pairs, e->pairs);
    cr_expect_eq(s.emixer_sentences, e->sentences);
    cr_expect_eq(s.emixer_words, e->words);
    cr_expect_eq(s.emixer_embedding, e->embedding);
    cr_expect_eq(s.writer_steps, e->writer_steps);
    cr_expect_eq((float)s.writer_rate, e->writer_rate);
    cr_expect_eq(s.writer_decay, e->writer_decay);
    cr_expect_eq((float)s.label_weight, e->label_weight);
    cr_expect_eq((float)s.report_weight, e->report_weight);
    cr_expect_eq((float)s.joint_weight, e->joint_weight);
    cr_expect_eq(s.joint_shared, e->joint_shared);
    cr_expect_eq(s.joint_words, e->joint_words);
    cr_expect_eq(s.joint_real_reports, e->joint_real_reports);
    cr_expect_eq((float)s.judgement_weight, e->judgement_weight);
    cr_expect_eq((float)s.matching_weight, e->matching_weight);
    cr_expect_eq((float)s.reading_weight, e->reading_weight);
    cr_expect_eq((float)s.denoising_weight, e->denoising_weight);
    const classifier_opts *c = &classifier_defaults;
    cr_expect_str_eq(s.model.values[0], c->model);
    cr_expect_eq(atoi(s.channels), c->channels);
    cr_expect_eq((float)s.input_scale, c->input_scale);
    cr_expect_eq((float)s.input_shift, c->input_shift);
    cr_expect_eq(s.growth, c->growth);
    cr_expect_eq(s.layers_per_block, c->layers_per_block);
    cr_expect_eq(s.classifier_batch, c->batch);
    cr_expect_eq(s.classifier_steps, c->steps);
    cr_expect_eq((float)s.learning_rate, c->learning_rate);
    cr_expect_eq((float)s.weight_decay, c->weight_decay);
}

Test(options, defaults_of_report_generators_are_the_models)
{
    static settings s;
    settings_defaults(&s);
    const report_generator_opts r = report_generator_defaults;
    report_generator_opts o = settings_report_generator(&s, 0);
    cr_expect_str_eq(o.model, r.model);
    cr_expect_str_eq(o.encoder, r.encoder);
    cr_expect_eq(o.resolution, s.size);
    cr_expect_eq(o.growth, r.growth);
    cr_expect_eq(o.layers_per_block, r.layers_per_block);
    cr_expect_eq(o.width, r.width);
    cr_expect_eq(o.layers, r.layers);
    cr_expect_eq(o.heads, r.heads);
    cr_expect_eq(o.length, r.length);
    cr_expect_eq(o.sentences, r.sentences);
    cr_expect_eq(o.words, r.words);
    cr_expect_eq(o.dropout, r.dropout);
    cr_expect_eq(o.batch, r.batch);
    cr_expect_eq(o.steps, r.steps);
    cr_expect_eq(o.learning_rate, r.learning_rate);
    cr_expect_eq(o.weight_decay, r.weight_decay);
    cr_expect_eq(o.clip_norm, r.clip_norm);
    cr_expect_eq(o.beams, r.beams);
    cr_expect_eq(o.length_penalty, r.length_penalty);
    cr_expect_eq(o.block_trigrams, r.block_trigrams);
}

Test(options, help_names_every_option)
{
    text t = {0};
    options_help(&t);
    for (int i = 0; i < OPTION_COUNT; i++) {
        cr_assert_not_null(strstr(t.data, options[i].key));
        cr_assert_not_null(strstr(t.data, options[i].help));
    }
    text_close(&t);
}
