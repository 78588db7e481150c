"""Importance matrices: files of llama-imatrix, our own, and files that only look like one."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoglm_lite.errors import ModelFileError
from autoglm_lite.gguf.importance import Importance, InputSums, read_importance, write_importance
from autoglm_lite.gguf.reader import read_header
from tests.gguf.tiny import F32, U32, Tensor, Tiny, llama, numbers, single, strings, text

RECORDED = Path(__file__).parents[1] / "data" / "imatrix"
GATE = "blk.0.ffn_gate_exps.weight"


def matrix(squares: list[float], counts: list[float], name: str = "blk.0.attn_q.weight") -> Tiny:
    def tensor(suffix: str, values: list[float]) -> Tensor:
        return Tensor(name.encode() + suffix.encode(), [len(values)], 0, struct.pack(f"<{len(values)}f", *values))

    entries = [
        text("general.type", "imatrix"),
        strings("imatrix.datasets", ["a.txt"]),
        single("imatrix.chunk_count", U32, 3),
        single("imatrix.chunk_size", U32, 512),
    ]
    return Tiny(entries, [tensor(".in_sum2", squares), tensor(".counts", counts)])


def test_both_forms_of_llama_imatrix_say_the_same() -> None:
    new = read_importance(RECORDED / "mixtral.imatrix.gguf")
    old = read_importance(RECORDED / "mixtral.imatrix.dat")
    assert (new.datasets, new.n_chunks) == (old.datasets, old.n_chunks) == (("text.txt",), 3)
    assert new.weights.keys() == old.weights.keys()
    assert len(new.weights) == 16
    assert new.weights[GATE].shape == (4 * 64,)
    for name, values in new.weights.items():
        assert values.dtype == np.float32
        assert np.allclose(values, old.weights[name], rtol=1e-6)


@pytest.mark.parametrize("kind", ["llama", "mixtral"])
def test_what_is_written_is_llama_imatrix_to_the_byte(kind: str) -> None:
    path = RECORDED / f"{kind}.imatrix.gguf"
    header = read_header(path)
    data = path.read_bytes()
    found = {}
    for tensor in header.tensors:
        values = np.frombuffer(data, "<f4", tensor.n_values, header.data_offset + tensor.offset)
        found[tensor.name] = values.reshape(tensor.shape[::-1])
    sums = {
        name.removesuffix(".counts"): InputSums(
            found[name.replace(".counts", ".in_sum2")].reshape(values.size, -1), values.ravel().astype(np.int64)
        )
        for name, values in found.items()
        if name.endswith(".counts")
    }
    file = io.BytesIO()
    write_importance(file, sums, dataset="text.txt", n_chunks=3, chunk_size=128)
    assert file.getvalue() == data


def test_means_are_made_as_llama_quantize_makes_them(tmp_path: Path) -> None:
    """Sums divided by the rounded count in F32; ones where an expert saw no token."""
    path = matrix([1, 2, 3, 4, 5, 6], [3.4, 0.0, 7.0]).write(tmp_path / "m.gguf")
    found = read_importance(path)
    expected = np.array([1, 2, 1, 1, 5, 6], np.float32) / np.array([3, 3, 1, 1, 7, 7], np.float32)
    assert found.weights["blk.0.attn_q.weight"].tolist() == expected.tolist()
    assert (found.datasets, found.n_chunks, found.path) == (("a.txt",), 3, path)


@given(
    st.dictionaries(
        st.from_regex(r"blk\.\d{1,2}\.[a-z_]{1,12}\.weight", fullmatch=True),
        st.tuples(st.integers(1, 5), st.integers(1, 40), st.integers(0, 2**32 - 1)),
        min_size=1,
        max_size=6,
    )
)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, shapes: dict[str, tuple[int, ...]]) -> None:
    sums = {}
    for name, (n_matrices, n_columns, seed) in shapes.items():
        random = np.random.default_rng(seed)
        squares = random.random((n_matrices, n_columns)).astype(np.float32) * 1000
        sums[name] = InputSums(squares, random.integers(1, 1 << 20, n_matrices))
    path = tmp_path_factory.mktemp("written") / "m.gguf"
    with path.open("wb") as file:
        write_importance(file, sums, dataset="书.txt", n_chunks=7, chunk_size=64)
    found = read_importance(path)
    assert (found.datasets, found.n_chunks) == (("书.txt",), 7)
    assert found.weights.keys() == sums.keys()
    for name, values in found.weights.items():
        expected = sums[name].squares / sums[name].counts[:, None].astype(np.float32)
        assert values.tolist() == expected.ravel().tolist()


@pytest.mark.parametrize(
    ("squares", "counts", "said"),
    [
        ([1, 2, 3], [1, 1], "3 sums for 2 counts"),
        ([1, float("nan")], [1], "no sum of squares"),
        ([1, -1], [1], "no sum of squares"),
        ([1, float("inf")], [1], "no sum of squares"),
        ([1, 2], [float("nan")], "no counts"),
        ([1, 2], [-1], "no counts"),
        ([1, 2], [1e30], "no counts"),
    ],
)
def test_impossible_numbers_are_refused(tmp_path: Path, squares: list[float], counts: list[float], said: str) -> None:
    with pytest.raises(ModelFileError, match=said):
        read_importance(matrix(squares, counts).write(tmp_path / "m.gguf"))


def test_halves_are_refused(tmp_path: Path) -> None:
    tiny = matrix([1], [1])
    tiny.tensors = tiny.tensors[:1]
    with pytest.raises(ModelFileError, match="sums or counts only"):
        read_importance(tiny.write(tmp_path / "m.gguf"))
    tiny.tensors = []
    with pytest.raises(ModelFileError, match="no importance of any weight"):
        read_importance(tiny.write(tmp_path / "m.gguf"))


def test_other_types_are_refused(tmp_path: Path) -> None:
    tiny = matrix([1, 2], [1])
    tiny.tensors[0].type, tiny.tensors[0].data = 1, bytes(4)
    with pytest.raises(ModelFileError, match="not F32"):
        read_importance(tiny.write(tmp_path / "m.gguf"))
    tiny = matrix([1, 2], [1])
    tiny.put(numbers("imatrix.datasets", F32, [1.0]))
    with pytest.raises(ModelFileError, match="list of texts"):
        read_importance(tiny.write(tmp_path / "m.gguf"))


@pytest.mark.parametrize("content", [b"", b"GG", b"\1\0\0\0", b"some text, long enough to hold a number", bytes(100)])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"no importance matrix.*autoglm-lite imatrix"):
        read_importance(path)


def test_a_model_a_folder_and_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="no importance matrix"):
        read_importance(llama().write(tmp_path / "model.gguf"))
    with pytest.raises(ModelFileError, match="is a folder"):
        read_importance(tmp_path)
    with pytest.raises(ModelFileError, match="no file"):
        read_importance(tmp_path / "missing")


@pytest.mark.parametrize("name", ["llama.imatrix.gguf", "mixtral.imatrix.dat"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(st.data())
def test_damage_is_survived(tmp_path: Path, name: str, data: st.DataObject) -> None:
    """Whatever is cut, changed or put in: an importance matrix of finite numbers, or one sentence."""
    content = bytearray((RECORDED / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, min(len(content), 3000)))
        new = data.draw(st.binary(max_size=8))
        content[place : place + data.draw(st.integers(0, 8))] = new
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    path = tmp_path / "damaged"
    path.write_bytes(content)
    try:
        found = read_importance(path)
    except ModelFileError:
        return
    assert isinstance(found, Importance)
    assert all(np.isfinite(values).all() and values.size for values in found.weights.values())
