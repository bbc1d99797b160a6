#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Lines of the emulator that its tests have run.

  coverage.py [--tap] DIR FILE.c...

DIR has objects built with --coverage and what the tests left beside them. Prints the share of each
file and of all, as gcov counts it; --tap makes a test of it that fails below FLOOR percent.
"""
import re
import subprocess
import sys

FLOOR = 95.0


def main():
    args = sys.argv[1:]
    tap = "--tap" in args
    args = [a for a in args if a != "--tap"]
    where, files = args[0], sorted(args[1:])
    total = hit = 0
    missed = []
    for name in files:
        out = subprocess.run(["gcov", "-t", name[:-2] + ".o"], cwd=where, capture_output=True, text=True, check=False).stdout
        count = bad = 0
        mine = False
        for line in out.splitlines():
            m = re.match(r"\s*([^:]+):\s*(\d+):(.*)", line)
            if not m:
                continue
            if m[2] == "0":
                if m[3].startswith("Source:"):
                    mine = m[3].endswith("/" + name)
                continue
            if not mine or m[1] == "-":
                continue
            count += 1
            if m[1].startswith("#"):
                bad += 1
                missed.append(f"{name}:{m[2]}:{m[3]}")
        total += count
        hit += count - bad
        if count:
            print(f"# {name:14} {100 * (count - bad) / count:6.1f} % of {count} lines")
    share = 100 * hit / total if total else 0
    print(f"# {'all':14} {share:6.1f} % of {total} lines")
    if not tap:
        print("Lines that were not run:")
        print("\n".join(missed))
        return 0
    good = share >= FLOOR
    print(f"{'' if good else 'not '}ok 1 - at least {FLOOR:.0f} % of the emulator's lines are run ({share:.1f} %)")
    print("1..1")
    return not good


if __name__ == "__main__":
    sys.exit(main())
