#!/usr/bin/env bash
# One bank, one recipe, byte for byte, whichever compiler built the program: compilers.sh PROGRAM OTHER_PROGRAM
# The first makes the bank of the demo's images and its small network, both search on it.
set -uo pipefail
one=$(realpath "$1") other=$(realpath "$2")
demo=$(cd "$(dirname "$0")/../demo" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0

compare() { # name, options of search...
  local name=$1
  shift
  local search=(search "$demo/train/brain-small.onnx" --data "$demo/data" --split search --layers all --sigmas 1,4 --cache banks --json -q "$@")
  "$one" "${search[@]}" -o one.json >one.out || { echo "FAILED: $name: the first program"; failed=1; return; }
  "$other" "${search[@]}" -o other.json >other.out || { echo "FAILED: $name: the other program"; failed=1; return; }
  grep -q '"cached": true' other.out || { echo "FAILED: $name: the other program made a bank of its own"; failed=1; return; }
  if cmp one.json other.json; then echo "equal: $name"; else failed=1; fi
}

compare "mean IoU" --mask-values object --limit 24 -n 1500
compare "object, folds, one thread" --mask-values object --limit 24 -n 800 --fitness object --folds 3 --threads 1
compare "image, threshold as a gene, held out" --mask-values object --limit 24 -n 400 --fitness image --threshold gene --holdout-fraction 0.25
compare "several methods, jDE, runs" --mask-values object --limit 24 -n 800 --methods ssgcam,layercam,gradcam --adaptation jde --runs 2 --sparsity 0.001
exit $failed
