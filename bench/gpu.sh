#!/usr/bin/env bash
# Kernels and whole networks on a real GPU: bench/gpu.sh [MODEL...]. Writes bench/results/gpu.txt. SSGCAM_BUILT=1: measures what build/cuda holds.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${SSGCAM_BUILT:-}" ]; then
  cmake --preset cuda >/dev/null
  cmake --build --preset cuda -- --quiet
fi
build/cuda/ssgcam devices --json | grep -q '"cuda:0"' || { echo "no usable GPU: $(build/cuda/ssgcam devices | tail -1)" >&2; exit 4; }

network() { # model, batch, then what else
  echo "== $*"
  build/cuda/ssgcam bench "$1" --batch "$2" "${@:3}"
}

{
  build/cuda/ssgcam devices
  build/cuda/bench/bench_cuda
  for model in "$@"; do
    network "$model" 32 --device cpu
    for precision in fp32 tf32 bf16 fp16; do network "$model" 32 --device cuda --precision $precision || echo "refused"; done
    echo "== a small batch, step by step and as CUDA graphs"
    network "$model" 4 --device cuda
    SSGCAM_CUDA_GRAPHS=1 network "$model" 4 --device cuda
  done
} 2>&1 | tee bench/results/gpu.txt
