#include "tiny_reports.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const report_model_names[REPORT_MODELS] = {"cnn_lstm", "cnn_lstm_att", "hierarchical",
                                                       "transformer"};

report_generator_opts tiny_report_opts(const char *model)
{
    return (report_generator_opts){.model = model,
                                   .encoder = "densenet_small",
                                   .resolution = SIDE,
                                   .growth = 2,
                                   .layers_per_block = 1,
                                   .width = 8,
                                   .layers = 2,
                                   .heads = 2,
                                   .length = TINY_LENGTH,
                                   .sentences = TINY_SENTENCES,
                                   .words = TINY_WORDS,
                                   .n_findings = CLASSES,
                                   .batch = TINY_BATCH,
                                   .steps = TINY_STEPS,
                                   .learning_rate = 0.01F,
                                   .weight_decay = 0.1F,
                                   .clip_norm = 0.5F,
                                   .beams = 1,
                                   .seed = 4};
}

report_texts tiny_reports(int first, int n)
{
    enum { LINE = 128 };
    static char lines[REAL + SYNTHETIC][LINE];
    static const char *cleaned[REAL + SYNTHETIC];
    FILE *file = fopen(TEST_GOLDEN "/generator_reports.txt", "r");
    cr_assert(file && first + n <= REAL + SYNTHETIC);
    for (int i = 0; i < REAL + SYNTHETIC; i++) {
        cr_assert(fgets(lines[i], LINE, file), "line %d", i);
        lines[i][strcspn(lines[i], "\n")] = '\0';
        cleaned[i] = lines[i];
    }
    (void)fclose(file);
    return (report_texts){.n = n, .cleaned = cleaned + first};
}

dataset *tiny_report_set(int first, int n)
{
    static const float table[] = {1, 0, NAN, 0};
    float labels[(REAL + SYNTHETIC) * CLASSES];
    dataset *noise = noise_set(first, n), *set;
    for (int i = 0; i < n * CLASSES; i++) {
        int image = first + i / CLASSES;
        labels[i] = image == 4 ? NAN : table[(image + 2 * (i % CLASSES)) % 4];
    }
    ASSERT_OK(dataset_from_arrays(noise->images, labels, n, SIDE, CLASSES, tiny_names, "made", &set));
    dataset_close(noise);
    return set;
}

vocabulary *tiny_vocabulary(void)
{
    int index[REAL];
    report_texts texts = tiny_reports(0, REAL);
    samples all = {index, REAL};
    vocabulary *v;
    for (int i = 0; i < REAL; i++) index[i] = i;
    ASSERT_OK(vocabulary_build(texts.cleaned, &all, 1, &v));
    return v;
}

report_generator *open_tiny_report(nn_device device, report_generator_opts o)
{
    static vocabulary *v; /* of all generators of a test program */
    report_generator *g;
    if (!v) v = tiny_vocabulary();
    ASSERT_OK(report_generator_open(device, &o, v, &g));
    return g;
}
