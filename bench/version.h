/* What this program is. */
#ifndef BENCH_VERSION_H
#define BENCH_VERSION_H

extern const char *const version_number;

/* Hash of all sources that compute results, of the compiler and of its flags: part of every artifact's key.
 */
extern const char *const version_code;

#endif
