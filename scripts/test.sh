#!/usr/bin/env bash
# All tests, or one part: test.sh [release|asan|clang|onednn3|cuda]. The last line says how many passed.
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE} # threads that spin while they wait slow each other down on a shared machine
parts=${1:-"release asan clang onednn3 cuda"}
passed=0 failed=0

run() { # name, command...
  local name=$1
  shift
  echo "== $name"
  if "$@"; then return 0; fi
  failed=$((failed + 1))
  echo "FAILED: $name"
}

suite() { # preset, arguments of ctest...
  local preset=$1
  shift
  cmake --preset "$preset" >"build/$preset.configure.log" 2>&1 || { cat "build/$preset.configure.log"; return 1; }
  cmake --build --preset "$preset" -- --quiet || return 1
  # Criterion lets a test with a leak pass: the sanitizer's reports go to files, and a file is a failure.
  rm -f build/"$preset"/sanitizer.*
  local out=build/$preset.ctest.log ok=0
  ASAN_OPTIONS=log_path=$PWD/build/$preset/sanitizer:detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1:log_path=$PWD/build/$preset/sanitizer \
    LSAN_OPTIONS=suppressions=$PWD/scripts/leaks.txt:print_suppressions=0 ctest --test-dir "build/$preset" --output-on-failure "$@" >"$out" 2>&1 || ok=1
  grep -E 'Test +#|tests passed|FAILED|failed' "$out" || true
  [ $ok -eq 0 ] || cat "$out"
  local good
  good=$(grep -cE 'Test +#[0-9]+:.* Passed' "$out" || true)
  passed=$((passed + good))
  if compgen -G "build/$preset/sanitizer.*" >/dev/null; then
    echo "sanitizer reports:"
    cat build/"$preset"/sanitizer.* | head -100
    ok=1
  fi
  return $ok
}

# The program built by another compiler finds the recipes of the first on its bank, and its maps, scores and trajectories are what they have to be.
compilers() {
  cmake --preset release >build/release.configure.log 2>&1 && cmake --build --preset release --target ssgcam_cli -- --quiet || return 1
  cmake --preset clang >build/clang.configure.log 2>&1 || { cat build/clang.configure.log; return 1; }
  cmake --build --preset clang --target ssgcam_cli test_kernelcheck test_maps test_evolve test_search_core test_score -- --quiet || return 1
  ctest --test-dir build/clang -R '^(kernelcheck|maps|evolve|search_core|score)$' --output-on-failure || return 1
  tests/compilers.sh build/release/ssgcam build/clang/ssgcam || return 1
  passed=$((passed + 1))
}

# The tests on the simulated device, and that they execute nearly all lines of what runs there.
simulated() {
  mkdir -p build/cudasim
  find build/cudasim -name '*.gcda' -delete
  suite cudasim -L cuda || return 1
  scripts/cuda-coverage.py build/cudasim --least 95 || return 1
  passed=$((passed + 1))
}

# Machine code for every architecture; no kernel may spill, or take more registers than docs/kernel-resources.txt says.
compile_cuda() {
  cmake --preset cuda >build/cuda.configure.log 2>&1 || { cat build/cuda.configure.log; return 1; }
  cmake --build --preset cuda --target ssgcam_cli -- --quiet || return 1
  scripts/kernel-resources.py build/cuda --check docs/kernel-resources.txt || return 1
  passed=$((passed + 1))
}

mkdir -p build
case " $parts " in *" release "*)
  run "dependency rule" scripts/check-dependencies.sh
  run "format" scripts/format.sh --check
  run "release build" suite release ;;
esac
case " $parts " in *" asan "*) run "AddressSanitizer and UBSan" suite asan ;; esac
case " $parts " in *" clang "*)
  if command -v clang >/dev/null; then run "recipes and maps of gcc's and clang's build" compilers; else echo "clang: skipped, it is not installed here"; fi ;;
esac
case " $parts " in *" onednn3 "*)
  if scripts/get-onednn3.sh; then run "oneDNN 3.x" suite onednn3; else echo "oneDNN 3.x: skipped, the Python packages cannot be had here"; fi ;;
esac
# The CUDA sources on the simulated device. It needs the headers of the toolkit and of cuDNN, which few machines without a GPU have.
without() { # what is skipped, why
  if [ -z "${SSGCAM_REQUIRE_CUDA:-}" ]; then echo "$1: skipped, $2 (SSGCAM_REQUIRE_CUDA=1 makes this a failure)"; return; fi
  failed=$((failed + 1))
  echo "FAILED: $1: $2, and SSGCAM_REQUIRE_CUDA is set"
}
case " $parts " in *" cuda "*)
  if headers=$(scripts/find-cuda.sh 2>build/find-cuda.log); then
    export CUDA_HOME=$headers
    run "CUDA on the simulated device" simulated
    if [ -x "$headers/bin/nvcc" ]; then run "CUDA compiled by nvcc" compile_cuda; else without nvcc "there is none in $headers"; fi
  else
    without CUDA "$(cat build/find-cuda.log)"
  fi ;;
esac

echo
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
