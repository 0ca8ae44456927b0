/* Plans as job arrays. Slurm is played by shell scripts on PATH: sbatch notes its arguments and runs each
 * task at once, so that a run by them must give what a local one does. tests/slurm/ has the real daemons. */
#include "bench/slurm_arrays.h"
#include "tiny_run.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- arrays ---- */

static settings s;
static study opened;
static plan p;
static atomic_uchar done[512];
static slurm_arrays arrays;

static void open_arrays(int longest)
{
    cr_assert_eq(study_open(&s, &opened), OK, "%s", err_message());
    cr_assert_eq(plan_open(&opened, 1, &p), OK, "%s", err_message());
    cr_assert_leq(p.n, (int)(sizeof done / sizeof *done));
    cr_assert_eq(slurm_arrays_open(&p, done, longest, &arrays), OK, "%s", err_message());
}

static void close_arrays(void)
{
    slurm_arrays_close(&arrays);
    plan_close(&p);
}

static void choose_controls(void)
{
    settings_defaults(&s);
    cr_assert_eq(settings_assign(
                     &s, "experiment.arms=real,real+emixer,real+pseudo,real+shuffled,real+emixer+filtered"),
                 OK);
    cr_assert_eq(settings_assign(&s, "experiment.shots=5,10"), OK);
}

/* An artifact that is needed is done, or in an earlier array that is waited for: all of it, or the task of
 * the same number. */
static void expect_waited_for(int made, int needed, int *same)
{
    if (needed < 0 || atomic_load(&done[needed])) return;
    int array = arrays.array_of[made], earlier = arrays.array_of[needed];
    cr_assert_lt(earlier, array);
    slurm_need need = slurm_arrays_need(&arrays, &p, array, earlier);
    cr_assert_neq(need, SLURM_NOTHING);
    if (need != SLURM_SAME) return;
    cr_assert_eq(arrays.task_of[made], arrays.task_of[needed]);
    cr_assert_leq(arrays.items[array].n, arrays.items[earlier].n);
    (*same)++;
}

static int expect_sound(int longest)
{
    int same = 0, members = 0;
    for (int i = 0; i < arrays.n; i++) {
        const slurm_array *a = &arrays.items[i];
        cr_assert(a->n >= 1 && a->n <= longest);
        for (int task = 0; task < a->n; task++) {
            int made = arrays.members[a->first + task];
            cr_assert_eq(p.items[made].kind, a->kind);
            cr_assert_eq(arrays.array_of[made], i);
            cr_assert_eq(arrays.task_of[made], task);
            expect_waited_for(made, p.items[made].after, &same);
            for (int k = 0; k < ARTIFACT_INPUTS; k++) expect_waited_for(made, p.items[made].inputs[k], &same);
        }
        members += a->n;
    }
    for (int i = 0; i < p.n; i++) cr_assert_eq(arrays.array_of[i] >= 0, !atomic_load(&done[i]));
    cr_assert_eq(members, arrays.n_members);
    return same;
}

Test(slurm, arrays_come_after_what_they_need)
{
    static const int longest[] = {1, 2, 3, 1000};
    for (size_t i = 0; i < sizeof longest / sizeof *longest; i++) {
        choose_controls();
        open_arrays(longest[i]);
        cr_expect_eq(arrays.n_members, p.n);
        cr_expect_gt(expect_sound(longest[i]), 0, "something waits for a single task");
        if (longest[i] == 1) cr_expect_eq(arrays.n, p.n);
        close_arrays();
    }
}

/* What is done is in no array, and nothing waits for it. */
Test(slurm, arrays_have_only_what_is_missing)
{
    choose_controls();
    for (int i = 0; i < 512; i += 3) atomic_store(&done[i], 1);
    open_arrays(1000);
    cr_expect_eq(arrays.n_members, p.n - (p.n + 2) / 3);
    expect_sound(1000);
    close_arrays();
    for (int i = 0; i < 512; i++) atomic_store(&done[i], 1);
    open_arrays(1000);
    cr_expect_eq(arrays.n, 0);
    close_arrays();
}

/* ---- whole runs ---- */

/* The number of a job is how many there were. A file `refuse` has the number of the job that is refused.
 * Tasks run at once and their words go where sbatch was told, unless there is a file `idle`. */
static const char fake_sbatch[] =
    "#!/bin/sh\n"
    "echo \"$*\" >> \"$FAKE/calls\"\n"
    "job=$(grep -c . \"$FAKE/calls\")\n"
    "if [ \"$(cat \"$FAKE/refuse\" 2> /dev/null)\" = \"$job\" ]; then\n"
    "    echo 'sbatch: error: no such partition' >&2\n"
    "    exit 1\n"
    "fi\n"
    "tasks=none\n"
    "while :; do\n"
    "    case $1 in\n"
    "    --array=*) last=${1#*-}; last=${last#*=0-}; tasks=$(seq 0 ${last%\\%*}) ;;\n"
    "    --output=*) log=${1#*=} ;;\n"
    "    --*) ;;\n"
    "    *) break ;;\n"
    "    esac\n"
    "    shift\n"
    "done\n"
    "[ -e \"$FAKE/idle\" ] && tasks=\n"
    "for task in $tasks; do\n"
    "    name=$(echo \"$log\" | sed \"s/%[Aj]/$job/; s/%a/$task/\")\n"
    "    SLURM_ARRAY_TASK_ID=$task sh \"$@\" > \"$name\" 2>&1\n"
    "done\n"
    "echo $job\n";
static const char fake_scontrol[] =
    "#!/bin/sh\necho \"MaxArraySize            = $(cat \"$FAKE/longest\")\"\n";
/* Without a file `queue`, what it says when it has forgotten all jobs. */
static const char fake_squeue[] = "#!/bin/sh\ncat \"$FAKE/queue\" 2> /dev/null && exit\n"
                                  "echo 'slurm_load_jobs error: Invalid job id specified' >&2\nexit 1\n";
static const char fake_scancel[] = "#!/bin/sh\necho \"$*\" > \"$FAKE/cancelled\"\n";

static void fake(const char *name, const char *content)
{
    char program[PATH_BYTES];
    write_text(folder, name, content, program);
    cr_assert_eq(chmod(program, 0755), 0);
}

static void setup_slurm(void)
{
    char search[PATH_BYTES + 64];
    setup();
    fake("sbatch", fake_sbatch);
    fake("scontrol", fake_scontrol);
    fake("squeue", fake_squeue);
    fake("scancel", fake_scancel);
    write_text(folder, "longest", "1001", path);
    (void)snprintf(search, sizeof search, "%s:/usr/bin:/bin", folder);
    cr_assert_eq(setenv("FAKE", folder, 1), 0);
    cr_assert_eq(setenv("PATH", search, 1), 0);
}

static bool there(const char *name)
{
    char at[PATH_BYTES];
    cr_assert_eq(path_join(at, folder, "%s", name), OK);
    return path_exists(at);
}

static void forget(const char *name)
{
    char at[PATH_BYTES];
    cr_assert_eq(path_join(at, folder, "%s", name), OK);
    cr_assert_eq(folder_remove(at), OK);
}

static const char submit[] = "run tiny.ini --out out --launcher slurm --set experiment.arms=real,real+emixer";
static const char by_hand[] = "run tiny.ini --out local --quiet --set experiment.arms=real,real+emixer";

/* Runs a line, and expects that status and `part` in what it writes to either stream. */
static void expect_line(const char *line, int status, const char *part)
{
    outcome o = run_line(folder, line);
    cr_expect_eq(o.status, status, "%s: %d: %s", line, o.status, o.err);
    cr_expect(strstr(o.out, part) || strstr(o.err, part), "%s: no \"%s\" in\n%s%s", line, part, o.out, o.err);
    outcome_close(&o);
}

static void expect_same_file(const char *one, const char *other)
{
    char *a = read_text(folder, one), *b = read_text(folder, other);
    cr_expect_str_eq(a, b, "%s and %s differ", one, other);
    free(a);
    free(b);
}

/* Whether some call of sbatch has both. */
static bool called_with(const char *one, const char *other)
{
    bool found = false;
    char *calls = read_text(folder, "calls");
    for (char *line = strtok(calls, "\n"); line && !found; line = strtok(NULL, "\n"))
        found = strstr(line, one) && strstr(line, other);
    free(calls);
    return found;
}

Test(slurm, tasks_give_what_a_local_run_gives, .init = setup_slurm, .fini = teardown)
{
    expect_line(by_hand, 0, "Gains");
    expect_line(submit, 0, "Submitted to Slurm: 14 of 14 artifacts");
    expect_same_file("out/gains.csv", "local/gains.csv");
    expect_same_file("out/label_scores.csv", "local/label_scores.csv");
    expect_same_file("out/label_gains.csv", "local/label_gains.csv");
    expect_same_file("out/samples.csv", "local/samples.csv");
    expect_line("status out", 0, "in all            14    14        0       0        0\n");
    /* Again: nothing is missing, the same is shown, and sbatch is not called. */
    forget("calls");
    expect_line(submit, 0, "Gains");
    cr_expect_not(there("calls"));
    /* One is missing: it alone is submitted, and the last job. */
    forget("out/artifacts/locks");
    char *tasks = read_text(folder, "out/slurm/tasks.csv"), name[PATH_BYTES];
    const char *row = strstr(tasks, ",trial,");
    cr_assert_not_null(row);
    (void)snprintf(name, sizeof name, "out/artifacts/trial-%.32s", row + strlen(",trial,"));
    free(tasks);
    cr_assert(there(name));
    forget(name);
    expect_line(submit, 0, "Submitted to Slurm: 1 of 14 artifacts");
    cr_expect(there(name));
    expect_same_file("out/gains.csv", "local/gains.csv");
    cr_expect(called_with("--job-name=bench-tiny-trial --array=0-0 ", ""));
    cr_expect_not(called_with("--job-name=bench-tiny-generator", ""));
}

Test(slurm, sbatch_is_told_what_waits_for_what_and_what_it_needs, .init = setup_slurm, .fini = teardown)
{
    char line[1024];
    write_text(folder, "idle", "", path);
    (void)snprintf(
        line, sizeof line,
        "%s --set slurm.partition=main --set slurm.gres=gpu:1 --set slurm.memory=2G --set slurm.time=9 "
        "--set run.threads=3 --set slurm.throttle=1 --set slurm.extra=--nice=5",
        submit);
    expect_line(line, 0, "results");
    /* Jobs: 1 data set, 2 twins, 3 guards, 4 generators, 5 trials of real, 6 sets, 7 guards, 8 trials, 9
     * results. */
    cr_expect(called_with("bench-tiny-dataset --array=0-0%1", "--cpus-per-task=3 --partition=main"));
    cr_expect_not(called_with("bench-tiny-dataset", "--gres"));
    cr_expect_not(called_with("bench-tiny-dataset", "--dependency"));
    cr_expect(called_with("bench-tiny-twins", "--dependency=aftercorr:1 "));
    cr_expect(called_with("bench-tiny-guard --array=0-1%1", "--dependency=afterok:1,afterok:2 "));
    cr_expect(called_with("bench-tiny-generator --array=0-1%1", "--dependency=afterok:1,aftercorr:3 "));
    cr_expect(called_with("bench-tiny-generator", "--time=9 --mem=2G --gres=gpu:1 --nice=5 "));
    cr_expect(called_with("bench-tiny-synthetic", "aftercorr:4 "));
    cr_expect(called_with("bench-tiny-trial", "--dependency=afterok:1,aftercorr:3 "));
    cr_expect(called_with("bench-tiny-trial", "aftercorr:6,aftercorr:7 "));
    cr_expect(called_with("bench-tiny-results", "--dependency=afterany:1:2:3:4:5:6:7:8 "));
    cr_expect(called_with("--output=", "/out/slurm/logs/%A_%a.txt"));
    /* Threads are part of the keys: as many as slurm.cpus where run.threads does not say. */
    forget("calls");
    (void)snprintf(line, sizeof line, "%s --set run.threads=0 --set slurm.cpus=2", submit);
    expect_line(line, 0, "results");
    cr_expect(called_with("bench-tiny-generator", "--cpus-per-task=2 "));
    expect_line("task out 0:0", 0, "images of phantom:covid: done");
}

Test(slurm, long_arrays_become_several, .init = setup_slurm, .fini = teardown)
{
    write_text(folder, "idle", "", path);
    write_text(folder, "longest", "1", path);
    expect_line(submit, 0, "Submitted to Slurm: 14 of 14 artifacts");
    char *calls = read_text(folder, "calls");
    int jobs = 0;
    for (const char *at = calls; (at = strchr(at, '\n')); at++) jobs++;
    cr_expect_eq(jobs, 14 + 1);
    cr_expect_null(strstr(calls, "--array=0-1"));
    free(calls);
    write_text(folder, "longest", "0", path);
    expect_line(submit, 69, "MaxArraySize is 0");
}

Test(slurm, a_refused_job_takes_back_those_before_it, .init = setup_slurm, .fini = teardown)
{
    write_text(folder, "idle", "", path);
    write_text(folder, "refuse", "3", path);
    expect_line(
        submit, 69,
        "bench: job 3 of 9 (guard): sbatch failed (status 1): sbatch: error: no such partition; the jobs "
        "before it were cancelled\n");
    char *cancelled = read_text(folder, "cancelled");
    cr_expect_str_eq(cancelled, "1 2\n");
    free(cancelled);
    forget("refuse");
    expect_line(submit, 0, "Submitted to Slurm: 14 of 14 artifacts");
}

Test(slurm, no_two_submissions_of_one_folder_are_in_the_queue, .init = setup_slurm, .fini = teardown)
{
    write_text(folder, "idle", "", path);
    expect_line(submit, 0, "Submitted to Slurm: 14 of 14 artifacts");
    write_text(folder, "queue", "1 0 COMPLETED None\n2 0 RUNNING None\n9 N/A PENDING Dependency\n", path);
    expect_line(
        submit, 64,
        "bench: out: jobs of an earlier submission are in Slurm's queue; `bench status out` follows them, "
        "and to end them:  scancel 2 9\n");
    write_text(folder, "queue", "1 0 COMPLETED None\n2 0 TIMEOUT TimeLimit\n", path);
    expect_line(submit, 0, "Submitted to Slurm: 14 of 14 artifacts");
}

Test(slurm, without_slurm_it_says_so, .init = setup, .fini = teardown)
{
    cr_assert_eq(setenv("PATH", folder, 1), 0);
    expect_line(submit, 69, "bench: scontrol: not found on PATH");
}

Test(slurm, a_task_tells_what_is_wrong_around_it, .init = setup_slurm, .fini = teardown)
{
    write_text(folder, "idle", "", path);
    expect_line("task out 0:0", 66, "settings.ini");
    expect_line(submit, 0, "results");
    expect_line("task out 1:0", 66, "is that folder not shared with this one?");
    expect_line("task out 77:0", 64, "there is no task 77:0");
    expect_line("task out", 64, "bench task OUT ARRAY:INDEX");
    expect_line("task out collect", 69, "14 of 14 artifacts were not made");
    /* As if another program, or other data, were there now. */
    char *tasks = read_text(folder, "out/slurm/tasks.csv");
    char *key = strstr(tasks, ",dataset,");
    cr_assert_not_null(key);
    key[strlen(",dataset,")] ^= 1;
    write_text(folder, "out/slurm/tasks.csv", tasks, path);
    free(tasks);
    expect_line("task out 0:0", 65, "changed since it was submitted");
    /* Where OUT is not what it was on the machine that submitted. */
    cr_expect_neq(system("sh \"$FAKE/out/slurm/task.sh\" /bin/sh \"$FAKE/elsewhere\" 0 2> \"$FAKE/told\""),
                  0);
    char *told = read_text(folder, "told");
    cr_expect_not_null(strstr(told, "/elsewhere/slurm/settings.ini: is not on "), "%s", told);
    free(told);
}

/* ---- status ---- */

Test(slurm, status_tells_what_squeue_and_logs_say, .init = setup_slurm, .fini = teardown)
{
    write_text(folder, "idle", "", path);
    expect_line(submit, 0, "results");
    expect_line("task out 0:0", 0, "done");
    expect_line("task out 1:0", 0, "done");
    expect_line("task out 2:0", 0, "done");
    write_text(folder, "out/slurm/logs/4_0.txt", "first\nbench: generator: out of memory\n", path);
    write_text(folder, "queue",
               "3 0 COMPLETED None\n3 1 RUNNING None\n4 0 FAILED NonZeroExitCode\n4 1 PENDING Dependency\n"
               "6 0 CANCELLED DependencyNeverSatisfied\n5 0 FAILED JobLaunchFailure\n5 1 PENDING Dependency\n"
               "9 N/A PENDING Dependency\n",
               path);
    outcome o = run_line(folder, "status out");
    cr_expect_eq(o.status, 0, "%s", o.err);
    cr_expect_not_null(strstr(o.out, "dataset            1     1        0       0        0\n"), "%s", o.out);
    cr_expect_not_null(strstr(o.out, "guard              4     1        1       0        2\n"), "%s", o.out);
    cr_expect_not_null(strstr(o.out, "generator          2     0        0       1        1\n"), "%s", o.out);
    cr_expect_not_null(strstr(o.out, "synthetic          2     0        0       0        2\n"), "%s", o.out);
    cr_expect_not_null(strstr(o.out, "trial              4     0        0       1        3\n"), "%s", o.out);
    cr_expect_not_null(strstr(o.out, "  3  guard          2  1 COMPLETED, 1 RUNNING\n"), "%s", o.out);
    cr_expect_not_null(strstr(o.out,
                              "  generator: generator, 3 shots, seed 0: FAILED, slurm/logs/4_0.txt: bench: "
                              "generator: out of memory\n"),
                       "%s", o.out);
    cr_expect_not_null(strstr(o.out,
                              "  trial: real, 3 shots, seed 0: FAILED (JobLaunchFailure), and there is no "
                              "slurm/logs/5_0.txt\n"),
                       "%s", o.out);
    cr_expect_null(strstr(o.out, "submits what is missing"), "jobs are still in the queue: %s", o.out);
    outcome_close(&o);
    /* Long after: squeue knows none of them. */
    forget("queue");
    expect_line("status out", 0, "in all            14     3        0       ");
    expect_line("status out", 0, "is that\nfolder on a file system that all nodes share");
    expect_line("status out", 0, "The command that submitted it submits what is missing.");
    fake("squeue",
         "#!/bin/sh\necho 'slurm_load_jobs error: Unable to contact slurm controller' >&2\nexit 1\n");
    expect_line(
        "status out", 0,
        "bench: squeue failed (status 1): slurm_load_jobs error: Unable to contact slurm controller; what is "
        "running there is not known\n");
}

Test(status, a_local_run_is_told_by_its_folder, .init = setup, .fini = teardown)
{
    const char *const arguments[] = {
        "run", "tiny.ini", "--out", "out", "--quiet", "--set", "emixer.steps=100000", NULL};
    expect_line("status out", 66, "no run was started there");
    pid_t run = start_bench(folder, arguments);
    /* Until the first generator is in training. */
    for (bool training = false; !training;) {
        outcome o = run_line(folder, "status out");
        cr_assert_eq(waitpid(run, NULL, WNOHANG), 0, "the run ended");
        training = strstr(o.out, "generator          2     0        1       0        1\n") != NULL;
        outcome_close(&o);
    }
    cr_assert_eq(kill(run, SIGKILL), 0);
    cr_assert_eq(finish_bench(run), 128 + SIGKILL);
}
