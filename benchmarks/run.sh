#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Runs all benchmarks beside their peers on one core; tables to the terminal, JSON to
# benchmarks/results (or the folder given).
set -euo pipefail
cd "$(dirname "$0")"
./setup.sh
results=${1:-results}
mkdir -p "$results"
python=.venv/bin/python
lscpu | grep -E "Model name|MHz|L2 cache" | tee "$results/machine.txt" || true
taskset -c 0 $python matmul.py --json="$results/matmul.json"
taskset -c 0 $python kernels.py --json="$results/kernels.json"
taskset -c 0 $python lenet.py --json="$results/lenet.json"
taskset -c 0 $python steps.py --json="$results/steps.json"
$python compile.py --json="$results/compile.json"
taskset -c 0 $python softmax.py
