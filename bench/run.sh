#!/usr/bin/env bash
# What needs no data but the demo's: bench/run.sh writes bench/results. PYTHON (default python3) needs numpy, scipy, torch, torchvision, grad-cam, onnx, onnxruntime, scikit-learn, opencv-python.
# Others say in their first lines what they need: accuracy.py, parity.py, search_figures.py, gpu.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
results=bench/results
for module in numpy scipy torch torchvision pytorch_grad_cam onnx onnxruntime sklearn cv2; do
  "$python" -c "import $module" 2>/dev/null || { echo "bench: $python has no module $module; install it, or set PYTHON to one that has" >&2; exit 4; }
done
large=demo/out/$(demo/get-model.sh demo/out) small=demo/train/brain-small.onnx

measure() { # result file, command...: the file is replaced only by a complete run
  local file=$results/$1
  shift
  echo "$file"
  "$@" >"$file.new" || { rm -f "$file.new"; echo "bench: $* failed" >&2; return 1; }
  mv "$file.new" "$file"
}
measure network.txt "$python" bench/network.py "$large"
measure peers.md "$python" bench/peers.py 3
measure score.txt "$python" bench/score_peers.py build/release/bench "$large"
measure evolve.md "$python" bench/evolve_peers.py build/release/bench/bench_evolve
measure boxes.md "$python" bench/boxes.py "$small" "$large"
measure pixels.md "$python" bench/pixels.py
measure road.md "$python" bench/road.py "$large"
measure stream.md "$python" bench/stream.py "$large" "$small"
