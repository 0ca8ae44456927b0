/* The program from outside: what it prints and with which status it ends. */
#include "helpers.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[PATH_BYTES], path[PATH_BYTES];

static void setup(void)
{
    make_folder(folder);
    write_text(folder, "good.ini", "[experiment]\nname = good\narms = real\n", path);
    write_text(folder, "bad.ini", "[experiment]\nname = bad\n[emixer]\nwidht = 3\n[preset:p]\n", path);
}

static void teardown(void)
{
    forget_folder(folder);
}

TestSuite(command_line, .init = setup, .fini = teardown);

enum { ARGUMENTS = 10 };

Test(command_line, mistakes_give_one_line_and_their_status)
{
    static const struct {
        const char *arguments[ARGUMENTS];
        int status;
        const char *line; /* all of stderr */
    } cases[] = {
        {{NULL}, 64, "bench: which command? `bench help` lists them\n"},
        {{"ruin"}, 64, "bench: ruin: there is no such command; `bench help` lists them\n"},
        {{"run"}, 64, "bench: which experiment? bench run FILE.ini, such as experiments/covid_fewshot.ini\n"},
        {{"run", "good.ini", "bad.ini"}, 64, "bench: bad.ini: one experiment file is enough, good.ini\n"},
        {{"run", "good.ini", "--speed", "9"},
         64,
         "bench: --speed: there is no such flag; see `bench run --help`\n"},
        {{"run", "good.ini", "-q"}, 64, "bench: -q: there is no such flag; see `bench run --help`\n"},
        {{"run", "good.ini", "--jobs"}, 64, "bench: --jobs needs a value; see `bench run --help`\n"},
        {{"run", "good.ini", "--jobs", "many"},
         78,
         "bench: --jobs: run.jobs = many: must be integer, 1 to 1024\n"},
        {{"run", "good.ini", "--jobs=0"}, 78, "bench: --jobs: run.jobs = 0: must be integer, 1 to 1024\n"},
        {{"run", "good.ini", "--device", "gpu"},
         78,
         "bench: --device: run.device = gpu: must be text, cpu[:N]|cuda[:N]|cuda:all|ref\n"},
        {{"run", "missing.ini"}, 66, "bench: missing.ini: cannot be opened: No such file or directory\n"},
        {{"run", "bad.ini"}, 78, "bench: bad.ini:4: unknown key emixer.widht (did you mean emixer.width?)\n"},
        {{"run", "good.ini", "--preset", "full"},
         78,
         "bench: good.ini: there is no preset full; there are none\n"},
        {{"run", "good.ini", "--set", "emixer.width"},
         78,
         "bench: --set emixer.width: write --set section.key=value\n"},
        {{"run", "good.ini", "--set", "experiment.arms=raal"},
         78,
         "bench: --set: experiment.arms: arm raal: there is no part \"raal\"; there are real, classic, "
         "emixer, folder:, packed:, duplicate, shuffled, pseudo, oracle, filtered\n"},
        {{"run", "good.ini", "--set", "data.source=folder:nowhere"},
         66,
         "bench: nowhere: the folder cannot be read: No such file or directory\n"},
        {{"run", "good.ini", "--out", "good.ini"}, 73, "bench: good.ini: exists and is not a folder\n"},
        {{"help", "me"},
         64,
         "bench: help me: there is `bench help`, and of it arms, guards, settings and exit\n"},
        {{"train", "good.ini"},
         64,
         "bench: bench train FILE.ini --out MODEL.safetensors; see `bench train --help`\n"},
        {{"train", "good.ini", "--out", "model"},
         64,
         "bench: bench train FILE.ini --out MODEL.safetensors; see `bench train --help`\n"},
        {{"train", "good.ini", "--speed", "9"},
         64,
         "bench: --speed: there is no such flag; see `bench train --help`\n"},
        {{"train", "good.ini", "--seed", "x"}, 64, "bench: --seed x: must be an integer, 0 to 2147483647\n"},
        {{"train", "good.ini", "--seed"}, 64, "bench: --seed needs a value; see `bench train --help`\n"},
        {{"synth"}, 64, "bench: bench synth MODEL.safetensors --out SET; see `bench synth --help`\n"},
        {{"synth", "x", "--out", "y", "--sheet", "z.gif"},
         64,
         "bench: --sheet z.gif: must end in .png or .svg\n"},
        {{"synth", "x", "--out", "y", "--writing", "beam:0"},
         64,
         "bench: --writing beam:0: must be greedy, sample, sample:N or beam:N, N 1 to 4096\n"},
        {{"synth", "x", "--out", "y", "--writing", "fast"},
         64,
         "bench: --writing fast: must be greedy, sample, sample:N or beam:N, N 1 to 4096\n"},
        {{"synth", "x", "--out", "y", "--top-p", "2"}, 64, "bench: --top-p 2: must be a number, 0.01 to 1\n"},
        {{"synth", "x", "--out", "y", "--labels", "A", "--per-class", "2"},
         64,
         "bench: --per-class: is for all classes in turn; with --labels, say --count\n"},
        {{"gains"}, 64, "bench: bench gains RESULTS; see `bench gains --help`\n"},
        {{"gains", "none"}, 66, "bench: none: cannot be opened: No such file or directory\n"},
        {{"check"}, 64, "bench: bench check RESULTS; see `bench check --help`\n"},
        {{"check", "x", "--update", "--junit", "y"},
         64,
         "bench: --junit: --update compares nothing; see `bench check --help`\n"},
        {{"check", "x", "--speed"}, 64, "bench: --speed: there is no such flag; see `bench check --help`\n"},
        {{"synth", "x", "--out"}, 64, "bench: --out needs a value; see `bench synth --help`\n"},
        {{"synth", "x", "--out", "y", "--per-class", "0"},
         64,
         "bench: --per-class 0: must be an integer, 1 to 1000000\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_refused(folder, cases[i].arguments, cases[i].status, cases[i].line);
}

Test(command_line, wrong_inputs_of_synth_are_refused)
{
    static const char *const missing[] = {"synth", "none.safetensors", "--out", "y", NULL};
    static const char *const other[] = {"synth", "good.ini", "--out", "y", NULL};
    outcome o = run_bench(folder, missing);
    cr_assert_eq(o.status, 66, "%s", o.err);
    outcome_close(&o);
    o = run_bench(folder, other);
    cr_assert_eq(o.status, 65, "%s", o.err);
    cr_assert_not_null(strstr(o.err, "good.ini"));
    outcome_close(&o);
}

Test(command_line, help_and_version_go_to_standard_output)
{
    static const struct {
        const char *arguments[ARGUMENTS], *says;
    } cases[] = {
        {{"help"}, "usage: bench COMMAND"},
        {{"--help"}, "   74  reading or writing failed half-way"},
        {{"help", "exit"}, "\n   71  out of memory"},
        {{"--version"}, "bench 0."},
        {{"help", "arms"}, "classic    transform"},
        {{"help", "settings"}, "[emixer]"},
        {{"run", "--help"}, "--preset NAME"},
        {{"run", "--help"}, "--jobs N"},
        {{"run", "--help"}, "--device cpu[:N]|cuda[:N]|cuda:all|ref"},
        {{"run", "nonsense", "--help"}, "usage: bench run"},
        {{"synth", "--help"}, "--per-class N"},
        {{"train", "--help"}, "MODEL.losses.csv"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        outcome o = run_bench(folder, cases[i].arguments);
        cr_assert_eq(o.status, 0, "%s", o.err);
        cr_assert_str_eq(o.err, "");
        cr_assert_not_null(strstr(o.out, cases[i].says), "%s", o.out);
        outcome_close(&o);
    }
}

Test(command_line, an_unwritable_folder_is_told_before_anything_runs)
{
    if (geteuid() == 0) return; /* root may write anywhere; --out below a file is tested above */
    static const char *const arguments[] = {"run", "good.ini", "--out", "locked/out", NULL};
    cr_assert_eq(path_join(path, folder, "locked"), OK);
    cr_assert_eq(mkdir(path, 0500), 0);
    outcome o = run_bench(folder, arguments);
    cr_assert_eq(o.status, 73, "%s", o.err);
    cr_assert_not_null(strstr(o.err, "locked"));
    outcome_close(&o);
}
