"""Sums of inputs against llama-imatrix's own, recorded (tests/data/imatrix/README.md)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from autoglm_lite.engine.inputs import collect_inputs
from autoglm_lite.engine.reader import Stop
from autoglm_lite.errors import AutoglmError, UsageError
from autoglm_lite.gguf.importance import InputSums, read_importance
from autoglm_lite.gguf.reader import read_header
from autoglm_lite.measurement import Collected, InputsOf, TokensRead
from autoglm_lite.planning.plan import Plan
from tests.engine.forward import as_f32
from tests.gguf.tiny import F32, Tiny, llama, mixtral, qwen3, single

RECORDED = Path(__file__).parents[1] / "data" / "imatrix"
TEXT = (RECORDED / "text.txt").read_text(encoding="utf-8").removesuffix("\n")


def collect(model: Path, text: str = TEXT, n_ctx: int = 128) -> tuple[dict[str, InputSums], list[TokensRead], int]:
    sums, reads, n_chunks = {}, [], 0
    for event in collect_inputs(Plan(str(model), n_ctx, threads=1, threads_batch=1), text, Stop()):
        if isinstance(event, InputsOf):
            values = np.frombuffer(base64.b64decode(event.squares), "<f4").reshape(event.n_matrices, -1)
            sums[event.name] = InputSums(values, np.array(event.counts))
        elif isinstance(event, Collected):
            n_chunks = event.n_chunks
        else:
            reads.append(event)
    return sums, reads, n_chunks


@pytest.mark.parametrize("make", [llama, mixtral])
def test_sums_are_those_of_llama_imatrix(make: Callable[[], Tiny], tmp_path: Path) -> None:
    sums, reads, n_chunks = collect(as_f32(make()).write(tmp_path / "tiny.gguf"))
    path = RECORDED / f"{make.__name__}.imatrix.gguf"
    recorded, header, data = read_importance(path), read_header(path), path.read_bytes()
    assert list(sums) == sorted(recorded.weights)
    assert n_chunks == recorded.n_chunks == 3
    assert reads == [TokensRead(done, 384) for done in (0, 128, 256, 384)]
    counts = {tensor.name: tensor for tensor in header.tensors}
    for name, found in sums.items():
        tensor = counts[name + ".counts"]
        expected = np.frombuffer(data, "<f4", tensor.n_values, header.data_offset + tensor.offset)
        assert found.counts.tolist() == expected.tolist()
        means = found.squares / found.counts[:, None]
        # Kernels of other processors add in another order, and keys and values are kept in F16.
        assert np.allclose(means.ravel(), recorded.weights[name], rtol=5e-3, atol=1e-6), name


def test_smaller_batches_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = as_f32(mixtral()).write(tmp_path / "tiny.gguf")
    whole, _, _ = collect(model)
    monkeypatch.setattr("autoglm_lite.engine.reader.LOGITS_BYTES", 4 * 271 * 50)
    parts, reads, _ = collect(model)
    assert [read.done for read in reads[:4]] == [0, 42, 85, 128]
    for name, found in parts.items():
        assert found.counts.tolist() == whole[name].counts.tolist()
        assert np.allclose(found.squares, whole[name].squares, rtol=5e-3), name


def test_the_first_layer_sees_the_normalised_embeddings(tmp_path: Path) -> None:
    """By hand: the inputs of the first queries are the embeddings divided by their root mean square."""
    tiny = as_f32(qwen3())
    sums, _, _ = collect(tiny.write(tmp_path / "tiny.gguf"), "a" * 64, n_ctx=32)
    embedding = np.frombuffer(tiny.tensor("token_embd.weight").data, np.float32).reshape(-1, 64).astype(np.float64)
    row = embedding[ord("a")]
    normal = row / np.sqrt((row**2).mean() + 1e-5)
    assert np.allclose(sums["blk.0.attn_q.weight"].squares[0], 64 * normal**2, rtol=1e-4)
    assert sums["blk.0.attn_q.weight"].counts.tolist() == [64]
    assert "output.weight" not in sums
    assert "token_embd.weight" not in sums


def test_a_short_text_is_refused(tmp_path: Path) -> None:
    model = llama().write(tmp_path / "tiny.gguf")
    with pytest.raises(UsageError, match=r"252 tokens long and 512 are the least .* --ctx 126"):
        collect(model, "0" * 250, n_ctx=256)
    with pytest.raises(UsageError, match=r"give a longer text\.$"):
        collect(model, "0", n_ctx=64)


def test_a_stopped_measurement_says_so(tmp_path: Path) -> None:
    stop = Stop()
    plan = Plan(str(llama().write(tmp_path / "tiny.gguf")), 128, threads=1, threads_batch=1)
    with pytest.raises(AutoglmError, match="stopped"):
        for event in collect_inputs(plan, TEXT, stop):
            assert event != TokensRead(256, 384)
            if event == TokensRead(128, 384):
                stop.set()


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    tiny = as_f32(llama())
    tiny.put(single("llama.attention.layer_norm_rms_epsilon", F32, 1e-5))
    norm = tiny.tensor("blk.0.attn_norm.weight")
    norm.data = b"\0\0\x80\x7f" * 64
    with pytest.raises(AutoglmError, match=r"no numbers \(at blk\.0\.attn_q"):
        collect(tiny.write(tmp_path / "tiny.gguf"))
