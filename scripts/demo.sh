#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# The first result of the study, from nothing: sets up, trains, writes demo/report.html.
#   demo.sh [--trials=5] [--steps=1000] [--eval-every=100]
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
PYTHONPATH=python .venv/bin/python -m prec.demo "$@"
echo "the report, its pictures and the raw records are in demo/"
