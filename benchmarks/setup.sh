#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Installs the peers into benchmarks/.venv; not needed for the demo or the tests.
set -euo pipefail
cd "$(dirname "$0")"
../scripts/setup.sh
cmp -s requirements.txt .venv/requirements.txt && exit
rm -rf .venv
/usr/bin/python3 -m venv .venv
.venv/bin/pip install -q -r requirements.txt
cp requirements.txt .venv/requirements.txt
