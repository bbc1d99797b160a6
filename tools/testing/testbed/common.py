# SPDX-License-Identifier: GPL-2.0-only
"""What the testbed's programs share: the cache, initramfs archives, what counts as a splat."""

import os
import re
import stat
import tempfile

CACHE = os.environ.get("DKVM_CACHE") or os.path.expanduser("~/.cache/dkvm")

# What in a kernel log fails a run. A user program that faulted ("traps:") is the program's affair.
SPLAT = re.compile(
    r"\bBUG\b|WARNING: |\bOops\b|Kernel panic|KASAN|KCSAN|KMSAN|UBSAN|KFENCE|kmemleak"
    r"|possible (circular|recursive|irq lock|unsafe)|suspicious RCU|inconsistent lock"
    r"|INFO: (task|rcu|lockdep|possible)|rcu_\w+ (self-detected|detected)|rcu: .*(stall|starved)"
    r"|soft lockup|hard LOCKUP|blocked for more than|refcount_t|[Ll]eaked|Objects remaining"
    r"|general protection fault|[Uu]nable to handle|double fault|stack segment:|divide error"
    r"|invalid opcode: |unchecked MSR access|Bad page|corruption|sleeping function|while atomic"
    r"|\[ cut here \]|Call Trace:|Voluntary context switch|stack guard page|DEADLOCK")
NO_SPLAT = re.compile(r"traps: |\bBUG=|dkvm-l1: |kmemleak: Cannot alloc|leak detector initialized")


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write_atomic(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(path), delete=False) as f:
        f.write(data)
    os.chmod(f.name, 0o644)
    os.rename(f.name, path)


def splats(text):
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if not SPLAT.search(line) or NO_SPLAT.search(line):
            continue
        # An allocation that a test made fail (O5_fail_nth): only vmalloc() tells, with a trace.
        if "Call Trace:" in line and any(": vmalloc error: " in x for x in lines[max(0, number - 8):number]):
            continue
        yield number, line


class Cpio:
    """An initramfs archive ("newc"), written without the need of root."""

    def __init__(self):
        self.parts = []
        self.ino = 1

    def add(self, name, mode, data=b"", rdev=(0, 0)):
        name = name.encode() + b"\0"
        head = [self.ino, mode, 0, 0, 1, 0, len(data), 0, 0, rdev[0], rdev[1], len(name), 0]
        self.ino += 1
        blob = b"070701" + b"".join(b"%08X" % v for v in head) + name
        blob += b"\0" * (-len(blob) % 4) + data
        self.parts.append(blob + b"\0" * (-len(data) % 4))

    def dir(self, name):
        self.add(name, stat.S_IFDIR | 0o755)

    def file(self, name, data, mode=0o755):
        self.add(name, stat.S_IFREG | mode, data if isinstance(data, bytes) else data.encode())

    def data(self):
        self.add("TRAILER!!!", 0)
        return b"".join(self.parts)
