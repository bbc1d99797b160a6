# SPDX-License-Identifier: GPL-2.0-only
"""The guest of run-guest is migrated: its state goes into a file, and another QEMU goes on from there."""

import os
import re
import tempfile
import time

from guest_vm import Vm

# Sourced by the guest's init: a timer is armed while it is moved, and another one waits for the console.
SCRIPT = r"""
clock() { cut -d' ' -f1 /proc/uptime; }
(sleep 2; echo "dkvm-migrate: timer at $(clock)") &
before=$(clock)
echo "dkvm-migrate: ready"
read go
after=$(clock)
wait
sleep 1
echo "dkvm-migrate: uptime $before $after $(clock)"
cat /sys/devices/system/clocksource/clocksource0/current_clocksource
grep -e LOC -e ttyS0 /proc/interrupts
"""


class Migration:
    """In the order of the calls: step, resume, verdict."""

    def __init__(self):
        self.file = tempfile.mkdtemp() + "/state"

    def step(self, vm):
        """True when the guest is in the file."""
        if b"dkvm-migrate: ready" not in vm.console:
            return False
        begin = time.time()
        vm.command("migrate", uri=f"exec:cat > {self.file}")
        while True:
            info = vm.command("query-migrate")
            if info.get("status") == "completed":
                break
            if info.get("status") in ("failed", "cancelled") or time.time() > vm.end:
                raise RuntimeError(f"migration: {info.get('status')} {info.get('error-desc', '')}")
            time.sleep(0.1)
        print(f"\nmigrate: {os.path.getsize(self.file) >> 20} MiB in {time.time() - begin:.1f} s, "
              f"stopped for {info.get('downtime')} ms of it", flush=True)
        return True

    def resume(self, vm, cmd):
        """Let another QEMU go on, and return it."""
        vm.quit()
        if vm.problem:
            raise RuntimeError(vm.problem)
        new = Vm([*cmd, "-incoming", f"exec:cat {self.file}"], vm.end, vm.quiet)
        new.console = vm.console
        while new.command("query-status")["status"] != "running":
            if time.time() > new.end or new.command("query-migrate").get("status") == "failed":
                raise RuntimeError("the guest did not go on")
            time.sleep(0.1)
        new.type("go")
        return new

    def verdict(self, console):
        """What is wrong, or None."""
        os.unlink(self.file)
        m = re.search(r"dkvm-migrate: uptime ([\d.]+) ([\d.]+) ([\d.]+)", console)
        if not m:
            return "the guest did not go on after the migration"
        before, after, last = (float(x) for x in m.groups())
        if not before <= after <= last or last - after < 1:
            return f"the guest's time is not monotonic: {m[0]}"
        if "dkvm-migrate: timer at" not in console:
            return "the timer that was armed did not fire"
        return None
