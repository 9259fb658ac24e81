#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Runs all benchmarks beside their peers, on one core where one thread is measured: tables to the
# terminal, JSON to benchmarks/results (or the folder given), ratios to the run in stored.json.
#   run.sh [--store] [RESULTS]     --store keeps this run and writes docs/performance.md's tables
set -euo pipefail
cd "$(dirname "$0")"
store=()
if [ "${1:-}" = --store ]; then store=(--store) && shift; fi
results=${1:-results}
mkdir -p "$results"
results=$(realpath "$results")
./setup.sh
export PYTHONPATH=$PWD/../build/python:$PWD/../python
python=.venv/bin/python
one="taskset -c 0 $python"
$python machine.py "$results/machine.json"
$one softmax.py --rounds=3 --json="$results/softmax.json"
$one throughput.py --json="$results/throughput.json"
$one matmul.py --rounds=3 --json="$results/matmul.json"
$one matmul.py --rounds=3 --size=256 --json="$results/matmul-256.json"
$one lenet.py --rounds=3 --json="$results/lenet.json"
$one steps.py --rounds=3 --json="$results/steps-1.json"
$python steps.py --rounds=3 --threads=2 --json="$results/steps-2.json"
$one granularity.py --json="$results/granularity.json"
$one kernels.py --json="$results/kernels.json"
$python compile.py --growth --json="$results/compile.json"
$one parameters.py --repeat=100 --json="$results/parameters.json"
$one changes.py --json="$results/changes.json"
$one policy.py --json="$results/policy.json"
$one rounding.py --rounds=5 --json="$results/rounding.json"
../.venv/bin/python scale.py --quick --json="$results/scale.json"
../.venv/bin/python sweep_overhead.py --trials=8 --json="$results/sweep.json"
$python report.py "$results" "${store[@]}"
