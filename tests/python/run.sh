#!/usr/bin/env bash
# run.sh PYTHON LIBRARY PROGRAM: the tests of the binding, by PYTHON or else the system's, whichever has NumPy. 77 (skipped) where neither has.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
has_numpy() { "$1" -c 'import numpy' 2>/dev/null; }
python=$1
has_numpy "$python" || python=/usr/bin/python3
if ! has_numpy "$python"; then
  echo "skipped: neither $1 nor $python has NumPy (Debian: python3-numpy)"
  exit 77
fi
export SSGCAM_LIBRARY=$2 SSGCAM_PROGRAM=$3 PYTHONPATH=$here/../../python PYTHONDONTWRITEBYTECODE=1
exec "$python" -W error::ResourceWarning -m unittest discover -s "$here"
