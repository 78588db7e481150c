"""Machines read from recorded trees, and this one."""

from __future__ import annotations

import os
from pathlib import Path

from autoglm_lite.hardware import Machine, read_machine
from autoglm_lite.hardware.machine import read_with_psutil
from tests.hardware.trees import GIB, Cpu, celeron, hybrid, laptop, memory, phone_board, processors, write

MIB = 1 << 20


def cores(machine: Machine) -> tuple[int, int]:
    return machine.physical_cores, machine.logical_cores


def test_two_cores_without_avx(tmp_path: Path) -> None:
    machine = read_machine(celeron(tmp_path))
    assert machine == Machine(
        physical_cores=2,
        logical_cores=2,
        memory_total=4 * GIB,
        memory_available=2 * GIB,
        swap_total=2 * GIB,
        swap_free=2 * GIB,
        features=frozenset({"sse4.2"}),
        cpus=(0, 1),
        architecture="x86",
    )


def test_four_cores_with_two_threads_each(tmp_path: Path) -> None:
    machine = read_machine(laptop(tmp_path))
    assert cores(machine) == (4, 8)
    assert machine.features == {"sse4.2", "avx", "avx2"}


def test_only_the_performance_cores_of_a_hybrid_count(tmp_path: Path) -> None:
    assert cores(read_machine(hybrid(tmp_path))) == (2, 4)


def test_clusters_whose_cores_are_numbered_alike(tmp_path: Path) -> None:
    machine = read_machine(phone_board(tmp_path))
    assert cores(machine) == (4, 4)
    assert machine.features == {"dotprod", "i8mm"}
    assert machine.architecture == "arm"


def test_the_processor_by_its_name(tmp_path: Path) -> None:
    laptop(tmp_path)
    assert read_machine(tmp_path).processor == ""
    write(tmp_path, "proc/cpuinfo", "processor\t: 0\nmodel name\t: A Core of 8th kind\nflags\t\t: fpu avx2")
    machine = read_machine(tmp_path)
    assert (machine.processor, machine.architecture) == ("A Core of 8th kind", "x86")
    write(tmp_path, "proc/cpuinfo", "processor\t: 0\nisa\t: rv64imafdc")
    assert read_machine(tmp_path).architecture == ""


def test_a_processor_on_each_fast_core_is_named(tmp_path: Path) -> None:
    assert read_machine(laptop(tmp_path / "laptop")).cpus == (0, 1, 2, 3)
    assert read_machine(laptop(tmp_path / "laptop"), affinity={4, 5, 1}).cpus == (1, 4)
    assert read_machine(hybrid(tmp_path / "hybrid")).cpus == (0, 2)
    assert read_machine(phone_board(tmp_path / "phone")).cpus == (4, 5, 6, 7)


def test_favoured_cores_are_of_the_same_kind(tmp_path: Path) -> None:
    processors(tmp_path, [Cpu(i, max_khz=5_000_000 - 80_000 * i) for i in range(8)])
    memory(tmp_path, GIB, GIB)
    assert cores(read_machine(tmp_path)) == (8, 8)


def test_cores_of_two_sockets(tmp_path: Path) -> None:
    processors(tmp_path, [Cpu(i % 2, package=i // 2) for i in range(4)])
    assert cores(read_machine(tmp_path)) == (4, 4)


def test_affinity(tmp_path: Path) -> None:
    laptop(tmp_path)
    assert cores(read_machine(tmp_path, affinity={0, 4})) == (1, 2)
    assert cores(read_machine(tmp_path, affinity={0, 1, 2})) == (3, 3)
    hybrid(tmp_path)
    assert cores(read_machine(tmp_path, affinity=range(4, 8))) == (4, 4)


def test_processors_that_are_switched_off(tmp_path: Path) -> None:
    processors(tmp_path, [Cpu(i) for i in range(4)], online="0,2-3")
    assert cores(read_machine(tmp_path)) == (3, 3)


def test_a_container_of_cgroups_v2(tmp_path: Path) -> None:
    laptop(tmp_path)
    write(tmp_path, "proc/self/cgroup", "0::/")
    write(tmp_path, "sys/fs/cgroup/cpu.max", "250000 100000")
    write(tmp_path, "sys/fs/cgroup/memory.max", str(2 * GIB))
    write(tmp_path, "sys/fs/cgroup/memory.high", "max")
    write(tmp_path, "sys/fs/cgroup/memory.current", str(900 * MIB))
    write(
        tmp_path, "sys/fs/cgroup/memory.stat", f"anon {300 * MIB}\ninactive_file {400 * MIB}\nactive_file {100 * MIB}"
    )
    machine = read_machine(tmp_path)
    assert cores(machine) == (2, 2)
    assert machine.memory_total == 2 * GIB
    # 400 MiB are neither cache nor free.
    assert machine.memory_available == 2 * GIB - 400 * MIB


def test_the_tightest_group_above_counts(tmp_path: Path) -> None:
    laptop(tmp_path)
    write(tmp_path, "proc/self/cgroup", "0::/user.slice/app.scope")
    write(tmp_path, "sys/fs/cgroup/user.slice/app.scope/memory.max", "max")
    write(tmp_path, "sys/fs/cgroup/user.slice/memory.max", str(3 * GIB))
    write(tmp_path, "sys/fs/cgroup/user.slice/memory.high", str(GIB))
    write(tmp_path, "sys/fs/cgroup/user.slice/memory.current", str(GIB // 4))
    write(tmp_path, "sys/fs/cgroup/user.slice/cpu.max", "max 100000")
    machine = read_machine(tmp_path)
    assert machine.memory_available == GIB - GIB // 4
    assert cores(machine) == (4, 8)


def test_a_container_of_cgroups_v1(tmp_path: Path) -> None:
    laptop(tmp_path)
    # The container's own group is the mounted top; the path is that of the host.
    write(tmp_path, "proc/self/cgroup", "5:memory:/docker/0123\n4:cpu,cpuacct:/docker/0123\n0::/")
    write(tmp_path, "sys/fs/cgroup/memory/memory.limit_in_bytes", str(GIB))
    write(tmp_path, "sys/fs/cgroup/memory/memory.usage_in_bytes", str(GIB // 2))
    write(tmp_path, "sys/fs/cgroup/memory/memory.stat", f"inactive_file 0\ntotal_inactive_file {GIB // 4}")
    write(tmp_path, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000")
    write(tmp_path, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000")
    machine = read_machine(tmp_path)
    assert cores(machine) == (1, 1)
    assert machine.memory_available == GIB - GIB // 4


def test_groups_without_limits(tmp_path: Path) -> None:
    laptop(tmp_path)
    write(tmp_path, "proc/self/cgroup", "5:memory:/\n4:cpu:/")
    write(tmp_path, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712")
    write(tmp_path, "sys/fs/cgroup/memory/memory.usage_in_bytes", str(7 * GIB))
    write(tmp_path, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1")
    write(tmp_path, "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000")
    machine = read_machine(tmp_path)
    assert (machine.memory_total, machine.memory_available) == (8 * GIB, 5 * GIB)
    assert cores(machine) == (4, 8)


def test_a_group_that_is_full(tmp_path: Path) -> None:
    laptop(tmp_path)
    write(tmp_path, "proc/self/cgroup", "0::/")
    write(tmp_path, "sys/fs/cgroup/memory.max", str(GIB))
    write(tmp_path, "sys/fs/cgroup/memory.current", str(GIB + MIB))
    assert read_machine(tmp_path).memory_available == 0


def test_an_old_kernel_that_does_not_say_what_is_available(tmp_path: Path) -> None:
    laptop(tmp_path)
    write(tmp_path, "proc/meminfo", "MemTotal: 4096 kB\nMemFree: 100 kB\nCached: 200 kB")
    assert read_machine(tmp_path).memory_available == 300 * 1024


def test_an_empty_tree(tmp_path: Path) -> None:
    assert cores(read_machine(tmp_path)) == (1, 1)


def test_this_machine() -> None:
    machine, elsewhere = read_machine(), read_with_psutil()
    assert 1 <= machine.physical_cores <= machine.logical_cores <= (os.cpu_count() or 1)
    assert 1 <= elsewhere.physical_cores <= elsewhere.logical_cores <= (os.cpu_count() or 1)
    assert 0 < machine.memory_available <= machine.memory_total <= elsewhere.memory_total
    assert elsewhere.memory_available > 0
