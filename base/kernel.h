/* Loops over many numbers that use the widest vectors of whatever processor they run on. */
#ifndef BASE_KERNEL_H
#define BASE_KERNEL_H

/* Compiles the function for AVX-512, AVX2+FMA and the baseline, and picks one when the program loads. A GNU
 * extension, because C has no other way to use wide vectors in a build that runs everywhere. The body of an
 * OpenMP region is outlined without the attribute, so parallel loops call such functions instead of being
 * one. clang 14 knows no architecture levels here: with it the baseline runs everywhere. */
#if defined(__x86_64__) && !defined(__clang__)
#define CPU_KERNEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CPU_KERNEL
#endif

/* Bodies that kernels specialise by passing a constant width (a GNU attribute: without it the compiler may
 * keep one general copy). */
#define CPU_INLINE static inline __attribute__((always_inline))

#endif
