"""The texts of the units."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.errors import AutoglmError, UsageError
from autoglm_lite.service.installed import texts
from autoglm_lite.service.systemctl import verify
from autoglm_lite.service.unit import SERVICE, SOCKET, Unit, gpu_text, memory_limits, quoted, service_text, socket_text

GB = 1 << 30
HOME = Path("/home/ada")
RUNTIME = Path("/run/user/1000")
UNIT = Unit(
    command=("/usr/bin/env", "serve"),
    listen=("127.0.0.1:8484", "/run/user/1000/autoglm-lite/service.sock"),
    memory_high=3 * GB,
    memory_max=4 * GB,
    home=HOME,
    runtime=RUNTIME,
    writable=(HOME / ".local/share/autoglm-lite", RUNTIME / "autoglm-lite"),
    readable=(HOME / "program", HOME / "program" / "env", Path("/usr"), HOME / "models" / "one.gguf"),
)


def lines(text: str, name: str) -> list[str]:
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{name}=")]


@pytest.mark.parametrize(
    ("total", "needed", "desktop"), [(4 * GB, GB, GB // 2), (8 * GB, 3 * GB, GB), (16 * GB, GB, 2 * GB)]
)
def test_the_desktop_keeps_its_part(total: int, needed: int, desktop: int) -> None:
    high, most = memory_limits(total, needed, None)
    assert total - high == desktop
    assert high < most < total


def test_the_limits_never_contradict_the_plan() -> None:
    high, most = memory_limits(4 * GB, int(3.6 * GB), None)
    assert 3.6 * GB < high <= most <= 4 * GB


def test_who_gives_the_models_less_gets_less() -> None:
    high, most = memory_limits(8 * GB, GB, 2 * GB)
    assert 2 * GB < high < most < 3 * GB


def test_the_home_folder_is_hidden_but_for_what_is_ours() -> None:
    text = service_text(UNIT)
    assert lines(text, "TemporaryFileSystem") == ['"/home/ada:ro,mode=0700" "/run/user/1000:ro,mode=0700"']
    assert lines(text, "BindPaths") == ['-"/home/ada/.local/share/autoglm-lite"', '-"/run/user/1000/autoglm-lite"']
    assert lines(text, "BindReadOnlyPaths") == [
        '-"/run/user/1000/systemd/notify"',
        '-"/home/ada/program"',
        '-"/home/ada/models/one.gguf"',
    ]


def test_without_namespaces_nothing_is_promised_that_does_not_hold() -> None:
    text = service_text(replace(UNIT, confined=False))
    for name in ("PrivateUsers", "ProtectSystem", "TemporaryFileSystem", "PrivateDevices", "CapabilityBoundingSet"):
        assert not lines(text, name)
    assert lines(text, "NoNewPrivileges") == ["yes"]
    assert lines(text, "SystemCallFilter")


@pytest.mark.parametrize(("version", "found"), [(252, []), (254, ["6"])])
def test_restarts_slow_down_where_systemd_can(version: int, found: list[str]) -> None:
    assert lines(service_text(replace(UNIT, systemd=version)), "RestartSteps") == found


def test_a_card_needs_its_devices() -> None:
    assert lines(gpu_text(), "PrivateDevices") == ["no"]
    assert lines(gpu_text(), "MemoryDenyWriteExecute") == ["no"]


def test_words_are_quoted() -> None:
    assert quoted('100% of "a\\b" $HOME') == '"100%% of \\"a\\\\b\\" $HOME"'


@pytest.mark.parametrize("text", ["a\nExecStart=/bin/sh", "\0", "\x1b[2J"])
def test_what_no_unit_can_hold_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        quoted(text)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_finds_no_mistake_in_odd_paths(tmp_path: Path) -> None:
    odd = tmp_path / "50% of $HOME: a \"b\" 'c' \\ 模型"
    odd.mkdir()
    # No unit can start a program with quotes in its path.
    program = tmp_path / "50% of $HOME"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = replace(
        UNIT,
        command=(str(program), "serve", "--", str(odd / "model.gguf")),
        home=odd,
        writable=(odd / "data",),
        readable=(odd / "models",),
        environment=(("AUTOGLM_LITE_HOME", str(odd)),),
    )
    (tmp_path / SERVICE).write_text(service_text(unit))
    (tmp_path / SOCKET).write_text(socket_text(unit))
    (tmp_path / "runtime").mkdir(mode=0o700)
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(tmp_path / SERVICE), str(tmp_path / SOCKET)],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "runtime")},
        capture_output=True,
        text=True,
    )
    assert "autoglm-lite" not in done.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_what_an_older_systemd_does_not_know_is_no_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    path = tmp_path / SERVICE
    path.write_text("[Service]\nExecStart=/bin/true\nFromTheFuture=yes\n")
    verify([path])
    path.write_text("[Service]\nExecStart=/bin/nothing-of-this-name\n")
    with pytest.raises(AutoglmError, match="mistake"):
        verify([path])


def test_the_drop_in_for_cards_comes_and_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    place = tmp_path / "systemd" / "user" / "autoglm-lite.service.d" / "gpu.conf"
    assert texts(UNIT, gpu=True)[place] == gpu_text()
    assert texts(UNIT, gpu=False)[place] is None
