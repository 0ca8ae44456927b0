#!/bin/sh
# Installs into a temporary folder, and uses what is there as another project would. Usage: test.sh BUILD CC [SANITIZED]
set -eu
export OMP_NUM_THREADS=1
build=$1 cc=$2 flags=${3:-}
root=$(cd "$(dirname "$0")/../.." && pwd)
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
cmake --install "$build" --prefix "$prefix" > "$prefix/log"
cd "$prefix"

bin/bench --version
version=$(bin/bench --version | sed 's/^bench \([0-9.]*\) .*/\1/')
gzip -d share/man/man1/bench.1.gz
grep -q '^\.SH BENCH DATA IMPORT' share/man/man1/bench.1
grep -q 'reading or writing failed half' share/man/man1/bench.1
if command -v man > /dev/null; then
    LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=200 man --warnings -l -Tutf8 share/man/man1/bench.1 2>&1 > rendered | tee warnings
    [ ! -s warnings ]
fi

# Completion asks the program.
cat > complete.sh << 'END'
. share/bash-completion/completions/bench
complete_words() { COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=(); _bench 2> /dev/null; echo "${COMPREPLY[*]}"; }
complete_words bin/bench da
complete_words bin/bench data ex
complete_words bin/bench data export set --for
complete_words bin/bench data import mim
complete_words bin/bench run --set data.few
END
bash complete.sh > completed
printf '%s\n' data export --format mimic data.few_shot_class= | diff - completed

# The library, by pkg-config alone; every header stands alone.
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name emixer-bench.pc)")
export PKG_CONFIG_PATH
[ "$(pkg-config --modversion emixer-bench)" = "$version" ]
(cd include/emixer-bench && find . -name '*.h') | sed 's|^\./\(.*\)|#include <\1>|' > all.c
while read -r line; do
    printf '%s\n' "$line" > one.c
    # shellcheck disable=SC2046 # flags are words
    "$cc" -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Werror -fsyntax-only $(pkg-config --cflags emixer-bench) one.c
done < all.c
# shellcheck disable=SC2046,SC2086
"$cc" -std=c11 -Wall -Wextra -Werror $flags "$root/examples/train_and_sample.c" -o example $(pkg-config --cflags --libs emixer-bench)
./example 3 samples.png
[ "$(head -c 4 samples.png | tail -c 3)" = PNG ]
! ./example 3 /nowhere/samples.png 2> told
grep -q '^/nowhere/samples.png' told
