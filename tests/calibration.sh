#!/usr/bin/env bash
# Null calibration, end to end: 200 studies of experiments/null.ini, whose second set is the real training set itself, through
# the real trainer. Fails if more of them have a verdict than chance explains. Usage: tests/calibration.sh BENCH OUT
#
# The trials are made in blocks of seeds, and then judged study by study: no two share a seed.
set -euo pipefail
bench=$1 out=$2
studies=200 seeds=7 block=$((36 * 7)) # a run has at most 256 seeds
experiment=$(dirname "$0")/../experiments/null.ini
mkdir -p "$out"

# Of the three contrasts, by the columns' names. No field of such a study has a comma in it.
list_verdicts() {
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i } NR > 1 && $at["metric"] == "balanced_accuracy" { print $at["verdict"] }' "$1"
}
list() { seq -s ', ' "$1" "$2"; }

for ((first = 0; first < studies * seeds; first += block)); do
    last=$((first + block - 1))
    ((last < studies * seeds)) || last=$((studies * seeds - 1))
    "$bench" run "$experiment" --set "experiment.seeds=$(list $first $last)" --out "$out/block-$first" --jobs 2 --quiet > "$out/log" ||
        { cat "$out/log"; exit 1; }
done

gains=0 harms=0
for ((study = 0; study < studies; study++)); do
    first=$((study * seeds))
    sed "s/^seeds = .*/seeds = $(list $first $((first + seeds - 1)))/" "$experiment" > "$out/study.ini"
    "$bench" gains "$out/block-$((first / block * block))" --experiment "$out/study.ini" --out "$out/gains.csv" > "$out/log"
    verdicts=$(list_verdicts "$out/gains.csv")
    if grep -qx 'gain' <<< "$verdicts"; then gains=$((gains + 1)); fi
    if grep -qx 'harm' <<< "$verdicts"; then harms=$((harms + 1)); fi
    if [ "$(grep -cx 'gain\|harm\|no gain shown' <<< "$verdicts")" != 3 ]; then
        echo "study $study has no three verdicts: $verdicts"
        exit 1
    fi
done

# 5% of 200 is 10; more than 20 have a probability of 0.1% (binomial).
echo "$studies studies without an effect, $seeds seeds and 3 contrasts each: $gains with a gain, $harms with a harm (at most 20 of both)"
((gains + harms <= 20))
