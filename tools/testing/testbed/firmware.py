# SPDX-License-Identifier: GPL-2.0-only
"""Firmware and what is no Linux: SeaBIOS, OVMF, memtest86+."""

import re
import tempfile
import time

from common import CACHE, read
from guest_vm import statistics

FIRMWARE = CACHE + "/firmware"
DEBUG_PORT = tempfile.gettempdir() + "/dkvm-firmware.log"
INTERPRET = "/sys/module/kvm/parameters/interpret"
# The build with secure boot keeps its variables in SMM: it writes flash from there alone, and hangs without.
OVMF = {"ovmf": ("CODE_4M.fd", ["-M", "q35"]),
        "ovmf-smm": ("CODE_4M.secboot.fd", ["-M", "q35,smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on"])}
# The text screen of a VGA card: characters and attributes.
SCREEN, COLUMNS, ROWS = 0xb8000, 80, 25


def arguments(kind):
    """Of QEMU."""
    if kind == "memtest":
        return ["-vga", "std", "-kernel", FIRMWARE + "/boot/memtest86+x64.bin", "-append", "console=ttyS0,115200"]
    args = ["-debugcon", f"file:{DEBUG_PORT}", "-global", "isa-debugcon.iobase=0x402"]
    if kind == "banner":
        args += ["-vga", "none", "-m", "64M"]
    if kind in OVMF:
        ovmf = FIRMWARE + "/usr/share/OVMF/OVMF_"
        args += [*OVMF[kind][1],
                 "-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={ovmf}{OVMF[kind][0]}",
                 "-drive", f"if=pflash,format=raw,unit=1,snapshot=on,file={ovmf}VARS_4M.fd"]
    return args


def what_is_wrong(kind, console):
    """Did that firmware boot the guest of this console?"""
    if kind in OVMF:
        m = re.search(r"efi: EFI v\S+ by .*", console)
    else:
        m = re.search(r"SeaBIOS \(version [^)]*\)", read(DEBUG_PORT).decode(errors="replace"))
    if not m:
        return f"there is no trace of {kind}"
    print(f"\nfirmware: {m[0].strip()}")
    return None


def screen(vm):
    """What stands on the screen, line by line."""
    path = tempfile.mkdtemp() + "/screen"
    vm.command("pmemsave", val=SCREEN, size=2 * COLUMNS * ROWS, filename=path)
    text = read(path)[::2].decode("cp437")
    return [text[n:n + COLUMNS].rstrip() for n in range(0, len(text), COLUMNS)]


def memtest(vm, opt):
    """Until it tests memory, and has done so for a while. Returns the status for the shell."""
    seen = []
    lines = []

    def look(vm):
        nonlocal lines
        lines = screen(vm)
        m = re.search(r"(?m)[|│] Test\s+\d+%.*\n.*[|│] Test #\d+", "\n".join(lines))
        if m and "Memtest86+" in lines[0]:
            seen.append(m[0])
        # The second look that differs: it is not only there, it works.
        return len(set(seen)) > 1

    vm.run([look], 1)
    print("\n" + "\n".join(lines).rstrip())
    if opt.keep:
        vm.command("screendump", filename=opt.keep + "/memtest.png", format="png")
        time.sleep(0.5)
    if len(set(seen)) < 2:
        print(f"RUN failed: memtest86+ does not test: {vm.problem or 'the guest ended'}")
        return 1
    print("RUN ok: memtest86+ tests memory")
    return 0


def banner(vm, opt):
    """Until SeaBIOS' banner is there: a guest that interpretation can do (kvm.interpret=1)."""
    begin = time.time()
    text = ""

    def look(_):
        nonlocal text
        text = read(DEBUG_PORT).decode(errors="replace")
        # The first line of all says the same: the banner is for the screen, at the end of POST.
        return text.count("SeaBIOS (version") > 1

    vm.run([look], 0.2)
    seconds = time.time() - begin
    stats = statistics(vm.qmp)
    print(text)
    if text.count("SeaBIOS (version") < 2:
        print(f"RUN failed: no banner: {vm.problem or 'the guest ended'}")
        return 1
    insns, exits = stats.get("insn_emulation", 0), stats.get("exits", 0)
    if exits and read(INTERPRET).startswith(b"Y"):
        print(f"RUN failed: the processor ran the guest, {exits} times")
        return 1
    print(f"RUN ok: firmware's banner after {seconds:.1f} s, {exits} exits, {insns} instructions "
          f"emulated, {insns / seconds / 1000:.0f} thousand a second")
    return 0


# What runs without Linux.
ALONE = {"memtest": memtest, "banner": banner}
