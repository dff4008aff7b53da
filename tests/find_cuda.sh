#!/usr/bin/env bash
# scripts/find-cuda.sh and what scripts/test.sh makes of it, with toolkits that lack something: find_cuda.sh FOLDER (for scratch files).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
rm -rf "$1"
mkdir -p "$1/include"
export CUDA_HOME=$1 CXX="c++ -nostdinc" # neither the system's headers nor a real toolkit's, which include those

expect() { # pattern, command...
  local pattern=$1 said
  shift
  said=$("$@" 2>&1) || true
  grep -qE "$pattern" <<<"$said" || { echo "'$*' said: $said; expected: $pattern" >&2; exit 1; }
}
touch "$1/include/cuda_runtime.h" "$1/include/cublas_v2.h"
expect "a CUDA toolkit is in .*, but: cudnn.h: No such file" "$root/scripts/find-cuda.sh"
expect "^CUDA: skipped, .*cudnn.h: No such file" "$root/scripts/test.sh" cuda
SSGCAM_REQUIRE_CUDA=1 expect "^FAILED: .*cudnn.h: No such file.*0 passed, 1 failed" bash -c "'$root/scripts/test.sh' cuda | tr '\n' ' '"
echo "#define CUDNN_MAJOR 8" >"$1/include/cudnn.h"
expect "but: #error cuDNN is older than 9" "$root/scripts/find-cuda.sh"
echo "#define CUDNN_MAJOR 9" >"$1/include/cudnn.h"
[ "$("$root/scripts/find-cuda.sh")" = "$1" ]
