# SPDX-License-Identifier: GPL-2.0-only
"""A virtio disk and a virtio network card for the guest of run-guest, and proof of how they were driven.

The disk has an I/O thread, the card vhost. A request goes down by ioeventfd: no exit to user space. What is
done comes up by irqfd: QEMU does not call KVM_SIGNAL_MSI. Both are counted, by KVM's statistics and QEMU's
trace; not by KVM's tracepoints, as L1's kernel would patch its text for them (testing.rst).
"""

import hashlib
import os
import re
import socket
import subprocess
import tempfile
import threading

from common import read
from guest_vm import statistics

# In the order of loading.
GUEST_MODULES = ["virtio_blk", "failover", "net_failover", "virtio_net"]
L1_MODULES = ["tun", "vhost_net"]
HOST_ADDRESS, GUEST_ADDRESS, PORT = "10.77.0.1", "10.77.0.2", 7777
SIZE = 1 << 20
DISK_SIZE = 16 << 20
# Of the guest's 512 requests to the disk, 100 pings and 2 MiB of TCP, each with an interrupt or more.
LEAST_INTERRUPTS = 400
KVM_IRQFD, KVM_IOEVENTFD, KVM_SIGNAL_MSI = 0x4020ae76, 0x4040ae79, 0x4020aea5

# Sourced by the guest's init. It is silent while it is measured: a character is an exit, too.
SCRIPT = r"""
for m in @MODULES@; do insmod /mod/$m.ko || echo "dkvm-io: no $m"; done
n=0
until [ -b /dev/vda ] && ifconfig eth0 @GUEST@ netmask 255.255.255.0 up 2>/dev/null || [ $n = 100 ]; do
	sleep 0.1
	n=$((n + 1))
done
dd if=/dev/urandom of=/data bs=64k count=16 2>/dev/null
until ping -c 1 -W 1 -q @HOST@ >/dev/null || [ $n = 100 ]; do
	n=$((n + 1))
done
echo "dkvm-io: ready"
read go
dd if=/data of=/dev/vda bs=4k oflag=direct 2>/dev/null
dd if=/dev/vda of=/disk bs=4k count=256 iflag=direct 2>/dev/null
pings=$(ping -c 100 -A -q @HOST@ | grep packets)
nc @HOST@ @PORT@ </data >/net
echo "dkvm-io: done"
read go
cmp /data /disk && echo "dkvm-io: disk $(md5sum </disk)"
cmp /data /net && echo "dkvm-io: tcp $(md5sum </net)"
echo "dkvm-io: ping $pings"
grep virtio /proc/interrupts
""".replace("@HOST@", HOST_ADDRESS).replace("@GUEST@", GUEST_ADDRESS).replace("@PORT@", str(PORT)) \
	.replace("@MODULES@", " ".join(GUEST_MODULES))


def echo_server():
    """Give the first caller back what it sent."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("", PORT))
    server.listen()

    def serve():
        conn, _ = server.accept()
        data = b""
        while True:
            part = conn.recv(65536)
            if not part:
                break
            data += part
        conn.sendall(data)
        conn.close()

    threading.Thread(target=serve, daemon=True).start()


class GuestIo:
    """The host's side, in the order of the calls: arguments, begin, step, verdict."""

    def __init__(self):
        where = tempfile.mkdtemp()
        self.disk, self.log = where + "/disk", where + "/ioctls"
        with open(self.disk, "wb") as f:
            f.truncate(DISK_SIZE)
        self.before = self.after = None

    def arguments(self):
        return ["-trace", "enable=kvm_vm_ioctl", "-D", self.log,
                "-object", "iothread,id=io", "-blockdev", f"driver=file,node-name=disk,filename={self.disk}",
                "-device", "virtio-blk-pci,drive=disk,iothread=io",
                "-netdev", "tap,id=net,ifname=dkvm0,script=no,downscript=no,vhost=on",
                "-device", "virtio-net-pci,netdev=net,romfile="]

    def begin(self):
        """QEMU has made its end of the network."""
        subprocess.check_call(["/run/dkvm/bin/busybox", "ifconfig", "dkvm0", HOST_ADDRESS, "netmask", "255.255.255.0", "up"])
        echo_server()

    def ioctls(self):
        """How often QEMU has called each ioctl of the VM."""
        counts = {}
        for number in re.findall(rb"kvm_vm_ioctl type 0x([0-9a-f]+)", read(self.log)):
            counts[int(number, 16)] = counts.get(int(number, 16), 0) + 1
        return counts

    def step(self, vm):
        """The guest says when it begins and when it is done, and waits until it was looked at."""
        if self.before is None and b"dkvm-io: ready" in vm.console:
            self.before = (statistics(vm.qmp), self.ioctls())
        elif self.before and self.after is None and b"dkvm-io: done" in vm.console:
            self.after = (statistics(vm.qmp), self.ioctls())
        else:
            return
        vm.type("go")

    def verdict(self, console):
        """Print the counters. Returns what is wrong, or None."""
        if self.after is None:
            return "the guest's input and output did not end"
        with open(self.disk, "rb") as f:
            md5 = hashlib.md5(f.read(SIZE)).hexdigest()
        os.unlink(self.disk)
        lines = [x for x in console.splitlines() if "virtio" in x and re.match(r"\s*\d+:", x)]
        # The first numbers are counts, one a CPU; those after the chip's name are not.
        interrupts = sum(sum(int(n) for n in re.match(r"\s*\d+:((?:\s+\d+)+)", x)[1].split()) for x in lines)
        delta = {k: self.after[0][k] - self.before[0].get(k, 0) for k in self.after[0]}
        calls = {k: v - self.before[1].get(k, 0) for k, v in self.after[1].items()}
        print(f"\nio: {interrupts} interrupts of virtio devices in the guest, {self.after[1].get(KVM_IRQFD, 0)} calls of KVM_IRQFD and "
              f"{self.after[1].get(KVM_IOEVENTFD, 0)} of KVM_IOEVENTFD before; meanwhile {calls.get(KVM_SIGNAL_MSI, 0)} of KVM_SIGNAL_MSI, "
              f"{delta.get('exits', 0)} exits, of them to user space {delta.get('mmio_exits', 0)} for MMIO and "
              f"{delta.get('io_exits', 0)} for ports")
        for what in (f"disk {md5}", f"tcp {md5}", "ping 100 packets transmitted, 100 packets received"):
            if "dkvm-io: " + what not in console:
                return f"the guest did not report: {what}"
        if interrupts < LEAST_INTERRUPTS:
            return f"only {interrupts} interrupts of virtio devices"
        if delta.get("mmio_exits", 0) > interrupts / 8:
            return "no ioeventfd: the guest's notifications exit to user space"
        if calls.get(KVM_SIGNAL_MSI, 0) > interrupts / 8 or KVM_IRQFD not in self.after[1]:
            return "no irqfd: QEMU sends the interrupts"
        return None
