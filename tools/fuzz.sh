#!/bin/sh
# libFuzzer over the parsers, one after the other, with AddressSanitizer, leak detection and UndefinedBehaviorSanitizer.
# Usage: tools/fuzz.sh BUILD_FOLDER RUNS [TARGET]...; BUILD_FOLDER was configured with CC=clang -DFUZZ=ON -DSANITIZE=ON.
# An input that takes FUZZ_TIMEOUT seconds, 10 by default, is a failure; more is for a machine that stops the fuzzer now and then.
# What was found to reach new code stays in BUILD_FOLDER/fuzz-corpus, what broke a parser in BUILD_FOLDER/fuzz-found.
set -eu
build=$1 runs=$2
shift 2
[ $# -gt 0 ] || set -- $(ls tests/fuzz/corpus)
# Filling what malloc gives takes a tenth of the time; valgrind (memcheck.sh) sees what is read before it is set.
export ASAN_OPTIONS="max_malloc_fill_size=0:${ASAN_OPTIONS:-}"
mkdir -p "$build/fuzz-found"
failed=''
for target; do
    mkdir -p "$build/fuzz-corpus/$target"
    log=$build/fuzz-$target.log
    if FUZZ_TARGET=$target OMP_NUM_THREADS=1 "$build/fuzz" -runs="$runs" -timeout="${FUZZ_TIMEOUT:-10}" -rss_limit_mb=2048 -malloc_limit_mb=1024 \
        -max_len=2048 -verbosity=1 -print_final_stats=1 -close_fd_mask=1 -artifact_prefix="$build/fuzz-found/$target-" \
        "$build/fuzz-corpus/$target" "tests/fuzz/corpus/$target" > "$log" 2>&1; then
        outcome=passed
    else
        outcome="FAILED, see $log"
        failed="$failed $target"
    fi
    # An interrupted or broken run has the number in its last status line only.
    done_=$(sed -n 's/^stat::number_of_executed_units: *//p; s/^#\([0-9]*\)[[:space:]].*/\1/p' "$log" | tail -n 1)
    rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
    slowest=$(sed -n 's/^stat::slowest_unit_time_sec: *//p' "$log")
    printf '%-14s %9s executions, %6s a second, slowest %s s  %s\n' "$target" "${done_:-0}" "${rate:-?}" "${slowest:-?}" "$outcome"
done
[ -z "$failed" ]
