# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which roundings of an op-granular training step of mlp_model are there, with their keys, for preset_reference.

Keys are read off the rounded module; what follows from them (docs/numerics.md) is computed here.
"""
import json
import re

import numpy as np
from test_random_words import h32, mix


class Sites:
    """Keys of arguments by name, and of results by (phase, scope, role) in program order: None where nothing is rounded."""

    def __init__(self, run, model, flags):
        rounded = run("prec-opt", model, *flags).stdout
        keys = {int(number): int(key) % 2**64 for number, key in re.findall(r"at <(\d+), key = (-?\d+)", rounded)}
        self.arguments, self.results = {}, {}
        for row in json.loads(run("prec-opt", model, *flags, "--report-sites=json").stdout):
            key = keys.get(row["site"])
            if row["op"] == "linalg.generic":
                assert (key is None) == (row["status"] != "rounded"), row
                self.results.setdefault((row["phase"], row["scope"], row["role"]), []).append(key)
            elif key is not None:
                self.arguments[row["op"]] = key


class Call:
    """The sites of one call, each result once."""

    def __init__(self, sites, seed=0, step=0):
        self.sites, self.seed, self.step = sites, seed, step
        self.queues = {site: list(keys) for site, keys in sites.results.items()}

    def argument(self, name):
        return self.sites.arguments.get(name)

    def result(self, scope, role, phase):
        return self.queues[phase, scope, role].pop(0)

    def words(self, key, shape):
        return h32(mix(self.seed, key, self.step), np.arange(int(np.prod(shape)))).reshape(shape)

    @property
    def left(self):
        return [site for site, keys in self.queues.items() if keys]
