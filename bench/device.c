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

/* Is it "cuda" or "cuda:N"? */
static bool is_cuda(const char *name, int *index)
{
    enum { MOST_DIGITS = 4 };
    *index = 0;
    if (strncmp(name, "cuda", 4) != 0) return false;
    const char *number = name + 5;
    if (!name[4]) return true;
    if (name[4] != ':' || !*number || strlen(number) > MOST_DIGITS) return false;
    for (const char *digit = number; *digit; digit++)
        if (!isdigit((unsigned char)*digit)) return false;
    *index = atoi(number);
    return true;
}

static err cuda_backend(nn_device *out)
{
#ifdef HAVE_CUDA
    out->backend = &be_cuda;
    return OK;
#else
    (void)out;
    return err_set(ERR_UNAVAILABLE,
                   "device cuda: this program was built without the CUDA backend; build it where "
                   "nvcc and cuDNN are (cmake says what it misses), or use --device cpu");
#endif
}

err device_named(const char *name, const char *precision, nn_device *out)
{
    *out = nn_on(&be_cpu);
    TRY(precision_named(precision, &out->precision));
    if (strcmp(name, "cpu") == 0) return OK;
    if (is_cuda(name, &out->index)) return cuda_backend(out);
    out->backend = &be_ref;
    if (strcmp(name, "ref") == 0) return OK;
    return err_set(ERR_USAGE, "device %.40s: must be cpu, ref, cuda or cuda:N", name);
}
