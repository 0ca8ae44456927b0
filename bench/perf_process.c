/* One workload in a process of its own, and beside it what the machine can do at that moment. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "bench/perf.h"

#include "base/clock.h"
#include "nn/cpu/peak.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What comes back from the process, in memory that it shares. */
typedef struct answer {
    bool told;
    err error;
    char message[1024];
    perf_row row;
} answer;

static size_t most_resident(void)
{
    struct rusage used;
    return getrusage(RUSAGE_SELF, &used) == 0 ? (size_t)used.ru_maxrss * 1024 : 0;
}

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

/* Seconds of processor time that this process and its ended children took. */
static double own_seconds(void)
{
    static const int whose[] = {RUSAGE_SELF, RUSAGE_CHILDREN};
    double sum = 0;
    for (int i = 0; i < 2; i++) {
        struct rusage used;
        if (getrusage(whose[i], &used) == 0) sum += seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
    }
    return sum;
}

/* Seconds that all processors were at work since the machine started, or taken by other virtual machines;
 * below 0 where Linux's /proc/stat is not there. */
static double machine_seconds(void)
{
    unsigned long long t[8] = {0}; /* user, nice, system, idle, waiting, interrupts hard and soft, stolen */
    FILE *f = fopen("/proc/stat", "r");
    if (!f) return -1;
    /* The kernel's own numbers. NOLINTNEXTLINE(cert-err34-c) */
    int n = fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2], &t[3], &t[4], &t[5],
                   &t[6], &t[7]);
    (void)fclose(f);
    if (n != 8) return -1;
    return (double)(t[0] + t[1] + t[2] + t[5] + t[6] + t[7]) / (double)sysconf(_SC_CLK_TCK);
}

static bool same_convolution(const convolution *a, const convolution *b)
{
    return a->batch == b->batch && a->in == b->in && a->out == b->out && a->height == b->height &&
           a->width == b->width && a->k == b->k && a->stride == b->stride && a->pad == b->pad &&
           a->forward == b->forward && a->backward_data == b->backward_data &&
           a->backward_weights == b->backward_weights;
}

static err bare_seconds(const measurement *m, nn_precision precision, double *seconds)
{
    if (m->n_convolutions > WORKLOAD_CONVOLUTIONS)
        return err_set(ERR_INTERNAL, "%d convolutions, and there is room for %d", m->n_convolutions,
                       WORKLOAD_CONVOLUTIONS);
    double *each = calloc((size_t)m->n_convolutions + 1, sizeof *each);
    if (!each) return err_set(ERR_SYSTEM, "out of memory");
    err error = OK;
    *seconds = 0;
    for (int i = 0; error == OK && i < m->n_convolutions; i++) {
        int twin = 0; /* the same convolution may stand in a step many times: it is measured once */
        while (!same_convolution(&m->convolutions[twin], &m->convolutions[i])) twin++;
        if (twin == i) error = cpu_convolution_seconds(precision, &m->convolutions[i], &each[i]);
        *seconds += each[twin];
    }
    free(each);
    return error;
}

/* Right after the workload, since the machine may be busier at another time. */
static err measure_machine(const perf_setting *s, perf_row *row)
{
    if (s->device.backend != &be_cpu || row->m.n_convolutions == 0) return OK;
    TRY(cpu_convolution_rate(s->device.precision, &row->peak_rate));
    row->peak_rate *= 1e9;
    return bare_seconds(&row->m, s->device.precision, &row->bare_s);
}

static err measure(const workload *w, const perf_setting *s, bool plain, perf_row *row)
{
    double start = clock_seconds(), machine = machine_seconds(), own = own_seconds();
    row->idle_bytes = most_resident();
    TRY(w->measure(w, s, &row->m));
    row->peak_bytes = most_resident();
    double others = machine_seconds() - machine - (own_seconds() - own);
    double capacity = (clock_seconds() - start) * (double)sysconf(_SC_NPROCESSORS_ONLN);
    row->others = machine < 0 ? -1 : others > 0 ? others / capacity : 0;
    if (w->spreads) row->idle_bytes = row->peak_bytes = 0;
    row->available = true;
    if (s->device.backend == &be_cpu && !w->spreads) row->round_trip_s = cpu_round_trip_seconds();
    return plain ? OK : measure_machine(s, row);
}

typedef struct task {
    const workload *w;
    const perf_setting *s;
    bool plain, prepares;
} task;

static _Noreturn void be_process(const task *t, answer *a)
{
    a->error = t->prepares ? t->w->prepare(t->w, t->s) : measure(t->w, t->s, t->plain, &a->row);
    (void)snprintf(a->message, sizeof a->message, "%s", a->error == OK ? "" : err_message());
    a->told = true;
    _exit(0);
}

static err wait_for(pid_t child, const answer *a)
{
    int status;
    if (waitpid(child, &status, 0) != child) return err_set_errno(ERR_SYSTEM, "no new process");
    if (WIFSIGNALED(status))
        return err_set(ERR_INTERNAL, "its process was ended by signal %d", WTERMSIG(status));
    if (!a->told) return err_set(ERR_INTERNAL, "its process ended without a result");
    return a->error == OK ? OK : err_set(a->error, "%s", a->message);
}

static err run_process(const task *t, answer *a)
{
    a->told = false;
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) be_process(t, a);
    return child > 0 ? wait_for(child, a) : err_set_errno(ERR_SYSTEM, "no new process");
}

err perf_measure(const workload *w, const perf_setting *s, bool plain, perf_row *out)
{
    answer *a = mmap(NULL, sizeof *a, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (a == MAP_FAILED) return err_set_errno(ERR_SYSTEM, "no memory to share with a process");
    task t = {.w = w, .s = s, .plain = plain, .prepares = true};
    err error = w->prepare ? run_process(&t, a) : OK;
    t.prepares = false;
    if (error == OK) error = run_process(&t, a);
    *out = error == OK ? a->row : (perf_row){0};
    out->w = w;
    (void)munmap(a, sizeof *a);
    if (error == ERR_UNAVAILABLE) {
        (void)snprintf(out->reason, sizeof out->reason, "%s", err_message());
        return OK;
    }
    return error == OK ? OK : err_context(error, "%s", w->name);
}
