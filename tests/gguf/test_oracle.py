"""Our reader against the gguf package of llama.cpp's authors."""

from __future__ import annotations

from pathlib import Path

import gguf
import pytest

from autoglm_lite.gguf import Header, Strings, read_header
from autoglm_lite.gguf.ggml_types import FILE_TYPES, GGML_TYPES
from tests.gguf.tiny import MODELS


def contents(header: Header, key: str) -> object:
    value = header.metadata[key]
    if isinstance(value.data, Strings):
        return [text.decode() for text in value.data]
    return value.data if value.item is None else list(value.data)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", MODELS)
def test_reads_the_same(name: str, tmp_path: Path) -> None:
    path = MODELS[name]().write(tmp_path / "m.gguf")
    ours, theirs = read_header(path), gguf.GGUFReader(path)
    for tensor, other in zip(ours.tensors, theirs.tensors, strict=True):
        assert (tensor.name, tensor.type.name) == (other.name, other.tensor_type.name)
        assert tensor.shape == tuple(int(extent) for extent in other.shape)
        assert (ours.data_offset + tensor.offset, tensor.n_bytes) == (other.data_offset, other.n_bytes)
    fields = {key: field for key, field in theirs.fields.items() if not key.startswith("GGUF.")}
    assert list(ours.metadata) == list(fields)
    for key, field in fields.items():
        assert contents(ours, key) == field.contents()


def test_the_sizes_of_all_types_agree() -> None:
    theirs = {int(type_): (type_.name, *sizes) for type_, sizes in gguf.GGML_QUANT_SIZES.items()}
    # Its size of Q8_1 is of an older layout; Q2_0 is newer than the package.
    for number in theirs.keys() & GGML_TYPES.keys() - {9}:
        type_ = GGML_TYPES[number]
        assert (type_.name, type_.block_size, type_.block_bytes) == theirs[number]
    assert set(GGML_TYPES) - set(theirs) == {42}
    assert set(theirs) <= set(GGML_TYPES)


def test_the_names_of_file_types_agree() -> None:
    for type_ in gguf.LlamaFileType:
        name = type_.name.removeprefix("MOSTLY_").removeprefix("ALL_")
        if type_.value in FILE_TYPES:
            assert FILE_TYPES[type_.value] == name
        else:
            assert name == "GUESSED" or type_.value in range(4, 7)
