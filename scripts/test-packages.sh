#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Installs what single tests need, which are skipped without it: Debian's chromium (113 MB, a quarter of a
# minute), in which reports are looked at, and qemu-user (10 s), which runs code for aarch64.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

# need PROGRAM PACKAGE WHAT
need() {
  command -v "$1" >/dev/null && return
  local install=(apt-get install -y --no-install-recommends "$2")
  if [ "$(id -u)" != 0 ]; then
    echo "test: no $2, so that $3 is not tested; this installs it: sudo ${install[*]}" >&2
    return
  fi
  echo "test: installing $2"
  # The list of packages may be missing, or older than what the servers have.
  "${install[@]}" >/dev/null 2>&1 || { apt-get update && "${install[@]}"; } >/dev/null 2>&1 ||
    echo "test: cannot install $2; $3 is not tested" >&2
}

need chromium chromium "how reports look in a browser"
need qemu-aarch64 qemu-user "code for aarch64"
