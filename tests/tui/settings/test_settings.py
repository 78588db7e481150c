"""The file of settings, and what follows from it for this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoglm_lite.errors import AutoglmError
from tests.hardware.state import supply
from tui.settings.complaint import sentence
from tui.settings.manners import manners_of, wants_low_power
from tui.settings.settings import Settings, read_settings, with_line, write_settings
from tui.words import CHINESE, ENGLISH


def test_without_a_file_all_is_automatic(tmp_path: Path) -> None:
    assert read_settings(tmp_path / "app.toml") == (Settings(), [])


def test_what_is_wrong_is_told_and_the_rest_is_used(tmp_path: Path) -> None:
    path = tmp_path / "app.toml"
    path.write_text('language = "zh"\ntheme = "pink"\nlow_power = true\ncolour = 1\n[keys]\nquit = "f10"\n')
    settings, complaints = read_settings(path)
    assert settings == Settings(language="zh", low_power="on")
    said = [sentence(complaint, ENGLISH.manners) for complaint in complaints]
    assert said == [
        f"{path}: theme = 'pink' cannot be used; give one of auto, dark, light, plain.",
        f"{path}: there is no setting colour; there are language, theme, low_power.",
    ]
    assert "可用的有 language、theme、low_power" in sentence(complaints[1], CHINESE.manners)


@pytest.mark.parametrize("content", [b"language = ", b"\xff\xfe", b"[" * 9000])
def test_a_file_that_cannot_be_read_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "app.toml"
    path.write_bytes(content)
    settings, (complaint,) = read_settings(path)
    assert settings == Settings()
    assert str(path) in sentence(complaint, ENGLISH.manners)
    with pytest.raises(AutoglmError, match="nothing was changed"):
        write_settings(path, Settings(theme="light"))
    assert path.read_bytes() == content


def test_comments_and_tables_stay(tmp_path: Path) -> None:
    path = tmp_path / "config" / "app.toml"
    write_settings(path, Settings(theme="light"))
    assert path.read_text() == 'theme = "light"\n'
    path.write_text("# mine\ntheme = 'light'  # at noon\n\n[keys]\ntheme = \"f9\"\n")
    write_settings(path, Settings(theme="dark", low_power="off"))
    assert path.read_text() == ('# mine\ntheme = "dark"  # at noon\n\nlow_power = "off"\n[keys]\ntheme = "f9"\n')
    assert read_settings(path) == (Settings(theme="dark", low_power="off"), [])
    assert [file.name for file in path.parent.iterdir()] == ["app.toml"]


def test_a_folder_that_takes_no_file_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("")
    with pytest.raises(AutoglmError, match=r"app\.toml cannot be"):
        write_settings(tmp_path / "config" / "app.toml", Settings(theme="dark"))


def test_a_line_without_an_end_is_kept_apart() -> None:
    assert with_line("# mine", "theme", "dark") == '# mine\ntheme = "dark"\n'


def test_settings_go_before_what_is_found_out() -> None:
    chinese = {"LANG": "zh_CN.UTF-8", "TERM": "xterm-256color"}
    assert manners_of(Settings(), chinese, False, True) == manners_of(Settings(), chinese, False, True)
    assert manners_of(Settings(), chinese, False, False).theme == "light"
    assert manners_of(Settings(), chinese, None, False).theme == "dark"
    assert manners_of(Settings(), {**chinese, "NO_COLOR": "1"}, False, False).theme == "plain"
    set_by_hand = manners_of(Settings(language="en", theme="dark"), {**chinese, "NO_COLOR": "1"}, False, False)
    assert (set_by_hand.chinese, set_by_hand.theme) == (False, "dark")


def processors(root: Path, n: int, flags: str) -> None:
    cpus = root / "sys/devices/system/cpu"
    for number in range(n):
        (cpus / f"cpu{number}/topology").mkdir(parents=True)
        (cpus / f"cpu{number}/topology/core_id").write_text(f"{number}\n")
        (cpus / f"cpu{number}/topology/physical_package_id").write_text("0\n")
    (cpus / "online").write_text(f"0-{n - 1}\n")
    (root / "proc").mkdir()
    (root / "proc/cpuinfo").write_text(f"flags : {flags}\n")


@pytest.mark.parametrize(
    ("n", "flags", "slow"), [(2, "sse4_2 avx avx2", False), (2, "sse4_2", True), (1, "sse4_2 avx avx2", True)]
)
def test_slow_processors_are_spared(tmp_path: Path, n: int, flags: str, slow: bool) -> None:
    processors(tmp_path, n, flags)
    assert wants_low_power(Settings(), False, tmp_path) is slow
    assert wants_low_power(Settings(low_power="off"), False, tmp_path) is False
    assert wants_low_power(Settings(low_power="off"), True, tmp_path) is True
    assert wants_low_power(Settings(low_power="on"), False, tmp_path) is True


def test_a_battery_is_spared(tmp_path: Path) -> None:
    processors(tmp_path, 2, "avx")
    supply(tmp_path, "AC", "Mains", online="0")
    supply(tmp_path, "BAT0", "Battery", status="Discharging")
    assert wants_low_power(Settings(), False, tmp_path)
    supply(tmp_path, "AC", "Mains", online="1")
    assert not wants_low_power(Settings(), False, tmp_path)
