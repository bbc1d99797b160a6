# SPDX-License-Identifier: GPL-2.0-only
"""A QEMU that runs a guest, seen through the guest's console and QEMU's control socket."""

import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time

from common import read

DEBUGFS = "/sys/kernel/debug/kvm"


class Qmp:
    """QEMU's control socket: commands wait for their answer, events are kept."""

    def __init__(self, path, proc, timeout):
        self.sock = socket.socket(socket.AF_UNIX)
        end = time.time() + timeout
        while True:
            try:
                self.sock.connect(path)
                break
            except OSError:
                if proc.poll() is not None or time.time() > end:
                    raise
                time.sleep(0.05)
        self.buf = b""
        self.events = []
        self.message()
        self.command("qmp_capabilities")

    def fill(self):
        data = self.sock.recv(65536)
        if not data:
            raise EOFError("QEMU closed its control socket")
        self.buf += data

    def take(self):
        """A message that is complete, or None."""
        line, sep, rest = self.buf.partition(b"\n")
        if not sep:
            return None
        self.buf = rest
        return json.loads(line)

    def message(self):
        while True:
            msg = self.take()
            if msg is not None:
                return msg
            self.fill()

    def keep_events(self):
        """Of what has been read: an answer may have brought some along."""
        while True:
            msg = self.take()
            if msg is None:
                return
            if "event" in msg:
                self.events.append(msg["event"])

    def command(self, name, **args):
        req = {"execute": name}
        if args:
            req["arguments"] = args
        self.sock.sendall(json.dumps(req).encode() + b"\n")
        while True:
            msg = self.message()
            if "event" in msg:
                self.events.append(msg["event"])
            elif "error" in msg:
                raise RuntimeError(f"{name}: {msg['error'].get('desc')}")
            else:
                return msg["return"]


def statistics(qmp):
    """The VM's and its vCPUs' counters, summed by name."""
    total = {}
    counters = {}
    if not any(c["name"] == "query-stats" for c in qmp.command("query-commands")):
        # QEMU before 7.1: what debugfs knows of all VMs, and there is one.
        return {name: int(read(f"{DEBUGFS}/{name}")) for name in os.listdir(DEBUGFS) if os.path.isfile(f"{DEBUGFS}/{name}")}
    for schema in qmp.command("query-stats-schemas", provider="kvm"):
        for item in schema["stats"]:
            counters[item["name"]] = item
    for target in ("vm", "vcpu"):
        for block in qmp.command("query-stats", target=target):
            for item in block["stats"]:
                kind = counters.get(item["name"], {})
                if isinstance(item["value"], int) and kind.get("type") == "cumulative" and "unit" not in kind:
                    total[item["name"]] = total.get(item["name"], 0) + item["value"]
    return total


class Vm:
    """One QEMU process. What goes wrong first is kept in problem."""

    # What ends a guest: the socket's events.
    ENDS = {"SHUTDOWN", "RESET", "GUEST_PANICKED"}
    # States that are no failure then.
    GOOD = ("shutdown", "running", "paused", "postmigrate")

    def __init__(self, cmd, end, quiet=False):
        """@end: when its time is up; @quiet: do not show the console."""
        self.end, self.quiet = end, quiet
        self.console = b""
        self.problem = None
        path = tempfile.mkdtemp() + "/qmp"
        cmd = [*cmd, "-qmp", f"unix:{path},server=on,wait=off"]
        if not quiet:
            print("run: " + " ".join(cmd), flush=True)
        self.proc = subprocess.Popen(cmd, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.qmp = Qmp(path, self.proc, 60)

    def command(self, name, **args):
        return self.qmp.command(name, **args)

    def type(self, line):
        """Type a line on the guest's console."""
        self.proc.stdin.write(line.encode() + b"\n")
        self.proc.stdin.flush()

    def heard(self, data):
        self.console += data
        if not self.quiet:
            sys.stdout.buffer.write(data.replace(b"\r\n", b"\n"))
            sys.stdout.buffer.flush()

    def run(self, steps, poll=None):
        """Run until the guest ends, or one of @steps, called when there is more of the console, says so.

        With @poll the steps are called every so many seconds, too. True when the guest ended.
        """
        out = self.proc.stdout.fileno()
        while True:
            self.qmp.keep_events()
            if self.ENDS & set(self.qmp.events):
                break
            left = self.end - time.time()
            if left <= 0:
                self.problem = "time-out"
                return False
            ready = select.select([out, self.qmp.sock], [], [], min(left, poll or left))[0]
            if self.qmp.sock in ready:
                self.qmp.fill()
            if out in ready:
                data = os.read(out, 65536)
                if not data:
                    self.problem = "QEMU is gone"
                    return False
                self.heard(data)
            if (out in ready or not ready) and any([step(self) for step in steps]):
                return False
        status = self.command("query-status")["status"]
        if status not in self.GOOD:
            self.problem = f"the VM stopped: {status}"
        return True

    def quit(self):
        """End QEMU. Returns the counters that it had."""
        stats = {}
        try:
            if self.proc.poll() is None:
                stats = statistics(self.qmp)
                self.command("quit")
        except (EOFError, OSError, RuntimeError) as err:
            self.problem = self.problem or f"QEMU: {err}"
        try:
            rest = self.proc.communicate(timeout=20)[0]
        except subprocess.TimeoutExpired:
            self.proc.kill()
            rest = self.proc.communicate()[0]
            self.problem = self.problem or "QEMU did not end"
        self.heard(rest)
        if self.proc.returncode:
            self.problem = self.problem or f"QEMU ended with status {self.proc.returncode}"
        return stats
