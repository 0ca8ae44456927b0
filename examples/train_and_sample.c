/* Trains a small EMIXER on the built-in phantom and writes samples of it, with the installed library:
 *
 *     cc train_and_sample.c -o train_and_sample $(pkg-config --cflags --libs emixer-bench)
 *     ./train_and_sample 500 samples.png
 */
#include <data/images.h>
#include <emixer/emixer.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIZE = 32, CLASSES = 3, SAMPLES = 12 };

static err train_and_sample(int steps, const char *path)
{
    static uint8_t images[SAMPLES * SIZE * SIZE];
    float labels[SAMPLES * CLASSES] = {0};
    dataset *set;
    splits parts;
    emixer *model;
    emixer_opts o = emixer_defaults;
    o.resolution = SIZE;
    o.n_labels = CLASSES; /* COVID-19, No Finding, Pneumonia */
    o.steps = steps;
    for (int i = 0; i < SAMPLES; i++) labels[i * CLASSES + i % CLASSES] = 1;
    TRY(dataset_open("phantom:covid", SIZE, 300, 1, &set));
    TRY(splits_open(set, 0, 0.3, 1, &parts)); /* the patients of parts.test stay unseen */
    TRY(emixer_open(nn_on(&be_cpu), &o, &model));
    TRY(emixer_train(model, &(emixer_data){.set = set, .labelled = &parts.train}, NULL, 0, NULL, NULL));
    TRY(emixer_synthesize(model, labels, SAMPLES, 1, images));
    return image_write_sheet(path, images, SAMPLES, SIZE, CLASSES, 2);
}

int main(int argc, char **argv)
{
    err error = argc == 3 ? train_and_sample(atoi(argv[1]), argv[2]) : ERR_USAGE;
    if (error != OK)
        (void)fprintf(stderr, "%s\n", argc == 3 ? err_message() : "usage: train_and_sample STEPS FILE.png");
    return (int)error;
}
