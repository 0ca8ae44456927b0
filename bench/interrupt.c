#include "bench/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t count;

static void take(int signal_number)
{
    (void)signal_number;
    count++;
}

void interrupt_catch(void)
{
    struct sigaction action = {.sa_handler = take};
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
