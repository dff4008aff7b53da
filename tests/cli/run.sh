#!/usr/bin/env bash
# The program as a user meets it: run.sh PROGRAM. Every case states the exit code and a piece of what must be said.
set -uo pipefail
ssgcam=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
model=$here/../fixtures/tiny.onnx
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
passed=0 failed=0

# expect CODE TEXT ARGUMENTS...: the exit code, and a fixed text in what was printed to either stream ("" for none).
expect() {
  local code=$1 text=$2
  shift 2
  local said got=0
  said=$("$ssgcam" "$@" 2>&1 </dev/null) || got=$?
  if [ "$got" -eq "$code" ] && { [ -z "$text" ] || grep -qF -- "$text" <<<"$said"; }; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED: ssgcam %s\n  wanted exit %s and "%s", got exit %s and:\n%s\n' "$*" "$code" "$text" "$got" "$said"
  fi
}

# check WHAT COMMAND...: the command must succeed.
check() {
  local what=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED: $what"
  fi
}

# ---- data: pictures of the demo, six of them, masks that mark an object -------------------------------------------------------------
mkdir -p data
cp "$here"/../../demo/data/images/{glioma,pituitary}_2[5-9]*.jpg data/ 2>/dev/null || cp "$here"/../../demo/data/images/*.jpg data/
ids=($(cd data && ls ./*.jpg | head -6 | sed 's|^\./||; s|\.jpg$||'))
for id in "${ids[@]}"; do cp "$here/../../demo/data/masks/$id.png" data/; done
classes=(red green blue red green blue)
{
  echo image,labels,mask,split
  for i in 0 1 2 3 4 5; do echo "${ids[$i]}.jpg,${classes[$i]},${ids[$i]}.png,$([ "$i" -lt 4 ] && echo test || echo search)"; done
} >data/data.csv
printf 'red\ngreen\nblue\n' >data/classes.txt

# ---- the program itself --------------------------------------------------------------------------------------------------------------
expect 2 "usage: ssgcam COMMAND"
expect 0 "usage: ssgcam COMMAND" --help
expect 0 "ssgcam 0." --version
expect 2 "there is no command 'generte'; did you mean 'generate'? \`ssgcam --help\` lists them." generte
expect 2 "there is no command '7'. \`ssgcam --help\` lists them." 7
for command in inspect explain search generate eval report bench devices; do expect 0 "usage: ssgcam $command" "$command" --help; done
expect 2 "did you mean '--threads'" inspect "$model" --thread 2
expect 2 "there is no option '--7'. See" inspect "$model" --7
expect 2 "needs a whole number" inspect "$model" --threads two
expect 2 "--threads needs a whole number from 0 to 2147483647, not '-1'" inspect "$model" --threads -1
expect 2 "the model (an .onnx file) is missing. See \`ssgcam bench --help\`." bench
expect 2 "'b' is one argument too many. See \`ssgcam generate --help\`." generate a b
expect 2 "'a' is one argument too many" devices a
if [ -e /dev/full ]; then
  for arguments in --help "inspect $model" "inspect $model --json" "devices --json" "bench $model --repeat 1 --json"; do
    said=$("$ssgcam" $arguments 2>&1 >/dev/full) && code=0 || code=$?
    check "a full disk behind standard output is told: $arguments" [ "$code $said" = "4 ssgcam: what was printed could not be written to standard output; is the disk full?" ]
  done
fi
expect 2 "needs a value" inspect "$model" --threads

# ---- inspect, devices, bench -----------------------------------------------------------------------------------------------------------
expect 0 "32 x 48" inspect "$model"
expect 0 "resize crop, bgr, scale" inspect "$model" --resize crop --channels bgr
expect 0 "relu2" inspect "$model" --layers auto
check "no line of it ends with a space" bash -c '! "$@" | grep -n " \$"' "" "$ssgcam" inspect "$model" --layers all
expect 0 '"class_count": 3' inspect "$model" --json
expect 2 "the model (an .onnx file) is missing" inspect
expect 3 "no-such.onnx" inspect no-such.onnx
expect 3 "" inspect "$here/run.sh"
expect 3 "correct \`size\`" inspect "$model" --size 64
expect 3 "neither axis 1 nor axis 3 has 1 channel, which" inspect "$model" --channels grey
expect 2 "--size" inspect "$model" --size big
for size in -240 0 240.5 240x-1 nan 99999; do expect 2 "--size $size; give 1 to 16384 whole pixels, e.g. 224 or 240x320" inspect "$model" --size $size; done
# A count of nothing is no count: 0 would quietly mean all, or the default.
for option in batch classes repeat samples probes; do expect 2 "--$option needs a whole number from 1 to 2147483647, not '0'" bench "$model" --$option 0; done
for option in limit batch; do
  for command in "generate $model" "eval masks $model" "eval boxes $model" "search $model"; do
    [ "$option" = batch ] || expect 2 "--limit needs a whole number from 1 to 2147483647, not '0'" $command --data data --limit 0 -o x
    expect 2 "--batch needs a whole number from 1" $command --data data -b 0
  done
done
for option in evaluations runs folds population stagnation bank-memory; do expect 2 "--$option needs a whole number from 1" search "$model" --data data --$option 0; done
expect 2 "--steps needs a whole number from 1" eval perturb "$model" --data data --steps 0
expect 0 "images a second" bench "$model" --repeat 1 --threads 0 --seed 0
head -c 900 "$model" >cut.onnx
expect 3 "cut.onnx" inspect cut.onnx
cp "$model" odd.onnx
echo '{"sise": 3}' >odd.json
expect 3 "did you mean 'size'" inspect odd.onnx
expect 0 "onednn" devices
expect 0 '"devices"' devices --json
for option in "--device cuda" "--threads 2" "--precision bf16"; do expect 2 "there is no option '${option%% *}'" devices $option; done
expect 0 "images a second" bench "$model" --repeat 2 --threads 1
expect 0 "MiB reserved for tensors and maps; the process filled" bench "$model" --repeat 1
expect 4 "" bench "$model" --device cuda:7
expect 2 "is not known; use auto" bench "$model" --device gpu
expect 2 "is not known; use auto" bench "$model" --device cpu,cuda
expect 2 "names GPU 0 twice" bench "$model" --device cuda:0,0
expect 0 "images a second" bench "$model" --repeat 1 --device cpu,cpu
for device in cpu cpu,cpu auto; do expect 2 "100000 threads; give at most 1024, or 0 for all processors" bench "$model" --repeat 1 --device $device --threads 100000; done
expect 0 "images a second" bench "$model" --repeat 1 --device cpu --threads 1024
expect 2 "it must be fp32, winograd, bf16, fp16 or tf32" bench "$model" --precision fp8
expect 3 "the CPU computes in fp32 or bf16" bench "$model" --precision tf32 --device cpu
expect 3 "not in fp16" bench "$model" --precision fp16 --device cpu
if "$ssgcam" devices --json | grep -q '"winograd"'; then
  expect 0 "images a second" bench "$here/../../demo/train/wbc.onnx" --repeat 1 --precision winograd --device cpu
else
  expect 4 "Winograd convolutions need a processor with AVX-512" bench "$model" --precision winograd --device cpu
fi

# ---- explain ---------------------------------------------------------------------------------------------------------------------------
picture=data/${ids[0]}.jpg
expect 0 "class " explain "$model" "$picture" -o out --save overlay,heatmap,npy,layers,tensors
check "explain wrote its files" test -s "out/${ids[0]}.$(ls out | sed -nE "s/^${ids[0]}\.([0-9]+)\.npy$/\1/p" | head -1).npy"
check "layer maps are named after the layer" compgen -G "out/${ids[0]}.*.relu1.npy" >/dev/null
check "tensors" compgen -G "out/${ids[0]}.*.relu2.g.npy" >/dev/null
expect 0 '"score"' explain "$model" "$picture" --json --save none -c red -c 2 -c top
for method in gradcam gradcampp xgradcam layercam hirescam gradcam_elementwise ssgcam smoothgradcampp scorecam; do
  expect 0 "class 1 (green)" explain "$model" "$picture" -c green --save npy -m $method -o "out-$method"
done
expect 0 "" explain "$model" "$picture" --save npy --preset pgc -m layercam -l relu1,act2 -o out
expect 0 "class 1 (green)" explain "$model" "$picture" -c green --save tensors --second-order exact --target logsoftmax --probes 3 --seed 4 -o exact
check "exact second order is saved" compgen -G "exact/*.h.npy" >/dev/null
expect 2 "logsoftmax, softmax or rest" explain "$model" "$picture" -c green --second-order exact -l relu1
expect 2 "belongs to method ssgcam" explain "$model" "$picture" --second-order exact -m gradcam
expect 0 ".1.sheet.png" explain "$model" "$picture" -c green --sheet layers -l relu1,act2 -o sheets
expect 0 ".1.sheet.png" explain "$model" "$picture" -c green --sheet gradcam,scorecam,smoothgradcampp -o methods
expect 2 "did you mean 'gradcam'" explain "$model" "$picture" --sheet gradcamm -o sheets
expect 3 "the model has no class 'grean'; the nearest is 'green'. Its classes: red, green, blue" explain "$model" "$picture" -c grean
expect 3 "the model has no class 'glioblastoma'. Its classes: red, green, blue" explain "$model" "$picture" -c glioblastoma
printf 'class %s, with a name that takes more room than a sentence should have\n' 1 2 3 >long.txt
expect 3 "the model has no class 'red'. \`ssgcam inspect MODEL --json\` lists all 3." explain "$model" "$picture" -c red --class-names long.txt
for wrong in foo gradcam,gradcm ""; do
  said=$("$ssgcam" explain "$model" "$picture" --sheet "$wrong" -o unmade 2>/dev/null) && code=0 || code=$?
  check "--sheet '$wrong' is refused before the network runs" [ "$code$said" = 2 -a ! -e unmade ]
done
expect 2 "--sheet 'gradcam,gradcm' (layers, or methods): " explain "$model" "$picture" --sheet gradcam,gradcm
expect 3 "class 9 does not exist" explain "$model" "$picture" -c 9
expect 3 "the nearest is 'relu1'" explain "$model" "$picture" -l relu3
expect 2 "gradcam" explain "$model" "$picture" -m gradcamm
for threshold in 256 -5 1e2; do expect 2 "--threshold needs a whole number from 0 to 255, not '$threshold'" explain "$model" "$picture" -t $threshold; done
expect 2 "--sigma needs a number from 0 on, not '-1'" explain "$model" "$picture" --sigma -1
expect 2 "sigma 65; it must be 0 to 64" explain "$model" "$picture" --sigma 65
expect 2 "--noise needs a number from 0 on, not '-1'" explain "$model" "$picture" -m smoothgradcampp --noise -1
expect 2 "noise 11; it must be 0 to 10" explain "$model" "$picture" -m smoothgradcampp --noise 11
expect 2 "--save" explain "$model" "$picture" --save movie
expect 2 "at least one image" explain "$model"
echo "not an image" >text.jpg
expect 3 "text.jpg" explain "$model" text.jpg
check "of a single image that fails the reason is given once" test "$("$ssgcam" explain "$model" text.jpg 2>&1 | grep -c text.jpg)" -eq 1
expect 1 "1 of 2 inputs" explain "$model" text.jpg "$picture" -o out
expect 1 "1 of 2 inputs" explain "$model" text.jpg "$picture" -c green --sheet layers -l relu1,act2 -o mended
"$ssgcam" explain "$model" text.jpg "$picture" -c green --sheet layers --save overlay -l relu1,act2 -o mended --json >sheet.json 2>/dev/null
check "the JSON has the sheet, and which input failed and why" python3 -c '
import json, sys
bad, good = json.load(open("sheet.json"))
assert bad["input"] == "text.jpg" and "text.jpg" in bad["failed"] and set(bad) == {"input", "failed"}, bad
assert good["files"] == ["mended/%s.1.%s.png" % (sys.argv[1], kind) for kind in ("overlay", "sheet")], good
' "${ids[0]}"
check "one bad image costs the others no panel" cmp "sheets/${ids[0]}.1.sheet.png" "mended/${ids[0]}.1.sheet.png"
python3 - <<'P'
import struct
def save(name, kind, shape, value):
    head = ("{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (kind, shape)).ljust(117) + "\n"
    count = 1
    for side in shape: count *= side
    open(name, "wb").write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + value * count)
save("narrow.npy", "<f4", (2, 3, 32, 40), struct.pack("<f", 0.5))
save("flat.npy", "<f4", (32, 48), struct.pack("<f", 0.5))
save("whole.npy", "<i8", (3, 32, 48), struct.pack("<q", 128))
save("double.npy", "<f8", (3, 32, 48), struct.pack("<d", 0.5))
save("half.npy", "<f2", (1, 3, 32, 48), struct.pack("<e", 0.5))
P
expect 3 "narrow.npy: an array of 2 x 3 x 32 x 40; the network's input is N x 3 x 32 x 48, or one image without N" explain "$model" narrow.npy
expect 3 "flat.npy: an array of 32 x 48; the network's" explain "$model" flat.npy
expect 3 "whole.npy: an array of whole numbers; arrays are fed as they are, so save preprocessed floats" explain "$model" whole.npy
expect 1 "3 of 5 inputs" explain "$model" double.npy narrow.npy half.npy whole.npy flat.npy --save none
expect 2 "under one name" explain "$model" "$picture" "out/../$picture" -o out

# ---- generate --------------------------------------------------------------------------------------------------------------------------
expect 0 "4 of 4 masks" generate "$model" --data data --split test -o run
check "as many masks as images" test "$(ls run/masks | wc -l)" -eq 4
expect 0 "(4 from before)" generate "$model" --data data --split test -o run
expect 3 "another recipe" generate "$model" --data data --split test -o run -t 3
expect 0 "4 of 4 masks" generate "$model" --data data --split test -o run -t 3 --fresh
expect 3 "run/journal.jsonl: the work in this folder was done on another list of images, or with other labels" generate "$model" --data data --split test -t 3 -o run --limit 2
expect 0 "6 of 6 masks" generate "$model" --data data -o whole --maps --overlays --batch 3
for shard in 1/2 2/2; do expect 0 "3 of 3 masks" generate "$model" --data data -o shards --shard $shard --threads 1; done
check "shards, batch and threads do not change a byte" diff -r whole/masks shards/masks
for threads in 1 7; do expect 0 "6 of 6 masks" generate "$model" --data data -o hands-$threads --maps --overlays --threads $threads; done
check "nor do threads that read and write, the journal's order included" diff -r hands-1 hands-7
for devices in cpu cpu,cpu,cpu; do expect 0 "6 of 6 masks" generate "$model" --data data -o "on-$devices" --device $devices --batch 1; done
for devices in cpu cpu,cpu; do expect 0 "6 of 6 masks" generate "$model" --data data -o "one-$devices" --device $devices --batch 100000000; done
check "on the CPU a batch is no larger than the images are many, and changes no byte" diff -r on-cpu/masks one-cpu/masks
check "nor on two workers" diff -r on-cpu/masks one-cpu,cpu/masks
check "several devices do not change a byte" diff -r on-cpu/masks on-cpu,cpu,cpu/masks
expect 0 "6 of 6 masks" generate "$model" --data data -o views --scales 1,0.5 --flip --maps --batch 4
expect 0 "6 of 6 masks" generate "$model" --data data -o views-again --scales 0.5,1 --flip --maps --batch 1 --device cpu,cpu
check "the order of scales, batch and devices do not change a byte" diff -r views/masks views-again/masks
expect 3 "another scale (1,0.5 and mirrored, now 1,0.5)" generate "$model" --data data -o views --scales 1,0.5
expect 2 "not a list of numbers" generate "$model" --data data -o x --scales 1,half
expect 2 "scale 0: it must be above 0" generate "$model" --data data -o x --scales 1,0
check "scales that cannot be leave nothing behind" test ! -e x
rm "whole/masks/${ids[2]}.png"
truncate -s -20 whole/journal.jsonl
expect 0 "6 of 6 masks" generate "$model" --data data -o whole --maps --overlays --batch 3
check "a resumed run ends with the same bytes" diff -r whole/masks shards/masks
# Maps and overlays that an earlier run did not write, or that are gone, are made later; what needs nothing more is kept.
expect 0 "6 of 6 masks in later/masks;" generate "$model" --data data -o later
expect 0 "6 of 6 masks in later/masks;" generate "$model" --data data -o later --maps --overlays
check "they are those of a run that wrote all at once" bash -c 'diff -r whole/masks later/masks && diff -r whole/maps later/maps && diff -r whole/overlays later/overlays'
rm later/maps/"${ids[2]}".*.npy
expect 0 "(5 from before)" generate "$model" --data data -o later --maps --overlays
check "a map that was gone is back" diff -r whole/maps later/maps
expect 0 "(6 from before)" generate "$model" --data data -o later --maps
# A recipe that the model cannot follow leaves no folder that belongs to it.
echo '{"ssgcam_recipe": 1, "threshold": 100, "layers": [{"name": "nowhere", "method": "layercam", "weight": 127}]}' >nowhere.json
expect 3 "nowhere" generate "$model" --data data -o refused -r nowhere.json
check "nothing was begun" [ ! -e refused ]
expect 2 "-o DIR is missing" generate "$model" --data data
expect 2 "--shard" generate "$model" --data data -o x --shard 3
expect 2 "" generate "$model" -o x
expect 3 "no-such" generate "$model" --data no-such -o x
sed '1s/labels/tags/' data/data.csv >data/nolabels.csv
expect 3 "column 'labels' is missing" generate "$model" --data data/nolabels.csv -o x
sed 's/green/grean/' data/data.csv >data/wronglabel.csv
expect 3 "grean" generate "$model" --data data/wronglabel.csv -o x
cp text.jpg data/broken.jpg
{ cat data/data.csv; echo "broken.jpg,red,,test"; echo "gone.jpg,red,,test"; } >data/bad.csv
expect 1 "gone.jpg" generate "$model" --data data/bad.csv -o partial
check "the others are complete" test "$(ls partial/masks | wc -l)" -eq 6
touch file
expect 4 "file" generate "$model" --data data -o file/below
if [ -e /dev/full ] && [ "$(id -u)" -eq 0 ] && mkdir small && mount -t tmpfs -o size=8k tmpfs small 2>/dev/null; then
  expect 4 "small" generate "$model" --data data -o small
  check "no torn mask on a full disk" bash -c '! ls small/masks 2>/dev/null | grep -v "\.png$"'
  umount small
fi

# ---- recipes ------------------------------------------------------------------------------------------------------------------------------
cat >recipe.json <<'R'
{"ssgcam_recipe": 1, "layers": [{"name": "relu1", "weight": 27, "method": "layercam"}, {"name": "relu2", "weight": 100, "method": "ssgcam", "sigma": 1}], "threshold": 90}
R
expect 0 "6 of 6 masks" generate "$model" --data data -r recipe.json -o recipe
expect 2 "--method, --layers, --sigma: --recipe recipe.json decides this already" generate "$model" --data data -r recipe.json -m gradcam -l relu1 --sigma 9 -o x
for option in "method ssgcam" "layers relu1" "weights 1" "power 1" "sigma 0" "combine product" "weighting element" "second-order exact" "probes 8" "target logit" "samples 8" "noise 0" "seed 0"; do
  for command in "generate $model --data data -o x" "explain $model $picture -o x" "bench $model" "eval masks $model --data data" "eval boxes $model --data data"; do
    expect 2 "--${option% *}: --recipe recipe.json decides this already" $command -r recipe.json --$option
  done
done
check "nothing was begun" test ! -e x
expect 0 "6 of 6 masks" generate "$model" --data data -r recipe.json -t 80 -o recipe80
sed 's/"threshold": 90/"threshold": 80/' recipe.json >recipe80.json
expect 0 "6 of 6 masks" generate "$model" --data data -r recipe80.json -o recipe80-again
check "a threshold counts instead of the recipe's" diff -r recipe80/masks recipe80-again/masks
echo '{"ssgcam_recipe": 1, "layers": [{"name": "relu1", "weight": 64, "method": "layercam", "power": 0.5}, {"name": "relu2", "weight": 63, "method": "layercam", "power": 0.5}], "threshold": 150}' >power.json
expect 0 "6 of 6 masks" generate "$model" --data data -r power.json -o power
expect 0 "6 of 6 masks" generate "$model" --data data -m layercam -l relu1,relu2 --power 0.5 -t 150 -o power-again
check "--power is that of every layer" diff -r power/masks power-again/masks
for power in 0 17; do expect 2 "--power $power; it must be above 0 and at most 16" explain "$model" "$picture" --power $power; done
sed 's/relu1/gone1/' recipe.json >missing.json
expect 3 "tiny.onnx has no layer gone1; " generate "$model" --data data -r missing.json -o x
sed 's/"layers": \[.*\]/"layers": [{"name": "a", "weight": 60, "sigma": 1}, {"name": "b", "weight": 7}, {"name": "a", "weight": 60, "sigma": 2}]/' recipe.json >twice.json
expect 3 "tiny.onnx has no layers a, b; \`ssgcam inspect --layers all\` lists what it has" explain "$model" "$picture" -r twice.json
sed 's/"ssgcam_recipe": 1/"ssgcam_recipe": 9/' recipe.json >future.json
expect 3 "version 9" generate "$model" --data data -r future.json -o x
sed 's/27/28/' recipe.json >sum.json
expect 3 "127" generate "$model" --data data -r sum.json -o x
sed 's/sigma/sigmma/' recipe.json >unknown.json
expect 3 "did you mean 'sigma'" generate "$model" --data data -r unknown.json -o x

# ---- eval ------------------------------------------------------------------------------------------------------------------------------------
expect 0 "mIoU" eval masks "$model" --data data --mask-values object --curve curve.csv
for threads in 1 7; do expect 0 "mIoU" eval masks "$model" --data data --mask-values object --pixel-curve pixels$threads.csv --curve curve$threads.csv --threads $threads; done
check "threads that score change no figure" cmp curve1.csv curve7.csv
check "nor that of a pixel" cmp pixels1.csv pixels7.csv
check "a curve of 256 thresholds" test "$(wc -l <curve.csv)" -eq 257
expect 0 '"mean_iou"' eval masks --masks run/masks --data data --split test --mask-values object --json
expect 0 "but no mask shows it; if the masks mark objects without their class, say --mask-values object" eval masks --masks run/masks --data data --split test
mkdir -p small && cp run/masks/*.png small/ && python3 - small/*.png <<'PY'
import struct, sys, zlib
chunk = lambda name, data: struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
rows = zlib.compress(10 * (b"\0" + 20 * b"\0"))
open(sys.argv[1], "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 20, 10, 8, 0, 0, 0, 0)) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
PY
expect 1 "20x10 pixels, but data/" eval masks --masks small --data data --split test --mask-values object
"$ssgcam" eval masks --masks run/masks --data data --split test --mask-values object --json >premade.json 2>/dev/null
check "masks made before have no threshold that is known and no curve" python3 -c '
import json
told = json.load(open("premade.json"))
assert told["threshold"] is None and not {"curve_mean_iou", "px_ap", "best"} & set(told), told
'
"$ssgcam" eval masks "$model" --data data --split test --mask-values object -t 3 --json >direct.json 2>/dev/null
check "masks scored from files and on the fly give equal counts" python3 -c '
import json
assert json.load(open("direct.json"))["confusion"] == json.load(open("premade.json"))["confusion"]
'
expect 3 "no images in split 'none'" eval masks --masks run/masks --data data --mask-values object --split none
expect 3 "no-such-folder: there is no such folder" eval masks --masks no-such-folder --data data --mask-values object
expect 3 "run: the masks are in a folder of it; give run/masks" eval masks --masks run --data data --mask-values object
expect 3 "whole: the maps are in a folder of it; give whole/maps" eval boxes --maps whole --data data
expect 3 "no-such-folder: there is no such folder" eval perturb "$model" --maps no-such-folder --data data
expect 2 "give either" eval masks --data data
expect 2 "what to score" eval
expect 2 "'mask' is nothing to score: say masks, boxes or perturb." eval mask
expect 0 "the confusion matrix with --json" eval --help
expect 0 "usage: ssgcam eval boxes" eval boxes --help
expect 2 "mask values" eval masks "$model" --data data --mask-values shape
expect 0 "PxAP" eval masks --maps whole/maps --data data --mask-values object -t 3 --curve maps.csv --pixel-curve pixels.csv
check "precision and recall at 1001 thresholds" [ "$(wc -l <pixels.csv)" -eq 1002 ]
cp -r whole/maps holed && rm holed/"${ids[2]}".*.npy
expect 1 "1 of 6 images could not be scored" eval masks --maps holed --data data --mask-values object --curve holed.csv --pixel-curve holed_pixels.csv
check "the curves are of the other images" [ "$(wc -l <holed.csv) $(wc -l <holed_pixels.csv)" = "257 1002" ]
for threads in 1 7; do
  for from in "--masks run/masks" "--maps holed"; do "$ssgcam" eval masks $from --data data --mask-values object --json --threads $threads; done >scored-$threads.txt 2>&1
done
check "threads that score files change no figure, nor the order of what fails" cmp scored-1.txt scored-7.txt
check "two masks and a map are not there" [ "$(grep -c 'failed: .*cannot be opened' scored-7.txt)" = 3 ]
expect 2 "100000 threads; give at most 1024, or 0 for all processors" eval masks --masks run/masks --data data --mask-values object --threads 100000
for from in "$model" "--maps whole/maps"; do "$ssgcam" eval masks $from --data data --mask-values object --json 2>/dev/null | grep -E '"(px_ap|mean_iou)"'; done >both.txt
check "maps made before score as those made now" awk '{ v[NR] = $2 + 0 } function far(a, b) { return a - b > 1e-3 || b - a > 1e-3 } END { exit NR != 6 || far(v[1], v[4]) || far(v[3], v[6]) }' both.txt
# A crop: the network sees the centre of each picture (32 x 48 of squares); maps made before are of that part, and the folder says so.
expect 0 "6 of 6 masks" generate "$model" --data data --resize crop -o cropped --maps
expect 3 "another preprocessing (32x48 crop rgb, scale" generate "$model" --data data -o cropped --maps
expect 3 "another preprocessing (32x48 stretch rgb, scale" generate "$model" --data data --resize crop -o whole --maps
expect 3 "now 32x48 stretch rgb, scale 0.00392156863, mean 0.25 0.25 0.25, std" generate "$model" --data data --mean 0.25 -o whole --maps
for from in "$model --resize crop" "--maps cropped/maps"; do "$ssgcam" eval masks $from --data data --mask-values object --json 2>/dev/null | grep -E '"(px_ap|mean_iou)"'; done >both.txt
check "maps of a crop made before score as those made now" awk '{ v[NR] = $2 + 0 } function far(a, b) { return a - b > 1e-3 || b - a > 1e-3 } END { exit NR != 6 || far(v[1], v[4]) || far(v[3], v[6]) }' both.txt
cp -r cropped/maps unsaid && rm unsaid/input.json
"$ssgcam" eval masks --maps unsaid --data data --mask-values object --json 2>/dev/null | grep '"px_ap"' >unsaid.txt
check "and would not as maps of whole pictures" bash -c '! grep -qFf unsaid.txt both.txt'
echo '{"resize": "crop"}' >unsaid/input.json
expect 3 "unsaid/input.json: a crop, but not of which size" eval masks --maps unsaid --data data --mask-values object
echo '{"resize": "cut"}' >unsaid/input.json
expect 3 "unsaid/input.json: resize is 'cut'" eval masks --maps unsaid --data data --mask-values object
expect 2 "hold one threshold only" eval masks --masks run/masks --data data --mask-values object --pixel-curve x.csv
expect 2 "--threshold needs a whole number from 0 to 255, not '300'" eval masks --maps whole/maps --data data --mask-values object -t 300
expect 2 "give either" eval masks --masks run/masks --maps whole/maps --data data
expect 3 "none of the 6 images" eval masks --maps data --data data --mask-values object
expect 4 "no-such-folder" eval masks --maps whole/maps --data data --mask-values object --pixel-curve no-such-folder/x.csv
# What cannot be written is said before the work: only this is said then. Links are followed; pipes and folders are left alone.
for curve in no-such-folder/x.csv data; do
  for command in "masks $model --mask-values object --curve" "masks $model --mask-values object --pixel-curve" "boxes $model --curve" "perturb $model --maps whole/maps --curve"; do
    expect 4 "$curve: cannot be written" eval $command "$curve" --data data
    check "and nothing else: eval $command $curve" [ "$("$ssgcam" eval $command "$curve" --data data 2>/dev/null)" = "" ]
  done
done
expect 4 "'./x/': cannot be written: this names no file" eval masks "$model" --data data --mask-values object --curve ./x/ --pixel-curve y.csv
mkdir linked && mkfifo linked/pipe && echo old >linked/old.csv
ln -s linked/old.csv to-old.csv && ln -s to-old.csv twice.csv && ln -s linked/new.csv to-new.csv && ln -s linked/pipe to-pipe.csv && ln -s round.csv round.csv
for link in twice to-new; do expect 0 "mIoU" eval masks "$model" --data data --mask-values object --curve $link.csv; done
check "links stay" test -L twice.csv -a -L to-old.csv -a -L to-new.csv
check "and what they point to is written, with nothing left beside it" [ "$(wc -l <linked/old.csv) $(wc -l <linked/new.csv) $(ls linked | wc -l)" = "257 257 3" ]
for pipe in linked/pipe to-pipe.csv; do
  expect 4 "$pipe: cannot be written: not a regular file" eval masks "$model" --data data --mask-values object --curve $pipe
  expect 4 "$pipe: cannot be written: not a regular file" search "$model" --data data --mask-values object -o $pipe
  expect 4 "$pipe: cannot be written: not a regular file" report curve.csv -o $pipe
done
check "a pipe stays a pipe" test -p linked/pipe
check "a search that cannot write begins no log" bash -c '! ls to-pipe* linked | grep log'
expect 4 "round.csv: cannot be written (look at: Too many levels of symbolic links)" eval masks "$model" --data data --mask-values object --curve round.csv

printf 'image,labels,masks,label_id\n%s.jpg,red,,7\n' "${ids[0]}" >data/odd.csv
expect 0 "data/odd.csv:1: column 3 is not read; is 'mask' meant by its name?" generate "$model" --data data/odd.csv -o odd
check "what resembles a column that is there is let be" bash -c '! "$0" generate "$1" --data data/odd.csv -o odd 2>&1 | grep "column 4"' "$ssgcam" "$model"
# ---- names that are not UTF-8 ---------------------------------------------------------------------------------------------------------------
latin=$(printf 'gl\xfcck') && mkdir -p latin/images "latin/$latin" && cp "data/${ids[0]}.jpg" "latin/images/$latin.jpg"
cp "data/${ids[1]}.jpg" latin/fine.jpg
printf 'image,labels\n\n%s/x.jpg,red\nimages/%s.jpg,red\n' "$latin" "$latin" >latin/data.csv
printf 'image,labels\nfine.jpg,red\n%s/gone.jpg,red\n' "$latin" >latin/gone.csv
printf 'red\n%s\n' "$latin" >latin/names.txt
expect 3 "latin/data.csv:4: this image's name is not UTF-8" generate "$model" --data latin/data.csv -o latin/run
expect 3 "this image's name is not UTF-8, which journals and results need; rename it" generate "$model" --images latin/images -o latin/run
expect 3 "latin/names.txt:2: this name is not UTF-8; save the file as UTF-8" inspect "$model" --class-names latin/names.txt
expect 1 "1 of 2 masks" generate "$model" --data latin/gone.csv -o latin/run
check "the journal names the folder as far as it can" grep -qF 'gl?ck/gone.jpg: cannot be opened' latin/run/journal.jsonl

# ---- boxes: two images with boxes, one of them with two classes; maps made before give what maps made now give --------------------------------
{
  echo image,labels,boxes,split
  echo "${ids[0]}.jpg,red,20 30 200 240;green 0 0 5 5,bad"
  echo "${ids[1]}.jpg,green;blue,green 100 100 300 300;blue 0 0 90 120;green 5 5 50 60,test"
  echo "${ids[2]}.jpg,blue,40 60 400 500,test"
  echo "${ids[3]}.jpg,blue,,test"
} >data/boxes.csv
expect 0 "2 images, 0 failed, 3 maps" eval boxes "$model" --data data/boxes.csv --split test --curve boxes_curve.csv
expect 0 "2 images, 0 failed, 3 maps" eval boxes "$model" --data data/boxes.csv --split test --curve boxes_curve7.csv --threads 7
check "threads that score change no hit" cmp boxes_curve.csv boxes_curve7.csv
check "the curve of boxes has every threshold" [ "$(wc -l <boxes_curve.csv)" -eq 256 ]
expect 0 "2 images, 0 failed" eval masks "$model" --data data/boxes.csv --split test --mask-values boxes
expect 3 "no image of this data set has a box" eval masks "$model" --data data --mask-values boxes
expect 4 "no-such-folder/x.csv" eval boxes "$model" --data data/boxes.csv --split test --curve no-such-folder/x.csv
expect 0 "" generate "$model" --data data/boxes.csv --split test -o boxes_run --maps
"$ssgcam" eval boxes "$model" --data data/boxes.csv --split test --curve now.csv --json >now.json 2>/dev/null
"$ssgcam" eval boxes --maps boxes_run/maps --data data/boxes.csv --split test --curve before.csv --json >before.json 2>/dev/null
check "boxes of maps made before equal those made now" cmp now.csv before.csv
expect 0 "" generate "$model" --resize crop --data data/boxes.csv --split test -o boxes_cropped --maps
"$ssgcam" eval boxes "$model" --resize crop --data data/boxes.csv --split test --curve crop_now.csv >/dev/null 2>&1
expect 0 "" eval boxes --maps boxes_cropped/maps --data data/boxes.csv --split test --curve crop_before.csv
check "so do those of a crop" cmp crop_now.csv crop_before.csv
check "which differ from those of whole pictures" bash -c '! cmp -s now.csv crop_now.csv'
check "the least IoU is a number" python3 -c '
import json
assert [row["iou"] for row in json.load(open("now.json"))["any_contour"]] == [0.3, 0.5, 0.7]
'
check "what the network answered is known only for maps made now" [ "$(grep -c top[15]_ now.json)$(grep -c top[15]_ before.json)" = 20 ]
answered=0 # the box is the whole picture, so that the largest contour hits somewhere whatever the class; one class of the three is the answer
for class in red green blue; do
  printf 'image,labels,boxes\n%s.jpg,%s,0 0 %s\n' "${ids[0]}" "$class" "512 512" >data/whole.csv
  top1=$("$ssgcam" eval boxes "$model" -m layercam --data data/whole.csv --json 2>/dev/null | grep -A1 top1_ | grep accuracy | tr -dc '0-9.')
  answered=$(awk -v a="$answered" -v b="$top1" 'BEGIN { print a + b }')
done
check "one class of three is the answer (Top-1)" [ "$answered" = 1 ]
cp -r boxes_run/maps half_maps
rm half_maps/"${ids[1]}".2.npy
expect 1 "1 images, 1 failed, 1 maps" eval boxes --maps half_maps --data data/boxes.csv --split test # an image with one of its two maps counts not at all
rm boxes_run/maps/"${ids[2]}".*.npy
expect 1 "1 of 2 images could not be scored" eval boxes --maps boxes_run/maps --data data/boxes.csv --split test
for threads in 1 7; do "$ssgcam" eval boxes --maps boxes_run/maps --data data/boxes.csv --split test --json --threads $threads >scored-$threads.txt 2>&1; done
check "threads that score maps in files change no hit" cmp scored-1.txt scored-7.txt
expect 3 "none of the 2 images" eval boxes --maps data --data data/boxes.csv --split test
expect 3 "a label that the image does not have" eval boxes "$model" --data data/boxes.csv --split bad
expect 3 "no image of this data set has a box" eval boxes "$model" --data data
expect 2 "give either" eval boxes --data data/boxes.csv
expect 2 "too many" eval boxes "$model" "$model" --data data/boxes.csv

# ---- perturb -----------------------------------------------------------------------------------------------------------------------------------
expect 0 "" generate "$model" --data data --split test -o perturb_run --maps
expect 0 "4 images, 0 failed, 4 maps" eval perturb "$model" --maps perturb_run/maps --data data --split test --curve most.csv
expect 0 '"insertion"' eval perturb "$model" --maps perturb_run/maps --data data --split test --order least --fill mean --steps 4 --json
check "a curve from none to all pixels" [ "$(wc -l <most.csv)" -eq 12 ]
check "deletion begins where insertion ends" awk -F, 'NR == 2 { a = $2 } NR == 12 { exit a != $4 }' most.csv
"$ssgcam" eval perturb "$model" --maps perturb_run/maps --data data --split test --order random --seed 1 --curve random.csv >/dev/null 2>&1
check "random pixels give other curves with the same ends" awk -F, 'NR == FNR { m[FNR] = $2; next } FNR == 2 || FNR == 12 { bad += m[FNR] != $2 } FNR > 2 && FNR < 12 { differ += m[FNR] != $2 } END { exit bad || !differ }' most.csv random.csv
expect 2 "give a MODEL and --maps" eval perturb "$model" --data data
expect 0 "average drop" eval perturb "$model" --maps perturb_run/maps --data data --split test --steps 3
for threads in 1 3; do
  "$ssgcam" eval perturb "$model" --maps perturb_run/maps --data data --split test --fill road --seed 2 --threads $threads --json >road-$threads.json 2>/dev/null
done
"$ssgcam" eval perturb "$model" --maps perturb_run/maps --data data --split test --order random --blur 3 --steps 2 --json >blurred.json 2>/dev/null
check "the JSON has the settings that figures depend on" python3 -c '
import json
told = lambda name: [json.load(open(name))[key] for key in ("fill", "blur", "noise", "order", "steps", "seed")]
assert told("road-1.json") == ["road", None, 0.01, "most", 10, 2], told("road-1.json")
assert told("blurred.json") == ["blur", 3, None, "random", 2, 0], told("blurred.json")
'
check "ROAD is there, its noise comes from the seed" grep -q '"road": ' road-1.json
check "ROAD does not depend on the threads" cmp road-1.json road-3.json
expect 0 "ROAD" eval perturb "$model" --maps perturb_run/maps --data data --split test --fill road --noise 0 --steps 2
expect 2 "1 steps; 2 to 100" eval perturb "$model" --maps perturb_run/maps --data data --split test --fill road --steps 1
expect 2 "--noise needs a number from 0 on, not '-1'" eval perturb "$model" --maps perturb_run/maps --data data --split test --fill road --noise -1
expect 2 "--seed needs a whole number from 0 to 2147483647, not '-3'" eval perturb "$model" --maps perturb_run/maps --data data --seed -3
expect 2 "noise 101" eval perturb "$model" --maps perturb_run/maps --data data --split test --fill road --noise 101
expect 2 "one of blur, mean, zero, road" eval perturb "$model" --maps perturb_run/maps --data data --fill black
expect 2 "steps; 1 to 100" eval perturb "$model" --maps perturb_run/maps --data data --split test --steps 101
expect 2 "--blur needs a number from 0 on, not '-1'" eval perturb "$model" --maps perturb_run/maps --data data --blur -1
expect 2 "--blur 0; it must be above 0" eval perturb "$model" --maps perturb_run/maps --data data --blur 0
expect 2 "at most 64" eval perturb "$model" --maps perturb_run/maps --data data --split test --blur 65
expect 3 "cropped/maps/input.json: the maps show the centre as a crop to 32x48 leaves it, but the network sees whole images; give" eval perturb "$model" --maps cropped/maps --data data --split test
expect 3 "the maps show whole images, but the network sees the centre" eval perturb "$model" --resize crop --maps perturb_run/maps --data data --split test
expect 0 "4 images, 0 failed" eval perturb "$model" --resize crop --maps cropped/maps --data data --split test --steps 2
check "maps of which nothing is told are of what the network sees" rm perturb_run/maps/input.json
expect 0 "4 images, 0 failed" eval perturb "$model" --resize crop --maps perturb_run/maps --data data --split test --steps 2
expect 1 "2 of 6 images" eval perturb "$model" --maps perturb_run/maps --data data
expect 3 "none of the 4 images" eval perturb "$model" --maps data --data data --split test

# ---- search ----------------------------------------------------------------------------------------------------------------------------------
export XDG_CACHE_HOME=$work/cache
search=(search "$model" --data data --split test --holdout-split search --mask-values object --layers all --sigmas 0,2 -m ssgcam,layercam)
expect 0 "held out" "${search[@]}" -n 300 -o one.json
check "a recipe, its log and no checkpoint" test -s one.json -a -s one.log.jsonl -a ! -e one.checkpoint
expect 0 "rows, " "${search[@]}" -n 300 -o two.json --threads 1
expect 0 '"cached": true' "${search[@]}" -n 300 -o two.json --threads 2 --bank-memory 1 --json
check "threads do not change a byte" cmp one.json two.json
said=$(ulimit -f 16; trap '' XFSZ; "$ssgcam" "${search[@]}" -n 300 --cache full -o full.json 2>&1; echo "exit $?")
check "a bank without room: which file, and what to do" grep -q "full/[0-9a-f]*.bank.part: cannot be written: .*; free some space or choose another folder.* exit 4" <<<"${said//$'\n'/ }"
for devices in cpu cpu,cpu; do "$ssgcam" "${search[@]}" -n 300 --device $devices -o "search-$devices.json" >/dev/null 2>&1; done
check "several devices find the same recipe" cmp search-cpu.json search-cpu,cpu.json
for level in ref avx2 avx512; do
  SSGCAM_CPU_LEVEL=$level "$ssgcam" "${search[@]}" -n 300 -o $level.json >/dev/null 2>&1
  check "SSGCAM_CPU_LEVEL=$level does not change a byte" cmp one.json $level.json
done
expect 0 "4 of 4 masks" generate "$model" --data data --split test -r one.json -o searched
"$ssgcam" "${search[@]}" --runs 3 -n 8000 -o slow.json >/dev/null 2>&1
stops=0 code=130
for _ in 1 2 3; do
  "$ssgcam" "${search[@]}" --runs 3 -n 8000 -o stopped.json >/dev/null 2>&1 &
  pid=$!
  sleep 0.4
  kill -TERM $pid 2>/dev/null
  code=0
  wait $pid || code=$?
  [ "$code" -eq 130 ] && stops=$((stops + 1))
done
[ "$code" -eq 130 ] && { "$ssgcam" "${search[@]}" --runs 3 -n 8000 -o stopped.json >/dev/null 2>&1 || code=$?; }
check "SIGTERM: exit 130 or already done" test "$code" -eq 130 -o "$code" -eq 0
check "stopped $stops times and continued: the same bytes" cmp slow.json stopped.json
# A search that would take hours is stopped by a signal once generations follow each other: its exit code, and by how many bytes the log grew.
stop_by() {
  local size code=0
  size=$(stat -c %s held.log.jsonl 2>/dev/null || echo 0)
  "$ssgcam" "${search[@]}" --runs 60 -n 1000000 -o held.json >/dev/null 2>&1 &
  for _ in $(seq 300); do
    sleep 0.1
    [ "$(stat -c %s held.log.jsonl 2>/dev/null || echo 0)" -gt "$size" ] && break
  done
  kill -"$1" $!
  wait $! || code=$?
  check "SIG$1: exit 130 and a checkpoint, not $code" test "$code" -eq 130 -a -s held.checkpoint -a "$(stat -c %s held.log.jsonl)" -gt "$size"
}
stop_by TERM
stop_by INT
# A checkpoint of another search is refused before the network runs: no bank appears.
banks=$(ls "$work"/cache/ssgcam | wc -l)
expect 3 "on other data, another model or another grid; finish that one" "${search[@]}" --runs 60 -n 1000000 --sigmas 0,3 -o held.json
check "no bank was built for it" test "$(ls "$work"/cache/ssgcam | wc -l)" -eq "$banks" -a -s held.checkpoint
expect 3 "with other options; finish that one" "${search[@]}" --runs 60 -n 1000000 --sparsity 0.1 -o held.json
expect 0 "held out" "${search[@]}" -n 300 --sigmas 0,3 -o held.json --fresh
# Recipes as the schema of docs/ has them, of searches with other options too.
expect 0 "rows, " "${search[@]}" -n 300 -m ssgcam,hirescam --weighting both --combine coherence --powers 0.5 --folds 2 --fitness foreground -o folds.json
expect 2 "scorecam needs network passes of its own for every map and cannot be searched; leave it out" "${search[@]}" -m ssgcam,scorecam -o x.json
# The headings are those of what is printed.
headings() { "$ssgcam" "${search[@]}" -n 30 --fitness "$1" -o headings.json 2>/dev/null | sed -n '/tau  mix$/ s/  */ /gp'; }
check "headings of --fitness miou" [ "$(headings miou)" = " mIoU % classes % mIoU % classes % tau mix" ]
check "headings of --fitness object" [ "$(headings object)" = " mIoU % object % mIoU % object % tau mix" ]
check "headings of --fitness image" [ "$(headings image)" = " image % mIoU % image % mIoU % tau mix" ]
check "a log has the figure that --fitness image is for" python3 -c '
import json
best = [json.loads(line) for line in open("headings.log.jsonl")][-2]
assert best["entry"] == "recipe" and abs(best["searched"]["image_iou"] - json.load(open("headings.json"))["search"]["searched"]["image_iou"]) < 1e-5, best
'
# What to type instead of the recipe does what a recipe of that row alone does.
simple=(search "$model" --data data --mask-values object --layers all --sigmas 0,2 -n 40 --folds 3 -s 2)
expect 0 "these figures do not put the recipe ahead of" "${simple[@]}" -o simple.json
instead=$("$ssgcam" "${simple[@]}" -o simple.json 2>/dev/null | sed -n 's/.*ssgcam generate MODEL //p')
expect 0 "\"simpler\": \"$instead\"" "${simple[@]}" -o simple.json --json
expect 0 "6 of 6 masks" generate "$model" --data data $instead -o instead
expect 0 "rows, " search "$model" --data data --mask-values object $(sed -E 's/--(method|sigma|power) /--\1s /g; s/ --threshold.*//' <<<"$instead") --shrink 1 -n 40 --folds 1 -o alone.json
expect 0 "6 of 6 masks" generate "$model" --data data -r alone.json -o alone
check "generate $instead: the masks of that row's recipe" diff -r instead/masks alone/masks
expect 2 "give one size, or height x width" search "$model" --data data --mask-values object --grid 24x40x3 -o runs.json
expect 0 "rows, " search "$model" --data data --mask-values object --grid 24 -n 100 --folds 1 -o square.json
expect 0 "rows, " search "$model" --data data --mask-values object --grid 24x40 -n 300 --runs 2 --threshold gene --adaptation jde --sparsity 0.01 -o runs.json
# Images that belong together: folds, held-out images and samples take them whole.
together() { awk -F, -v groups="$1" -v name="$2" 'BEGIN { split(groups, g, ""); print "image,labels,mask,split," name } NR > 1 { print $0 "," g[NR - 1] }' data/data.csv; }
together ppqrss group >data/whole.csv
together ppqrrs patient >data/shared.csv
together ppqrss group | sed '1s/$/,patient/; 2,$s/$/,p/' >data/twice.csv
groups=(search "$model" --mask-values object --layers all --sigmas 0,2 -n 100)
expect 0 "4 images (3 groups) searched, 2 (1 group) held out" "${groups[@]}" --data data/whole.csv --split test --holdout-split search --folds 3 -o groups.json
expect 0 "95 % of bootstrap samples of the 3 groups of images: " "${groups[@]}" --data data/whole.csv --split test --folds 3 -o again.json --threads 1
expect 0 "searched; of the 1 group of images: " "${groups[@]}" --data data/whole.csv --split test --holdout-split search --folds 3 -o again.json --threads 1
check "threads do not change a byte of a search with groups" cmp groups.json again.json
check "a recipe holds the number of groups" [ "$(python3 -c 'import json; s = json.load(open("groups.json"))["search"]; print(*(s[k]["groups"] for k in ("searched", "heldout", "crossvalidated")))')" = "3 1 3" ]
check "and without groups none" bash -c '! grep -q groups one.json'
expect 0 '"searched_groups": 4' "${groups[@]}" --data data/whole.csv --holdout-fraction 0 --runs 1 -o x.json --json
expect 0 "ssgcam: group 'r' has both searched and held-out images: the held-out figures flatter" "${groups[@]}" --data data/shared.csv --split test --holdout-split search -o x.json
check "a shared group is said once" [ "$("$ssgcam" "${groups[@]}" --data data/shared.csv --split test --holdout-split search -o x.json 2>&1 >/dev/null | wc -l)" -eq 1 ]
check "and with -q not at all" [ -z "$("$ssgcam" "${groups[@]}" --data data/shared.csv --split test --holdout-split search -o x.json -q 2>&1 >/dev/null)" ]
check "groups apart are not spoken of" [ -z "$("$ssgcam" "${groups[@]}" --data data/whole.csv --split test --holdout-split search -o x.json 2>&1 >/dev/null)" ]
expect 2 "4 folds of 4 images in 3 groups, and a group stays whole: give 3 at most" "${groups[@]}" --data data/whole.csv --split test --folds 4 -o x.json
expect 2 "give another fraction, or hold out a split" "${groups[@]}" --data data/whole.csv --split search --holdout-fraction 0.5 -o x.json
expect 3 "'group' (or 'patient') is there twice" "${groups[@]}" --data data/twice.csv -o x.json
{ together ppqrss group; for i in 0 1 2 3 4 5; do cp "data/${ids[$i]}.jpg" "data/copy$i.jpg"; echo "copy$i.jpg,${classes[$i]},${ids[$i]}.png,test,$([ $i -lt 3 ] && echo p || echo q)"; done; } >data/more.csv
expect 0 "10 images (3 groups) searched" "${groups[@]}" --data data/more.csv --split test -o x.json
expect 0 "ssgcam: the images to search on are in 3 groups, which stay whole: 3 folds instead of 4" "${groups[@]}" --data data/more.csv --split test -o x.json
expect 0 "each image scored by the search that did not see its group" "${groups[@]}" --data data/more.csv --split test -o x.json
expect 0 "1 section" report groups.json -o groups.html
check "a page says what was drawn" grep -qF "bootstrap samples over whole groups of images" groups.html
said=$(python3 "$here/check_recipes.py" "$here/../../docs/recipe.schema.json" one.json held.json folds.json runs.json groups.json -- \
  "$ssgcam" explain "$model" "data/${ids[0]}.jpg" -q -o against -r 2>&1) && code=0 || code=$?
case $code in
  77) echo "recipes against their schema: skipped, this Python has no module jsonschema (scripts/setup.sh installs it)" ;;
  *) check "recipes against their schema: $said" test "$code" -eq 0 ;;
esac
expect 3 "1 image to search on" search "$model" --data data --split test --limit 1 --mask-values object
expect 2 "--evaluations needs a whole number from 1 to 2147483647, not '-1'" "${search[@]}" -n -1 -o x.json
expect 2 "--population 3; it must be 4 to" "${search[@]}" --population 3 -o x.json
expect 2 "--sigmas 1,-1: -1; it must be 0 to 64" "${search[@]}" -m layercam --sigmas 1,-1 -o x.json
for shrink in -1 2 nan; do expect 2 "--shrink $shrink: $shrink; it must be 0 to 1" "${search[@]}" --shrink $shrink -o x.json; done
for grid in 0 24x0 -24; do expect 2 "--grid '$grid': give one size, or height x width, each 1 to 4096" "${search[@]}" --grid $grid -o x.json; done
expect 2 "there are: miou, foreground, object, image" "${search[@]}" --fitness beauty -o x.json
expect 2 "adaptation 'shade'; it must be lshade, jso, jde, dither or fixed" "${search[@]}" --adaptation shade -o x.json
expect 2 "needs --split" search "$model" --data data --holdout-split test
expect 2 "separated by commas" "${search[@]}" --sigmas '1;2' -o x.json
expect 3 "masks" search "$model" --data data --split test -o x.json
expect 4 "no-such-folder" "${search[@]}" -n 300 -o no-such-folder/x.json

# ---- report ----------------------------------------------------------------------------------------------------------------------------------
"$ssgcam" eval masks "$model" --data data --mask-values object --json >masks.json 2>/dev/null
"$ssgcam" eval perturb "$model" --maps perturb_run/maps --data data --split test --json >perturb.json 2>/dev/null
"$ssgcam" eval perturb "$model" --maps perturb_run/maps --data data --split test --fill road --steps 2 --json >road.json 2>/dev/null
runs=(one.json folds.json runs.json recipe.json whole partial shards masks.json now.json perturb.json road.json curve.csv now.csv most.csv pixels.csv)
expect 0 "page.html: 15 sections" report "${runs[@]}" -o page.html
expect 0 "" report "${runs[@]}" -o again.html -q
check "the same runs give the same bytes" cmp page.html again.html
check "PxAP and ROAD are on it" [ "$(grep -oE 'PxAP, how maps rank pixels|ROAD; large is good|How maps rank pixels' page.html | sort -u | wc -l)" -eq 3 ]
check "links to sections of one kind differ" grep -qE '>Curves <small>now.csv</small></a>' page.html
expect 0 "1 section" report headings.json -o image.html # of --fitness image
check "its figures are those that the search was for" [ "$(grep -oE 'mean of the images|as many random mixtures' image.html | sort -u | wc -l)" -eq 2 ]
expect 0 "1 section" report curve.csv -o axis.html
check "a threshold's axis ends where the thresholds do" bash -c 'grep -q ">250</text>" axis.html && ! grep -q ">300</text>" axis.html'
check "a gain has its sign" grep -qE '<dd>[+-][0-9.]+<span> points' page.html
check "a heading stands above its table, where it can break" grep -qF '<h3>The recipe and what it is compared with, in percent</h3><div class="scroll"' page.html
check "the settings of a perturbation are on it" [ "$(grep -oE 'fill blur of 10 pixels, order most, 10 steps, seed 0|fill road with noise of 0.01, order most, 2 steps' page.html | wc -l)" -eq 2 ]
python3 -c '
import json
json.dump({key: value for key, value in json.load(open("perturb.json")).items() if key not in ("fill", "blur", "noise", "order", "seed")}, open("old.json", "w"))
'
expect 0 "1 section" report old.json -o old.html
sed -E 's/"iou": (0\.[0-9]*)/"iou": "\1"/' now.json >old-boxes.json
sed -E 's/"threshold": null,/"threshold": -1, "curve_mean_iou": [],/' premade.json >old-masks.json
for kind in boxes masks; do
  cp "$([ $kind = boxes ] && echo now || echo premade).json" same.json
  "$ssgcam" report same.json -o same-new.html -q
  cp old-$kind.json same.json
  expect 0 "1 section" report same.json -o same-old.html
  check "$kind as older programs printed them give the same page" bash -c "! cmp -s same.json '$([ $kind = boxes ] && echo now || echo premade).json' && cmp same-new.html same-old.html"
done
check "and of one that does not tell them so much is said" grep -q "does not tell by what pixels were replaced" old.html
check "the page is well-formed" python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' page.html
check "it needs nothing from elsewhere" bash -c '! grep -oE "(src|href)=\"[^#d][^\"]{0,40}|<script|url\(|@import" page.html'
check "what failed is named" grep -q "gone.jpg" page.html
check "twelve pictures at most, of every folder" test "$(grep -o '<img ' page.html | wc -l)" -eq 18
sed 's|"relu1"|"<b>\&amp;relu\\"1"|' recipe.json >markup.json
expect 0 "1 section" report markup.json -o markup.html
check "markup in a file stays text" grep -qF '&lt;b&gt;&amp;amp;relu&quot;1' markup.html
expect 2 "at least one RUN" report
expect 0 "or a table that it wrote with --curve or --pixel-curve" report --help
expect 3 "cannot be opened" report no-such.json -o x.html
expect 3 "no journal.jsonl in this folder" report data -o x.html
expect 3 "not something to report on" report data/data.csv -o x.html
expect 3 "neither a recipe nor" report odd.json -o x.html
sed '5s/,.*/,none/' curve.csv >damaged.csv
expect 3 "damaged.csv:5: 'mean_iou' should be a number" report one.json damaged.csv -o x.html
sed 's/"foreground_iou"/"other"/' masks.json >damaged.json
expect 3 "damaged.json: Object item not found: foreground_iou" report damaged.json -o x.html
cp one.json torn.json
{ sed -n 1,2p one.log.jsonl; echo '{"run": 0, "gen'; sed -n 3p one.log.jsonl; } >torn.log.jsonl
expect 3 "torn.log.jsonl:3:" report torn.json -o x.html
check "nothing is written when a run cannot be read" test ! -e x.html
expect 4 "no-such-folder" report one.json -o no-such-folder/x.html

# ---- precisions of a GPU: only where the program has one -----------------------------------------------------------------------------
if grep -q '"cuda:0"' <<<"$("$ssgcam" devices --json)"; then
  for precision in tf32 bf16 fp16; do
    expect 0 "images a second" bench "$model" --repeat 1 --precision $precision
    expect 0 "class 1 (green)" explain "$model" "$picture" -c green --save npy,tensors --precision $precision -o "out-$precision"
    expect 0 "6 of 6 masks" generate "$model" --data data --precision $precision -o "run-$precision"
    expect 0 "" "${search[@]}" -n 300 --precision $precision -o "$precision.json"
    check "search in $precision wrote its recipe" test -s "$precision.json"
  done
  expect 3 "on a GPU cuDNN chooses its convolutions" bench "$model" --precision winograd
  expect 3 "fp16 ends at 65504" explain "$model" "$picture" --scale 1000000 --precision fp16 --save none
  expect 3 "with another precision" generate "$model" --data data --precision bf16 -o run-fp16
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
