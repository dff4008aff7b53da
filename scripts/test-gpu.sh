#!/usr/bin/env bash
# The CUDA tests on a real GPU, and the kernels under compute-sanitizer where there is one. Writes bench/results/gpu-tests.txt; goes on after a failure
# and ends with it. SSGCAM_BUILT=1: tests what build/cuda holds, for a machine that cannot build.
set -uo pipefail
cd "$(dirname "$0")/.."
export SSGCAM_REQUIRE_GPU=1
result=bench/results/gpu-tests.txt failed=0
if [ -z "${SSGCAM_BUILT:-}" ]; then
  cmake --preset cuda >/dev/null && cmake --build --preset cuda -- --quiet || exit 1
fi
build/cuda/ssgcam devices --json | grep -q '"cuda:0"' || { echo "no usable GPU: $(build/cuda/ssgcam devices | tail -1)" >&2; exit 4; }

sanitizer() { # on the PATH, or beside nvcc
  command -v compute-sanitizer || { nvcc=$(sed -n 's/^CMAKE_CUDA_COMPILER:[A-Z]*=//p' build/cuda/CMakeCache.txt) && command -v "$(dirname "$nvcc")/compute-sanitizer"; }
}

run() {
  echo "== $*"
  local code=0
  "$@" || code=$?
  [ $code -eq 0 ] || { failed=1; echo "== FAILED: exit code $code"; }
}

all() {
  build/cuda/ssgcam devices
  run ctest --test-dir build/cuda -L gpu -j1 --output-on-failure
  local tool program
  if program=$(sanitizer); then
    for tool in memcheck racecheck initcheck synccheck; do
      run "$program" --tool $tool --error-exitcode 9 --target-processes all build/cuda/tests/test_kernelcheck_gpu
    done
  else
    echo "compute-sanitizer: not here"
  fi
  return $failed
}
all 2>&1 | tee "$result"
