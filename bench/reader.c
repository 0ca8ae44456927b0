/* `bench reader`: a blinded reader study. */
#include "bench/reader.h"

#include "base/files.h"
#include "base/hash.h"
#include "base/staging.h"
#include "bench/commands.h"
#include "bench/flags.h"
#include "bench/privacy.h"

#include <stdio.h>
#include <string.h>

/* ---- make ---- */

typedef struct make_request {
    const char *sets[2], *out;
    int pairs, seed;
    bool images_only;
} make_request;

static err make_help(const flag *flags, int n)
{
    text t = {0};
    text_printf(&t,
                "usage: bench reader make SET_REAL SET_SYNTHETIC --pairs N --out DIR [flags]\n\n"
                "Draws N real and N synthetic pairs of image and report from two packed sets and writes\n"
                "DIR/form.html, a form for readers with all pairs in random order, and DIR/key.csv, which\n"
                "says which is which: keep it from the readers until they have answered. The form carries\n"
                "the key's hash, so that a key that was changed later is noticed.\n\n"
                "At most one image of a patient is drawn while patients last. Reports of both kinds are\n"
                "cleaned and written out by the same rules, and images have as many bytes as each other:\n"
                "nothing but pixels and words tells what is real.\n\n");
    flags_help(flags, n, &t);
    return text_print(&t);
}

static err write_to(const char *folder, const char *name, const text *content)
{
    char path[PATH_BYTES];
    TRY(path_join(path, folder, "%s", name));
    return text_save(content, path);
}

static err write_study(const reader_study *s, int seed, const char *folder)
{
    text key = {0}, form = {0};
    err error = reader_key(s, seed, &key);
    if (error == OK) {
        hash made = hash_bytes(key.data, key.length);
        error = reader_form(s, made.hex, &form);
    }
    if (error == OK) error = write_to(folder, "key.csv", &key);
    if (error == OK) error = write_to(folder, "form.html", &form);
    text_close(&key);
    text_close(&form);
    return error;
}

static err make_study(const make_request *r)
{
    reader_study s;
    staging where = {.lock = -1};
    err error = reader_study_open(r->sets[0], r->sets[1], r->pairs, r->seed, !r->images_only, &s);
    if (error == OK) error = staging_open(r->out, &where);
    if (error == OK) error = write_study(&s, r->seed, where.work);
    if (error == OK) error = staging_finish(&where);
    if (error == OK)
        (void)printf(
            "%s/form.html  for the readers: %d pairs\n%s/key.csv    which is which: keep it from them\n",
            r->out, s.n, r->out);
    staging_close(&where);
    reader_study_close(&s);
    return error;
}

static err make_main(int argc, char **argv)
{
    enum { MOST = 500 };
    make_request r = {.seed = 0};
    bool include_private = false;
    const flag flags[] = {
        {"--pairs", "N", FLAG_INTEGER, &r.pairs, 1, MOST, "of each kind"},
        {"--out", "DIR", FLAG_TEXT, &r.out, 0, 0, "the study; must not be there yet"},
        {"--seed", "N", FLAG_INTEGER, &r.seed, 0, 2147483647, "of draw and order (0); tell it to no reader"},
        {"--images-only", NULL, FLAG_SWITCH, &r.images_only, 0, 0, "no reports"},
        {"--include-private", NULL, FLAG_SWITCH, &include_private, 0, 0, privacy_help},
    };
    enum { FLAGS = sizeof flags / sizeof flags[0] };
    int count;
    bool help;
    TRY(flags_read("reader make", argc, argv, flags, FLAGS, r.sets, 2, &count, &help));
    if (help) return make_help(flags, FLAGS);
    if (count != 2 || !r.out || !r.pairs)
        return err_set(ERR_USAGE,
                       "bench reader make SET_REAL SET_SYNTHETIC --pairs N --out DIR; see `bench reader make "
                       "--help`");
    for (int i = 0; i < 2; i++) privacy_watch(r.sets[i]);
    TRY(privacy_allow(include_private, "reader make"));
    return make_study(&r);
}

/* ---- score ---- */

static err score_help(void)
{
    text t = {0};
    text_printf(
        &t, "usage: bench reader score KEY.csv ANSWERS.csv...\n\n"
            "Reads the answers that readers saved from the form. Prints mean scores of real and synthetic\n"
            "pairs and their difference with its interval, how often each reader told real from synthetic\n"
            "against chance, and how far the readers agree. Answers to another study, or with another key\n"
            "than the form's, are refused.\n");
    return text_print(&t);
}

static err score_answers(const char *const *words, int n)
{
    reader_answers a;
    text t = {0};
    TRY(reader_answers_open(words[0], words + 1, n - 1, &a));
    err error = reader_report(&a, &t);
    reader_answers_close(&a);
    if (error == OK) return text_print(&t);
    text_close(&t);
    return error;
}

static err reader_score_main(int argc, char **argv)
{
    const char *words[1 + READERS_MOST];
    int count;
    bool help;
    TRY(flags_read("reader score", argc, argv, NULL, 0, words, 1 + READERS_MOST, &count, &help));
    if (help) return score_help();
    if (count < 2)
        return err_set(ERR_USAGE,
                       "bench reader score KEY.csv ANSWERS.csv...; see `bench reader score --help`");
    return score_answers(words, count);
}

/* ---- the command ---- */

static err print_help(void)
{
    text t = {0};
    text_printf(&t, "usage: bench reader PART ...\n\n"
                    "  make   write a blinded form of real and synthetic pairs, and its key\n"
                    "  score  read the answers back\n\n"
                    "`bench reader PART --help` tells more.\n");
    return text_print(&t);
}

err reader_main(int argc, char **argv)
{
    if (argc == 0) return err_set(ERR_USAGE, "reader: make or score? see `bench reader --help`");
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) return print_help();
    if (strcmp(argv[0], "make") == 0) return make_main(argc - 1, argv + 1);
    if (strcmp(argv[0], "score") == 0) return reader_score_main(argc - 1, argv + 1);
    return err_set(ERR_USAGE, "reader %.60s: there is no such part; see `bench reader --help`", argv[0]);
}
