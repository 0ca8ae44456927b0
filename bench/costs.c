#include "bench/costs.h"

/* An update at width 16, batch 32, 64x64, one discriminator step has 40 GFLOP; work grows with pixels, batch
 * and the square of the width, and the discriminator's share is two thirds. */
double cost_of_generator(const settings *s)
{
    double size = s->size / 64.0, width = s->emixer_width / 16.0;
    return 40e9 * size * size * width * width * (s->emixer_batch / 32.0) * (1 + 2 * s->discriminator_steps) /
           3 * s->emixer_steps;
}

/* An image takes an eighth of an update's share of one; three classes are assumed. */
double cost_of_synthetic(const settings *s)
{
    return cost_of_generator(s) / s->emixer_steps / s->emixer_batch / 8 * s->per_class * 3;
}

static double image_flops(const settings *s, const char *model)
{
    classifier_opts o = settings_classifier(s, 2);
    o.model = model;
    return classifier_image_flops(&o) / 0.75; /* at three quarters of the generator's speed */
}

/* Three forward passes an image, backward included. */
double cost_of_training(const settings *s, const char *model)
{
    return 3 * image_flops(s, model) * s->classifier_batch * s->classifier_steps;
}

/* An image as above; a token costs a report generator about eight layers of its width. */
double cost_of_learning_reports(const settings *s)
{
    classifier_opts o = settings_classifier(s, 2);
    double width = s->report_width, tokens = 2 * 8 * width * width * s->report_length;
    o.model = s->report_encoder;
    o.growth = s->report_growth;
    o.layers_per_block = s->report_layers_per_block;
    return 3 * (classifier_image_flops(&o) / 0.75 + 3 * tokens) * s->report_batch * s->report_steps;
}

double cost_of_predicting(const settings *s)
{
    return image_flops(s, s->model.values[0]) * s->count;
}

/* Rendering a phantom takes about as long as 20 MFLOP a pixel and 1000 studies; reading files is faster. */
double cost_of_dataset(const settings *s)
{
    return 2e7 * s->size * s->size * (s->count / 1000.0);
}

/* Looks are 256 numbers, and their products take twice the time of a convolution's. */
double cost_of_twins(const settings *s)
{
    return 2.0 * 512 * s->count * s->count;
}

/* 400 images, 50 ways to lay each over a training image, 196 numbers each. */
double cost_of_set_guard(const settings *s)
{
    return 2.0 * 400 * 50 * 196 * s->count;
}
