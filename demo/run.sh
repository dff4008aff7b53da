#!/usr/bin/env bash
# The main job on real data: find a recipe on 72 labelled slices, label 60 others with it, look at the result.
set -euo pipefail
cd "$(dirname "$0")/.."
ssgcam=build/release/ssgcam
out=demo/out
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }

model=$out/$(demo/get-model.sh $out)
say "1. The model: which layers it has"
run $ssgcam inspect "$model" --layers auto

say "2. Where it looks in one picture"
run $ssgcam explain "$model" demo/data/images/meningioma_0626.jpg -o $out/explain

say "3. A recipe from 72 labelled slices (split search), judged on 60 others that the search never sees (split test)"
run $ssgcam search "$model" --data demo/data --split search --holdout-split test --mask-values object --layers all \
  --methods ssgcam,layercam,gradcam --sigmas 1,2,4,8 --combine product --powers 0.25,1 \
  --mix ssgcam --fitness object --evaluations 800 --cache $out/cache -o $out/recipe.json

say "4. Masks for the 60, with that recipe"
run $ssgcam generate "$model" --data demo/data --split test --recipe $out/recipe.json --overlays -o $out/masks

say "5. Scored against the radiologists' outlines, at the images' own size"
run $ssgcam eval masks --masks $out/masks/masks --data demo/data --split test --mask-values object
$ssgcam eval masks --masks $out/masks/masks --data demo/data --split test --mask-values object --json -q >$out/scores.json

say "6. All of it on one page"
run $ssgcam report $out/recipe.json $out/masks $out/scores.json -o $out/report.html

say "Look at $out/report.html, $out/masks/overlays/*.png (the mask in colour, the true outline in white), $out/explain/*.png and $out/recipe.json."
