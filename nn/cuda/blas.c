#include "nn/cuda/blas.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define LIBRARY "libcublasLt.so." TEXT(CUBLAS_VER_MAJOR)

blas_functions lt;

/* POSIX lets the address of a function travel as that of an object, ISO C does not: hence the copy by way of
 * a pointer to it. */
static bool find(void *library, const char *name, void *function)
{
    void *found = dlsym(library, name);
    *(void **)function = found;
    return found != NULL;
}

static bool find_all(void *library)
{
    bool found = true;
#define X(name) found = found && find(library, "cublasLt" #name, &lt.name);
    BLAS_FUNCTIONS(X)
#undef X
    return found;
}

/* Where the loader looks, then where it was when this was compiled. */
static void *open_library(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    return library ? library : dlopen(CUBLAS_FOLDER "/" LIBRARY, RTLD_NOW | RTLD_LOCAL);
}

/* The library stays loaded: cuDNN may be using it, too. */
err blas_load(void)
{
    static bool loaded;
    if (loaded) return OK;
    void *library = open_library();
    if (!library) return err_set(ERR_UNAVAILABLE, "cuBLASLt cannot be loaded: %s", dlerror());
    if (!find_all(library))
        return err_set(ERR_UNAVAILABLE, "%s lacks a function; is it of CUDA %d?", LIBRARY, CUBLAS_VER_MAJOR);
    loaded = true;
    return OK;
}
