/* The command line of `bench run` and `bench train`: the flags come from the table of options. */
#include "bench/run.h"

#include <stdio.h>
#include <string.h>

enum { PRESETS_MAX = 16 };

typedef struct command_line {
    const char *command; /* for messages */
    const char *file;
    const char *presets[PRESETS_MAX];
    int n_presets;
} command_line;

/* "--name=value" or "--name value": *value is NULL if there is none. */
static const char *split_flag(const char *argument, char *name, size_t bytes)
{
    const char *equals = strchr(argument, '=');
    size_t length = equals ? (size_t)(equals - argument) : strlen(argument);
    (void)snprintf(name, bytes, "%.*s", (int)length, argument);
    return equals ? equals + 1 : NULL;
}

static err no_such_flag(const command_line *c, const char *argument)
{
    return err_set(ERR_USAGE, "%.60s: there is no such flag; see `bench %s --help`", argument, c->command);
}

/* What a flag is for: called once to collect file and presets, and again to apply settings in their order. */
typedef err (*flag_visitor)(void *context, const char *name, const option *o, const char *value);

static err visit_flag(const command_line *c, int argc, char **argv, int *i, flag_visitor visit, void *context)
{
    char name[48];
    const char *value = split_flag(argv[*i] + 2, name, sizeof name);
    const option *o = option_of_flag(name);
    bool known = o || strcmp(name, "set") == 0 || strcmp(name, "preset") == 0;
    if (!known) return no_such_flag(c, argv[*i]);
    if (!value && o && o->type == OPTION_TRUTH) value = "yes";
    if (!value) {
        if (*i + 1 >= argc)
            return err_set(ERR_USAGE, "--%s needs a value; see `bench %s --help`", name, c->command);
        value = argv[++*i];
    }
    return visit(context, name, o, value);
}

static err collect(void *context, const char *name, const option *o, const char *value)
{
    (void)o;
    command_line *c = context;
    if (strcmp(name, "preset") != 0) return OK;
    if (c->n_presets == PRESETS_MAX) return err_set(ERR_USAGE, "--preset: at most %d", PRESETS_MAX);
    c->presets[c->n_presets++] = value;
    return OK;
}

static err apply(void *context, const char *name, const option *o, const char *value)
{
    if (o) return settings_flag(context, o, value);
    return strcmp(name, "set") == 0 ? settings_assign(context, value) : OK;
}

err run_arguments(const char *command, int argc, char **argv, settings *out, bool *help)
{
    command_line c = {.command = command};
    *help = false;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            *help = true;
            return OK;
        }
        if (strncmp(argv[i], "--", 2) == 0) {
            TRY(visit_flag(&c, argc, argv, &i, collect, &c));
        } else if (argv[i][0] == '-' && argv[i][1]) {
            return no_such_flag(&c, argv[i]);
        } else if (c.file) {
            return err_set(ERR_USAGE, "%.60s: one experiment file is enough, %.60s", argv[i], c.file);
        } else {
            c.file = argv[i];
        }
    }
    if (!c.file)
        return err_set(ERR_USAGE,
                       "which experiment? bench %s FILE.ini, such as experiments/covid_fewshot.ini", command);
    settings_defaults(out);
    TRY(settings_load(out, c.file, c.presets, c.n_presets));
    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], "--", 2) == 0) TRY(visit_flag(&c, argc, argv, &i, apply, out));
    return OK;
}
