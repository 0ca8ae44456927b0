#include "base/files.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static char folder[] = "/tmp/bench-test-files-XXXXXX";

static void make_folder(void)
{
    cr_assert_not_null(mkdtemp(folder));
}

static void drop_folder(void)
{
    cr_assert_eq(folder_remove(folder), OK);
}

TestSuite(files, .init = make_folder, .fini = drop_folder);

static const char *in_folder(char path[PATH_BYTES], const char *name)
{
    cr_assert_eq(path_join(path, folder, "%s", name), OK);
    return path;
}

static int entries(const char *path)
{
    DIR *opened = opendir(path);
    cr_assert_not_null(opened);
    int n = 0;
    while (readdir(opened)) n++;
    (void)closedir(opened);
    return n - 2; /* "." and ".." */
}

static void expect_content(const char *path, const char *want)
{
    char *bytes;
    size_t n;
    cr_assert_eq(file_read(path, 1 << 20, &bytes, &n), OK, "%s", err_message());
    cr_expect_eq(n, strlen(want));
    cr_expect_str_eq(bytes, want);
    free(bytes);
}

Test(files, join_formats_the_name)
{
    char path[PATH_BYTES];
    cr_assert_eq(path_join(path, "a/b", "%s-%03d.npy", "x", 7), OK);
    cr_expect_str_eq(path, "a/b/x-007.npy");
}

Test(files, join_refuses_what_does_not_fit)
{
    char path[PATH_BYTES], longer[PATH_BYTES + 10];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    cr_expect_eq(path_join(path, longer, "a"), ERR_USAGE);
    cr_expect_eq(path_join(path, "a", "%s", longer), ERR_USAGE);
    longer[PATH_BYTES - 3] = '\0'; /* with "/a" and the NUL: exactly PATH_BYTES */
    cr_expect_eq(path_join(path, longer, "a"), OK);
    cr_expect_eq(strlen(path), PATH_BYTES - 1);
    cr_expect_eq(path_join(path, longer, "ab"), ERR_USAGE);
}

Test(files, folders_are_made_with_their_parents)
{
    char path[PATH_BYTES], other[PATH_BYTES];
    cr_expect_not(path_exists(in_folder(path, "a/b/c")));
    cr_expect_eq(folder_make(path), OK);
    cr_expect(path_exists(path));
    cr_expect_eq(folder_make(path), OK);
    cr_expect_eq(folder_make(in_folder(path, "d/e/")), OK);
    cr_expect(path_exists(in_folder(other, "d/e")));
}

Test(files, a_folder_cannot_replace_or_go_below_a_file)
{
    char path[PATH_BYTES];
    cr_assert_eq(file_write(in_folder(path, "file"), "x", 1), OK);
    cr_expect_eq(folder_make(path), ERR_CANNOT_CREATE);
    cr_expect_not_null(strstr(err_message(), path));
    cr_expect_eq(folder_make(in_folder(path, "file/below")), ERR_CANNOT_CREATE);
    cr_expect_not_null(strstr(err_message(), path));
}

Test(files, folders_are_removed_with_all_in_them)
{
    char path[PATH_BYTES], other[PATH_BYTES];
    cr_assert_eq(folder_make(in_folder(path, "kept")), OK);
    cr_assert_eq(file_write(in_folder(path, "kept/file"), "x", 1), OK);
    cr_assert_eq(folder_make(in_folder(path, "gone/sub")), OK);
    cr_assert_eq(file_write(in_folder(path, "gone/sub/file"), "x", 1), OK);
    cr_assert_eq(symlink(in_folder(other, "kept"), in_folder(path, "gone/link")), 0);
    cr_expect_eq(folder_remove(in_folder(path, "gone")), OK);
    cr_expect_not(path_exists(path));
    cr_expect(path_exists(in_folder(path, "kept/file"))); /* a link is removed, not followed */
    cr_expect_eq(folder_remove(in_folder(path, "never/was")), OK);
}

Test(files, what_is_written_is_read)
{
    char path[PATH_BYTES], *bytes;
    size_t n;
    cr_expect_eq(file_write(in_folder(path, "f"), "a\0b", 3), OK);
    cr_assert_eq(file_read(path, 3, &bytes, &n), OK);
    cr_expect_eq(n, 3);
    cr_expect_arr_eq(bytes, "a\0b", 4);
    free(bytes);
    cr_expect_eq(file_write(path, NULL, 0), OK);
    expect_content(path, "");
    cr_expect_eq(entries(folder), 1);
}

/* Who has the old file open, or mapped, keeps the whole old content. */
Test(files, a_write_replaces_the_file_at_once)
{
    char path[PATH_BYTES];
    const void *mapped;
    size_t n;
    cr_assert_eq(file_write(in_folder(path, "f"), "old", 3), OK);
    cr_assert_eq(file_map(path, &mapped, &n), OK);
    cr_assert_eq(file_write(path, "newer", 5), OK);
    cr_expect_eq(n, 3);
    cr_expect_arr_eq(mapped, "old", 3);
    file_unmap(mapped, n);
    expect_content(path, "newer");
}

/* A limit on the size of files stands for the full disk: the write stops half-way. */
Test(files, a_write_that_fails_half_way_keeps_the_old_file)
{
    char path[PATH_BYTES];
    static const char big[1 << 20];
    cr_assert_eq(file_write(in_folder(path, "f"), "old", 3), OK);
    struct rlimit before, small = {.rlim_cur = 65536};
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    cr_assert_neq(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    err error = file_write(path, big, sizeof big);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    cr_expect_eq(error, ERR_IO);
    cr_expect_not_null(strstr(err_message(), path));
    expect_content(path, "old");
    cr_expect_eq(entries(folder), 1);
}

Test(files, an_unwritable_target_is_named)
{
    char path[PATH_BYTES];
    cr_expect_eq(file_write(in_folder(path, "missing/f"), "x", 1), ERR_CANNOT_CREATE);
    cr_expect_not_null(strstr(err_message(), path));
    cr_expect_eq(file_write(folder, "x", 1), ERR_CANNOT_CREATE); /* a folder is no file */
    cr_assert_eq(folder_make(in_folder(path, "locked")), OK);
    cr_assert_eq(chmod(path, 0555), 0);
    if (geteuid() != 0) { /* root may write anywhere */
        cr_expect_eq(file_write(in_folder(path, "locked/f"), "x", 1), ERR_CANNOT_CREATE);
        cr_expect_eq(folder_make(in_folder(path, "locked/sub")), ERR_CANNOT_CREATE);
    }
    cr_assert_eq(chmod(in_folder(path, "locked"), 0755), 0);
    /* /proc takes no new entries, not even from root. */
    cr_expect_eq(file_write("/proc/bench-test", "x", 1), ERR_CANNOT_CREATE);
    cr_expect_eq(folder_make("/proc/bench-test/sub"), ERR_CANNOT_CREATE);
}

Test(files, missing_input_is_named)
{
    char path[PATH_BYTES], *bytes;
    const void *mapped;
    size_t n;
    cr_expect_eq(file_read(in_folder(path, "missing"), 10, &bytes, &n), ERR_NO_INPUT);
    cr_expect_not_null(strstr(err_message(), path));
    cr_expect_eq(file_map(path, &mapped, &n), ERR_NO_INPUT);
    cr_expect_not_null(strstr(err_message(), path));
    cr_expect_eq(file_read(folder, 10, &bytes, &n), ERR_NO_INPUT);
    cr_expect_eq(file_map(folder, &mapped, &n), ERR_NO_INPUT);
    cr_expect_eq(file_read("/dev/zero", 10, &bytes, &n), ERR_NO_INPUT); /* would never end */
}

Test(files, a_read_keeps_to_its_limit)
{
    char path[PATH_BYTES], *bytes;
    size_t n;
    cr_assert_eq(file_write(in_folder(path, "f"), "12345", 5), OK);
    cr_assert_eq(file_read(path, 5, &bytes, &n), OK);
    free(bytes);
    cr_expect_eq(file_read(path, 4, &bytes, &n), ERR_DATA);
    cr_expect_null(bytes);
    cr_expect_not_null(strstr(err_message(), path));
}

Test(files, maps_hold_the_content)
{
    char path[PATH_BYTES];
    const void *mapped;
    size_t n;
    cr_assert_eq(file_write(in_folder(path, "f"), "12345", 5), OK);
    cr_assert_eq(file_map(path, &mapped, &n), OK);
    cr_expect_eq(n, 5);
    cr_expect_arr_eq(mapped, "12345", 5);
    file_unmap(mapped, n);
    cr_assert_eq(file_write(path, "", 0), OK);
    cr_assert_eq(file_map(path, &mapped, &n), OK);
    cr_expect_eq(n, 0);
    cr_expect_null(mapped);
    file_unmap(mapped, n);
}

static volatile sig_atomic_t signals;

/* After enough of them the clock is stopped: where a signal takes longer than the time between two (under
 * valgrind, on a busy machine), nothing else would ever be done. */
static void count_signal(int number)
{
    enum { ENOUGH = 1000 };
    const struct itimerval never = {{0, 0}, {0, 0}};
    (void)number;
    if (++signals == ENOUGH) (void)setitimer(ITIMER_REAL, &never, NULL);
}

/* A signal that is handled may cut any system call short. */
Test(files, signals_interrupt_nothing)
{
    enum { BYTES = 1 << 20, ROUNDS = 30 };
    char path[PATH_BYTES];
    struct sigaction action = {.sa_handler = count_signal}; /* without SA_RESTART */
    const struct itimerval often = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
    char *bytes = malloc(BYTES);
    cr_assert_not_null(bytes);
    memset(bytes, 7, BYTES);
    cr_assert_eq(sigaction(SIGALRM, &action, NULL), 0);
    cr_assert_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
    for (int i = 0; i < ROUNDS; i++) {
        char *back = NULL;
        size_t n = 0;
        err written = file_write(in_folder(path, "f"), bytes, BYTES);
        err got = written == OK ? file_read(path, BYTES, &back, &n) : written;
        cr_expect(got == OK && n == BYTES && memcmp(back, bytes, n) == 0, "%s", err_message());
        free(back);
    }
    cr_assert_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
    cr_expect_gt(signals, 0);
    free(bytes);
}
