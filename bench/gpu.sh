#!/usr/bin/env bash
# Kernels and whole networks on a real GPU: bench/gpu.sh [MODEL...]. Writes bench/results/gpu.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
cmake --preset cuda >/dev/null
cmake --build --preset cuda -- --quiet
build/cuda/ssgcam devices --json | grep -q '"cuda:0"' || { echo "no usable GPU: $(build/cuda/ssgcam devices | tail -1)" >&2; exit 4; }
{
  build/cuda/ssgcam devices
  build/cuda/bench/bench_cuda
  for model in "$@"; do
    for device in cpu cuda; do
      echo "== $model on $device"
      build/cuda/ssgcam bench "$model" --device $device --batch 32
    done
  done
} 2>&1 | tee bench/results/gpu.txt
