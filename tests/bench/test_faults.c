/* When things go wrong outside: one line, a status of `bench help exit`, and what was there is kept. */
#include "bench/interrupt.h"
#include "data/dataset.h"
#include "helpers.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char folder[PATH_BYTES], path[PATH_BYTES];

static void setup(void)
{
    dataset *set;
    make_folder(folder);
    cr_assert_eq(dataset_open("phantom:covid", 32, 60, 3, &set), OK, "%s", err_message());
    cr_assert_eq(path_join(path, folder, "phantom"), OK);
    cr_assert_eq(dataset_save(set, path), OK, "%s", err_message());
    dataset_close(set);
    write_text(folder, "tiny.ini",
               "[experiment]\nname = tiny\nseeds = 0, 1\nshots = 3\narms = real, real+classic\n"
               "[data]\nsource = packed:phantom\nsize = 32\nothers = 6\n"
               "[downstream]\ngrowth = 2\nlayers_per_block = 1\nbatch = 4\nsteps = 4\n[run]\nthreads = 1\n",
               path);
}

static void teardown(void)
{
    forget_folder(folder);
}

TestSuite(faults, .init = setup, .fini = teardown);

static bool is_there(const char *name)
{
    cr_assert_eq(path_join(path, folder, "%s", name), OK);
    return path_exists(path);
}

static void expect_well(const char *line)
{
    outcome o = run_line(folder, line);
    cr_assert_eq(o.status, 0, "%s: %d %s", line, o.status, o.err);
    outcome_close(&o);
}

/* One line on stderr, which has `says` in it. */
static void expect_failure(const char *line, int status, const char *says)
{
    outcome o = run_line(folder, line);
    const char *end = strchr(o.err, '\n');
    cr_expect_eq(o.status, status, "%s: %d %s", line, o.status, o.err);
    cr_expect_not_null(strstr(o.err, says), "%s: %s", line, o.err);
    cr_expect(strncmp(o.err, "bench: ", 7) == 0 && end && !end[1], "%s: not one line: %s", line, o.err);
    outcome_close(&o);
}

static void limit(int resource, rlim_t value)
{
    struct rlimit l;
    cr_assert_eq(getrlimit(resource, &l), 0);
    l.rlim_cur = value == RLIM_INFINITY ? l.rlim_max : value;
    cr_assert_eq(setrlimit(resource, &l), 0);
}

/* A limit on the size of files stands in for a full disk: writing fails half-way in the same way. */
Test(faults, a_full_disk_leaves_no_set_and_no_export)
{
    expect_well("data export phantom --out studies --quiet");
    (void)signal(SIGXFSZ, SIG_IGN);
    limit(RLIMIT_FSIZE, 20000);
    expect_failure("data import manifest studies --out set --size 64 --quiet", 74, "set.part/images.npy");
    limit(RLIMIT_FSIZE, 500);
    expect_failure("data export phantom --out again --quiet", 74, "again.part/images/");
    limit(RLIMIT_FSIZE, 2000);
    expect_failure("data split phantom --test 0.4", 74, "phantom/samples.csv: writing failed");
    limit(RLIMIT_FSIZE, RLIM_INFINITY);
    cr_expect_not(is_there("set") || is_there("set.part") || is_there("again") || is_there("again.part"));
    expect_well("data import manifest studies --out set --size 64 --quiet");
    expect_well("data split phantom --test 0.4"); /* the table is as it was */
}

Test(faults, an_output_that_cannot_be_written_to_is_told)
{
    char command[3 * PATH_BYTES];
    (void)snprintf(command, sizeof command, "cd '%s' && '%s' data info phantom > /dev/full 2> told", folder,
                   BENCH_PROGRAM);
    int status = system(command);
    char *told = read_text(folder, "told");
    cr_expect_eq(WEXITSTATUS(status), 74);
    cr_expect_str_eq(told, "bench: standard output: writing failed: No space left on device\n");
    free(told);
}

/* /sys lets not even root make a folder. */
Test(faults, a_folder_that_cannot_be_written_to_is_told)
{
    struct stat status;
    if (stat("/sys/kernel", &status) != 0) cr_skip_test("there is no /sys here");
    expect_failure("run tiny.ini --out /sys/kernel/bench --quiet", 73, "/sys/kernel/bench");
    expect_failure("data export phantom --out /sys/kernel/bench --quiet", 73, "/sys/kernel/bench");
    expect_failure("data import manifest phantom/samples.csv --out /sys/kernel/bench --quiet", 65,
                   "samples.csv");
    if (geteuid() == 0) return;
    cr_assert_eq(path_join(path, folder, "closed"), OK);
    cr_assert_eq(mkdir(path, 0555), 0);
    expect_failure("run tiny.ini --out closed/out --quiet", 73, "closed/out");
}

Test(faults, too_little_memory_is_told_and_nothing_is_lost)
{
#if defined(__SANITIZE_ADDRESS__)
    cr_skip_test("AddressSanitizer needs more addresses than such a limit leaves");
#endif
    static const rlim_t gibibyte = (rlim_t)1 << 30;
    expect_well("run tiny.ini --out out --quiet");
    limit(RLIMIT_AS, gibibyte);
    expect_failure("run tiny.ini --out out --quiet --set data.source=phantom:covid --set data.count=1000000 "
                   "--set data.size=64",
                   71, "out of memory");
    limit(RLIMIT_AS, RLIM_INFINITY);
    expect_well("run tiny.ini --out out --quiet");
}

/* The first child of a process, once it has one; 0 if it has ended before. */
static pid_t child_of(pid_t parent)
{
    char name[96];
    (void)snprintf(name, sizeof name, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    for (int i = 0; i < 20000; i++) {
        FILE *file = fopen(name, "r");
        int child = 0;
        if (!file) return 0;
        if (fscanf(file, "%d", &child) != 1) child = 0;
        (void)fclose(file);
        if (child > 0) return child;
        (void)nanosleep(&(struct timespec){0, 200000}, NULL);
    }
    return 0;
}

Test(faults, a_killed_worker_is_told_and_the_same_command_goes_on)
{
    const char *const long_run[] = {
        "run", "tiny.ini", "--out", "out", "--jobs", "2", "--set", "downstream.steps=20000", "--quiet", NULL};
    pid_t run = start_bench(folder, long_run), worker = child_of(run);
    cr_assert_gt(worker, 0);
    cr_assert_eq(kill(worker, SIGKILL), 0);
    cr_expect_eq(finish_bench(run), 71);
    expect_well("run tiny.ini --out out --jobs 2 --quiet");
}

/* A shell, or a service manager, may start programs with SIGCHLD ignored: then nothing can be waited for. */
Test(faults, children_are_waited_for_whoever_started_the_program)
{
    char command[3 * PATH_BYTES];
    (void)snprintf(
        command, sizeof command,
        "cd '%s' && trap '' CHLD && exec timeout 100 '%s' run tiny.ini --out out --quiet > /dev/null", folder,
        BENCH_PROGRAM);
    cr_expect_eq(WEXITSTATUS(system(command)), 0);
}

/* Reading what a file no longer has raises SIGBUS. */
Test(faults, a_mapped_file_that_became_shorter_is_told)
{
    cr_assert_eq(path_join(path, folder, "phantom/images.npy"), OK);
    int ends[2], status;
    char told[256] = "";
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        const void *bytes;
        size_t n;
        (void)dup2(ends[1], STDERR_FILENO);
        interrupt_catch();
        if (file_map(path, &bytes, &n) != OK || truncate(path, 1) != 0) _exit(1);
        _exit(((const volatile char *)bytes)[n - 1] ? 2 : 3);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_gt(read(ends[0], told, sizeof told - 1), 0);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 74, "%x", (unsigned)status);
    cr_expect_eq(strncmp(told, "bench: a file that is read became shorter", 41), 0, "%s", told);
}
