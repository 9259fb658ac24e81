#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Makes everything ready: Debian's packages, the Python environment, the build.
#   setup.sh [PRESET]     PRESET of CMakePresets.json, default release
# A second run finds what is done and takes seconds, without a network.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=/usr/bin:$PATH # Debian's cmake, ninja and python3 before any other
preset=${1:-release}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Runs a command quietly; if it fails, shows the end of what it said.
quietly() {
  "$@" >"$log" 2>&1 </dev/null && return
  echo "setup: '$*' failed:" >&2
  tail -n 60 "$log" >&2
  exit 1
}

missing=()
while read -r package; do
  dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null |
    grep -qx installed || missing+=("$package")
done <scripts/packages.txt

if ((${#missing[@]})); then
  if ! command -v apt-get >/dev/null; then
    echo "setup: not a Debian system; these Debian packages are missing: ${missing[*]}" >&2
    exit 1
  fi
  if [ "$(id -u)" != 0 ]; then
    echo "setup: not root; run this first: sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  echo "setup: installing ${#missing[@]} Debian packages"
  export DEBIAN_FRONTEND=noninteractive
  quietly apt-get update
  quietly apt-get install -y --no-install-recommends "${missing[@]}"
fi

if ! cmp -s python/requirements.txt .venv/requirements.txt; then
  echo "setup: making .venv"
  rm -rf .venv
  quietly /usr/bin/python3 -m venv .venv
  # Our pins are complete, whatever pip's configuration on this machine adds.
  PIP_CONSTRAINT=/dev/null quietly .venv/bin/pip install -r python/requirements.txt
  cp python/requirements.txt .venv/requirements.txt
fi

build=build
[ "$preset" = release ] || build=build-$preset
if ! cmp -s CMakePresets.json "$build/presets.json"; then
  echo "setup: configuring $build"
  quietly cmake --preset "$preset"
  cp CMakePresets.json "$build/presets.json"
fi
[ -e "$build/.ninja_log" ] || echo "setup: building $build"
quietly ninja -C "$build"
