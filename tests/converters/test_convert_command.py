"""`autoglm-lite convert` as its user meets it: output, exit codes, sentences, and nothing left behind."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from types import SimpleNamespace
from typing import Any

import pytest
from checkpoints import (
    STORIES,
    Tensors,
    bpe,
    llama_config,
    llama_tensors,
    make,
    make_qwen,
    pack,
    weights,
    write_json,
    write_safetensors,
)
from converting import plan

from autoglm_lite.cli import main
from autoglm_lite.errors import ConversionError
from converters import partial
from converters.conversion import Resources, write_conversion


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_default_name_type_and_report(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(STORIES)]) == 0
    out = here / "stories260K-Q4_K_M.gguf"
    assert list(here.iterdir()) == [out]
    assert out.stat().st_mode & 0o777 == 0o666 & ~_umask()
    report = capsys.readouterr()
    assert report.out.startswith("stories260K-Q4_K_M.gguf: 47 tensors, Q4_K_M, 281.7 kB, in ")
    assert report.err == ""


def test_json(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(STORIES), "-o", "a.gguf", "--type", "f16", "--threads", "1", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["output"] == "a.gguf"
    assert report["name"] == "stories260K"
    assert report["architecture"] == "llama"
    assert report["type"] == "F16"
    assert report["parameters"] == 260032
    assert report["bytes"] == (here / "a.gguf").stat().st_size
    first = {"name": "token_embd.weight", "type": "F16", "shape": [512, 64], "bytes": 65536}
    assert report["tensors"][0] == first


def test_dry_run_writes_nothing_and_knows_the_size(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(STORIES), "--dry-run"]) == 0
    assert not list(here.iterdir())
    lines = capsys.readouterr().out.splitlines()
    assert ["blk.0.ffn_down.weight", "F16", "64", "x", "172", "22,016"] in [line.split() for line in lines]
    assert lines[-1] == "47 tensors, 281,728 bytes (281.7 kB) with metadata"
    main(["convert", str(STORIES)])
    assert (here / "stories260K-Q4_K_M.gguf").stat().st_size == 281728
    capsys.readouterr()
    assert main(["convert", str(STORIES), "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == 281728


def test_an_older_output_is_replaced_whole(here: Path) -> None:
    out = here / "a.gguf"
    out.write_bytes(b"GGUF, once")
    with out.open("rb") as reader:
        assert main(["convert", str(STORIES), "-o", str(out)]) == 0
        assert reader.read() == b"GGUF, once"
    assert out.stat().st_size == 281728


def _no_source(folder: Path) -> str:
    return str(folder / "absent")


def _pickle_folder(folder: Path) -> str:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x02c__builtin__\neval\n.")
    return str(folder)


def _pickle_file(folder: Path) -> str:
    (folder / "model.pt").write_bytes(b"\x80\x02.")
    return str(folder / "model.pt")


def _no_config(folder: Path) -> str:
    (folder / "config.json").unlink()
    return str(folder)


def _no_tokenizer(folder: Path) -> str:
    (folder / "tokenizer.json").unlink()
    return str(folder)


def _set(**changes: Any) -> Callable[[Path], str]:
    def change(folder: Path) -> str:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        write_json(folder / "config.json", {**config, **changes})
        return str(folder)

    return change


def _tensors(edit: Callable[[Tensors], object]) -> Callable[[Path], str]:
    def change(folder: Path) -> str:
        tensors = llama_tensors(json.loads((folder / "config.json").read_text("utf-8")), "F32")
        edit(tensors)
        write_safetensors(folder / "model.safetensors", tensors)
        return str(folder)

    return change


def _one_value(value: float) -> Callable[[Tensors], object]:
    values = weights((64, 80), 3)
    values[63, 79] = value
    return lambda tensors: tensors.update({"model.layers.1.mlp.down_proj.weight": pack(values, "F32")})


def _missing_shard(folder: Path) -> str:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    return str(folder)


def _missing_listed_shard(folder: Path) -> str:
    write_json(folder / "model.safetensors.index.json", {"weight_map": {"a": "model-00009-of-00009.safetensors"}})
    return str(folder)


def _shard_elsewhere(folder: Path) -> str:
    write_json(folder / "model.safetensors.index.json", {"weight_map": {"a": "../model.safetensors"}})
    return str(folder)


def _cut_short(folder: Path) -> str:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    return str(folder)


def _pipe(folder: Path) -> str:
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")
    return str(folder)


def _more_tokens(folder: Path) -> str:
    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    tokenizer["model"]["vocab"]["more"] = 666
    write_json(folder / "tokenizer.json", tokenizer)
    return str(folder)


def _other_words(folder: Path) -> str:
    write_json(folder / "tokenizer.json", bpe({"type": "Whitespace"}, ["<|endoftext|>"]))
    return str(folder)


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (_no_source, "absent does not exist"),
        (_pickle_folder, "pytorch_model.bin is a pickle, which can run any program"),
        (_pickle_file, "model.pt is a pickle, which can run any program"),
        (lambda folder: str(folder / "model.safetensors"), "is a file; give the folder"),
        (_no_config, "config.json is missing"),
        (_no_tokenizer, "has none of tokenizer.json, tokenizer.model"),
        (_pipe, "config.json is not a regular file"),
        (_set(architectures=["MambaForCausalLM"]), "the architecture MambaForCausalLM cannot be converted yet"),
        (_set(quantization_config={"quant_method": "awq"}), "is already quantised (awq)"),
        (_set(num_local_experts=8), "mixture of Llama experts"),
        (_set(rope_scaling={"rope_type": "longrope"}), "rope scaling longrope"),
        (_set(hidden_size=128), "has the shape [300, 64] where config.json calls for [300, 128]"),
        (_set(num_hidden_layers=1), "is of a layer beyond the 1 of config.json"),
        (_set(num_hidden_layers=3), "tensor model.layers.2.input_layernorm.weight is missing"),
        (_set(hidden_size="64"), "gives hidden_size as 64, which is no whole number"),
        (_more_tokens, "numbers a token 666 where config.json has a vocabulary of 300"),
        (_set(tie_word_embeddings=False), "tensor lm_head.weight is missing"),
        (_tensors(_one_value(float("nan"))), "down_proj.weight in model.safetensors holds NaN or infinity"),
        (_tensors(_one_value(float("-inf"))), "holds NaN or infinity"),
        (_tensors(_one_value(65521.0)), "holds values beyond F16's range; use --type F32"),
        (
            _tensors(lambda tensors: tensors.update({"lm_tail.weight": pack(weights((2, 2), 1), "F32")})),
            "lm_tail.weight",
        ),
        (_tensors(lambda tensors: tensors.update({"model.norm.weight": ("I8", (64,), bytes(64))})), "number format I8"),
        (_missing_shard, "holds 1 of 2 safetensors files"),
        (_missing_listed_shard, "model-00009-of-00009.safetensors is missing although"),
        (_shard_elsewhere, "lists a shard that is no .safetensors file of its folder"),
        (_cut_short, "model.safetensors is no sound safetensors file"),
        (
            _other_words,
            "splits text in a way that is none of llama-bpe",
        ),
    ],
)
def test_one_sentence_for_what_is_wrong(
    break_it: Callable[[Path], str], sentence: str, here: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = make("tiny-qwen", tmp_path)
    source = break_it(folder)
    assert main(["convert", source, "-o", "out.gguf", "--type", "F16"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("autoglm-lite: ")
    assert sentence in printed.err
    assert printed.err.count("\n") == 1
    assert not list(here.iterdir())


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        (".", "is a folder"),
        ("absent/out.gguf", "cannot be used: No such file or directory"),
        ("precious.txt", "exists and is no GGUF file; it is not replaced"),
        ("/dev/null", "is not a regular file"),
    ],
)
def test_a_target_that_will_not_do(target: str, sentence: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "precious.txt").write_text("mine", encoding="utf-8")
    assert main(["convert", str(STORIES), "-o", target]) == 1
    assert sentence in capsys.readouterr().err
    assert (here / "precious.txt").read_text("utf-8") == "mine"
    assert list(here.iterdir()) == [here / "precious.txt"]


def test_a_checkpoint_is_never_its_own_target(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = copytree(STORIES, tmp_path / "model")
    before = (folder / "model.safetensors").read_bytes()
    assert main(["convert", str(folder), "-o", str(folder / "model.safetensors")]) == 1
    assert "is not replaced" in capsys.readouterr().err
    assert (folder / "model.safetensors").read_bytes() == before


def test_nothing_of_the_checkpoint_is_executed(here: Path, tmp_path: Path) -> None:
    folder = make("tiny-qwen", tmp_path)
    canary = tmp_path / "canary"
    code = f"open({str(canary)!r}, 'w')\n"
    for name in ("modeling_evil.py", "configuration_evil.py", "tokenization_evil.py", "setup.py", "__init__.py"):
        (folder / name).write_text(code, encoding="utf-8")
    custom = {"AutoConfig": "configuration_evil.Evil", "AutoTokenizer": ["tokenization_evil.Evil", None]}
    for name in ("config.json", "tokenizer_config.json"):
        write_json(folder / name, {**json.loads((folder / name).read_text("utf-8")), "auto_map": custom})
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x02cposix\nsystem\nX\x05\x00\x00\x00false\x85R.")
    (folder / "README.md").write_text("---\nname: !!python/object/apply:os.system ['false']\n---\n", encoding="utf-8")
    assert main(["convert", str(folder)]) == 0
    assert not canary.exists()


def test_links_into_a_cache_and_names_in_chinese(here: Path, tmp_path: Path) -> None:
    blobs, folder = tmp_path / "blobs", tmp_path / "快照" / "小模型"
    copytree(STORIES, blobs)
    folder.mkdir(parents=True)
    for path in blobs.iterdir():
        (folder / path.name).symlink_to(path)
    assert main(["convert", str(folder)]) == 0
    assert [path.name for path in here.iterdir()] == ["小模型-Q4_K_M.gguf"]


def test_a_linked_folder_keeps_the_name_of_the_link(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    link = tmp_path / "my-stories"
    link.symlink_to(STORIES)
    assert main(["convert", str(link), "--dry-run", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["name"], report["output"]) == ("My Stories", "my-stories-Q4_K_M.gguf")
    monkeypatch.chdir(STORIES)
    assert main(["convert", ".", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "stories260K"


def test_wrong_usage(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(STORIES), "--threads", "0"]) == 2
    with pytest.raises(SystemExit) as ended:
        main(["convert", str(STORIES), "--type", "Q9_X"])
    assert ended.value.code == 2
    for options in (
        ["--fit", "1MB", "--type", "Q8_0"],
        ["--fit", "--pure"],
        ["--memory", "1MB"],
        ["--drop-layers", "x"],
        ["--mmproj", "--drop-layers", "1"],
    ):
        assert main(["convert", str(STORIES), *options]) == 2
    assert not list(here.iterdir())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_permission(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here.chmod(0o500)
    assert main(["convert", str(STORIES)]) == 1
    assert "no permission to write in" in capsys.readouterr().err
    here.chmod(0o700)


@pytest.mark.parametrize("limit", [0, 1, 20_000, 100_000, 344_000, 344_511])
@pytest.mark.parametrize("options", [[], ["--resume"]])
def test_a_disk_that_takes_no_more(
    limit: int, options: list[str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = here / "a.gguf"
    kept.write_bytes(b"GGUF, once")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A limit on file sizes fails a write at any byte, as a full disk does.
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        code = main(["convert", str(STORIES), "-o", "a.gguf", "--type", "Q8_0", *options])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert code == 1
    assert "would be larger than its file system" in capsys.readouterr().err
    assert list(here.iterdir()) == [kept]
    assert kept.read_bytes() == b"GGUF, once"


def big_checkpoint(folder: Path, n_vocab: int, width: int) -> Path:
    """A Llama whose embedding has `n_vocab` x `width` zeros as BF16, which take no room on the disk."""
    made = folder / "big"
    made.mkdir()
    make_qwen(made)
    config = llama_config(vocab_size=n_vocab, hidden_size=width, num_hidden_layers=1, tie_word_embeddings=True)
    write_json(made / "config.json", {**config, "intermediate_size": 32})
    small = llama_tensors({**config, "intermediate_size": 32, "vocab_size": 1}, "BF16")
    name = "model.embed_tokens.weight"
    entries: Tensors = {key: small[key] for key in small if key != name}
    path = made / "model.safetensors"
    write_safetensors(path, entries | {name: ("BF16", (n_vocab, width), b"")})
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    begin = header[name]["data_offsets"][0]
    header[name]["data_offsets"][1] = begin + 2 * n_vocab * width
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + raw[8 + size :])
    os.truncate(path, 8 + len(text) + begin + 2 * n_vocab * width)
    return made


def _interrupt(source: Path, here: Path, number: signal.Signals, *options: str) -> tuple[int, bytes]:
    """Starts a conversion and stops it while data is written, not before."""
    command = [sys.executable, "-m", "autoglm_lite", "convert", str(source), "-o", "out.gguf", "--type", "Q8_0"]
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [*command, "--threads", "1", *options], cwd=here, env={**os.environ, "PYTHONPATH": root}, stderr=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 60
        while not any(part.stat().st_size > 5_000_000 for part in here.glob(".*.part")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    return process.returncode, errors


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGHUP, 130)])
def test_interrupted_leaves_nothing(number: signal.Signals, code: int, here: Path, tmp_path: Path) -> None:
    source = big_checkpoint(tmp_path, 1_000_000, 1024)
    ended, errors = _interrupt(source, here, number)
    assert ended == code
    assert b"Traceback" not in errors
    assert not list(here.iterdir())


def _stop_after(n_blocks: int) -> Callable[[int, int], None]:
    left = iter(range(n_blocks - 1))

    def stop(done: int, total: int) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    return stop


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_resumed_work_ends_in_the_same_bytes(
    number: signal.Signals, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = big_checkpoint(tmp_path, 40_000, 1024)
    assert main(["convert", str(source), "-o", "whole.gguf", "--type", "Q8_0"]) == 0
    whole = (here / "whole.gguf").read_bytes()
    (here / "whole.gguf").unlink()
    conversion = plan(source, "Q8_0")
    out = here / "out.gguf"
    # Every 1 MB is noted, and the work is stopped after that many blocks.
    monkeypatch.setattr(partial, "NOTE_EVERY", 1 << 20)
    for stop in (3, 20, 40):
        with pytest.raises(KeyboardInterrupt):
            write_conversion(conversion, out, Resources(1), _stop_after(stop), resume=True)
        assert sorted(path.suffix for path in here.iterdir()) == [".json", ".part"]
        if number is signal.SIGKILL:
            # Nothing was said at the end, and the last bytes are of a tensor that is not whole.
            part, _ = partial.places(out)
            with part.open("ab") as file:
                file.write(b"half a tensor")
    first: list[int] = []
    write_conversion(conversion, out, Resources(1), lambda done, total: first.append(done), resume=True)
    assert first[0] > 1 << 20
    assert list(here.iterdir()) == [out]
    assert out.read_bytes() == whole


def test_what_has_changed_is_not_resumed(here: Path, tmp_path: Path) -> None:
    source, out = big_checkpoint(tmp_path, 20_000, 1024), here / "out.gguf"

    def stop(done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_conversion(plan(source, "Q8_0"), out, Resources(1), stop, resume=True)
    os.utime(source / "model.safetensors")
    first: list[int] = []
    conversion = plan(source, "Q8_0")
    write_conversion(conversion, out, Resources(1), lambda done, total: first.append(done), resume=True)
    assert first[0] < conversion.nbytes // 2
    assert list(here.iterdir()) == [out]


def test_the_room_of_an_earlier_attempt_counts_as_free(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part, _ = partial.places(here / "out.gguf")
    part.write_bytes(bytes(200_000))
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=100_000))
    assert main(["convert", str(STORIES), "-o", "out.gguf"]) == 0
    assert list(here.iterdir()) == [here / "out.gguf"]
    assert main(["convert", str(STORIES), "-o", "out.gguf"]) == 1


def test_a_note_is_not_believed_of_another_attempt(here: Path) -> None:
    out = here / "out.gguf"
    with pytest.raises(KeyboardInterrupt), partial.partial_file(out, "first", True) as first:
        first.file.write(b"first")
        first.finished(1)
        raise KeyboardInterrupt
    part, note = partial.places(out)
    assert note.exists()
    # What is killed here, with as many bytes, must not be gone on with as the first.
    with pytest.raises(RuntimeError), partial.partial_file(out, "second", False):
        assert part.stat().st_size == 0
        assert not note.exists()
        raise RuntimeError


def test_the_result_of_another_conversion_is_not_overwritten(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part, _ = partial.places(here / "out.gguf")
    part.write_bytes(b"GGUF")
    truth = os.open

    def late(*args: Any, **more: Any) -> int:
        fd = truth(*args, **more)
        # The other conversion is done between our opening of its file and our lock.
        part.replace(here / "out.gguf")
        return fd

    monkeypatch.setattr(os, "open", late)
    with pytest.raises(ConversionError, match="is being written by another"):  # noqa: SIM117
        with partial.partial_file(here / "out.gguf", "", False):
            pass
    assert (here / "out.gguf").read_bytes() == b"GGUF"


def test_a_link_in_the_place_of_the_growing_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    part, _ = partial.places(here / "out.gguf")
    (here / "letter.txt").write_text("dear")
    part.symlink_to("letter.txt")
    assert main(["convert", str(STORIES), "-o", str(here / "out.gguf")]) == 1
    assert ".part is a link, which is not followed" in capsys.readouterr().err
    assert (here / "letter.txt").read_text() == "dear"


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are UTF-8 elsewhere")
@pytest.mark.parametrize("options", [[], ["--json"], ["--json", "--dry-run"]])
def test_a_name_that_is_no_utf_8(options: list[str], here: Path) -> None:
    name = os.fsdecode(b"out\xff.gguf")
    command = [sys.executable, "-m", "autoglm_lite", "convert", str(STORIES), "-o", name, *options]
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        command,
        cwd=here,
        env={**os.environ, "PYTHONPATH": root, "PYTHONIOENCODING": "utf-8:strict"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    if options:
        assert json.loads(done.stdout)["output"] == "out\udcff.gguf"


def test_two_conversions_to_one_name(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with partial.partial_file(here / "out.gguf", "", False) as first:
        assert main(["convert", str(STORIES), "-o", "out.gguf"]) == 1
        assert "is being written by another conversion" in capsys.readouterr().err
        first.file.write(b"GGUF")
    assert (here / "out.gguf").read_bytes() == b"GGUF"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of its memory from /proc")
def test_memory_is_bounded(here: Path, tmp_path: Path) -> None:
    source = big_checkpoint(tmp_path, 160_000, 1024)
    script = (
        "import sys; from autoglm_lite.cli import main; code = main(sys.argv[1:]);"
        "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]); sys.exit(code)"
    )
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", script, "convert", str(source), "-o", "out.gguf", "--type", "Q8_0", "--threads", "2"],
        cwd=here,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
    )
    # The source is 328 MB, and 655 MB as F32; Python with numpy and gguf is half of what is measured.
    assert int(done.stdout.splitlines()[-1]) * 1024 < 150_000_000


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
