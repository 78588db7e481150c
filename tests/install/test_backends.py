"""Which backend install.sh builds, the reason it gives, and what it does when that backend does not build."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.install.shell import ROOT, SCRIPT, call, environment

CHOOSE = """
    clone=$1 program=$2 version=1 python_platform=linux-x86_64
    uname() { echo Linux; }
"""


def bin_with(folder: Path, *names: str) -> dict[str, str]:
    """An environment whose PATH begins with programs of these names."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return environment(folder, PATH=f"{folder}:{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("card", "vulkan", "backend", "reason"),
    [
        ("true", "echo no", "cuda", "with CUDA: an NVIDIA card"),
        ("false", "echo 'shader compiler (glslc)'", "cpu", "no NVIDIA card with a working driver"),
        ("false", "true", "vulkan", "with Vulkan: headers, loader and glslc are here"),
    ],
)
def test_the_choice_and_its_reason(card: str, vulkan: str, backend: str, reason: str, tmp_path: Path) -> None:
    code = CHOOSE + f"nvidia_card() {{ {card}; }}; vulkan_lacks() {{ {vulkan}; }}; choose_backend; echo $backend: $why"
    done = call(code, str(ROOT), str(tmp_path), env=bin_with(tmp_path / "bin", "nvcc"))
    assert done.stdout.startswith(f"{backend}: ")
    assert reason in done.stdout


def test_the_key_differs_by_backend_processor_and_version(tmp_path: Path) -> None:
    code = (
        CHOOSE
        + """
        backend=cpu; wheel_key; backend=cuda; wheel_key; backend=cpu; version=2; wheel_key; version=1
        processor() { echo another; }; wheel_key
    """
    )
    keys = call(code, str(ROOT), str(tmp_path), env=environment(tmp_path)).stdout.split()
    assert len(set(keys)) == 4
    assert keys[0].startswith("1-cpu-")


def test_a_graphics_build_that_fails_is_given_up_and_remembered(tmp_path: Path) -> None:
    code = (
        CHOOSE
        + """
        log=/dev/null
        nvidia_card() { true; }
        vulkan_lacks() { echo glslc; }
        need_compiler() { :; }
        find_cmake() { lacking_tools=; }
        prepare_tools() { :; }
        build_wheel() {
            echo "building $backend"
            [ $backend = cpu ] && mkdir -p "$program/wheels/$key" && : >"$program/wheels/$key/x.whl"
        }
        choose_backend
        key=$(wheel_key)
        ensure_wheel
        choose_backend
        echo "$backend, $why"
    """
    )
    done = call(code, str(ROOT), str(tmp_path), env=bin_with(tmp_path / "bin", "nvcc"))
    first, second, after = done.stdout.splitlines()
    assert (first, second) == ("building cuda", "building cpu")
    assert after.startswith("cpu, without cuda: its last build failed")
    failed = after.split("delete ")[1].split(")")[0]
    assert Path(failed).exists()
    assert "going on without it" in done.stderr


def test_the_callers_build_settings_do_not_count(tmp_path: Path) -> None:
    """With SOURCE_DATE_EPOCH set, llama.cpp's build leaves out every instruction that makes it fast."""
    code = 'run_install() { echo "${SOURCE_DATE_EPOCH-unset} ${CMAKE_ARGS-unset} $cmake_options"; }; main'
    script = tmp_path / "install.sh"
    script.write_text(SCRIPT.read_text().removesuffix('main "$@"\n') + code)
    (tmp_path / "requirements.lock").touch()
    env = environment(tmp_path, SOURCE_DATE_EPOCH="1", CMAKE_ARGS="-DGGML_NATIVE=OFF")
    done = subprocess.run(["sh", str(script)], capture_output=True, text=True, env=env)
    assert done.stderr.startswith("unset unset -DGGML_NATIVE=ON ")
