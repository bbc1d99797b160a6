# SPDX-License-Identifier: GPL-2.0-only
"""L1 in Bochs: a VMX machine, and a second SVM one.

Bochs has no access to this machine's files. What the command needs travels in the initramfs: the
files and folders that its words and --bring name, programs with their interpreter and libraries.
The kernel starts from an option ROM (bochs/boot.S), without a boot loader. Everything comes out
through one port (bochs/dkvm-out.c).
"""

import os
import re
import shlex
import shutil
import stat
import struct
import subprocess
import sys

from common import CACHE, Cpio, read, write_atomic
from machine import HERE, PATH, boot_kernel, closure, die, dkvm_mod, find_ours, kvm_modules, unpacked_module

STAGES = ("tools", "kernel", "bochs")
READY = CACHE + "/bochs/bochs"
MEMORY = "1G"
GOOD_END = (0, 1)             # a guest that ends Bochs gives 1
BASE_MODULES = ["irqbypass", "ccp"]

MODELS = {"tigerlake": "tigerlake", "haswell": "corei7_haswell_4770", "ryzen": "ryzen"}
DEFAULT_MODEL = {"intel": "tigerlake", "amd": "ryzen"}
IPS = 100000000             # instructions a second of emulated time; the TSC counts instructions

# Sections that cost more to load than all the rest, and that nothing here looks at.
DEAD_WEIGHT = [".BTF", ".BTF.base", ".orc_unwind", ".orc_unwind_ip", ".rela.orc_unwind_ip", ".orc_header",
               "__mcount_loc", ".rela__mcount_loc"]
SHT_RELA = 4
TRACER = b"__fentry__\0"
NOP5 = b"\x0f\x1f\x44\x00\x00"

# Parts of Python's library that no program here imports.
NO_PYTHON = re.compile(r"/(test|tests|idlelib|lib2to3|distutils|ensurepip|tkinter|turtledemo|pydoc_data|dist-packages"
                       r"|unittest|__pycache__|config-3.*|sqlite3|asyncio|xml|xmlrpc|curses|dbm|venv|wsgiref"
                       r"|_(ssl|sqlite3|dbm|curses.*|lzma|bz2|codecs_.*|crypt|test.*|uuid|xx.*|ctypes_test|tkinter"
                       r"|multiprocessing|zoneinfo|queue|contextvars|asyncio|lsprof|hashlib)\.cpython.*"
                       r"|(readline|nis|audioop|ossaudiodev|xxlimited.*|termios|resource|syslog|spwd)\.cpython.*)$")

INFO = 0x90000                 # as boot.S has it

INIT = r"""#!/run/dkvm/bin/busybox sh
bb=/run/dkvm/bin/busybox
export PATH=/run/dkvm/bin:/usr/sbin:/usr/bin
$bb mount -t proc proc /proc
$bb mount -t sysfs sys /sys
$bb mount -t devtmpfs dev /dev
$bb --install -s /usr/bin 2>/dev/null
mkdir -p /dev/pts /dev/shm
mount -t devpts -o ptmxmode=666,gid=5,mode=620 devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
ln -sf /proc/self/fd/0 /dev/stdin; ln -sf /proc/self/fd/1 /dev/stdout; ln -sf /proc/self/fd/2 /dev/stderr
for m in @BASE@; do insmod /run/dkvm/mod/$m.ko || echo "l1: cannot load $m" >/dev/kmsg; done
ifconfig lo 127.0.0.1 up
hostname l1
mkfifo /run/dkvm/out
mkdir -p @RESULTS@
dkvm-out run @RESULTS@ <>/run/dkvm/out &
out=$!
/run/dkvm/bin/run
s=$?
kill $out
wait $out
dmesg | dkvm-out frame k
dkvm-out end $s
poweroff -f
"""


class Files:
    """The initramfs: a tree of this machine's files, each once, with the folders above it."""

    def __init__(self):
        self.cpio = Cpio()
        self.have = set()

    def folder(self, path):
        """The folder and those above it; a symbolic link on the way comes as one. Returns where it is."""
        path = os.path.normpath(path)
        if path in ("/", "."):
            return "/"
        above = self.folder(os.path.dirname(path))
        here = os.path.join(above, os.path.basename(path))
        if os.path.islink(here) and os.path.isdir(here):
            self.link(here)
            return self.folder(os.path.realpath(here))
        if here not in self.have:
            self.have.add(here)
            self.cpio.dir(here.lstrip("/"))
        return here

    def link(self, path):
        if path not in self.have:
            self.have.add(path)
            self.cpio.add(path.lstrip("/"), stat.S_IFLNK | 0o777, os.readlink(path).encode())

    def put(self, path, data, mode=0o755):
        """A file that this machine does not have."""
        self.folder(os.path.dirname(path))
        self.have.add(path)
        self.cpio.file(path.lstrip("/"), data, mode)

    def bring(self, path, libraries="", alone=False):
        """A file or folder of this machine, and what it needs to run (alone: is brought by the caller)."""
        path = os.path.abspath(path)
        if os.path.islink(path) and not os.path.isdir(path):
            where = os.path.join(self.folder(os.path.dirname(path)), os.path.basename(path))
            self.link(where)
            self.bring(os.path.join(os.path.dirname(where), os.readlink(where)), libraries, alone)
        elif os.path.isdir(path):
            for name in sorted(os.listdir(self.folder(path))):
                if not NO_PYTHON.search(f"{path}/{name}"):
                    self.bring(f"{path}/{name}", libraries)
        elif os.path.isfile(path):
            where = os.path.join(self.folder(os.path.dirname(path)), os.path.basename(path))
            if where not in self.have:
                self.have.add(where)
                data = read(where)
                self.cpio.file(where.lstrip("/"), data, stat.S_IMODE(os.stat(where).st_mode))
                if not alone:
                    self.needs(where, data, libraries)

    def needs(self, path, data, libraries):
        if data[:2] == b"#!":
            self.bring(data[2:data.index(b"\n")].decode().split()[0], libraries)
        elif data[:4] == b"\x7fELF" and (os.access(path, os.X_OK) or ".so" in path):
            env = dict(os.environ, LD_LIBRARY_PATH=libraries, LC_ALL="C")
            out = subprocess.run(["ldd", path], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                 text=True, check=False).stdout
            for lib in re.findall(r"(/\S+) \(0x", out):
                self.bring(lib, alone=True)
            if os.path.basename(path).startswith("python3"):
                self.bring(f"/usr/lib/{os.path.basename(path)}", libraries)

    def bring_qemu(self, root):
        """A QEMU of the cache: its libraries are there, and its firmware is found by name."""
        lib = f"{root}/usr/lib/x86_64-linux-gnu:{root}/lib/x86_64-linux-gnu"
        self.bring(root + "/run")
        self.bring(root + "/usr/bin/qemu-system-x86_64", lib)
        for name in ("share/seabios/bios.bin", "share/seabios/bios-256k.bin", "share/qemu/kvmvapic.bin",
                     "share/qemu/linuxboot_dma.bin", "share/qemu/linuxboot.bin", "share/qemu/multiboot.bin",
                     "share/qemu/bios.bin", "share/qemu/bios-256k.bin"):
            if os.path.exists(f"{root}/usr/{name}"):
                self.bring(f"{root}/usr/{name}")


def untraced(elf):
    """The module with NOPs for its calls of __fentry__, as the kernel's tracer leaves it when it finds their list."""
    elf = bytearray(elf)
    table, size, count = (struct.unpack_from("<Q", elf, 40)[0], *struct.unpack_from("<HH", elf, 58))
    sections = [struct.unpack_from("<IIQQQQIIQQ", elf, table + n * size) for n in range(count)]
    for _, kind, _, _, offset, length, link, target, _, _ in sections:
        if kind != SHT_RELA:
            continue
        symbols, names, code = sections[link][4], sections[sections[link][6]][4], sections[target][4]
        for n in range(offset, offset + length, 24):
            place, info = struct.unpack_from("<QQ", elf, n)
            name = names + struct.unpack_from("<I", elf, symbols + (info >> 32) * 24)[0]
            if elf[name:name + len(TRACER)] == TRACER:
                struct.pack_into("<Q", elf, n + 8, info & ~0xffffffff)          # R_X86_64_NONE
                elf[code + place - 1:code + place + 4] = NOP5
    return bytes(elf)


def light(path, out):
    """A module without what is slow to load."""
    cmd = ["objcopy", "-g"]
    for name in DEAD_WEIGHT:
        cmd += ["-R", name]
    if subprocess.call([*cmd, path, out]):
        die(f"cannot read {path}")
    return untraced(read(out))


def stock_module(name, rel):
    out = f"{CACHE}/l1/{rel}/untraced/{name}.ko"
    if not os.path.exists(out):
        os.makedirs(os.path.dirname(out), exist_ok=True)
        write_atomic(out, light(unpacked_module(name, rel), f"{out}.{os.getpid()}"))
        os.unlink(f"{out}.{os.getpid()}")
    return read(out)


def compiled(name, *flags):
    """A program of bochs/ built into the cache, again when its source is newer."""
    source = f"{HERE}/bochs/{name}"
    out = f"{CACHE}/l1/{name.split('.')[0]}.bin"
    if not os.path.exists(out) or os.path.getmtime(out) < os.path.getmtime(source):
        os.makedirs(os.path.dirname(out), exist_ok=True)
        new = f"{out}.{os.getpid()}"
        subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", *flags, "-o", new, source], check=True)
        os.rename(new, out)
    return read(out)


def initramfs(opt, tmp, script):
    files = Files()
    for link, where in (("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/lib"), ("lib64", "usr/lib64")):
        files.folder("/" + where)
        if os.path.islink("/" + link):
            files.link("/" + link)
    for name in ("proc", "sys", "dev", "root", "tmp", "mnt", "var", "etc", "run/dkvm/bin",
                 "run/dkvm/mod/stock", "run/dkvm/mod/ours"):
        files.have.discard("/" + name)
        files.folder("/" + name)
    files.cpio.add("dev/console", stat.S_IFCHR | 0o600, rdev=(5, 1))
    files.put("/run/dkvm/bin/busybox", read(shutil.which("busybox") or "/bin/busybox"))
    files.put("/run/dkvm/bin/dkvm-out", compiled("dkvm-out.c", "-D_GNU_SOURCE", "-static"))
    files.put("/run/dkvm/bin/dkvm-mod", dkvm_mod(opt))
    files.put("/run/dkvm/bin/run", script)
    base = [m for m in closure(BASE_MODULES, opt.release)]
    for name in base:
        files.put(f"/run/dkvm/mod/{name}.ko", stock_module(name, opt.release))
    for name in kvm_modules(opt):
        files.put(f"/run/dkvm/mod/stock/{name}.ko", stock_module(name, opt.release))
    for name, path in (find_ours(opt) if opt.ours else {}).items():
        files.put(f"/run/dkvm/mod/ours/{name}.ko", light(path, f"{tmp}/{name}.ko"))
    init = INIT.replace("@BASE@", " ".join(base)).replace("@RESULTS@", shlex.quote(opt.results or "/run/dkvm/results"))
    files.put("/init", init)
    files.folder(opt.cwd)
    for word in [*opt.bring, *(w for c in opt.command for w in (c, *c.split()))]:
        if word in ("qemu", "qemu-client", "qemu-smpclient"):
            files.bring_qemu(f"{CACHE}/{word}")
        elif "/" in word and os.path.exists(os.path.join(opt.cwd, word)):
            files.bring(os.path.join(opt.cwd, word))
        elif shutil.which(word, path=PATH):
            files.bring(shutil.which(word, path=PATH))
    return files.cpio.data()


def prepare(opt, tmp, script):
    """Write what the emulator boots from into the folder tmp."""
    if opt.interactive or opt.qemu:
        die("--interactive and --qemu are not for Bochs")
    opt.cpu = opt.cpu or DEFAULT_MODEL[opt.vendor]
    if opt.cpu not in MODELS:
        die(f"the CPU models of Bochs here are {', '.join(MODELS)}")
    m = re.fullmatch(r"(\d+)([MG])", opt.mem)
    if not m:
        die(f"{opt.mem} is no size of memory")
    opt.mib = int(m[1]) * {"M": 1, "G": 1024}[m[2]]
    initrd = initramfs(opt, tmp, script)
    with open(tmp + "/initrd", "wb") as f:
        f.write(initrd)
    # Below the ACPI tables at the end of the memory.
    opt.initrd_at = (min(opt.mib << 20, 0x7f000000) - (1 << 20) - len(initrd)) & ~0xfff
    cmdline = ["console=ttyS0,115200", "quiet", "panic=-1", "nokaslr", "oops=panic", "log_buf_len=8M",
               "no_hash_pointers", "hung_task_panic=0", "rodata=off", "tsc=reliable", "cryptomgr.notests",
               "initcall_blacklist=jent_mod_init,load_system_certificate_list,bpf_tcp_ca_kfunc_init,"
               "bpf_dummy_struct_ops_init,trace_eval_init,init_kprobe_trace"]
    if not opt.mitigations:
        cmdline.append("mitigations=off")
    if opt.append:
        cmdline.append(opt.append)
    entry, opt.kernel_at, kernel = loaded_kernel(opt.release)
    info = start_info(opt, entry, len(initrd), " ".join(cmdline))
    for name, data in (("info", info), ("kernel", kernel), ("rom", boot_rom())):
        with open(f"{tmp}/{name}", "wb") as f:
            f.write(data)


def loaded_kernel(rel):
    """The kernel as its ELF headers want it in memory: entry point of PVH, address, contents."""
    elf = read(boot_kernel(rel))
    off, size, count = (struct.unpack_from("<Q", elf, 32)[0], *struct.unpack_from("<HH", elf, 54))
    parts, entry = [], None
    for n in range(count):
        kind, _, offset, _, paddr, filesz, _, _ = struct.unpack_from("<IIQQQQQQ", elf, off + n * size)
        if kind == 1:
            parts.append((paddr, elf[offset:offset + filesz]))
        elif kind == 4:
            entry = entry or pvh_entry(elf[offset:offset + filesz])
    if entry is None:
        die("the kernel has no PVH entry")
    start = min(paddr for paddr, _ in parts)
    image = bytearray(max(paddr + len(data) for paddr, data in parts) - start)
    for paddr, data in parts:
        image[paddr - start:paddr - start + len(data)] = data
    return entry, start, image


def pvh_entry(notes):
    """The ELF note PHYS32_ENTRY of the name Xen, if it is among these."""
    at = 0
    while at + 12 <= len(notes):
        name, desc, kind = struct.unpack_from("<III", notes, at)
        where = at + 12 + (name + 3 & ~3)
        if kind == 18 and notes[at + 12:at + 16] == b"Xen\0":
            return int.from_bytes(notes[where:where + desc], "little") & 0xffffffff
        at = where + (desc + 3 & ~3)
    return None


def start_info(opt, entry, initrd_size, cmdline):
    """What boot.S finds, and the start information behind it (struct hvm_start_info, version 1)."""
    info = bytearray(0x3000)
    struct.pack_into("<I", info, 4, entry)
    modules, memmap, line = 0x100, 0x200, 0x1000
    end = opt.mib << 20
    # The map of Bochs' BIOS: its data below 640 KiB, the ACPI tables at the end of the memory.
    ranges = [(0, 0x9f000, 1), (0x9f000, 0x61000, 2),
              (1 << 20, end - (1 << 20) - 0x10000, 1), (end - 0x10000, 0x10000, 3)]
    struct.pack_into("<IIIIQQQQII", info, 16, 0x336ec578, 1, 0, 1, INFO + modules, INFO + line, 0,
                     INFO + memmap, len(ranges), 0)
    struct.pack_into("<QQQQ", info, modules, opt.initrd_at, initrd_size, 0, 0)
    for n, (start, size, kind) in enumerate(ranges):
        struct.pack_into("<QQII", info, memmap + n * 24, start, size, kind, 0)
    info[line:line + len(cmdline)] = cmdline.encode()
    return info


def boot_rom():
    rom = compiled("boot.S", "-m16", "-nostdlib", "-static", "-Wl,-melf_i386,-Ttext=0,--oformat=binary,--build-id=none")
    rom = rom.ljust(512, b"\0")[:511]
    return rom + bytes([-sum(rom) & 0xff])


def emulator_command(opt, tmp, log):
    bochs = CACHE + "/bochs"
    config = f"""config_interface: textconfig
display_library: nogui
memory: guest={opt.mib}, host={opt.mib}
romimage: file={bochs}/bios.bin
vgaromimage: file={bochs}/vgabios.bin
optromimage1: file={tmp}/rom, address=0xd0000
optramimage1: file={tmp}/info, address={INFO:#x}
optramimage2: file={tmp}/kernel, address={opt.kernel_at:#x}
optramimage3: file={tmp}/initrd, address={opt.initrd_at:#x}
boot: disk
com1: enabled=1, mode=file, dev={log}/console.log
port_e9_hack: enabled=1
cpu: model={MODELS[opt.cpu]}, count={opt.smp}, ips={IPS}, reset_on_triple_fault=0, ignore_bad_msrs=1, msrs={tmp}/msrs
clock: sync=none, time0=local
log: {log}/bochs.log
panic: action=fatal
error: action={"report" if opt.log else "ignore"}
info: action={"report" if opt.verbose else "ignore"}
"""
    with open(tmp + "/bochsrc", "w", encoding="ascii") as f:
        f.write(config)
    # IA32_MISC_ENABLE with fast strings: the kernel copies with REP MOVS then, Bochs' fastest instruction.
    with open(tmp + "/msrs", "w", encoding="ascii") as f:
        f.write("0x1a0 0 0 0x1 0 0 0 0x1\n")
    return [bochs + "/bochs", "-q", "-f", tmp + "/bochsrc"]


def pump(proc, sink, log, results):
    """Take Bochs' output apart: the command's output goes on, the rest into files."""
    buf = b""
    while True:
        at = buf.find(b"\x02dkvm")
        if at >= 0 and len(buf) >= at + 10:
            kind, length = buf[at + 5:at + 6], struct.unpack_from("<I", buf, at + 6)[0]
            if len(buf) >= at + 10 + length:
                frame(kind, buf[at + 10:at + 10 + length], sink, log, results)
                buf = buf[at + 10 + length:]
                continue
        data = os.read(proc.stdout.fileno(), 1 << 20)
        if not data:
            return
        buf += data


def frame(kind, data, sink, log, results):
    if kind == b"o":
        sink.write(data)
        sink.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    elif kind == b"k":
        with open(log + "/kernel.log", "ab") as f:
            f.write(data)
    elif kind == b"x":
        write_atomic(log + "/status", data)
    elif kind == b"f" and results:
        name, _, data = data.partition(b"\0")
        write_atomic(os.path.join(results, os.path.basename(name.decode())), data)


def is_up(_log):
    """Nothing is lost in a machine that counts its time."""
    return True


def finish(log):
    """The exit status that came (None: none did)."""
    try:
        status = int(read(log + "/status"))
        os.unlink(log + "/status")
        return status
    except (OSError, ValueError):
        return None
