"""The state of recorded machines: disks, swap, power, cards, programs, and a built llama.cpp."""

from __future__ import annotations

import re
import struct
from pathlib import Path

from tests.hardware.trees import write

CPU = "sys/devices/system/cpu"


def link(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def disk(
    root: Path, name: str, *, rotational: int, partition: str = "", numbers: str = "8:1", bus: str = "ata1"
) -> Path:
    """A disk, with a partition of these device numbers if one is named."""
    folder = root / f"sys/devices/pci0000:00/{bus}/block/{name}"
    write(folder, "queue/rotational", str(rotational))
    link(root / "sys/class/block" / name, folder)
    if partition:
        write(folder / partition, "partition", "1")
        link(root / "sys/class/block" / partition, folder / partition)
    link(root / "sys/dev/block" / numbers, folder / partition)
    return folder


def mounts(root: Path, *lines: str) -> None:
    """Lines such as `8:1 / ext4 /dev/sda1`."""
    rows = []
    for i, line in enumerate(lines):
        numbers, point, kind, source = line.split()
        rows.append(f"{20 + i} 1 {numbers} / {point} rw,relatime shared:1 - {kind} {source} rw")
    write(root, "proc/self/mountinfo", "\n".join(rows))


def swaps(root: Path, *lines: str, swappiness: int = 60) -> None:
    """Lines such as `/dev/sda2 partition 1048576 0 -2`, sizes in KiB."""
    write(root, "proc/swaps", "\n".join(["Filename Type Size Used Priority", *lines]))
    write(root, "proc/sys/vm/swappiness", str(swappiness))


def frequency(root: Path, driver: str, governor: str, preference: str | None = None) -> None:
    write(root, f"{CPU}/cpu0/cpufreq/scaling_driver", driver)
    write(root, f"{CPU}/cpu0/cpufreq/scaling_governor", governor)
    if preference:
        write(root, f"{CPU}/cpu0/cpufreq/energy_performance_preference", preference)


def supply(root: Path, name: str, kind: str, **values: str) -> None:
    for key, value in {"type": kind, **values}.items():
        write(root, f"sys/class/power_supply/{name}/{key}", value)


def sensor(root: Path, degrees: float, critical: float = 100.0, kind: str = "x86_pkg_temp") -> None:
    zone = "sys/class/thermal/thermal_zone0"
    write(root, f"{zone}/type", kind)
    write(root, f"{zone}/temp", str(int(degrees * 1000)))
    write(root, f"{zone}/trip_point_0_type", "passive")
    write(root, f"{zone}/trip_point_0_temp", "0")
    write(root, f"{zone}/trip_point_1_type", "critical")
    write(root, f"{zone}/trip_point_1_temp", str(int(critical * 1000)))


def pressure(root: Path, some: float, full: float = 0.0) -> None:
    rows = [
        f"{kind} avg10={share:.2f} avg60=0.00 avg300=0.00 total=1" for kind, share in (("some", some), ("full", full))
    ]
    for name in ("memory", "io"):
        write(root, f"proc/pressure/{name}", "\n".join(rows))
    write(root, "proc/vmstat", "pgfault 100\npgmajfault 7")


def scarce(root: Path) -> None:
    """All memory holds something, be it only a file that can be dropped."""
    file = root / "proc/meminfo"
    file.write_text(re.sub(r"(?m)^MemFree:.*$", "MemFree:  65536 kB", file.read_text()))


def churn(root: Path, some: float | None, pages: int, faults: int = 500) -> None:
    """Within a second so many pages of files are read again, and programs wait for `some` percent of the time."""
    if some is None:
        for name in ("memory", "io"):
            (root / "proc/pressure" / name).unlink()
    else:
        pressure(root, some)
    write(root, "proc/vmstat", "workingset_refault_anon 3\nworkingset_refault_file 1000\npgmajfault 7")
    later = f"workingset_refault_anon 900\nworkingset_refault_file {1000 + pages}\npgmajfault {7 + faults}"
    write(root, "later/proc/vmstat", later)


def modules(root: Path, *slots: str) -> None:
    """What udev keeps of the firmware's list: for each slot its name, GiB, kind and speed, as `A1 8 DDR4 2400`, or a
    name alone where it is empty."""
    lines = [
        "I:1234",
        "E:MEMORY_ARRAY_LOCATION=System Board Or Motherboard",
        f"E:MEMORY_ARRAY_NUM_DEVICES={len(slots)}",
    ]
    for i, slot in enumerate(slots):
        name, *module = slot.split()
        told = {"LOCATOR": name, "FORM_FACTOR": "SODIMM"}
        if module:
            size, kind, speed = module
            told |= {"SIZE": str(int(size) << 30), "TYPE": kind, "DATA_WIDTH": "16" if kind.startswith("LP") else "64"}
            # The modules could do more than the processor lets them.
            told |= {"SPEED_MTS": "5600", "CONFIGURED_SPEED_MTS": speed} if speed != "?" else {}
        else:
            told["PRESENT"] = "0"
        lines += [f"E:MEMORY_DEVICE_{i}_{key}={value}" for key, value in told.items()]
    write(root, "run/udev/data/+dmi:id", "\n".join(lines))


def program(root: Path, pid: int, name: str, resident: int, *, user: int = 1000) -> None:
    text = f"Name:\t{name}\nUid:\t{user}\t{user}\t{user}\t{user}\nVmRSS:\t{resident // 1024 + 9} kB"
    write(root, f"proc/{pid}/status", f"{text}\nRssAnon:\t{resident // 1024} kB")


def card(
    root: Path,
    *bridges: str,
    vendor: str = "0x10de",
    driver: str | None = None,
    width: tuple[int, int, int] | None = None,
    speed: tuple[float, float, float] = (8.0, 8.0, 8.0),
    kind: str = "0x030000",
) -> Path:
    """A display device at the last of the addresses; its width and speed: now, its own best, its port's best."""
    folder = (root / "sys/devices/pci0000:00").joinpath(*bridges)
    for key, value in {"vendor": vendor, "class": kind, "device": "0x1c8d"}.items():
        write(folder, key, value)
    link(root / "sys/bus/pci/devices" / bridges[-1], folder)
    if driver:
        drivers = root / "sys/bus/pci/drivers" / driver
        drivers.mkdir(parents=True)
        link(folder / "driver", drivers)
    if width:
        for end, best in ((folder, 1), (folder.parent, 2)):
            for key, number in (("current", 0), ("max", best)):
                write(end, f"{key}_link_width", str(width[number]))
                write(end, f"{key}_link_speed", f"{speed[number]} GT/s PCIe")
    return folder


YES = bytes.fromhex("b801000000c3")
NO = bytes.fromhex("31c0c3")


def library(functions: dict[str, bytes]) -> bytes:
    """A shared library that exports these functions: header, one segment, code, symbols, names, three sections."""
    base, code_at = 0x4000, 64 + 56
    code = b"".join(body.ljust(16, b"\x90") for body in functions.values())
    names = b"\0" + b"".join(name.encode() + b"\0" for name in functions)
    symbols = struct.pack("<IBBHQQ", 0, 0, 0, 0, 0, 0)
    for i, name in enumerate(functions):
        name_at = names.index(b"\0" + name.encode() + b"\0") + 1
        symbols += struct.pack("<IBBHQQ", name_at, 0x12, 0, 1, base + code_at + 16 * i, len(code))
    symbols_at = code_at + len(code)
    names_at = symbols_at + len(symbols)
    sections_at = names_at + len(names)
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    head += struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, sections_at, 0, 64, 56, 1, 64, 3, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, symbols_at, symbols_at, 4096)
    sections = struct.pack("<IIQQQQIIQQ", *[0] * 10)
    sections += struct.pack("<IIQQQQIIQQ", 0, 11, 2, base + symbols_at, symbols_at, len(symbols), 2, 1, 8, 24)
    sections += struct.pack("<IIQQQQIIQQ", 0, 3, 2, base + names_at, names_at, len(names), 0, 0, 1, 0)
    return head + segment + code + symbols + names + sections


def llama_cpp(folder: Path, *features: str, backends: tuple[str, ...] = ()) -> Path:
    """The libraries of a llama.cpp whose code uses these, by ggml's names."""
    folder.mkdir(parents=True, exist_ok=True)
    all_names = ("sse3", "ssse3", "avx", "avx2", "f16c", "fma", "bmi2", "avx512", "avx_vnni", "neon", "dotprod")
    functions = {f"ggml_cpu_has_{name}": YES if name in features else NO for name in all_names}
    (folder / "libggml-cpu.so").write_bytes(library({"ggml_init": NO, **functions}))
    for name in backends:
        (folder / f"libggml-{name}.so").touch()
    return folder
