"""The locks are current with what they pin, hold hashes, and name no place to download from. No network."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
LOCKS = ["requirements.lock", "requirements-dev.lock", "requirements-build.lock"]


def direct(lock: str) -> list[Requirement]:
    """What the lock was made from."""
    if lock == "requirements-build.lock":
        lines = (ROOT / "requirements-build.in").read_text().splitlines()
        return [Requirement(line) for line in lines if line and not line.startswith("#")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = project["optional-dependencies"]["dev"] if lock == "requirements-dev.lock" else []
    return [Requirement(line) for line in project["dependencies"] + extra]


def blocks(lock: str) -> list[tuple[Requirement, str]]:
    """Each pin with the text that belongs to it: its hashes, and who wants it."""
    parts = re.split(r"(?m)^(?=[A-Za-z0-9])", (ROOT / lock).read_text())
    return [(Requirement(part.split(" \\\n")[0]), part) for part in parts if part.strip()]


@pytest.mark.parametrize("lock", LOCKS)
def test_each_direct_requirement_is_pinned_within_its_range(lock: str) -> None:
    pins: dict[str, list[SpecifierSet]] = {}
    for pin, _ in blocks(lock):
        pins.setdefault(canonicalize_name(pin.name), []).append(pin.specifier)
    for wanted in direct(lock):
        found = pins.get(canonicalize_name(wanted.name), [])
        assert found, f"{wanted.name} is not in {lock}: run scripts/lock"
        for specifier in found:
            version = str(specifier).removeprefix("==")
            assert wanted.specifier.contains(version), f"{lock} pins {wanted.name} {version}: run scripts/lock"


@pytest.mark.parametrize("lock", LOCKS)
def test_nothing_is_pinned_for_a_requirement_that_is_gone(lock: str) -> None:
    source = "-r requirements-build.in" if lock == "requirements-build.lock" else "autoglm-lite (pyproject.toml)"
    claimed = {canonicalize_name(pin.name) for pin, text in blocks(lock) if source in text}
    assert claimed == {canonicalize_name(wanted.name) for wanted in direct(lock)}


@pytest.mark.parametrize("lock", LOCKS)
def test_each_pin_is_exact_and_hashed(lock: str) -> None:
    for pin, text in blocks(lock):
        assert re.fullmatch(r"==[^*]+", str(pin.specifier))
        assert "--hash=sha256:" in text


@pytest.mark.parametrize("lock", LOCKS)
def test_no_address_and_no_path(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert not re.search(r"(?m)^\s*--(?!hash)", text), "an option of pip has no place here"
    assert not re.search(r"(^|\s)/\w", text)


def test_the_developers_lock_is_the_users_and_more() -> None:
    ours = [str(pin) for pin, _ in blocks("requirements.lock")]
    theirs = {str(pin) for pin, _ in blocks("requirements-dev.lock")}
    assert [pin for pin in ours if pin not in theirs] == []
