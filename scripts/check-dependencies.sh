#!/usr/bin/env bash
# The dependency rule of CONTRIBUTING.md, read off the #include lines: a folder may include itself and the folders listed for it.
set -euo pipefail
cd "$(dirname "$0")/.."
declare -A may=(
  [host/base]="" [kernels]="host/base" [host/evolve]="host/base" [host/model]="host/base" [host/device]="host/base host/model kernels"
  [host/net]="host/base host/model host/device" [host/cam]="host/base host/model host/device host/net kernels" [host/data]="host/base"
  [host/fuse]="host/base kernels host/data" [host/flow]="host/base kernels host/model host/device host/net host/cam host/fuse host/data"
  [host/eval]="host/base kernels host/model host/net host/cam host/fuse host/data host/device host/flow"
  [host/search]="host/base kernels host/evolve host/model host/cam host/fuse host/data host/device host/flow host/eval"
  [host/pipeline]="host/base kernels host/model host/cam host/fuse host/data host/device host/flow host/eval host/search"
  [host/report]="host/base host/data" [host/cli]="" )
bad=0
while IFS=: read -r file include; do
  from=$(echo "$file" | grep -oE '^(kernels|host/[a-z]+)')
  to=$(echo "$include" | sed -E 's/.*"(kernels|host\/[a-z]+)\/.*/\1/')
  [ "$from" = "$to" ] && continue
  case " ${may[$from]-} " in *" $to "*) ;; *) echo "$file must not include $to" ; bad=1 ;; esac
done < <(grep -rnHE '#include "(kernels|host/[a-z]+)/' kernels host --include='*.[ch]' --include='*.cu' --include='*.cuh' | sed -E 's/:[0-9]+:/:/')
if grep -rlE '#include <(cuda|cudnn|cublas|cub/)' include host kernels 2>/dev/null | grep -vE '^(host/device/cuda|kernels/cuda)/'; then echo "CUDA headers belong into host/device/cuda and kernels/cuda"; bad=1; fi
if grep -rlE 'dnnl|protobuf|cuda_runtime' include/ssgcam 2>/dev/null; then echo "public headers must not know oneDNN, protobuf or CUDA"; bad=1; fi
exit $bad
