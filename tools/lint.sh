#!/bin/sh
# Formatting, clang-tidy and cppcheck over our own sources. Usage: tools/lint.sh BUILD_FOLDER
set -eu
build=$1
git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror
git ls-files '*.c' | grep -v '^tests/' | xargs cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr \
    --enable=warning,performance,portability --suppress=missingIncludeSystem -D_POSIX_C_SOURCE=200809L -I .
git ls-files '*.c' | grep -v '^tests/' | xargs clang-tidy --quiet -p "$build"
