#!/usr/bin/env bash
# Kernels, whole networks and commands on a real GPU, beside the processor and beside pytorch-grad-cam on the same GPU: bench/gpu.sh [MODEL...] writes
# bench/results/gpu.txt. Without models: the demo's VGG16 (demo/get-model.sh) and the small ones of demo/train.
# SSGCAM_BUILT=1: measures what build/cuda holds. PYTHON (default python3): pytorch-grad-cam needs torch with CUDA, torchvision, grad-cam and onnx there;
# without them that part is left out with a line that says so.
# bench/gpu.sh --rehearse PROGRAM DEVICE [MODEL...]: all of it with another program and device, e.g. build/release/ssgcam cpu, at sizes that say nothing;
# writes no file.
set -euo pipefail
cd "$(dirname "$0")/.."
export SSGCAM=build/cuda/ssgcam PYTHON=${PYTHON:-python3}
device=cuda file=bench/results/gpu.txt precisions="fp32 tf32 bf16 fp16" many=32 few=4 repeat=10 commands=(--images 256 --evaluations 12800)
if [ "${1:-}" = --rehearse ]; then
  SSGCAM=$2 device=$3 file=/dev/null precisions=fp32 many=2 few=1 repeat=1 commands=(--images 4 --evaluations 100)
  shift 3
  [ $# -gt 0 ] || set -- demo/train/brain-small.onnx
else
  if [ -z "${SSGCAM_BUILT:-}" ]; then
    cmake --preset cuda >/dev/null
    cmake --build --preset cuda -- --quiet
  fi
  "$SSGCAM" devices --json | grep -q '"cuda:0"' || { echo "no usable GPU: $("$SSGCAM" devices | tail -1)" >&2; exit 4; }
fi
if [ $# -eq 0 ]; then
  demo=$(demo/get-model.sh demo/out)
  set -- "demo/out/$demo"
  for model in demo/train/*.onnx; do [ "${model##*/}" = "$demo" ] || set -- "$@" "$model"; done
fi

network() { # model, batch, then what else
  echo "== bench $*"
  "$SSGCAM" bench "$1" --batch "$2" --repeat $repeat "${@:3}"
}

all() {
  "$SSGCAM" devices
  local kernels=${SSGCAM%/*}/bench/bench_cuda model precision failed=0
  if [ -x "$kernels" ]; then "$kernels"; else echo "kernels: left out, there is no $kernels"; fi
  for model in "$@"; do
    network "$model" $many --device cpu
    for precision in $precisions; do network "$model" $many --device $device --precision $precision || echo "refused"; done
    echo "== a small batch, step by step and as CUDA graphs"
    network "$model" $few --device $device
    SSGCAM_CUDA_GRAPHS=1 network "$model" $few --device $device
  done
  echo "== commands, $device beside cpu"
  "$PYTHON" bench/device.py "$@" --device $device "${commands[@]}" || failed=1
  echo "== pytorch-grad-cam on the same GPU"
  if [ $device = cuda ] && "$PYTHON" -c 'import onnx, torch, torchvision, pytorch_grad_cam; assert torch.cuda.is_available()' 2>/dev/null; then
    "$PYTHON" bench/peers.py 5 --device cuda || failed=1
  else
    echo "left out: $PYTHON has no torch that sees a GPU, or lacks torchvision, pytorch_grad_cam or onnx"
  fi
  return $failed
}
all "$@" 2>&1 | tee "$file"
