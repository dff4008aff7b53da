#!/usr/bin/env bash
# Prints the folder of the CUDA toolkit (CUDA_HOME, then the usual places) with whose headers the backend compiles, or fails and says what is missing.
# cuDNN is a package of its own: its headers may lie in the toolkit or among the system's.
set -uo pipefail
why=
for root in "${CUDA_HOME:-}" /usr/local/cuda /opt/cuda; do
  [ -n "$root" ] && [ -e "$root/include/cuda_runtime.h" ] || continue
  said=$(printf '#include <%s>\n' cuda_runtime.h cublas_v2.h cudnn.h | cat - <(printf '#if CUDNN_MAJOR < 9\n#error cuDNN is older than 9\n#endif\n') |
    ${CXX:-c++} -E -x c++ -I "$root/include" - 2>&1 >/dev/null) && { echo "$root"; exit 0; }
  [ -n "$why" ] || why="a CUDA toolkit is in $root, but: $(sed -n 's/.*error: //p' <<<"$said" | head -1)"
done
echo "${why:-there is no CUDA toolkit here (set CUDA_HOME to one)}" >&2
exit 1
