#include "bench/work.h"

#include "bench/guards.h"
#include "bench/interrupt.h"

#include <errno.h>
#include <omp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void pause_for(long milliseconds)
{
    struct timespec t = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    (void)nanosleep(&t, NULL); /* a signal may end it early: welcome */
}

static bool has(const builder *b, int index)
{
    const artifact *a = &b->plan->items[index];
    return store_has(b->store, artifact_kind_names[a->kind], &a->key);
}

static bool inputs_done(const artifact *a, atomic_uchar *done)
{
    int needs[ARTIFACT_NEEDS], n = artifact_needs(a, needs);
    for (int i = 0; i < n; i++)
        if (!atomic_load(&done[needs[i]])) return false;
    return true;
}

/* Makes the artifact unless another process is at it or has just done it. */
static err try_to_make(builder *b, int index, atomic_uchar *done, bool *made)
{
    const hash *key = &b->plan->items[index].key;
    TRY(store_lock(b->store, key, made));
    if (!*made) return OK;
    err error = has(b, index) ? OK : builder_make(b, index);
    store_unlock(b->store, key);
    if (error == OK) error = guard_judge(b->study, b->plan, b->store, index);
    if (error == OK) atomic_store(&done[index], 1);
    return error;
}

/* One walk over the plan. */
static err walk(builder *b, atomic_uchar *done, bool *left, bool *progressed)
{
    *left = *progressed = false;
    for (int i = 0; i < b->plan->n; i++) {
        if (atomic_load(&done[i])) continue;
        bool made = false;
        if (!inputs_done(&b->plan->items[i], done)) { /* and no look at the disk for it */
            *left = true;
            continue;
        }
        if (has(b, i)) {
            TRY(guard_judge(b->study, b->plan, b->store, i));
            atomic_store(&done[i], 1);
            made = true;
        } else {
            *left = true;
            TRY(try_to_make(b, i, done, &made));
        }
        *progressed |= made;
    }
    return OK;
}

err work(builder *b, atomic_uchar *done)
{
    enum { LOOK_AGAIN_MS = 50 };
    for (;;) {
        bool left, progressed;
        TRY(walk(b, done, &left, &progressed));
        if (!left) return OK;
        TRY(builder_progress(b, 0));
        if (!progressed) pause_for(LOOK_AGAIN_MS);
    }
}

err work_check(const plan *p, const store *s, board *b)
{
    for (int i = 0; i < p->n; i++) {
        const artifact *a = &p->items[i];
        const char *kind = artifact_kind_names[a->kind];
        if (!store_has(s, kind, &a->key)) continue;
        if (store_verify(s, kind, &a->key) == OK) {
            atomic_store(&b->done[i], 1);
            continue;
        }
        bool taken;
        char why[600];
        (void)snprintf(why, sizeof why, "%s", err_message());
        TRY(store_lock(s, &a->key, &taken));
        if (!taken) continue; /* another run is repairing it */
        (void)fprintf(stderr, "bench: damaged: %s; it is made again\n", why);
        err error = store_remove(s, kind, &a->key);
        store_unlock(s, &a->key);
        TRY(error);
    }
    return OK;
}

static _Noreturn void be_worker(builder *b, board *shared, int threads)
{
    omp_set_num_threads(threads);
    (void)signal(SIGBUS, SIG_DFL); /* the parent tells it */
    err error = work(b, shared->done);
    builder_close(b);
    b->slot->code = error;
    (void)snprintf(b->slot->message, sizeof b->slot->message, "%s", err_message());
    exit(error == OK ? 0 : 1);
}

static err start(builder *b, board *shared, int threads)
{
    (void)fflush(NULL); /* or the child would write it again */
    b->parent = getpid();
    for (int i = 0; i < shared->jobs; i++) {
        b->slot = &shared->slots[i];
        b->slot->code = ERR_INTERNAL; /* until it says otherwise */
        pid_t pid = fork();
        if (pid < 0) return err_set_errno(ERR_SYSTEM, "worker %d cannot be started", i + 1);
        if (pid == 0) be_worker(b, shared, threads);
        b->slot->pid = pid;
    }
    return OK;
}

static void signal_all(const board *b, int number)
{
    for (int i = 0; i < b->jobs; i++)
        if (b->slots[i].pid > 0) (void)kill(b->slots[i].pid, number);
}

/* What an ended worker says; `status` is waitpid's. */
static err verdict(const plan *p, board_slot *slot, int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return OK;
    if (WIFEXITED(status) && slot->code != ERR_INTERNAL && slot->code != OK)
        return err_set(slot->code, "%s", slot->message);
    int index = atomic_load(&slot->artifact);
    const char *what = index >= 0 ? p->items[index].label : "between two tasks";
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS)
        return err_set(ERR_IO, "%s: a file that is read became shorter meanwhile, or its disk fails", what);
    if (WIFSIGNALED(status))
        return err_set(ERR_SYSTEM, "%s: the worker was killed by signal %d%s", what, WTERMSIG(status),
                       WTERMSIG(status) == SIGKILL ? " (out of memory?)" : "");
    return err_set(ERR_INTERNAL, "%s: the worker ended with status %d: %s", what, WEXITSTATUS(status),
                   slot->message);
}

/* Collects workers that have ended; returns how many are left. The first failure goes to *error. */
static int collect(const plan *p, board *b, err *error)
{
    int left = 0;
    for (int i = 0; i < b->jobs; i++) {
        board_slot *slot = &b->slots[i];
        int status;
        if (slot->pid <= 0) continue;
        if (waitpid(slot->pid, &status, WNOHANG) != slot->pid) {
            left++;
            continue;
        }
        slot->pid = 0;
        if (*error == OK) {
            *error = verdict(p, slot, status);
            if (*error != OK) signal_all(b, SIGTERM);
        }
    }
    return left;
}

err work_supervise(const study *experiment, const plan *p, const store *s, board *b, progress *shown)
{
    enum { LOOK_AGAIN_MS = 20 };
    builder worker = {.study = experiment, .plan = p, .store = s};
    err error = start(&worker, b, p->threads);
    if (error != OK) signal_all(b, SIGTERM);
    int told = 0;
    while (collect(p, b, &error) > 0) {
        int signals = interrupt_count();
        if (signals > told) signal_all(b, told == 0 ? SIGTERM : SIGKILL); /* the second time without mercy */
        told = signals;
        progress_update(shown, b);
        pause_for(LOOK_AGAIN_MS);
    }
    progress_end(shown);
    if (told > 0)
        return err_set(ERR_INTERRUPTED, "interrupted; what was finished is kept, the same command continues");
    return error;
}
