#!/bin/sh
# Kills `bench run --jobs 2` with SIGKILL at random moments, each time in a fresh folder, finishes it, and compares
# results.csv (but for seconds) and gains.csv with those of a run that nobody killed.
# Usage: tests/kill_loop.sh BENCH [TIMES]
set -eu
bench=$(realpath "$1")
# shellcheck source=tests/tiny_study.sh
. "$(dirname "$0")/tiny_study.sh"
times=${2:-50}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
tiny_study 60 30 > tiny.ini
printf 'jobs = 2\ncheckpoint_seconds = 0\n' >> tiny.ini
start=$(date +%s%N)
"$bench" run tiny.ini --out whole > /dev/null
took=$(( ($(date +%s%N) - start) / 1000000 ))
timeless whole/results.csv > wanted.csv
early=0
for i in $(seq "$times"); do
    "$bench" run tiny.ini --out killed > /dev/null 2>&1 &
    pid=$!
    wait_ms=$(( $(od -An -N4 -tu4 /dev/urandom) % took ))
    sleep "$(printf '%d.%03d' $((wait_ms / 1000)) $((wait_ms % 1000)))"
    if kill -9 "$pid" 2> /dev/null; then early=$((early + 1)); fi
    wait "$pid" 2> /dev/null || true
    "$bench" run tiny.ini --out killed > /dev/null
    timeless killed/results.csv | cmp - wanted.csv
    cmp killed/gains.csv whole/gains.csv
    if ls killed/artifacts | grep -q '\.work$'; then
        echo "kill $i left work behind" >&2
        exit 1
    fi
    rm -rf killed
done
echo "$times runs, $early of them killed under way: the same results"
