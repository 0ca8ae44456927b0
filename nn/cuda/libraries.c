#include "nn/cuda/libraries.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define BLAS_LIBRARY "libcublasLt.so." TEXT(CUBLAS_VER_MAJOR)
#define DNN_LIBRARY "libcudnn.so." TEXT(CUDNN_MAJOR)

blas_functions lt;
dnn_functions dnn;

/* POSIX lets the address of a function travel as that of an object, ISO C does not: hence the copy by way of
 * a pointer to it. */
bool library_find(void *library, const char *name, void *function)
{
    void *found = dlsym(library, name);
    *(void **)function = found;
    return found != NULL;
}

static bool find_blas(void *library)
{
    bool found = true;
#define X(name) found = found && library_find(library, "cublasLt" #name, &lt.name);
    BLAS_FUNCTIONS(X)
#undef X
    return found;
}

static bool find_dnn(void *library)
{
    bool found = true;
#define X(name) found = found && library_find(library, "cudnn" #name, &dnn.name);
    DNN_FUNCTIONS(X)
#undef X
    return found;
}

err library_open(const char *name, const char *compiled_with, bool (*find_all)(void *library))
{
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!library) library = dlopen(compiled_with, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return err_set(ERR_UNAVAILABLE, "%s cannot be loaded: %s; use --device cpu", name, dlerror());
    if (!find_all(library))
        return err_set(ERR_UNAVAILABLE, "%s lacks a function that the version compiled with has", name);
    return OK;
}

/* cuBLASLt first: cuDNN loads it by its name, and so finds the one that is there. */
static err load_both(void)
{
    TRY(library_open(BLAS_LIBRARY, CUBLAS_FOLDER "/" BLAS_LIBRARY, find_blas));
    return library_open(DNN_LIBRARY, CUDNN_FOLDER "/" DNN_LIBRARY, find_dnn);
}

err libraries_load(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static bool loaded;
    (void)pthread_mutex_lock(&lock);
    err error = loaded ? OK : load_both();
    loaded = error == OK;
    (void)pthread_mutex_unlock(&lock);
    return error;
}
