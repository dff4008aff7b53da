#!/usr/bin/env bash
# Prints the folder of the CUDA toolkit (CUDA_HOME, then the usual place), or fails.
set -euo pipefail
for root in "${CUDA_HOME:-}" /usr/local/cuda /opt/cuda; do
  [ -n "$root" ] && [ -e "$root/include/cuda_runtime.h" ] && { echo "$root"; exit 0; }
done
exit 1
