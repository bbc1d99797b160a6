#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Opcodes of the manuals' maps that the emulator has no line for, each with the reason.

  opcode_list | gaps.py [--tap] gaps.txt

opcode_list says what the table does not emulate; gaps.txt, which describes itself, why. --tap makes
a test of it: everything has a reason, and no reason is left over.
"""
import sys


class Rule:
    def __init__(self, number, line):
        where, names, reason = (part.strip() for part in line.split("|"))
        fields = where.split()
        self.number, self.names, self.reason = number, names, reason
        self.maps = fields[0].split(",")
        self.opcodes = set()
        for part in fields[1].replace("*", "00-ff").split(","):
            first, _, last = part.partition("-")
            self.opcodes.update(range(int(first, 16), int(last or first, 16) + 1))
        self.pfx, self.ext, self.enc = (None if f == "*" else f.split(",") for f in fields[2:5])
        self.where = where
        self.used = False

    def matches(self, gap):
        return (gap[0] in self.maps and int(gap[1], 16) in self.opcodes and
                (self.pfx is None or gap[2] in self.pfx) and
                (self.ext is None or any(gap[3] == e or gap[3].startswith(e + "/") for e in self.ext)) and
                (self.enc is None or gap[4] in self.enc))


def main():
    args = [a for a in sys.argv[1:] if a != "--tap"]
    tap = "--tap" in sys.argv
    with open(args[0], encoding="utf-8") as f:
        rules = [Rule(n, line) for n, line in enumerate(f, 1) if line.strip() and not line.startswith("#")]
    unexplained = []
    for line in sys.stdin:
        gap = line.split()
        rule = next((r for r in rules if r.matches(gap)), None)
        if rule:
            rule.used = True
        else:
            unexplained.append(line.strip())
    stale = [r for r in rules if not r.used]
    shown = [r for r in rules if r.names != "-"]
    if not tap:
        for r in shown:
            print(f"{r.where:28} {r.names}: {r.reason}")
    for line in unexplained[:20]:
        print(f"# no reason: {line}")
    for r in stale[:20]:
        print(f"# gaps.txt:{r.number}: nothing is missing there")
    if tap:
        print(f"# {len(shown)} lines of opcodes of the manuals are not emulated")
        print(f"{'not ' if unexplained else ''}ok 1 - every opcode without a line has a reason")
        print(f"{'not ' if stale else ''}ok 2 - every reason is that of an opcode without a line")
        print("1..2")
    return bool(unexplained or stale)


if __name__ == "__main__":
    sys.exit(main())
