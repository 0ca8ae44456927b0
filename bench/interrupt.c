#include "bench/interrupt.h"

#include "base/err.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static volatile sig_atomic_t count;

static void take(int signal_number)
{
    (void)signal_number;
    count++;
}

static void end_for_lost_file(int signal_number)
{
    static const char line[] =
        "bench: a file that is read became shorter meanwhile, or its disk fails; what was "
        "finished is kept\n";
    (void)signal_number;
    (void)!write(STDERR_FILENO, line, sizeof line - 1);
    _exit(ERR_IO);
}

void interrupt_catch(void)
{
    struct sigaction action = {.sa_handler = end_for_lost_file};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGBUS, &action, NULL);
    action.sa_handler = SIG_DFL;
    (void)sigaction(SIGCHLD, &action, NULL);
    action.sa_handler = take;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
    (void)sigaction(SIGXFSZ, &action, NULL);
}

int interrupt_count(void)
{
    return count;
}
