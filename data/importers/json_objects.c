#include "data/importers/json_objects.h"

#include "base/text.h"

#include <stdio.h>

enum { OBJECT_BYTES = 1 << 22, DEPTH_MOST = 64 };

typedef struct scanner {
    const char *path;
    FILE *file;
    char open[DEPTH_MOST]; /* the brackets that are open */
    int depth, line;
    int object_depth, object_line; /* the depth that the object began at; -1: none is open */
    text object;
    bool in_string, escaped;
} scanner;

/* Follows one character; *complete when it ends an object that is wanted. */
static err follow(scanner *s, char c, bool *complete)
{
    *complete = false;
    s->line += c == '\n';
    if (s->in_string) {
        bool ends = c == '"' && !s->escaped;
        s->escaped = c == '\\' && !s->escaped;
        s->in_string = !ends;
        return OK;
    }
    if (c == '"') s->in_string = true;
    if (c == '{' || c == '[') {
        if (s->depth == DEPTH_MOST)
            return err_set(ERR_DATA, "%s:%d: more than %d brackets within each other", s->path, s->line,
                           DEPTH_MOST);
        if (c == '{' && s->object_depth < 0 && s->depth > 0 && s->open[s->depth - 1] == '[') {
            s->object_depth = s->depth;
            s->object_line = s->line;
        }
        s->open[s->depth++] = c;
    }
    if (c == '}' || c == ']') {
        if (s->depth == 0 || s->open[s->depth - 1] != (c == '}' ? '{' : '['))
            return err_set(ERR_DATA, "%s:%d: a bracket that nothing opened", s->path, s->line);
        *complete = --s->depth == s->object_depth;
    }
    return OK;
}

static err take_object(scanner *s, err (*take)(void *, int, const cJSON *), void *context)
{
    TRY(text_check(&s->object));
    cJSON *object = cJSON_ParseWithLength(s->object.data, s->object.length);
    if (!object) return err_set(ERR_DATA, "%s:%d: an object that is not JSON", s->path, s->object_line);
    err error = take(context, s->object_line, object);
    cJSON_Delete(object);
    s->object.length = 0;
    s->object_depth = -1;
    return error;
}

static err scan(scanner *s, err (*take)(void *, int, const cJSON *), void *context)
{
    for (int c; (c = getc(s->file)) != EOF;) {
        bool complete;
        char byte = (char)c;
        TRY(follow(s, byte, &complete));
        if (s->object_depth >= 0) text_bytes(&s->object, &byte, 1);
        if (s->object.length > OBJECT_BYTES)
            return err_set(ERR_DATA, "%s:%d: an object of more than %d bytes", s->path, s->object_line,
                           OBJECT_BYTES);
        if (complete) TRY(take_object(s, take, context));
    }
    if (ferror(s->file)) return err_set_errno(ERR_IO, "%s: reading failed", s->path);
    return s->depth == 0 ? OK : err_set(ERR_DATA, "%s: is truncated", s->path);
}

err json_objects(const char *path, err (*take)(void *context, int line, const cJSON *object), void *context)
{
    scanner s = {.path = path, .line = 1, .object_depth = -1, .file = fopen(path, "re")};
    if (!s.file) return err_set_errno(ERR_NO_INPUT, "%s: cannot be opened", path);
    err error = scan(&s, take, context);
    (void)fclose(s.file);
    text_close(&s.object);
    return error;
}

const char *json_text(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}
