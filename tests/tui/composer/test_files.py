"""Files are found by some letters, without those that nobody wants, and never for long."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tui.composer.files import MOST_FILES, Files, best, walk
from tui.composer.ignored import leaves_out, parsed, rules_in


def make(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x")


def test_a_walk_leaves_out_hidden_heavy_and_ignored_files(tmp_path: Path) -> None:
    make(tmp_path, "a.txt", ".hidden", ".git/config", "node_modules/x/y.js", "b.log", "src/c.py", "src/keep.log")
    make(tmp_path, "src/build/d.o", "我的 文件/计划 书.md")
    (tmp_path / ".gitignore").write_text("# comment\n*.log\nbuild/\n!keep.log\n")
    (tmp_path / "around").symlink_to(tmp_path)
    assert sorted(walk(tmp_path)) == ["a.txt", "src/c.py", "src/keep.log", "我的 文件/计划 书.md"]


def test_a_walk_ends_when_its_time_is_over(tmp_path: Path) -> None:
    make(tmp_path, *(f"{n}/{m}" for n in range(20) for m in range(5)))
    assert len(walk(tmp_path, seconds=0)) <= 1
    assert len(walk(tmp_path)) == 100 < MOST_FILES


def test_an_unreadable_folder_is_passed_over(tmp_path: Path) -> None:
    make(tmp_path, "a.txt")
    assert walk(tmp_path / "missing") == []
    assert Files(tmp_path).matching("missing/") == []
    assert Files(tmp_path).matching("~nobody-of-that-name/") == []


@pytest.mark.parametrize(
    "rules",
    [
        "*.log\n!important.log\n",
        "/build\nsub/*.txt\n",
        "**/cache\nlogs/**\na/**/z\n",
        "temp/\n",
        "[ab].txt\n[!a]c.md\n",
        r"\#odd" + "\n",
        "doc/?.txt\n",
    ],
)
def test_rules_are_git_s(tmp_path: Path, rules: str) -> None:
    paths = ["x.log", "important.log", "build", "sub/build", "sub/a.txt", "sub/deep/a.txt", "cache/1", "q/cache/2"]
    paths += ["logs/a/b", "a/z", "a/b/c/z", "temp/1", "sub/temp/2", "a.txt", "c.txt", "bc.md", "ac.md", "#odd"]
    paths += ["doc/1.txt", "doc/12.txt"]
    paths = [path for path in paths if not any(other.startswith(f"{path}/") for other in paths)]
    make(tmp_path, *paths)
    (tmp_path / ".gitignore").write_text(rules)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    listed = ["git", "-c", "core.quotePath=false", "ls-files", "--cached", "--others", "--exclude-standard"]
    theirs = subprocess.run(listed, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.split("\n")
    assert sorted(walk(tmp_path)) == sorted(path for path in theirs if path and path != ".gitignore")


def test_a_rule_that_is_none_is_passed_over(tmp_path: Path) -> None:
    assert rules_in(tmp_path) == []
    assert parsed("# no") is None
    assert parsed("  ") is None
    bad = parsed("[z-a]")
    assert bad is None
    rule = parsed("a")
    assert rule is not None
    assert leaves_out([("b/", rule)], "b/a", is_folder=False)


def test_the_best_fits_come_first() -> None:
    paths = ["src/main.py", "docs/domain.md", "maintenance.txt", "m/a/i/n", "other.txt"]
    assert best("main", paths) == ["src/main.py", "maintenance.txt", "docs/domain.md", "m/a/i/n"] or best(
        "main", paths
    ) == ["maintenance.txt", "src/main.py", "docs/domain.md", "m/a/i/n"]
    assert best("", paths)[0] == "other.txt"


def test_a_path_is_followed_wherever_it_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "home/notes.txt", "home/.profile", "home/My Papers/one.txt", "work/x")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    files = Files(tmp_path / "work")
    assert files.matching("~/") == ["~/My Papers/", "~/notes.txt"]
    assert files.matching("~/.p") == ["~/.profile"]
    assert files.matching("../home/my") == ["../home/My Papers/"]
    assert files.matching(f"{tmp_path}/home/no") == [f"{tmp_path}/home/notes.txt"]
    assert files.path("~/notes.txt") == tmp_path / "home/notes.txt"
    assert files.path("x") == tmp_path / "work/x"
