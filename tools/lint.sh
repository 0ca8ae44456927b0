#!/bin/sh
# Formatting, clang-tidy and cppcheck over our own sources. Usage: tools/lint.sh BUILD_FOLDER
set -eu
build=$1
sources=$(git ls-files '*.c')
# shellcheck disable=SC2046,SC2086 # one word a file; no name has a blank
clang-format --dry-run -Werror $sources $(git ls-files '*.h')
cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr --enable=warning,performance,portability \
    --suppress=missingIncludeSystem -D_POSIX_C_SOURCE=200809L -I . $(git ls-files '*.c' | grep -v '^tests/')
# shellcheck disable=SC2086
clang-tidy --quiet -p "$build" $(git ls-files '*.c' | grep -v '^tests/')
