#include "bench/device.h"

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

err device_named(const char *name, const char *precision, nn_device *out)
{
    *out = nn_on(&be_cpu);
    TRY(precision_named(precision, &out->precision));
    if (strcmp(name, "cpu") == 0) return OK;
    out->backend = &be_ref;
    if (strcmp(name, "ref") == 0) return OK;
    return err_set(ERR_USAGE, "device %.40s: must be cpu or ref", name);
}
