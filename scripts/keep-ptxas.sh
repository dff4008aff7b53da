#!/usr/bin/env bash
# Runs a compiler and keeps what ptxas says of registers and spills beside the object, for scripts/kernel-resources.sh.
set -uo pipefail
object=
for ((i = 1; i < $#; i++)); do
  [ "${!i}" = -o ] && { next=$((i + 1)); object=${!next}; }
done
"$@" 2>"$object.said"
code=$?
grep -E '^ptxas info|bytes stack frame' "$object.said" >"$object.ptxas"
grep -vE '^ptxas info|bytes stack frame' "$object.said" >&2
rm -f "$object.said"
exit $code
