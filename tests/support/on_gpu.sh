#!/usr/bin/env bash
# Runs a test where there is a GPU: on_gpu.sh SSGCAM TEST [ARGUMENT...]. Without one the test is skipped (77), unless SSGCAM_REQUIRE_GPU makes that a failure.
set -u
ssgcam=$1
shift
if ! "$ssgcam" devices --json 2>/dev/null | grep -q '"cuda:0"'; then
  echo "there is no usable GPU"
  [ -n "${SSGCAM_REQUIRE_GPU:-}" ] && exit 1
  exit 77
fi
exec "$@"
