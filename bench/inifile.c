#include "bench/inifile.h"

#include "base/files.h"

#include <ctype.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 4096, FILE_LIMIT = 4 << 20 };

typedef struct reading {
    ini_file *out;
    const char *next; /* the rest of the file */
    int line;         /* of the line last handed to libinih */
    err error;        /* the first of ours, told in err_message() */
} reading;

static char *copy(const char *value)
{
    size_t n = strlen(value) + 1;
    char *out = malloc(n);
    if (out) memcpy(out, value, n);
    return out;
}

static err append(ini_file *f, int line, const char *section, const char *key, const char *value)
{
    if (f->n == f->capacity) {
        int capacity = f->capacity ? 2 * f->capacity : 64;
        ini_entry *entries = realloc(f->entries, (size_t)capacity * sizeof *entries);
        if (!entries) return err_set(ERR_SYSTEM, "%s: out of memory", f->path);
        f->entries = entries;
        f->capacity = capacity;
    }
    ini_entry *e = &f->entries[f->n++];
    *e = (ini_entry){line, copy(section), key ? copy(key) : NULL, value ? copy(value) : NULL};
    if (!e->section || (key && !e->key) || (value && !e->value))
        return err_set(ERR_SYSTEM, "%s: out of memory", f->path);
    return OK;
}

/* libinih calls this for values only; sections are kept too, so that an unknown empty one is noticed. */
static void note_section(reading *r, const char *line, size_t length)
{
    const char *close = memchr(line, ']', length);
    if (line[0] != '[' || !close || r->error != OK) return;
    char name[LINE_BYTES];
    (void)snprintf(name, sizeof name, "%.*s", (int)(close - line - 1), line + 1);
    r->error = append(r->out, r->line, name, NULL, NULL);
}

/* Hands libinih one line. Blanks at the start are dropped: to libinih they would continue the line before. */
static char *next_line(char *buffer, int bytes, void *stream)
{
    reading *r = stream;
    if (!*r->next || r->error != OK) return NULL;
    size_t length = strcspn(r->next, "\n");
    const char *line = r->next;
    r->next += length + (r->next[length] == '\n');
    r->line++;
    while (length > 0 && isspace((unsigned char)*line)) {
        line++;
        length--;
    }
    if (length + 2 > (size_t)bytes) {
        r->error =
            err_set(ERR_CONFIG, "%s:%d: the line is longer than %d bytes", r->out->path, r->line, bytes - 2);
        return NULL;
    }
    note_section(r, line, length);
    memcpy(buffer, line, length);
    buffer[length] = '\n';
    buffer[length + 1] = '\0';
    return buffer;
}

static int take_value(void *user, const char *section, const char *key, const char *value)
{
    reading *r = user;
    if (r->error != OK) return 0;
    for (int i = 0; i < r->out->n; i++) {
        const ini_entry *e = &r->out->entries[i];
        if (e->key && strcmp(e->section, section) == 0 && strcmp(e->key, key) == 0) {
            r->error = err_set(ERR_CONFIG, "%s:%d: %s is given twice in [%s], first in line %d", r->out->path,
                               r->line, key, section, e->line);
            return 0;
        }
    }
    r->error = append(r->out, r->line, section, key, value);
    return r->error == OK;
}

static err parse(reading *r)
{
    ini_allow_multiline = false;
    ini_use_stack = false;
    ini_max_line = LINE_BYTES;
    ini_initial_alloc = LINE_BYTES;
    ini_stop_on_first_error = true;
    int bad_line = ini_parse_stream(next_line, r, take_value, r);
    if (r->error != OK) return r->error;
    if (bad_line == -2) return err_set(ERR_SYSTEM, "%s: out of memory", r->out->path);
    if (bad_line != 0)
        return err_set(ERR_CONFIG, "%s:%d: neither a [section] nor key = value", r->out->path, bad_line);
    return OK;
}

err ini_file_parse(const char *path, const char *bytes, size_t n, ini_file *out)
{
    *out = (ini_file){.path = copy(path)};
    if (!out->path) return err_set(ERR_SYSTEM, "%s: out of memory", path);
    if (strlen(bytes) != n) return err_set(ERR_CONFIG, "%s: is not a text file", path);
    reading r = {.out = out, .next = bytes};
    return parse(&r);
}

err ini_file_open(const char *path, ini_file *out)
{
    *out = (ini_file){0};
    char *bytes;
    size_t n;
    TRY(file_read(path, FILE_LIMIT, &bytes, &n));
    err error = ini_file_parse(path, bytes, n, out);
    free(bytes);
    return error;
}

void ini_file_close(ini_file *f)
{
    for (int i = 0; i < f->n; i++) {
        free(f->entries[i].section);
        free(f->entries[i].key);
        free(f->entries[i].value);
    }
    free(f->entries);
    free(f->path);
    *f = (ini_file){0};
}

const char *ini_file_value(const ini_file *f, const char *section, const char *key)
{
    for (int i = 0; i < f->n; i++) {
        const ini_entry *e = &f->entries[i];
        if (e->key && strcmp(e->section, section) == 0 && strcmp(e->key, key) == 0) return e->value;
    }
    return NULL;
}
