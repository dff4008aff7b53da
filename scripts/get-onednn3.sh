#!/usr/bin/env bash
# Puts oneDNN 3.x (headers and library, from its Python packages) into .deps/onednn3; silent if it is there. Fails if it cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."
target=.deps/onednn3
[ -e $target/include/oneapi/dnnl/dnnl.h ] && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip download --quiet --no-deps --dest "$work" onednn-cpu-gomp==2023.2.0 onednn-devel-cpu-gomp==2023.2.0 >"$work/log" 2>&1 || { tail -1 "$work/log" >&2; exit 1; }
for wheel in "$work"/*.whl; do python3 -m zipfile -e "$wheel" "$work/x"; done
mkdir -p $target
cp -r "$work"/x/*.data/data/include "$work"/x/*.data/data/lib $target/
