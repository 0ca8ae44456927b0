/* Trains a small EMIXER on the phantom and writes samples of it, with the installed library:
 * cc train_and_sample.c $(pkg-config --cflags --libs emixer-bench) && ./a.out 500 samples.png */
#include <data/images.h>
#include <emixer/emixer.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIZE = 32, CLASSES = 3, SAMPLES = 12 };

int main(int argc, char **argv)
{
    static uint8_t images[SAMPLES * SIZE * SIZE];
    float labels[SAMPLES * CLASSES] = {0};
    dataset *set = NULL;
    splits parts = {0};
    emixer *model = NULL;
    emixer_opts o = emixer_defaults;
    err error = argc == 3 ? OK : err_set(ERR_USAGE, "usage: train_and_sample STEPS FILE.png");
    o.resolution = SIZE;
    o.n_labels = CLASSES; /* COVID-19, No Finding, Pneumonia */
    o.steps = argc == 3 ? (int)strtol(argv[1], NULL, 10) : 1;
    for (int i = 0; i < SAMPLES; i++) labels[i * CLASSES + i % CLASSES] = 1;
    if (error == OK) error = dataset_open("phantom:covid", SIZE, 300, 1, &set);
    if (error == OK) error = splits_open(set, 0, 0.3, 1, &parts); /* the patients of parts.test stay unseen */
    if (error == OK) error = emixer_open(nn_on(&be_cpu), &o, &model);
    const emixer_data data = {.set = set, .labelled = &parts.train};
    if (error == OK) error = emixer_train(model, &data, NULL, 0, NULL, NULL);
    if (error == OK) error = emixer_synthesize(model, labels, SAMPLES, 1, images);
    if (error == OK) error = image_write_sheet(argv[2], images, SAMPLES, SIZE, CLASSES, 2);
    if (error != OK) (void)fprintf(stderr, "%s\n", err_message());
    emixer_close(model);
    splits_close(&parts);
    dataset_close(set);
    return (int)error;
}
