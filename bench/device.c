#include "bench/device.h"

#ifdef HAVE_CUDA
#include "nn/cuda/cuda.h"
#endif

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *const precisions[] = {[NN_FP32] = "fp32", [NN_TF32] = "tf32", [NN_BF16] = "bf16"};

static err precision_named(const char *name, nn_precision *out)
{
    for (size_t i = 0; i < sizeof precisions / sizeof precisions[0]; i++)
        if (strcmp(name, precisions[i]) == 0) {
            *out = (nn_precision)i;
            return OK;
        }
    return err_set(ERR_USAGE, "precision %.40s: must be fp32, tf32 or bf16", name);
}

/* Is it the stem alone, or followed by ":N"? */
static bool is_numbered(const char *name, const char *stem, int absent, int *number)
{
    enum { MOST_DIGITS = 4 };
    size_t length = strlen(stem);
    *number = absent;
    if (strncmp(name, stem, length) != 0) return false;
    const char *digits = name + length + 1;
    if (!name[length]) return true;
    if (name[length] != ':' || !*digits || strlen(digits) > MOST_DIGITS) return false;
    for (const char *digit = digits; *digit; digit++)
        if (!isdigit((unsigned char)*digit)) return false;
    *number = (int)strtol(digits, NULL, 10);
    return true;
}

static err cuda_device(bool all, nn_device *out)
{
#ifdef HAVE_CUDA
    out->backend = &be_cuda;
    if (all) out->replicas = cuda_device_count();
    return OK;
#else
    (void)out;
    (void)all;
    return err_set(ERR_UNAVAILABLE,
                   "device cuda: this program was built without the CUDA backend; build it where "
                   "nvcc and cuDNN are (cmake says what it misses), or use --device cpu");
#endif
}

err device_named(const char *name, const char *precision, nn_device *out)
{
    int number;
    bool all = strcmp(name, "cuda:all") == 0;
    *out = nn_on(&be_cpu);
    TRY(precision_named(precision, &out->precision));
    if (is_numbered(name, "cpu", 1, &out->replicas)) {
        if (out->replicas >= 1 && out->replicas <= NN_MAX_REPLICAS) return OK;
        return err_set(ERR_USAGE, "device %.40s: from 1 to %d replicas are possible", name,
                       (int)NN_MAX_REPLICAS);
    }
    if (all || is_numbered(name, "cuda", 0, &number)) {
        out->replicas = 1;
        out->index = all ? 0 : number;
        return cuda_device(all, out);
    }
    out->backend = &be_ref;
    if (strcmp(name, "ref") == 0) return OK;
    return err_set(ERR_USAGE, "device %.40s: must be cpu, cpu:N, ref, cuda, cuda:N or cuda:all", name);
}
