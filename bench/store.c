#include "bench/store.h"

#include "base/file_writer.h"
#include "base/private.h"
#include "base/text.h"
#include "bench/inifile.h"
#include "bench/interrupt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char MANIFEST[] = "manifest.ini";

err store_open(const char *out, store *s)
{
    s->locks = -1;
    TRY(path_join(s->folder, out, "artifacts"));
    TRY(folder_make(s->folder));
    char path[PATH_BYTES];
    TRY(path_join(path, s->folder, "locks"));
    s->locks = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (s->locks < 0) return err_set_errno(ERR_CANNOT_CREATE, "%s: cannot be written", path);
    return OK;
}

void store_close(store *s)
{
    if (s->locks >= 0) (void)close(s->locks);
    s->locks = -1;
}

err store_path(const store *s, const char *kind, const hash *key, const char *file, char out[PATH_BYTES])
{
    return path_join(out, s->folder, "%s-%s%s%s", kind, key->hex, file ? "/" : "", file ? file : "");
}

static err work_path(const store *s, const char *kind, const hash *key, char out[PATH_BYTES])
{
    return path_join(out, s->folder, "%s-%s.work", kind, key->hex);
}

bool store_has(const store *s, const char *kind, const hash *key)
{
    char path[PATH_BYTES];
    return store_path(s, kind, key, MANIFEST, path) == OK && path_exists(path);
}

/* 60 bits of the key are the byte that is locked; two keys on one byte would only wait for each other. */
static struct flock range_of(const hash *key, short type)
{
    char digits[16];
    (void)snprintf(digits, sizeof digits, "%.15s", key->hex);
    return (struct flock){
        .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)strtoull(digits, NULL, 16), .l_len = 1};
}

err store_lock(const store *s, const hash *key, bool *taken)
{
    struct flock range = range_of(key, F_WRLCK);
    *taken = fcntl(s->locks, F_SETLK, &range) == 0;
    if (!*taken && errno != EACCES && errno != EAGAIN && errno != EINTR)
        return err_set_errno(ERR_CANNOT_CREATE, "%s/locks: cannot be locked", s->folder);
    return OK;
}

err store_wait(const store *s, const hash *key)
{
    struct flock range = range_of(key, F_WRLCK);
    while (fcntl(s->locks, F_SETLKW, &range) != 0) {
        if (errno != EINTR) return err_set_errno(ERR_CANNOT_CREATE, "%s/locks: cannot be locked", s->folder);
        if (interrupt_count() > 0) return err_set(ERR_INTERRUPTED, "interrupted; the same command continues");
    }
    return OK;
}

void store_unlock(const store *s, const hash *key)
{
    struct flock range = range_of(key, F_UNLCK);
    (void)fcntl(s->locks, F_SETLK, &range);
}

bool store_busy(const store *s, const hash *key)
{
    struct flock range = range_of(key, F_WRLCK);
    return fcntl(s->locks, F_GETLK, &range) == 0 && range.l_type != F_UNLCK;
}

err store_begin(const store *s, const char *kind, const hash *key, bool resume, char work[PATH_BYTES])
{
    TRY(work_path(s, kind, key, work));
    if (!resume) TRY(folder_remove(work));
    TRY(folder_make(work));
    return private_mark(work);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strcmp(entry->d_name, MANIFEST) != 0;
}

static err hash_file(const char *path, hash *out)
{
    const void *bytes;
    size_t n;
    TRY(file_map(path, &bytes, &n));
    *out = hash_bytes(bytes ? bytes : "", n);
    file_unmap(bytes, n);
    return OK;
}

/* What only serves the making: checkpoints, and what a killed writer left. */
static bool is_scratch(const char *name)
{
    return strncmp(name, "checkpoint", strlen("checkpoint")) == 0 || strstr(name, ".part-") != NULL;
}

/* "[files]" with one "name = hash" for each file of the folder, in alphabetical order. */
static err list_files(const char *folder, text *out)
{
    text_printf(out, "[files]\n");
    struct dirent **entries;
    int n = scandir(folder, &entries, is_visible, alphasort);
    if (n < 0) return err_set_errno(ERR_IO, "%s: cannot be listed", folder);
    err error = OK;
    for (int i = 0; i < n; i++) {
        char path[PATH_BYTES];
        hash content;
        const char *name = entries[i]->d_name;
        if (error == OK) error = path_join(path, folder, "%s", name);
        if (error == OK && is_scratch(name)) {
            error = folder_remove(path);
        } else if (error == OK) {
            error = hash_file(path, &content);
            if (error == OK && file_writers_waiting()) error = file_sync(path);
            text_printf(out, "%s = %s\n", name, content.hex);
        }
        free(entries[i]);
    }
    free(entries);
    return error;
}

/* Line breaks and " ;" would end a value in an INI file. */
static void clean_value(const char *value, char *out, size_t bytes)
{
    size_t n = 0;
    for (; *value && n + 1 < bytes; value++)
        out[n++] = (*value == '\n' || *value == '\r') ? ' ' : *value == ';' ? ',' : *value;
    out[n] = '\0';
}

err store_finish(const store *s, const char *kind, const hash *key, const manifest *m)
{
    char work[PATH_BYTES], finished[PATH_BYTES], path[PATH_BYTES], message[MANIFEST_MESSAGE_BYTES];
    TRY(work_path(s, kind, key, work));
    TRY(store_path(s, kind, key, NULL, finished));
    TRY(path_join(path, work, "%s", MANIFEST));
    clean_value(m->message, message, sizeof message);
    text t = {0};
    text_printf(&t, "[artifact]\nkind = %s\nkey = %s\nstatus = %s\nmessage = %s\nseconds = %.3f\n\n", kind,
                key->hex, m->failed ? "failed" : "done", message, m->seconds);
    err error = list_files(work, &t);
    if (error == OK) error = text_check(&t);
    if (error == OK) {
        hash own = hash_bytes(t.data, t.length);
        text_printf(&t, "\n[manifest]\nhash = %s\n", own.hex);
    }
    if (error == OK) error = text_save(&t, path);
    text_close(&t);
    TRY(error);
    TRY(folder_remove(finished)); /* without its manifest, or the caller would not have made it again */
    if (rename(work, finished) != 0) return err_set_errno(ERR_IO, "%s: cannot be finished", finished);
    return OK;
}

err store_remove(const store *s, const char *kind, const hash *key)
{
    char finished[PATH_BYTES], work[PATH_BYTES];
    TRY(store_path(s, kind, key, NULL, finished));
    TRY(work_path(s, kind, key, work));
    TRY(folder_remove(work));
    if (rename(finished, work) != 0 && errno != ENOENT)
        return err_set_errno(ERR_IO, "%s: cannot be removed", finished);
    return folder_remove(work);
}

/* The manifest's last section holds the hash of all that stands before it. */
static err check_own_hash(const char *path, const char *bytes)
{
    const char *last = strstr(bytes, "\n[manifest]\nhash = ");
    bool right = false;
    if (last) {
        hash own = hash_bytes(bytes, (size_t)(last - bytes));
        right = strncmp(last + strlen("\n[manifest]\nhash = "), own.hex, 32) == 0;
    }
    return right ? OK : err_set(ERR_DATA, "%s: does not match its own hash", path);
}

static err read_bytes(const char *path, char **bytes, size_t *n)
{
    enum { LIMIT = 1 << 20 };
    return file_read(path, LIMIT, bytes, n);
}

static err open_manifest(const char *path, ini_file *f)
{
    char *bytes;
    size_t n;
    TRY(read_bytes(path, &bytes, &n));
    err error = check_own_hash(path, bytes);
    if (error == OK) error = ini_file_parse(path, bytes, n, f);
    free(bytes);
    return error;
}

static err read_manifest(const char *path, const hash *key, ini_file *f, manifest *out)
{
    TRY(open_manifest(path, f));
    const char *own_key = ini_file_value(f, "artifact", "key");
    const char *status = ini_file_value(f, "artifact", "status");
    const char *message = ini_file_value(f, "artifact", "message");
    const char *seconds = ini_file_value(f, "artifact", "seconds");
    if (!own_key || strcmp(own_key, key->hex) != 0 || !status || !message || !seconds)
        return err_set(ERR_DATA, "%s: is not the manifest of this artifact", path);
    out->failed = strcmp(status, "failed") == 0;
    (void)snprintf(out->message, sizeof out->message, "%s", message);
    out->seconds = strtod(seconds, NULL);
    return OK;
}

err store_manifest(const store *s, const char *kind, const hash *key, manifest *out)
{
    char path[PATH_BYTES];
    TRY(store_path(s, kind, key, MANIFEST, path));
    ini_file f = {0};
    err error = read_manifest(path, key, &f, out);
    ini_file_close(&f);
    return error;
}

err store_manifest_hash(const store *s, const char *kind, const hash *key, hash *out)
{
    char path[PATH_BYTES], *bytes;
    size_t n;
    TRY(store_path(s, kind, key, MANIFEST, path));
    TRY(read_bytes(path, &bytes, &n));
    *out = hash_bytes(bytes, n);
    free(bytes);
    return OK;
}

static err verify_file(const char *folder, const ini_entry *e)
{
    char path[PATH_BYTES];
    hash content;
    if (strchr(e->key, '/'))
        return err_set(ERR_DATA, "%s: its manifest names %.200s, which is elsewhere", folder, e->key);
    TRY(path_join(path, folder, "%s", e->key));
    err error = hash_file(path, &content);
    if (error == ERR_NO_INPUT) return err_set(ERR_DATA, "%s: is missing", path);
    TRY(error);
    if (strcmp(content.hex, e->value) != 0)
        return err_set(ERR_DATA, "%s: has changed since it was made", path);
    return OK;
}

err store_verify(const store *s, const char *kind, const hash *key)
{
    char folder[PATH_BYTES], path[PATH_BYTES];
    TRY(store_path(s, kind, key, NULL, folder));
    TRY(store_path(s, kind, key, MANIFEST, path));
    ini_file f = {0};
    manifest m;
    err error = read_manifest(path, key, &f, &m);
    for (int i = 0; i < f.n && error == OK; i++)
        if (f.entries[i].key && strcmp(f.entries[i].section, "files") == 0)
            error = verify_file(folder, &f.entries[i]);
    ini_file_close(&f);
    return error;
}
