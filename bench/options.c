#include "bench/options.h"

#include "bench/guard_names.h"
#include "bench/scores.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const option options[OPTION_COUNT] = {
#define SECTION(section, help)
#define OPTION(section, key, type, field, initial, range, flag, help)                                        \
    {#section, #key, OPTION_##type, offsetof(settings, field), initial, range, flag, help},
#include "bench/options.def"
};

const option_section option_sections[] = {
#define SECTION(section, help) {#section, help},
#define OPTION(section, key, type, field, initial, range, flag, help)
#include "bench/options.def"
};
const int option_section_count = (int)(sizeof option_sections / sizeof option_sections[0]);

/* What a value of each type is called in messages. */
static const char *const type_names[] = {
    [OPTION_TEXT] = "text",
    [OPTION_INTEGER] = "integer",
    [OPTION_REAL] = "number",
    [OPTION_TRUTH] = "yes or no",
    [OPTION_TEXTS] = "texts separated by commas",
    [OPTION_INTEGERS] = "integers separated by commas",
    [OPTION_REALS] = "numbers separated by commas",
};

const option *option_find(const char *section, const char *key)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        if (strcmp(options[i].section, section) == 0 && strcmp(options[i].key, key) == 0) return &options[i];
    return NULL;
}

const option *option_of_flag(const char *flag)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        if (options[i].flag && strcmp(options[i].flag, flag) == 0) return &options[i];
    return NULL;
}

bool option_has_section(const char *section)
{
    for (int i = 0; i < option_section_count; i++)
        if (strcmp(option_sections[i].name, section) == 0) return true;
    return false;
}

/* Levenshtein's distance; texts longer than the table count as far away. */
static int distance(const char *a, const char *b)
{
    enum { LONGEST = 96 };
    size_t n = strlen(a), m = strlen(b);
    if (n > LONGEST || m > LONGEST) return INT_MAX;
    int row[LONGEST + 1];
    for (size_t j = 0; j <= m; j++) row[j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int best = diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[m];
}

/* Two typing mistakes, or a third of the word. */
static bool is_near(int changes, const char *word)
{
    return changes <= 2 || (size_t)changes * 3 <= strlen(word);
}

void option_suggest(const char *section, const char *key, char *out, size_t bytes)
{
    const option *best = NULL;
    int fewest = INT_MAX;
    for (int i = 0; i < OPTION_COUNT; i++) {
        int changes = distance(key, options[i].key);
        if (!is_near(changes, key)) continue;
        changes = changes * 2 + (strcmp(section, options[i].section) != 0);
        if (changes < fewest) {
            fewest = changes;
            best = &options[i];
        }
    }
    if (best)
        (void)snprintf(out, bytes, " (did you mean %s.%s?)", best->section, best->key);
    else
        out[0] = '\0';
}

void option_suggest_section(const char *section, char *out, size_t bytes)
{
    int best = -1, fewest = INT_MAX;
    for (int i = 0; i < option_section_count; i++) {
        int changes = distance(section, option_sections[i].name);
        if (is_near(changes, section) && changes < fewest) {
            fewest = changes;
            best = i;
        }
    }
    if (best >= 0)
        (void)snprintf(out, bytes, " (did you mean [%s]?)", option_sections[best].name);
    else
        out[0] = '\0';
}

static err wrong(const option *o, const char *value, const char *place)
{
    return err_set(ERR_CONFIG, "%s: %s.%s = %.60s: must be %s%s%s", place, o->section, o->key, value,
                   type_names[o->type], o->range[0] ? ", " : "", o->range);
}

/* "low to high" of the table; everything if it is empty. */
static void range_of(const option *o, double *low, double *high)
{
    static const char between[] = " to ";
    char *end;
    *low = strtod(o->range, &end);
    bool is_range = end > o->range && strncmp(end, between, strlen(between)) == 0;
    *high = is_range ? strtod(end + strlen(between), NULL) : INFINITY;
    if (!is_range) *low = -INFINITY;
}

static bool read_integer(const option *o, const char *value, int *out)
{
    double low, high;
    range_of(o, &low, &high);
    char *end;
    errno = 0;
    long number = strtol(value, &end, 10);
    if (end == value || *end || errno || number < INT_MIN || number > INT_MAX) return false;
    *out = (int)number;
    return (double)number >= low && (double)number <= high;
}

static bool read_real(const option *o, const char *value, double *out)
{
    double low, high;
    range_of(o, &low, &high);
    char *end;
    *out = strtod(value, &end);
    return end != value && !*end && isfinite(*out) && *out >= low && *out <= high;
}

static bool read_truth(const char *value, bool *out)
{
    static const char *const yes[] = {"yes", "true", "on", "1"}, *const no[] = {"no", "false", "off", "0"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        *out = strcasecmp(value, yes[i]) == 0;
        if (*out || strcasecmp(value, no[i]) == 0) return true;
    }
    return false;
}

/* Does the value fit one choice of `length` characters? "b[:N]" fits b, b:0, b:1, ... */
static bool fits_choice(const char *choice, size_t length, const char *value)
{
    static const char number[] = "[:N]";
    size_t tail = sizeof number - 1, stem = length;
    bool numbered = length > tail && strncmp(choice + length - tail, number, tail) == 0;
    if (numbered) stem -= tail;
    if (strncmp(choice, value, stem) != 0) return false;
    value += stem;
    if (!*value) return true;
    return numbered && *value == ':' && value[1] && !value[1 + strspn(value + 1, "0123456789")];
}

/* Is the value one of "a|b[:N]|c"? */
static bool is_choice(const char *choices, const char *value)
{
    for (const char *choice = choices;; choice++) {
        size_t length = strcspn(choice, "|");
        if (fits_choice(choice, length, value)) return true;
        choice += length;
        if (!*choice) return false;
    }
}

static bool read_text(const option *o, const char *value, char *out, size_t bytes)
{
    if (strlen(value) >= bytes || (o->range[0] && !is_choice(o->range, value))) return false;
    (void)snprintf(out, bytes, "%s", value);
    return true;
}

static bool read_item(settings *s, const option *o, const char *value)
{
    void *field = (char *)s + o->offset;
    switch (o->type) {
    case OPTION_TEXT:
        return read_text(o, value, field, sizeof(option_text));
    case OPTION_INTEGER:
        return read_integer(o, value, field);
    case OPTION_REAL:
        return read_real(o, value, field);
    case OPTION_TRUTH:
        return read_truth(value, field);
    case OPTION_TEXTS: {
        texts *list = field;
        return list->n < TEXT_LIST_ITEMS && read_text(o, value, list->values[list->n++], TEXT_ITEM_BYTES);
    }
    case OPTION_INTEGERS: {
        integers *list = field;
        return list->n < LIST_ITEMS && read_integer(o, value, &list->values[list->n++]);
    }
    case OPTION_REALS: {
        reals *list = field;
        return list->n < LIST_ITEMS && read_real(o, value, &list->values[list->n++]);
    }
    }
    return false;
}

/* Splits at commas and trims blanks; an empty value is an empty list, an empty item is refused. */
static bool read_list(settings *s, const option *o, const char *value)
{
    memset((char *)s + o->offset, 0, sizeof(int)); /* n comes first in every list */
    if (value[strspn(value, " \t")] == '\0') return true;
    for (;;) {
        char item[TEXT_ITEM_BYTES];
        value += strspn(value, " \t");
        size_t length = strcspn(value, ",");
        const char *next = value + length;
        while (length > 0 && isspace((unsigned char)value[length - 1])) length--;
        if (length == 0 || length >= sizeof item) return false;
        memcpy(item, value, length);
        item[length] = '\0';
        if (!read_item(s, o, item)) return false;
        if (!*next) return true;
        value = next + 1;
    }
}

err option_set(settings *s, const option *o, const char *value, const char *place)
{
    bool list = o->type == OPTION_TEXTS || o->type == OPTION_INTEGERS || o->type == OPTION_REALS;
    settings before;
    memcpy(&before, s, sizeof before); /* a refused value leaves the settings as they were */
    if (list ? read_list(s, o, value) : read_item(s, o, value)) return OK;
    memcpy(s, &before, sizeof before);
    return wrong(o, value, place);
}

void option_format(const settings *s, const option *o, text *out)
{
    const void *field = (const char *)s + o->offset;
    int n = 1;
    const int *integer_values = field;
    const double *real_values = field;
    if (o->type == OPTION_INTEGERS) {
        n = ((const integers *)field)->n;
        integer_values = ((const integers *)field)->values;
    } else if (o->type == OPTION_REALS) {
        n = ((const reals *)field)->n;
        real_values = ((const reals *)field)->values;
    } else if (o->type == OPTION_TEXTS) {
        n = ((const texts *)field)->n;
    }
    for (int i = 0; i < n; i++) {
        const char *comma = i ? ", " : "";
        switch (o->type) {
        case OPTION_TEXT:
            text_printf(out, "%s", (const char *)field);
            break;
        case OPTION_TRUTH:
            text_printf(out, "%s", *(const bool *)field ? "yes" : "no");
            break;
        case OPTION_INTEGER:
        case OPTION_INTEGERS:
            text_printf(out, "%s%d", comma, integer_values[i]);
            break;
        case OPTION_REAL:
        case OPTION_REALS:
            text_printf(out, "%s%.9g", comma, real_values[i]);
            break;
        case OPTION_TEXTS:
            text_printf(out, "%s%s", comma, ((const texts *)field)->values[i]);
            break;
        }
    }
}

void options_help(text *out)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        const option *o = &options[i];
        if (i == 0 || strcmp(o->section, options[i - 1].section) != 0) {
            const char *help = "";
            for (int j = 0; j < option_section_count; j++)
                if (strcmp(option_sections[j].name, o->section) == 0) help = option_sections[j].help;
            text_printf(out, "%s[%s]  %s\n", i ? "\n" : "", o->section, help);
        }
        text_printf(out, "  %s = %s\n      %s\n", o->key, o->initial, o->help);
        if (o->range[0]) text_printf(out, "      %s, %s\n", type_names[o->type], o->range);
    }
}
