#!/usr/bin/env bash
# Installs a build folder into an empty prefix and uses what is there: each header alone as C11 and as C++, a program by pkg-config (shared and static) and one by
# the CMake package; and the shared library exports ssgcam_* alone.
set -euo pipefail
build=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }

cmake --install "$build" --prefix "$work/prefix" >"$work/log" || fail "cmake --install: $(tail -5 "$work/log")"
version=$(sed -nE 's/^project\(ssgcam VERSION ([0-9.]+).*/\1/p' "$here/../../CMakeLists.txt")

strict=(-fsyntax-only -Wall -Wextra -pedantic -Werror -I"$work/prefix/include")
for header in "$work"/prefix/include/ssgcam/*.h; do
  name=ssgcam/$(basename "$header")
  printf '#include <%s>\n#include <%s>\nint nothing;\n' "$name" "$name" >"$work/alone.c" # twice: the guard works
  cc -std=c11 "${strict[@]}" "$work/alone.c" || fail "$name alone is not C11"
  c++ -std=c++11 "${strict[@]}" -x c++ "$work/alone.c" || fail "$name alone is not C++"
  [[ $name = ssgcam/ssgcam.h || $name = ssgcam/export.h ]] || grep -q "include <$name>" "$work/prefix/include/ssgcam/ssgcam.h" || fail "ssgcam.h does not include $name"
done

library=$(find "$work/prefix" -name 'libssgcam.so' -print -quit)
foreign=$(nm -D --defined-only "$library" | awk '$2 != "A" { print $3 }' | grep -v '^ssgcam_' || true)
[ -z "$foreign" ] || fail "exported besides ssgcam_*: $foreign"
while read -r name; do
  nm -D --defined-only "$library" | grep -q " $name\$" || fail "$name is declared in a header but not exported"
done < <(grep -hoE 'SSGCAM_API [^;]*\(' "$work"/prefix/include/ssgcam/*.h | grep -oE 'ssgcam_[a-z0-9_]+\($' | tr -d '(' | sort -u)

for file in "$library" "$work/prefix/bin/ssgcam"; do
  missing=$(ldd "$file" | grep 'not found' | grep -v libssgcam || true)
  [ -z "$missing" ] || fail "$file does not find its libraries: $missing"
done

folder=$(dirname "$library")
export PKG_CONFIG_PATH=$folder/pkgconfig
cc -std=c11 "$here/consumer.c" -o "$work/shared" $(pkg-config --cflags --libs ssgcam)
[ "$(LD_LIBRARY_PATH=$folder "$work/shared")" = "$version" ] || fail "the program linked by pkg-config says another version than $version"
cc -std=c11 "$here/consumer.c" -o "$work/static" $(pkg-config --cflags ssgcam) "$folder/libssgcam.a" $(pkg-config --static --libs ssgcam | sed 's/-lssgcam//')
[ "$("$work/static")" = "$version" ] || fail "the statically linked program says another version than $version"

cmake -S "$here" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$work/prefix" >"$work/log" 2>&1 || fail "find_package: $(tail -5 "$work/log")"
cmake --build "$work/cmake" >"$work/log" 2>&1 || fail "the consumer's build: $(tail -5 "$work/log")"
[ "$("$work/cmake/consumer")" = "$version" ] || fail "the program of the CMake package says another version than $version"
[ "$("$work/prefix/bin/ssgcam" --version | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -1)" = "$version" ] || fail "ssgcam --version"
echo "installed, used by pkg-config, statically and by CMake: version $version"
