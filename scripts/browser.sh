#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Installs Debian's chromium where it is missing, for the tests of reports alone:
# 113 MB, a quarter of a minute. Without it they are skipped.
set -euo pipefail
command -v chromium >/dev/null && exit
if [ "$(id -u)" != 0 ]; then
  echo "test: no chromium, so that reports are not tested in a browser; this installs it: sudo apt-get install -y --no-install-recommends chromium" >&2
  exit
fi
echo "test: installing chromium"
export DEBIAN_FRONTEND=noninteractive
install=(apt-get install -y --no-install-recommends chromium)
# The list of packages may be missing, or older than what the servers have.
"${install[@]}" >/dev/null 2>&1 || { apt-get update && "${install[@]}"; } >/dev/null 2>&1 ||
  echo "test: cannot install it; reports are not tested in a browser" >&2
