#include "bench/commands.h"

#include "bench/arms.h"
#include "bench/guards.h"
#include "bench/options.h"
#include "bench/version.h"

#include <stdio.h>
#include <string.h>

static err help_main(int argc, char **argv);

typedef struct command {
    const char *name;
    err (*run)(int argc, char **argv);
    const char *help;
} command;

static const command commands[] = {
    {"run", run_main, "run an experiment file: train, compare, draw"},
    {"plan", plan_main, "print what a run would do, what is there, and how long the rest takes"},
    {"status", status_main, "how far a run is: what is done, running, failed, waiting"},
    {"task", task_main, "one task of a run that Slurm makes: for its jobs, not for people"},
    {"gc", gc_main, "remove artifacts that no experiment file needs"},
    {"train", train_main, "train a generator, on its own"},
    {"synth", synth_main, "make images and reports with a trained generator"},
    {"score", score_main, "judge a set of synthetic images: quality, labels, copies, reports"},
    {"gains", gains_main, "compute the gains and verdicts of a finished run again"},
    {"check", check_main, "compare a finished run with a baseline: the gate for CI"},
    {"plot", plot_main, "draw the figures of a run's results"},
    {"report", report_main, "write a run's results as one page of HTML"},
    {"reader", reader_main, "a blinded reader study: make the form, score the answers"},
    {"data", data_main, "import public data sets; look into sets, split and export them"},
    {"perf", perf_main, "measure how fast training runs on this machine"},
    {"help", help_main, "this text; `help arms`, `help guards`, `help settings`, `help exit`"},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

/* The codes of base/err.h. */
static const struct {
    int code;
    const char *meaning, *then;
} exit_statuses[] = {
    {OK, "done", ""},
    {1, "`bench check` alone: regressed", ""},
    {2, "`bench check` alone: cannot tell", ""},
    {ERR_USAGE, "wrong command line, or asked for what cannot be", "see --help of the command"},
    {ERR_DATA, "wrong content in an input file", "the line names file and place"},
    {ERR_NO_INPUT, "an input file or folder is missing", ""},
    {ERR_UNAVAILABLE, "a device or program is not on this machine", ""},
    {ERR_INTERNAL, "a bug of ours", "please report it with the line"},
    {ERR_SYSTEM, "out of memory, or a process was refused or killed", "free some; the same command goes on"},
    {ERR_CANNOT_CREATE, "an output cannot be created", "choose another place or change its mode"},
    {ERR_IO, "reading or writing failed half-way (disk full)", "make room; the same command goes on"},
    {ERR_CONFIG, "a wrong setting", "the line names where it comes from"},
    {ERR_DIVERGED, "a training diverged, or had no image left",
     "the other trials are finished; results.csv says which"},
    {ERR_GUARD, "a guard was broken", "`bench help guards`; OUT/guards lists the samples"},
    {ERR_INTERRUPTED, "interrupted", "the same command goes on"},
};
enum { EXIT_STATUSES = sizeof exit_statuses / sizeof exit_statuses[0] };

static void exit_help(text *t)
{
    text_printf(
        t,
        "Exit status: what the last line on stderr says in words. What was finished is kept; files and sets\n"
        "appear whole or not at all.\n\n");
    for (int i = 0; i < EXIT_STATUSES; i++)
        text_printf(t, "  %3d  %-*s%s\n", exit_statuses[i].code, *exit_statuses[i].then ? 51 : 0,
                    exit_statuses[i].meaning, exit_statuses[i].then);
}

static err print_overview(void)
{
    text t = {0};
    text_printf(
        &t, "bench %s: what synthetic chest X-rays are worth for training\n\nusage: bench COMMAND ...\n\n",
        version_number);
    for (int i = 0; i < COMMANDS; i++) text_printf(&t, "  %-7s %s\n", commands[i].name, commands[i].help);
    text_printf(&t,
                "\n`bench COMMAND --help` tells more; `bench --version` tells version and code hash.\n\n");
    exit_help(&t);
    return text_print(&t);
}

static err help_main(int argc, char **argv)
{
    if (argc == 0) return print_overview();
    text t = {0};
    if (argc == 1 && strcmp(argv[0], "arms") == 0) {
        arms_help(&t);
        return text_print(&t);
    }
    if (argc == 1 && strcmp(argv[0], "settings") == 0) {
        options_help(&t);
        return text_print(&t);
    }
    if (argc == 1 && strcmp(argv[0], "exit") == 0) {
        exit_help(&t);
        return text_print(&t);
    }
    if (argc == 1 && strcmp(argv[0], "guards") == 0) {
        guards_help(&t);
        return text_print(&t);
    }
    return err_set(ERR_USAGE, "help %.60s: there is `bench help`, and of it arms, guards, settings and exit",
                   argv[0]);
}

static err dispatch(int argc, char **argv)
{
    if (argc < 2) return err_set(ERR_USAGE, "which command? `bench help` lists them");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) return print_overview();
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("bench %s (code %s)\n", version_number, version_code);
        return OK;
    }
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0) return commands[i].run(argc - 2, argv + 2);
    return err_set(ERR_USAGE, "%.60s: there is no such command; `bench help` lists them", argv[1]);
}

int commands_main(int argc, char **argv)
{
    err error = dispatch(argc, argv);
    if (error != OK) (void)fprintf(stderr, "bench: %s\n", err_message());
    return (int)error;
}
