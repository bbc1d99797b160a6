# SPDX-License-Identifier: GPL-2.0-only
"""What l1 puts into L1, whichever emulator runs it: kernel modules, dkvm-mod, the command's script."""

import os
import re
import shlex
import shutil
import subprocess
import sys

from common import CACHE, read, write_atomic

HERE = os.path.dirname(os.path.realpath(__file__))
EXIT_USAGE = 250
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# dkvm-mod: rmmod what is loaded, insmod what is asked for, say so in the kernel log.
DKVM_MOD = r"""#!/run/dkvm/bin/busybox sh
bb=/run/dkvm/bin/busybox
which=$1
case "$which" in
ours|stock) [ -d /run/dkvm/mod/$which ] || { echo "dkvm-mod: L1 was started without $which" >&2; exit 2; } ;;
none) ;;
*) echo "usage: dkvm-mod ours|stock|none [MODULE.PARAM=VALUE...]" >&2; exit 2 ;;
esac
shift
for m in kvm_amd kvm_intel kvm; do
	[ -d /sys/module/$m ] || continue
	$bb rmmod $m || { echo "dkvm-mod: rmmod $m failed" >&2; exit 1; }
done
echo "dkvm-l1: modules $which" >/dev/kmsg
[ $which = none ] && exit 0
for m in kvm @VENDOR@; do
	p=
	u=${m/-/_}
	for a; do
		case "$a" in
		$m.*|$u.*) p="$p ${a#*.}" ;;
		esac
	done
	$bb insmod /run/dkvm/mod/$which/$m.ko $p ||
		{ echo "dkvm-mod: insmod of $which $m failed: $($bb dmesg | $bb tail -n 3)" >&2; exit 1; }
done
exit 0
"""

RUN = r"""#!/run/dkvm/bin/busybox sh
bb=/run/dkvm/bin/busybox
@ENV@
cd @CWD@ || exit 250
exec @REDIR@
[ @MODULES@ = none ] || /run/dkvm/bin/dkvm-mod @MODULES@ @PARAMS@ || exit 1
@COMMAND@
"""


def die(text):
    print("l1: " + text, file=sys.stderr)
    sys.exit(EXIT_USAGE)


def say(text):
    print("l1: " + text, file=sys.stderr, flush=True)


def release():
    try:
        return read(CACHE + "/release").decode().strip()
    except OSError:
        return ""


def fetch(*stages):
    if subprocess.call([HERE + "/fetch", *stages]):
        sys.exit(EXIT_USAGE)


def unpacked_module(name, rel):
    """The distribution's module of this name, decompressed into the cache; returns its path."""
    out = f"{CACHE}/l1/{rel}/{name}.ko"
    if os.path.exists(out):
        return out
    for top, _, files in os.walk(f"{CACHE}/linux/lib/modules/{rel}/kernel"):
        for suffix, tool in ((".ko.xz", ["xz", "-dc"]), (".ko.zst", ["zstd", "-dc"]), (".ko", ["cat"])):
            if name + suffix in files:
                data = subprocess.run([*tool, f"{top}/{name}{suffix}"], stdout=subprocess.PIPE, check=True)
                write_atomic(out, data.stdout)
                return out
    die(f"kernel {rel} has no module {name}")


def closure(names, rel):
    """The modules and what they depend on, in the order of loading."""
    deps = {}
    path = f"{CACHE}/linux/lib/modules/{rel}/modules.dep"
    if not os.path.exists(path):
        depmod = shutil.which("depmod") or "/sbin/depmod"
        subprocess.run([depmod, "-b", f"{CACHE}/linux", rel], check=True)
    strip = lambda p: re.sub(r"\.ko.*", "", os.path.basename(p))
    for line in read(path).decode().splitlines():
        mod, _, rest = line.partition(":")
        deps[strip(mod)] = [strip(d) for d in rest.split()]
    order = []

    def visit(name):
        for dep in deps.get(name, []):
            visit(dep)
        if name not in order:
            order.append(name)

    for name in names:
        visit(name)
    return order


def boot_kernel(rel):
    """The uncompressed kernel: it is entered through PVH, which saves the emulated unpacking."""
    out = f"{CACHE}/l1/{rel}/vmlinux"
    if os.path.exists(out):
        return out
    image = read(f"{CACHE}/linux/boot/vmlinuz-{rel}")
    start = image.find(b"\x28\xb5\x2f\xfd")
    if start < 0 or not shutil.which("zstd"):
        return f"{CACHE}/linux/boot/vmlinuz-{rel}"
    # zstd complains about the bytes behind the frame; what it wrote until then is the kernel.
    raw = subprocess.run(["zstd", "-dc"], input=image[start:], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, check=False).stdout
    if raw[:4] != b"\x7fELF":
        return f"{CACHE}/linux/boot/vmlinuz-{rel}"
    write_atomic(out, raw)
    return out


def kvm_modules(opt):
    """KVM's modules on that machine, in the order of loading."""
    return ["kvm", "kvm-" + opt.vendor]


def find_ours(opt):
    """Our modules below the folder, by name."""
    found = {}
    for top, _, files in os.walk(opt.ours):
        for name in kvm_modules(opt):
            if name + ".ko" in files:
                found.setdefault(name, os.path.join(top, name + ".ko"))
    if "kvm" not in found:
        die(f"no kvm.ko below {opt.ours}")
    return found


def dkvm_mod(opt):
    return DKVM_MOD.replace("@VENDOR@", "kvm-" + opt.vendor)


def run_script(opt, command, redir):
    """What runs in L1: the modules, then the command."""
    env = {
        "PATH": "/run/dkvm/bin:" + PATH,
        "HOME": os.environ.get("HOME", "/root"), "USER": "root", "LANG": "C.UTF-8",
        "TERM": os.environ.get("TERM", "dumb"), "DKVM_CACHE": CACHE,
        "DKVM_QEMU": CACHE + "/qemu/run", "DKVM_QEMU7": CACHE + "/qemu-client/run", "DKVM_L1": "1",
        "DKVM_VENDOR": opt.vendor, "DKVM_EMULATOR": opt.emulator,
        "DKVM_KERNEL": f"{CACHE}/linux/boot/vmlinuz-{opt.release}",
        "DKVM_OURS": "1" if opt.ours else "",
    }
    for item in opt.env:
        name, _, value = item.partition("=")
        env[name] = value if "=" in item else os.environ.get(name, "")
    if opt.interactive:
        env["PS1"] = r"l1:\w# "
    script = RUN.replace("@ENV@", "\n".join(f"export {k}={shlex.quote(v)}" for k, v in env.items()))
    script = script.replace("@CWD@", shlex.quote(opt.cwd)).replace("@REDIR@", redir)
    script = script.replace("@MODULES@", opt.load).replace("@PARAMS@", " ".join(map(shlex.quote, opt.param)))
    return script.replace("@COMMAND@", command)
