#!/usr/bin/env bash
# Formats all C sources with clang-format 14, or with --check fails if one is not formatted.
set -euo pipefail
cd "$(dirname "$0")/.."
tool=$(command -v clang-format-14 || command -v clang-format)
mode=(-i)
[ "${1:-}" = --check ] && mode=(--dry-run --Werror)
git ls-files --cached --others --exclude-standard '*.c' '*.h' '*.cu' '*.cuh' '*.cpp' | xargs "$tool" "${mode[@]}"
