#include "bench/version.h"

#include "generated/code.h" /* made at every build by cmake/code_hash.cmake */

const char *const version_number = BENCH_VERSION;
const char *const version_code = BENCH_CODE_HASH;
