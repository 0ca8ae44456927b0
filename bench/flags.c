#include "bench/flags.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_one_of(const char *value, const char *choices)
{
    size_t n = strlen(value);
    for (const char *at = choices; *at;) {
        size_t length = strcspn(at, "|");
        if (length == n && strncmp(at, value, n) == 0) return true;
        at += length;
        at += *at == '|';
    }
    return false;
}

static err set_text(const flag *f, const char *value)
{
    if (strchr(f->value, '|') && !is_one_of(value, f->value))
        return err_set(ERR_USAGE, "%s %.60s: must be %s", f->name, value, f->value);
    *(const char **)f->into = value;
    return OK;
}

static err append(const flag *f, const char *value)
{
    flag_list *list = f->into;
    if (list->n == FLAG_LIST_MAX) return err_set(ERR_USAGE, "%s: at most %d", f->name, FLAG_LIST_MAX);
    list->values[list->n++] = value;
    return OK;
}

static err set_number(const flag *f, const char *value)
{
    char *end;
    bool whole = f->type == FLAG_INTEGER;
    errno = 0;
    double number = whole ? (double)strtoll(value, &end, 10) : strtod(value, &end);
    if (errno || end == value || *end || !(number >= f->low && number <= f->high))
        return err_set(ERR_USAGE, "%s %.60s: must be %s, %.10g to %.10g", f->name, value,
                       whole ? "an integer" : "a number", f->low, f->high);
    if (whole)
        *(int *)f->into = (int)number;
    else
        *(double *)f->into = number;
    return OK;
}

/* Takes argv[*i], and its value if that is the next argument. */
static err take_flag(const char *command, int argc, char **argv, int *i, const flag *flags, int n)
{
    const char *given = argv[*i], *equals = strchr(given, '=');
    size_t length = equals ? (size_t)(equals - given) : strlen(given);
    const flag *f = NULL;
    for (int k = 0; k < n && !f; k++)
        if (strlen(flags[k].name) == length && strncmp(flags[k].name, given, length) == 0) f = &flags[k];
    if (!f) return err_set(ERR_USAGE, "%.60s: there is no such flag; see `bench %s --help`", given, command);
    if (f->type == FLAG_SWITCH) {
        if (equals) return err_set(ERR_USAGE, "%s takes no value; see `bench %s --help`", f->name, command);
        *(bool *)f->into = true;
        return OK;
    }
    const char *value = equals ? equals + 1 : *i + 1 < argc ? argv[++*i] : NULL;
    if (!value || (f->type == FLAG_NAME && !*value))
        return err_set(ERR_USAGE, "%s needs a value; see `bench %s --help`", f->name, command);
    if (f->type == FLAG_TEXT || f->type == FLAG_NAME) return set_text(f, value);
    return f->type == FLAG_LIST ? append(f, value) : set_number(f, value);
}

err flags_read(const char *command, int argc, char **argv, const flag *flags, int n, const char **words,
               int most, int *count, bool *help)
{
    *count = 0;
    *help = false;
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) *help = true;
    for (int i = 0; i < argc && !*help; i++) {
        if (argv[i][0] == '-' && argv[i][1]) {
            TRY(take_flag(command, argc, argv, &i, flags, n));
        } else if (*count == most) {
            return err_set(ERR_USAGE, "%.60s: one word too many; see `bench %s --help`", argv[i], command);
        } else {
            words[(*count)++] = argv[i];
        }
    }
    return OK;
}

void flags_help(const flag *flags, int n, text *out)
{
    for (int k = 0; k < n; k++) {
        enum { COLUMN = 22 };
        char name[64];
        (void)snprintf(name, sizeof name, "%s%s%s", flags[k].name, flags[k].value ? " " : "",
                       flags[k].value ? flags[k].value : "");
        bool wide = strlen(name) > COLUMN;
        text_printf(out, "  %-*s%s%s\n", COLUMN, name, wide ? FLAG_LINE : " ", flags[k].help);
    }
}
