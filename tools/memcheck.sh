#!/bin/sh
# Every test under valgrind's memcheck: uses of memory that is not ours or not set, and definite leaks, in the tests, in every
# `bench` that they start, and in its workers. It sees what AddressSanitizer does not: values that were never set.
# Usage: tools/memcheck.sh BUILD_FOLDER [SUITE | SUITE:PATTERN]..., such as bench:'faults/*'; BUILD_FOLDER is a Release build with -g1
# of the target `memcheck`, without sanitizers. Prints one line for each suite; what valgrind said is in BUILD_FOLDER/memcheck.
#
# A test takes many times what it takes alone: that is why this is not part of `make test`, and a suite can be run by parts.
# The limit on addresses in one test, and `install`, which is a script that compiles, are left out.
set -eu
build=$(cd "$1" && pwd) root=$(cd "$(dirname "$0")/.." && pwd)
shift
[ $# -gt 0 ] || set -- $(cd "$build" && ls -d memcheck_* | sed 's/^memcheck_//') fuzz
logs=$build/memcheck
mkdir -p "$logs"
# oneDNN's AVX2 kernels for gradients of weights read past the end of buffers that oneDNN itself allocates; its AVX ones do not.
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive ONEDNN_MAX_CPU_ISA=AVX

# Other people's programs are not watched; each process has its own log, which is empty unless something was found.
watch() {
    valgrind -q --trace-children=yes --trace-children-skip='*/gnuplot*,*/chromium*,*/git,*/cmake,*/cc,*/python*,*/hostname' --read-inline-info=no \
        --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite --error-exitcode=9 --num-callers=24 \
        --log-file="$logs/$name.%p" "$@"
}

# watch_suite SUITE [PATTERN]: the test left out sets a limit on addresses that is smaller than what valgrind itself needs.
watch_suite() {
    case $1 in
        fuzz) watch "$build/fuzz_replay" "$root/tests/fuzz/corpus" 10 ;;
        nn_simulated_cuda) watch "$build/memcheck_$1" "${2:-cuda*/*}" ;;
        *) watch "$build/memcheck_$1" "${2:-*}" '!faults/too_little_memory_is_told_and_nothing_is_lost' ;;
    esac
}

failed=''
for suite; do
    name=$(printf '%s' "$suite" | tr -c 'A-Za-z0-9_\n' -)
    filter=${suite#"${suite%%:*}"}
    started=$(date +%s)
    rm -f "$logs/$name".*
    outcome=passed
    watch_suite "${suite%%:*}" "${filter#:}" > "$logs/$name.out" 2>&1 < /dev/null || outcome="FAILED, see $logs/$name.out"
    found=$(find "$logs" -name "$name.[0-9]*" -size +0 | wc -l)
    [ "$found" -eq 0 ] || outcome="FAILED, see $(find "$logs" -name "$name.[0-9]*" -size +0 | head -n 1)"
    find "$logs" -name "$name.[0-9]*" -size 0 -delete
    tests=$(sed -n 's/^\([0-9]*\) tests, .*/\1/p' "$logs/$name.out")
    printf '%-18s %4s tests, %3s processes with errors, %5s s  %s\n' "$suite" "${tests:-?}" "$found" "$(($(date +%s) - started))" "$outcome"
    [ "$outcome" = passed ] || failed="$failed $suite"
done
[ -z "$failed" ]
