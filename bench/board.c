#define _DEFAULT_SOURCE /* MAP_ANONYMOUS: memory shared with forked workers, without a file */
#include "bench/board.h"

#include <sys/mman.h>

err board_open(int jobs, int n, board *out)
{
    *out = (board){.jobs = jobs, .n = n};
    out->bytes = (size_t)jobs * sizeof *out->slots + (size_t)n * sizeof *out->done;
    out->memory = mmap(NULL, out->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (out->memory == MAP_FAILED) {
        *out = (board){0};
        return err_set_errno(ERR_SYSTEM, "no memory to share with %d workers", jobs);
    }
    out->slots = out->memory;
    out->done = (atomic_uchar *)(out->slots + jobs);
    for (int i = 0; i < jobs; i++) atomic_store(&out->slots[i].artifact, -1);
    return OK;
}

void board_close(board *b)
{
    if (b->memory) (void)munmap(b->memory, b->bytes);
    *b = (board){0};
}
