/* `bench synth`: what a trained generator makes, as a packed set, or its reports of given images. */
#include "bench/synth.h"

#include "bench/commands.h"
#include "bench/device.h"
#include "bench/lessons.h"
#include "bench/privacy.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static err print_help(void)
{
    (void)printf(
        "usage: bench synth MODEL.safetensors --out SET [flags]\n\n"
        "Makes images, and their reports if it was trained with emixer.pairs, with a model of `bench train`, "
        "or\n"
        "of a run (results/NAME/artifacts/generator-.../generator.safetensors). SET is a packed set, which\n"
        "data.source = packed:SET and `bench score packed:SET ...` read: images.npy, labels.npy, labels.csv "
        "and\n"
        "samples.csv with the reports.\n\n"
        "  --out SET              a folder that is not there yet\n"
        "  --per-class N          images of each class, for models of one class an image (100)\n"
        "  --count N              images in all; labels are drawn from those that the model was trained on\n"
        "                         (for models of several labels an image: 100)\n"
        "  --labels \"A|B\"         all of the --count images have these labels and no others; \"\": none\n"
        "  --reports-of SOURCE    no images are made: writes reports of those of a source (folder:DIR,\n"
        "                         packed:DIR, phantom:COHORT), whose images and labels SET then has\n"
        "  --texts N              no images are made: writes N reports of none to the text file --out, one "
        "a\n"
        "                         line, as the model learned from reports without images (with --writing "
        "sample)\n"
        "  --writing HOW          greedy (the default), sample, sample:N (of N drawn reports the one that "
        "fits\n"
        "                         the image and its labels best), or beam:N (N divides emixer.batch)\n"
        "  --temperature X        of sample (1)\n"
        "  --top-p X              sample: only the likeliest words that have this much probability (1)\n"
        "  --seed N               of images, labels and words (0)\n"
        "  --png                  also images as SET/CLASS/ROW.png, so that folder:SET can be read, too\n"
        "  --sheet FILE.png       also a row of images for each class\n"
        "  --sheet FILE.svg       also images beside their labels and reports\n"
        "  --include-private      a sheet even of images that are marked private\n"
        "  --studies N            with --reports-of phantom:COHORT, how many are drawn (100), by --seed\n"
        "  --device cpu[:N]|cuda[:N]|cuda:all|ref (cpu)\n");
    return OK;
}

/* ---- the command line ---- */

static err read_number(const char *flag, const char *value, long long low, long long high, long long *out)
{
    char *end;
    errno = 0;
    *out = strtoll(value, &end, 10);
    if (errno || end == value || *end || *out < low || *out > high)
        return err_set(ERR_USAGE, "%s %.40s: must be an integer, %lld to %lld", flag, value, low, high);
    return OK;
}

static err read_real(const char *flag, const char *value, double low, double high, float *out)
{
    char *end;
    double number = strtod(value, &end);
    if (end == value || *end || !(number >= low && number <= high))
        return err_set(ERR_USAGE, "%s %.40s: must be a number, %g to %g", flag, value, low, high);
    *out = (float)number;
    return OK;
}

static err take_text(const char *flag, const char *value, synth_request *r, bool *taken)
{
    const struct {
        const char *name, **text;
    } flags[] = {{"--out", &r->out},
                 {"--sheet", &r->sheet},
                 {"--labels", &r->labels},
                 {"--reports-of", &r->reports_of}};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (strcmp(flag, flags[i].name) != 0) continue;
        *flags[i].text = value;
        *taken = true;
    }
    return OK;
}

static err take_number(const char *flag, const char *value, synth_request *r, bool *taken)
{
    enum { MOST = 1000000 };
    struct {
        const char *name;
        int *number;
        long long low, high;
    } flags[] = {{"--per-class", &r->per_class, 1, MOST},
                 {"--count", &r->count, 1, MOST},
                 {"--studies", &r->studies, 1, MOST},
                 {"--texts", &r->texts, 1, MOST},
                 {"--seed", &r->seed, 0, INT32_MAX}};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        long long number;
        if (strcmp(flag, flags[i].name) != 0) continue;
        TRY(read_number(flag, value, flags[i].low, flags[i].high, &number));
        *flags[i].number = (int)number;
        *taken = true;
    }
    return OK;
}

static err take_other(const char *flag, const char *value, synth_request *r)
{
    if (strcmp(flag, "--writing") == 0) return writing_named(flag, value, &r->how);
    if (strcmp(flag, "--temperature") == 0) return read_real(flag, value, 0.01, 100, &r->how.temperature);
    if (strcmp(flag, "--top-p") == 0) return read_real(flag, value, 0.01, 1, &r->how.top_p);
    if (strcmp(flag, "--device") == 0) return device_named(value, "fp32", &r->device);
    return err_set(ERR_USAGE, "%.60s: there is no such flag; see `bench synth --help`", flag);
}

static err take_flag(const char *flag, const char *value, synth_request *r)
{
    bool taken = false;
    TRY(take_text(flag, value, r, &taken));
    TRY(take_number(flag, value, r, &taken));
    return taken ? OK : take_other(flag, value, r);
}

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

static err read_arguments(int argc, char **argv, synth_request *r)
{
    *r = (synth_request){.studies = 100, .device = nn_on(&be_cpu)};
    for (int i = 0; i < argc; i++) {
        if (argv[i][0] != '-') {
            if (r->model) return err_set(ERR_USAGE, "%.60s: one model is enough", argv[i]);
            r->model = argv[i];
        } else if (strcmp(argv[i], "--png") == 0) {
            r->png = true;
        } else if (strcmp(argv[i], "--include-private") == 0) {
            r->include_private = true;
        } else if (i + 1 >= argc) {
            return err_set(ERR_USAGE, "%.60s needs a value; see `bench synth --help`", argv[i]);
        } else {
            TRY(take_flag(argv[i], argv[i + 1], r));
            i++;
        }
    }
    r->how.seed = (uint64_t)r->seed;
    return check_request(r);
}

err synth_main(int argc, char **argv)
{
    synth_request r;
    dataset *made = NULL;
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return print_help();
    TRY(read_arguments(argc, argv, &r));
    privacy_watch(r.reports_of);
    if (r.sheet) TRY(privacy_allow(r.include_private, "--sheet"));
    privacy_watch(r.model);
    if (r.texts) return synth_texts(&r);
    err error = synth_make(&r, &made);
    if (error == OK) error = synth_write(&r, made);
    if (error == OK) (void)printf("%d images in %s\n", made->n, r.out);
    dataset_close(made);
    return error;
}
