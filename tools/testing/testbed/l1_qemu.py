# SPDX-License-Identifier: GPL-2.0-only
"""L1 in QEMU: an SVM machine that has this machine's files, copy-on-write, through 9p."""

import hashlib
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys

import guest_io
from common import CACHE, Cpio, read, write_atomic
from machine import boot_kernel, closure, die, dkvm_mod, find_ours, unpacked_module

# Modules of L1's initramfs, beside the distribution's KVM: names as in modules.dep.
STAGES = ("tools", "kernel", "qemu")
READY = CACHE + "/qemu/run"
MEMORY = "2G"
GOOD_END = (0,)
BASE_MODULES = ["9p", "9pnet_virtio", "overlay", "irqbypass", "ccp", *guest_io.L1_MODULES]

INIT = r"""#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for m in @BASE@; do insmod /mod/$m.ko || echo "l1: cannot load $m" >/dev/kmsg; done
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose host /host ||
	{ echo "l1: no host files" >/dev/console; poweroff -f; }
mount -t tmpfs -o size=90% tmpfs /rw
mkdir /rw/up /rw/work
mount -t overlay -o lowerdir=/host,upperdir=/rw/up,workdir=/rw/work overlay /root
cd /root
mkdir -p proc sys dev run tmp root mnt
mount --move /proc proc
mount --move /sys sys
mount --move /dev dev
mkdir -p dev/pts dev/shm
mount -t devpts -o ptmxmode=666,gid=5,mode=620 devpts dev/pts
mount -t tmpfs -o mode=1777 shm dev/shm
mount -t tmpfs -o mode=755 run run
mount -t debugfs debugfs sys/kernel/debug
mount -t tracefs tracefs sys/kernel/tracing 2>/dev/null
[ -e dev/fd ] || ln -s /proc/self/fd dev/fd
ln -sf /proc/self/fd/0 dev/stdin; ln -sf /proc/self/fd/1 dev/stdout; ln -sf /proc/self/fd/2 dev/stderr
mkdir -p usr/local/bin run/dkvm/bin
cp /l1/dkvm-mod /l1/run /bin/busybox run/dkvm/bin
cp -r /l1/mod run/dkvm/
ifconfig lo 127.0.0.1 up
hostname l1
. /l1/extra
for p in sys/class/virtio-ports/*; do
	n=$(cat $p/name 2>/dev/null)
	[ -n "$n" ] && ln -s ../../dev/${p##*/} run/dkvm/$n
done
echo up > run/dkvm/log
chroot . /run/dkvm/bin/run
s=$?
chroot . /run/dkvm/bin/busybox dmesg > run/dkvm/log
echo "exit $s" > run/dkvm/log
sync
poweroff -f
"""

def base_initramfs(rel, debug):
    """The part of the initramfs that is the same in every run, cached; the debug kernel needs no modules."""
    mods = [] if debug else closure(BASE_MODULES, rel)
    key = hashlib.sha256(" ".join(mods).encode()).hexdigest()[:8]
    out = f"{CACHE}/l1/{rel}/base-{key}.cpio"
    if not os.path.exists(out):
        busybox = shutil.which("busybox") or "/bin/busybox"
        cpio = Cpio()
        for name in ("bin", "proc", "sys", "dev", "host", "rw", "root", "mod", "l1", "l1/mod"):
            cpio.dir(name)
        cpio.add("dev/console", stat.S_IFCHR | 0o600, rdev=(5, 1))
        cpio.file("bin/busybox", read(busybox))
        for name in mods:
            cpio.file(f"mod/{name}.ko", read(unpacked_module(name, rel)))
        if not debug:
            cpio.dir("l1/mod/stock")
            for name in ("kvm", "kvm-amd"):
                cpio.file(f"l1/mod/stock/{name}.ko", read(unpacked_module(name, rel)))
        # The archive is followed by another one: it ends at a multiple of four bytes.
        write_atomic(out, cpio.data())
    return out, mods


def stripped(path, tmp):
    """A module without its debug information."""
    out = os.path.join(tmp, os.path.basename(path))
    if subprocess.call(["strip", "--strip-debug", "-o", out, path]):
        die(f"cannot read {path}")
    return read(out)


def run_initramfs(opt, mods, tmp, script):
    cpio = Cpio()
    init = INIT.replace("@BASE@", " ".join(mods))
    cpio.file("init", init)
    cpio.file("l1/dkvm-mod", dkvm_mod(opt))
    if opt.ours:
        cpio.dir("l1/mod/ours")
        for name, path in find_ours(opt).items():
            cpio.file(f"l1/mod/ours/{name}.ko", stripped(path, tmp))
    extra = ""
    if opt.results:
        # Attributes are not cached here: another process of the host may look while L1 writes.
        where = shlex.quote(opt.results.lstrip("/"))
        extra = (f"mkdir -p {where}\n"
                 f"mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 results {where}\n")
    cpio.file("l1/extra", extra)
    cpio.file("l1/run", script)
    return cpio.data()


def prepare(opt, tmp, script):
    """Write what the emulator boots from into the folder tmp."""
    base, mods = base_initramfs(opt.release, opt.debug)
    with open(tmp + "/initrd", "wb") as f:
        f.write(read(base) + run_initramfs(opt, mods, tmp, script))


def emulator_command(opt, tmp, log):
    initrd = tmp + "/initrd"
    kernel = CACHE + "/debug-kernel/vmlinux" if opt.debug else boot_kernel(opt.release)
    cmdline = ["console=ttyS0", "quiet", "panic=-1", "nokaslr", "oops=panic", "log_buf_len=8M",
               "no_hash_pointers", "hung_task_panic=0",
               # All CPUs read one counter of this machine; late timer interrupts would make L1 doubt it.
               "tsc=reliable", "cryptomgr.notests"]
    if not opt.mitigations:
        cmdline.append("mitigations=off")
    if opt.append:
        cmdline.append(opt.append)
    threads = "single" if opt.icount or opt.smp == 1 or opt.single else "multi"
    cpus = opt.smp
    if threads == "multi":
        # QEMU's other CPUs spoil what the first one knows of a guest (testing.rst): it gets none.
        cpus += 1
        cmdline.append("isolcpus=0")
    cmd = [CACHE + "/qemu/run", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
           "-machine", "q35,vmport=off,smm=off,hpet=off", "-accel", f"tcg,thread={threads},tb-size=512",
           "-cpu", opt.cpu or "max", "-smp", str(cpus), "-m", opt.mem, "-nic", "none",
           "-kernel", kernel, "-initrd", initrd, "-append", " ".join(cmdline),
           "-chardev", f"file,id=con,path={log}/console.log", "-serial", "chardev:con",
           "-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap",
           "-device", "virtio-9p-pci,fsdev=host,mount_tag=host",
           "-device", "virtio-serial-pci",
           "-chardev", f"file,id=log,path={log}/log.raw",
           "-device", "virtserialport,chardev=log,name=log,nr=2",
           "-device", "virtio-rng-pci"]
    if opt.interactive:
        cmd += ["-chardev", "stdio,id=out,signal=off", "-device", "virtconsole,chardev=out,nr=0"]
    else:
        cmd += ["-chardev", "stdio,id=out,signal=off", "-device", "virtserialport,chardev=out,name=out,nr=1"]
    if opt.results:
        cmd += ["-fsdev", f"local,id=results,path={opt.results},security_model=none,multidevs=remap",
                "-device", "virtio-9p-pci,fsdev=results,mount_tag=results"]
    if opt.icount:
        cmd += ["-icount", "shift=0,sleep=off"]
    return cmd + opt.qemu


def pump(proc, sink, _log, _results):
    """Copy L1's output to ours and to the log."""
    while True:
        data = os.read(proc.stdout.fileno(), 65536)
        if not data:
            return
        sink.write(data)
        sink.flush()
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            proc.kill()
            return


def is_up(log):
    """Has L1 come as far as the command?"""
    return os.path.exists(log + "/log.raw") and os.path.getsize(log + "/log.raw") > 0


def finish(log):
    """Split what came over the log port into kernel log and exit status (None: it never came)."""
    try:
        raw = read(log + "/log.raw")
    except OSError:
        return None
    status = None
    body, _, last = raw.rstrip(b"\n").rpartition(b"\n")
    m = re.fullmatch(rb"exit (\d+)", last)
    if m:
        status, raw = int(m[1]), body + b"\n"
    with open(log + "/kernel.log", "wb") as f:
        f.write(raw.removeprefix(b"up\n"))
    os.unlink(log + "/log.raw")
    return status


