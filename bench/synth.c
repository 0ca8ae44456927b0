/* `bench synth`: what a trained generator makes, as a packed set, or its reports of given images. */
#include "bench/synth.h"

#include "bench/commands.h"
#include "bench/device.h"
#include "bench/flags.h"
#include "bench/lessons.h"
#include "bench/privacy.h"
#include "bench/tally.h"

#include <stdio.h>
#include <string.h>

static err print_help(const flag *flags, int n)
{
    text t = {0};
    text_printf(
        &t,
        "usage: bench synth MODEL.safetensors --out SET [flags]\n\n"
        "Makes images, and their reports if it was trained with emixer.pairs, with a model of `bench train`, "
        "or\n"
        "of a run (results/NAME/artifacts/generator-.../generator.safetensors). SET is a packed set, which\n"
        "data.source = packed:SET and `bench score packed:SET ...` read: images.npy, labels.npy, labels.csv "
        "and\n"
        "samples.csv with the reports.\n\n");
    flags_help(flags, n, &t);
    return text_print(&t);
}

/* ---- the command line ---- */

static bool ends_in(const char *path, const char *ending)
{
    size_t n = strlen(path), tail = strlen(ending);
    return n > tail && strcmp(path + n - tail, ending) == 0;
}

static err check_request(const synth_request *r)
{
    if (!r->model || !r->out)
        return err_set(ERR_USAGE, "bench synth MODEL.safetensors --out SET; see `bench synth --help`");
    if (r->sheet && !ends_in(r->sheet, ".png") && !ends_in(r->sheet, ".svg"))
        return err_set(ERR_USAGE, "--sheet %.60s: must end in .png or .svg", r->sheet);
    bool asks_for_images = r->per_class || r->count || r->labels;
    if (r->texts && (asks_for_images || r->reports_of || r->png || r->sheet))
        return err_set(ERR_USAGE, "--texts: makes no images; leave out what is about them");
    if (r->reports_of && asks_for_images)
        return err_set(ERR_USAGE,
                       "--reports-of: the images are there already; leave out --per-class, --count "
                       "and --labels");
    if (r->per_class && (r->count || r->labels))
        return err_set(ERR_USAGE, "--per-class: is for all classes in turn; with --labels, say --count");
    return OK;
}

/* What a flag is for that is not simply kept. */
typedef struct chosen {
    const char *writing, *device;
    double temperature, top_p;
} chosen;

static err take_chosen(const chosen *c, synth_request *r)
{
    if (c->writing) TRY(writing_named("--writing", c->writing, &r->how));
    if (c->device) TRY(device_named(c->device, "fp32", &r->device));
    r->how.temperature = (float)c->temperature;
    r->how.top_p = (float)c->top_p;
    r->how.seed = (uint64_t)r->seed;
    return OK;
}

static err read_arguments(int argc, char **argv, synth_request *r, bool *help)
{
    enum { MOST = 1000000 };
    int count;
    chosen c = {0};
    *r = (synth_request){.studies = 100, .device = nn_on(&be_cpu)};
    const flag flags[] = {
        {"--out", "SET", FLAG_TEXT, &r->out, 0, 0, "a folder that is not there yet"},
        {"--per-class", "N", FLAG_INTEGER, &r->per_class, 1, MOST,
         "images of each class, for models of one class an image (100)"},
        {"--count", "N", FLAG_INTEGER, &r->count, 1, MOST,
         "images in all; labels are drawn from those that the model was trained on" FLAG_LINE
         "(for models of several labels an image: 100)"},
        {"--labels", "LABELS", FLAG_TEXT, &r->labels, 0, 0,
         "all of the --count images have these labels and no others: \"A|B\"; \"\": none"},
        {"--reports-of", "SOURCE", FLAG_TEXT, &r->reports_of, 0, 0,
         "no images are made: writes reports of those of a source (folder:DIR," FLAG_LINE
         "packed:DIR, phantom:COHORT), whose images and labels SET then has"},
        {"--texts", "N", FLAG_INTEGER, &r->texts, 1, MOST,
         "no images are made: writes N reports of none to the text file --out, one a" FLAG_LINE
         "line, as the model learned from reports without images (with --writing" FLAG_LINE "sample)"},
        {"--writing", "HOW", FLAG_TEXT, &c.writing, 0, 0,
         "greedy (the default), sample, sample:N (of N drawn reports the one that fits" FLAG_LINE
         "the image and its labels best), or beam:N (N divides emixer.batch)"},
        {"--temperature", "X", FLAG_REAL, &c.temperature, 0.01, 100, "of sample (1)"},
        {"--top-p", "X", FLAG_REAL, &c.top_p, 0.01, 1,
         "sample: only the likeliest words that have this much probability (1)"},
        {"--seed", "N", FLAG_INTEGER, &r->seed, 0, INT32_MAX, "of images, labels and words (0)"},
        {"--png", NULL, FLAG_SWITCH, &r->png, 0, 0,
         "also images as SET/CLASS/ROW.png, so that folder:SET can be read, too"},
        {"--sheet", "FILE", FLAG_TEXT, &r->sheet, 0, 0,
         ".png: also a row of images for each class; .svg: also images beside" FLAG_LINE
         "their labels and reports"},
        {"--quiet", NULL, FLAG_SWITCH, &r->quiet, 0, 0, "no progress on stderr"},
        {"--include-private", NULL, FLAG_SWITCH, &r->include_private, 0, 0, privacy_help},
        {"--studies", "N", FLAG_INTEGER, &r->studies, 1, MOST,
         "with --reports-of phantom:COHORT, how many are drawn (100), by --seed"},
        {"--device", "D", FLAG_TEXT, &c.device, 0, 0, "cpu[:N], cuda[:N], cuda:all or ref (cpu)"}};
    enum { FLAGS = sizeof flags / sizeof flags[0] };
    TRY(flags_read("synth", argc, argv, flags, FLAGS, &r->model, 1, &count, help));
    if (*help) return print_help(flags, FLAGS);
    TRY(take_chosen(&c, r));
    return check_request(r);
}

static err make(synth_request *r, dataset **out)
{
    tally written;
    tally_start(&written, "reports written", r->quiet);
    r->how.progress = tally_tell;
    r->how.progress_context = &written;
    err error = r->texts ? synth_texts(r) : synth_make(r, out);
    tally_end(&written);
    r->how.progress_context = NULL;
    return error;
}

err synth_main(int argc, char **argv)
{
    synth_request r;
    dataset *made = NULL;
    bool help;
    TRY(read_arguments(argc, argv, &r, &help));
    if (help) return OK;
    privacy_watch(r.reports_of);
    if (r.sheet) TRY(privacy_allow(r.include_private, "--sheet"));
    privacy_watch(r.model);
    err error = make(&r, &made);
    if (error == OK && made) error = synth_write(&r, made);
    if (error == OK && made) (void)printf("%d images in %s\n", made->n, r.out);
    dataset_close(made);
    return error;
}
