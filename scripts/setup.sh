#!/usr/bin/env bash
# Installs what the build and the tests need and this machine lacks; silent when nothing is missing. Root is needed only if something is.
set -euo pipefail

packages=(build-essential cmake ninja-build pkg-config libdnnl-dev libprotobuf-c-dev protobuf-c-compiler libonnx-dev libturbojpeg0-dev libspng-dev libexif-dev
          libjansson-dev libcsv-dev libxxhash-dev libcriterion-dev libexpat1-dev zlib1g-dev clang-format-14 python3 python3-pip bsdextrautils)

installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

missing=()
for package in "${packages[@]}"; do installed "$package" || missing+=("$package"); done
[ ${#missing[@]} -eq 0 ] && exit 0
for package in python3-jsonschema python3-numpy; do # tests that are skipped without them: no reason to ask for root alone
  installed "$package" || missing+=("$package")
done

if ! command -v apt-get >/dev/null; then
  echo "setup: this script knows Debian and its relatives only. Please install the equivalents of: ${missing[*]}" >&2
  exit 4
fi
if [ "$(id -u)" -eq 0 ]; then
  as_root=()
elif command -v sudo >/dev/null; then
  as_root=(sudo)
else
  echo "setup: these packages are missing and installing them needs root: ${missing[*]}" >&2
  exit 4
fi
echo "setup: installing ${missing[*]}"
log=$(mktemp)
"${as_root[@]}" apt-get update >"$log" 2>&1 || true
if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1; then
  tail -20 "$log" >&2
  echo "setup: the installation failed; the whole log is $log" >&2
  exit 4
fi
rm -f "$log"
