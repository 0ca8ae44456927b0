#!/bin/sh
# A small study by Slurm's own daemons beside the same study on this machine: the same results, also after jobs were killed,
# refused, or could not find the folder. Usage: tests/slurm/test.sh BENCH
set -eu
bench=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
# shellcheck source=tests/slurm/cluster.sh
. "$here/cluster.sh"
# shellcheck source=tests/tiny_study.sh
. "$here/../tiny_study.sh"
need_slurm
folder=$(mktemp -d)
trap 'set +e; stop_cluster; rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM HUP
export OMP_NUM_THREADS=1
longest=3 # so that arrays are split
start_cluster $longest
cd "$folder"

tiny_study 40 10 > tiny.ini

failed() {
    echo "test-slurm: $*" >&2
    tail -n 3 out/slurm/logs/* >&2 2> /dev/null || true
    exit 1
}

# wanted COMMAND...: fails unless the last command's output, in `told`, has the words.
wanted() {
    grep -qF -- "$*" told || { cat told >&2; failed "not told: $*"; }
}

submit() {
    "$bench" run tiny.ini --out out --launcher slurm "$@" > told 2>&1
}

refused() {
    if submit "$@"; then failed "submitted all the same: $*"; fi
}

status() {
    "$bench" status out > told 2>&1
}

# The number of the first job of a kind.
job() {
    awk -F, -v kind="$1" '$3 == kind { print $2; exit }' out/slurm/jobs.csv
}

# How many artifacts of a kind, or of all, there are.
count_artifacts() {
    find out/artifacts -mindepth 1 -maxdepth 1 -name "${1:-*}-*" ! -name '*.work' | wc -l
}

# Lets the jobs start that were submitted with --hold. Usage: release OUT
release() {
    awk -F, 'NR > 1 { print $2 }' "$1/slurm/jobs.csv" | while read -r id; do
        scontrol release "$id" 2> /dev/null || true
    done
}

# Usage: same_results LOCAL
same_results() {
    timeless "$1/results.csv" > wanted.csv
    timeless out/results.csv | cmp - wanted.csv || failed "other results than of the local run"
    for file in gains.csv label_scores.csv label_gains.csv losses.csv samples.csv samples.png gain.svg; do
        cmp "$1/$file" "out/$file" || failed "$file: another one than of the local run"
    done
}

"$bench" run tiny.ini --out local > told
whole=$(find local/artifacts -mindepth 1 -maxdepth 1 -name '*-*' | wc -l)

echo "a run by Slurm gives what a local run gives"
submit
wanted "Submitted to Slurm: $whole of $whole artifacts"
[ "$(awk -F, -v longest=$longest '$4 > longest' out/slurm/jobs.csv | grep -vc '^array')" = 0 ] || failed "an array is too long"
wait_for_queue
same_results local
status
wanted "in all            $whole    $whole        0       0        0"
wanted "1 COMPLETED"
submit # again: shows the results
wanted "Gains in"
[ "$(tail -n +1 "out/slurm/logs/$(job results).txt" | grep -c 'Gains in')" = 1 ] || failed "the last job printed no gains"
rm -rf out

echo "what a cancelled job left out is submitted by the same command"
submit --set slurm.extra=--hold --set slurm.partition=other --set slurm.time=7 --set slurm.cpus=2 --set slurm.throttle=1
scontrol show job "$(job generator)" > told
wanted "Partition=other"
wanted "TimeLimit=00:07:00"
wanted "CPUs/Task=2"
wanted "ArrayTaskThrottle=1"
refused
wanted "jobs of an earlier submission are in Slurm's queue"
scancel "$(job generator)"
release out
wait_for_queue
cp "out/slurm/logs/$(job results).txt" told
wanted "artifacts were not made"
[ ! -e out/results.csv ] || failed "there are results without the trials"
status
wanted "generator          2     0        0       0        2"
wanted "The command that submitted it submits what is missing."
left=$((whole - $(count_artifacts)))
submit
wanted "Submitted to Slurm: $left of $whole artifacts"
wait_for_queue
same_results local
rm -rf out

echo "a task that is killed in training goes on when it is submitted again"
long="--set emixer.steps=500 --set run.checkpoint_seconds=0"
# shellcheck disable=SC2086 # words
"$bench" run tiny.ini --out long $long > told
# shellcheck disable=SC2086
submit $long
for _ in $(seq 1200); do
    [ -z "$(ls out/artifacts/generator-*.work/checkpoint* 2> /dev/null)" ] || break
    sleep 0.1
done
scancel "$(job generator)"
wait_for_queue
status
wanted "interrupted"
ls out/artifacts/generator-*.work/checkpoint* > told
# shellcheck disable=SC2086
submit $long
wait_for_queue
same_results long
rm -rf out

echo "a guard that is broken stops what depends on it"
for set in local/artifacts/synthetic-*; do
    [ -e "$set/training.csv" ] && cp -R "$set" silent
done
rm silent/training.csv # images of a generator that does not say what it has seen
submit --set 'experiment.arms=real, real+packed:silent'
wait_for_queue
cp "out/slurm/logs/$(job results).txt" told
wanted "guard generator_split"
status
wanted "guard generator_split"
wanted "The command that submitted it submits what is missing."
[ "$(count_artifacts trial)" = 2 ] || failed "an arm was trained on images that its guard refused"
refused --set 'experiment.arms=real, real+packed:silent'
wanted "guard generator_split"
rm -rf out

echo "what Slurm refuses is told, and leaves nothing in the queue"
refused --set slurm.partition=nowhere
wanted "Invalid partition name specified"
[ -z "$(squeue --noheader)" ] || failed "jobs are left"
rm -rf out

echo "a folder that is not there on the node is told"
submit --set slurm.extra=--hold
mv out away
release away
wait_for_queue
mv away out
status
wanted "all nodes share, under the same path"

echo "test-slurm: all is well"
