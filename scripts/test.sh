#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Runs the tests and ends with one line: N passed, N failed.
#   test.sh [--exhaustive] [--preset=NAME] [PATH...]
# PATH: a folder or file below test/, e.g. test/Numerics, test/IR/round.mlir,
# test/python/test_house.py; without one, all. A GoogleTest file runs its room's
# programs. --exhaustive adds the long tests; presets stand in CMakePresets.json.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=release exhaustive=0 paths=()
for arg; do
  case $arg in
  --exhaustive) exhaustive=1 ;;
  --preset=*) preset=${arg#*=} ;;
  -h | --help) sed -n '3,8s/^# \{0,1\}//p' "$0" && exit ;;
  -*) echo "test: unknown option '$arg'; the options are --exhaustive, --preset=NAME" >&2 && exit 1 ;;
  *) [ -e "$arg" ] || { echo "test: '$arg' does not exist" >&2 && exit 1; }
    paths+=("$(realpath --relative-to=. "$arg")") ;;
  esac
done
((${#paths[@]})) || paths=(test)
scripts/setup.sh "$preset"

build=build
[ "$preset" = release ] || build=build-$preset
export PREC_BUILD_DIR=$PWD/$build PREC_EXHAUSTIVE=$exhaustive
lit=() py=()
for path in "${paths[@]}"; do
  room=${path#test}
  case $path in
  test/python | test/python/*) py+=("$path") ;;
  test) lit+=("$build/test" "$build/test/unit") py+=(test/python) ;;
  test/*.cpp) room=$(dirname "$room") lit+=("$build/test/unit$(dirname "${path#test}")") ;;
  test/*) lit+=("$build/$path") && [ ! -d "$build/test/unit$room" ] || lit+=("$build/test/unit$room") ;;
  *) echo "test: '$path' is not below test" >&2 && exit 1 ;;
  esac
done

# The front ends' packages are for their tests alone (about 2 GB, two minutes).
frontends=(python/requirements-frontends.txt python/requirements-torch.txt)
if ((${#py[@]})) && ! cat "${frontends[@]}" | cmp -s - .venv/requirements-frontends.txt; then
  echo "test: installing the front ends' packages"
  export PIP_CONSTRAINT=/dev/null
  .venv/bin/pip install -q -r python/requirements.txt -r "${frontends[0]}" && .venv/bin/pip install -q -r "${frontends[1]}" &&
    cat "${frontends[@]}" >.venv/requirements-frontends.txt ||
    echo "test: cannot install them; the front ends' tests are skipped" >&2
fi

((!${#py[@]})) || scripts/test-packages.sh

results=$build/results
rm -rf "$results" && mkdir -p "$results"
((!${#lit[@]})) || PATH=/usr/bin:$PATH lit-22 -sv --no-progress-bar --xunit-xml-output="$results/lit.xml" "${lit[@]}" || true
((!${#py[@]})) || .venv/bin/python -m pytest -q --no-header -n auto --maxprocesses=8 --dist=loadfile --junitxml="$results/pytest.xml" "${py[@]}" || true
exec .venv/bin/python scripts/count_results.py ${lit:+"$results/lit.xml"} ${py:+"$results/pytest.xml"}
