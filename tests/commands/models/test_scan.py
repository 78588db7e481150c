"""`autoglm-lite models scan`: models of other programs, listed, chosen, and used where they lie."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autoglm_lite.cli import main
from autoglm_lite.commands.chat import elsewhere
from autoglm_lite.commands.models import others, scan
from autoglm_lite.commands.models.others import numbers_in
from autoglm_lite.store.manifest import read_manifest
from autoglm_lite.store.models import models_dir, stored_models
from tests.store.others import trees

Said = pytest.CaptureFixture[str]


@pytest.fixture
def user(home: Path) -> Path:
    """The user's home folder, with models of each program."""
    user = Path(os.environ["HOME"])
    trees.ollama(user / ".ollama" / "models")
    trees.lm_studio(user)
    trees.hugging_face(user / ".cache" / "huggingface" / "hub")
    trees.modelscope(user / ".cache" / "modelscope")
    trees.gpt4all(user / ".local" / "share" / "nomic.ai" / "GPT4All")
    trees.jan(user / ".local" / "share" / "Jan" / "data")
    trees.old_jan(user / "jan")
    trees.llama_cpp(user / ".cache" / "llama.cpp")
    return user


def scanned(capsys: Said, *arguments: str) -> list[dict[str, object]]:
    assert main(["models", "scan", "--json", *arguments]) == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)["models"]
    return found


def snapshot(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Of each file what would change if anybody wrote to it: size, mode and time."""
    return {
        str(path): (path.lstat().st_size, path.lstat().st_mode, path.lstat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if not path.is_dir()
    }


def test_the_models_of_each_program_are_listed(user: Path, capsys: Said) -> None:
    assert main(["models", "scan"]) == 0
    out = capsys.readouterr().out
    rows = out.splitlines()
    assert rows[0].split() == ["NAME", "PROGRAM", "PARAMS", "TYPE", "SIZE", "FOR", "FITS"]
    for name, program, more in (
        ("llama3.2:1b", "Ollama", ["96K", "F16", "179", "kB", "chat", "yes"]),
        ("nomic-embed-text:latest", "Ollama", ["72K", "F16", "168", "kB", "embeddings", "yes"]),
        ("gemma-3-4b-it-Q4_K_M", "LM Studio", ["pictures", "yes"]),
        ("glm-edge-1.5b-chat-Q4_K_M", "Hugging Face", ["chat", "yes"]),
        ("qwen2.5-1.5b-instruct-q4_k_m", "ModelScope", ["chat", "yes"]),
        ("Llama-3.2-1B-Instruct-Q4_0", "GPT4All", ["chat", "yes"]),
        ("Jan-nano-gguf", "Jan", ["pictures", "yes"]),
        ("gemma-3-1b-it-Q4_K_M", "llama.cpp", ["chat", "yes"]),
    ):
        (row,) = [row for row in rows if f"  {name} " in row]
        number, found, *rest = row.split()
        assert number.isdecimal()
        assert found == name
        assert rest[: len(program.split())] == program.split()
        assert rest[-len(more) :] == more
    assert "large-Q4_K_M-00001-of-00003: It is in 3 parts" in out
    assert "scan --add NAME" in rows[-1]
    assert stored_models() == []


def test_each_is_used_in_place_and_nothing_is_copied(user: Path, capsys: Said) -> None:
    before = scanned(capsys)
    untouched = snapshot(user)
    found = scanned(capsys, "--add", "all")
    assert snapshot(user) == untouched
    added = [one for one in found if one["added"]]
    assert len(added) == len([one for one in before if one["problem"] is None]) == 18
    for one in added:
        stored = models_dir() / f"{one['stored_as']}.gguf"
        assert one["added"] in ("hard link", "reflink", "link")
        # The same inode, so that not a block of it is there twice; or the same blocks.
        assert one["added"] == "reflink" or stored.samefile(str(one["path"]))
        manifest = read_manifest(models_dir(), stored.stem)
        assert manifest is not None
        assert manifest.file.sha256 == one["sha256"]
        assert manifest.source == (one["source"] or one["path"])
        if one["mmproj"]:
            eyes = stored.with_suffix(".mmproj")
            assert eyes.read_bytes() == Path(str(one["mmproj"])).read_bytes()
            assert one["added"] == "reflink" or eyes.samefile(str(one["mmproj"]))
            assert manifest.mmproj is not None
            assert manifest.mmproj.name == eyes.name
    assert [one["stored_as"] for one in scanned(capsys)] == [one["stored_as"] for one in found]
    assert main(["models", "scan", "--add", "llama3.2:1b"]) == 2
    assert "llama3.2:1b is stored already, as llama3.2-1b: nothing is to be done." in capsys.readouterr().err
    assert main(["models", "verify"]) == 0
    assert main(["chat", "-p", "hello", "--max-tokens", "2", "llama3.2-1b"]) == 0
    assert main(["models", "rm", "--yes", "llama3.2-1b"]) == 0
    assert snapshot(user) == untouched


def test_names_that_are_taken_are_made_others(user: Path, capsys: Said) -> None:
    models_dir().mkdir(parents=True)
    trees.put(models_dir() / "llama3.2-1b.gguf", trees.chat_model("mine"))
    (models_dir() / "trinity-v1.Q4_K_M.gguf").symlink_to("nowhere")
    added = {one["name"]: one["stored_as"] for one in scanned(capsys, "--add", "llama3.2:1b", "--add", "trinity-v1-7b")}
    assert added["llama3.2:1b"] == "llama3.2-1b-ollama"
    assert added["trinity-v1-7b"] == "trinity-v1.Q4_K_M-jan"


def test_one_that_goes_meanwhile_keeps_no_other_from_being_added(
    user: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_and_go(*arguments: object) -> others.Seen:
        seen = look(*arguments)  # type: ignore[arg-type]
        if seen.found.name == "llama3.2:1b":
            seen.found.path.unlink()
        return seen

    look = others.look
    monkeypatch.setattr(others, "look", look_and_go)
    names = ["--add", "llama3.2:1b", "--add", "nomic-embed-text:latest"]
    assert main(["models", "scan", *names]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("llama3.2:1b: ")
    assert "nomic-embed-text is stored: " in said.out
    assert [path.stem for path in stored_models()] == ["nomic-embed-text"]


def test_a_name_of_nothing_but_signs_becomes_another(home: Path, capsys: Said) -> None:
    trees.put(Path(os.environ["HOME"]) / ".cache" / "gpt4all" / "-+-.gguf", trees.chat_model("signs"))
    (one,) = scanned(capsys, "--add", "all")
    assert one["stored_as"] == "model"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("llama3.2:2b", "perhaps llama3.2:1b or"),
        ("someone/large-GGUF/Q4_K_M/large-Q4_K_M-00001-of-00003", "cannot be added. It is in 3 parts"),
        ("../../etc/passwd", "was found"),
        ("", "was found"),
    ],
)
def test_what_cannot_be_added_is_told(user: Path, name: str, sentence: str, capsys: Said) -> None:
    assert main(["models", "scan", "--add", name]) == 2
    assert sentence in capsys.readouterr().err
    assert stored_models() == []


def test_without_any_it_says_where_it_looked(home: Path, capsys: Said) -> None:
    assert main(["models", "scan"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("No model was found in the folders of Ollama, LM Studio, ")
    assert out.endswith(", Jan and llama.cpp.\n")
    assert scanned(capsys) == []
    assert elsewhere() == []


def test_a_damaged_file_is_named(home: Path, capsys: Said) -> None:
    folder = Path(os.environ["HOME"]) / ".cache" / "gpt4all"
    trees.put(folder / "cut.gguf", trees.chat_model("cut")[:5000])
    trees.put(folder / "escape\x1b[31m.gguf", b"GGUF\x03\0\0\0")
    assert main(["models", "scan"]) == 0
    out = capsys.readouterr().out
    assert "unusable" in out
    assert "\x1b" not in out
    assert [one["problem"] is not None for one in scanned(capsys)] == [True, True]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_person_chooses_by_numbers(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = Terminal()
    monkeypatch.setattr(sys, "stdin", Terminal("what?\n99\n2-3, 1\n"))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["models", "scan"]) == 0
    said = out.getvalue()
    assert said.count("Give numbers from 1 to 18, all, or nothing.") == 2
    assert max(map(len, said.split("Which are")[0].splitlines()[:10])) <= 80
    assert "`autoglm-lite chat llama3.2-1b` talks to it." in said
    assert "chat nomic-embed-text`" not in said
    names = {path.stem for path in stored_models()}
    assert names == {"llama3.2-1b", "nomic-embed-text", "SmolVLM-256M-Instruct-GGUF-Q8_0"}


def test_nothing_is_chosen_by_an_end_of_input(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(""))
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert main(["models", "scan"]) == 0
    assert stored_models() == []


@pytest.mark.parametrize(
    ("answer", "numbers"),
    [
        ("", []),
        ("\n", []),
        ("none", []),
        ("all\n", [1, 2, 3, 4]),
        ("全部", [1, 2, 3, 4]),
        ("1 3-4\n", [1, 3, 4]),
        ("2，1，2", [2, 1]),
        ("0", None),
        ("5", None),
        ("3-1", None),
        ("1-", None),
        ("-1", None),
        ("1-99999999999999", None),
        ("²", None),
        ("x", None),
    ],
)
def test_answers(answer: str, numbers: list[int] | None) -> None:
    assert numbers_in(answer, 4) == numbers


def test_chat_says_that_other_programs_have_models(user: Path) -> None:
    (sentence,) = elsewhere()
    assert sentence.startswith("Ollama, LM Studio, GPT4All and Jan have models on this computer: `autoglm-lite models ")
    done = subprocess.run(
        [sys.executable, "-m", "autoglm_lite", "chat", "-p", "hi", "--max-tokens", "1"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "`autoglm-lite models scan`" in done.stderr


def test_folders_that_may_not_be_read_are_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(scan.lines([], ["/usr/share/ollama/.ollama/models"]))[-1] == (
        "/usr/share/ollama/.ollama/models may not be read by this user, so nothing there was found."
    )
