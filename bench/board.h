/* What the workers tell the supervisor, in memory that they share. */
#ifndef BENCH_BOARD_H
#define BENCH_BOARD_H

#include "base/err.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/types.h>

/* One worker's lines; written by it, read by the supervisor. code and message are read after it ended. */
typedef struct board_slot {
    atomic_int artifact;   /* what it makes, -1: nothing just now */
    atomic_int millionths; /* how far it is */
    pid_t pid;             /* the supervisor's: 0 once it was seen to end */
    err code;
    char message[1024];
} board_slot;

typedef struct board {
    int jobs, n;
    board_slot *slots;  /* jobs */
    atomic_uchar *done; /* n: is the artifact finished? */
    void *memory;       /* private */
    size_t bytes;
} board;

/* ERR_SYSTEM. */
err board_open(int jobs, int n, board *out);
void board_close(board *b);

#endif
