#!/bin/sh
# Installs what is missing from Debian's packages, saying what and why. DEPS=skip only says.
set -eu

wanted='build-essential|the C compiler and make
cmake|the build
pkg-config|finds libraries
libdnnl-dev|oneDNN: convolutions on the CPU
libopenblas-openmp-dev|OpenBLAS: matrix products
liblapacke-dev|LAPACK: eigenvalues, for the Frechet distance
libstemmer-dev|word stems, for METEOR
libxxhash-dev|names artifacts by their content
libcjson-dev|the header of .safetensors files
libinih-dev|experiment files (INI)
libcsv-dev|reads CSV
zlib1g-dev|gzipped CSV, as publishers give it
libpng-dev|PNG images
libdeflate-dev|the usual PNG images, faster
libjpeg62-turbo-dev|JPEG images
libxml2-dev|XML reports (Open-i)
libcriterion-dev|the tests
gnuplot-nox|figures'

missing=''
while IFS='|' read -r package reason; do
    if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$'; then
        printf 'missing: %-24s (%s)\n' "$package" "$reason" >&2
        missing="$missing $package"
    fi
done <<EOF
$wanted
EOF

[ -n "$missing" ] || exit 0
if [ "${DEPS:-install}" = skip ]; then
    echo "DEPS=skip: nothing is installed; the build will stop where something is needed" >&2
    exit 0
fi
command -v apt-get >/dev/null || {
    echo "these are Debian's package names; install the same libraries with your system's tool, then use DEPS=skip" >&2
    exit 1
}
as_root=''
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "run as root:  apt-get install$missing" >&2; exit 1; }
    as_root=sudo
fi
echo "installing:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# shellcheck disable=SC2086 # one word a package
if ! { $as_root apt-get update && $as_root apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
rm -f "$log"
