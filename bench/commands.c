#include "bench/commands.h"

#include "bench/arms.h"
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
    {"help", help_main, "this text; `help arms`, `help settings`"},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static const char exit_statuses[] =
    "Exit status: 0 done; 1 regressed and 2 cannot tell (`bench check` alone); 64 wrong command line;\n"
    "65 wrong content in an input file; 66 input missing; 69 device or program not available; 70 a bug of\n"
    "ours; 71 out of memory or processes; 73 output cannot be created; 74 reading or writing failed (disk\n"
    "full); 78 wrong setting; 80 a training diverged, or had no image left (the other trials are finished);\n"
    "130 interrupted (the same command continues).\n";

static err print_text(text *t)
{
    err error = text_check(t);
    if (error == OK && (fputs(t->data ? t->data : "", stdout) == EOF || fflush(stdout) == EOF))
        error = err_set_errno(ERR_IO, "standard output: writing failed");
    text_close(t);
    return error;
}

static err print_overview(void)
{
    text t = {0};
    text_printf(
        &t, "bench %s: what synthetic chest X-rays are worth for training\n\nusage: bench COMMAND ...\n\n",
        version_number);
    for (int i = 0; i < COMMANDS; i++) text_printf(&t, "  %-7s %s\n", commands[i].name, commands[i].help);
    text_printf(&t,
                "\n`bench COMMAND --help` tells more; `bench --version` tells version and code hash.\n\n%s",
                exit_statuses);
    return print_text(&t);
}

static err help_main(int argc, char **argv)
{
    if (argc == 0) return print_overview();
    text t = {0};
    if (argc == 1 && strcmp(argv[0], "arms") == 0) {
        arms_help(&t);
        return print_text(&t);
    }
    if (argc == 1 && strcmp(argv[0], "settings") == 0) {
        options_help(&t);
        return print_text(&t);
    }
    return err_set(ERR_USAGE,
                   "help %.60s: there is `bench help`, `bench help arms` and `bench help settings`", argv[0]);
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
