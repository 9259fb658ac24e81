# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Adds up JUnit files of test runners into one line: N passed, N failed.

Exit code 1 if a test failed, if none passed, or if a runner left no file.
"""
import sys
import xml.etree.ElementTree as ElementTree


def count(path):
    """(passed, failed) of one file; a runner that wrote none failed once."""
    try:
        cases = list(ElementTree.parse(path).iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        print(f"no results of a test runner: {error}", file=sys.stderr)
        return 0, 1
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    skipped = sum(case.find("skipped") is not None for case in cases)
    return len(cases) - failed - skipped, failed


def main(paths):
    counts = [count(path) for path in paths]
    passed, failed = sum(p for p, _ in counts), sum(f for _, f in counts)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
