"""A GGUF file as the source: the same bytes as from the checkpoint, and sentences for what will not do."""

from __future__ import annotations

from pathlib import Path

import pytest
from checkpoints import STORIES, make
from converting import convert
from gguf import GGUFReader, GGUFWriter

from autoglm_lite.cli import main

STARTER = Path(__file__).parents[2] / "autoglm_lite" / "data" / "starter.gguf"


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_K_M", "Q3_K_M", "Q4_0", "IQ4_NL"])
@pytest.mark.parametrize("name", ["tiny-qwen", "Tiny-Llama3-2M-Instruct"])
def test_two_steps_of_ours_are_one(name: str, kind: str, tmp_path: Path) -> None:
    folder = make(name, tmp_path)
    direct = convert(folder, tmp_path / "direct.gguf", kind)
    # A checkpoint in F32 goes through F16 as well.
    base = "BF16" if "bf16" in (folder / "config.json").read_text("utf-8").lower() else "F16"
    between = convert(folder, tmp_path / "between.gguf", base)
    assert convert(between, tmp_path / "indirect.gguf", kind).read_bytes() == direct.read_bytes()


def test_a_copy_keeps_every_value(tmp_path: Path) -> None:
    copy = convert(STARTER, tmp_path / "copy.gguf", "Q8_0")
    ours, theirs = GGUFReader(copy), GGUFReader(STARTER)
    assert {tensor.name: bytes(tensor.data) for tensor in ours.tensors} == {
        tensor.name: bytes(tensor.data) for tensor in theirs.tensors
    }
    assert {name: field.contents() for name, field in ours.fields.items()} == {
        name: field.contents() for name, field in theirs.fields.items()
    }


def test_quantising_again_must_be_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.gguf"
    assert main(["convert", str(STARTER), "-o", str(out), "--type", "Q4_K_M"]) == 1
    assert "quantised already (Q8_0), and quantising again loses more" in capsys.readouterr().err
    assert main(["convert", str(STARTER), "-o", str(out), "--type", "Q4_K_M", "--requantize"]) == 0
    assert main(["chat", str(out), "-p", "hello", "--max-tokens", "4", "--temperature", "0"]) == 0
    assert capsys.readouterr().out.strip()


def test_a_file_is_not_its_own_target(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = convert(STORIES, tmp_path / "a.gguf", "F16")
    before = source.read_bytes()
    (tmp_path / "link.gguf").symlink_to(source)
    for target in ("a.gguf", "link.gguf"):
        assert main(["convert", str(source), "-o", str(tmp_path / target), "--type", "Q8_0"]) == 1
        assert "is the file that is read" in capsys.readouterr().err
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--mmproj"], "--mmproj needs the folder of the checkpoint"),
        (["--drop-layers", "9,"], "there is no layer 9 to drop: the model has layers 0 to 4"),
        (["--drop-layers", "0,1,2,3,4"], "all 5 layers cannot be dropped"),
        (["--drop-layers", "5"], "leaves nothing of 5 layers"),
        (["--drop-layers", "0"], "leaves all of 5 layers"),
        (["--tensor-type", "ffn_down"], "is not of the form REGEX=TYPE"),
        (["--tensor-type", "(=Q8_0"], "has no valid regular expression"),
        (["--tensor-type", "x=Q9"], "tensor type Q9 is not one of"),
        (["--output-type", "Q9"], "tensor type Q9 is not one of"),
        (["--embedding-type", "Q6_K"], "has rows of 64 values, which Q6_K cannot hold"),
        (["--imatrix", "absent"], "There is no file absent"),
        (["--fit", "1000"], "bytes even in the smallest types, and 1,000 are wanted"),
        (["--fit", "1MB", "--embedding-type", "Q6_K"], "has rows of 64 values, which Q6_K cannot hold"),
        (["--type", "F16", "--tensor-type", "ffn=Q8_0"], "--tensor-type is for files of a quantised type"),
    ],
)
def test_one_sentence(
    options: list[str],
    sentence: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    source = convert(STORIES, tmp_path / "a.gguf", "F16")
    assert main(["convert", str(source), "-o", "out.gguf", *options]) in (1, 2)
    said = capsys.readouterr().err
    assert sentence in said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == [source]


def test_the_smallest_types_need_an_importance_matrix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.gguf"
    assert main(["convert", str(STARTER), "-o", str(out), "--type", "IQ2_XS", "--requantize"]) == 1
    assert "as IQ2_XS needs an importance matrix; make one with autoglm-lite imatrix" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["IQ2_XXS", "IQ2_XS", "IQ1_S"])
def test_some_types_need_one_even_for_the_embedding(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.gguf"
    for options in (["--type", "Q8_0"], ["--fit", "3MB"]):
        options = [*options, "--embedding-type", kind]
        assert main(["convert", str(STARTER), "-o", str(out), "--requantize", *options]) == 1
        assert f"tensor token_embd.weight as {kind} needs an importance matrix" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_fit_keeps_the_types_that_are_named(tmp_path: Path) -> None:
    out = tmp_path / "out.gguf"
    # Rows of 172 values are no whole blocks of any type: F16 stands in.
    source = convert(STORIES, tmp_path / "a.gguf", "F16")
    options = ["--fit", "450kB", "--tensor-type", "ffn_down=Q4_K", "--tensor-type", "ffn_up=MXFP4"]
    assert main(["convert", str(source), "-o", str(out), *options]) == 0
    types = {tensor.name: tensor.tensor_type.name for tensor in GGUFReader(out).tensors}
    assert types["blk.0.ffn_down.weight"] == "F16"
    assert types["blk.0.ffn_up.weight"] == "MXFP4"
    assert main(["convert", str(source), "-o", str(out), "--fit", "9MB", "--tensor-type", ".=MXFP4"]) == 0


def rewritten(source: Path, target: Path, alignment: int = 32, tensors: bool = True) -> Path:
    """A copy of the GGUF file `source` by the gguf library, with another alignment or without tensors."""
    reader, writer = GGUFReader(source), GGUFWriter(target, "llama")
    for key, field in reader.fields.items():
        if not key.startswith("GGUF.") and key != "general.architecture":
            items = field.types[1] if len(field.types) > 1 else None
            writer.add_key_value(key, field.contents(), field.types[0], items)
    writer.add_custom_alignment(alignment)
    for tensor in reader.tensors if tensors else ():
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


@pytest.mark.parametrize("alignment", [8, 64, 4096])
def test_a_source_of_another_alignment(alignment: int, tmp_path: Path) -> None:
    usual = convert(STORIES, tmp_path / "usual.gguf", "F16")
    other = rewritten(usual, tmp_path / "other.gguf", alignment)
    found = convert(other, tmp_path / "a.gguf", "Q4_0").read_bytes()
    assert found == convert(usual, tmp_path / "b.gguf", "Q4_0").read_bytes()


def test_a_source_without_tensors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = rewritten(convert(STORIES, tmp_path / "a.gguf", "F16"), tmp_path / "none.gguf", tensors=False)
    for options in ([], ["--fit", "1MB"], ["--fit"]):
        assert main(["convert", str(source), "-o", str(tmp_path / "out.gguf"), *options]) == 1
        assert "holds no tensors, so there is nothing to convert" in capsys.readouterr().err


def test_damaged_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = convert(STORIES, tmp_path / "a.gguf", "F16")
    whole = source.read_bytes()
    for damage in (whole[:-1], whole[:1000], b"GGUF" + bytes(20), b"GGUF", b""):
        source.write_bytes(damage)
        assert main(["convert", str(source), "-o", str(tmp_path / "out.gguf")]) == 1
        said = capsys.readouterr().err
        assert said.startswith("autoglm-lite: ")
        assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == [source]


def test_types_of_single_tensors(tmp_path: Path) -> None:
    base = convert(STARTER, tmp_path / "base.gguf", "F16", requantise=True)
    out = tmp_path / "out.gguf"
    options = [
        "--tensor-type",
        r"blk\.[01]\.ffn_down=Q8_0",
        "--tensor-type",
        "ffn_down=q2_k",
        "--embedding-type",
        "q5_k",
    ]
    assert main(["convert", str(base), "-o", str(out), "--type", "q4_k_m", *options]) == 0
    types = {tensor.name: tensor.tensor_type.name for tensor in GGUFReader(out).tensors}
    assert [types[f"blk.{layer}.ffn_down.weight"] for layer in range(5)] == ["Q8_0", "Q8_0", "Q2_K", "Q2_K", "Q2_K"]
    assert types["token_embd.weight"] == "Q5_K"
    assert main(["convert", str(base), "-o", str(out), "--type", "q4_k_m", "--pure"]) == 0
    kinds = {tensor.tensor_type.name for tensor in GGUFReader(out).tensors}
    assert kinds == {"Q4_K", "F32"}


def test_dropped_layers_leave_a_model_that_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.gguf"
    assert main(["convert", str(STARTER), "-o", str(out), "--type", "Q8_0", "--drop-layers", "2"]) == 0
    assert "dropping the layers that change least" in capsys.readouterr().err
    reader = GGUFReader(out)
    assert reader.fields["llama.block_count"].contents() == 3
    assert {
        name.split(".")[1] for name in (tensor.name for tensor in reader.tensors) if name.startswith("blk.")
    } == set("012")
    assert main(["chat", str(out), "-p", "hello", "--max-tokens", "4", "--temperature", "0"]) == 0
