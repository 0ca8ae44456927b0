#include "bench/settings.h"

#include "bench/inifile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char PRESET[] = "preset:";
enum { PLACE_BYTES = PATH_BYTES + 32 };

void settings_defaults(settings *s)
{
    memset(s, 0, sizeof *s);
    for (int i = 0; i < OPTION_COUNT; i++)
        if (option_set(s, &options[i], options[i].initial, "bench/options.def") != OK) {
            (void)fprintf(stderr, "bench: %s\n", err_message()); /* our own table is wrong */
            abort();
        }
}

static err unknown(const char *place, const char *section, const char *key)
{
    char suggestion[160];
    if (!option_has_section(section)) {
        option_suggest_section(section, suggestion, sizeof suggestion);
        return err_set(ERR_CONFIG, "%s: unknown section [%.80s]%s", place, section, suggestion);
    }
    option_suggest(section, key, suggestion, sizeof suggestion);
    return err_set(ERR_CONFIG, "%s: unknown key %.60s.%.80s%s", place, section, key, suggestion);
}

/* Sets one value and remembers where it came from. */
static err assign(settings *s, const char *section, const char *key, const char *value, const char *place,
                  const char *where)
{
    const option *o = option_find(section, key);
    if (!o) return unknown(place, section, key);
    TRY(option_set(s, o, value, place));
    (void)snprintf(s->where[o - options], sizeof s->where[0], "%s", where);
    return OK;
}

/* As assign, with "section.key" in one text. */
static err assign_dotted(settings *s, const char *dotted, const char *value, const char *place,
                         const char *where)
{
    char section[64];
    size_t length = strcspn(dotted, ".");
    if (dotted[length] == '\0' || length >= sizeof section)
        return err_set(ERR_CONFIG, "%s: %.80s: write section.key = value", place, dotted);
    memcpy(section, dotted, length);
    section[length] = '\0';
    return assign(s, section, dotted + length + 1, value, place, where);
}

static bool is_preset(const char *section)
{
    return strncmp(section, PRESET, sizeof PRESET - 1) == 0;
}

static void place_of(const ini_file *f, const ini_entry *e, char place[PLACE_BYTES], char where[32])
{
    (void)snprintf(place, PLACE_BYTES, "%s:%d", f->path, e->line);
    (void)snprintf(where, 32, "%d", e->line);
}

/* One line of a preset, into `s`. */
static err apply_preset_entry(settings *s, const ini_file *f, const ini_entry *e)
{
    char place[PLACE_BYTES], where[32];
    place_of(f, e, place, where);
    if (!e->key) return OK;
    return assign_dotted(s, e->key, e->value, place, where);
}

/* The sections that are not presets go into `s`; presets are tried on a copy, so that their mistakes show. */
static err apply_entries(settings *s, const ini_file *f)
{
    char place[PLACE_BYTES], where[32];
    for (int i = 0; i < f->n; i++) {
        const ini_entry *e = &f->entries[i];
        place_of(f, e, place, where);
        if (is_preset(e->section)) {
            settings trial;
            memcpy(&trial, s, sizeof trial);
            TRY(apply_preset_entry(&trial, f, e));
        } else if (e->key) {
            TRY(assign(s, e->section, e->key, e->value, place, where));
        } else if (!option_has_section(e->section)) {
            return unknown(place, e->section, "");
        }
    }
    return OK;
}

static err no_preset(const ini_file *f, const char *name)
{
    text known = {0};
    for (int i = 0; i < f->n; i++)
        if (!f->entries[i].key && is_preset(f->entries[i].section))
            text_printf(&known, "%s%s", known.length ? ", " : "", f->entries[i].section + sizeof PRESET - 1);
    err error = err_set(ERR_CONFIG, "%s: there is no preset %.60s; there %s %s", f->path, name,
                        known.length ? "are:" : "are", known.length ? known.data : "none");
    text_close(&known);
    return error;
}

static err apply_preset(settings *s, const ini_file *f, const char *name)
{
    bool found = false;
    for (int i = 0; i < f->n; i++) {
        const ini_entry *e = &f->entries[i];
        if (!is_preset(e->section) || strcmp(e->section + sizeof PRESET - 1, name) != 0) continue;
        found = true;
        TRY(apply_preset_entry(s, f, e));
    }
    return found ? OK : no_preset(f, name);
}

err settings_load(settings *s, const char *path, const char *const *presets, int n_presets)
{
    ini_file file;
    err error = ini_file_open(path, &file);
    if (error == OK && strlen(path) >= sizeof s->file)
        error = err_set(ERR_USAGE, "%.60s...: the path is too long", path);
    if (error == OK) {
        (void)snprintf(s->file, sizeof s->file, "%s", path);
        error = apply_entries(s, &file);
    }
    for (int i = 0; i < n_presets && error == OK; i++) error = apply_preset(s, &file, presets[i]);
    ini_file_close(&file);
    return error;
}

err settings_assign(settings *s, const char *assignment)
{
    char dotted[160];
    size_t length = strcspn(assignment, "=");
    size_t blanks = strcspn(assignment, " \t=");
    if (assignment[length] == '\0' || length >= sizeof dotted)
        return err_set(ERR_CONFIG, "--set %.80s: write --set section.key=value", assignment);
    memcpy(dotted, assignment, blanks);
    dotted[blanks] = '\0';
    const char *value = assignment + length + 1;
    return assign_dotted(s, dotted, value + strspn(value, " \t"), "--set", "--set");
}

err settings_flag(settings *s, const option *o, const char *value)
{
    char flag[40];
    (void)snprintf(flag, sizeof flag, "--%s", o->flag);
    bool again = o->type == OPTION_TEXTS && strcmp(s->where[o - options], flag) == 0;
    if (!again) return assign(s, o->section, o->key, value, flag, flag);
    text all = {0};
    option_format(s, o, &all); /* a list grows by each flag */
    text_printf(&all, ", %s", value);
    err error = text_check(&all);
    if (error == OK) error = assign(s, o->section, o->key, all.data, flag, flag);
    text_close(&all);
    return error;
}

void settings_place(const settings *s, int option_index, char *out, size_t bytes)
{
    const option *o = &options[option_index];
    const char *where = s->where[option_index];
    if (!where[0])
        (void)snprintf(out, bytes, "default %s.%s", o->section, o->key);
    else if (where[0] == '-')
        (void)snprintf(out, bytes, "%s: %s.%s", where, o->section, o->key);
    else
        (void)snprintf(out, bytes, "%s:%s: %s.%s", s->file, where, o->section, o->key);
}

void settings_line(const settings *s, int option_index, text *out)
{
    const option *o = &options[option_index];
    text_printf(out, "%s.%s = ", o->section, o->key);
    option_format(s, o, out);
    text_printf(out, "\n");
}

void settings_file(const settings *s, text *out)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (i == 0 || strcmp(options[i].section, options[i - 1].section) != 0)
            text_printf(out, "%s[%s]\n", i ? "\n" : "", options[i].section);
        text_printf(out, "%s = ", options[i].key);
        option_format(s, &options[i], out);
        text_printf(out, "\n");
    }
}

err settings_save(const settings *s, const char *path)
{
    text t = {0};
    settings_file(s, &t);
    err error = text_save(&t, path);
    text_close(&t);
    return error;
}
