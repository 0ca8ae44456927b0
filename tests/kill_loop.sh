#!/bin/sh
# Kills `bench run --jobs 2` with SIGKILL at random moments, each time in a fresh folder, finishes it, and compares
# results.csv (but for seconds) and gains.csv with those of a run that nobody killed.
# Usage: tests/kill_loop.sh BENCH [TIMES]
set -eu
bench=$(realpath "$1")
times=${2:-50}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > tiny.ini <<'END'
[experiment]
name = tiny
seeds = 0, 1
shots = 3
arms = real, real+emixer, real+pseudo, real+oracle
[data]
size = 32
count = 60
others = 6
[emixer]
width = 1
latent = 4
batch = 4
steps = 60
[synthetic]
per_class = 5
[downstream]
growth = 2
layers_per_block = 1
batch = 4
steps = 30
[run]
threads = 1
jobs = 2
quiet = yes
checkpoint_seconds = 0
END
# The column `seconds` emptied; no field of this study has a comma in it.
timeless() {
    awk -F, -v OFS=, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "seconds") c = i } NR > 1 { $c = "" } 1' "$1"
}
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
