#!/usr/bin/env bash
# The CUDA tests on a real GPU, and the kernel check under compute-sanitizer where there is one. Writes bench/results/gpu-tests.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
export SSGCAM_REQUIRE_GPU=1
result=bench/results/gpu-tests.txt
cmake --preset cuda >/dev/null
cmake --build --preset cuda -- --quiet
build/cuda/ssgcam devices --json | grep -q '"cuda:0"' || { echo "no usable GPU: $(build/cuda/ssgcam devices | tail -1)" >&2; exit 4; }
{
  build/cuda/ssgcam devices
  ctest --test-dir build/cuda -L gpu -j1 --output-on-failure
  if command -v compute-sanitizer >/dev/null; then
    for tool in memcheck racecheck initcheck synccheck; do
      echo "== compute-sanitizer $tool"
      compute-sanitizer --tool $tool --error-exitcode 9 --target-processes all build/cuda/tests/test_kernelcheck_gpu
    done
  else
    echo "compute-sanitizer: not here"
  fi
} 2>&1 | tee "$result"
