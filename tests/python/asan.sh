#!/usr/bin/env bash
# asan.sh BUILD [PYTHON]: the tests of the binding on the library and program of a build under AddressSanitizer. Python itself is not watched for leaks.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1
LD_PRELOAD="$(cc -print-file-name=libasan.so) $(cc -print-file-name=libubsan.so)" exec "$here/run.sh" "${2:-python3}" "$1/host/libssgcam.so" "$1/ssgcam"
