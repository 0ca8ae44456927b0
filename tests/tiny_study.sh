# shellcheck shell=sh
# A study of some seconds, for scripts that run one in several ways and compare: to be read by a shell.

# tiny_study EMIXER_STEPS DOWNSTREAM_STEPS: the experiment, on stdout. Its last section, [run], may be added to.
tiny_study() {
    cat << STUDY
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
steps = $1
[synthetic]
per_class = 5
[downstream]
growth = 2
layers_per_block = 1
batch = 4
steps = $2
[run]
threads = 1
quiet = yes
STUDY
}

# timeless RESULTS: the table with the column `seconds` emptied; no field of this study has a comma in it.
timeless() {
    awk -F, -v OFS=, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "seconds") c = i } NR > 1 { $c = "" } 1' "$1"
}
