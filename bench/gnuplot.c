#include "bench/gnuplot.h"

#include "base/files.h"
#include "base/utf8.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* plots/common.gp, embedded so that the program needs no file beside it. */
static const unsigned char common_script[] = {
#include "generated/common.gp.inc"
};

/* ---- values ---- */

/* In single quotes gnuplot executes nothing. Its own way to write a quote in them fails at their beginning,
 * so that one becomes the apostrophe that it stands for (U+2019). Its strings are lines of UTF-8. */
static void add_quoted(text *script, const char *value)
{
    text_bytes(script, "'", 1);
    for (int n = 0; *value; value += n > 0 ? n : 1) {
        uint32_t code;
        n = utf8_next(value, &code);
        if (n == 0)
            text_printf(script, "?");
        else if (code == '\'')
            text_printf(script, "\xE2\x80\x99");
        else
            text_bytes(script, code < ' ' ? " " : value, (size_t)n);
    }
    text_bytes(script, "'", 1);
}

/* Line breaks are wanted in some: parts in single quotes, joined by "\n". */
static void add_lines(text *script, const char *value)
{
    char part[512];
    for (;;) {
        size_t n = strcspn(value, "\n");
        (void)snprintf(part, sizeof part, "%.*s", (int)n, value);
        add_quoted(script, part);
        if (!value[n]) return;
        text_printf(script, ".\"\\n\".");
        value += n + 1;
    }
}

void gnuplot_number(text *script, const char *name, double value)
{
    text_printf(script, "%s = %.9g\n", name, value);
}

void gnuplot_text(text *script, const char *name, const char *value)
{
    text_printf(script, "%s = ", name);
    add_lines(script, value);
    text_printf(script, "\n");
}

void gnuplot_texts(text *script, const char *name, const char *const *values, int n)
{
    text_printf(script, "array %s[%d]\n", name, n > 0 ? n : 1);
    for (int i = 0; i < n; i++) {
        text_printf(script, "%s[%d] = ", name, i + 1);
        add_lines(script, values[i]);
        text_printf(script, "\n");
    }
}

void gnuplot_numbers(text *script, const char *name, const double *values, int n)
{
    text_printf(script, "array %s[%d]\n", name, n > 0 ? n : 1);
    for (int i = 0; i < n; i++) text_printf(script, "%s[%d] = %.9g\n", name, i + 1, values[i]);
}

/* ---- running ---- */

/* In the child: gnuplot in the folder, its words going to NAME.log. */
static _Noreturn void be_gnuplot(const char *folder, const char *script, const char *log_name)
{
    if (chdir(folder) == 0) {
        int log = open(log_name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
        if (log >= 0) {
            (void)dup2(log, STDOUT_FILENO);
            (void)dup2(log, STDERR_FILENO);
        }
        (void)setenv("SOURCE_DATE_EPOCH", "0", 1); /* later versions of cairo look at it */
        (void)execlp("gnuplot", "gnuplot", script, (char *)NULL);
    }
    _exit(127);
}

static err run(const char *folder, const char *name)
{
    char script[256], log[256];
    (void)snprintf(script, sizeof script, "%s.gp", name);
    (void)snprintf(log, sizeof log, "%s.log", name);
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) return err_set_errno(ERR_SYSTEM, "gnuplot cannot be started");
    if (pid == 0) be_gnuplot(folder, script, log);
    int status;
    while (waitpid(pid, &status, 0) != pid) continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return OK;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return err_set(
            ERR_UNAVAILABLE,
            "no figure: gnuplot is not installed (Debian: gnuplot-nox); then run  cd %s && gnuplot %s",
            folder, script);
    return err_set(ERR_UNAVAILABLE, "no figure: gnuplot failed, see %s/%s", folder, log);
}

/* cairo 1.16 writes "/CreationDate (D:20240131235959Z)" whatever the environment says; zeros of the same
 * length leave every offset in the file as it is. */
static err forget_date(const char *path)
{
    enum { LIMIT = 1 << 28, DIGITS = 14 };
    static const char key[] = "/CreationDate (D:";
    char *bytes;
    size_t n;
    TRY(file_read(path, LIMIT, &bytes, &n));
    err error = OK;
    for (size_t i = 0; i + sizeof key + DIGITS < n; i++) {
        if (memcmp(bytes + i, key, sizeof key - 1) != 0) continue;
        memcpy(bytes + i + sizeof key - 1, "19700101000000", DIGITS);
        error = file_write(path, bytes, n);
        break;
    }
    free(bytes);
    return error;
}

err gnuplot_forget(const char *folder, const char *name)
{
    static const char *const endings[] = {"svg", "pdf", "png", "gp"};
    char path[PATH_BYTES];
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        TRY(path_join(path, folder, "%s.%s", name, endings[i]));
        TRY(folder_remove(path));
    }
    return OK;
}

static err write_script(const char *path, const char *name, const char *formats, const text *prelude,
                        const unsigned char *script, size_t n)
{
    text t = {0};
    gnuplot_text(&t, "name", name);
    gnuplot_text(&t, "formats", formats);
    text_bytes(&t, prelude->data ? prelude->data : "", prelude->length);
    text_printf(&t, "\n");
    text_bytes(&t, common_script, sizeof common_script);
    text_printf(&t, "\n");
    text_bytes(&t, script, n);
    t.failed |= prelude->failed;
    err error = text_save(&t, path);
    text_close(&t);
    return error;
}

err gnuplot_draw(const char *folder, const char *name, const char *formats, const text *prelude,
                 const unsigned char *script, size_t n)
{
    char path[PATH_BYTES];
    TRY(gnuplot_forget(folder, name));
    TRY(path_join(path, folder, "%s.gp", name));
    TRY(write_script(path, name, formats, prelude, script, n));
    TRY(run(folder, name));
    TRY(path_join(path, folder, "%s.pdf", name));
    if (path_exists(path)) TRY(forget_date(path));
    TRY(path_join(path, folder, "%s.log", name));
    return folder_remove(path);
}

hash gnuplot_hash(void)
{
    return hash_bytes(common_script, sizeof common_script);
}
