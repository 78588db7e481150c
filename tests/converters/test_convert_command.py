"""`autoglm-lite convert` as its user meets it: output, exit codes, sentences, and nothing left behind."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from checkpoints import (
    STORIES,
    Tensors,
    big_checkpoint,
    bpe,
    llama_tensors,
    make,
    pack,
    weights,
    write_json,
    write_safetensors,
)
from converting import plan

from autoglm_lite.cli import main
from autoglm_lite.commands.convert import summary


def test_default_name_type_and_report(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(STORIES)]) == 0
    out = here / "stories260K-Q4_K_M.gguf"
    assert list(here.iterdir()) == [out]
    assert out.stat().st_mode & 0o777 == 0o666 & ~_umask()
    report = capsys.readouterr()
    assert report.out.startswith("stories260K-Q4_K_M.gguf: 47 tensors, Q4_K_M, 281.7 kB, in ")
    assert report.err == ""


def test_the_speed_is_that_of_writing_whatever_was_measured_before(here: Path) -> None:
    report = summary(plan(STORIES, "Q4_K_M"), here / "a.gguf", 610.0, 10.0)
    assert report.endswith("281.7 kB, in 10 min 10 s (28.2 kB/s)")


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
