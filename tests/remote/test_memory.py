"""Which process has the model of the service, read from a made-up /proc."""

from __future__ import annotations

from pathlib import Path

from autoglm_lite.remote.memory import worker_of

SERVICE = 100


def process(root: Path, pid: int, command: str, children: str = "", maps: str | None = None) -> None:
    folder = root / "proc" / str(pid)
    (folder / "task" / str(pid)).mkdir(parents=True)
    (folder / "task" / str(pid) / "children").write_text(children)
    (folder / "cmdline").write_bytes(command.encode())
    if maps is not None:
        (folder / "maps").write_text(maps)


def test_the_only_worker_needs_no_proof(tmp_path: Path) -> None:
    process(tmp_path, SERVICE, "serve", "101 102 ")
    process(tmp_path, 101, "python template")
    process(tmp_path, 102, "python -c from autoglm_lite.worker.child import main")
    assert worker_of(SERVICE, tmp_path / "a.gguf", tmp_path) == 102


def test_of_several_it_is_the_one_with_the_file(tmp_path: Path) -> None:
    file = (tmp_path / "b.gguf").resolve()
    process(tmp_path, SERVICE, "serve", "101 102 ")
    process(tmp_path, 101, "autoglm_lite.worker.child", maps="7f00-7f01 r--p 0 08:01 1 /models/a.gguf\n")
    process(tmp_path, 102, "autoglm_lite.worker.child", maps=f"7f00-7f01 r--p 0 08:01 1 {file}\n")
    assert worker_of(SERVICE, file, tmp_path) == 102
    assert worker_of(SERVICE, tmp_path / "c.gguf", tmp_path) is None


def test_where_the_system_does_not_tell_none_is_taken(tmp_path: Path) -> None:
    assert worker_of(SERVICE, tmp_path / "a.gguf", tmp_path) is None
    process(tmp_path, SERVICE, "serve", "101 102 ")
    process(tmp_path, 101, "autoglm_lite.worker.child")
    process(tmp_path, 102, "autoglm_lite.worker.child")
    assert worker_of(SERVICE, tmp_path / "a.gguf", tmp_path) is None
